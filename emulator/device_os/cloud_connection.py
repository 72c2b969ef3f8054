"""A device's connection to the cloud, as Device OS 0.7 to 6.2 keeps it over TCP and over UDP: a core without I/O.

The firmware opens a socket, makes a `CloudLink` and with it a `CloudConnection`, and from then on hands it what came (`receive_data`,
`receive_eof`) and the time (`handle_timer` at `deadline()`), sends what `pieces_to_send()` gives, and acts on `events()`. Nothing raises:
whatever goes wrong ends in a `Disconnected` event that names the protocol's error.

Source: Device OS 2.3.1 and 6.2.0, communication/src/protocol.cpp, lightssl_protocol.h, dtls_protocol.cpp, dtls_message_channel.cpp and
system/src/system_cloud_internal.cpp.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import Final

from emulator.device_os.cloud_facts import (
    CloudEvent,
    CloudFacts,
    CloudQuirks,
    Connected,
    Disconnected,
    SignalChanged,
    TimeReceived,
    UpdatesForced,
)
from emulator.device_os.cloud_introduction import Introduction
from emulator.device_os.cloud_link import CloudLink
from emulator.device_os.cloud_requests import CloudRequests
from emulator.device_os.cloud_startup import UPDATES_ENABLED, UPDATES_FORCED, StartUp, event_data, flag_text
from emulator.device_os.cloud_system_events import system_event
from emulator.device_os.cloud_update import cloud_update
from emulator.device_os.publish_limit import PublishLimit
from particle_protocol import dtls
from particle_protocol.coap import CoapError, Code, Message, Option, Type, empty
from particle_protocol.coap_end import CoapEnd, Done
from particle_protocol.dtls import SavedSession
from particle_protocol.messages import DEFAULT_TTL, DescribeFlag, Event, Goodbye, Kind, Signal, TimeRequest
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, ChannelEstablished, MessageReceived

HELLO_TIMEOUT: Final = 4.0
"""How long the cloud's Hello may take over TCP, in seconds (2.3.1, communication/src/protocol.cpp:420-430)."""
GOODBYE_TIMEOUT: Final = 5.0
"""How long the acknowledgement of Goodbye is waited for, in seconds (2.3.1, lightssl_protocol.h, DEFAULT_DISCONNECT_COMMAND_TIMEOUT)."""
MAX_EVENT_NAME: Final = 64


class CloudState(enum.Enum):
    """Where a connection stands."""

    HANDSHAKE = "handshake"
    HELLO = "waits for the cloud's Hello, or the acknowledgement of its own"
    STARTING = "waits for its first messages to be acknowledged"
    CONNECTED = "connected"
    LEAVING = "waits for its Goodbye to be acknowledged"
    CLOSED = "closed"


