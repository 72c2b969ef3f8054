"""What the cloud has asked of a device and not yet got an answer to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.clock import Clock, Timer
from emulator.cloud.sessions import Refused
from emulator.drivers import Reply
from particle_protocol.coap import Code, Message, Type, code_text, is_response

Decode = Callable[[Message], Any]


class Question:
    """One request, by its token and its message id.

    `answered` is told every answer, and says whether it was the last one; `failed` is told when none will come.
    """

    __slots__ = ("answered", "failed", "message_id", "timer", "token")

    def __init__(self, token: bytes, answered: Callable[[Message], bool], failed: Callable[[BaseException], None]) -> None:
        self.token = token
        self.message_id = -1
        self.answered = answered
        self.failed = failed
        self.timer: Timer | None = None


class Conversations:
    """All open questions of one session. Tokens have one byte: firmware takes no others (Device OS 6.2.0, protocol.cpp:82-88)."""

    __slots__ = ("_by_token", "_clock", "_last_token", "_pings")

    def __init__(self, clock: Clock, first_token: int) -> None:
        self._clock = clock
        self._by_token: dict[bytes, Question] = {}
        self._pings: dict[int, tuple[Reply[Any], Timer]] = {}
        self._last_token = first_token

    def open(self, answered: Callable[[Message], bool], failed: Callable[[BaseException], None]) -> Question:
        """Begin a question. Its message id is to be noted once it is sent.

        Raises:
            Refused: 256 questions are open already.
        """
        for _ in range(256):
            self._last_token = (self._last_token + 1) & 0xFF
            token = bytes((self._last_token,))
            if token not in self._by_token:
                question = Question(token, answered, failed)
                self._by_token[token] = question
                return question
        raise Refused("256 requests to this device are open already")

    def ask(self, reply: Reply[Any], decode: Decode, timeout: float, what: str) -> Question:
        """Begin a question that is answered once. Its reply fails with TimeoutError after `timeout` seconds.

        Raises:
            Refused: 256 questions are open already.
        """

        def answered(message: Message) -> bool:
            if message.type is Type.RST or not is_response(message.code):
                reply.fail(Refused("the device reset the request"))
            elif message.code >> 5 != 2:
                reply.fail(Refused(_reason(message), message.code))
            else:
                try:
                    reply.resolve(decode(message))
                except ValueError as error:
                    reply.fail(Refused(f"the device's answer to {what} cannot be read: {error}"))
                except Exception as error:
                    reply.fail(error)  # whoever asked need not wait, whatever went wrong
                    raise
            return True

        question = self.open(answered, reply.fail)

        def expire() -> None:
            self.end(question)
            reply.fail(TimeoutError(f"the device did not answer {what} within {timeout:g} s"))

        question.timer = self._clock.call_later(timeout, expire)
        return question

    def ping(self, message_id: int, reply: Reply[Any], timeout: float) -> None:
        """Wait for the acknowledgement of a ping."""

        def expire() -> None:
            self._pings.pop(message_id, None)
            reply.fail(TimeoutError(f"the device did not answer a ping within {timeout:g} s"))

        self._pings[message_id] = (reply, self._clock.call_later(timeout, expire))

    def end(self, question: Question) -> None:
        """No more answers are wanted."""
        self._by_token.pop(question.token, None)
        if question.timer is not None:
            question.timer.cancel()

    def answer(self, message: Message) -> bool:
        """An acknowledgement, a reset or a response has come; whether it belongs to an open question."""
        if message.type is Type.ACK and message.code == Code.EMPTY:
            return self._acknowledged(message.id)
        question = self._by_token.get(message.token) if message.token else self._by_id(message.id)
        if question is None:
            return False
        over = True
        try:
            over = question.answered(message)
        finally:
            if over:
                self.end(question)
        return True

    def fail(self, error: BaseException) -> None:
        """No more answers will come: the connection has ended."""
        questions, self._by_token = self._by_token, {}
        pings, self._pings = self._pings, {}
        for question in questions.values():
            if question.timer is not None:
                question.timer.cancel()
            question.failed(error)
        for reply, timer in pings.values():
            timer.cancel()
            reply.fail(error)

    def _acknowledged(self, message_id: int) -> bool:
        """An empty acknowledgement: of a request whose answer follows, or of a ping.

        Over TCP real firmware acknowledges pings with an id of its own, so an id that no request has ends the oldest ping.
        """
        waiting = self._pings.pop(message_id, None)
        if waiting is None:
            if self._by_id(message_id) is not None or not self._pings:
                return False
            waiting = self._pings.pop(next(iter(self._pings)))
        reply, timer = waiting
        timer.cancel()
        reply.resolve(None)
        return True

    def _by_id(self, message_id: int) -> Question | None:
        return next((each for each in self._by_token.values() if each.message_id == message_id), None)


def _reason(message: Message) -> str:
    text = message.payload.decode(errors="replace")
    return f"the device answered {code_text(message.code)}{f': {text}' if text else ''}"
