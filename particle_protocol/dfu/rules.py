"""What differs between the bootloaders' DFU state machines, as data.

Two machines are in the field: that of Gen 2 (Device OS 2.3.1, platform/MCU/STM32F2xx/STM32_USB_Device_Driver/src/usbd_dfu_core.c), and that
of everything since (Device OS 6.2.0, bootloader/src/nRF52840/usbd_dfu.cpp, of which the Realtek one is a copy). Everything that depends on
the state a request arrives in is in the tables below; `device` looks nothing else up.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from particle_protocol.dfu.codes import DfuRequest, DfuseCommand, DfuState, DfuStatus
from particle_protocol.platforms import McuFamily

S = DfuState
R = DfuRequest


class Refusal(enum.Enum):
    """What becomes of a request that has no place in the present state."""

    STALL = "it stalls; the state stays"
    STALL_AND_ERROR = "it stalls; the state becomes ERROR"
    ERROR = "it is acknowledged; the state becomes ERROR"
    IGNORE = "it is acknowledged; nothing happens"


@dataclass(frozen=True, slots=True)
class Rules:
    """One state machine."""

    allowed: Mapping[DfuRequest, frozenset[DfuState]]
    """The states in which a request is carried out."""
    refusals: Mapping[DfuRequest, Refusal]
    """What happens to a request in any other state."""
    after_leave_request: DfuState
    """The state that GETSTATUS reports once after the host has asked to leave; after it the board waits for its reset."""
    after_block: DfuState
    """The state between the end of an operation and the GETSTATUS that reports DNLOAD_IDLE."""
    commands: tuple[DfuseCommand, ...]
    """What UPLOAD of block 0 lists."""
    tells_faults: bool
    """Whether a failed read, erase or write means ERROR. If not, nobody learns of it: nothing is erased or written, zeros are read."""
    block_1: DfuStatus | None
    """The error for data in block 1, which means nothing; None: it is thrown away."""
    unknown_command: DfuStatus | None
    """The error for a command that the bootloader does not know; None: the GETSTATUS that is to report DNBUSY stalls."""
    commands_take_time: bool
    """Whether a host is told to wait a block's time for any command, as the bootloader looks at the memory only."""
    erase_moves_pointer: bool
    """Whether ERASE leaves the address pointer at what it erased."""
    error_string: int
    """Index of the string that iString points to when Device Protection refuses."""
    interface_string: int
    """Index of the string with the memory map of alternate 0; those of the others follow."""


_ABORTABLE = frozenset({S.IDLE, S.DNLOAD_SYNC, S.DNLOAD_IDLE, S.MANIFEST_SYNC, S.UPLOAD_IDLE})
_EVERY_STATE = frozenset(S)

GEN2 = Rules(
    allowed=MappingProxyType(
        {
            R.DETACH: _ABORTABLE,
            R.DNLOAD: frozenset({S.IDLE, S.DNLOAD_IDLE}),
            R.UPLOAD: frozenset({S.IDLE, S.UPLOAD_IDLE}),
            R.GETSTATUS: _EVERY_STATE,
            R.CLRSTATUS: frozenset({S.ERROR}),
            R.GETSTATE: _EVERY_STATE,
            R.ABORT: _ABORTABLE,
        }
    ),
    refusals=MappingProxyType(
        {
            R.DETACH: Refusal.IGNORE,
            R.DNLOAD: Refusal.STALL,
            R.UPLOAD: Refusal.STALL,
            R.CLRSTATUS: Refusal.ERROR,
            R.ABORT: Refusal.IGNORE,
        }
    ),
    after_leave_request=S.DNLOAD_IDLE,
    after_block=S.DNLOAD_SYNC,
    commands=(DfuseCommand.GET_COMMANDS, DfuseCommand.SET_ADDRESS, DfuseCommand.ERASE),
    tells_faults=False,
    block_1=None,
    unknown_command=None,
    commands_take_time=True,
    erase_moves_pointer=True,
    error_string=0,
    interface_string=6,
)

_GEN3_ALLOWED = MappingProxyType(
    {
        R.DETACH: _ABORTABLE,
        R.DNLOAD: frozenset({S.IDLE, S.DNLOAD_IDLE}),
        R.UPLOAD: frozenset({S.IDLE, S.UPLOAD_IDLE}),
        R.GETSTATUS: frozenset({S.IDLE, S.DNLOAD_SYNC, S.DNLOAD_IDLE, S.MANIFEST_SYNC, S.MANIFEST, S.UPLOAD_IDLE, S.ERROR}),
        R.CLRSTATUS: frozenset({S.ERROR}),
        R.GETSTATE: _EVERY_STATE - {S.DNBUSY, S.MANIFEST, S.MANIFEST_WAIT_RESET},
        R.ABORT: _ABORTABLE,
    }
)

NRF52840 = Rules(
    allowed=_GEN3_ALLOWED,
    refusals=MappingProxyType(dict.fromkeys(DfuRequest, Refusal.STALL_AND_ERROR)),
    after_leave_request=S.MANIFEST,
    after_block=S.DNLOAD_IDLE,
    commands=(
        DfuseCommand.GET_COMMANDS,
        DfuseCommand.SET_ADDRESS,
        DfuseCommand.ERASE,
        DfuseCommand.ENTER_SAFE_MODE,
        DfuseCommand.CLEAR_PROTECTION_OVERRIDE,
    ),
    tells_faults=True,
    block_1=DfuStatus.ERR_TARGET,
    unknown_command=DfuStatus.ERR_STALLEDPKT,
    commands_take_time=False,
    erase_moves_pointer=False,
    error_string=10,
    interface_string=6,
)

RTL872X = dataclasses.replace(NRF52840, error_string=7, interface_string=5)

RULES: Mapping[McuFamily, Rules] = MappingProxyType(
    {
        McuFamily.STM32F2: GEN2,
        McuFamily.NRF52840: NRF52840,
        McuFamily.RTL872X: RTL872X,
    }
)
"""The state machine of each family that has DFU."""
