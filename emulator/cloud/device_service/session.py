"""One connected device, as the cloud sees it: its messages read and answered, the cloud's requests put to it.

A session knows nothing of transports: it talks through the CoAP end of its line, and what differs stands in the line's profile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from emulator.cloud.device_service.introduction import Introduction
from emulator.cloud.device_service.questions import Decode, failing, open_question
from emulator.cloud.device_service.update_sender import UpdateSender
from emulator.cloud.device_service.window_update import WindowUpdate
from emulator.cloud.sessions import Refused, Value
from emulator.drivers import Reply
from particle_protocol.cloud_messages.ledger import ledger_answer
from particle_protocol.cloud_profiles import CloudProfile
from particle_protocol.coap import CoapError, Code, Message, Type, code_text, confirmable_id, empty, is_request, is_response, reset_id
from particle_protocol.coap_end import CoapEnd, Done, Question, TooManyQuestions
from particle_protocol.describe import DescribeError
from particle_protocol.messages import (
    DEFAULT_TTL,
    DescribeFlag,
    DescribePost,
    DescribeRequest,
    Event,
    FunctionCall,
    Goodbye,
    HelloFlag,
    Kind,
    MessageError,
    Signal,
    Subscription,
    TimeRequest,
    VariableRead,
    VariableType,
    decode_function_result,
    decode_value,
)
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import SecureChannel
from particle_protocol.updates import ChunkMissed
from particle_protocol.vitals import Vitals, VitalsError, decode_vitals

if TYPE_CHECKING:
    from emulator.cloud.device_service.service import DeviceService

_SIZES = {1: VariableType.BOOL, 4: VariableType.INT, 8: VariableType.DOUBLE}
_BOTH_PARTS = DescribeFlag.SYSTEM | DescribeFlag.APPLICATION


class Carrier(Protocol):
    """What a session needs of the line that it is on."""

    service: DeviceService
    channel: SecureChannel
    coap: CoapEnd
    profile: CloudProfile
    peer: str

    def flush(self) -> None:
        """Have what was sent go out."""

    def hang_up(self) -> None:
        """End the line; what was sent before still goes out."""

    def rest(self) -> None:
        """The device is not there for now."""

    def dropped(self, message: bytes, why: str) -> None:
        """A message of the device could not be understood."""


class Session:
    """A `DeviceSession` over CoAP: as long as a device is there. `dropped` counts the messages that were not understood."""

    __slots__ = (
        "_coap",
        "_ending",
        "_heard",
        "_idle",
        "_idle_limit",
        "_line",
        "_listener",
        "_max_message",
        "_profile",
        "_said",
        "_service",
        "_update",
        "clock",
        "closed",
        "device_id",
        "dropped",
        "hello",
        "peer",
        "settings",
    )

    def __init__(self, line: Carrier, device_id: str, said: Introduction) -> None:
        hello = said.hello
        limits = hello.limits
        self.device_id = device_id
        self.hello = said.facts
        self.peer = line.peer
        self.closed = False
        self.dropped = 0
        self.clock = line.service.clock
        self.settings = line.service.settings
        self._service = line.service
        self._listener = line.service.listener
        self._line = line
        self._coap = line.coap
        self._profile = line.profile
        self._said = said
        taken = line.profile.buffer_size if limits is None else limits.max_message_size
        self._max_message = min(taken, self.settings.max_message) - line.channel.overhead
        self._update: UpdateSender | WindowUpdate | None = None
        self._ending: str | None = None
        """Why the session is ending, while it does."""
        self._heard = self.clock.now
        self._idle_limit = self.settings.idle_limit or line.profile.idle_limit
        self._idle = self.clock.call_later(self._idle_limit, self._check_idle)
        if not hello.flags & HelloFlag.DEVICE_INITIATED_DESCRIBE and said.system is None:
            for number, delay in enumerate(self.settings.describe_delays):
                self.clock.call_later(delay, self._ask_for_description, number > 0)

    @property
    def chunk_size(self) -> int:
        """Bytes in a chunk of an update: what the device said last, or what is usual."""
        return self._said.chunk_size or self.settings.default_chunk_size

    @property
    def max_binary(self) -> int | None:
        """The largest update that the device takes, in bytes, if it said so."""
        return self._said.max_binary

    def call(self, name: str, argument: str) -> Reply[int]:
        """See `DeviceSession`. Of an unknown function a device says nothing, so that one ends in a TimeoutError."""
        return self._ask(
            f"the call of {name}", lambda token: FunctionCall(name, argument, token), lambda m: decode_function_result(m.payload)
        )

    def read(self, name: str) -> Reply[Value]:
        """See `DeviceSession`."""

        def decode(message: Message) -> Value:
            application = self._said.application
            told = None if application is None else application.variables.get(name)
            type_ = told or _SIZES.get(len(message.payload), VariableType.STRING)
            return decode_value(message.payload, type_)

        return self._ask(f"the read of {name}", lambda token: VariableRead(name, token), decode)

    def signal(self, on: bool) -> Reply[None]:
        """See `DeviceSession`."""
        return self._ask("a signal", lambda token: Signal(on, token), lambda _: None)

    def ping(self) -> Reply[None]:
        """See `DeviceSession`."""
        reply = self._service.make_reply()
        if self.closed:
            reply.fail(self.gone_error())
        else:
            timeout = self.settings.request_timeout
            failed = failing(reply, "a ping", self.gone_error, timeout)

            def answered(error: ProtocolErrorCode) -> None:
                if error is ProtocolErrorCode.NO_ERROR:
                    reply.resolve(None)
                else:
                    failed(error)

            self._coap.ping(self.clock.now, answered, timeout)
            self._line.flush()
        return reply

    def vitals(self) -> Reply[Vitals]:
        """See `DeviceSession`."""
        request = functools.partial(DescribeRequest, DescribeFlag.METRICS)
        return self._ask("a request for vitals", request, lambda m: decode_vitals(m.payload))

    def flash(self, image: bytes) -> Reply[None]:
        """See `DeviceSession`."""
        reply = self._service.make_reply()
        if self.closed:
            reply.fail(self.gone_error())
        elif self.updating:
            reply.fail(Refused("another update is under way"))
        else:
            try:
                self._update = self._sender(image, reply)
            except ValueError as error:
                reply.fail(Refused(str(error)))
            else:
                self._update.start()
        return reply

    @property
    def updating(self) -> bool:
        """Whether an update is under way."""
        return self._update is not None and self._update.running

    def publish(self, name: str, data: str | None, *, ttl: int = DEFAULT_TTL, public: bool = False) -> bool:
        """See `DeviceSession`. An event that is too long for the device's buffer is not sent."""
        if self.closed or not any(each.matches(name) for each in self._said.subscriptions):
            return False
        event = Event(name, None if data is None else data.encode(), ttl, public, confirmable=self._profile.acknowledges_events)
        return self.send(event.encode_from_cloud(self.next_id()))

    def close(self, reason: str) -> None:
        """See `DeviceSession`."""
        if not self.closed:
            self._line.hang_up()
            self.ended(reason)

    def gone(self, reason: str) -> None:
        """See `DeviceSession`. Over datagrams the device may go on where it was, in a later session."""
        if not self.closed:
            self._line.rest()
            self.ended(reason)

    def remind(self) -> None:
        """Tell the cloud what the device said of itself in an earlier session, as it will not say it again."""
        if self._said.system is not None or self._said.application is not None:
            self._listener.described(self, self._said.system, self._said.application)

    def ended(self, reason: str) -> None:
        """The connection is gone: everything open fails, the cloud is told, once."""
        if self.closed:
            return
        self.closed = True
        self._idle.cancel()
        self._ending = reason
        self._coap.close()
        self._ending = None
        self._listener.session_closed(self, reason)

    def received(self, data: bytes) -> None:
        """A message has come from the device. One that cannot be understood is dropped; it does not end the session, whatever it is.

        RFC 7252, 4.2 and 4.3: a confirmable message that is malformed is rejected by a Reset, a request that is well-formed and makes no
        sense is answered 4.00; of the others nothing is said.
        """
        if self.closed:
            return
        self._heard = self.clock.now
        self._listener.heard(self)
        try:
            self._take(data)
        except Exception as error:  # noqa: BLE001  # the fence: what nobody foresaw in a message costs that message alone
            self._listener.failed(error)
            self._drop(data, f"it could not be taken in ({type(error).__name__})")
            if not self._line.channel.is_reliable and (message_id := confirmable_id(data)) is not None:
                # Over datagrams a device gives the whole session up that does not acknowledge.
                self.send(Message(Type.ACK, Code.INTERNAL_SERVER_ERROR, message_id))

    def _take(self, data: bytes) -> None:
        if self._update is not None and self._update.running and (message_id := reset_id(data)) is not None:
            self._update.rejected(message_id)
        try:
            message = self._coap.receive(data, self.clock.now)
        except CoapError as error:
            self._reject(data, f"no CoAP message: {error}")
            return
        if message is None or is_response(message.code):
            return
        if message.code == Code.EMPTY and message.type is Type.CON:
            self._acknowledge(message)
        elif is_request(message.code):
            try:
                self._take_request(message)
            except (CoapError, VitalsError) as error:
                self._drop(data, str(error))
                self._acknowledge(message, Code.BAD_REQUEST)
        elif message.code != Code.EMPTY:
            self._reject(data, f"code {code_text(message.code)} is reserved")

    def _reject(self, data: bytes, why: str) -> None:
        """Drop a message that is malformed, and reject it if it is confirmable.

        Where a Reset would have the device forget its whole session, an error takes its place.
        """
        self._drop(data, why)
        message_id = confirmable_id(data)
        if message_id is not None:
            mild = self._profile.forgets_session_on_reset
            self.send(Message(Type.ACK, Code.BAD_REQUEST, message_id) if mild else empty(Type.RST, message_id))

    def _drop(self, data: bytes, why: str) -> None:
        """Leave a message, and note that."""
        self.dropped += 1
        self._line.dropped(data, why)

    def next_id(self) -> int:
        """The id of the next message."""
        return self._coap.next_id()

    def send(self, message: Message) -> bool:
        """Send a message; whether the device's buffer can hold it."""
        if not self._fits(message):
            return False
        self._coap.send(message, self.clock.now)
        self._line.flush()
        return True

    def open_question(self, answered: Callable[[Message], bool], failed: Callable[[BaseException], None]) -> Question:
        """Begin a conversation of several messages under one token.

        Raises:
            Refused: 256 are open already.
        """
        try:
            return self._coap.open(answered, lambda _: failed(self.gone_error()))
        except TooManyQuestions as error:
            raise Refused(str(error)) from None

    def ask(self, encode: Callable[[int, bytes], Message], answered: Callable[[Message], bool], failed: Done, timeout: float) -> Question:
        """Ask for something, under a token of its own; `encode` is given a message id and that token.

        Raises:
            TooManyQuestions: all tokens are taken.
        """
        question = self._coap.open(answered, failed)
        self._coap.ask(question, encode(self.next_id(), question.token), self.clock.now, timeout)
        self._line.flush()
        return question

    def end_question(self, question: Question) -> None:
        """The conversation is over."""
        self._coap.close_question(question)

    def _sender(self, image: bytes, reply: Reply[Any]) -> UpdateSender | WindowUpdate:
        """Who sends an update, in the version that the device speaks.

        Raises:
            ValueError: the image cannot be sent so.
        """
        windows = self._said.hello.flags & HelloFlag.UPDATES_V3
        return WindowUpdate(self, image, reply) if windows else UpdateSender(self, image, reply)

    def _fits(self, message: Message) -> bool:
        return message.most_bytes < self._max_message or len(message.encode()) < self._max_message

    def _ask(
        self, what: str, request: Callable[[bytes], FunctionCall | VariableRead | Signal | DescribeRequest], decode: Decode
    ) -> Reply[Any]:
        reply = self._service.make_reply()
        if self.closed:
            reply.fail(self.gone_error())
            return reply
        timeout = self.settings.request_timeout
        try:
            question = open_question(self._coap, reply, decode, what, self.gone_error, timeout)
        except TooManyQuestions as error:
            reply.fail(Refused(f"{error} to this device"))
            return reply
        message = request(question.token).encode(self.next_id())
        if self._fits(message):
            self._coap.ask(question, message, self.clock.now, timeout)
            self._line.flush()
        else:
            self._coap.close_question(question)
            reply.fail(Refused(f"{what} is too long for its buffer", Code.REQUEST_ENTITY_TOO_LARGE))
        return reply

    def _take_request(self, message: Message) -> None:
        kind = Kind.of(message)
        if kind is Kind.TIME_REQUEST:
            self._answer(message, TimeRequest.answer(message, int(self.clock.utc().timestamp())))
        elif kind in (Kind.EVENT, Kind.PUBLIC_EVENT):
            event = Event.decode(message)
            self._acknowledge(message)
            self._take_event(event)
        elif kind is Kind.SUBSCRIPTION:
            self._subscribe(Subscription.decode(message), message)
        elif kind is Kind.DESCRIBE_POST:
            self._take_description(message)
        elif kind is Kind.CHUNK_MISSED:
            missed = ChunkMissed.decode(message)
            self._acknowledge(message)
            if self._update is not None:
                self._update.missed(missed)
        elif kind is Kind.UPDATE_ACK:
            if self._update is not None:
                self._update.acknowledged(message)
        elif kind is Kind.GOODBYE:
            self._acknowledge(message)
            self.gone(_farewell(message))
        elif kind is Kind.HELLO:
            self._acknowledge(message)
        elif kind is Kind.LEDGER and message.type is Type.CON:
            self._answer(message, ledger_answer(message))
        else:
            self._acknowledge(message, Code.NOT_FOUND)

    def _subscribe(self, subscription: Subscription, message: Message) -> None:
        subscriptions = self._said.subscriptions
        known = subscription in subscriptions
        if not known and len(subscriptions) >= self.settings.max_subscriptions:
            self._acknowledge(message, Code.BAD_REQUEST)
            return
        self._acknowledge(message)
        if not known:
            subscriptions.append(subscription)

    def _take_event(self, event: Event) -> None:
        self._said.take_event(event)
        data = None if event.data is None else event.text
        self._listener.event_received(self, event.name, data, public=event.public, ttl=event.ttl)

    def _take_description(self, message: Message) -> None:
        """A description that comes unasked; never answered 2.05, which a device would take for the time."""
        try:
            post = DescribePost.decode(message)
        except MessageError:
            self._acknowledge(message, Code.BAD_REQUEST)
            return
        if post.flags & DescribeFlag.METRICS:
            vitals = decode_vitals(post.payload)
            self._acknowledge(message, Code.CHANGED)
            self._listener.vitals_received(self, vitals)
        else:
            self._acknowledge(message, Code.CHANGED)
            self._described(post.flags, post.payload)

    def _described(self, flags: DescribeFlag, payload: bytes, *, again: bool = False) -> None:
        """Take a description in. One that cannot be read is noted; to the device it has arrived.

        When a device was asked `again`, only what it says of its application is news.
        """
        known = self._said.system is not None
        try:
            description = self._said.take_description(flags, payload)
        except DescribeError as error:
            self._drop(payload, str(error))
        else:
            self._listener.described(self, None if again and known else description.system, description.application)

    def _ask_for_description(self, again: bool) -> None:
        """Firmware that does not describe itself (up to 1.5) is asked: for both parts at once, or one by one where it takes no other."""
        if self.closed or self._said.has_functions:
            return
        asked = (DescribeFlag.SYSTEM, DescribeFlag.APPLICATION) if self._profile.describe_needs_query else (None,)
        for flag in asked:

            def answered(message: Message, flag: DescribeFlag | None = flag) -> None:
                self._described(_BOTH_PARTS if flag is None else flag, message.payload, again=again)

            self._ask("a describe request", functools.partial(DescribeRequest, flag), answered)

    def _acknowledge(self, message: Message, code: int = Code.EMPTY) -> None:
        self._coap.acknowledge(message, code)
        self._line.flush()

    def _answer(self, message: Message, answer: Message) -> None:
        """Acknowledge a request with what it asked for."""
        self._coap.answer(message, answer)
        self._line.flush()

    def _check_idle(self) -> None:
        """One timer for the whole session: it looks when the device was last heard, and sleeps for the rest."""
        left = self._heard + self._idle_limit - self.clock.now
        if left <= 0:
            self.gone(f"nothing heard for {self._idle_limit:g} s")
        else:
            self._idle = self.clock.call_later(left, self._check_idle)

    def gone_error(self) -> ConnectionError:
        """What fails everything open when the session has ended, or ends."""
        if self._ending is None:
            return ConnectionError(f"device {self.device_id} is not connected any more")
        return ConnectionError(f"device {self.device_id} is gone: {self._ending}")

    def __repr__(self) -> str:
        return f"<Session {self.device_id} from {self.peer}{', closed' if self.closed else ''}>"


def _farewell(message: Message) -> str:
    """What a Goodbye says; one whose reasons cannot be read is a Goodbye all the same."""
    try:
        return str(Goodbye.decode(message))
    except MessageError as error:
        return f"Goodbye: {error.why}"
