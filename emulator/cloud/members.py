"""Product membership: adding devices, removing them, and looking at them.

Devices are added by id, serial number, IMEI or ICCID, one or many, mostly before they are ever online. Each entry of a list is judged by
itself; one that does not fit spoils nothing for the others. Membership changes neither the owner nor (but for the automatic activation
of a built-in SIM) the SIM. One exception: a device that is removed from a product is taken from its owner, if that is a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from emulator.cloud.access import Principal
from emulator.cloud.accounts import Accounts
from emulator.cloud.claims import Claims
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import DeviceNotInProduct, Invalid
from emulator.cloud.gate import Gate
from emulator.cloud.quarantine import Quarantine
from emulator.cloud.records import Device, Owner, OwnerKind, Product
from emulator.cloud.usage import Limits


@dataclass(slots=True)
class Imported:
    """What became of each entry. Ids of devices, but `invalid` holds entries as they were given."""

    updated: list[str] = field(default_factory=list)
    """Members since now."""
    existing: list[str] = field(default_factory=list)
    """Members before."""
    nonmember: list[str] = field(default_factory=list)
    """Owned by somebody who is not in the team."""
    invalid: list[str] = field(default_factory=list)
    """Unknown, of another platform, or in another product."""
    protected: list[str] = field(default_factory=list)
    """Protected devices of somebody else."""


class Members:
    """The devices of products."""

    def __init__(
        self,
        core: Core,
        gate: Gate,
        accounts: Accounts,
        devices: Devices,
        claims: Claims,
        limits: Limits,
        quarantine: Quarantine,
    ) -> None:
        self._core = core
        self._gate = gate
        self._accounts = accounts
        self._devices = devices
        self._claims = claims
        self._limits = limits
        self._quarantine = quarantine
        self.bring_sim: Callable[[Device, Product], None]
        """Called inside the transaction when a device becomes a member and its SIM shall come along."""
        self.joined: Callable[[Device, Product], None]
        """Called inside the transaction when a device became a member."""
        self.refresh: Callable[[Device], None]
        """Called when a device that is connected has to be looked at: it became a member."""
        self.regrouped: Callable[[Device], None]
        """Called when a member's groups, and so perhaps the version it should run, are others than before."""
        quarantine.join = self.join
        quarantine.has_room = limits.takes

    def add(
        self,
        who: Principal,
        given: str | int,
        entries: Iterable[str],
        *,
        import_sims: bool = True,
        claim_user: str | None = None,
    ) -> Imported:
        """Add devices to a product, or approve those that wait in its quarantine.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
            Invalid: `claim_user` is not in the team.
            DeviceLimitReached: the plan has no room for all of them; none is added.
        """
        product = self._gate.product(who, given, "devices:import")
        owner = self._claim_user(product, claim_user)
        imported = Imported()
        joined: list[Device] = []
        with self._core.change():
            before = self._limits.free_devices(product.owner_id)
            for entry in entries:
                device = self._judge(product, entry, imported)
                if device is not None:
                    joined.append(self._add(device, product, owner, import_sims=import_sims))
            if self._limits.free_devices(product.owner_id) > before:
                self._limits.check(product.owner_id)
        for device in joined:
            self.refresh(device)
        return imported

    def remove(self, who: Principal, given: str | int, device_id: str) -> None:
        """Take a device out of a product: it is nobody's product device any more. A customer's device becomes unclaimed, too.

        Raises:
            DeviceNotInProduct: neither a member nor on the list of quarantined and denied devices.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "devices:remove")
        device = self._devices.in_product(product, device_id)
        with self._core.change():
            if device.product_id != product.id:
                self._quarantine.forget(device, product)
                return
            device = self._claims.leave_product(device)
            self._devices.alter(device, product_id=None, groups=(), development=False, desired_firmware_version=None)
            self._quarantine.removed(device, product)

    def deny(self, who: Principal, given: str | int, device_id: str) -> None:
        """Keep a quarantined device out of the product. It stays on the list, and can be approved later.

        Raises:
            DeviceNotInProduct: it does not wait in quarantine.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "devices:remove")
        entry = self._quarantine.entry(product.id, device_id.lower())
        if entry is None:
            raise DeviceNotInProduct(device_id, product.id)
        self._quarantine.deny(entry)

    def edit_groups(
        self,
        who: Principal,
        given: str | int,
        device_ids: Sequence[str],
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> list[Device]:
        """Put members into groups and take them out of others, many at once.

        Raises:
            DeviceNotInProduct: one of them is not a member; none is changed.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "devices:update")
        away = frozenset(remove)
        added = tuple(add)
        changed = []
        with self._core.change():
            for device_id in device_ids:
                device = self.member(product, device_id)
                kept = tuple(group for group in device.groups if group not in away)
                groups = kept + tuple(group for group in added if group not in kept)
                changed.append(self._devices.alter(device, groups=groups))
        for device in changed:
            self.regrouped(device)
        return changed

    def member(self, product: Product, device_id: str) -> Device:
        """A member of a product.

        Raises:
            DeviceNotInProduct: not one.
        """
        device = self._devices.by_id(device_id)
        if device is None or device.product_id != product.id:
            raise DeviceNotInProduct(device_id, product.id)
        return device

    def join(self, device: Device, product: Product, *, import_sim: bool = True) -> Device:
        """Make a device a member, whatever the rules; who calls has asked them."""
        with self._core.change():
            self._quarantine.forget(device, product)
            device = self._devices.alter(device, product_id=product.id)
            self.joined(device, product)
            if import_sim:
                self.bring_sim(device, product)
        return device

    def take_along(self, product: Product, device: Device) -> Device | None:
        """A SIM was imported: its device becomes a member, too, if it could be added, was not denied, and the plan has room.

        None: it does not.
        """
        if self._judge(product, device.id, Imported()) is None or not self._limits.takes(product, device):
            return None
        if self._quarantine.denied(device, product):
            return None
        return self.join(device, product)

    def join_by_code(self, device: Device, product_id: int) -> Device | None:
        """A device brought a claim code of a product's customer: it becomes a member.

        None: it does not fit, the plan has no room, or it waits in quarantine, or was denied or removed, and only the team can approve it.
        """
        product = self._gate.find_product(product_id)
        if product is None or device.platform_id != product.platform_id or device.protected:
            return None
        if not self._limits.takes(product, device):
            return None
        if self._quarantine.entry(product.id, device.id) is not None or self._quarantine.denied(device, product):
            return None
        return self.join(device, product)

    def find(self, entry: str) -> Device | None:
        """The device of an id, serial number, IMEI or ICCID."""
        devices, text = self._devices, entry.strip()
        return (
            devices.by_id(text)
            or devices.table.first(devices.by_serial, text.upper())
            or devices.table.first(devices.by_imei, text)
            or devices.table.first(devices.by_iccid, text)
        )

    def _add(self, device: Device, product: Product, owner: Owner | None, *, import_sims: bool) -> Device:
        device = self.join(device, product, import_sim=import_sims)
        if owner is not None and device.owner is None:
            device = self._claims.give(device, owner)
        return device

    def _judge(self, product: Product, entry: str, imported: Imported) -> Device | None:
        """Sort one entry; gives the device if it shall join."""
        device = self.find(entry)
        if device is None or device.platform_id != product.platform_id or device.product_id not in (None, product.id):
            imported.invalid.append(entry)
        elif device.product_id == product.id:
            imported.existing.append(device.id)
        elif device.protected:
            imported.protected.append(device.id)
        elif not self._ours(device, product):
            imported.nonmember.append(device.id)
        else:
            imported.updated.append(device.id)
            return device
        return None

    def _ours(self, device: Device, product: Product) -> bool:
        owner = device.owner
        return owner is None or (owner.kind is OwnerKind.USER and self._gate.in_team(owner.id, product))

    def _claim_user(self, product: Product, username: str | None) -> Owner | None:
        if username is None:
            return None
        user = self._accounts.find(username)
        if user is None or not self._gate.in_team(user.id, product):
            raise Invalid("claim_user", username, "must be in the product's team")
        return Owner(OwnerKind.USER, user.id)


def parse_entries(text: str) -> list[str]:
    """The entries of an uploaded list: one a line, whatever the line ends, blank lines and spaces aside."""
    return [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()]
