"""USB descriptors as bytes (USB 2.0, 9.6; Microsoft OS descriptors 1.0)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from particle_protocol.usb import DescriptorType

LANGUAGE: Final = 0x0409
"""US English, the one language of all strings."""

MS_OS_STRING: Final = 0xEE
"""Index of the string by which Windows asks whether there are Microsoft OS descriptors."""

MS_OS_REQUEST: Final = 0xEE
"""bRequest that Windows uses afterwards: the vendor code in that string."""


@dataclass(frozen=True, slots=True)
class DeviceDescriptor:
    """What a USB device says of itself. All Particle boards have one configuration, 64 bytes on endpoint 0, and strings 1, 2, 3."""

    vendor_id: int
    product_id: int
    release: int
    device_class: tuple[int, int, int] = (0, 0, 0)

    def encode(self) -> bytes:
        """The 18 bytes."""
        return struct.pack(
            "<BBHBBBBHHHBBBB",
            18,
            DescriptorType.DEVICE,
            0x0200,
            *self.device_class,
            64,
            self.vendor_id,
            self.product_id,
            self.release,
            1,
            2,
            3,
            1,
        )


def configuration(body: bytes, *, interfaces: int, string: int, attributes: int, max_power: int) -> bytes:
    """A configuration descriptor with value 1, and everything that belongs to it. `max_power` is in units of 2 mA."""
    head = struct.pack("<BBHBBBBB", 9, DescriptorType.CONFIGURATION, 9 + len(body), interfaces, 1, string, attributes, max_power)
    return head + body


def association(first: int, count: int, function_class: tuple[int, int, int], string: int = 0) -> bytes:
    """An interface association descriptor."""
    return bytes((8, DescriptorType.INTERFACE_ASSOCIATION, first, count, *function_class, string))


def interface(number: int, interface_class: tuple[int, int, int], *, alternate: int = 0, endpoints: int = 0, string: int = 0) -> bytes:
    """An interface descriptor."""
    return bytes((9, DescriptorType.INTERFACE, number, alternate, endpoints, *interface_class, string))


def endpoint(address: int, attributes: int, max_packet: int, interval: int) -> bytes:
    """An endpoint descriptor. `attributes`: 2 bulk, 3 interrupt."""
    return struct.pack("<BBBBHB", 7, DescriptorType.ENDPOINT, address, attributes, max_packet, interval)


def string(text: str) -> bytes:
    """A string descriptor, at most 126 UTF-16 units of text."""
    raw = text.encode("utf-16-le")[:252]
    return bytes((len(raw) + 2, DescriptorType.STRING)) + raw


def languages() -> bytes:
    """String descriptor 0."""
    return struct.pack("<BBH", 4, DescriptorType.STRING, LANGUAGE)


def ms_os_string() -> bytes:
    """String descriptor 0xEE: "MSFT100" and the vendor code."""
    return bytes((18, DescriptorType.STRING)) + "MSFT100".encode("utf-16-le") + bytes((MS_OS_REQUEST, 0))


def ms_compatible_id(interface_number: int) -> bytes:
    """The extended compat ID descriptor: this interface is for Windows' own WinUSB driver."""
    function = struct.pack("<BB8s8s6x", interface_number, 1, b"WINUSB", b"")
    return struct.pack("<IHHB7x", 16 + len(function), 0x0100, 4, 1) + function


def ms_properties(guid: str) -> bytes:
    """The extended properties descriptor: by which GUID Windows programs find the interface."""
    name = "DeviceInterfaceGUID\0".encode("utf-16-le")
    value = f"{guid}\0".encode("utf-16-le")
    section = struct.pack("<IH", 1, len(name)) + name + struct.pack("<I", len(value)) + value
    body = struct.pack("<I", len(section) + 4) + section
    return struct.pack("<IHHH", 10 + len(body), 0x0100, 5, 1) + body
