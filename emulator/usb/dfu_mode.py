"""The USB device of a board whose bootloader runs in DFU mode."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from emulator.usb import descriptors
from emulator.usb.normal_mode import microsoft_descriptor
from emulator.usb.profiles import usb_profile
from emulator.usb.standard import StandardRequests
from particle_protocol.dfu import PROTECTION_STRING, TRANSFER_SIZE, DfuDevice, protected_map
from particle_protocol.platforms import Platform
from particle_protocol.usb import DescriptorType, Setup, Stall, StandardRequest

GUID: Final = "{37fb5f90-1a34-4929-933b-8a27e1850033}"
"""By which Windows programs find the DFU interface (Device OS 6.2.0, bootloader/src/nRF52840/usbd_dfu.h:255-273)."""

DFU_FUNCTIONAL: Final = struct.pack("<BBBHHH", 9, DescriptorType.DFU_FUNCTIONAL, 0x0B, 255, TRANSFER_SIZE, 0x011A)
"""Download, upload, detaches by itself, not manifestation tolerant; time-out 255 ms; 4,096 bytes a transfer; DfuSe 1.1a."""

_DFU_CLASS: Final = (0xFE, 0x01, 0x02)
_KIND: Final = 0x60
_CLASS: Final = 0x20
_VENDOR: Final = 0x40
_CONFIGURATION_STRING: Final = 4


class DfuModeDevice:
    """A `UsbFunction`: one interface with an alternate setting for each memory.

    Args:
        platform: which board; it decides identity, strings and descriptors.
        device_id: the serial number, 24 lower-case hex digits.
        dfu: the bootloader's state machine.
        now: tells the time in seconds.
        product: another product string than the platform's.
        protection: tells the state of Device Protection, "o" open, "p" protected, "s" service mode; None for a bootloader that does not
            tell (before Device OS 6.2.0). A protected board announces its memories as only erasable.

    Raises:
        NotEmulated: the platform's USB device is not known.
    """

    def __init__(
        self,
        platform: Platform,
        device_id: str,
        dfu: DfuDevice,
        now: Callable[[], float],
        *,
        product: str | None = None,
        protection: Callable[[], str] | None = None,
    ) -> None:
        profile = usb_profile(platform)
        self.platform = platform
        self.dfu = dfu
        self._now = now
        self._protection = protection
        self._first_string = dfu.rules.interface_string
        self._strings = {
            1: "Particle",
            2: product or platform.dfu_product or platform.display_name,
            3: device_id.lower(),
            _CONFIGURATION_STRING: "DFU Config",
        }
        alternates = b"".join(
            descriptors.interface(0, _DFU_CLASS, alternate=i, string=self._first_string + i) for i in range(len(dfu.alternates))
        )
        self._standard = StandardRequests(
            device=descriptors.DeviceDescriptor(platform.vendor_id, platform.dfu_product_id or 0, profile.dfu_release).encode(),
            configuration=descriptors.configuration(
                alternates + DFU_FUNCTIONAL, interfaces=1, string=profile.dfu_configuration_string, attributes=0xC0, max_power=0x32
            ),
            string=self._string,
            alternates={0: len(dfu.alternates)},
            on_configure=dfu.reset,
            on_alternate=self._select,
        )

    @property
    def configured(self) -> bool:
        """Whether the host has chosen the configuration."""
        return self._standard.configured

    def control(self, setup: Setup, data: bytes) -> bytes:
        """See `UsbFunction.control`. What the memory raises (a power cut, say) passes through."""
        kind = setup.request_type & _KIND
        if kind == _CLASS and setup.index == 0:
            return self.dfu.control(setup, data, self._now())
        if kind == 0:
            if setup.request == StandardRequest.GET_DESCRIPTOR and setup.value >> 8 == DescriptorType.DFU_FUNCTIONAL:
                return DFU_FUNCTIONAL[: setup.length]
            return self._standard.control(setup)
        if kind == _VENDOR and setup.request == descriptors.MS_OS_REQUEST:
            return microsoft_descriptor(setup, 0, GUID)
        raise Stall(f"no request of a device in DFU mode: {setup}")

    def ep_out(self, endpoint: int, data: bytes) -> None:
        """See `UsbFunction.ep_out`: there is no endpoint but 0."""
        raise Stall(f"a device in DFU mode has no endpoint {endpoint:#04x}")

    def ep_in(self, endpoint: int, length: int) -> bytes | None:
        """See `UsbFunction.ep_in`: there is no endpoint but 0."""
        raise Stall(f"a device in DFU mode has no endpoint {endpoint:#04x}")

    def bus_reset(self) -> None:
        """See `UsbFunction.bus_reset`."""
        self._standard.reset()

    def _select(self, interface: int, alternate: int) -> None:
        self.dfu.alternate = alternate

    def _string(self, index: int) -> str | bytes | None:
        state = self._protection() if self._protection is not None else None
        if index == PROTECTION_STRING:
            return None if state is None else f"sm={state}\0\0\0\0"
        alternate = index - self._first_string
        if 0 <= alternate < len(self.dfu.alternates):
            name = self.dfu.alternates[alternate].name
            return protected_map(name) if state == "p" else name
        return self._strings.get(index) or self.dfu.string(index)
