"""Receiving an update, versions 1 and 2: the device's end, without I/O.

Source: Device OS 2.3.1, communication/src/chunked_transfer.cpp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from particle_protocol.coap import Code, Message
from particle_protocol.control_requests.codes import Result
from particle_protocol.ota.answers import Reply, UpdateFault
from particle_protocol.ota.outcomes import ApplyUpdate, ReceiverEvent, TransferEnded, TransferProgress, TransferStarted
from particle_protocol.updates import DEFAULT_CHUNK_SIZE, Chunk, ChunkMissed, UpdateBegin, UpdateReady

CHUNK_TIMEOUT: Final = 300.0
"""How long a transfer may stand still before the device resets, in seconds (2.3.1, system/inc/system_cloud.h:371-373)."""
MAX_CHUNKS: Final = 0xFFFF
MAX_MISSED: Final = 40
"""How many missed chunks are listed at a time."""

Outgoing: TypeAlias = Reply | UpdateReady | ChunkMissed


class UpdateSink(Protocol):
    """Where an update over the air goes. Sizes and offsets in bytes."""

    @property
    def capacity(self) -> int:
        """The largest file that can be taken."""

    def begin(self, size: int) -> None:
        """Make room for a file.

        Raises:
            ValueError: there is none.
        """

    def write(self, offset: int, data: bytes) -> None:
        """Store a piece of the file."""

    def finish(self) -> int:
        """The file is complete: judge it. 0, or the system's (negative) error number."""

    def cancel(self) -> None:
        """Forget the file."""


@dataclass(frozen=True, slots=True)
class ReceiverWays:
    """What differs by version: how a refusal looks, and what the cloud is told of a finished file, given the verdict."""

    verdict: Callable[[int], bytes]
    refuses_without_token: bool = False
    """A refused update is answered 4.00 without a token (up to 0.7.0)."""


@dataclass(slots=True)
class _Transfer:
    """A transfer under way. `next` is the place of the next chunk in a slow one, `missing` the chunks that have not come."""

    sink: UpdateSink
    fast: bool
    size: int
    chunk_size: int
    count: int
    missing: set[int]
    next: int = 0
    received: int = 0


class ChunkedReceiver:
    """At most one transfer at a time. The owner gives it the cloud's requests, and sends what `messages_to_send` gives."""

    __slots__ = ("_deadline", "_events", "_out", "_transfer", "_ways")

    def __init__(self, ways: ReceiverWays) -> None:
        self._ways = ways
        self._transfer: _Transfer | None = None
        self._deadline: float | None = None
        self._out: list[Outgoing] = []
        self._events: list[ReceiverEvent] = []

    @property
    def running(self) -> bool:
        """Whether a transfer is under way. No pings are sent meanwhile."""
        return self._transfer is not None

    def messages_to_send(self) -> list[Outgoing]:
        """What is to be sent now, in this order. Each is given once."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[ReceiverEvent]:
        """What has happened since the last time this was asked."""
        events, self._events = self._events, []
        return events

    def deadline(self) -> float | None:
        """When the transfer has stood still for too long."""
        return self._deadline

    def handle_timer(self, now: float) -> None:
        """Give up a transfer that stands still."""
        if self._deadline is not None and now >= self._deadline:
            self.cancel()
            self._events.append(TransferEnded(UpdateFault(Result.TIMEOUT, f"no chunk came for {CHUNK_TIMEOUT:g} s")))

    def take_begin(self, message: Message, sink: UpdateSink | None, now: float) -> None:
        """The cloud offers a file, which would go into `sink`; None refuses it. A transfer under way is forgotten.

        Raises:
            MessageError: a malformed offer.
        """
        begin = UpdateBegin.decode(message)
        self.cancel()
        chunk_size = begin.chunk_size or DEFAULT_CHUNK_SIZE
        size = begin.file_size or (0 if sink is None else sink.capacity)
        count = -(-size // chunk_size)
        if sink is None or size > sink.capacity or count > MAX_CHUNKS or not _made_room(sink, size):
            self._refuse(message)
            return
        self._out.append(Reply(message, Code.EMPTY, in_ack=True))
        self._transfer = _Transfer(sink, begin.fast, size, chunk_size, count, set(range(count)))
        self._deadline = now + CHUNK_TIMEOUT
        self._out.append(UpdateReady(message.token, begin.fast))
        self._events.append(TransferStarted(size, chunk_size))

    def take_chunk(self, message: Message, now: float) -> None:
        """A piece of the file has come; one that belongs to no transfer is passed over.

        Raises:
            MessageError: a malformed chunk.
        """
        chunk = Chunk.decode(message)
        transfer = self._transfer
        if transfer is None:
            return
        self._deadline = now + CHUNK_TIMEOUT
        index = chunk.index if transfer.fast and chunk.index is not None else transfer.next
        intact = chunk.is_intact and index < transfer.count
        if intact:
            self._store(transfer, index, chunk.data)
        if transfer.fast:
            self._out.append(Reply(message, Code.EMPTY, in_ack=True))
        else:
            self._out.append(Reply(message, Code.CHANGED if intact else Code.BAD_REQUEST))

    def take_done(self, message: Message) -> None:
        """The cloud has sent every chunk."""
        transfer = self._transfer
        if transfer is None:
            self._out.append(Reply(message, Code.BAD_REQUEST, in_ack=True))
            return
        if transfer.missing:
            self._out.append(Reply(message, Code.BAD_REQUEST, in_ack=True))
            arrived = transfer.count - len(transfer.missing)
            listed = sorted(transfer.missing)[: max(2, min(int(arrived * 1.2), MAX_MISSED))]
            self._out.append(ChunkMissed(tuple(listed)))
            return
        result = transfer.sink.finish()
        self._transfer = self._deadline = None
        self._out.append(Reply(message, Code.CHANGED, payload=self._ways.verdict(result), in_ack=True))
        self._events.append(ApplyUpdate(result))

    def cancel(self) -> None:
        """Forget the transfer."""
        if self._transfer is not None:
            self._transfer.sink.cancel()
        self._transfer = self._deadline = None

    def _refuse(self, message: Message) -> None:
        if self._ways.refuses_without_token:
            message = Message(message.type, message.code, message.id)
            self._out.append(Reply(message, Code.BAD_REQUEST, in_ack=True))
        else:
            self._out.append(Reply(message, Code.SERVICE_UNAVAILABLE, in_ack=True))

    def _store(self, transfer: _Transfer, index: int, data: bytes) -> None:
        """Put a chunk where it belongs. The last one may be padded beyond the file's end."""
        at = index * transfer.chunk_size
        fits = data[: transfer.size - at]
        transfer.sink.write(at, fits)
        if index in transfer.missing:
            transfer.missing.discard(index)
            transfer.received += len(fits)
        transfer.next = index + 1
        self._events.append(TransferProgress(transfer.received, transfer.size))


def _made_room(sink: UpdateSink, size: int) -> bool:
    try:
        sink.begin(size)
    except ValueError:
        return False
    return True
