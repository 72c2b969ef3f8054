"""Claiming: making somebody the owner of a device, and ending that.

A claim by id is checked in this order: is there an id; is it one of a device; is the caller the owner already (then nothing happens);
is somebody else (then a transfer may be asked for); is the device online, or in a product whose team the caller belongs to; is there
room in the caller's plan. Nothing but the owner (and, where it would collide, the name) changes: product membership, SIM, firmware and
connection stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.cloud.access import Kind, Principal
from emulator.cloud.connections import Connections
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, owner_of
from emulator.cloud.errors import (
    ClaimIdMissing,
    DeviceForbidden,
    DeviceNotInProduct,
    NotOnline,
    OwnedByOther,
    PermissionDenied,
    ScopeRefused,
)
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Owner, OwnerKind
from emulator.cloud.transfers import Transfer, Transfers
from emulator.cloud.usage import Limits


@dataclass(frozen=True, slots=True)
class Claimed:
    """The device is the caller's, from now on or since before."""

    device: Device
    connected: bool


class Claims:
    """Sets and clears the owner of devices."""

    def __init__(
        self,
        core: Core,
        gate: Gate,
        devices: Devices,
        connections: Connections,
        limits: Limits,
        transfers: Transfers,
    ) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._connections = connections
        self._limits = limits
        self._transfers = transfers

    def claim(self, who: Principal, given: str | None, *, request_transfer: bool = False) -> Claimed | Transfer:
        """Claim a device by its id, or ask its owner for it.

        Raises:
            ClaimIdMissing, DeviceUnknown, OwnedByOther, NotOnline, DeviceLimitReached: in this order, see above.
            DeviceForbidden: a customer names a device outside its product, or one that waits in quarantine.
            PermissionDenied, ScopeRefused: programs own no devices.
        """
        owner = _claimer(who)
        if not given:
            raise ClaimIdMissing
        device = self._devices.claimable(given)
        connected = self._connections.online(device.id)
        if device.owner == owner:
            return Claimed(device, connected)
        if device.owner is not None and not request_transfer:
            raise OwnedByOther(device.id)
        if who.kind is Kind.CUSTOMER and device.product_id != who.product_id:
            raise DeviceForbidden(given)
        if device.owner is not None:
            return self._transfers.request(device, owner, who.username)
        if not connected and not self._may_claim_offline(who, device):
            raise NotOnline(device.id)
        return Claimed(self.give(device, owner), connected)

    def unclaim(self, who: Principal, given: str) -> Device:
        """The owner gives a device up. It may be offline, and hears nothing of it.

        Raises:
            DeviceForbidden: unknown, or not the caller's own.
        """
        device = self._devices.reach(who, given, "devices:release")
        if not device.owned_by(owner_of(who)):
            raise DeviceForbidden(given)
        return self.take(device)

    def release(self, who: Principal, product: str | int, given: str) -> Device:
        """The team takes the owner off a member of its product, whoever that is.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
            DeviceNotInProduct: not a member.
        """
        record = self._gate.product(who, product, "devices:release")
        device = self._devices.in_product(record, given)
        if device.product_id != record.id:
            raise DeviceNotInProduct(given, record.id)
        return self.take(device)

    def give(self, device: Device, owner: Owner) -> Device:
        """Make somebody the owner. The owner's free plan must have room, unless a product carries the device.

        Raises:
            DeviceLimitReached: it has none.
        """
        if owner.kind is OwnerKind.USER and device.product_id is None:
            self._limits.check(owner.id, more=1)
        name = device.name
        if name is not None:
            name = self._devices.free_name(owner, name)
        with self._core.change():
            self._transfers.forget(device.id)
            return self._devices.alter(device, owner=owner, name=name)

    def take(self, device: Device) -> Device:
        """Make it nobody's. Without an owner, nothing happens."""
        if device.owner is None:
            return device
        with self._core.change():
            self._transfers.forget(device.id)
            return self._devices.alter(device, owner=None)

    def leave_product(self, device: Device) -> Device:
        """A device leaves its product: a customer loses it, and customers ask for it no more."""
        with self._core.change():
            self._transfers.forget(device.id, OwnerKind.CUSTOMER)
            return self.take(device) if device.owner is not None and device.owner.kind is OwnerKind.CUSTOMER else device

    def release_all(self, owner: Owner) -> None:
        """Take an owner, who is about to go, off all devices; those it asked others for are asked for no more."""
        with self._core.change():
            self._transfers.withdraw(owner)
            for device in self._devices.table.where(self._devices.by_owner, owner):
                self.take(device)

    def _may_claim_offline(self, who: Principal, device: Device) -> bool:
        """Whether the device is in a product where the caller may claim."""
        product = self._gate.find_product(device.product_id)
        return product is not None and self._gate.may(who, product, "devices:claim")


def _claimer(who: Principal) -> Owner:
    owner = owner_of(who)
    if owner is None:
        raise ScopeRefused("devices:claim") if who.kind is Kind.API_USER else PermissionDenied("a product owns no devices; claim as a user")
    return owner
