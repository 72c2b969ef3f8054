"""The factory: where devices come from. What is set here never changes afterwards, whoever owns the device."""

from __future__ import annotations

from emulator.cloud.core import Core
from emulator.cloud.devices import Devices, is_device_id
from emulator.cloud.errors import Conflict, Invalid
from emulator.cloud.records import Device
from emulator.cloud.sims import Sims


class Factory:
    """Makes devices known to the cloud."""

    def __init__(self, core: Core, devices: Devices, sims: Sims) -> None:
        self._core = core
        self._devices = devices
        self._sims = sims

    def manufacture(
        self,
        device_id: str,
        platform_id: int,
        *,
        serial_number: str | None = None,
        mobile_secret: str | None = None,
        iccid: str | None = None,
        imei: str | None = None,
        mac_wifi: str | None = None,
        sku: str | None = None,
        public_key: bytes | None = None,
        name: str | None = None,
    ) -> Device:
        """Make a device.

        Raises:
            Invalid: the id is not 24 hex digits.
            Conflict: the id, or the serial number, is taken.
        """
        if not is_device_id(device_id):
            raise Invalid("id", device_id, "must be 24 hex digits")
        if self._devices.by_id(device_id) is not None:
            raise Conflict(device_id, f"device {device_id} exists")
        if serial_number is not None and self._devices.by_serial.count(serial_number):
            raise Conflict(serial_number, f"a device with serial number {serial_number} exists")
        with self._core.change():
            return self._devices.table.put(
                Device(
                    id=device_id.lower(),
                    platform_id=platform_id,
                    created_at=self._core.now(),
                    name=name,
                    serial_number=serial_number,
                    mobile_secret=mobile_secret,
                    iccid=iccid,
                    imei=imei,
                    mac_wifi=mac_wifi,
                    sku=sku,
                    public_key=public_key,
                ),
            )

    def ban_imei(self, imei: str, *, banned: bool = True) -> None:
        """A country's mobile networks refuse a modem, whatever SIM is in it.

        Raises:
            Invalid: no device has this modem.
        """
        devices = self._devices.table.where(self._devices.by_imei, imei)
        if not devices:
            raise Invalid("imei", imei, "no device has this modem")
        for device in devices:
            self._devices.learn(device, imei_banned=banned)

    def register_key(self, device_id: str, key: bytes) -> Device:
        """Give a device another public key (SubjectPublicKeyInfo, DER).

        Raises:
            Invalid: no such device.
        """
        device = self._devices.by_id(device_id)
        if device is None:
            raise Invalid("deviceID", device_id, "no such device")
        return self._devices.alter(device, public_key=key)
