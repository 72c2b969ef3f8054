"""The board's end of an update by YModem, `f` (Device OS 2.3.1, system/src/system_ymodem.cpp:300-356, system_update.cpp:214-250)."""

from __future__ import annotations

from typing import Final, Protocol

from particle_protocol.listening import texts
from particle_protocol.listening.events import ConsoleEvent, RestartForUpdate
from particle_protocol.ymodem.receiver import FileSink, Outcome, YmodemReceiver

ANNOUNCED_AFTER: Final = 1.0
RESTART_AFTER: Final = 0.1
"""Seconds from the end of the transfer until the restart is announced, and from there to the restart."""
_ENDINGS: Final = {
    Outcome.TOO_LARGE: texts.UPDATE_TOO_LARGE,
    Outcome.NOT_SAVED: texts.UPDATE_NOT_SAVED,
    Outcome.ABORTED: texts.UPDATE_ABORTED,
    Outcome.FAILED: texts.UPDATE_FAILED,
}


class Console(Protocol):
    """What an update needs of the console it comes over."""

    @property
    def firmware(self) -> FileSink:
        """Who takes the update."""

    def print(self, text: str | bytes) -> None:
        """Send text to the host."""

    def tell(self, event: ConsoleEvent) -> None:
        """Add an event."""


class SerialUpdate:
    """One update. While it is `active` the console leaves its input to it."""

    def __init__(self, console: Console, now: float) -> None:
        self._console = console
        self._transfer = YmodemReceiver(console.firmware, now)
        self._due: float | None = None
        self._announced = False

    @property
    def active(self) -> bool:
        """Whether it goes on, the restart after it included."""
        return self._transfer.outcome is None or self._due is not None

    def receive(self, pending: bytearray, now: float) -> None:
        """Take bytes from the host, as far as they belong to the transfer."""
        if self._transfer.outcome is None:
            self._transfer.receive(pending, now)
            self._tell_end(now)

    def deadline(self) -> float | None:
        """When `handle_timer` is due, or None."""
        return self._transfer.deadline() if self._due is None else self._due

    def handle_timer(self, now: float) -> None:
        """The deadline has come."""
        if self._due is None:
            self._transfer.handle_timer(now)
            self._tell_end(now)
        elif now >= self._due and not self._announced:
            self._announced = True
            self._console.print(texts.UPDATE_RESTARTS)
            self._due = now + RESTART_AFTER
        elif now >= self._due:
            self._due = None
            self._console.tell(RestartForUpdate())

    def _tell_end(self, now: float) -> None:
        """Pass on what the transfer sends; when it is over, say how it ended."""
        transfer = self._transfer
        self._console.print(transfer.data_to_send())
        if transfer.outcome is None:
            return
        if transfer.outcome is Outcome.RECEIVED:
            self._console.print(texts.UPDATE_RECEIVED)
            self._console.print(b"Name: " + transfer.name + b"\r\n")
            self._console.print(f"Size: {transfer.size} bytes\r\n")
            self._due = now + ANNOUNCED_AFTER
        elif transfer.outcome is Outcome.INVALID:
            self._console.print(f"Validation failed: {transfer.failed_checks:#x}\r\n")
        else:
            self._console.print(_ENDINGS[transfer.outcome])
