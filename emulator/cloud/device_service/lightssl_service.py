"""The cloud's TCP port: handshakes, and the session that follows each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from emulator.clock import Clock, Timer
from emulator.cloud.device_log import DeviceLog, DroppedMessage, Refusal
from emulator.cloud.device_service.service_settings import DeviceServiceSettings
from emulator.cloud.device_service.session import MakeReply, Session
from emulator.cloud.sessions import DeviceListener
from particle_protocol.coap import CoapError, Message, Type, empty
from particle_protocol.lightssl import DeviceIdentified, DevicePublicKey, KeyFault, LightSslError, MessageReceived, ServerEnd, ServerKey
from particle_protocol.lightssl.end import State
from particle_protocol.messages import Hello, cloud_hello
from particle_protocol.protocol_errors import ProtocolErrorCode


class ByteStream(Protocol):
    """One end of an ordered byte stream: `emulator.network.Stream`, or anything like it."""

    peer: str
    on_data: Callable[[bytes], None]
    on_closed: Callable[[str], None]

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """End the stream in good order."""


class LightSslService:
    """Takes connections of boards that speak TCP.

    `server_key` is the key whose public half the boards hold. What is random in a session comes from `rng`: a Lab gives its seeded one, a
    real server `random.SystemRandom()`. `log` notes the connections that came to nothing, and the messages that were dropped.
    """

    def __init__(
        self,
        clock: Clock,
        listener: DeviceListener,
        server_key: ServerKey,
        make_reply: MakeReply,
        rng: random.Random,
        settings: DeviceServiceSettings | None = None,
        log: DeviceLog | None = None,
    ) -> None:
        self.clock = clock
        self.listener = listener
        self.server_key = server_key
        self.make_reply = make_reply
        self.rng = rng
        self.settings = settings if settings is not None else DeviceServiceSettings()
        self.log = log if log is not None else DeviceLog()
        self._connections: set[_Connection] = set()

    def accept(self, stream: ByteStream) -> None:
        """A board has connected."""
        connection = _Connection(self, stream)
        self._connections.add(connection)
        connection.start()

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The newest connections that came to nothing."""
        return self.log.refusals

    @property
    def sessions(self) -> list[Session]:
        """The sessions that are open."""
        return [each.session for each in self._connections if each.session is not None and not each.session.closed]

    def close(self, reason: str = "the cloud shuts down") -> None:
        """Hang up on every board."""
        for connection in tuple(self._connections):
            connection.close(reason)

    def forget(self, connection: _Connection) -> None:
        """A connection is over."""
        self._connections.discard(connection)


