"""DFU 1.1a with ST's DfuSe extension, both ends: how firmware and settings get into a board whose bootloader runs.

Device: `DfuDevice` is the bootloader's state machine over `DfuMemory` objects. Host: `open_session` and the `DfuSession` it returns are
generators to be driven over a USB connection (see `particle_protocol.usb`).
"""

from particle_protocol.dfu.codes import (
    FIRST_BLOCK,
    LEAVE_DELAY,
    PROTECTION_STRING,
    TRANSFER_SIZE,
    DfuRequest,
    DfuseCommand,
    DfuState,
    DfuStatus,
    Leave,
)
from particle_protocol.dfu.device import DfuDevice, DfuMemory
from particle_protocol.dfu.errors import (
    AccessError,
    AddressError,
    DfuError,
    DfuFault,
    DfuMapError,
    DfuProtectedError,
    DfuProtocolError,
    DfuStatusError,
    DfuTimeout,
)
from particle_protocol.dfu.host import DfuReport, DfuSession, Progress, get_status, open_session
from particle_protocol.dfu.memory_map import DfuseMap, Segment, protected_map
from particle_protocol.dfu.rules import RULES, Rules

__all__ = [
    "FIRST_BLOCK",
    "LEAVE_DELAY",
    "PROTECTION_STRING",
    "RULES",
    "TRANSFER_SIZE",
    "AccessError",
    "AddressError",
    "DfuDevice",
    "DfuError",
    "DfuFault",
    "DfuMapError",
    "DfuMemory",
    "DfuProtectedError",
    "DfuProtocolError",
    "DfuReport",
    "DfuRequest",
    "DfuSession",
    "DfuState",
    "DfuStatus",
    "DfuStatusError",
    "DfuTimeout",
    "DfuseCommand",
    "DfuseMap",
    "Leave",
    "Progress",
    "Rules",
    "Segment",
    "get_status",
    "open_session",
    "protected_map",
]
