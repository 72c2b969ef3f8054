"""An update over the air of version 1 or 2 to one device: what `ota.ChunkedSender` wants to send, through a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.clock import Timer
from emulator.cloud.sessions import Refused
from emulator.drivers import Reply
from particle_protocol.coap import Message
from particle_protocol.ota import ChunkedSender, SenderResult, UpdateFailed
from particle_protocol.updates import ChunkMissed

if TYPE_CHECKING:
    from emulator.cloud.device_service.session import Session
    from particle_protocol.coap_end import Question


class UpdateSender:
    """One update to one device; `reply` is settled when the device has taken it, or fails with the reason."""

    def __init__(self, session: Session, image: bytes, reply: Reply[Any]) -> None:
        self._session = session
        self._image = image
        self._reply = reply
        self._core: ChunkedSender | None = None
        self._question: Question | None = None
        self._timer: Timer | None = None
        self.running = True
        """Whether it is not over."""

    def start(self) -> None:
        """Offer the file."""
        session = self._session
        largest = session.max_binary
        if largest is not None and len(self._image) > largest:
            self._fail(Refused(f"an image of {len(self._image)} bytes; the device takes at most {largest}"))
            return
        try:
            self._question = session.open_question(self._answered, self._fail)
        except Refused as refused:
            self._fail(refused)
            return
        settings = session.settings
        self._core = ChunkedSender(
            self._image, self._question.token, session.chunk_size, fast=settings.fast_updates, patience=settings.update_idle
        )
        self._core.start(session.clock.now)
        self._go_on(self._core)

    def missed(self, listed: ChunkMissed) -> None:
        """The device lists chunks that it has not got."""
        if self._core is not None and self.running:
            self._core.missed(listed, self._session.clock.now)
            self._go_on(self._core)

    def acknowledged(self, message: Message) -> None:
        """Nothing: that is of version 3."""

    def rejected(self, message_id: int) -> None:
        """Nothing: the question that a message of the update belongs to is told."""

    def _answered(self, message: Message) -> bool:
        """Take an answer under the update's token; whether it was the last."""
        if self._core is not None and self.running:
            self._core.answered(message, self._session.clock.now)
            self._go_on(self._core)
        return not self.running

    def _go_on(self, core: ChunkedSender) -> None:
        """Send what is to be sent, and see to the time and to the end."""
        for each in core.messages_to_send():
            message = each.encode(self._session.next_id())
            if self._question is not None:
                self._question.message_id = message.id
            if not self._session.send(message):
                self._fail(Refused(f"chunks of {self._session.chunk_size} bytes do not fit the device's buffer"))
                return
        if core.result is not None:
            self._settle(core.result)
            return
        if self._timer is not None:
            self._timer.cancel()
        due = core.deadline()
        self._timer = None if due is None else self._session.clock.call_at(due, self._wake, core)

    def _wake(self, core: ChunkedSender) -> None:
        core.handle_timer(self._session.clock.now)
        self._go_on(core)

    def _settle(self, result: SenderResult) -> None:
        if isinstance(result, UpdateFailed):
            self._fail(TimeoutError(result.why) if result.timed_out else Refused(result.why))
        else:
            self._end()
            self._reply.resolve(None)

    def _fail(self, error: BaseException) -> None:
        self._end()
        self._reply.fail(error)

    def _end(self) -> None:
        self.running = False
        if self._timer is not None:
            self._timer.cancel()
        if self._question is not None:
            self._session.end_question(self._question)
