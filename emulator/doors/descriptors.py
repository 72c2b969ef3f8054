"""USB descriptors as a host's kernel reads them: bytes from the device in, a tree out.

Layouts are those of USB 2.0, section 9.6. What stands between two descriptors of the tree and is not part of it (CDC and DFU functional
descriptors, interface associations) belongs to the one before it, as libusb files it (libusb 1.0.26, libusb/descriptor.c:parse_interface).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from particle_protocol.usb import DescriptorType

_TREE_TYPES = {DescriptorType.DEVICE, DescriptorType.CONFIGURATION, DescriptorType.INTERFACE, DescriptorType.ENDPOINT}


class DescriptorError(ValueError):
    """A device answered with a descriptor that no host could use."""


@dataclass(frozen=True, slots=True)
class DeviceDescriptor:
    """The 18 bytes that say what a device is. `release` is bcdDevice; the `*_index` fields number strings, 0 for none."""

    raw: bytes
    usb_version: int
    device_class: int
    subclass: int
    protocol: int
    max_packet: int
    vendor: int
    product: int
    release: int
    manufacturer_index: int
    product_index: int
    serial_index: int
    configurations: int

    @classmethod
    def parse(cls, raw: bytes) -> DeviceDescriptor:
        """Read a device descriptor.

        Raises:
            DescriptorError: it is too short, or not a device descriptor.
        """
        if len(raw) < 18 or raw[1] != DescriptorType.DEVICE:
            raise DescriptorError(f"not a device descriptor: {raw.hex() or 'nothing'}")
        raw = raw[:18]
        return cls(raw, *struct.unpack("<2xHBBBBHHHBBBB", raw))


@dataclass(frozen=True, slots=True)
class EndpointDescriptor:
    """One endpoint. Bit 7 of `address` is set for IN."""

    raw: bytes
    address: int
    attributes: int
    max_packet: int
    interval: int
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class InterfaceDescriptor:
    """One alternate setting of an interface, with its endpoints."""

    raw: bytes
    number: int
    alternate: int
    interface_class: int
    subclass: int
    protocol: int
    string_index: int
    endpoints: tuple[EndpointDescriptor, ...] = ()
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class ConfigurationDescriptor:
    """One configuration. `interfaces[i][a]` is the a-th alternate setting of the i-th interface, in the order they are described."""

    raw: bytes
    whole: bytes
    value: int
    string_index: int
    attributes: int
    max_power: int
    interfaces: tuple[tuple[InterfaceDescriptor, ...], ...] = ()
    extra: bytes = b""

    @classmethod
    def parse(cls, whole: bytes) -> ConfigurationDescriptor:
        """Read a whole configuration: its own nine bytes and everything up to wTotalLength.

        Raises:
            DescriptorError: something is truncated or in the wrong place.
        """
        if len(whole) < 9 or whole[1] != DescriptorType.CONFIGURATION:
            raise DescriptorError(f"not a configuration descriptor: {whole[:9].hex() or 'nothing'}")
        (total,) = struct.unpack_from("<H", whole, 2)
        if total > len(whole):
            raise DescriptorError(f"a configuration of {total} bytes of which only {len(whole)} came")
        whole = whole[:total]
        blocks = [list(block) for block in _grouped(whole)]
        (raw, extra), rest = blocks[0], blocks[1:]
        settings = _settings(rest)
        numbers = list(dict.fromkeys(each.number for each in settings))
        interfaces = tuple(tuple(each for each in settings if each.number == number) for number in numbers)
        return cls(raw, whole, raw[5], raw[6], raw[7], raw[8], interfaces, extra)

    def setting(self, number: int, alternate: int = 0) -> InterfaceDescriptor | None:
        """The interface `number` in its setting `alternate`, or None when there is none such."""
        for settings in self.interfaces:
            for each in settings:
                if each.number == number and each.alternate == alternate:
                    return each
        return None


def each_descriptor(data: bytes) -> Iterator[bytes]:
    """Cut a run of descriptors at their length bytes.

    Raises:
        DescriptorError: a length is impossible.
    """
    at = 0
    while at < len(data):
        length = data[at]
        if length < 2 or at + length > len(data):
            raise DescriptorError(f"a descriptor of length {length} at offset {at} of {len(data)}")
        yield data[at : at + length]
        at += length


def _grouped(whole: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each descriptor of the tree, with the foreign ones that follow it."""
    head, extra = b"", b""
    for descriptor in each_descriptor(whole):
        if descriptor[1] in _TREE_TYPES:
            if head:
                yield head, extra
            head, extra = descriptor, b""
        else:
            extra += descriptor
    yield head, extra


def _settings(blocks: list[list[bytes]]) -> list[InterfaceDescriptor]:
    """Interfaces with the endpoints that follow each."""
    found: list[tuple[bytes, bytes, list[EndpointDescriptor]]] = []
    for raw, extra in blocks:
        if raw[1] == DescriptorType.INTERFACE and len(raw) >= 9:
            found.append((raw, extra, []))
        elif raw[1] == DescriptorType.ENDPOINT and len(raw) >= 7 and found:
            address, attributes, max_packet, interval = struct.unpack_from("<BBHB", raw, 2)
            found[-1][2].append(EndpointDescriptor(raw, address, attributes, max_packet, interval, extra))
        else:
            raise DescriptorError(f"a descriptor in the wrong place: {raw.hex()}")
    return [
        InterfaceDescriptor(raw, raw[2], raw[3], raw[5], raw[6], raw[7], raw[8], tuple(endpoints), extra) for raw, extra, endpoints in found
    ]
