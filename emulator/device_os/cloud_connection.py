"""A device's connection to the cloud over TCP, as Device OS 0.7 to 3.3 keeps it: a core without I/O.

The firmware opens a stream, makes a `CloudConnection`, and from then on hands it what came (`receive_data`, `receive_eof`) and the time
(`handle_timer` at `deadline()`), writes what `data_to_send()` gives, and acts on `events()`. Nothing raises: whatever goes wrong ends in
a `Disconnected` event that names the protocol's error.

Source: Device OS 2.3.1, communication/src/protocol.cpp, lightssl_protocol.h and system/src/system_cloud_internal.cpp.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from emulator.device_os.cloud_facts import (
    CloudEvent,
    CloudFacts,
    CloudIdentity,
    CloudQuirks,
    Connected,
    Disconnected,
    SignalChanged,
    TimeReceived,
    UpdatesForced,
)
from emulator.device_os.cloud_requests import CloudRequests
from emulator.device_os.cloud_startup import SYSTEM_SUBSCRIPTIONS, UPDATES_FORCED, flag_text, speak_first
from emulator.device_os.cloud_system_events import system_event
from emulator.device_os.cloud_update import CloudUpdate
from emulator.device_os.publish_limit import PublishLimit
from particle_protocol.blocks import cut
from particle_protocol.cloud_profiles import cloud_profile
from particle_protocol.coap import CoapError, Code, Message, Type, empty
from particle_protocol.coap_end import CoapEnd
from particle_protocol.lightssl import DeviceEnd, Established
from particle_protocol.messages import (
    DEFAULT_TTL,
    DescribeFlag,
    DescribePost,
    Event,
    Goodbye,
    Hello,
    HelloFlag,
    HelloLimits,
    Kind,
    Signal,
    TimeRequest,
)
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, MessageReceived

HELLO_TIMEOUT: Final = 4.0
"""How long the cloud's Hello may take, in seconds (2.3.1, communication/src/protocol.cpp:420-430)."""
MAX_EVENT_NAME: Final = 64


class CloudState(enum.Enum):
    """Where a connection stands."""

    HANDSHAKE = "handshake"
    HELLO = "waits for the cloud's Hello"
    CONNECTED = "connected"
    CLOSED = "closed"


