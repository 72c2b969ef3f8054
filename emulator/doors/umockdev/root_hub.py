"""The root hub of an emulated bus: programs that draw the bus as a tree (lsusb) want one above every device."""

from __future__ import annotations

import struct
from typing import Final

from emulator.doors.usb_device import AttachedDevice, PortPath
from emulator.doors.usb_host import ROOT_HUB_ADDRESS
from particle_protocol.usb import DescriptorType, RequestType, Setup, Stall, StandardRequest

_CONFIGURATION: Final = bytes.fromhex("09021900010100e0000904000001090000000705810304000c")
_STRINGS: Final = ("", "particle-hil", "Emulated host controller", "emu_hcd.0")
_HUB_DESCRIPTOR: Final = 0x29
_GET_STATUS: Final = 0


class RootHub:
    """A full-speed hub of USB 2.0 with `ports` ports (USB 2.0, 11.23 and 11.24)."""

    def __init__(self, ports: int) -> None:
        self.ports = max(1, min(ports, 127))

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
            return struct.pack("<BBHBBBBHHHBBBB", 18, kind, 0x0200, 9, 0, 0, 64, 0x1D6B, 0x0002, 0x0601, 1, 2, 3, 1)
        if kind == DescriptorType.CONFIGURATION and number == 0:
            return _CONFIGURATION
        if kind == DescriptorType.STRING and number == 0:
            return b"\x04\x03\x09\x04"
        if kind == DescriptorType.STRING and number < len(_STRINGS):
            text = _STRINGS[number].encode("utf-16-le")
            return bytes([len(text) + 2, kind]) + text
        raise Stall

    def _class_request(self, setup: Setup) -> bytes:
        if setup.request == StandardRequest.GET_DESCRIPTOR and setup.value >> 8 == _HUB_DESCRIPTOR:
            bitmap = bytes(self.ports // 8 + 1)
            return bytes([7 + 2 * len(bitmap), _HUB_DESCRIPTOR, self.ports, 0x09, 0x00, 10, 0]) + bitmap + b"\xff" * len(bitmap)
        if setup.request == _GET_STATUS:
            return b"\x00\x01\x00\x00" if setup.request_type & 3 else b"\x00\x00\x00\x00"
        raise Stall


def root_hub_device(bus: int, ports: int) -> AttachedDevice:
    """The hub of a bus, enumerated."""
    return AttachedDevice(PortPath((bus,)), ROOT_HUB_ADDRESS, RootHub(ports))
