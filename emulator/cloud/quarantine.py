"""Where a device belongs when it says Hello: a product's member, waiting in its quarantine, denied, or none of its business.

Two numbers meet: the product the cloud has the device in, and the product the firmware names. Firmware of Device OS 4 and later names
none (whatever it says is read as the wildcard), so such a device is never quarantined, nor let in by itself: it has to be added before.
The wildcard (product id = platform id) says no more than "some product"; without one in the cloud it means a developer device.

A device that was removed from a product and still runs its firmware comes back as denied. Firmware that names no product, or another
one, takes a device off the list: at the moment it is online with it, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, Listed
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, OwnerKind, Product

NO_QUARANTINE_SINCE = 4000
"""System module version of Device OS 4.0.0."""
WILDCARD_SINCE = 1500
"""System module version of Device OS 1.5.0."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The memory that a device was taken out of a product."""

    product_id: int
    device_id: str

    @property
    def key(self) -> str:
        """Product and device."""
        return f"{self.product_id}:{self.device_id}"


def named_product(device: Device) -> int | None:
    """The product that a device's firmware names explicitly, if that counts under its Device OS."""
    named = device.firmware_product_id
    if named is None or named == device.platform_id or (device.system_version or 0) >= NO_QUARANTINE_SINCE:
        return None
    return named


def product_version(device: Device) -> int | None:
    """The version of its product's firmware that a member runs; None: its firmware is another product's, or generic.

    Before 1.5 there was no wildcard: a product id equal to the platform id is then just what every firmware has (the choice made here).
    """
    named = device.firmware_product_id
    if named is None or (named == device.platform_id and (device.system_version or WILDCARD_SINCE) < WILDCARD_SINCE):
        return None
    if named_product(device) not in (None, device.product_id):
        return None
    return device.firmware_version


class Quarantine:
    """The lists of devices that are not members of a product, but say they are."""

    def __init__(self, core: Core, gate: Gate, devices: Devices) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._removals = core.state.table("removals", Removal, lambda removal: removal.key)
        self._removals_of = self._removals.index(lambda removal: removal.device_id)
        self._entries_of = devices.listed.index(lambda listed: listed.device_id)
        self.join: Callable[[Device, Product], Device]
        """How a device becomes a member; the members' room says so."""
        self.has_room: Callable[[Product, Device], bool]
        """Whether a product's plan takes a device as another member."""

    def entries(self, device_id: str) -> list[Listed]:
        """The lists that a device is on."""
        return self._devices.listed.where(self._entries_of, device_id)

    def entry(self, product_id: int, device_id: str) -> Listed | None:
        """A device's place on the list of one product."""
        return self._devices.listed.get(f"{product_id}:{device_id}")

    def held(self, device: Device) -> bool:
        """Whether a device is on any list: then no product brings it firmware."""
        return self._entries_of.first(device.id) is not None

    def denied(self, device: Device, product: Product) -> bool:
        """Whether a device is kept out of a product: it was denied, or removed, and still runs the product's firmware."""
        entry = self.entry(product.id, device.id)
        removed = f"{product.id}:{device.id}" in self._removals and named_product(device) == product.id
        return removed if entry is None else entry.denied

    def place(self, device: Device) -> Device:
        """Settle where a device belongs, after its Hello."""
        named = named_product(device)
        with self._core.change():
            for entry in self.entries(device.id):
                if entry.product_id != named:
                    self._devices.listed.remove(entry.key)
            if named is None:
                self._forget_removals(device.id)
                return device
            product = self._gate.find_product(named)
            if product is None or product.platform_id != device.platform_id or device.product_id == product.id:
                return device
            return self._arrive(device, product)

    def removed(self, device: Device, product: Product) -> None:
        """A device was taken out of a product."""
        with self._core.change():
            self._removals.put(Removal(product.id, device.id))

    def forget(self, device: Device, product: Product) -> None:
        """Nothing is held against a device any more: it becomes a member, or its entry is deleted."""
        with self._core.change():
            self._devices.listed.remove(f"{product.id}:{device.id}")
            self._removals.remove(f"{product.id}:{device.id}")

    def deny(self, entry: Listed) -> Listed:
        """Keep a device out; it stays on the list."""
        with self._core.change():
            return self._devices.listed.put(Listed(entry.product_id, entry.device_id, denied=True, since=entry.since))

    def _arrive(self, device: Device, product: Product) -> Device:
        entry = self.entry(product.id, device.id)
        if entry is not None and entry.denied:
            return device
        denied = f"{product.id}:{device.id}" in self._removals
        if not denied and not product.quarantine and device.product_id is None and self._welcome(device, product):
            return self.join(device, product)
        if entry is None:
            self._devices.listed.put(Listed(product.id, device.id, denied=denied, since=self._core.now()))
        return device

    def _welcome(self, device: Device, product: Product) -> bool:
        """Auto-approval is for devices that are nobody's, or a team member's; a full plan lets in what it counts already."""
        owner = device.owner
        ours = owner is None or (owner.kind is OwnerKind.USER and self._gate.in_team(owner.id, product))
        return ours and self.has_room(product, device)

    def _forget_removals(self, device_id: str) -> None:
        for key in self._removals_of.keys(device_id):
            self._removals.remove(key)
