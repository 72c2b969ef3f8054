"""Why devices were turned away, and what of theirs was not understood: what a board that blinks for ever does not say itself.

Kept in memory only, and no more than the newest of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from emulator.clock import Clock
from emulator.mishaps import Mishaps
from particle_protocol.protocol_errors import ProtocolErrorCode

KEPT = 100
"""Entries of each kind that are kept."""
SHOWN_BYTES = 48
"""Bytes of a message that are shown."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A connection that came to nothing: from where, of which device as far as it said, when (the Lab's time), with which error, and why.

    `code` is None when the handshake went well and the cloud does not want the device.
    """

    peer: str
    device_id: str | None
    when: float
    code: ProtocolErrorCode | None
    why: str

    def __str__(self) -> str:
        error = "" if self.code is None else f" (error {self.code.value}, {self.code.name})"
        return f"{self.peer}, device {self.device_id or 'unknown'}: {self.why}{error}"


@dataclass(frozen=True, slots=True)
class DroppedMessage:
    """A message of a connected device that was dropped, because it could not be understood. The session went on."""

    peer: str
    device_id: str
    when: float
    message: bytes
    why: str

    def __str__(self) -> str:
        shown = self.message[:SHOWN_BYTES].hex() + ("..." if len(self.message) > SHOWN_BYTES else "")
        return f"{self.peer}, device {self.device_id}: a message was dropped: {self.why}; it is {shown or 'empty'}"


@dataclass(frozen=True, slots=True)
class DisbelievedFact:
    """What a connected device said of itself and cannot be true: `fact` is what it is about. The cloud did not take it over."""

    peer: str
    device_id: str
    when: float
    fact: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.peer}, device {self.device_id}: its {self.fact} was not taken over: {self.why}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A device came or went: from where, when, and what happened."""

    peer: str
    device_id: str
    when: float
    what: str

    def __str__(self) -> str:
        return f"{self.peer}, device {self.device_id}: {self.what}"


Entry: TypeAlias = Refusal | DroppedMessage | DisbelievedFact


class DeviceLog:
    """What the cloud notes of devices' connections. `listeners` hear of every entry; the counters go on when old entries are forgotten."""

    def __init__(self, mishaps: Mishaps | None = None) -> None:
        self._mishaps = Mishaps(Clock()) if mishaps is None else mishaps
        self.refusals: deque[Refusal] = deque(maxlen=KEPT)
        self.dropped: deque[DroppedMessage] = deque(maxlen=KEPT)
        self.disbelieved: deque[DisbelievedFact] = deque(maxlen=KEPT)
        self.visits: deque[Visit] = deque(maxlen=KEPT)
        self.refusal_count = 0
        self.dropped_count = 0
        self.listeners: list[Callable[[Entry], None]] = []

    def refused(self, refusal: Refusal) -> None:
        """A device was turned away."""
        self.refusals.append(refusal)
        self.refusal_count += 1
        self._announce(refusal)

    def drop(self, message: DroppedMessage) -> None:
        """A message was dropped."""
        self.dropped.append(message)
        self.dropped_count += 1
        self._announce(message)

    def disbelieve(self, fact: DisbelievedFact) -> None:
        """What a device said of itself was not taken over."""
        self.disbelieved.append(fact)
        self._announce(fact)

    def visited(self, visit: Visit) -> None:
        """A device came or went; nobody has to be told."""
        self.visits.append(visit)

    def forget(self) -> None:
        """Drop all entries, and count anew."""
        self.refusals.clear()
        self.dropped.clear()
        self.disbelieved.clear()
        self.visits.clear()
        self.refusal_count = self.dropped_count = 0

    def _announce(self, entry: Entry) -> None:
        for listener in tuple(self.listeners):
            self._mishaps.fenced("a listener of the log of devices", listener, entry)
