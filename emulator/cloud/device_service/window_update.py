"""An update over the air of version 3 to one device: what `ota.UpdateSender` wants to send, through a session."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from emulator.clock import Timer
from emulator.cloud.sessions import Refused
from emulator.drivers import Reply
from particle_protocol.coap import Message
from particle_protocol.coap_end import Question, TooManyQuestions
from particle_protocol.functions import ModuleFunction
from particle_protocol.ota import SenderSettings, UpdateChunk, UpdateFailed, UpdateFinish, UpdateSender, UpdateStart
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.updates import ChunkMissed

if TYPE_CHECKING:
    from emulator.cloud.device_service.session import Session

REMEMBERED_CHUNKS = 256
"""Of so many chunks that were sent last it is known which messages they were: one of them may be reset."""


_FUNCTION_AT = 14
"""Where a module that begins with its prefix has its function; that of an asset begins with the address 0."""


def _told_function(image: bytes) -> int | None:
    """What the device is told of the module: that it is an asset, for which it has other room; else nothing. That is a choice."""
    is_asset = image[:4] == bytes(4) and image[_FUNCTION_AT : _FUNCTION_AT + 1] == bytes((ModuleFunction.ASSET,))
    return int(ModuleFunction.ASSET) if is_asset else None


class WindowUpdate:
    """One update to one device; `reply` is settled when the device has taken it, or fails with the reason.

    Raises:
        ValueError: an image of no bytes, or the device's chunks are none that version 3 can have.
    """

    def __init__(self, session: Session, image: bytes, reply: Reply[Any]) -> None:
        settings = SenderSettings(chunk_size=session.chunk_size, patience=session.settings.update_idle)
        self._session = session
        self._reply = reply
        self._core = UpdateSender(image, settings, sha256=sha256(image).digest(), module_function=_told_function(image))
        self._size = len(image)
        self._question: Question | None = None
        self._timer: Timer | None = None
        self._chunk_ids: dict[int, None] = {}
        self.running = True
        """Whether it is not over."""

    def start(self) -> None:
        """Ask the device to begin."""
        largest = self._session.max_binary
        if largest is not None and self._size > largest:
            self._end(Refused(f"an image of {self._size} bytes; the device takes at most {largest}"))
            return
        self._core.start(self._session.clock.now)
        self._go_on()

    def missed(self, listed: ChunkMissed) -> None:
        """Nothing: that is of versions 1 and 2."""

    def acknowledged(self, message: Message) -> None:
        """The device tells which chunks it has.

        Raises:
            MessageError: a malformed acknowledgement.
        """
        if self.running:
            self._core.take_ack(message, self._session.clock.now)
            self._go_on()

    def rejected(self, message_id: int) -> None:
        """The device has reset a message; if it was a chunk, it knows of no update."""
        if self.running and message_id in self._chunk_ids:
            self._core.chunk_rejected()
            self._go_on()

    def _go_on(self) -> None:
        """Send what is to be sent, and see to the time and to the end."""
        for each in self._core.messages_to_send():
            if isinstance(each, UpdateChunk):
                self._send_chunk(each)
            else:
                self._ask(each)
        result = self._core.result
        if result is not None:
            if isinstance(result, UpdateFailed):
                self._end(TimeoutError(result.why) if result.timed_out else Refused(result.why))
            else:
                self._end(None)
        if not self.running:
            return
        due = self._core.deadline()
        if due is None or (self._timer is not None and not self._timer.cancelled and self._timer.when <= due):
            return  # one that is too early does no harm, and most are put off by every acknowledgement
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._session.clock.call_at(due, self._wake)

    def _wake(self) -> None:
        self._core.handle_timer(self._session.clock.now)
        self._go_on()

    def _send_chunk(self, chunk: UpdateChunk) -> None:
        message = chunk.encode(self._session.next_id())
        self._chunk_ids[message.id] = None
        if len(self._chunk_ids) > REMEMBERED_CHUNKS:
            del self._chunk_ids[next(iter(self._chunk_ids))]
        if not self._session.send(message):
            self._end(Refused(f"chunks of {len(chunk.data)} bytes do not fit the device's buffer"))

    def _ask(self, request: UpdateStart | UpdateFinish) -> None:
        """Put a request to the device. Its answer may take as long as erasing flash, or looking through the file, does."""

        def answered(message: Message) -> bool:
            self._question = None
            self._core.answered(request, message, self._session.clock.now)
            self._go_on()
            return True

        def failed(error: ProtocolErrorCode) -> None:
            self._question = None
            if error is ProtocolErrorCode.MESSAGE_TIMEOUT:
                self._core.unanswered(request, f"the device did not answer within {self._session.settings.update_idle:g} s")
                self._go_on()
            else:
                self._end(self._session.gone_error())

        try:
            self._question = self._session.ask(request.encode, answered, failed, self._session.settings.update_idle)
        except TooManyQuestions as error:
            self._end(Refused(f"{error} to this device"))

    def _end(self, error: BaseException | None) -> None:
        if not self.running:
            return
        self.running = False
        if self._timer is not None:
            self._timer.cancel()
        if self._question is not None:
            self._session.end_question(self._question)
        if error is None:
            self._reply.resolve(None)
        else:
            self._reply.fail(error)