class CloudConnection:
    """One connection, from the open socket to its end.

    `first_token` is where the tokens of its requests begin; in real firmware it is random. With `application_ready` False the application
    is not described and subscribed before `application_ready()` is called: in AUTOMATIC mode the application's `setup()` runs only once
    the device is connected.
    """

    __slots__ = (
        "_application_ready",
        "_channel",
        "_coap",
        "_events",
        "_facts",
        "_first_token",
        "_give_up_at",
        "_heard",
        "_introduction",
        "_limit",
        "_link",
        "_now",
        "_pinged",
        "_profile",
        "_received",
        "_requests",
        "_session",
        "_start_up",
        "_update",
        "state",
    )

    def __init__(
        self,
        link: CloudLink,
        facts: CloudFacts,
        now: float,
        *,
        first_token: int = 0,
        quirks: CloudQuirks = CloudQuirks(),  # noqa: B008  # immutable
        application_ready: bool = True,
    ) -> None:
        self.state = CloudState.HANDSHAKE
        self._link = link
        self._channel = link.channel
        self._facts = facts
        self._profile = link.profile
        self._coap = CoapEnd(self._channel, own_ids_in_acks=quirks.own_ids_in_acks and self._profile.own_ids_in_acks)
        self._first_token = first_token
        self._requests = CloudRequests(self._coap, self._profile, facts)
        self._introduction = Introduction(link, self._coap, facts, self._requests, self._time)
        self._start_up = StartUp(
            self._coap, self._profile, facts, self._introduction, self._time, confirms=self._confirms, ended=self._started
        )
        self._events: list[CloudEvent] = []
        self._update = cloud_update(self._coap, self._profile, facts, self._events.append, confirms=self._confirms)
        self._limit = PublishLimit()
        self._application_ready = application_ready
        self._now = now
        self._give_up_at: float | None = None
        """When what is awaited now (Hello, the acknowledgement of Goodbye) has taken too long."""
        self._received = False
        self._session: SavedSession | None = None
        self._heard = now
        self._pinged = False
        # A session that goes on is open already.
        self._take()

    @property
    def connected(self) -> bool:
        """Whether the start-up is over and the connection open."""
        return self.state is CloudState.CONNECTED

    @property
    def keeps_session(self) -> bool:
        """Whether there is a session that can be gone on with: over UDP."""
        return self._confirms

    @property
    def session(self) -> SavedSession | None:
        """The session to go on with later, as it is to be kept now: None when there is none, or it is to be forgotten."""
        return self._session if self.state is CloudState.CLOSED else self._saved()

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes have come: from a stream in any pieces, else one datagram."""
        if self.state is CloudState.CLOSED:
            return
        self._now = now
        fault: ChannelError | None = None
        try:
            self._channel.receive_data(data, now)
        except ChannelError as error:
            fault = error
        self._take()
        if fault is not None:
            # Who closes in good order leaves the session as it was; after any other fault it is worth nothing.
            self._drop(fault.code, fault.why, forget=not isinstance(fault, dtls.errors.CloseNotify))

    def receive_eof(self, now: float) -> None:
        """The stream has ended."""
        if self.state is not CloudState.CLOSED:
            self._now = now
            try:
                self._link.receive_eof()
            except ChannelError as error:
                self._drop(error.code, error.why)

    def pieces_to_send(self) -> list[bytes]:
        """What has to be sent now, each piece once: in one write to a stream, or as one datagram. Ask after every other call."""
        return self._channel.pieces_to_send()

    def events(self) -> list[CloudEvent]:
        """What has happened since the last time this was asked, in order."""
        events = self._events[:]
        self._events.clear()
        return events

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, in the seconds of `now`; None: not at all."""
        if self.state is CloudState.CLOSED:
            return None
        waits = (self._channel.deadline(), self._give_up_at, self._ping_deadline(), self._coap.deadline(), self._update.deadline())
        return min((each for each in waits if each is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        if self.state is CloudState.CLOSED:
            return
        self._now = now
        if self._give_up_at is not None and now >= self._give_up_at:
            self._give_up()
            return
        try:
            self._channel.handle_timer(now)
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
        done: Done = lambda _: None,
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
        event = Event(name[:MAX_EVENT_NAME], event_data(data, self._profile), ttl, public, with_ack or self._confirms)
        self._coap.send(event.encode(self._coap.next_id()), now, done if with_ack else None)
        return ProtocolErrorCode.NO_ERROR

    def publish_vitals(self, now: float) -> bool:
        """Send the vitals of now, in answer to nobody; whether they went out. Firmware before 2.0.0 waits to be asked."""
        self._now = now
        if not self.connected or not self._profile.posts_describe:
            return False
        self._introduction.post(DescribeFlag.METRICS)
        return True

    def enable_updates(self, now: float, *, enabled: bool) -> None:
        """The application allows updates, or does not any more: the cloud is told, if the version tells such things."""
        self._now = now
        if enabled is not self._facts.updates_enabled:
            self._facts.updates_enabled = enabled
            if self.connected and self._profile.tells_updates:
                self._tell_flag(UPDATES_ENABLED, enabled)

    def application_ready(self, now: float) -> None:
        """The application's `setup()` is over: describe and subscribe it, if that has not happened."""
        self._now = now
        if not self._application_ready:
            self._application_ready = True
            if self.connected:
                self._introduce_application()

    def request_time(self) -> None:
        """Ask the cloud for the time; the answer comes as `TimeReceived`."""
        if self.state in (CloudState.HELLO, CloudState.STARTING, CloudState.CONNECTED):
            self._coap.send(self._time_request(), self._now)

    def ping(self, now: float) -> None:
        """Ask the cloud whether it is still there, unless that is asked already."""
        self._now = now
        if self.connected and not self._pinged:
            self._ping()

    def disconnect(self, goodbye: Goodbye, now: float) -> None:
        """Hang up in good order: send what `pieces_to_send()` gives; `Disconnected` comes at once, or when Goodbye is acknowledged.

        An update under way is over: to acknowledge more of it after Goodbye would tell the cloud that the device is back.
        """
        self._now = now
        self._update.cancel()
        if not self.connected or not self._profile.says_goodbye:
            self._drop(ProtocolErrorCode.NO_ERROR, str(goodbye))
            return
        message = replace(goodbye, confirmable=self._confirms).encode(self._coap.next_id())
        if not self._confirms:
            self._coap.send(message, now)
            self._drop(ProtocolErrorCode.NO_ERROR, str(goodbye))
            return
        self.state = CloudState.LEAVING
        self._give_up_at = now + GOODBYE_TIMEOUT
        self._coap.send(message, now, lambda _: self._drop(ProtocolErrorCode.NO_ERROR, str(goodbye)), timeout=GOODBYE_TIMEOUT)

    def abandon_update(self) -> bool:
        """The network is gone from under the connection: what an update has brought is put aside. Whether there was one."""
        running = self._update.running
        self._update.cancel()
        return running

    @property
    def _confirms(self) -> bool:
        """Whether everything is confirmable: where messages can be lost."""
        return not self._channel.is_reliable

    def _time(self) -> float:
        return self._now

    def _time_request(self) -> Message:
        return TimeRequest(self._coap.next_token()).encode(self._coap.next_id())

    def _take(self) -> None:
        """Act on what the secure channel has brought."""
        for event in self._channel.events():
            if self.state is CloudState.CLOSED:
                return
            if isinstance(event, ChannelEstablished):
                self._established()
            elif isinstance(event, MessageReceived):
                self._take_message(event.data)

    def _take_message(self, data: bytes) -> None:
        self._heard, self._pinged, self._received = self._now, False, True
        try:
            message = self._coap.receive(data, self._now)
            if message is not None:
                self._handle(message)
            elif self._profile.forgets_session_on_reset and Message.decode(data).type is Type.RST:
                self._drop(ProtocolErrorCode.DISCARD_SESSION, "the cloud reset a message: it does not know this session", forget=True)
        except CoapError as error:
            self._drop(ProtocolErrorCode.MALFORMED_MESSAGE, f"the cloud sent {error}")
        except ChannelError as error:
            self._drop(error.code, error.why)

    def _established(self) -> None:
        """Messages can be sent: say Hello, unless the session goes on and Hello would say nothing new."""
        self._coap.begin(self._channel.first_message_id, self._first_token)
        self._heard = self._now
        if self._link.resumed is not None and self._introduction.is_current:
            self.state = CloudState.STARTING
            self._start_up.speak_again()
            return
        self.state = CloudState.HELLO
        if self._profile.awaits_hello:
            self._give_up_at = self._now + HELLO_TIMEOUT
        self._introduction.say_hello(self._hello_ended)

    def _hello_ended(self, error: ProtocolErrorCode) -> None:
        if error is ProtocolErrorCode.NO_ERROR:
            self._greeted()
        elif error is ProtocolErrorCode.COAP:
            self._drop(error, "the cloud refused Hello", forget=True)

    def _greeted(self) -> None:
        """The cloud's Hello has come, or the acknowledgement that is as good."""
        if self.state is CloudState.HELLO:
            self._give_up_at = None
            self.state = CloudState.STARTING
            self._facts.update_succeeded = False
            self._start_up.speak_first()

    def _started(self) -> None:
        """The start-up is over."""
        if self.state is CloudState.STARTING:
            self.state = CloudState.CONNECTED
            self._events.append(Connected())
            if self._application_ready:
                self._introduce_application()

    def _introduce_application(self) -> None:
        if self._profile.posts_describe:
            self._introduction.introduce_application()

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
            event = Event.decode(message)
            if self._profile.acknowledges_events:
                self._coap.acknowledge(message)
            self._handle_event(event)
        elif kind is Kind.FUNCTION_CALL:
            self._events.append(self._requests.call(message, self._now))
        elif kind is Kind.VARIABLE_READ:
            self._requests.read(message, self._now)
        elif kind is Kind.DESCRIBE_REQUEST:
            self._requests.describe(message, self._now, self._introduction.answered)
        elif kind is Kind.SIGNAL:
            self._coap.acknowledge(message, Code.CHANGED, in_place=True)
            self._events.append(SignalChanged(Signal.decode(message).on))
        elif kind is Kind.SERVER_MOVED:
            moved = self._requests.move(message, self._now)
            self._events += [] if moved is None else [moved]
        elif kind is Kind.KEY_CHANGE:
            self._change_key(message)
        else:
            self._update.handle(kind, message, self._now)

    def _handle_response(self, message: Message) -> None:
        """A response that nothing waits for. Any 2.05 is the time, whatever its token."""
        if message.code == Code.CONTENT and len(message.payload) >= 4:
            self._events.append(TimeReceived(int.from_bytes(message.payload[:4])))
            self._facts.knows_time = True

    def _handle_event(self, event: Event) -> None:
        """An event from the cloud."""
        meaning = system_event(event)
        if meaning is not None:
            self._events.append(meaning)
            if isinstance(meaning, UpdatesForced):
                self._facts.updates_forced = meaning.forced
                self._tell_flag(UPDATES_FORCED, meaning.forced)
        if self._facts.application is not None:
            self._facts.application.deliver(event.name, event.text)

    def _tell_flag(self, name: str, flag: bool) -> None:
        event = Event(name, flag_text(flag), confirmable=self._confirms)
        self._coap.send(event.encode(self._coap.next_id()), self._now)

    def _change_key(self, message: Message) -> None:
        """The cloud wants other keys: over UDP that is a new session (6.2.0, protocol.cpp:262-287)."""
        self._coap.acknowledge(message, in_place=True)
        if self._confirms and message.option(Option.URI_QUERY) == b"\1":
            self._drop(ProtocolErrorCode.DISCARD_SESSION, "the cloud wants a new session, with other keys", forget=True)

    def _ping_deadline(self) -> float | None:
        if self.state is not CloudState.CONNECTED or self._update.running:
            return None
        return self._heard + (self._profile.ping_timeout if self._pinged else self._profile.ping_interval)

    def _ping(self) -> None:
        if self._pinged:
            self._drop(ProtocolErrorCode.PING_TIMEOUT, f"the cloud was silent for {self._profile.ping_timeout:g} s after a ping")
            return
        self._coap.send(empty(Type.CON, self._coap.next_id()), self._now, is_ping=True)
        self._heard, self._pinged = self._now, True

    def _give_up(self) -> None:
        if self.state is CloudState.LEAVING:
            self._drop(ProtocolErrorCode.NO_ERROR, f"Goodbye was not acknowledged within {GOODBYE_TIMEOUT:g} s")
        else:
            self._drop(ProtocolErrorCode.MESSAGE_TIMEOUT, f"the cloud's Hello did not come within {HELLO_TIMEOUT:g} s")

    def _saved(self) -> SavedSession | None:
        saved = self._link.save(self._coap.upcoming_id, self._introduction.known)
        before = self._link.resumed
        return saved if saved is None or before is None or self._received else replace(saved, uses=before.uses)

    def _drop(self, error: ProtocolErrorCode, why: str, *, forget: bool = False) -> None:
        """End the connection, once. A session over UDP is kept, unless it is to be forgotten."""
        if self.state is CloudState.CLOSED:
            return
        self._session = None if forget else self._saved()
        self.state = CloudState.CLOSED
        self._give_up_at = None
        self._channel.fail()
        self._coap.close()
        self._update.cancel()
        self._events.append(Disconnected(error, why))

    def __repr__(self) -> str:
        return f"<CloudConnection {self._link.device_id.hex()} {self.state.value}>"
