"""One end of a conversation in CoAP, a device's or a cloud's, over any secure channel: a core without I/O.

What it sends goes into the channel; its owner has the channel's pieces go out. What came is given to `receive`, which deals with answers,
acknowledgements and duplicates, and gives back what is left for the owner to act on. `deadline` and `handle_timer` are as a channel's.

Over a stream nothing is ever sent twice. Over datagrams a confirmable message is repeated until it is acknowledged, and what came before is
known by its message id: its acknowledgement is repeated, and nothing done twice (Device OS 6.2.0, coap_channel.h:161-271).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from particle_protocol.blocks import Block, BlockAssembler, RequestAssembler
from particle_protocol.coap import CoapError, Code, Message, Option, Type, empty, is_response, is_success
from particle_protocol.coap_memory import Remembered
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, SecureChannel

ACK_TIMEOUT: Final = 20.0
"""How long an acknowledgement that somebody waits for may take, in seconds (Device OS 6.2.0, communication/inc/protocol_defs.h)."""
MAX_PAYLOAD: Final = 65_536
"""The longest payload that is put together from blocks, in bytes."""
TOKENS: Final = 256
"""How many tokens there are: firmware takes them of one byte only (Device OS 6.2.0, protocol.cpp:82-88)."""

Done: TypeAlias = Callable[[ProtocolErrorCode], None]


class TooManyQuestions(Exception):
    """All tokens are taken by questions that are not answered yet."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """How confirmable messages are repeated over datagrams: as by Device OS (6.2.0, coap_channel.h:161-173). Times in seconds."""

    timeout: float = 4.0
    """How long the first acknowledgement may take; each time twice as long."""
    spread: float = 0.5
    """By which share of itself a time is prolonged at most, by chance."""
    times: int = 3
    """How often a message is repeated."""
    remembered: float = 45.0
    """How long message ids of the other end are remembered."""


DEVICE_OS: Final = Repetition()
_EMPTY_ACK: Final = empty(Type.ACK, 0).encode()[:2]
"""How the acknowledgement begins that most messages get; its id follows."""


class Question:
    """A request that is answered under its token, once or several times.

    `answered` is given each answer, and says whether it was the last; `failed` is told why none will come.
    """

    __slots__ = ("answered", "assembler", "deadline", "failed", "message_id", "request", "timeout", "token")

    def __init__(self, token: bytes, answered: Callable[[Message], bool], failed: Done) -> None:
        self.token = token
        self.answered = answered
        self.failed = failed
        self.message_id = -1
        """The id of the request that was sent last under the token."""
        self.request: Message | None = None
        self.timeout = 0.0
        self.deadline: float | None = None
        self.assembler: BlockAssembler | None = None


class _Unacknowledged:
    """A confirmable message that was sent. Over datagrams `again` is when it is repeated; `done_by` is until when `done` waits."""

    __slots__ = ("again", "data", "done", "done_by", "is_ping", "since", "times_sent")

    def __init__(self, data: bytes, now: float, done: Done | None, done_by: float | None, *, is_ping: bool) -> None:
        self.data = data
        self.since = now
        self.done = done
        self.done_by = done_by
        self.is_ping = is_ping
        self.again: float | None = None
        self.times_sent = 1


class CoapEnd:
    """One end. Call `begin` before the first message.

    `own_ids_in_acks` is a quirk of devices over TCP: what they acknowledge in the request's own buffer gets their next id instead of the
    request's. The device's end then does so, and the cloud's takes an acknowledgement of nothing it knows for that of its oldest ping.
    `draw` gives a number from 0 to 1 by chance.
    """

    __slots__ = (
        "_asked",
        "_channel",
        "_draw",
        "_max_payload",
        "_message_id",
        "_own_ids",
        "_remembered",
        "_repetition",
        "_requests",
        "_token",
        "_unacknowledged",
        "duplicates",
        "last_id",
    )

    def __init__(
        self,
        channel: SecureChannel,
        *,
        own_ids_in_acks: bool = False,
        repetition: Repetition = DEVICE_OS,
        draw: Callable[[], float] = lambda: 0.5,
        max_payload: int = MAX_PAYLOAD,
    ) -> None:
        self._channel = channel
        self._max_payload = max_payload
        self._own_ids = own_ids_in_acks
        self._repetition = repetition
        self._draw = draw
        self._message_id = 0
        self._token = 0
        self._asked: dict[bytes, Question] = {}
        self._requests = RequestAssembler(max_payload)
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._remembered = Remembered(repetition.remembered)
        self.duplicates = 0
        """How many messages came that had come before."""
        self.last_id = 0
        """The id of the last message that came and was not an answer to one of ours."""

    def begin(self, first_id: int, first_token: int) -> None:
        """Start counting: the next message has this id, the next request this token."""
        self._message_id = first_id
        self._token = first_token

    @property
    def upcoming_id(self) -> int:
        """The id that the next message will have; what a device keeps of its counter over a reset."""
        return self._message_id

    def next_id(self) -> int:
        """The id of the next message."""
        message_id = self._message_id
        self._message_id = (message_id + 1) & 0xFFFF
        return message_id

    def next_token(self) -> bytes:
        """The token of the next request: one byte, counting up, and none that waits for an answer.

        Raises:
            TooManyQuestions: there is none left.
        """
        for _ in range(TOKENS):
            token = bytes((self._token,))
            self._token = (self._token + 1) & 0xFF
            if token not in self._asked:
                return token
        raise TooManyQuestions(f"{TOKENS} requests are open already")

    def send(self, message: Message, now: float, done: Done | None = None, *, timeout: float = ACK_TIMEOUT, is_ping: bool = False) -> None:
        """Send a message; nothing happens when the channel has failed already.

        `done` is told how a confirmable one ended: NO_ERROR, COAP (rejected), MESSAGE_TIMEOUT (not acknowledged within `timeout` seconds),
        or REMOTE_CLOSED. Over datagrams it is repeated whether or not somebody waits.
        """
        if self._channel.has_failed:
            return
        data = message.encode()
        if message.type is Type.CON and (done is not None or not self._channel.is_reliable):
            done_by = None if done is None else now + timeout
            waiting = self._unacknowledged[message.id] = _Unacknowledged(data, now, done, done_by, is_ping=is_ping)
            if not self._channel.is_reliable:
                waiting.again = now + self._pause(1)
        self._channel.send(data)

    def ping(self, now: float, done: Done, timeout: float) -> None:
        """Send an empty confirmable message, and have `done` told of its acknowledgement."""
        self.send(empty(Type.CON, self.next_id()), now, done, timeout=timeout, is_ping=True)

    def acknowledge(self, request: Message, code: int = Code.EMPTY, payload: bytes = b"", *, in_place: bool = False) -> None:
        """Acknowledge a confirmable request; with a `code`, the answer is in it. Others are not acknowledged.

        `in_place` marks the acknowledgements that firmware builds in the request's own buffer (see `own_ids_in_acks`).
        """
        if request.type is Type.CON and not self._channel.has_failed:
            message_id = self.next_id() if in_place and self._own_ids else request.id
            if code or payload:
                self.answer(request, Message(Type.ACK, code, message_id, request.token, (), payload))
            else:
                self._answer(request, _EMPTY_ACK + message_id.to_bytes(2))

    def answer(self, request: Message, message: Message) -> None:
        """Send an acknowledgement or a reset that was made elsewhere; it is what a repetition of the request will get, too."""
        if not self._channel.has_failed:
            self._answer(request, message.encode())

    def respond(
        self,
        request: Message,
        code: int,
        now: float,
        payload: bytes = b"",
        options: tuple[tuple[int, bytes], ...] = (),
        *,
        confirmable: bool = False,
        done: Done | None = None,
    ) -> None:
        """Send a response of its own, with the request's token. Over datagrams it is confirmable in any case."""
        type_ = Type.CON if confirmable or not self._channel.is_reliable else Type.NON
        self.send(Message(type_, code, self.next_id(), request.token, options, payload), now, done)

    def open(self, answered: Callable[[Message], bool], failed: Done) -> Question:
        """Begin a question under a token of its own.

        Raises:
            TooManyQuestions: all tokens are taken.
        """
        token = self.next_token()
        question = self._asked[token] = Question(token, answered, failed)
        return question

    def ask(self, question: Question, request: Message, now: float, timeout: float) -> None:
        """Send a question's request. Within `timeout` seconds its answer must come, and each further block of a long one."""
        question.request = request
        question.timeout = timeout
        self._ask_on(question, request, now)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those that are open."""
        return tuple(self._asked.values())

    def close_question(self, question: Question) -> None:
        """No more answers are wanted."""
        if self._asked.get(question.token) is question:
            del self._asked[question.token]

    def receive(self, data: bytes, now: float) -> Message | None:
        """Take a message that came; gives it back if it is for the owner: a request, a ping, or a response that no question awaits.

        A request in blocks is given back once it is whole, as if it had come in its last message.

        Raises:
            CoapError: the bytes are no well-formed message.
        """
        message = Message.decode(data)
        if message.type in (Type.ACK, Type.RST):
            return self._take_acknowledgement(message, now)
        self.last_id = message.id
        if not self._channel.is_reliable and self._has_come_before(message, now):
            return None
        if is_response(message.code):
            self.acknowledge(message)
            return None if self._take_answer(message, now) else message
        return self._whole_request(message)

    def knows(self, message: Message, now: float) -> bool:
        """Whether a message has come before, or is an answer to one of ours: nothing that anything begins with."""
        return message.type in (Type.ACK, Type.RST) or self._remembered.knows(message.id, now)

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        if not self._unacknowledged and not self._asked:
            return None
        times = [each.deadline for each in self._asked.values()]
        for waiting in self._unacknowledged.values():
            times += (waiting.again, waiting.done_by)
        return min((each for each in times if each is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Repeat what was not acknowledged, give up what is overdue.

        Raises:
            ChannelError: a message was repeated often enough; nobody is there any more.
        """
        for question in [each for each in self._asked.values() if each.deadline is not None and each.deadline <= now]:
            self.close_question(question)
            question.failed(ProtocolErrorCode.MESSAGE_TIMEOUT)
        for message_id, waiting in list(self._unacknowledged.items()):
            if waiting.done_by is not None and waiting.done_by <= now:
                if waiting.again is None:
                    self._unacknowledged.pop(message_id, None)
                _finish(waiting, ProtocolErrorCode.MESSAGE_TIMEOUT)
            if waiting.again is not None and waiting.again <= now and self._unacknowledged.get(message_id) is waiting:
                self._repeat(message_id, waiting, now)

    def close(self) -> None:
        """No more answers will come. What came before stays known, for the same channel may be talked through again."""
        asked, self._asked = self._asked, {}
        unacknowledged, self._unacknowledged = self._unacknowledged, {}
        for question in asked.values():
            question.failed(ProtocolErrorCode.REMOTE_CLOSED)
        for waiting in unacknowledged.values():
            _finish(waiting, ProtocolErrorCode.REMOTE_CLOSED)

    def _answer(self, request: Message, data: bytes) -> None:
        self._remembered.answered(request.id, data)
        self._channel.send(data)

    def _take_acknowledgement(self, message: Message, now: float) -> Message | None:
        waiting = self._unacknowledged.pop(message.id, None)
        if waiting is None and self._own_ids and message.code == Code.EMPTY and message.type is Type.ACK:
            waiting = self._oldest_ping(message.id)
        if waiting is not None:
            refused = (message.type is Type.RST and not waiting.is_ping) or message.code >> 5 > 2
            _finish(waiting, ProtocolErrorCode.COAP if refused else ProtocolErrorCode.NO_ERROR)
        if message.type is Type.ACK and message.code == Code.EMPTY:
            return None
        return None if self._take_answer(message, now) or message.code == Code.EMPTY else message

    def _oldest_ping(self, message_id: int) -> _Unacknowledged | None:
        """The ping that an acknowledgement of nothing else is for."""
        if any(each.message_id == message_id for each in self._asked.values()):
            return None
        oldest = next((key for key, each in self._unacknowledged.items() if each.is_ping), None)
        return None if oldest is None else self._unacknowledged.pop(oldest)

    def _take_answer(self, message: Message, now: float) -> bool:
        """Give an answer to the question that it belongs to; whether there is one."""
        if message.token:
            question = self._asked.get(message.token)
        else:
            ours = message.id if message.type in (Type.ACK, Type.RST) else None
            question = next((each for each in self._asked.values() if each.message_id == ours), None)
        if question is None:
            return False
        # Who answers has received the request.
        answered = self._unacknowledged.pop(question.message_id, None)
        if answered is not None:
            _finish(answered, ProtocolErrorCode.NO_ERROR)
        whole = self._whole_answer(question, message, now)
        if whole is not None:
            over = True
            try:
                over = question.answered(whole)
            finally:
                if over:
                    self.close_question(question)
        return True

    def _whole_request(self, message: Message) -> Message | None:
        """A request whose payload comes in blocks, once it is whole; the others are acknowledged 2.31 (RFC 7959, 2.5)."""
        if message.option(Option.BLOCK1) is None:
            return message
        try:
            whole = self._requests.add(message)
        except CoapError:
            self.acknowledge(message, Code.REQUEST_ENTITY_INCOMPLETE)
            return None
        if whole is None:
            self.acknowledge(message, Code.CONTINUE)
        return whole

    def _whole_answer(self, question: Question, message: Message, now: float) -> Message | None:
        """An answer whose payload comes in blocks, once it is whole; the next block is asked for (RFC 7959, 2.4)."""
        value = message.option(Option.BLOCK2) if is_success(message.code) else None
        if value is None or question.request is None:
            return message
        if question.assembler is None:
            question.assembler = BlockAssembler(self._max_payload)
        try:
            block = Block.decode(value)
            payload = question.assembler.add(block, message.payload)
            more = (int(Option.BLOCK2), Block(block.number + 1, more=False, size=block.size).encode())
        except CoapError:
            self.close_question(question)
            question.failed(ProtocolErrorCode.MALFORMED_MESSAGE)
            return None
        if payload is not None:
            return replace(message, payload=payload)
        self._ask_on(question, replace(question.request, id=self.next_id(), options=(*question.request.options, more)), now)
        return None

    def _ask_on(self, question: Question, request: Message, now: float) -> None:
        question.message_id = request.id
        question.deadline = now + question.timeout
        self.send(request, now)

    def _has_come_before(self, message: Message, now: float) -> bool:
        """Whether a message is a repetition; it gets the answer that the first one got. If not, its id is remembered."""
        if not self._remembered.knows(message.id, now):
            self._remembered.note(message.id, now)
            return False
        self.duplicates += 1
        known = self._remembered.answer(message.id)
        if known and message.type is Type.CON and not self._channel.has_failed:
            self._channel.send(known)
        return True

    def _repeat(self, message_id: int, waiting: _Unacknowledged, now: float) -> None:
        if waiting.times_sent <= self._repetition.times:
            waiting.times_sent += 1
            waiting.again = now + self._pause(waiting.times_sent)
            if not self._channel.has_failed:
                self._channel.send(waiting.data)
            return
        self._unacknowledged.pop(message_id, None)
        _finish(waiting, ProtocolErrorCode.MESSAGE_TIMEOUT)
        what = "a ping" if waiting.is_ping else f"message {message_id}"
        raise ChannelError(
            ProtocolErrorCode.MESSAGE_TIMEOUT,
            f"{what} was sent {waiting.times_sent} times within {now - waiting.since:.0f} s, and not acknowledged",
        )

    def _pause(self, times_sent: int) -> float:
        """How long the acknowledgement may take of what was sent for the first, second, ... time."""
        rules = self._repetition
        return rules.timeout * (1 << times_sent - 1) * (1 + rules.spread * self._draw())


def _finish(waiting: _Unacknowledged, error: ProtocolErrorCode) -> None:
    """Report how it ended, once."""
    done, waiting.done, waiting.done_by = waiting.done, None, None
    if done is not None:
        done(error)
