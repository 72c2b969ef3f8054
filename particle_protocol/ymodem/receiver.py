"""The receiving end as Device OS has it (2.3.1, system/src/system_ymodem.cpp), which differs from the book in places.

It does not look at a block's CRC (the module that comes has one of its own). It says C only when nothing came for a while, or rubbish did;
it says none after the end of a file, so a sender that waits for one there waits that while. A block that was received before gets NAK.
`a` or `A` in the place of a block ends it all. The last block, which says that no more files come, is acknowledged only once the file is
judged: when it is not sound, the answer is CAN CAN.
"""

from __future__ import annotations

import enum
from typing import Final, Protocol

from particle_protocol.ymodem.blocks import ACK, CAN, EOT, HEADER, NAK, SIZES, TRAILER, WANTS_CRC, decode_file_header

TIMEOUT: Final = 5.0
"""Seconds for a byte to come. No public source has the number; this one is a choice."""
MAX_ERRORS: Final = 5
_ABORT: Final = b"aA"
_IGNORED: Final = ord(" ")
_CANCEL: Final = bytes((CAN, CAN))


class Outcome(enum.Enum):
    """How a transfer ended."""

    RECEIVED = "received"
    INVALID = "the file is not sound"
    TOO_LARGE = "there is no room for the file"
    NOT_SAVED = "a block could not be saved"
    ABORTED = "aborted by the user"
    FAILED = "the transfer did not come about"


class FileSink(Protocol):
    """Who takes the file. All answers are immediate."""

    def begin_update(self, size: int) -> bool:
        """Make room for a file; whether there is."""

    def write_update(self, offset: int, data: bytes) -> bool:
        """Store a piece, the filling of the last block with it; whether it was."""

    def finish_update(self) -> int:
        """The file is complete: judge it. The checks that it failed, as bits; 0 when it is sound and will be installed."""

    def cancel_update(self) -> None:
        """The transfer has ended without the file; called whether there was a `begin_update` or not."""


class YmodemReceiver:
    """One transfer. Feed it bytes, send what `data_to_send` gives, call `handle_timer` at the `deadline`, until there is an `outcome`.

    Attributes:
        outcome: how it ended; None while it goes on.
        name: of the file, as it came.
        size: of the file, as announced; 0 where it was not.
        failed_checks: what `FileSink.finish_update` said.
    """

    def __init__(self, sink: FileSink, now: float) -> None:
        self.outcome: Outcome | None = None
        self.name = b""
        self.size = 0
        self.failed_checks = 0
        self._sink = sink
        self._out = bytearray()
        self._block = bytearray()
        self._cancelling = False
        self._blocks = 0
        self._offset = 0
        self._errors = 0
        self._last_heard = now

    def receive(self, pending: bytearray, now: float) -> None:
        """Take bytes out of `pending`; once there is an outcome, the rest is left in it."""
        self._last_heard = now if pending else self._last_heard
        while pending and self.outcome is None:
            if self._block:
                self._collect(pending)
            else:
                self._begin(pending.pop(0))

    def data_to_send(self) -> bytes:
        """What to send now; call it after every other method."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """When `handle_timer` is due; None when it is over."""
        return None if self.outcome is not None else self._last_heard + TIMEOUT

    def handle_timer(self, now: float) -> None:
        """The deadline has come: nothing did."""
        due = self.deadline()
        if due is not None and now >= due:
            self._last_heard = now
            self._block.clear()
            self._cancelling = False
            self._error()

    def _begin(self, byte: int) -> None:
        """The first byte of something."""
        if self._cancelling:
            self._cancelling = False
            if byte == CAN:
                self._out.append(ACK)
                self._end(Outcome.FAILED)
            else:
                self._error()
        elif byte in SIZES:
            self._block.append(byte)
        elif byte == EOT:
            self._errors = self._blocks = 0
            self._out.append(ACK)
        elif byte == CAN:
            self._cancelling = True
        elif byte in _ABORT:
            self._out += _CANCEL
            self._end(Outcome.ABORTED)
        elif byte == _IGNORED:
            self._out.append(ACK)
        else:
            self._error()

    def _collect(self, pending: bytearray) -> None:
        size = HEADER + SIZES[self._block[0]] + TRAILER
        missing = size - len(self._block)
        self._block += pending[:missing]
        del pending[:missing]
        if len(self._block) == size:
            _, number, complement = self._block[:HEADER]
            data = bytes(self._block[HEADER:-TRAILER])
            self._block.clear()
            if number ^ complement == 0xFF:
                self._got(number, data)
            else:
                self._error()

    def _got(self, number: int, data: bytes) -> None:
        """A block, whose number is right in itself."""
        self._errors = 0
        if number != self._blocks & 0xFF:
            self._out.append(NAK)
        elif self._blocks:
            self._store(data)
        elif data[0]:
            self._start(data)
        else:
            self._finish()

    def _start(self, data: bytes) -> None:
        self.name, self.size = decode_file_header(data)
        self._offset = 0
        self._blocks += 1
        if self._sink.begin_update(self.size):
            self._out += bytes((ACK, WANTS_CRC))
        else:
            self._out += _CANCEL
            self._end(Outcome.TOO_LARGE)

    def _store(self, data: bytes) -> None:
        self._blocks += 1
        if self._sink.write_update(self._offset, data):
            self._offset += len(data)
            self._out.append(ACK)
        else:
            self._out += _CANCEL
            self._end(Outcome.NOT_SAVED)

    def _finish(self) -> None:
        """No more files come."""
        if not self.size:
            self._end(Outcome.FAILED)
            return
        self.failed_checks = self._sink.finish_update()
        if self.failed_checks:
            self._out += _CANCEL
            self.outcome = Outcome.INVALID
        else:
            self._out.append(ACK)
            self.outcome = Outcome.RECEIVED

    def _error(self) -> None:
        self._errors += 1
        self._out.append(WANTS_CRC)
        if self._errors > MAX_ERRORS:
            self._out += _CANCEL
            self._end(Outcome.FAILED)

    def _end(self, outcome: Outcome) -> None:
        """It ended without a file: Device OS says so once more."""
        self._out += _CANCEL
        self.outcome = outcome
        self._sink.cancel_update()
