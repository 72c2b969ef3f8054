"""One board's way to the cloud, from its first byte on: the secure channel, the conversation in it, and from Hello on the session.

What kinds of lines have in common. Each kind knows how its channel is fed, how the board proves who it is, and what it means to hang up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from emulator.clock import Timer
from emulator.cloud.device_log import DroppedMessage, Refusal
from emulator.cloud.device_service.greeting import introduce
from emulator.cloud.device_service.introduction import Introduction
from emulator.cloud.device_service.session import Session
from particle_protocol.cloud_profiles import CloudProfile, Transport, cloud_profile
from particle_protocol.coap_end import CoapEnd
from particle_protocol.messages import Hello, cloud_hello
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, ChannelEvent, MessageReceived, SecureChannel

if TYPE_CHECKING:
    from emulator.cloud.device_service.service import DeviceService

OLDEST = (0, 0, 0)
"""What a device is taken for before its Hello."""


class Line:
    """One line. Whoever hands it something that came calls `turn` then."""

    transport: ClassVar[Transport]

    __slots__ = (
        "_armed",
        "_handling",
        "_hello_by",
        "_timer",
        "channel",
        "coap",
        "device_id",
        "over",
        "peer",
        "profile",
        "service",
        "session",
    )

    def __init__(self, service: DeviceService, channel: SecureChannel, peer: str) -> None:
        self.service = service
        self.channel = channel
        self.peer = peer
        self.profile: CloudProfile = cloud_profile(OLDEST, self.transport)
        settings = service.settings
        self.coap = CoapEnd(
            channel, own_ids_in_acks=self.profile.own_ids_in_acks, draw=service.rng.random, max_payload=settings.max_description
        )
        first_id = service.rng.getrandbits(16)
        self.coap.begin(first_id, first_id & 0xFF)
        self.session: Session | None = None
        self.device_id: str | None = None
        """The device on this line, once it said which one it is."""
        self.over = False
        self._handling = False
        self._hello_by: tuple[float, float] | None = None
        """By when Hello has to come, and how long that was since it was awaited."""
        self._timer: Timer | None = None
        self._armed = 0.0

    def turn(self, fault: ChannelError | None = None) -> None:
        """Act on what the channel has brought, and send what there is to send. `fault` ended the channel behind that."""
        self._handling = True
        try:
            self._take_events()
        except ChannelError as error:
            fault = fault or error
        finally:
            self._handling = False
        if fault is not None:
            self.fail(fault.code, fault.why)
        elif not self.over:
            self.flush()

    def flush(self) -> None:
        """Have what was sent go out. What is sent while something is handled goes out together, at its end."""
        if not self._handling and not self.over:
            self._drain()
            self._arm()

    def hang_up(self) -> None:
        """End the line, from this end; what was sent before still goes out. The session has ended already."""
        if not self.over:
            self._part()
            self._finish()

    def rest(self) -> None:
        """The device is not there for now; its session has ended."""
        self.hang_up()

    def dropped(self, message: bytes, why: str) -> None:
        """A message of the device could not be understood."""
        self.service.log.drop(DroppedMessage(self.peer, self.device_id or "", self.service.clock.now, message, why))

    def close(self, reason: str) -> None:
        """Hang up, whatever has been reached."""
        if self.session is not None:
            self.session.close(reason)
        self.hang_up()

    def fail(self, code: ProtocolErrorCode, why: str) -> None:
        """The line is over, by a fault: either its session ends, or the device has been refused."""
        if self.over:
            return
        self._turn_away(code, why)
        self._finish()
        if self.session is not None:
            self.session.ended(why)
        else:
            self.service.log.refused(Refusal(self.peer, self.device_id, self.service.clock.now, code, why))

    def open_session(self, introduction: Introduction) -> Session:
        """A device begins to be there. The cloud may end the session at once."""
        assert self.device_id is not None, "a session belongs to a device"
        session = self.session = Session(self, self.device_id, introduction)
        return session

    def expect_hello(self, within: float) -> None:
        """The device has to say Hello now, within so many seconds."""
        self._hello_by = (self.service.clock.now + within, within)
        self._arm()

    def _take_events(self) -> None:
        """Act on what the secure channel has brought; accepting a device can bring more."""
        while not self.over and (events := self.channel.events()):
            for event in events:
                self._take(event)

    def _take(self, event: ChannelEvent) -> None:
        if self.over:
            return
        if isinstance(event, MessageReceived):
            self._take_message(event.data)
        else:
            self._take_event(event)

    def _take_message(self, data: bytes) -> None:
        if self.session is None:
            self._greeted(data)
        else:
            self.session.received(data)

    def _greeted(self, data: bytes) -> None:
        """The first message has to be the device's Hello.

        Raises:
            ChannelError: it is not, or it is that of a device that is not let in.
        """
        message, hello = introduce(self, data)
        self._hello_by = None
        session = self.open_session(Introduction(hello))
        self.coap.acknowledge(message)
        if self.profile.awaits_hello:
            self.coap.send(cloud_hello(self.coap.next_id()), self.service.clock.now)
        self.service.listener.session_opened(session)

    def identify(self, hello: Hello) -> None:
        """A device has said Hello: see that it is the one on this line, if the handshake left that open.

        Raises:
            ChannelError: it is not let in.
        """
        raise NotImplementedError

    def _take_event(self, event: ChannelEvent) -> None:
        """Act on an event of this kind of channel.

        Raises:
            ChannelError: the device is not let in.
        """
        raise NotImplementedError

    def _write(self, pieces: Iterable[bytes]) -> None:
        """Put pieces on their way."""
        raise NotImplementedError

    def _drain(self) -> None:
        pieces = self.channel.pieces_to_send()
        if pieces:
            self._write(pieces)

    def _part(self) -> None:
        """Send the last there is to send, in good order."""
        self._drain()

    def _turn_away(self, code: ProtocolErrorCode, why: str) -> None:
        """Send the last there is to send, as the device is refused or has failed."""
        self._drain()

    def _let_go(self) -> None:
        """Give up what lies beneath."""
        raise NotImplementedError

    def _arm(self) -> None:
        """Have a timer not later than the first deadline. One that is too early does no harm."""
        due = self._due()
        if due is None or (self._timer is not None and not self._timer.cancelled and self._armed <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = self.service.clock.call_at(due, self._overdue)

    def _due(self) -> float | None:
        times = (self.channel.deadline(), self.coap.deadline(), None if self._hello_by is None else self._hello_by[0])
        return min((each for each in times if each is not None), default=None)

    def _overdue(self) -> None:
        now = self.service.clock.now
        if self._hello_by is not None and now >= self._hello_by[0]:
            self.fail(ProtocolErrorCode.MESSAGE_TIMEOUT, f"Hello did not come within {self._hello_by[1]:g} s")
            return
        try:
            self.channel.handle_timer(now)
        except ChannelError as error:
            self.fail(error.code, error.why)
            return
        try:
            self.coap.handle_timer(now)
        except ChannelError as error:
            self._unanswered(error)
        self.flush()

    def _unanswered(self, error: ChannelError) -> None:
        """The device acknowledges nothing any more: its session ends."""
        if self.session is not None:
            self.session.gone(error.why)

    def _finish(self) -> None:
        """Let go of everything."""
        self.over = True
        self.channel.fail()
        if self._timer is not None:
            self._timer.cancel()
        self._let_go()
