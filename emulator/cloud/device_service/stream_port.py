"""The cloud's TCP port: boards that speak lightssl."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from emulator.cloud.device_service.greeting import registered_key
from emulator.cloud.device_service.line import Line
from emulator.cloud.device_service.service import DeviceService
from emulator.cloud.device_service.session import Session
from emulator.network import Network
from particle_protocol.cloud_profiles import Transport
from particle_protocol.key_kinds import KeyKind
from particle_protocol.lightssl import DeviceIdentified, DevicePublicKey, KeyFault, ServerEnd, ServerKey
from particle_protocol.messages import Hello
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, ChannelEvent


class ByteStream(Protocol):
    """One end of an ordered byte stream: `emulator.network.Stream`, or anything like it."""

    peer: str
    on_data: Callable[[bytes], None]
    on_closed: Callable[[str], None]

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """End the stream in good order."""


class StreamPort:
    """Takes connections of boards. `server_key` is the key whose public half they hold."""

    transport = Transport.TCP

    def __init__(self, service: DeviceService, server_key: ServerKey) -> None:
        self.service = service
        self.server_key = server_key
        self.lines: set[StreamLine] = set()
        service.ports.append(self)

    @property
    def public_der(self) -> bytes:
        """See `Port`."""
        return self.server_key.public.der

    def listen(self, network: Network, host: str, number: int) -> None:
        """See `Port`."""
        network.listen(host, number, self.accept)

    def accept(self, stream: ByteStream) -> None:
        """A board has connected."""
        line = StreamLine(self, stream)
        self.lines.add(line)
        line.start()

    def sessions(self) -> Iterator[Session]:
        """See `Port`."""
        return (line.session for line in self.lines if line.session is not None and not line.session.closed)

    def close(self, reason: str) -> None:
        """See `Port`."""
        for line in tuple(self.lines):
            line.close(reason)


class StreamLine(Line):
    """One connection. It is over when its stream is, and a session when either is."""

    transport = Transport.TCP

    __slots__ = ("_end", "_mismatch", "_port", "_stream")

    def __init__(self, port: StreamPort, stream: ByteStream) -> None:
        service = port.service
        self._port = port
        self._stream = stream
        self._mismatch = False
        self._end = ServerEnd(
            port.server_key, service.clock.now, random_bytes=service.rng.randbytes, handshake_timeout=service.settings.handshake_timeout
        )
        super().__init__(service, self._end, stream.peer)

    def start(self) -> None:
        """Take over the stream, and send the nonce."""
        self._stream.on_data = self._received
        self._stream.on_closed = self._closed
        self.flush()

    def identify(self, hello: Hello) -> None:
        """See `Line`: the handshake has told already."""

    def _received(self, data: bytes) -> None:
        if self.over:
            return
        fault: ChannelError | None = None
        try:
            self._end.receive_data(data, self.service.clock.now)
        except ChannelError as error:
            fault = error
        self.turn(fault)

    def _take_event(self, event: ChannelEvent) -> None:
        if isinstance(event, DeviceIdentified):
            self._identified(event)

    def _identified(self, device: DeviceIdentified) -> None:
        """Look the device's key up. A device that shows another one than is registered gets the registered one's session key all the same.

        It then cannot decrypt it, and says so on its status LED, as with the real cloud.
        """
        self.device_id = device.device_id.hex()
        key = registered_key(self.service.listener, self.device_id, KeyKind.RSA, device.public_key)
        self._mismatch = bool(device.public_key) and device.public_key != key
        try:
            self._end.accept(DevicePublicKey.from_der(key), self.service.clock.now)
        except KeyFault as fault:
            raise ChannelError(ProtocolErrorCode.BAD_SERVER_KEY, f"the registered key of the device cannot be used: {fault}") from None
        self.expect_hello(self.service.settings.hello_timeout)

    def _closed(self, reason: str) -> None:
        """The board's end of the stream is gone."""
        if self.session is None and self._mismatch:
            reason = f"{reason}, for it cannot read its session key: it holds another key than the one that is registered"
        self.fail(ProtocolErrorCode.REMOTE_CLOSED, reason)

    def _write(self, pieces: Iterable[bytes]) -> None:
        self._stream.write(b"".join(pieces))

    def _let_go(self) -> None:
        self._stream.close()
        self._port.lines.discard(self)
