"""The usbdevfs interface as data: request numbers, the transfer structure, what a transfer is while it waits and when it is over.

Source: Linux 6.1, include/uapi/linux/usbdevice_fs.h, on a 64-bit machine.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Final

URB: Final = struct.Struct("@BBiIPii")
"""struct usbdevfs_urb up to actual_length: type, endpoint, status, flags, buffer, buffer_length, actual_length."""

STATUS_AT: Final = 4
ACTUAL_AT: Final = 28

CAPABILITIES: Final = 0x1F
"""Zero packets, continuation, no size limit, scatter-gather, reap after disconnect."""

DISCONNECT: Final = 0x5516
CONNECT: Final = 0x5517
"""Codes inside `Ioctl.IOCTL`: take an interface from its driver, give it one."""


UNLESS_DRIVER: Final = 1
EXCEPT_DRIVER: Final = 2
"""Flags of DISCONNECT_CLAIM: refuse when another driver than the named one has the interface; when the named one has it."""

DISCONNECT_CLAIM_LAYOUT: Final = struct.Struct("@II256s")
"""struct usbdevfs_disconnect_claim: interface, flags, name of a driver."""

CONTROL_LAYOUT: Final = struct.Struct("@8sI4xP")
"""struct usbdevfs_ctrltransfer: setup packet, time limit, address of the data."""

MOST_CONTROL: Final = 4096
"""Bytes that `Ioctl.CONTROL` moves at most: a page."""


class Ioctl(enum.IntEnum):
    """Request numbers."""

    CONTROL = 0xC0185500
    RESETEP = 0x80045503
    SETINTERFACE = 0x80085504
    SETCONFIGURATION = 0x80045505
    GETDRIVER = 0x41045508
    SUBMITURB = 0x8038550A
    DISCARDURB = 0x550B
    REAPURB = 0x4008550C
    REAPURBNDELAY = 0x4008550D
    CLAIMINTERFACE = 0x8004550F
    RELEASEINTERFACE = 0x80045510
    CONNECTINFO = 0x40085511
    IOCTL = 0xC0105512
    RESET = 0x5514
    CLEAR_HALT = 0x80045515
    GET_CAPABILITIES = 0x8004551A
    DISCONNECT_CLAIM = 0x8108551B
    GET_SPEED = 0x551F


class UrbType(enum.IntEnum):
    """The kind of a transfer."""

    ISOCHRONOUS = 0
    INTERRUPT = 1
    CONTROL = 2
    BULK = 3


@dataclass(frozen=True, slots=True)
class Completion:
    """A transfer that is over: where the program keeps it, how it went, what came and where that goes."""

    urb: int
    status: int
    actual: int = 0
    data: bytes = b""
    buffer: int = 0


@dataclass(frozen=True, slots=True)
class WaitingRead:
    """A transfer from an IN endpoint that has had nothing to send so far."""

    urb: int
    endpoint: int
    buffer: int
    length: int
