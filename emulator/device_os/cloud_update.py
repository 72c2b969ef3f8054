"""Receiving an update over the air, versions 1 and 2 of the protocol: the device's end.

Source: Device OS 2.3.1, communication/src/chunked_transfer.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from emulator.device_os.cloud_channel import CloudChannel
from emulator.device_os.cloud_facts import CloudEvent, CloudFacts, UpdateEnded, UpdateProgress, UpdateSink, UpdateStarted, UpdateTimedOut
from emulator.device_os.cloud_profile import CloudProfile
from particle_protocol.coap import Code, Message
from particle_protocol.describe import module_json
from particle_protocol.messages import Kind
from particle_protocol.updates import DEFAULT_CHUNK_SIZE, Chunk, ChunkMissed, UpdateBegin, UpdateReady

CHUNK_TIMEOUT: Final = 300.0
"""How long a transfer may stand still before the device resets, in seconds (2.3.1, system/inc/system_cloud.h:371-373)."""
MAX_CHUNKS: Final = 0xFFFF
MAX_MISSED: Final = 40
"""How many missed chunks are listed at a time."""
MAX_VERDICT: Final = 255


class CloudUpdate:
    """At most one transfer at a time."""

    __slots__ = (
        "_channel",
        "_chunk_size",
        "_chunks",
        "_deadline",
        "_facts",
        "_fast",
        "_missing",
        "_next",
        "_profile",
        "_received",
        "_sink",
        "_size",
        "_tell",
    )

    def __init__(self, channel: CloudChannel, profile: CloudProfile, facts: CloudFacts, tell: Callable[[CloudEvent], None]) -> None:
        self._channel = channel
        self._profile = profile
        self._facts = facts
        self._tell = tell
        self._sink: UpdateSink | None = None
        self._fast = False
        self._size = self._chunk_size = self._chunks = self._next = self._received = 0
        self._missing: set[int] = set()
        self._deadline: float | None = None

    @property
    def running(self) -> bool:
        """Whether a transfer is under way. No pings are sent meanwhile."""
        return self._sink is not None

    def deadline(self) -> float | None:
        """When the transfer has stood still for too long."""
        return self._deadline

    def handle_timer(self, now: float) -> None:
        """Give up a transfer that stands still."""
        if self._deadline is not None and now >= self._deadline:
            self.cancel()
            self._tell(UpdateTimedOut())

    def handle(self, kind: Kind, message: Message, now: float) -> None:
        """Take a message of the cloud; one that is not about updates is ignored.

        Raises:
            MessageError: a malformed message.
        """
        if kind is Kind.UPDATE_BEGIN:
            self._begin(message, now)
        elif kind is Kind.CHUNK:
            self._take_chunk(message, now)
        elif kind is Kind.UPDATE_DONE:
            self._done(message)

    def cancel(self) -> None:
        """Forget the transfer."""
        if self._sink is not None:
            self._sink.cancel()
        self._sink = self._deadline = None
        self._missing = set()

    def _begin(self, message: Message, now: float) -> None:
        begin = UpdateBegin.decode(message)
        self.cancel()
        sink = self._facts.update_sink
        chunk_size = begin.chunk_size or DEFAULT_CHUNK_SIZE
        size = begin.file_size or (0 if sink is None else sink.capacity)
        chunks = -(-size // chunk_size)
        enabled = self._facts.updates_enabled or self._facts.updates_forced
        if sink is None or not enabled or size > sink.capacity or chunks > MAX_CHUNKS or not _made_room(sink, size):
            self._refuse(message)
            return
        self._channel.acknowledge(message)
        self._sink, self._fast = sink, begin.fast
        self._size, self._chunk_size, self._chunks = size, chunk_size, chunks
        self._next = self._received = 0
        self._missing = set(range(chunks))
        self._deadline = now + CHUNK_TIMEOUT
        self._channel.send(UpdateReady(message.token, begin.fast).encode(self._channel.next_id()))
        self._tell(UpdateStarted(size, chunk_size))

    def _refuse(self, message: Message) -> None:
        if self._profile.old_refusal:
            self._channel.acknowledge(Message(message.type, message.code, message.id), Code.BAD_REQUEST)
        else:
            self._channel.acknowledge(message, Code.SERVICE_UNAVAILABLE)

    def _take_chunk(self, message: Message, now: float) -> None:
        chunk = Chunk.decode(message)
        if self._sink is None:
            return
        self._deadline = now + CHUNK_TIMEOUT
        self._channel.acknowledge(message)
        index = chunk.index if self._fast and chunk.index is not None else self._next
        intact = chunk.is_intact and index < self._chunks
        if intact:
            self._store(self._sink, index, chunk.data)
        if not self._fast:
            self._channel.respond(message, Code.CHANGED if intact else Code.BAD_REQUEST)

    def _store(self, sink: UpdateSink, index: int, data: bytes) -> None:
        """Put a chunk where it belongs. The last one may be padded beyond the file's end."""
        at = index * self._chunk_size
        fits = data[: self._size - at]
        sink.write(at, fits)
        if index in self._missing:
            self._missing.discard(index)
            self._received += len(fits)
        self._next = index + 1
        self._tell(UpdateProgress(self._received, self._size))

    def _done(self, message: Message) -> None:
        sink = self._sink
        if sink is None:
            self._channel.acknowledge(message, Code.BAD_REQUEST)
            return
        if self._missing:
            self._channel.acknowledge(message, Code.BAD_REQUEST)
            arrived = self._chunks - len(self._missing)
            listed = sorted(self._missing)[: max(2, min(int(arrived * 1.2), MAX_MISSED))]
            self._channel.send(ChunkMissed(tuple(listed)).encode(self._channel.next_id()))
            return
        result = sink.finish()
        self._sink = self._deadline = None
        self._channel.acknowledge(message, Code.CHANGED, self._verdict(result))
        self._tell(UpdateEnded(result))

    def _verdict(self, result: int) -> bytes:
        """What the cloud is told of the update (1.5.2, system/src/system_cloud_internal.cpp:715-747; 2.3.1 says a number)."""
        if self._profile.numeric_verdict:
            return f'{{"r":{result}}}'.encode()
        word = json.dumps("error" if result else "ok")
        module = self._facts.received_module()
        if module is None:
            return f'{{"r":{word}}}'.encode()
        described = module_json(module, old_style=self._profile.old_describe, platform_id=self._facts.platform_id)
        return f'{{"r":{word},"u":{described}}}'.encode()[:MAX_VERDICT]


def _made_room(sink: UpdateSink, size: int) -> bool:
    try:
        sink.begin(size)
    except ValueError:
        return False
    return True
