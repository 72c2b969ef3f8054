"""Sending an update over the air, versions 1 and 2 of the protocol: the cloud's end.

Source for what the device does: Device OS 2.3.1, communication/src/chunked_transfer.cpp. How patient the real cloud is, and how often it
repeats itself, is not public: see `DeviceServiceSettings`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

from emulator.clock import Timer
from emulator.cloud.sessions import Refused
from emulator.drivers import Reply
from particle_protocol.coap import CoapError, Code, Message, Type, code_text, is_success
from particle_protocol.json_text import JsonError, parse_json
from particle_protocol.updates import Chunk, ChunkMissed, UpdateBegin, UpdateDone, UpdateReady

if TYPE_CHECKING:
    from emulator.cloud.device_service.conversations import Question
    from emulator.cloud.device_service.session import Session

MAX_ROUNDS: Final = 20
"""How often missed chunks are sent again, or one chunk in a slow transfer, before the update has failed."""


class Stage(enum.Enum):
    """How far an update is."""

    OFFERED = "the answer to the offer"
    SENDING = "the answer to a chunk"
    ASKED = "the verdict"
    MISSED = "the list of missed chunks"
    OVER = "nothing"


class UpdateSender:
    """One update to one device; `reply` is settled when the device has taken it, or fails with the reason."""

    def __init__(self, session: Session, image: bytes, reply: Reply[Any]) -> None:
        self._session = session
        self._image = image
        self._reply = reply
        self._stage = Stage.OFFERED
        self._fast = session.settings.fast_updates
        self._chunk_size = session.chunk_size
        self._next = 0
        self._rounds = 0
        self._question: Question | None = None
        self._timer: Timer | None = None

    @property
    def running(self) -> bool:
        """Whether it is not over."""
        return self._stage is not Stage.OVER

    def start(self) -> None:
        """Offer the file."""
        largest = self._session.max_binary
        if largest is not None and len(self._image) > largest:
            self._fail(Refused(f"an image of {len(self._image)} bytes; the device takes at most {largest}"))
            return
        try:
            self._question = self._session.open_question(self._answered, self._fail)
        except Refused as refused:
            self._fail(refused)
            return
        self._say(UpdateBegin(self._question.token, len(self._image), self._chunk_size, self._fast).encode(self._session.next_id()))

    def missed(self, listed: ChunkMissed) -> None:
        """The device lists chunks that it has not got."""
        if self._stage in (Stage.MISSED, Stage.ASKED):
            if self._tired():
                return
            for index in listed.indices:
                if index < self._count:
                    self._send_chunk(index)
            self._finish()

    @property
    def _count(self) -> int:
        return -(-len(self._image) // self._chunk_size)

    def _answered(self, message: Message) -> bool:
        """Take an answer under the update's token; whether it was the last."""
        if self._stage is Stage.OFFERED:
            try:
                self._offered(message)
            except CoapError as error:
                self._fail(Refused(f"the device answered the offer with {error}"))
        elif self._stage is Stage.SENDING:
            self._chunk_answered(message)
        elif self._stage is Stage.ASKED:
            self._judged(message)
        return not self.running

    def _offered(self, message: Message) -> None:
        if not is_success(message.code):
            self._fail(Refused(f"the device refused the update: {code_text(message.code)}"))
            return
        self._fast = UpdateReady.decode(message).fast
        if not self._fast:
            self._stage = Stage.SENDING
            self._go_on()
            return
        for index in range(self._count):
            self._send_chunk(index)
        self._finish()

    def _chunk_answered(self, message: Message) -> None:
        if is_success(message.code):
            self._next += 1
            self._rounds = 0
        elif message.type in (Type.RST, Type.ACK) or self._tired():
            self._fail(Refused(f"the device refused chunk {self._next}: {code_text(message.code)}"))
            return
        self._go_on()

    def _go_on(self) -> None:
        if self._next < self._count:
            self._send_chunk(self._next)
        else:
            self._finish()

    def _send_chunk(self, index: int) -> None:
        data = self._image[index * self._chunk_size : (index + 1) * self._chunk_size]
        chunk = Chunk.of(self._token, data, index if self._fast else None, confirmable=not self._fast)
        self._say(chunk.encode(self._session.next_id()))

    def _finish(self) -> None:
        self._stage = Stage.ASKED
        self._say(UpdateDone(self._token).encode(self._session.next_id()))

    def _judged(self, message: Message) -> None:
        if message.code == Code.BAD_REQUEST:
            # Chunks are missing: the list follows in a message of the device's own.
            self._stage = Stage.MISSED
            self._watch()
        elif not is_success(message.code):
            self._fail(Refused(f"the device refused the update: {code_text(message.code)}"))
        else:
            fault = _fault(message.payload)
            if fault:
                self._fail(Refused(f"the device refused the update: {fault}"))
            else:
                self._end()
                self._reply.resolve(None)

    def _say(self, message: Message) -> None:
        if self._question is not None:
            self._question.message_id = message.id
        self._watch()
        if not self._session.send(message):
            self._fail(Refused(f"chunks of {self._chunk_size} bytes do not fit the device's buffer"))

    def _watch(self) -> None:
        """Give up when nothing happens for a while."""
        if self._timer is not None:
            self._timer.cancel()
        idle = self._session.settings.update_idle
        self._timer = self._session.clock.call_later(idle, self._give_up, f"{self._stage.value} did not come within {idle:g} s")

    def _give_up(self, why: str) -> None:
        self._fail(TimeoutError(f"the update stands still: {why}"))

    def _tired(self) -> bool:
        self._rounds += 1
        if self._rounds <= MAX_ROUNDS:
            return False
        self._fail(Refused(f"the device still misses chunks after {MAX_ROUNDS} rounds"))
        return True

    @property
    def _token(self) -> bytes:
        return b"" if self._question is None else self._question.token

    def _fail(self, error: BaseException) -> None:
        self._end()
        self._reply.fail(error)

    def _end(self) -> None:
        self._stage = Stage.OVER
        if self._timer is not None:
            self._timer.cancel()
        if self._question is not None:
            self._session.end_question(self._question)


def _fault(payload: bytes) -> str:
    """What a verdict complains of; empty when the module was taken. `{"r":0}` since 2.0, `{"r":"ok", ...}` before."""
    try:
        verdict = parse_json(payload)["r"] if payload else 0
    except (JsonError, KeyError, TypeError):
        # Old verdicts are cut off at 255 bytes, which leaves broken JSON behind a good beginning.
        return "" if payload.startswith(b'{"r":"ok"') else f"an answer that cannot be read: {payload[:60]!r}"
    return "" if verdict in (0, "ok") else f"error {verdict}"
