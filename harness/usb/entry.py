"""One enumeration of a device on a host's USB bus, as data."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from harness.hiding import hides
from harness.modes import UsbState
from particle_protocol.platforms import Platform, UnknownPlatform, platform_by_usb

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True)
class UsbEntry:
    """A device that is enumerated now. One that re-enumerates is another entry, with another address."""

    vid: int
    pid: int
    bus: int
    address: int
    port: str
    """Where it is plugged in, as Linux writes it: bus, then the hub ports, as in `1-4.2`."""
    serial: str | None = None
    """iSerial in lower case, which is the device id; None when it could not be read."""
    trouble: str = ""
    """Why the serial number could not be read."""
    device: Any = field(default=None, compare=False, repr=False)
    """The pyusb device behind it."""

    @property
    def platform(self) -> Platform | None:
        """The platform with this USB identity, None when it is no Particle board."""
        try:
            return platform_by_usb(self.vid, self.pid)[0]
        except UnknownPlatform:
            return None

    @property
    def state(self) -> UsbState:
        """What the USB identity says of the board's mode."""
        return UsbState.DFU if platform_by_usb(self.vid, self.pid)[1] else UsbState.NORMAL

    def __str__(self) -> str:
        return f"{self.vid:04x}:{self.pid:04x} at port {self.port}"


@functools.lru_cache(maxsize=256)
def is_particle_board(vid: int, pid: int) -> bool:
    """Whether this USB identity is one of a Particle board, in normal or DFU mode."""
    try:
        platform_by_usb(vid, pid)
    except UnknownPlatform:
        return False
    return True
