"""Sending an update, version 3: the cloud's end, without I/O.

What is lost is found by what arrives: a chunk is sent again when a later sending has been acknowledged, and its own acknowledgement is
overdue by a quarter of the way there and back (after RFC 8985). When nothing arrives any more the last chunk is sent once more, to learn
what is missing, and after that one chunk at a time, ever more slowly. How fast and how patient the real cloud is, is not public;
`SenderSettings` are choices.
"""

from __future__ import annotations

import enum
import itertools
import math
from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Message, is_success
from particle_protocol.messages.errors import MessageError
from particle_protocol.ota.answers import read_refusal
from particle_protocol.ota.outcomes import SenderResult, UpdateCancelled, UpdateFailed, UpdateTaken
from particle_protocol.ota.v3_messages import UpdateAck, UpdateChunk, UpdateFinish, UpdateStart, UpdateStarted

MIN_CHUNK_SIZE: Final = 512
MAX_CHUNK_SIZE: Final = 1136
"""What a device takes, in bytes, in steps of 4 (Device OS 6.2.0, communication/src/firmware_update.h)."""
FIRST_ROUND_TRIP: Final = 0.5
"""What is presumed of the way there and back before it is known, in seconds."""
ACK_DELAY: Final = 0.2
"""How long the device may hold an acknowledgement of a single chunk back, in seconds."""
MAX_TIMEOUT: Final = 8.0


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How an update is sent. Times in seconds."""

    chunk_size: int = MIN_CHUNK_SIZE
    first_in_flight: int = 16
    max_in_flight: int = 64
    """Chunks under way at a time: at first, and when everything arrives. The device's window bounds it too."""
    patience: float = 60.0
    """How long nothing may arrive before the update has failed."""


class Stage(enum.Enum):
    """What is awaited."""

    NEW = "nothing"
    STARTING = "the answer to the beginning"
    SENDING = "acknowledgements of chunks"
    FINISHING = "the verdict"
    CANCELLING = "the answer to the cancellation"
    OVER = "nothing more"


@dataclass(slots=True)
class _Flight:
    """A chunk that is under way: the number of its last sending, when that was, and whether it was the only one."""

    number: int
    at: float
    is_first: bool


