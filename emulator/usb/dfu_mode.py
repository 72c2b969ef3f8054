"""A board in DFU mode on USB: one interface, with an alternate setting for each memory."""

from __future__ import annotations

from collections.abc import Callable

from emulator.usb import descriptors
from emulator.usb.descriptors import dfu_configuration, dfu_device, first_dfu_string
from emulator.usb.standard import StandardRequests
from particle_protocol.dfu import DfuDevice
from particle_protocol.platforms import Platform
from particle_protocol.usb import Setup, Stall

_CLASS_INTERFACE = (0x21, 0xA1)


class DfuModeDevice:
    """One enumeration in DFU mode (`UsbFunction`). `now` gives the Lab's time in seconds."""

    def __init__(self, platform: Platform, device_id: str, dfu: DfuDevice, now: Callable[[], float]) -> None:
        self._dfu = dfu
        self._now = now
        first = first_dfu_string(platform)
        self._strings = {
            descriptors.STRING_MANUFACTURER: descriptors.MANUFACTURER,
            descriptors.STRING_PRODUCT: platform.dfu_product or f"{platform.display_name} DFU Mode",
            descriptors.STRING_SERIAL: device_id,
            **{first + number: text for number, text in enumerate(platform.dfu_alternates)},
        }
        self._strings.setdefault(descriptors.STRING_CONFIGURATION, "DFU")
        self._standard = StandardRequests(dfu_device(platform), dfu_configuration(platform), self._string, (0, descriptors.DFU_GUID))
        self._standard.on_interface = self._chose

    def control(self, setup: Setup, data: bytes) -> bytes:
        """See `UsbFunction.control`."""
        if setup.request_type in _CLASS_INTERFACE:
            if setup.index != 0:
                raise Stall(f"no such interface: {setup}")
            return self._dfu.control(setup, data, self._now())
        return self._standard.control(setup)

    def ep_out(self, endpoint: int, data: bytes) -> None:
        """See `UsbFunction.ep_out`: there are no end points but 0."""
        raise Stall(f"no OUT end point {endpoint:#04x} in DFU mode")

    def ep_in(self, endpoint: int, length: int) -> bytes | None:
        """See `UsbFunction.ep_in`: there are no end points but 0."""
        raise Stall(f"no IN end point {endpoint:#04x} in DFU mode")

    def bus_reset(self) -> None:
        """See `UsbFunction.bus_reset`."""
        self._standard.reset()
        self._dfu.reset()

    def _string(self, index: int) -> str | None:
        return self._strings.get(index) or self._dfu.string(index)

    def _chose(self, interface: int, setting: int) -> None:
        self._dfu.alternate = setting
