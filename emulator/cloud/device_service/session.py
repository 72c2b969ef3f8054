"""One connected device, as the cloud sees it: its messages read and answered, the cloud's requests put to it.

A session knows nothing of transports: somebody hands it messages, and gives it a `Transport` to send and to hang up with.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from emulator.clock import Clock
from emulator.cloud.device_service.conversations import Conversations, Decode, Question
from emulator.cloud.device_service.descriptions import Descriptions
from emulator.cloud.device_service.service_settings import DeviceServiceSettings
from emulator.cloud.device_service.update_sender import UpdateSender
from emulator.cloud.sessions import DeviceListener, HelloFacts, Refused, Value
from emulator.drivers import Reply
from particle_protocol.cloud_messages.describe import decode_system
from particle_protocol.cloud_messages.ledger import ledger_answer
from particle_protocol.coap import CoapError, Code, Message, Type, code_text, confirmable_id, empty, is_request, is_response
from particle_protocol.describe import DescribeError, Description
from particle_protocol.messages import (
    DEFAULT_TTL,
    DescribeFlag,
    DescribeRequest,
    Event,
    FunctionCall,
    Goodbye,
    Hello,
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
from particle_protocol.updates import ChunkMissed
from particle_protocol.vitals import Vitals, VitalsError, decode_vitals

MakeReply: TypeAlias = Callable[[], Reply[Any]]
FRAME_OVERHEAD = 18
"""What of its message buffer a device cannot use (Device OS 2.3.1, communication/src/lightssl_message_channel.h)."""
_CHUNK_SIZE = "spark/hardware/ota_chunk_size"
_MAX_BINARY = "spark/hardware/max_binary"
_SIZES = {1: VariableType.BOOL, 4: VariableType.INT, 8: VariableType.DOUBLE}


class Transport(Protocol):
    """How messages get to the device."""

    def send(self, message: bytes) -> None:
        """Send one message."""

    def hang_up(self) -> None:
        """End the connection; what was sent before still goes out."""

    def dropped(self, message: bytes, why: str) -> None:
        """A message of the device could not be understood."""


class Session:
    """A `DeviceSession` over CoAP. It is open from the device's Hello on.

    `first_id` is where the session's counters of message ids and tokens start; `dropped` counts the messages that were not understood.
    """

    __slots__ = (
        "_conversations",
        "_descriptions",
        "_heard",
        "_idle",
        "_listener",
        "_make_reply",
        "_max_message",
        "_message_id",
        "_over_udp",
        "_subscriptions",
        "_transport",
        "_update",
        "_variables",
        "chunk_size",
        "clock",
        "closed",
        "device_id",
        "dropped",
        "hello",
        "max_binary",
        "peer",
        "settings",
    )

    def __init__(
        self,
        transport: Transport,
        device_id: str,
        hello: Hello,
        peer: str,
        clock: Clock,
        make_reply: MakeReply,
        listener: DeviceListener,
        settings: DeviceServiceSettings,
        first_id: int,
    ) -> None:
        limits = hello.limits
        self.device_id = device_id
        self.hello = HelloFacts(
            hello.product_id, hello.product_version, hello.platform_id, None if limits is None else limits.system_version, int(hello.flags)
        )
        self.peer = peer
        self.closed = False
        self.dropped = 0
        self._over_udp = bool(hello.device_id)
        self.chunk_size = settings.default_chunk_size if limits is None else limits.ota_chunk_size
        self.max_binary: int | None = None if limits is None else limits.max_binary_size
        self.clock = clock
        self.settings = settings
        self._max_message = (settings.default_max_message if limits is None else limits.max_message_size) - FRAME_OVERHEAD
        self._transport = transport
        self._make_reply = make_reply
        self._listener = listener
        self._message_id = first_id
        self._conversations = Conversations(clock, first_id & 0xFF)
        self._subscriptions: list[Subscription] = []
        self._variables: dict[str, VariableType] = {}
        self._descriptions = Descriptions(settings.max_description)
        self._update: UpdateSender | None = None
        self._heard = clock.now
        self._idle = clock.call_later(settings.idle_timeout, self._check_idle)
        if not hello.flags & HelloFlag.DEVICE_INITIATED_DESCRIBE:
            clock.call_later(settings.describe_delay, self._ask_for_description)

    def call(self, name: str, argument: str) -> Reply[int]:
        """See `DeviceSession`. Of an unknown function a device says nothing, so that one ends in a TimeoutError."""
        return self._ask(
            f"the call of {name}", lambda token: FunctionCall(name, argument, token), lambda m: decode_function_result(m.payload)
        )

    def read(self, name: str) -> Reply[Value]:
        """See `DeviceSession`."""

        def decode(message: Message) -> Value:
            type_ = self._variables.get(name) or _SIZES.get(len(message.payload), VariableType.STRING)
            return decode_value(message.payload, type_)

        return self._ask(f"the read of {name}", lambda token: VariableRead(name, token), decode)

    def signal(self, on: bool) -> Reply[None]:
        """See `DeviceSession`."""
        return self._ask("a signal", lambda token: Signal(on, token), lambda _: None)

    def ping(self) -> Reply[None]:
        """See `DeviceSession`."""
        reply = self._make_reply()
        if self.closed:
            reply.fail(self._gone())
        else:
            message = empty(Type.CON, self.next_id())
            self._conversations.ping(message.id, reply, self.settings.request_timeout)
            self.send(message)
        return reply

    def vitals(self) -> Reply[Vitals]:
        """See `DeviceSession`."""
        request = functools.partial(DescribeRequest, DescribeFlag.METRICS)
        return self._ask("a request for vitals", request, lambda m: decode_vitals(m.payload))

    def flash(self, image: bytes) -> Reply[None]:
        """See `DeviceSession`."""
        reply = self._make_reply()
        if self.closed:
            reply.fail(self._gone())
        elif self._update is not None and self._update.running:
            reply.fail(Refused("another update is under way"))
        else:
            self._update = UpdateSender(self, image, reply)
            self._update.start()
        return reply

    def publish(self, name: str, data: str | None, *, ttl: int = DEFAULT_TTL, public: bool = False) -> bool:
        """See `DeviceSession`. An event that is too long for the device's buffer is not sent."""
        if self.closed or not any(each.matches(name) for each in self._subscriptions):
            return False
        message = Event(name, None if data is None else data.encode(), ttl, public).encode_from_cloud(self.next_id())
        return self.send(message)

    def close(self, reason: str) -> None:
        """See `DeviceSession`."""
        if not self.closed:
            self._transport.hang_up()
            self.ended(reason)

    def ended(self, reason: str) -> None:
        """The connection is gone: everything open fails, the cloud is told, once."""
        if self.closed:
            return
        self.closed = True
        self._idle.cancel()
        self._conversations.fail(ConnectionError(f"device {self.device_id} is gone: {reason}"))
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

    def _take(self, data: bytes) -> None:
        try:
            message = Message.decode(data)
        except CoapError as error:
            self._reject(data, f"no CoAP message: {error}")
            return
        if message.code == Code.EMPTY and message.type is Type.CON:
            self.send(empty(Type.ACK, message.id))
        elif is_request(message.code):
            try:
                self._take_request(message)
            except (CoapError, VitalsError) as error:
                self._drop(data, str(error))
                self._acknowledge(message, Code.BAD_REQUEST)
        elif message.code == Code.EMPTY or is_response(message.code):
            self._take_answer(message)
        else:
            self._reject(data, f"code {code_text(message.code)} is reserved")

    def _reject(self, data: bytes, why: str) -> None:
        """Drop a message that is malformed, and reject it if it is confirmable.

        Over UDP an error takes the Reset's place, for that would have Device OS discard its whole session (6.2.0, coap_channel.cpp:156).
        """
        self._drop(data, why)
        message_id = confirmable_id(data)
        if message_id is not None:
            self.send(Message(Type.ACK, Code.BAD_REQUEST, message_id) if self._over_udp else empty(Type.RST, message_id))

    def _drop(self, data: bytes, why: str) -> None:
        """Leave a message, and note that."""
        self.dropped += 1
        self._transport.dropped(data, why)

    def next_id(self) -> int:
        """The id of the next message."""
        self._message_id = (self._message_id + 1) & 0xFFFF
        return self._message_id

    def send(self, message: Message) -> bool:
        """Send a message; whether the device's buffer can hold it."""
        data = message.encode()
        if len(data) >= self._max_message:
            return False
        self._transport.send(data)
        return True

    def open_question(self, answered: Callable[[Message], bool], failed: Callable[[BaseException], None]) -> Question:
        """Begin a conversation of several messages under one token."""
        return self._conversations.open(answered, failed)

    def end_question(self, question: Question) -> None:
        """The conversation is over."""
        self._conversations.end(question)

    def _ask(
        self, what: str, request: Callable[[bytes], FunctionCall | VariableRead | Signal | DescribeRequest], decode: Decode
    ) -> Reply[Any]:
        reply = self._make_reply()
        if self.closed:
            reply.fail(self._gone())
            return reply
        try:
            question = self._conversations.ask(reply, decode, self.settings.request_timeout, what)
        except Refused as refused:
            reply.fail(refused)
            return reply
        message = request(question.token).encode(self.next_id())
        question.message_id = message.id
        if not self.send(message):
            self._conversations.end(question)
            reply.fail(Refused(f"{what} is too long for its buffer", Code.REQUEST_ENTITY_TOO_LARGE))
        return reply

    def _take_answer(self, message: Message) -> None:
        if message.type is Type.CON:
            self.send(empty(Type.ACK, message.id))
        self._conversations.answer(message)

    def _take_request(self, message: Message) -> None:
        kind = Kind.of(message)
        if kind is Kind.TIME_REQUEST:
            self.send(TimeRequest.answer(message, int(self.clock.utc().timestamp())))
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
        elif kind is Kind.GOODBYE:
            self._acknowledge(message)
            self.close(_farewell(message))
        elif kind is Kind.HELLO:
            self._acknowledge(message)
        elif kind is Kind.LEDGER and message.type is Type.CON:
            self.send(ledger_answer(message))
        else:
            self._acknowledge(message, Code.NOT_FOUND)

    def _subscribe(self, subscription: Subscription, message: Message) -> None:
        known = subscription in self._subscriptions
        if not known and len(self._subscriptions) >= self.settings.max_subscriptions:
            self._acknowledge(message, Code.BAD_REQUEST)
            return
        self._acknowledge(message)
        if not known:
            self._subscriptions.append(subscription)

    def _take_event(self, event: Event) -> None:
        if event.name == _CHUNK_SIZE and event.text.isdecimal():
            self.chunk_size = int(event.text) or self.chunk_size
        elif event.name == _MAX_BINARY and event.text.isdecimal():
            self.max_binary = int(event.text)
        data = None if event.data is None else event.text
        self._listener.event_received(self, event.name, data, public=event.public, ttl=event.ttl)

    def _take_description(self, message: Message) -> None:
        """A description that comes unasked; never answered 2.05, which a device would take for the time."""
        try:
            flags, payload = self._descriptions.add(message)
        except MessageError:
            self._acknowledge(message, Code.BAD_REQUEST)
        except CoapError:
            self._acknowledge(message, Code.REQUEST_ENTITY_INCOMPLETE)
        else:
            if payload is None:
                self._acknowledge(message, Code.CONTINUE)
            elif flags & DescribeFlag.METRICS:
                vitals = decode_vitals(payload)
                self._acknowledge(message, Code.CHANGED)
                self._listener.vitals_received(self, vitals)
            else:
                self._acknowledge(message, Code.CHANGED)
                self._described(flags, payload)

    def _described(self, flags: DescribeFlag, payload: bytes) -> None:
        """Take a description in. One that cannot be read is noted; to the device it has arrived."""
        try:
            if self._descriptions.is_json(payload) or not flags & DescribeFlag.SYSTEM:
                description = Description.decode(payload)
            else:
                description = Description(decode_system(payload, self.hello.platform_id))
        except DescribeError as error:
            self._drop(payload, str(error))
            return
        if description.application is not None:
            self._variables = dict(description.application.variables)
        self._listener.described(self, description.system, description.application)

    def _ask_for_description(self) -> None:
        """Firmware up to 1.5 describes itself only when it is asked; without a query it gives both parts."""
        if not self.closed:

            def answered(message: Message) -> None:
                self._described(DescribeFlag.SYSTEM | DescribeFlag.APPLICATION, message.payload)

            self._ask("a describe request", lambda token: DescribeRequest(None, token), answered)

    def _acknowledge(self, message: Message, code: int = Code.EMPTY) -> None:
        if message.type is Type.CON:
            self.send(Message(Type.ACK, code, message.id, message.token if code else b""))

    def _check_idle(self) -> None:
        """One timer for the whole session: it looks when the device was last heard, and sleeps for the rest."""
        left = self._heard + self.settings.idle_timeout - self.clock.now
        if left <= 0:
            self.close(f"nothing heard for {self.settings.idle_timeout:g} s")
        else:
            self._idle = self.clock.call_later(left, self._check_idle)

    def _gone(self) -> ConnectionError:
        return ConnectionError(f"device {self.device_id} is not connected any more")

    def __repr__(self) -> str:
        return f"<Session {self.device_id} from {self.peer}{', closed' if self.closed else ''}>"


def _farewell(message: Message) -> str:
    """What a Goodbye says; one whose reasons cannot be read is a Goodbye all the same."""
    try:
        return str(Goodbye.decode(message))
    except MessageError as error:
        return f"Goodbye: {error.why}"
