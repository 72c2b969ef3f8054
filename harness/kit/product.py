"""A product from its team's side: its devices, versions, groups, SIMs and customers."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.cloud import Account, CloudDevice
from harness.errors import Blame, HarnessError
from harness.hiding import hides
from harness.kit.customer import Customer
from harness.kit.firmware import Firmware, product_firmware
from harness.kit.webhook import Webhook
from harness.loading import load
from harness.sims import Sims
from harness.waiting import wait_for
from particle_protocol.platforms import platform_by_name

if TYPE_CHECKING:
    from pathlib import Path

    from harness.cloud_events import EventStream

__tracebackhide__ = hides


UPDATE_TIMEOUT = 600.0
"""Seconds: a large application over a slow network."""


class Standing(enum.StrEnum):
    """What a device may be to a product."""

    MEMBER = "member"
    QUARANTINED = "quarantined"
    DENIED = "denied"
    NOTHING = "nothing"


class Product:
    """One product, seen by `account`, which is in its team.

    Every method raises CloudRefused when the cloud refuses, with its words; a change in a real cloud raises ChangesNotAllowed unless
    that was allowed. Devices are named by id, or by name within the product.
    """

    def __init__(self, account: Account, product_id: int, slug: str, platform_id: int) -> None:
        self.account = account
        self.id = product_id
        self.slug = slug
        self.platform_id = platform_id
        self.sims = Sims(account, f"/v1/products/{product_id}/sims")
        """Its SIMs."""

    @classmethod
    def create(cls, account: Account, name: str, platform: str, *, organization: str = "", **settings: Any) -> Product:
        """Make a product for boards of a platform, by its name such as `boron`: in the account's sandbox, or in an organization.

        Args:
            account: whose product it is.
            name: what it is called; its slug follows from that.
            platform: of its boards.
            organization: the slug of an organization that the account administers.
            **settings: as the REST API has them: `quarantine=False` has it take unknown devices by itself.

        Raises:
            UnknownPlatform: there is no such platform.
        """
        wanted = {"product": {"name": name, "platform_id": platform_by_name(platform).id, "settings": settings}}
        path = f"/v1/orgs/{organization}/products" if organization else "/v1/user/products"
        answer = account.change("POST", path, json=wanted, what=f"create product {name!r}")
        return cls._of(account, answer["product"])

    @classmethod
    def find(cls, account: Account, product: str | int) -> Product:
        """The product of that id or slug, which the account has to be in the team of."""
        answer = account.request("GET", f"/v1/products/{product}")["product"]
        return cls._of(account, answer[0] if isinstance(answer, list) else answer)

    @classmethod
    def all(cls, account: Account) -> list[Product]:
        """The products that the account is in the team of, those of organizations apart."""
        return [cls._of(account, raw) for raw in account.request("GET", "/v1/user/products")["products"]]

    @classmethod
    def _of(cls, account: Account, raw: dict[str, Any]) -> Product:
        return cls(account, int(raw["id"]), str(raw["slug"]), int(raw["platform_id"]))

    def __str__(self) -> str:
        return f"product {self.slug} ({self.id})"

    def devices(self) -> list[CloudDevice]:
        """Its devices, those in quarantine included."""
        found: list[CloudDevice] = []
        page = pages = 1
        while page <= pages:
            answer = self._ask("GET", f"/devices?page={page}&perPage=100")
            found += [CloudDevice.of(raw) for raw in answer["devices"]]
            pages = int(answer.get("meta", {}).get("total_pages", 1))
            page += 1
        return found

    def device(self, device: str) -> CloudDevice:
        """One of its devices."""
        return CloudDevice.of(self._ask("GET", f"/devices/{device}"))

    def standing(self, device_id: str) -> Standing:
        """What a device is to it, as its list of devices has it."""
        listed = self._ask("GET", f"/devices?deviceId={device_id}")["devices"]
        if not listed:
            return Standing.NOTHING
        return Standing.DENIED if listed[0].get("denied") else Standing.QUARANTINED if listed[0].get("quarantined") else Standing.MEMBER

    def add_devices(self, *device_ids: str) -> None:
        """Add devices by id: before they were ever online (a tray), or out of quarantine.

        Raises:
            HarnessError: the cloud took some and not others; names those it did not take, and why.
        """
        answer = self._change("POST", "/devices", f"add {len(device_ids)} devices", json={"ids": list(device_ids)})
        refused = {why: names for why, names in answer.items() if why.endswith("DeviceIds") and why != "updatedDeviceIds" and names}
        if refused:
            told = "; ".join(f"{why.removesuffix('DeviceIds')}: {', '.join(map(str, names))}" for why, names in refused.items())
            raise HarnessError(f"{self} did not take every device", seen=told, blame=Blame.CLOUD)

    def remove_device(self, device: str, *, deny: bool = False) -> None:
        """Remove a device; `deny` keeps one out that waits in quarantine."""
        self._change("DELETE", f"/devices/{device}", f"remove device {device}", json={"deny": True} if deny else None)

    def unclaim(self, device: str) -> None:
        """Take a device from its owner, whoever that is; it stays in the product."""
        self._change("DELETE", f"/devices/{device}/owner", f"unclaim device {device}")

    def empty(self) -> None:
        """Remove every device, from another owner first: a device is in one product at most, and may be wanted in another."""
        for device in self.devices():
            if device.owner not in (None, self.account.username):
                self.unclaim(device.id)
            self.remove_device(device.id)

    def call(self, device: str, function: str, argument: str = "") -> int:
        """Call a function of a device's application."""
        path = f"/v1/products/{self.id}/devices/{device}/{function}"
        return int(self.account.talk("POST", path, json={"arg": argument})["return_value"])

    def read(self, device: str, variable: str) -> Any:
        """The value of a variable of a device's application."""
        return self._ask("GET", f"/devices/{device}/{variable}")["result"]

    def events(self, prefix: str = "", *, device: str = "") -> EventStream:
        """The events of its devices (or of one) whose names begin with `prefix`, from this moment on; a context manager."""
        place = f"/v1/products/{self.id}" + (f"/devices/{device}" if device else "") + "/events"
        return self.account.cloud.open_events(place + (f"/{quote(prefix, safe='')}" if prefix else ""), self.account.token)

    def webhook(self, event: str, url: str, **settings: Any) -> Webhook:
        """Make a webhook for the events of its devices; see `Webhook.create`."""
        return Webhook.create(self.account, event, url, path=f"/v1/products/{self.id}/integrations", **settings)

    def firmware(self, application: bytes | str | Path, version: int) -> bytes:
        """An application with this product's PRODUCT_ID and a PRODUCT_VERSION set in it."""
        return product_firmware(application, self.id, version)

    def upload(self, image: bytes | str | Path, version: int, *, title: str = "") -> Firmware:
        """Upload a version, or the file of that path. Its number has to be the one in the image.

        Raises:
            ImageRefused: the file cannot be read.
        """
        answer = self.account.change(
            "POST",
            f"/v1/products/{self.id}/firmware",
            form={"version": str(version), "title": title or f"version {version}"},
            files={"file": ("firmware.bin", load(image)[1])},
            what=f"upload version {version} to {self}",
        )
        return Firmware.of(answer)

    def versions(self) -> list[Firmware]:
        """The versions there are, the highest first."""
        return [Firmware.of(raw) for raw in self._ask("GET", "/firmware")]

    def release(self, version: int, *, groups: Sequence[str] = (), intelligent: bool = False) -> None:
        """Release a version to groups, or (none) to all; `intelligent` reaches devices that are online at once."""
        body: dict[str, Any] = {"version": version, "product_default": not groups, "intelligent": intelligent}
        if groups:
            body["groups"] = list(groups)
        self._change("PUT", "/firmware/release", f"release version {version}", json=body)

    def wait_for_version(self, device: str, version: int, *, timeout: float = UPDATE_TIMEOUT) -> CloudDevice:
        """Let time pass until a device is online with a version, as it says itself; gives it as the cloud has it then.

        Raises:
            NotReached: not within `timeout` seconds; tells what it runs, and whether it is online.
        """
        seen: list[CloudDevice] = []

        def look() -> CloudDevice | None:
            seen[:] = [self.device(device)]
            return seen[0] if seen[0].online and seen[0].raw.get("firmware_version") == version else None

        return wait_for(
            self.account.cloud.clock,
            look,
            timeout=timeout,
            awaited=f"device {device} to run version {version} of {self}",
            seen=lambda: f"version {seen[0].raw.get('firmware_version')}, {'online' if seen[0].online else 'offline'}",
        )

    def lock(self, device: str, version: int, *, flash: bool = False) -> None:
        """Lock a device to a version; `flash` sends it now."""
        self._update(device, f"lock device {device} to version {version}", {"desired_firmware_version": version, "flash": flash})

    def unlock(self, device: str) -> None:
        """Let a device have what is released to it again."""
        self._update(device, f"unlock device {device}", {"desired_firmware_version": None})

    def mark_development(self, device: str, *, development: bool = True) -> None:
        """Mark a device as a development device, which gets no released firmware."""
        self._update(device, f"mark device {device}", {"development": development})

    def set_groups(self, device: str, *groups: str) -> None:
        """Have a device in these groups and no others; one that there is not yet is made."""
        self._update(device, f"set the groups of device {device}", {"groups": list(groups)})

    def create_group(self, name: str) -> None:
        """Make a group."""
        self._change("POST", "/groups", f"create group {name!r}", json={"name": name})

    def import_sims(self, *iccids: str) -> None:
        """Take SIMs into the product, where they are activated; the devices around them come along."""
        self._change("POST", "/sims", f"import {len(iccids)} SIMs", json={"sims": list(iccids)})

    def invite(self, username: str, *, role: str = "Developer") -> None:
        """Invite somebody to the team."""
        self._change("POST", "/team", f"invite {username}", json={"username": username, "role": role})

    def sign_up(self, email: str, password: str) -> Customer:
        """Sign a customer up, with a client of this product's made for it."""
        return Customer.sign_up(self.account.cloud, self.id, email, password, self.client(f"kit {email}"))

    def client(self, name: str = "app") -> tuple[str, str]:
        """A new OAuth client, such as the product's app carries: its id and its secret."""
        made = self._change("POST", "/clients", "create an OAuth client", json={"name": name, "type": "installed"})["client"]
        return str(made["id"]), str(made["secret"])

    def delete_customer(self, email: str) -> None:
        """Delete a customer, whose devices are nobody's then."""
        self._change("DELETE", f"/customers/{email}", f"delete customer {email}")

    def customers(self) -> list[str]:
        """The e-mail addresses of its customers."""
        return [str(each.get("username") or each.get("email")) for each in self._ask("GET", "/customers")["customers"]]

    def _update(self, device: str, what: str, body: dict[str, Any]) -> None:
        self._change("PUT", f"/devices/{device}", what, json=body)

    def _ask(self, method: str, path: str) -> Any:
        return self.account.request(method, f"/v1/products/{self.id}{path}")

    def _change(self, method: str, path: str, what: str, *, json: Any = None) -> Any:
        return self.account.change(method, f"/v1/products/{self.id}{path}", json=json, what=f"{what} in {self}")
