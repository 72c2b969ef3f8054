"""The device's end of DFU: class requests in, memory operations and events out.

The course of a download, as the host sees it:

```
IDLE ── DNLOAD n bytes ──► DNLOAD_SYNC ── GETSTATUS ──► "DNBUSY, ask again in t ms"; now the operation is carried out
                                                              │ t ms later, GETSTATUS
IDLE ◄── ABORT ── DNLOAD_IDLE ◄───────────────────────────────┘
DNLOAD_IDLE or IDLE ── DNLOAD 0 bytes ──► MANIFEST_SYNC ── GETSTATUS ──► the board leaves: `on_leave`, then only its reset helps
IDLE ── UPLOAD ──► UPLOAD_IDLE ── ABORT ──► IDLE          ERROR ── CLRSTATUS ──► IDLE
```

Which request is allowed in which state, and what a refusal looks like, is in `rules`. The memory's operations run within the transfer that
reports DNBUSY, after its answer is made; whatever they raise but `DfuFault` passes through (a power cut, say), and the host never gets
that answer. A board that is still busy answers GETSTATUS with DNBUSY and the time that is left; any other request finds the work done, for
a real board leaves the host waiting until it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from particle_protocol.dfu.codes import FIRST_BLOCK, TRANSFER_SIZE, DfuRequest, DfuseCommand, DfuState, DfuStatus, Leave
from particle_protocol.dfu.errors import DfuFault
from particle_protocol.dfu.memory_map import DfuseMap
from particle_protocol.dfu.rules import RULES, Refusal
from particle_protocol.platforms import McuFamily
from particle_protocol.usb import Setup, Stall

_OUT: Final = 0x21
_IN: Final = 0xA1
_PROTECTED_TEXT: Final = "The device is protected"

_WITH_ANSWER: Final = frozenset({DfuRequest.UPLOAD, DfuRequest.GETSTATUS, DfuRequest.GETSTATE})
_ASKING: Final = frozenset({DfuRequest.GETSTATUS, DfuRequest.GETSTATE})
_ALWAYS_ALLOWED: Final = frozenset({DfuseCommand.ENTER_SAFE_MODE, DfuseCommand.CLEAR_PROTECTION_OVERRIDE})
"""What Device Protection lets through."""

_COMMAND_LENGTH: Final = 5
_pointer = struct.Struct("<I")

_pack_status = struct.Struct("<IBB").pack
"""bStatus and bwPollTimeout as one word, bState, iString."""


class DfuMemory(Protocol):
    """The memory behind one alternate.

    `name` is its DfuSe memory map as text. `erase_time` and `program_time` are seconds, 0 for at once: what a block costs, and what the
    host is told to wait. Addresses have been checked against the map, and `data` never leaves it.
    """

    name: str
    erase_time: float
    program_time: float

    def read(self, address: int, length: int) -> bytes:
        """Give `length` bytes.

        Raises:
            DfuFault: there is nothing to read there.
        """

    def erase(self, address: int) -> None:
        """Erase the sector that starts at `address`. A memory that needs no erasing (DCT) does nothing.

        Raises:
            DfuFault: the sector cannot be erased.
        """

    def program(self, address: int, data: bytes) -> None:
        """Write `data`, at most 4,096 bytes.

        Raises:
            DfuFault: it cannot be written there.
        """


class DfuDevice:
    """The DFU state machine of one bootloader.

    Args:
        alternates: the memories, by alternate setting.
        family: which bootloader.
        on_leave: called when the host has been told that the board leaves DFU mode; the board resets `LEAVE_DELAY` seconds later.
        on_detach: called for DETACH; the board leaves the bus and comes back as it is.
        protected: whether Device Protection is on now.
        on_clear_override: called when the host ends service mode.
        extensions: whether the bootloader knows Particle's own commands 0xFA and 0xFB (Gen 3 on, since Device OS 6.1.1).

    Raises:
        ValueError: the family has no DFU.
    """

    def __init__(
        self,
        alternates: Sequence[DfuMemory],
        family: McuFamily,
        *,
        on_leave: Callable[[Leave], None],
        on_detach: Callable[[], None] | None = None,
        protected: Callable[[], bool] | None = None,
        on_clear_override: Callable[[], None] | None = None,
        extensions: bool = True,
    ) -> None:
        if family not in RULES:
            raise ValueError(f"boards with {family.value} have no DFU mode that is known here")
        self.alternates = tuple(alternates)
        self.rules = RULES[family]
        self.alternate = 0
        """The alternate setting that SET_INTERFACE chose."""
        self.state = DfuState.IDLE
        self.status = DfuStatus.OK
        self.pointer = 0
        """The address pointer of DfuSe."""
        self._maps = tuple(DfuseMap.parse(memory.name) for memory in self.alternates)
        self._on_leave = on_leave
        self._on_detach = on_detach
        self._protected = protected
        self._on_clear_override = on_clear_override
        self._commands = tuple(c for c in self.rules.commands if extensions or c < DfuseCommand.ENTER_SAFE_MODE)
        self._leave = Leave.RESTART
        self._block: tuple[int, bytes] | None = None
        self._busy: tuple[float, DfuState, DfuStatus] | None = None
        self._refused_by_protection = False
        self._handlers: dict[int, Callable[[Setup, bytes, float], bytes]] = {
            DfuRequest.DETACH: self._detach,
            DfuRequest.DNLOAD: self._dnload,
            DfuRequest.UPLOAD: self._upload,
            DfuRequest.GETSTATUS: self._get_status,
            DfuRequest.CLRSTATUS: self._to_idle,
            DfuRequest.GETSTATE: self._get_state,
            DfuRequest.ABORT: self._to_idle,
        }

    def control(self, setup: Setup, data: bytes, now: float) -> bytes:
        """Carry out one class request at time `now` (seconds); returns the data stage of an IN transfer.

        Raises:
            Stall: the request is unknown, or not allowed in this state.
        """
        handler = self._handlers.get(setup.request)
        if handler is None or setup.request_type != (_IN if setup.request in _WITH_ANSWER else _OUT):
            raise Stall(f"no DFU request: {setup}")
        request = DfuRequest(setup.request)
        if self._busy is not None:
            until, after, status = self._busy
            if now < until and request in _ASKING:
                asked = self._report(DfuState.DNBUSY, until - now) if request is DfuRequest.GETSTATUS else bytes((DfuState.DNBUSY,))
                return asked[: setup.length]
            self._busy = None
            self.state, self.status = after, status
        if self.state not in self.rules.allowed[request]:
            return self._refuse(request)
        return handler(setup, data, now)[: setup.length]

    def reset(self) -> None:
        """Start anew, as on a bus reset or SET_CONFIGURATION."""
        self._to(DfuState.IDLE)
        self.alternate = 0
        self.pointer = 0

    def string(self, index: int) -> str | None:
        """The string that iString of the last GETSTATUS points to; None for any other index."""
        return _PROTECTED_TEXT if self._refused_by_protection and index == self.rules.error_string else None

    def _to(self, state: DfuState, status: DfuStatus = DfuStatus.OK) -> None:
        """Enter a state with nothing left over from the last one."""
        self.state = state
        self.status = status
        self._block = None
        self._busy = None
        self._leave = Leave.RESTART
        self._refused_by_protection = False

    def _refuse(self, request: DfuRequest) -> bytes:
        state = self.state
        refusal = self.rules.refusals[request]
        if refusal in (Refusal.STALL_AND_ERROR, Refusal.ERROR):
            self._to(DfuState.ERROR, DfuStatus.ERR_UNKNOWN)
        if refusal in (Refusal.STALL_AND_ERROR, Refusal.STALL):
            raise Stall(f"DFU {request.name} is not allowed in state {state.name}")
        return b""

    def _report(self, state: DfuState, seconds: float = 0.0) -> bytes:
        milliseconds = min(round(seconds * 1000), 0xFFFFFF)
        string = self.rules.error_string if self._refused_by_protection else 0
        return _pack_status(self.status | milliseconds << 8, state, string)

    def _refused_protected(self) -> bool:
        """Whether Device Protection is on; the state is ERROR then."""
        if self._protected is None or not self._protected():
            return False
        self._to(DfuState.ERROR, DfuStatus.ERR_VENDOR)
        self._refused_by_protection = True
        return True

    def _to_idle(self, setup: Setup, data: bytes, now: float) -> bytes:
        self._to(DfuState.IDLE)
        return b""

    def _detach(self, setup: Setup, data: bytes, now: float) -> bytes:
        self._to(DfuState.IDLE)
        if self._on_detach is not None:
            self._on_detach()
        return b""

    def _get_state(self, setup: Setup, data: bytes, now: float) -> bytes:
        return bytes((self.state,))

    def _get_status(self, setup: Setup, data: bytes, now: float) -> bytes:
        if self.state is DfuState.DNLOAD_SYNC:
            if self._block is not None:
                return self._carry_out(*self._block, now)
            self.state = DfuState.DNLOAD_IDLE
        elif self.state is DfuState.MANIFEST_SYNC:
            self.state = DfuState.MANIFEST_WAIT_RESET
            self._on_leave(self._leave)
            return self._report(self.rules.after_leave_request)
        return self._report(self.state)

    def _dnload(self, setup: Setup, data: bytes, now: float) -> bytes:
        if len(data) > TRANSFER_SIZE:
            raise Stall(f"a DFU block has at most {TRANSFER_SIZE} bytes, not {len(data)}")
        if data:
            self._block = (setup.value, bytes(data))
            self.state = DfuState.DNLOAD_SYNC
        else:
            self.state = DfuState.MANIFEST_SYNC
        return b""

    def _carry_out(self, block: int, data: bytes, now: float) -> bytes:
        """Report DNBUSY, and do what the last download asks for."""
        self._block = None
        command = data[0] if block == 0 else None
        if command not in _ALWAYS_ALLOWED and self._refused_protected():
            return self._report(self.state)
        told, taken = self._times(command)
        answer = self._report(DfuState.DNBUSY, told)
        self.state = self.rules.after_block
        outcome = self._program(block, data) if command is None else self._command(command, data)
        if outcome is not DfuStatus.OK:
            self._to(DfuState.ERROR, outcome)
        if taken:
            self._busy = (now + taken, self.state, self.status)
            self.state, self.status = DfuState.DNBUSY, DfuStatus.OK
        return answer

    def _times(self, command: int | None) -> tuple[float, float]:
        """Seconds the host is told to wait, and seconds the board is busy."""
        memory = self._memory
        if command == DfuseCommand.ERASE:
            return memory.erase_time, memory.erase_time
        if command is None:
            return memory.program_time, memory.program_time
        return (memory.program_time if self.rules.commands_take_time else 0.0), 0.0

    def _command(self, command: int, data: bytes) -> DfuStatus:
        """Carry out a DfuSe command; returns the error, or OK."""
        if command == DfuseCommand.SET_ADDRESS and len(data) == _COMMAND_LENGTH:
            (self.pointer,) = _pointer.unpack_from(data, 1)
            return DfuStatus.OK
        if command == DfuseCommand.ERASE and len(data) == _COMMAND_LENGTH:
            (address,) = _pointer.unpack_from(data, 1)
            if self.rules.erase_moves_pointer:
                self.pointer = address
            return self._erase(address)
        if command in _ALWAYS_ALLOWED and command in self._commands:
            if command == DfuseCommand.ENTER_SAFE_MODE:
                self._leave = Leave.SAFE_MODE
                self.state = DfuState.MANIFEST_SYNC
            elif self._on_clear_override is not None:
                self._on_clear_override()
            return DfuStatus.OK
        return self._odd_command(command, data)

    def _odd_command(self, command: int, data: bytes) -> DfuStatus:
        """A command that asks for nothing, has a wrong length, or is none."""
        unknown = self.rules.unknown_command
        if unknown is None:
            if command == DfuseCommand.GET_COMMANDS and len(data) == 1:
                return DfuStatus.OK
            raise Stall(f"no DfuSe command: {data[:8].hex()}")
        if command == DfuseCommand.GET_COMMANDS:
            self.state = DfuState.DNBUSY  # the bootloader forgets to go on from here; the next request ends in ERROR
            return DfuStatus.OK
        if command == DfuseCommand.ERASE and len(data) == 1:
            return DfuStatus.ERR_TARGET  # of everything
        known = command in (DfuseCommand.SET_ADDRESS, DfuseCommand.ERASE, DfuseCommand.READ_UNPROTECT)
        return DfuStatus.ERR_UNKNOWN if known else unknown

    @property
    def _memory(self) -> DfuMemory:
        return self.alternates[self.alternate]

    def _fault(self) -> DfuStatus:
        return DfuStatus.ERR_UNKNOWN if self.rules.tells_faults else DfuStatus.OK

    def _erase(self, address: int) -> DfuStatus:
        segment = self._maps[self.alternate].segment_at(address)
        if segment is None or not (segment.erasable or segment.writable):
            return self._fault()
        if segment.erasable:
            try:
                self._memory.erase(segment.sector_start(address))
            except DfuFault:
                return self._fault()
        return DfuStatus.OK

    def _program(self, block: int, data: bytes) -> DfuStatus:
        if block < FIRST_BLOCK:
            return DfuStatus.OK if self.rules.block_1 is None else self.rules.block_1
        address = self.pointer + (block - FIRST_BLOCK) * TRANSFER_SIZE
        span = self._maps[self.alternate].span(address, len(data))
        if not span or not all(segment.writable for segment in span):
            return self._fault()
        try:
            self._memory.program(address, data)
        except DfuFault:
            return self._fault()
        return DfuStatus.OK

    def _upload(self, setup: Setup, data: bytes, now: float) -> bytes:
        block, length = setup.value, setup.length
        if block == 0:
            self._to(DfuState.IDLE)
            return bytes(self._commands)
        if length == 0:
            self._to(DfuState.IDLE)
            return b""
        if self._refused_protected():
            return b""
        if block < FIRST_BLOCK or length > TRANSFER_SIZE:
            self._to(DfuState.ERROR, DfuStatus.ERR_UNKNOWN if self.rules.tells_faults else DfuStatus.ERR_STALLEDPKT)
            raise Stall(f"there is no DFU block to upload: {setup}")
        self.state = DfuState.UPLOAD_IDLE
        address = self.pointer + (block - FIRST_BLOCK) * TRANSFER_SIZE
        span = self._maps[self.alternate].span(address, length)
        try:
            if not span or not all(segment.readable for segment in span):
                raise DfuFault(f"nothing to read at {address:#010x}")
            return self._memory.read(address, length)
        except DfuFault as fault:
            if not self.rules.tells_faults:
                return bytes(length)
            self._to(DfuState.ERROR, DfuStatus.ERR_UNKNOWN)
            raise Stall(str(fault)) from fault