class _Connection:
    """One connection: the stream, the secure channel in it, and from Hello on the session."""

    __slots__ = (
        "_device_id",
        "_end",
        "_handling",
        "_hello_timer",
        "_mismatch",
        "_over",
        "_service",
        "_stream",
        "_timer",
        "_timer_for",
        "session",
    )

    def __init__(self, service: LightSslService, stream: ByteStream) -> None:
        self._service = service
        self._stream = stream
        self._end = ServerEnd(
            service.server_key, service.clock.now, random_bytes=service.rng.randbytes, handshake_timeout=service.settings.handshake_timeout
        )
        self.session: Session | None = None
        self._device_id: str | None = None
        self._mismatch = False
        self._over = False
        self._handling = False
        self._timer: Timer | None = None
        self._timer_for: float | None = None
        self._hello_timer: Timer | None = None

    def start(self) -> None:
        """Take over the stream, and send the nonce."""
        self._stream.on_data = self._received
        self._stream.on_closed = self._closed
        self._flush()

    def send(self, message: bytes) -> None:
        """See `Transport`. What is sent while data is being handled goes out together."""
        if not self._over and self._end.state is not State.FAILED:
            self._end.send(message)
            if not self._handling:
                self._flush()

    def hang_up(self) -> None:
        """See `Transport`."""
        if not self._over:
            self._flush()
            self._finish()

    def dropped(self, message: bytes, why: str) -> None:
        """See `Transport`."""
        self._service.log.drop(DroppedMessage(self._stream.peer, self._device_id or "", self._service.clock.now, message, why))

    def close(self, reason: str) -> None:
        """Hang up, whatever has been reached."""
        if self.session is not None:
            self.session.close(reason)
        self.hang_up()

    def _received(self, data: bytes) -> None:
        if self._over:
            return
        fault: LightSslError | None = None
        self._handling = True
        try:
            try:
                self._end.receive_data(data, self._service.clock.now)
            except LightSslError as error:
                fault = error
            self._take_events()
        except LightSslError as error:
            fault = fault or error
        finally:
            self._handling = False
        if fault is not None:
            self._fail(fault.code, fault.why)
        elif not self._over:
            self._flush()

    def _take_events(self) -> None:
        """Act on what the secure channel has brought; accepting a device can bring more."""
        while not self._over and (events := self._end.events()):
            for event in events:
                if isinstance(event, DeviceIdentified):
                    self._identified(event)
                elif isinstance(event, MessageReceived) and not self._over:
                    if self.session is None:
                        self._greeted(event.data)
                    else:
                        self.session.received(event.data)

    def _identified(self, device: DeviceIdentified) -> None:
        """Look the device's key up. A device that shows another one than is registered gets the registered one's session key all the same.

        It then cannot decrypt it, and says so on its status LED, as with the real cloud.
        """
        self._device_id = device.device_id.hex()
        listener = self._service.listener
        key = listener.public_key(self._device_id)
        if key is None:
            if not device.public_key or not listener.learn_key(self._device_id, device.public_key):
                raise LightSslError(ProtocolErrorCode.NOT_FOUND, "no device of this id, or none whose key is known, is registered")
            key = device.public_key
        self._mismatch = bool(device.public_key) and device.public_key != key
        try:
            self._end.accept(DevicePublicKey.from_der(key), self._service.clock.now)
        except KeyFault as fault:
            raise LightSslError(ProtocolErrorCode.BAD_SERVER_KEY, f"the registered key of the device cannot be used: {fault}") from None
        self._hello_timer = self._service.clock.call_later(self._service.settings.hello_timeout, self._no_hello)

    def _greeted(self, data: bytes) -> None:
        """The first message has to be the device's Hello."""
        service = self._service
        try:
            message = Message.decode(data)
            hello = Hello.decode(message)
        except CoapError as error:
            raise LightSslError(ProtocolErrorCode.MALFORMED_MESSAGE, f"Hello was expected; the device sent {error}") from None
        if self._hello_timer is not None:
            self._hello_timer.cancel()
        first_id = service.rng.getrandbits(16)
        self.session = Session(
            self,
            self._device_id or "",
            hello,
            self._stream.peer,
            service.clock,
            service.make_reply,
            service.listener,
            service.settings,
            first_id,
        )
        if message.type is Type.CON:
            self.session.send(empty(Type.ACK, message.id))
        self.session.send(cloud_hello(self.session.next_id()))
        service.listener.session_opened(self.session)

    def _no_hello(self) -> None:
        self._fail(ProtocolErrorCode.MESSAGE_TIMEOUT, f"Hello did not come within {self._service.settings.hello_timeout:g} s")

    def _closed(self, reason: str) -> None:
        """The board's end of the stream is gone."""
        if not self._over:
            if self.session is None and self._mismatch:
                reason = f"{reason}, for it cannot read its session key: it holds another key than the one that is registered"
            self._fail(ProtocolErrorCode.REMOTE_CLOSED, reason)

    def _fail(self, code: ProtocolErrorCode, why: str) -> None:
        if self._over:
            return
        self._flush()
        self._finish()
        if self.session is not None:
            self.session.ended(why)
        else:
            self._service.log.refused(Refusal(self._stream.peer, self._device_id, self._service.clock.now, code, why))

    def _flush(self) -> None:
        data = self._end.data_to_send()
        if data:
            self._stream.write(data)
        self._arm()

    def _arm(self) -> None:
        """Have one timer at the secure channel's deadline."""
        deadline = self._end.deadline()
        if deadline != self._timer_for:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_for = deadline
            self._timer = None if deadline is None else self._service.clock.call_at(deadline, self._overdue)

    def _overdue(self) -> None:
        self._timer_for = None
        try:
            self._end.handle_timer(self._service.clock.now)
        except LightSslError as error:
            self._fail(error.code, error.why)
        else:
            self._arm()

    def _finish(self) -> None:
        """Let go of everything."""
        self._over = True
        self._end.fail()
        for timer in (self._timer, self._hello_timer):
            if timer is not None:
                timer.cancel()
        self._stream.close()
        self._service.forget(self)
