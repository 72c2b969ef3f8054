"""The registries of DFU 1.1a and DfuSe: requests, states, statuses, commands (DFU 1.1a, chapters 3 and 6.1; ST UM0391, DfuSe 1.1a)."""

from __future__ import annotations

import enum
from typing import Final, Self

TRANSFER_SIZE: Final = 4096
"""wTransferSize of every Particle bootloader: bytes of a block, and what a block number counts in."""

FIRST_BLOCK: Final = 2
"""wValue of the first data block; 0 means a command, 1 means nothing."""

LEAVE_DELAY: Final = 0.5
"""Seconds from the last answer of a bootloader that leaves DFU mode to its reset (Device OS 2.3.1, usbd_dfu_core.c: 500 ticks)."""

PROTECTION_STRING: Final = 0xFA
"""Index of the string that tells the state of Device Protection (Device OS 6.2.0, bootloader/src/nRF52840/usbd_device.cpp:769-773)."""


class DfuRequest(enum.IntEnum):
    """bRequest of the class requests."""

    DETACH = 0
    DNLOAD = 1
    UPLOAD = 2
    GETSTATUS = 3
    CLRSTATUS = 4
    GETSTATE = 5
    ABORT = 6


class DfuState(enum.IntEnum):
    """bState. The names are those of the standard without their prefix "dfu"."""

    APP_IDLE = 0
    APP_DETACH = 1
    IDLE = 2
    DNLOAD_SYNC = 3
    DNBUSY = 4
    DNLOAD_IDLE = 5
    MANIFEST_SYNC = 6
    MANIFEST = 7
    MANIFEST_WAIT_RESET = 8
    UPLOAD_IDLE = 9
    ERROR = 10


class DfuStatus(enum.IntEnum):
    """bStatus, with what it says in words."""

    text: str

    def __new__(cls, value: int, text: str = "") -> Self:
        """A member with its words."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    OK = 0x00, "no error"
    ERR_TARGET = 0x01, "the file is not for this device"
    ERR_FILE = 0x02, "the file fails a check of the device's maker"
    ERR_WRITE = 0x03, "the memory cannot be written"
    ERR_ERASE = 0x04, "the memory cannot be erased"
    ERR_CHECK_ERASED = 0x05, "the memory is not blank after erasing"
    ERR_PROG = 0x06, "programming failed"
    ERR_VERIFY = 0x07, "the memory does not hold what was programmed"
    ERR_ADDRESS = 0x08, "the address is out of range"
    ERR_NOTDONE = 0x09, "the download ended before all data was there"
    ERR_FIRMWARE = 0x0A, "the firmware is damaged; the device cannot leave DFU mode"
    ERR_VENDOR = 0x0B, "an error of the device's maker"
    ERR_USBR = 0x0C, "an unexpected USB reset"
    ERR_POR = 0x0D, "an unexpected power-on reset"
    ERR_UNKNOWN = 0x0E, "something went wrong, the device cannot tell what"
    ERR_STALLEDPKT = 0x0F, "an unexpected request"


class DfuseCommand(enum.IntEnum):
    """First byte of a download to block 0. The last two are Particle's own, of bootloaders since Device OS 6.1.1."""

    GET_COMMANDS = 0x00
    SET_ADDRESS = 0x21
    ERASE = 0x41
    READ_UNPROTECT = 0x92
    ENTER_SAFE_MODE = 0xFA
    CLEAR_PROTECTION_OVERRIDE = 0xFB


class Leave(enum.Enum):
    """How the bootloader leaves DFU mode."""

    RESTART = "restart"
    SAFE_MODE = "safe mode"