class UpdateSender:
    """One update to one device.

    The owner sends what `messages_to_send` gives. A start and a finish are confirmable requests: it gives their answers to `answered`, or
    calls `unanswered`; acknowledgements of chunks are requests of the device, and go to `take_ack`. In the end there is a `result`.
    """

    def __init__(
        self,
        image: bytes,
        settings: SenderSettings,
        *,
        sha256: bytes | None = None,
        module_function: int | None = None,
        discard: bool = False,
    ) -> None:
        if not image:
            raise ValueError("a file of no bytes cannot be sent")
        if not MIN_CHUNK_SIZE <= settings.chunk_size <= MAX_CHUNK_SIZE or settings.chunk_size % 4:
            raise ValueError(f"chunks have {MIN_CHUNK_SIZE} to {MAX_CHUNK_SIZE} bytes in steps of 4, not {settings.chunk_size}")
        self.stage = Stage.NEW
        self.result: SenderResult | None = None
        self.resent = 0
        """How many chunks were sent again."""
        self._image = image
        self._settings = settings
        self._start = UpdateStart(len(image), settings.chunk_size, sha256, discard, module_function)
        self._open: UpdateStart | UpdateFinish | None = None
        self._out: list[UpdateStart | UpdateChunk | UpdateFinish] = []
        self._offset = 0
        self._count = 0
        self._window = 0
        self._acknowledged = 0
        self._next = 1
        self._sendings = 0
        self._last_sending = 0.0
        self._newest_arrived = 0
        self._flights: dict[int, _Flight] = {}
        """What is under way, in the order in which it was sent: what is due first comes first."""
        self._lost: set[int] = set()
        self._in_flight = settings.first_in_flight
        self._round_trip = FIRST_ROUND_TRIP
        self._shortest = 0.0
        self._silences = 0
        self._last_news = 0.0

    @property
    def progress(self) -> tuple[int, int]:
        """How many bytes the device is known to have, and how many there are."""
        return min(self._offset + self._acknowledged * self._settings.chunk_size, len(self._image)), len(self._image)

    def start(self, now: float) -> None:
        """Ask the device to begin."""
        self.stage = Stage.STARTING
        self._last_news = now
        self._ask(self._start)

    def cancel(self, *, discard: bool = False) -> None:
        """Break the update off; with `discard` the device is to keep nothing of it. Once the verdict is asked for it is too late."""
        if self.stage in (Stage.STARTING, Stage.SENDING):
            self.stage = Stage.CANCELLING
            self._out.clear()
            self._ask(UpdateFinish(cancel=True, discard=discard))
        elif self.stage is Stage.NEW:
            self._end(UpdateCancelled())

    def messages_to_send(self) -> list[UpdateStart | UpdateChunk | UpdateFinish]:
        """What is to be sent now, in this order. Each is given once."""
        out, self._out = self._out, []
        return out

    def answered(self, request: UpdateStart | UpdateFinish, message: Message, now: float) -> None:
        """The device has answered a request. An answer that is awaited no more is passed over."""
        if request is not self._open:
            return
        self._open = None
        self._last_news = now
        if not is_success(message.code):
            refusal = read_refusal(message)
            self._end(UpdateFailed(f"the device refused the update: {refusal}", refusal))
        elif self.stage is Stage.STARTING:
            self._started(message, now)
        else:
            self._end(UpdateTaken(message.payload) if self.stage is Stage.FINISHING else UpdateCancelled())

    def unanswered(self, request: UpdateStart | UpdateFinish, why: str) -> None:
        """No answer to a request will come."""
        if request is self._open:
            self._end(UpdateFailed(f"{self.stage.value} did not come: {why}", timed_out=True))

    def chunk_rejected(self) -> None:
        """The device has answered a chunk by a reset: it takes none."""
        if self.stage is Stage.SENDING:
            have, size = self.progress
            self._end(UpdateFailed(f"the device no longer knows of the update; it had {have} of {size} bytes: it was reset, or gave up"))

    def take_ack(self, message: Message, now: float) -> None:
        """The device says which chunks it has.

        Raises:
            MessageError: a malformed acknowledgement.
        """
        ack = UpdateAck.decode(message)
        if self.stage is not Stage.SENDING or ack.index > self._count:
            return
        whole = ack.index
        arrived = [index for index in self._flights if index <= whole or (ack.bitmap and ack.has(index))]
        for index in arrived:
            self._arrived(self._flights.pop(index), now)
        if self._lost:
            self._lost = {index for index in self._lost if not ack.has(index)}
        if arrived or ack.index > self._acknowledged:
            self._acknowledged = max(self._acknowledged, ack.index)
            self._last_news = now
            self._silences = 0
            self._in_flight = min(self._in_flight + len(arrived), self._settings.max_in_flight)
        self._give_up_overdue(now)
        self._go_on(now)

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None: to requests their carrier gives time."""
        if self.stage is not Stage.SENDING:
            return None
        oldest = next(iter(self._flights.values()), None)
        overdue = math.inf if oldest is None else self._overdue_at(oldest)
        return min(overdue, self._silent_at(), self._last_news + self._settings.patience)

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        due = self.deadline()
        if due is None or now < due:
            return
        if now >= self._last_news + self._settings.patience:
            have, size = self.progress
            why = f"the device acknowledged nothing for {self._settings.patience:g} s; it has {have} of {size} bytes"
            self._end(UpdateFailed(why, timed_out=True))
            return
        self._give_up_overdue(now)
        if self._flights and now >= self._silent_at():
            self._silences += 1
            if self._silences == 1:
                self.resent += 1
                self._send(max(self._flights), now, is_first=False)
                return
            self._lost.update(self._flights)
            self._flights.clear()
            self._in_flight = 1
        self._go_on(now)

    def _overdue_at(self, flight: _Flight) -> float:
        """When a chunk counts as lost. Never, as long as nothing that was sent later has arrived."""
        return flight.at + 1.25 * self._round_trip if flight.number < self._newest_arrived else math.inf

    def _silent_at(self) -> float:
        """Until when something has to arrive."""
        delay = 2 * self._round_trip + (ACK_DELAY if len(self._flights) < 2 else ACK_DELAY / 10)
        return self._last_sending + min(delay * 2.0**self._silences, MAX_TIMEOUT)

    def _give_up_overdue(self, now: float) -> None:
        overdue = list(itertools.takewhile(lambda index: self._overdue_at(self._flights[index]) <= now, self._flights))
        for index in overdue:
            del self._flights[index]
        self._lost.update(overdue)

    def _started(self, message: Message, now: float) -> None:
        try:
            started = UpdateStarted.decode(message)
        except MessageError as error:
            self._end(UpdateFailed(f"the device's answer cannot be understood: {error}"))
            return
        if started.offset > len(self._image):
            self._end(UpdateFailed(f"the device says it holds {started.offset} bytes of a file of {len(self._image)}"))
            return
        self.stage = Stage.SENDING
        self._offset, self._window = started.offset, started.window
        self._count = -(-(len(self._image) - started.offset) // self._settings.chunk_size)
        self._go_on(now)

    def _arrived(self, flight: _Flight, now: float) -> None:
        took = now - flight.at
        if flight.is_first:
            self._round_trip = 0.875 * self._round_trip + 0.125 * took if self._shortest else took
            self._shortest = min(self._shortest or took, took)
        # What came back faster than anything can was an earlier sending of the same chunk.
        if flight.is_first or took >= self._shortest:
            self._newest_arrived = max(self._newest_arrived, flight.number)

    def _go_on(self, now: float) -> None:
        """Send as much as may be under way, what was lost first; ask for the verdict when the device has everything."""
        if self._acknowledged >= self._count:
            self.stage = Stage.FINISHING
            self._flights.clear()
            self._ask(UpdateFinish())
            return
        while len(self._flights) < self._in_flight:
            if self._lost:
                index = min(self._lost)
                self._lost.discard(index)
                self.resent += 1
                self._send(index, now, is_first=False)
            elif self._next <= min(self._count, self._acknowledged + self._window):
                self._send(self._next, now, is_first=True)
                self._next += 1
            else:
                return

    def _send(self, index: int, now: float, *, is_first: bool) -> None:
        self._sendings += 1
        self._last_sending = now
        self._flights.pop(index, None)
        self._flights[index] = _Flight(self._sendings, now, is_first)
        at = self._offset + (index - 1) * self._settings.chunk_size
        self._out.append(UpdateChunk(index, self._image[at : at + self._settings.chunk_size]))

    def _ask(self, request: UpdateStart | UpdateFinish) -> None:
        self._open = request
        self._out.append(request)

    def _end(self, result: SenderResult) -> None:
        self.stage = Stage.OVER
        self._open = None
        self.result = result
        self._flights.clear()
        self._out.clear()