class CloudConnection:
    """One connection, from the open stream to its end.

    With `application_ready` False the application is not described and subscribed before `application_ready()` is called: in AUTOMATIC
    mode the application's `setup()` runs only once the device is connected.
    """

    __slots__ = (
        "_application_ready",
        "_coap",
        "_end",
        "_events",
        "_facts",
        "_heard",
        "_hello_deadline",
        "_identity",
        "_limit",
        "_now",
        "_pinged",
        "_profile",
        "_requests",
        "_update",
        "state",
    )

    def __init__(
        self,
        identity: CloudIdentity,
        facts: CloudFacts,
        now: float,
        *,
        quirks: CloudQuirks = CloudQuirks(),  # noqa: B008  # immutable
        application_ready: bool = True,
    ) -> None:
        self.state = CloudState.HANDSHAKE
        self._identity = identity
        self._facts = facts
        self._profile = cloud_profile(facts.os_version)
        self._end = DeviceEnd(identity.device_id, identity.key, identity.server_key, now, buffer_size=self._profile.buffer_size)
        own_ids = quirks.own_ids_in_acks and self._profile.own_ids_in_acks
        self._coap = CoapEnd(self._end, own_ids_in_acks=own_ids)
        self._requests = CloudRequests(self._coap, self._profile, facts)
        self._events: list[CloudEvent] = []
        self._update = CloudUpdate(self._coap, self._profile, facts, self._events.append)
        self._limit = PublishLimit()
        self._application_ready = application_ready
        self._now = now
        self._hello_deadline: float | None = None
        self._heard = now
        self._pinged = False

    @property
    def connected(self) -> bool:
        """Whether the start-up is over and the connection open."""
        return self.state is CloudState.CONNECTED

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes have come from the stream, in any pieces."""
        if self.state is CloudState.CLOSED:
            return
        self._now = now
        fault: ChannelError | None = None
        try:
            self._end.receive_data(data, now)
        except ChannelError as error:
            fault = error
        self._take()
        if fault is not None:
            self._drop(fault.code, fault.why)

    def receive_eof(self, now: float) -> None:
        """The stream has ended."""
        if self.state is not CloudState.CLOSED:
            self._now = now
            try:
                self._end.receive_eof()
            except ChannelError as error:
                self._drop(error.code, error.why)

    def data_to_send(self) -> bytes:
        """What has to be written to the stream now, each byte once. Ask after every other call."""
        return b"".join(self._end.pieces_to_send())

    def events(self) -> list[CloudEvent]:
        """What has happened since the last time this was asked, in order."""
        events = self._events[:]
        self._events.clear()
        return events

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, in the seconds of `now`; None: not at all."""
        if self.state is CloudState.CLOSED:
            return None
        waits = (self._end.deadline(), self._hello_deadline, self._ping_deadline(), self._coap.deadline(), self._update.deadline())
        return min((each for each in waits if each is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        if self.state is CloudState.CLOSED:
            return
        self._now = now
        try:
            self._end.handle_timer(now)
        except ChannelError as error:
            self._drop(error.code, error.why)
            return
        if self._hello_deadline is not None and now >= self._hello_deadline:
            self._drop(ProtocolErrorCode.MESSAGE_TIMEOUT, f"the cloud's Hello did not come within {HELLO_TIMEOUT:g} s")
            return
        try:
            self._coap.handle_timer(now)
        except ChannelError as error:
            self._drop(error.code, error.why)
            return
        self._update.handle_timer(now)
        ping = self._ping_deadline()
        if ping is not None and now >= ping:
            self._ping()

    def publish(
        self,
        name: str,
        data: bytes | None,
        now: float,
        *,
        ttl: int = DEFAULT_TTL,
        public: bool = False,
        with_ack: bool = False,
        done: Callable[[ProtocolErrorCode], None] = lambda _: None,
    ) -> ProtocolErrorCode:
        """Publish an event of the application; what is too long is cut off.

        `done` is told how an event `with_ack` ended: NO_ERROR, or MESSAGE_TIMEOUT after 20 s.

        Returns:
            NO_ERROR: it went out. INVALID_STATE: not connected. BANDWIDTH_EXCEEDED: more than four in a second.
        """
        self._now = now
        if not self.connected:
            return ProtocolErrorCode.INVALID_STATE
        if not self._limit.allows(name, now):
            return ProtocolErrorCode.BANDWIDTH_EXCEEDED
        event = Event(name[:MAX_EVENT_NAME], self._event_data(data), ttl, public, with_ack)
        message = event.encode(self._coap.next_id())
        self._coap.send(message, now, done if with_ack else None)
        return ProtocolErrorCode.NO_ERROR

    def publish_vitals(self, now: float) -> bool:
        """Send the vitals of now, in answer to nobody; whether they went out. Firmware before 2.0.0 waits to be asked."""
        self._now = now
        if not self.connected or not self._profile.posts_describe:
            return False
        self.post_describe(DescribeFlag.METRICS)
        return True

    def application_ready(self, now: float) -> None:
        """The application's `setup()` is over: describe and subscribe it, if that has not happened."""
        self._now = now
        if not self._application_ready:
            self._application_ready = True
            if self.connected:
                self._introduce_application()

    def request_time(self) -> None:
        """Ask the cloud for the time; the answer comes as `TimeReceived`."""
        if self.state in (CloudState.HELLO, CloudState.CONNECTED):
            self._send(TimeRequest(self._coap.next_token()).encode(self._coap.next_id()))

    def disconnect(self, goodbye: Goodbye, now: float) -> None:
        """Hang up in good order: write what `data_to_send()` gives, then close the stream."""
        self._now = now
        if self.connected and self._profile.says_goodbye:
            self._send(goodbye.encode(self._coap.next_id()))
        self._drop(ProtocolErrorCode.NO_ERROR, str(goodbye))

    def send_event(self, name: str, data: bytes) -> None:
        """Send one of the system's events: private, unacknowledged."""
        self._send(Event(name, self._event_data(data)).encode(self._coap.next_id()))

    def post_describe(self, flag: DescribeFlag) -> None:
        """Send one part of the description unasked; a long one in blocks, where the firmware can."""
        payload, size = self._requests.description(flag), self._profile.block_size
        if size and len(payload) > size:
            self._post_block(flag, payload, 0, size)
            return
        token = self._coap.next_token() if self._profile.describe_tokens else b""
        post = DescribePost(flag, payload, token, self._requests.content_format(flag))
        self._send(post.encode(self._coap.next_id()))

    def subscribe_all(self) -> None:
        """Send all subscriptions: the system's, then the application's."""
        application = self._facts.application
        own = [] if application is None else [each.message for each in application.subscriptions]
        for subscription in (*SYSTEM_SUBSCRIPTIONS, *own):
            self._send(subscription.encode(self._coap.next_id()))

    def _event_data(self, data: bytes | None) -> bytes | None:
        """What of an event's data goes out. Only old firmware sends the empty string as something else than no data at all."""
        if data == b"" and not self._profile.marks_empty_data:
            return None
        return data and data[: self._profile.text_limit]

    def _post_block(self, flag: DescribeFlag, payload: bytes, number: int, size: int) -> None:
        """Send one block; the next one follows its acknowledgement, whatever code that has (3.3.1, description.cpp:280-382)."""
        block, piece = cut(payload, number, size)

        def acknowledged(error: ProtocolErrorCode) -> None:
            if block.more and error in (ProtocolErrorCode.NO_ERROR, ProtocolErrorCode.COAP):
                self._post_block(flag, payload, number + 1, size)

        post = DescribePost(flag, piece, self._coap.next_token(), self._requests.content_format(flag), block)
        self._send(post.encode(self._coap.next_id()), acknowledged)

    def _send(self, message: Message, done: Callable[[ProtocolErrorCode], None] | None = None) -> None:
        self._coap.send(message, self._now, done)

    def _take(self) -> None:
        """Act on what the secure channel has brought."""
        for event in self._end.events():
            if isinstance(event, Established):
                # Where real firmware starts its tokens is random; here the salt decides, so that the cloud's seed does.
                self._coap.begin(self._end.first_message_id, event.credentials.data[34])
                self._say_hello()
            elif isinstance(event, MessageReceived) and self.state is not CloudState.CLOSED:
                self._heard, self._pinged = self._now, False
                try:
                    message = self._coap.receive(event.data, self._now)
                    if message is not None:
                        self._handle(message)
                except CoapError as error:
                    self._drop(ProtocolErrorCode.MALFORMED_MESSAGE, f"the cloud sent {error}")

    def _say_hello(self) -> None:
        facts, profile = self._facts, self._profile
        limits = None
        if profile.long_hello:
            limits = HelloLimits(facts.system_version, profile.buffer_size, facts.max_binary, facts.ota_chunk_size)
        flags = profile.flags | (HelloFlag.UPDATE_SUCCEEDED if facts.update_succeeded else HelloFlag(0))
        hello = Hello(facts.product_id, facts.product_version, flags, facts.platform_id, limits)
        self._send(hello.encode(self._coap.next_id()))
        self.state = CloudState.HELLO
        self._hello_deadline = self._now + HELLO_TIMEOUT
        self._heard = self._now

    def _greeted(self) -> None:
        """The cloud's Hello has come."""
        if self.state is CloudState.HELLO:
            self._hello_deadline = None
            self.state = CloudState.CONNECTED
            self._facts.update_succeeded = False
            speak_first(self, self._profile, self._facts)
            self._events.append(Connected())
            if self._application_ready:
                self._introduce_application()

    def _introduce_application(self) -> None:
        if self._profile.posts_describe:
            self.post_describe(DescribeFlag.APPLICATION)
            self.subscribe_all()

    def _handle(self, message: Message) -> None:
        """Act on one message from the cloud."""
        kind = Kind.of(message)
        if kind is None:
            self._handle_response(message)
        elif kind is Kind.HELLO:
            self._coap.acknowledge(message)
            self._greeted()
        elif kind is Kind.PING:
            self._coap.acknowledge(message, in_place=True)
        elif kind in (Kind.EVENT, Kind.PUBLIC_EVENT):
            self._handle_event(Event.decode(message))
        elif kind is Kind.FUNCTION_CALL:
            self._events.append(self._requests.call(message, self._now))
        elif kind is Kind.VARIABLE_READ:
            self._requests.read(message, self._now)
        elif kind is Kind.DESCRIBE_REQUEST:
            self._requests.describe(message, self._now)
        elif kind is Kind.SIGNAL:
            self._coap.acknowledge(message, Code.CHANGED, in_place=True)
            self._events.append(SignalChanged(Signal.decode(message).on))
        elif kind is Kind.KEY_CHANGE:
            self._coap.acknowledge(message, in_place=True)
        else:
            self._update.handle(kind, message, self._now)

    def _handle_response(self, message: Message) -> None:
        """A response that nothing waits for. Any 2.05 is the time, whatever its token."""
        if message.code == Code.CONTENT and len(message.payload) >= 4:
            self._events.append(TimeReceived(int.from_bytes(message.payload[:4])))

    def _handle_event(self, event: Event) -> None:
        """An event from the cloud. Over TCP it is never acknowledged (2.3.1, communication/src/subscriptions.h:120-133)."""
        meaning = system_event(event)
        if meaning is not None:
            self._events.append(meaning)
            if isinstance(meaning, UpdatesForced):
                self._facts.updates_forced = meaning.forced
                self.send_event(UPDATES_FORCED, flag_text(meaning.forced))
        if self._facts.application is not None:
            self._facts.application.deliver(event.name, event.text)

    def _ping_deadline(self) -> float | None:
        if self.state is not CloudState.CONNECTED or self._update.running:
            return None
        return self._heard + (self._profile.ping_timeout if self._pinged else self._profile.ping_interval)

    def _ping(self) -> None:
        if self._pinged:
            self._drop(ProtocolErrorCode.PING_TIMEOUT, f"the cloud was silent for {self._profile.ping_timeout:g} s after a ping")
            return
        self._send(empty(Type.CON, self._coap.next_id()))
        self._heard, self._pinged = self._now, True

    def _drop(self, error: ProtocolErrorCode, why: str) -> None:
        """End the connection, once."""
        if self.state is CloudState.CLOSED:
            return
        self.state = CloudState.CLOSED
        self._hello_deadline = None
        self._end.fail()
        self._coap.close()
        self._update.cancel()
        self._events.append(Disconnected(error, why))

    def __repr__(self) -> str:
        return f"<CloudConnection {self._identity.device_id.hex()} {self.state.value}>"
