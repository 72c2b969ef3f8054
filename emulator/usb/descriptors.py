"""Descriptors of boards, byte for byte, by generation.

Numbers: Gen 2 from Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/usbd_composite.c:95-410, usbd_mcdc.c:62-160;
nRF52840 from 6.2.0, hal/src/nRF52840/usb_hal_cdc.c; RTL872x from 6.2.0, hal/src/rtl872x/usbd_device.cpp, usbd_cdc.cpp. Where a source
gives no number (the end points of RTL872x) that of its siblings is taken.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from particle_protocol.platforms import McuFamily, Platform
from particle_protocol.usb import DescriptorType

MANUFACTURER = "Particle"
STRING_MANUFACTURER, STRING_PRODUCT, STRING_SERIAL, STRING_CONFIGURATION, STRING_INTERFACE = 1, 2, 3, 4, 5
STRING_MICROSOFT = 0xEE
STRING_STATE = 0xFA
LANGUAGE_US_ENGLISH = 0x0409
DFU_TRANSFER_SIZE = 4096

_device = struct.Struct("<BBHBBBBHHHBBBB").pack
_configuration = struct.Struct("<BBHBBBBB").pack
_interface = struct.Struct("<BBBBBBBBB").pack
_endpoint = struct.Struct("<BBBBHB").pack
_association = struct.Struct("<BBBBBBBB").pack


@dataclass(frozen=True, slots=True)
class NormalLayout:
    """What differs between generations in normal mode. Interface numbers, end point addresses, power in units of 2 mA."""

    device_release: int
    attributes: int
    power: int
    communication: int
    data: int
    control: int
    bulk_out: int
    bulk_in: int
    notification: int
    notification_size: int
    notification_interval: int
    control_string: int


_GEN2 = NormalLayout(0x0250, 0x80, 50, 0, 1, 2, 0x01, 0x81, 0x83, 8, 0xFF, 9)
_NRF = NormalLayout(0x0102, 0xC0, 250, 0, 1, 2, 0x01, 0x81, 0x82, 16, 0x10, 0)
_RTL = NormalLayout(0x0251, 0x80, 250, 1, 2, 0, 0x01, 0x81, 0x82, 8, 0x10, 0)
_LAYOUTS = {McuFamily.STM32F2: _GEN2, McuFamily.NRF52840: _NRF, McuFamily.RTL872X: _RTL}
_DFU_RELEASES = {McuFamily.STM32F2: 0x0250, McuFamily.NRF52840: 0x0251, McuFamily.RTL872X: 0x0252}


def normal_layout(platform: Platform) -> NormalLayout:
    """The layout of a platform in normal mode.

    Raises:
        ValueError: boards of its processor have none that is known here.
    """
    layout = _LAYOUTS.get(platform.mcu)
    if layout is None:
        raise ValueError(f"no USB descriptors are known for {platform}")
    return layout


def normal_device(platform: Platform) -> bytes:
    """The device descriptor in normal mode: a composite device with interface associations."""
    layout = normal_layout(platform)
    return _device_descriptor(platform.vendor_id, platform.normal_product_id, layout.device_release, (0xEF, 0x02, 0x01))


def dfu_device(platform: Platform) -> bytes:
    """The device descriptor in DFU mode.

    Raises:
        ValueError: the platform has no DFU mode.
    """
    if platform.dfu_product_id is None:
        raise ValueError(f"{platform} has no DFU mode")
    return _device_descriptor(platform.vendor_id, platform.dfu_product_id, _DFU_RELEASES.get(platform.mcu, 0x0250), (0, 0, 0))


def normal_configuration(platform: Platform) -> bytes:
    """The configuration in normal mode: a CDC ACM function, and the vendor interface for control requests."""
    it = normal_layout(platform)
    serial = _association(8, DescriptorType.INTERFACE_ASSOCIATION, it.communication, 2, 0x02, 0x02, 0x01, 0)
    serial += _interface(9, DescriptorType.INTERFACE, it.communication, 0, 1, 0x02, 0x02, 0x01, 0)
    serial += bytes((5, DescriptorType.CS_INTERFACE, 0x00, 0x10, 0x01))
    serial += bytes((5, DescriptorType.CS_INTERFACE, 0x01, 0x00, it.data))
    serial += bytes((4, DescriptorType.CS_INTERFACE, 0x02, 0x02))
    serial += bytes((5, DescriptorType.CS_INTERFACE, 0x06, it.communication, it.data))
    serial += _endpoint(7, DescriptorType.ENDPOINT, it.notification, 3, it.notification_size, it.notification_interval)
    serial += _interface(9, DescriptorType.INTERFACE, it.data, 0, 2, 0x0A, 0x00, 0x00, 0)
    serial += _endpoint(7, DescriptorType.ENDPOINT, it.bulk_out, 2, 64, 0)
    serial += _endpoint(7, DescriptorType.ENDPOINT, it.bulk_in, 2, 64, 0)
    control = _interface(9, DescriptorType.INTERFACE, it.control, 0, 0, 0xFF, 0xFF, 0xFF, it.control_string)
    body = serial + control if it.control > it.data else control + serial
    return _configuration_descriptor(body, 3, STRING_CONFIGURATION, it.attributes, it.power)


def dfu_configuration(platform: Platform) -> bytes:
    """The configuration in DFU mode: one interface with an alternate setting for each memory, one functional descriptor at the end."""
    first = first_dfu_string(platform)
    body = b"".join(
        _interface(9, DescriptorType.INTERFACE, 0, number, 0, 0xFE, 0x01, 0x02, first + number)
        for number in range(len(platform.dfu_alternates))
    )
    body += struct.pack("<BBBHHH", 9, DescriptorType.DFU_FUNCTIONAL, 0x0B, 255, DFU_TRANSFER_SIZE, 0x011A)
    return _configuration_descriptor(body, 1, STRING_CONFIGURATION if platform.generation > 2 else STRING_PRODUCT, 0xC0, 0x32)


def first_dfu_string(platform: Platform) -> int:
    """The index of the string that describes alternate 0."""
    return 5 if platform.mcu is McuFamily.RTL872X else 6


def string_descriptor(text: str) -> bytes:
    """A string descriptor; a USB string has at most 126 characters."""
    raw = text.encode("utf-16-le")[:252]
    return bytes((len(raw) + 2, DescriptorType.STRING)) + raw


def languages() -> bytes:
    """String descriptor 0: the languages there are strings in."""
    return struct.pack("<BBH", 4, DescriptorType.STRING, LANGUAGE_US_ENGLISH)


def microsoft_string() -> bytes:
    """String descriptor 0xEE: there are Microsoft OS descriptors, and 0xEE is the request for them."""
    return bytes((18, DescriptorType.STRING)) + "MSFT100".encode("utf-16-le") + b"\xee\x00"


def microsoft_compatible_id(interface: int) -> bytes:
    """The extended compatible id: Windows is to use WinUSB for this interface (Microsoft OS 1.0 descriptors)."""
    head = struct.pack("<IHHB7x", 40, 0x0100, 4, 1)
    return head + struct.pack("<BB8s8s6x", interface, 1, b"WINUSB", b"")


def microsoft_properties(guid: str) -> bytes:
    """The extended properties: the GUID under which programs find the interface (Microsoft OS 1.0 descriptors)."""
    name = "DeviceInterfaceGUID\0".encode("utf-16-le")
    data = f"{guid}\0".encode("utf-16-le")
    section = struct.pack("<IIH", 14 + len(name) + len(data), 1, len(name)) + name + struct.pack("<I", len(data)) + data
    return struct.pack("<IHHH", 10 + len(section), 0x0100, 5, 1) + section


NORMAL_GUID = "{20b6cfa4-6dc7-468a-a8db-faa7c23ddea5}"
DFU_GUID = "{37fb5f90-1a34-4929-933b-8a27e1850033}"
NO_MICROSOFT_DESCRIPTOR = bytes(10)
"""The answer for an interface that has none (Device OS 6.2.0, bootloader/src/nRF52840/usbd_dfu.h:255-273)."""


def _device_descriptor(vendor: int, product: int, release: int, kind: tuple[int, int, int]) -> bytes:
    strings = (STRING_MANUFACTURER, STRING_PRODUCT, STRING_SERIAL)
    return _device(18, DescriptorType.DEVICE, 0x0200, *kind, 64, vendor, product, release, *strings, 1)


def _configuration_descriptor(body: bytes, interfaces: int, string: int, attributes: int, power: int) -> bytes:
    return _configuration(9, DescriptorType.CONFIGURATION, 9 + len(body), interfaces, 1, string, attributes, power) + body
