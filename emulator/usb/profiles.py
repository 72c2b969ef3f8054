"""What differs between the boards' USB devices, by microcontroller.

Gen 2: Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/usbd_composite.c:95-118 and usbd_mcdc.c:62-160,
inc/usbd_conf.h:90-124. nRF52840: 6.2.0, hal/src/nRF52840/usb_hal_cdc.c:57-117 and usb_hal_control.cpp:165-185. Realtek: 6.2.0,
hal/src/rtl872x/usb_hal.cpp:46-84, usbd_device.cpp:237-305, usbd_control.cpp:206-218, usbd_cdc.cpp:270-378. DFU mode: 6.2.0,
bootloader/src/nRF52840/usbd_dfu.h and rtl872x/usbd_dfu.h. Chosen here, for want of a source: the endpoint addresses on Realtek boards (in
the order in which the driver hands them out), and the texts of strings 4 and 5 other than on Gen 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from particle_protocol.platforms import McuFamily, Platform


@dataclass(frozen=True, slots=True)
class SerialEndpoints:
    """The endpoints of the serial function. `interval` is bInterval of the notification endpoint; packets are in bytes."""

    data_out: int
    data_in: int
    notification: int
    notification_packet: int
    interval: int
    bulk_interval: int = 0
    in_first: bool = False
    """Whether the IN endpoint is described before the OUT endpoint."""


@dataclass(frozen=True, slots=True)
class UsbProfile:
    """The USB devices of one family of boards."""

    normal_release: int
    """bcdDevice in normal mode."""
    attributes: int
    max_power: int
    """In units of 2 mA."""
    control_first: bool
    """Whether the control interface is interface 0; otherwise it is interface 2, after the serial function."""
    control_string: int
    """iInterface of the control interface; 0: none."""
    serial_string: int
    """iFunction, and iInterface of both serial interfaces; 0: none."""
    call_management: int
    serial: SerialEndpoints
    dfu_release: int
    """bcdDevice in DFU mode."""
    dfu_configuration_string: int

    @property
    def control_interface(self) -> int:
        """Number of the control interface."""
        return 0 if self.control_first else 2

    @property
    def serial_interface(self) -> int:
        """Number of the serial function's first interface."""
        return 1 if self.control_first else 0


_GEN2 = UsbProfile(
    normal_release=0x0250,
    attributes=0x80,
    max_power=0x32,
    control_first=False,
    control_string=9,
    serial_string=10,
    call_management=0,
    serial=SerialEndpoints(0x01, 0x81, 0x83, 8, 0x10),
    dfu_release=0x0250,
    dfu_configuration_string=2,
)

_PROFILES: Mapping[McuFamily, UsbProfile] = MappingProxyType(
    {
        McuFamily.STM32F2: _GEN2,
        McuFamily.NRF52840: UsbProfile(
            normal_release=0x0102,
            attributes=0xC0,
            max_power=0xFA,
            control_first=False,
            control_string=0,
            serial_string=0,
            call_management=3,
            serial=SerialEndpoints(0x01, 0x81, 0x82, 64, 0x10, in_first=True),
            dfu_release=0x0251,
            dfu_configuration_string=4,
        ),
        McuFamily.RTL872X: UsbProfile(
            normal_release=0x0251,
            attributes=0x80,
            max_power=0xFA,
            control_first=True,
            control_string=5,
            serial_string=6,
            call_management=0,
            serial=SerialEndpoints(0x01, 0x82, 0x81, 8, 0x10, bulk_interval=0x10),
            dfu_release=0x0252,
            dfu_configuration_string=4,
        ),
    }
)

_FULL_SPEED_GEN2 = replace(_GEN2, serial=SerialEndpoints(0x01, 0x81, 0x8A, 8, 0xFF))
"""P1 and Electron use the full-speed core, which has no endpoint left for notifications: they name one that does not exist."""


class NotEmulated(LookupError):
    """Too little is known of this platform's USB device to show one."""


def usb_profile(platform: Platform) -> UsbProfile:
    """The profile of a platform.

    Raises:
        NotEmulated: nobody has told what its USB device looks like.
    """
    profile = _PROFILES.get(platform.mcu)
    if profile is None or platform.normal_product is None:
        raise NotEmulated(f"the USB device of {platform} is not known")
    return _FULL_SPEED_GEN2 if platform.name in ("p1", "electron") else profile
