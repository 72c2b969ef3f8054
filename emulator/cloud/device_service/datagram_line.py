"""One board's line over UDP: a session of DTLS, and the cloud's sessions in it, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.cloud.device_service.greeting import registered_key
from emulator.cloud.device_service.introduction import Introduction
from emulator.cloud.device_service.line import Line
from emulator.cloud.device_service.session import Session
from particle_protocol.cloud_profiles import Transport
from particle_protocol.coap import CoapError, Code, Message, Type, empty, is_request
from particle_protocol.dtls import KeyProved, ServerEnd
from particle_protocol.dtls.end import State
from particle_protocol.dtls.errors import AccessDenied
from particle_protocol.key_kinds import KeyKind
from particle_protocol.messages import Hello, Kind
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, ChannelEvent

if TYPE_CHECKING:
    from emulator.cloud.device_service.datagram_port import DatagramPort


class DatagramLine(Line):
    """Begins when a device has proved a key, and ends when either side ends the session of DTLS.

    Who does not come back needs no end: the port forgets the line at some time.
    """

    transport = Transport.UDP

    __slots__ = ("_key", "_port", "_said", "end")

    def __init__(self, port: DatagramPort, end: ServerEnd, peer: str) -> None:
        super().__init__(port.service, end, peer)
        self.end = end
        self._port = port
        self._key = b""
        self._said: Introduction | None = None

    def identify(self, hello: Hello) -> None:
        """See `Line`: only Hello tells which device it is; its key must be the registered one, or one that the cloud learns now."""
        device_id = hello.device_id.hex()
        if not device_id:
            raise ChannelError(ProtocolErrorCode.MALFORMED_MESSAGE, "Hello over UDP says the device's id; this one says none")
        if self.device_id not in (None, device_id):
            raise ChannelError(ProtocolErrorCode.AUTHENTICATION, f"device {self.device_id} says Hello as another one, {device_id}")
        self.device_id = device_id
        if registered_key(self.service.listener, device_id, KeyKind.P256, self._key) != self._key:
            raise ChannelError(ProtocolErrorCode.AUTHENTICATION, "it holds another key than the one that is registered")
        self._port.named(self, device_id)

    def open_session(self, introduction: Introduction) -> Session:
        """See `Line`."""
        self._said = introduction
        self._port.returns(self)
        return super().open_session(introduction)

    def rest(self) -> None:
        """See `Line`: keys and counters are kept, for the device may go on with them."""
        self._port.rests(self)

    def forget(self) -> None:
        """The device will not come back on this line."""
        if not self.over:
            self._finish()

    def moved(self, peer: str) -> None:
        """The device is seen at this address now."""
        if peer != self.peer:
            self.peer = peer
            if self.session is not None and not self.session.closed:
                self.session.peer = peer

    def _take_event(self, event: ChannelEvent) -> None:
        if isinstance(event, KeyProved):
            self._key = event.public_key.der
            if not self.service.listener.admits_key(self._key):
                raise ChannelError(ProtocolErrorCode.NOT_FOUND, "it proved a key that is no registered device's, and keys are not learned")
            self._port.listener.accept(self.end, self.service.clock.now)
            self.expect_hello(self.service.settings.dtls_hello_timeout)

    def _take_message(self, data: bytes) -> None:
        session = self.session
        if session is None and not _is_hello(data):
            return  # it has overtaken the Hello, and will come again
        if session is not None and (session.closed or _looks_like_hello(data)) and not self._goes_on(session, data):
            return
        super()._take_message(data)

    def _goes_on(self, session: Session, data: bytes) -> bool:
        """Whether a message is to be taken: by the session, by one that it begins, or as the Hello of a device that begins anew.

        A device begins anew in the same session of DTLS when something about it has changed (6.2.0, protocol.cpp:479-504).
        What it sent before it left, and repeats because the acknowledgement was lost, gets that and no more.
        """
        now = self.service.clock.now
        try:
            message = Message.decode(data)
        except CoapError:
            return not session.closed
        kind = Kind.of(message)
        new = not self.coap.knows(message, now)
        if new and kind is Kind.HELLO:
            session.ended("the device begins anew")
            self.session = None
            return True
        if not session.closed:
            return True
        if new and self.end.has_new and (kind is Kind.PING or is_request(message.code)) and self._said is not None:
            self._come_back(self._said)
            return True
        self.coap.receive(data, now)
        return False

    def _come_back(self, said: Introduction) -> None:
        """The device is there again, and does not introduce itself a second time."""
        session = self.open_session(said)
        self.service.listener.session_opened(session)
        session.remind()

    def _write(self, pieces: Iterable[bytes]) -> None:
        self._port.send(pieces, self.end.address)

    def _part(self) -> None:
        """A Reset has the device forget its session, so that it comes back with a handshake (6.2.0, coap_channel.cpp:156)."""
        if self.end.is_open:
            self.end.send(empty(Type.RST, self.coap.last_id).encode())
            self.end.close()
        super()._part()

    def _turn_away(self, code: ProtocolErrorCode, why: str) -> None:
        if self.end.state in (State.EXPECT_VERDICT, State.ESTABLISHED):
            self.end.refuse(AccessDenied(why))
        super()._turn_away(code, why)

    def _let_go(self) -> None:
        self._port.forget(self)


def _is_hello(data: bytes) -> bool:
    try:
        return Kind.of(Message.decode(data)) is Kind.HELLO
    except CoapError:
        return False


def _looks_like_hello(data: bytes) -> bool:
    """Whether a message is probably a Hello: to be looked at more closely."""
    path = 4 + (data[0] & 0x0F) if data else 0
    return data[1:2] == bytes((Code.POST,)) and data[path : path + 2] == b"\xb1h"
