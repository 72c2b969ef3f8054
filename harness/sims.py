"""The SIMs of an account or a product in the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.errors import CloudRefused, hides

if TYPE_CHECKING:
    from harness.cloud import Account

__tracebackhide__ = hides

ACTIVE = "active"
"""The status of a SIM that the mobile network lets in, in the REST API."""


@dataclass(frozen=True, slots=True)
class Sim:
    """A SIM as the cloud tells it. `raw` has every field of the answer."""

    iccid: str
    status: str
    """`active`, `never_before_activated`, `inactive_user_deactivated`, `inactive_data_limit_reached`, `inactive_invalid_payment_method`."""
    owner: str | None
    """Who has it; None while a product has."""
    product_id: int | None
    device_id: str | None
    """The device that it was last seen in."""
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def active(self) -> bool:
        """Whether the mobile network lets it in."""
        return self.status == ACTIVE

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Sim:
        """Read the API's own form."""
        iccid = str(raw.get("iccid") or raw.get("_id"))
        return cls(iccid, str(raw["status"]), raw.get("owner"), raw.get("product_id"), raw.get("last_device_id"), raw)


class Sims:
    """The SIMs of an account (`account.sims`), or of a product (`product.sims`).

    Whatever is asked for, the mobile network takes its time: seconds, or days (docs/cloud.md, "SIMs"). Every method raises CloudRefused
    when the cloud refuses: with status 403 a SIM that somebody else has, 404 one that is unknown, 409 one that is busy or is so already.
    """

    def __init__(self, account: Account, path: str) -> None:
        self._account = account
        self._path = path

    def all(self) -> list[Sim]:
        """All of them."""
        found: list[Sim] = []
        page = pages = 1
        while page <= pages:
            answer = self._account.request("GET", f"{self._path}?page={page}&per_page=100")
            found += map(Sim.of, answer["sims"])
            pages = int(answer.get("meta", {}).get("total_pages", 1))
            page += 1
        return found

    def find(self, iccid: str) -> Sim | None:
        """One of them by its number, or None if it is none of them."""
        try:
            answer = self._account.request("GET", f"{self._path}/{iccid}")
        except CloudRefused as error:
            if error.status in (403, 404):
                return None
            raise
        return Sim.of(answer.get("sim") or answer)

    def can_be_activated(self, number: str) -> bool:
        """Whether it is not active, and nobody's or one's own. This is for accounts."""
        try:
            self._account.request("HEAD", f"{self._path}/{number}")
        except CloudRefused:
            return False
        return True

    def of_serial_number(self, serial_number: str) -> str | None:
        """The number of the SIM that is built into the device of a serial number; None: it has none, or a plastic one."""
        found = self._account.request("GET", f"/v1/serial_numbers/{serial_number}").get("iccid")
        return None if found is None else str(found)

    def status(self, iccid: str) -> str:
        """The status of one, in words; "unknown" if it is none of them."""
        sim = self.find(iccid)
        return "unknown" if sim is None else sim.status

    def is_active(self, iccid: str) -> bool:
        """Whether it is one of them, and the mobile network lets it in."""
        sim = self.find(iccid)
        return sim is not None and sim.active

    def activate(self, number: str) -> None:
        """Take a SIM of nobody's, or one's own, and have it activated: by its number, or (built in) by its device's serial number.

        This is for accounts; a product has SIMs activated by importing them, or the devices around them.
        """
        self._order(number, "activate")

    def deactivate(self, iccid: str) -> None:
        """Have an active one deactivated; it stays whose it is."""
        self._order(iccid, "deactivate")

    def reactivate(self, iccid: str) -> None:
        """Have a deactivated one activated again."""
        self._order(iccid, "reactivate")

    def release(self, iccid: str) -> None:
        """Give one up: it is deactivated, and anybody may activate it then."""
        self._account.change("DELETE", f"{self._path}/{iccid}", what=f"release SIM {iccid}")

    def _order(self, number: str, action: str) -> None:
        self._account.change("PUT", f"{self._path}/{number}", json={"action": action}, what=f"{action} SIM {number}")
