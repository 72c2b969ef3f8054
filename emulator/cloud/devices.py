"""Devices: finding them, listing them, and the few facts their owner may change.

Finding: an id is 24 hex digits in any case, and always whole (every bit of it counts). A developer may also say the name of an own device.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.cloud.access import Kind, Principal
from emulator.cloud.core import Core
from emulator.cloud.errors import DeviceForbidden, DeviceNotInProduct, DeviceUnknown, Invalid, NameTaken, ScopeRefused, SerialUnknown
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Owner, OwnerKind, Product

_DEVICE_ID = re.compile(r"[0-9a-fA-F]{24}")
MAX_NAME = 128
MAX_NOTES = 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A device on a product's list of devices that are not members: quarantined, or denied."""

    product_id: int
    device_id: str
    denied: bool
    since: float

    @property
    def key(self) -> str:
        """Product and device."""
        return f"{self.product_id}:{self.device_id}"


class Devices:
    """Every device that was ever manufactured."""

    def __init__(self, core: Core, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        state = core.state
        self.table = state.table("devices", Device, lambda device: device.id)
        self.listed = state.table("quarantine", Listed, lambda listed: listed.key)
        self.by_owner = self.table.index(lambda device: device.owner)
        self.by_name = self.table.index(lambda device: None if device.name is None or device.owner is None else (device.owner, device.name))
        self.by_product = self.table.index(lambda device: device.product_id)
        self.by_serial = self.table.index(lambda device: device.serial_number)
        self.by_iccid = self.table.index(lambda device: device.iccid)
        self.by_imei = self.table.index(lambda device: device.imei)
        self.by_mac = self.table.index(lambda device: device.mac_wifi)
        self._by_key = self.table.index(lambda device: device.public_key)
        self._by_other_key = self.table.index(lambda device: device.other_public_key)
        self.in_sandbox = self.table.index(lambda device: device.owner if device.product_id is None else None)
        """Claimed, and in no product: what counts in the free plan of the owner."""
        self.listed_in = self.listed.index(lambda listed: listed.product_id)

    def by_id(self, given: str) -> Device | None:
        """The device of an id in any case, or None."""
        return self.table.get(given.lower())

    def has_key(self, key: bytes) -> bool:
        """Whether a public key (SubjectPublicKeyInfo, DER) is a device's."""
        return bool(self._by_key.count(key) or self._by_other_key.count(key))

    def by_serial_number(self, serial: str) -> Device:
        """The device of a serial number, in any case. Knowing the number is enough: it is printed on the device.

        Raises:
            SerialUnknown: no device has it.
        """
        device = self.table.first(self.by_serial, serial.strip().upper())
        if device is None:
            raise SerialUnknown(serial)
        return device

    def claimable(self, given: str) -> Device:
        """The device that a claim names: by id only, and it must exist.

        Raises:
            DeviceUnknown: malformed, or nobody made it.
        """
        if not is_device_id(given):
            raise DeviceUnknown(given)
        device = self.by_id(given)
        if device is None:
            raise DeviceUnknown(given)
        return device

    def reach(self, who: Principal, given: str, scope: str, product: str | int | None = None, *, organization: str | None = None) -> Device:
        """The device, if the caller may do `scope` with it: as its owner, or through a product that it is in.

        With `product`, only that product counts. Its quarantined and denied devices can be looked at, and nothing else: whose
        firmware names the product is not the product's to use. With `organization`, only the products of that organization count.

        Raises:
            DeviceForbidden: unknown or foreign.
            DeviceNotInProduct: the product is the caller's, the device is not on its list, or may only be looked at.
            PermissionDenied, OrganizationUnknown, ScopeRefused: product or organization are not the caller's, or not for this.
        """
        if organization is not None and product is None:
            return self._in_organization(self._gate.organization(who, organization, scope).id, given)
        if product is not None:
            record = self._gate.product(who, product, scope, organization)
            listed = self.in_product(record, given)
            if listed.product_id != record.id and scope != "devices:get":
                raise DeviceNotInProduct(given, record.id)
            return listed
        device = self.by_id(given) if is_device_id(given) else self._own_by_name(who, given)
        if device is None:
            raise DeviceForbidden(given)
        if device.owned_by(owner_of(who)) or self._through_product(who, device, scope):
            return device
        raise DeviceForbidden(given)

    def in_product(self, product: Product, given: str) -> Device:
        """A member of a product, or a device on its list of quarantined and denied ones.

        Raises:
            DeviceNotInProduct: neither.
        """
        device = self.by_id(given)
        if device is None or (device.product_id != product.id and f"{product.id}:{device.id}" not in self.listed):
            raise DeviceNotInProduct(given, product.id)
        return device

    def list(self, who: Principal) -> list[Device]:
        """What `GET /v1/devices` gives: the caller's own devices, or (a program of a product) the product's; last handshake first."""
        owner = owner_of(who)
        if owner is not None:
            found = self.table.where(self.by_owner, owner)
        elif who.product_id is not None and who.allows("devices:list"):
            found = self.table.where(self.by_product, who.product_id)
        else:
            raise ScopeRefused("devices:list")
        return sorted(found, key=lambda device: -(device.last_handshake_at or 0.0))

    def rename(self, device: Device, name: str | None) -> Device:
        """Name a device, or take its name away. Names are unique among the devices of one owner; without an owner they need not be.

        Raises:
            Invalid: empty or too long.
            NameTaken: another device of this owner has it.
        """
        if name is not None:
            name = checked_name(name)
            if self.name_taken(device.owner, name, besides=device.id):
                raise NameTaken(name)
        return self.alter(device, name=name)

    def name_taken(self, owner: Owner | None, name: str, *, besides: str | None = None) -> bool:
        """Whether an owner has a device of this name, besides one."""
        return owner is not None and any(key != besides for key in self.by_name.keys((owner, name)))

    def free_name(self, owner: Owner, name: str) -> str:
        """The name, or (when this owner has a device of it) the name with the first free number behind it."""
        number, candidate = 1, name
        while self.name_taken(owner, candidate):
            number += 1
            end = f"-{number}"
            candidate = name[: MAX_NAME - len(end)] + end
        return candidate

    def annotate(self, device: Device, notes: str | None) -> Device:
        """Set or clear the notes.

        Raises:
            Invalid: too long.
        """
        if notes is not None and len(notes) > MAX_NOTES:
            raise Invalid("notes", notes[:20], f"at most {MAX_NOTES} characters")
        return self.alter(device, notes=notes)

    def alter(self, device: Device, **facts: object) -> Device:
        """Replace some facts of a device."""
        with self._core.change():
            return self.table.put(device.but(updated_at=self._core.now(), **facts))

    def learn(self, device: Device, **facts: object) -> Device:
        """Take over what a device reports of itself; nothing is written when nothing is new."""
        if all(getattr(device, name) == value for name, value in facts.items()):
            return device
        with self._core.change():
            return self.table.put(device.but(**facts))

    def _in_organization(self, organization_id: str, given: str) -> Device:
        """A member of any product of an organization, by its id."""
        device = self.by_id(given)
        if device is None or self._gate.organization_of(device.product_id) != organization_id:
            raise DeviceForbidden(given)
        return device

    def _own_by_name(self, who: Principal, name: str) -> Device | None:
        owner = owner_of(who)
        return None if owner is None else self.table.first(self.by_name, (owner, name))

    def _through_product(self, who: Principal, device: Device, scope: str) -> bool:
        product = self._gate.find_product(device.product_id)
        if product is None:
            return False
        if who.kind is Kind.API_USER and who.product_id == product.id and not who.allows(scope):
            raise ScopeRefused(scope)
        return self._gate.may(who, product, scope)


def is_device_id(text: str) -> bool:
    """Whether a text has the form of a device id: 24 hex digits."""
    return _DEVICE_ID.fullmatch(text) is not None


def owner_of(who: Principal) -> Owner | None:
    """As whom a caller owns devices; programs own none."""
    if who.kind is Kind.USER:
        return Owner(OwnerKind.USER, who.account)
    if who.kind is Kind.CUSTOMER:
        return Owner(OwnerKind.CUSTOMER, who.account)
    return None


def checked_name(name: str) -> str:
    """A name that a device can have, without blanks around it.

    Raises:
        Invalid: empty, too long, or an id.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME or is_device_id(name):
        raise Invalid("name", name, f"must have 1 to {MAX_NAME} characters, and not look like a device id")
    return name
