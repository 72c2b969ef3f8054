"""The hubs of an emulated bus: programs that draw it as a tree (lsusb) want the root hub above every device, and each hub on the way."""

from __future__ import annotations

import struct
from typing import Final

from emulator.doors.usb_device import AttachedDevice, PortPath
from particle_protocol.usb import DescriptorType, RequestType, Setup, Stall, StandardRequest

_CONFIGURATION: Final = bytes.fromhex("09021900010100e0000904000001090000000705810304000c")
_ROOT: Final = (0x1D6B, 0x0002, 0x0601, ("", "particle-hil", "Emulated host controller", "emu_hcd.0"))
_OTHER: Final = (0x1D6B, 0xFFFF, 0x0100, ("", "particle-hil", "Emulated hub", "0"))
"""Vendor, product, release and strings: of the root hub as Linux has them; of the others with a product number that nobody has."""
_HUB_DESCRIPTOR: Final = 0x29
_GET_STATUS: Final = 0


class Hub:
    """A full-speed hub of USB 2.0 with `ports` ports (USB 2.0, 11.23 and 11.24); the one of the computer itself, or another one."""

    def __init__(self, ports: int, *, root: bool = True) -> None:
        self.ports = max(1, min(ports, 127))
        *self._numbers, self._strings = _ROOT if root else _OTHER

    def control(self, setup: Setup, data: bytes) -> bytes:
        """See `UsbFunction.control`."""
        if setup.request_type & RequestType.CLASS:
            return self._class_request(setup)[: setup.length]
        match setup.request:
            case StandardRequest.GET_DESCRIPTOR:
                return self._descriptor(setup.value >> 8, setup.value & 0xFF)[: setup.length]
            case StandardRequest.GET_STATUS:
                return b"\x01\x00"[: setup.length]
            case StandardRequest.SET_CONFIGURATION | StandardRequest.SET_INTERFACE:
                return b""
        raise Stall

    def ep_out(self, endpoint: int, data: bytes) -> None:
        """See `UsbFunction.ep_out`."""
        raise Stall

    def ep_in(self, endpoint: int, length: int) -> bytes | None:
        """See `UsbFunction.ep_in`: a status change never comes."""
        return None

    def bus_reset(self) -> None:
        """See `UsbFunction.bus_reset`."""

    def _descriptor(self, kind: int, number: int) -> bytes:
        if kind == DescriptorType.DEVICE:
            return struct.pack("<BBHBBBBHHHBBBB", 18, kind, 0x0200, 9, 0, 0, 64, *self._numbers, 1, 2, 3, 1)
        if kind == DescriptorType.CONFIGURATION and number == 0:
            return _CONFIGURATION
        if kind == DescriptorType.STRING and number == 0:
            return b"\x04\x03\x09\x04"
        if kind == DescriptorType.STRING and number < len(self._strings):
            text = self._strings[number].encode("utf-16-le")
            return bytes([len(text) + 2, kind]) + text
        raise Stall

    def _class_request(self, setup: Setup) -> bytes:
        if setup.request == StandardRequest.GET_DESCRIPTOR and setup.value >> 8 == _HUB_DESCRIPTOR:
            bitmap = bytes(self.ports // 8 + 1)
            return bytes([7 + 2 * len(bitmap), _HUB_DESCRIPTOR, self.ports, 0x09, 0x00, 10, 0]) + bitmap + b"\xff" * len(bitmap)
        if setup.request == _GET_STATUS:
            return b"\x00\x01\x00\x00" if setup.request_type & 3 else b"\x00\x00\x00\x00"
        raise Stall


def hub_device(path: PortPath, address: int, ports: int) -> AttachedDevice:
    """A hub, enumerated: the root hub where the path is a bus alone."""
    return AttachedDevice(path, address, Hub(ports, root=not path.ports))
