"""Sending an update, versions 1 and 2: the cloud's end, without I/O. What was lost is learnt at the end, from a list.

Source for what the device does: Device OS 2.3.1, communication/src/chunked_transfer.cpp. How patient the real cloud is, and how often it
repeats itself, is not public.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

from particle_protocol.coap import Code, Message, Type, code_text, is_success
from particle_protocol.json_text import JsonError, parse_json
from particle_protocol.messages.errors import MessageError
from particle_protocol.ota.outcomes import SenderResult, UpdateFailed, UpdateTaken
from particle_protocol.updates import Chunk, ChunkMissed, UpdateBegin, UpdateDone, UpdateReady

MAX_ROUNDS: Final = 20
"""How often missed chunks are sent again, or one chunk in a slow transfer, before the update has failed."""

Outgoing: TypeAlias = UpdateBegin | Chunk | UpdateDone


class Stage(enum.Enum):
    """How far an update is: what is awaited."""

    OFFERED = "the answer to the offer"
    SENDING = "the answer to a chunk"
    ASKED = "the verdict"
    MISSED = "the list of missed chunks"
    OVER = "nothing"


class ChunkedSender:
    """One update to one device, under one token.

    The owner sends what `messages_to_send` gives, and gives what the device says: answers under the token to `answered`, its list of missed
    chunks to `missed`. In the end there is a `result`. `patience` is how long, in seconds, each answer may take.
    """

    def __init__(self, image: bytes, token: bytes, chunk_size: int, *, fast: bool, patience: float) -> None:
        self.result: SenderResult | None = None
        self._image = image
        self._token = token
        self._chunk_size = chunk_size
        self._fast = fast
        self._patience = patience
        self._stage = Stage.OFFERED
        self._next = 0
        self._rounds = 0
        self._deadline: float | None = None
        self._out: list[Outgoing] = []

    def start(self, now: float) -> None:
        """Offer the file."""
        self._send(UpdateBegin(self._token, len(self._image), self._chunk_size, self._fast), now)

    def messages_to_send(self) -> list[Outgoing]:
        """What is to be sent now, in this order. Each is given once."""
        out, self._out = self._out, []
        return out

    def answered(self, message: Message, now: float) -> None:
        """The device has answered."""
        if self._stage is Stage.OFFERED:
            self._offered(message, now)
        elif self._stage is Stage.SENDING:
            self._chunk_answered(message, now)
        elif self._stage is Stage.ASKED:
            self._judged(message, now)

    def missed(self, listed: ChunkMissed, now: float) -> None:
        """The device lists chunks that it has not got."""
        if self._stage in (Stage.MISSED, Stage.ASKED) and not self._tired():
            for index in listed.indices:
                if index < self._count:
                    self._send_chunk(index, now)
            self._finish(now)

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._deadline

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        if self._deadline is not None and now >= self._deadline:
            why = f"the update stands still: {self._stage.value} did not come within {self._patience:g} s"
            self._end(UpdateFailed(why, timed_out=True))

    @property
    def _count(self) -> int:
        return -(-len(self._image) // self._chunk_size)

    def _offered(self, message: Message, now: float) -> None:
        if not is_success(message.code):
            self._end(UpdateFailed(f"the device refused the update: {code_text(message.code)}"))
            return
        try:
            self._fast = UpdateReady.decode(message).fast
        except MessageError as error:
            self._end(UpdateFailed(f"the device answered the offer with {error}"))
            return
        if not self._fast:
            self._stage = Stage.SENDING
            self._go_on(now)
            return
        for index in range(self._count):
            self._send_chunk(index, now)
        self._finish(now)

    def _chunk_answered(self, message: Message, now: float) -> None:
        if is_success(message.code):
            self._next += 1
            self._rounds = 0
        elif message.type in (Type.RST, Type.ACK):
            self._end(UpdateFailed(f"the device refused chunk {self._next}: {code_text(message.code)}"))
            return
        elif self._tired():
            return
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        if self._next < self._count:
            self._send_chunk(self._next, now)
        else:
            self._finish(now)

    def _send_chunk(self, index: int, now: float) -> None:
        data = self._image[index * self._chunk_size : (index + 1) * self._chunk_size]
        self._send(Chunk.of(self._token, data, index if self._fast else None, confirmable=not self._fast), now)

    def _finish(self, now: float) -> None:
        self._stage = Stage.ASKED
        self._send(UpdateDone(self._token), now)

    def _judged(self, message: Message, now: float) -> None:
        if message.code == Code.BAD_REQUEST:
            # Chunks are missing: the list follows in a message of the device's own.
            self._stage = Stage.MISSED
            self._deadline = now + self._patience
        elif not is_success(message.code):
            self._end(UpdateFailed(f"the device refused the update: {code_text(message.code)}"))
        else:
            fault = _fault(message.payload)
            self._end(UpdateFailed(f"the device refused the update: {fault}") if fault else UpdateTaken(message.payload))

    def _send(self, message: Outgoing, now: float) -> None:
        self._out.append(message)
        self._deadline = now + self._patience

    def _tired(self) -> bool:
        self._rounds += 1
        if self._rounds <= MAX_ROUNDS:
            return False
        self._end(UpdateFailed(f"the device still misses chunks after {MAX_ROUNDS} rounds"))
        return True

    def _end(self, result: SenderResult) -> None:
        self._stage = Stage.OVER
        self._deadline = None
        self._out.clear()
        self.result = result


def _fault(payload: bytes) -> str:
    """What a verdict complains of; empty when the module was taken. `{"r":0}` since 2.0, `{"r":"ok", ...}` before."""
    try:
        verdict = parse_json(payload)["r"] if payload else 0
    except (JsonError, KeyError, TypeError):
        # Old verdicts are cut off at 255 bytes, which leaves broken JSON behind a good beginning.
        return "" if payload.startswith(b'{"r":"ok"') else f"an answer that cannot be read: {payload[:60]!r}"
    return "" if verdict in (0, "ok") else f"error {verdict}"
