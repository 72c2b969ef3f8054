"""The factory: where devices come from. What is set here never changes afterwards, whoever owns the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, checked_name, is_device_id
from emulator.cloud.errors import Conflict, DeviceUnknown, Invalid
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Owner, OwnerKind, Product
from emulator.cloud.sims import Sims
from emulator.cloud.usage import Limits
from particle_protocol.identifiers import (
    IdentifierError,
    MacAddress,
    make_device_id,
    parse_device_id,
    parse_iccid,
    parse_imei,
    parse_mobile_secret,
    parse_serial_number,
)
from particle_protocol.platforms import Platform, UnknownPlatform, platform_by_id
from particle_protocol.skus import Sku, UnknownSku, find_sku

T = TypeVar("T")


class Factory:
    """Makes devices known to the cloud."""

    def __init__(self, core: Core, gate: Gate, limits: Limits, devices: Devices, sims: Sims) -> None:
        self._core = core
        self._gate = gate
        self._limits = limits
        self._devices = devices
        self._sims = sims
        self.joined: Callable[[Device, Product], None]
        """Called inside the transaction when a virtual device was made in a product."""

    def manufacture(
        self,
        device_id: str,
        platform_id: int | None = None,
        *,
        serial_number: str | None = None,
        mobile_secret: str | None = None,
        iccid: str | None = None,
        imei: str | None = None,
        mac_wifi: str | None = None,
        sku: str | None = None,
        public_key: bytes | None = None,
        other_public_key: bytes | None = None,
        name: str | None = None,
    ) -> Device:
        """Make a device, and (where the SKU says what kind it has) its SIM. `platform_id` may be left to the SKU.

        Raises:
            Invalid: an identifier cannot be one, platform or SKU are unknown or do not fit each other, or a board without Wi-Fi shall have
                a Wi-Fi radio's address.
            Conflict: the id, the serial number, the modem's IMEI, the SIM's ICCID or the Wi-Fi radio's address is another device's.
        """
        device_id = _checked("id", parse_device_id, device_id)
        kind = None if sku is None else _checked("sku", find_sku, sku)
        platform = _platform(platform_id, kind)
        serial_number = None if serial_number is None else _checked("serial_number", parse_serial_number, serial_number)
        imei = None if imei is None else _checked("imei", parse_imei, imei)
        iccid = None if iccid is None else _checked("iccid", parse_iccid, iccid)
        mobile_secret = None if mobile_secret is None else _checked("mobile_secret", parse_mobile_secret, mobile_secret)
        mac_wifi = None if mac_wifi is None else _radio_address(platform, mac_wifi)
        name = None if name is None else checked_name(name)
        if self._devices.by_id(device_id) is not None:
            raise Conflict(device_id, f"device {device_id} exists")
        for what, number, index in (
            ("serial number", serial_number, self._devices.by_serial),
            ("IMEI", imei, self._devices.by_imei),
            ("ICCID", iccid, self._devices.by_iccid),
            ("MAC address", mac_wifi, self._devices.by_mac),
        ):
            if number is not None and index.count(number):
                raise Conflict(number, f"a device with {what} {number} exists")
        with self._core.change():
            if kind is not None and kind.sim is not None and iccid is not None and self._sims.by_iccid(iccid) is None:
                self._sims.make(iccid, kind.sim, kind.activation)
            return self._devices.table.put(
                Device(
                    id=device_id,
                    platform_id=platform.id,
                    created_at=self._core.now(),
                    name=name,
                    serial_number=serial_number,
                    mobile_secret=mobile_secret,
                    iccid=iccid,
                    imei=imei,
                    mac_wifi=mac_wifi,
                    sku=None if kind is None else kind.sku,
                    public_key=public_key,
                    other_public_key=other_public_key,
                ),
            )

    def take_in(self, device_id: str, platform_id: int) -> Device:
        """Make a device that is known by what it says alone. Its platform may be none of ours: Device OS as a program is 3."""
        with self._core.change():
            return self._devices.table.put(Device(id=device_id.lower(), platform_id=platform_id, created_at=self._core.now()))

    def virtual(self, who: Principal, product: str | int) -> Device:
        """Make a device that no factory has made, such as a computer, straight into a product; the caller owns it.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
            DeviceLimitReached: the product takes no more.
        """
        record = self._gate.product(who, product, "devices:import")
        owner = Owner(OwnerKind.USER, self._gate.developer_only(who, "devices:import"))
        self._limits.check_room(record)
        with self._core.change():
            device = self.manufacture(make_device_id(self._core.rng, platform_by_id(record.platform_id)), record.platform_id)
            device = self._devices.alter(device, product_id=record.id, owner=owner)
            self.joined(device, record)
            return device

    def ban_imei(self, imei: str, *, banned: bool = True) -> None:
        """A country's mobile networks refuse a modem, whatever SIM is in it.

        Raises:
            Invalid: no device has this modem.
        """
        devices = self._devices.table.where(self._devices.by_imei, imei)
        if not devices:
            raise Invalid("imei", imei, "no device has this modem")
        for device in devices:
            self._sims.modem_changed(self._devices.learn(device, imei_banned=banned))

    def register_key(self, device_id: str, key: bytes, other: bytes | None = None) -> Device:
        """Give a device another public key (SubjectPublicKeyInfo, DER), and perhaps one of the other kind. None from before stays.

        Raises:
            Invalid: no such device.
        """
        device = self._devices.by_id(device_id)
        if device is None:
            raise Invalid("deviceID", device_id, "no such device")
        return self._devices.alter(device, public_key=key, other_public_key=other)

    def provision_key(self, who: Principal, device_id: str, key: bytes, platform_id: int | None = None) -> Device:
        """A caller gives a device another public key: one that nobody owns and no product has, or one the caller may change anyway.

        Raises:
            DeviceUnknown: no such device (and the settings do not make it).
            DeviceForbidden, ScopeRefused: somebody else's.
        """
        if not is_device_id(device_id):
            raise DeviceUnknown(device_id)
        device = self._devices.by_id(device_id)
        if device is None:
            if not self._core.settings.register_unknown_devices or platform_id is None:
                raise DeviceUnknown(device_id)
            device = self.take_in(device_id, platform_id)
        if device.owner is not None or device.product_id is not None:
            device = self._devices.reach(who, device.id, "devices:update")
        return self._devices.alter(device, public_key=key, other_public_key=None)


def _platform(platform_id: int | None, kind: Sku | None) -> Platform:
    """The platform of a device, as its number or its SKU says.

    Raises:
        Invalid: neither says it, they differ, or there is no platform of this number.
    """
    if platform_id is None:
        if kind is None:
            raise Invalid("platform_id", None, "give the platform, or a SKU that says it")
        return kind.platform
    try:
        platform = platform_by_id(platform_id)
    except UnknownPlatform as error:
        raise Invalid("platform_id", platform_id, str(error)) from None
    if kind is not None and kind.platform.id != platform.id:
        raise Invalid(
            "sku", kind.sku, f"is a SKU of platform {kind.platform.id} ({kind.platform.name}), not of {platform.id} ({platform.name})"
        )
    return platform


def _radio_address(platform: Platform, text: str) -> str:
    """The address of a Wi-Fi radio, 12 hex digits. Trackers have one to find out where they are, though not to get online by.

    Raises:
        Invalid: it is none, is that of a group, or the platform has no such radio.
    """
    address = _checked("mac_wifi", MacAddress.parse, text)
    if address.multicast:
        raise Invalid("mac_wifi", text, "is the address of a group of radios, not of one")
    if not platform.has_wifi_radio:
        raise Invalid("mac_wifi", text, "is the address of a Wi-Fi radio, and this platform has none")
    return address.raw.hex()


def _checked(field: str, read: Callable[[str], T], text: str) -> T:
    """What an identifier reads as.

    Raises:
        Invalid: it is none.
    """
    try:
        return read(text)
    except (IdentifierError, UnknownSku) as error:
        raise Invalid(field, text, str(error)) from None
