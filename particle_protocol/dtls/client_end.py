"""The device's end of a DTLS session."""

from __future__ import annotations

from dataclasses import dataclass, replace

from particle_protocol.dtls.dialects import Dialect
from particle_protocol.dtls.end import End, EndSettings, Established, Handshake, State
from particle_protocol.dtls.errors import (
    BadCertificate,
    DecryptError,
    DtlsError,
    HandshakeFailure,
    IllegalParameter,
    ProtocolVersion,
    Role,
    UnsupportedCertificate,
    UnsupportedExtension,
)
from particle_protocol.dtls.flight import Part
from particle_protocol.dtls.handshake import HandshakeMessage, HandshakeType
from particle_protocol.dtls.hellos import (
    CID_SIZE,
    ECDHE_ECDSA_AES_128_CCM_8,
    ECDSA_SHA256,
    NULL_COMPRESSION,
    RAW_PUBLIC_KEY,
    RENEGOTIATION_INFO_SCSV,
    SECP256R1,
    UNCOMPRESSED_POINT,
    ClientHello,
    Extensions,
    ExtensionType,
    pull_hello_verify_request,
    pull_server_hello,
    push_client_hello,
)
from particle_protocol.dtls.key_messages import (
    ECDSA_SIGN,
    Certificate,
    CertificateVerify,
    ClientKeyExchange,
    pull_certificate,
    pull_certificate_request,
    pull_server_key_exchange,
    push_certificate,
    push_certificate_verify,
    push_client_key_exchange,
)
from particle_protocol.dtls.key_schedule import RANDOM_SIZE, SessionSecrets
from particle_protocol.dtls.keys import KeyFault, PublicKey, SigningKey
from particle_protocol.dtls.moved import DEVICE_ID_SIZE, mark
from particle_protocol.dtls.records import VERSION
from particle_protocol.dtls.replay_window import ReplayWindow
from particle_protocol.dtls.resumption import ApplicationState, SavedSession
from particle_protocol.dtls.wire import Reader
from particle_protocol.protocol_errors import ProtocolErrorCode

OFFERED_ALGORITHMS = (0x0403, 0x0401, 0x0303, 0x0301)
"""What Device OS says it can verify: ECDSA and RSA, with SHA-256 and SHA-224. With its one suite only the first can be chosen."""
DEFAULT_SETTINGS = EndSettings()


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Who a device is, and whom it trusts. `device_id` has 12 bytes, and is said only in marks of datagrams (`moved`)."""

    device_id: bytes
    key: SigningKey
    server_key: PublicKey


class ClientEnd(End):
    """A device that begins a handshake: ClientHello is in the first `pieces_to_send`."""

    role = Role.CLIENT
    __slots__ = ("_cid", "_hello", "_identity", "_is_marking", "_next_message_id", "_peer_point", "_requested", "_server_random")

    def __init__(
        self,
        identity: DeviceIdentity,
        dialect: Dialect,
        now: float,
        *,
        saved: SavedSession | None = None,
        settings: EndSettings = DEFAULT_SETTINGS,
    ) -> None:
        """`saved` is a session to go on with, without a handshake. What is sent is marked until something comes back.

        Ask `saved.fault` first, and keep `saved.used()`, so that a session that leads nowhere is given up.
        """
        super().__init__(State.EXPECT_SERVER_HELLO, dialect, settings)
        if len(identity.device_id) != DEVICE_ID_SIZE:
            raise ValueError(f"a device id has {DEVICE_ID_SIZE} bytes, not {len(identity.device_id)}")
        self._identity = identity
        self._cid = b""
        self._hello: ClientHello | None = None
        self._is_marking = False
        self._next_message_id = 1
        self._peer_point = b""
        self._requested = False
        self._server_random = b""
        if saved is None:
            suites = (ECDHE_ECDSA_AES_128_CCM_8, RENEGOTIATION_INFO_SCSV)
            self._send_hello(ClientHello(settings.random_bytes(RANDOM_SIZE), suites, _offer(dialect.connection_id)), now)
        else:
            self._resume(saved)

    @property
    def first_message_id(self) -> int:
        """1 in a new session, and where the last one left off in a resumed one."""
        return self._next_message_id

    def save(self, next_message_id: int, keys_checksum: int, application: ApplicationState | None = None) -> SavedSession:
        """What is to be kept, after everything sent or received.

        Raises:
            DtlsError: there is no session.
        """
        if self.state is not State.ESTABLISHED or self._secrets is None:
            raise DtlsError(ProtocolErrorCode.INVALID_STATE, f"there is no session to keep: this end {self.state.value}")
        window = self._records.window
        return SavedSession(
            self._secrets,
            keys_checksum,
            self._records.sequences[1],
            window.top,
            window.bits,
            self._cid,
            next_message_id,
            application=application or ApplicationState(),
        )

    def move(self) -> None:
        """The device has perhaps another address now: mark what is sent, until something comes back."""
        self._is_marking = True

    def send(self, message: bytes) -> None:
        """Send one message, in a datagram of its own. It is in the next `pieces_to_send`.

        Raises:
            DtlsError: no session yet or any more, or the message is too long.
        """
        super().send(message)
        if self._is_marking:
            self._out[-1] = mark(self._out[-1], self._dialect.mark, self._identity.device_id)

    def _receive_message(self, content: bytes) -> None:
        self._is_marking = False
        super()._receive_message(content)

    def _take(self, message: HandshakeMessage, now: float) -> None:
        handshake = self._handshake
        assert handshake is not None
        match self.state, message.type:
            case State.EXPECT_SERVER_HELLO, HandshakeType.HELLO_VERIFY_REQUEST:
                self._take_cookie(message, now)
            case State.EXPECT_SERVER_HELLO, HandshakeType.SERVER_HELLO:
                self._take_server_hello(message, handshake)
            case State.EXPECT_CERTIFICATE, HandshakeType.CERTIFICATE:
                self._take_certificate(message, handshake)
            case State.EXPECT_SERVER_KEY_EXCHANGE, HandshakeType.SERVER_KEY_EXCHANGE:
                self._take_key_exchange(message, handshake)
            case State.EXPECT_SERVER_HELLO_DONE, HandshakeType.CERTIFICATE_REQUEST if not self._requested:
                self._take_request(message, handshake)
            case State.EXPECT_SERVER_HELLO_DONE, HandshakeType.SERVER_HELLO_DONE:
                self._take_done(message, handshake, now)
            case State.EXPECT_FINISHED, HandshakeType.FINISHED:
                self._take_finished(message, handshake)
            case _:
                raise self._unexpected(message)

    def _resume(self, saved: SavedSession) -> None:
        self._cid = saved.cid
        self._next_message_id = saved.next_message_id
        self._install(saved.secrets, b"", saved.cid)
        self._records.sequences[1] = saved.sequence
        self._records.window = ReplayWindow(saved.window_top, saved.window_bits)
        self._epoch = 1
        self._handshake = None
        self.state = State.ESTABLISHED
        self._is_marking = True
        self._events.append(Established(self._identity.server_key, saved.cid, resumed=True))

    def _send_hello(self, hello: ClientHello, now: float) -> None:
        handshake = self._handshake
        assert handshake is not None
        self._hello = hello
        # Neither a first hello nor the server's request belongs to what is proved in the end (RFC 6347, 4.2.1).
        handshake.transcript.clear()
        self._start_flight([Part(handshake.add(HandshakeType.CLIENT_HELLO, push_client_hello(hello)))], -1, now)

    def _take_cookie(self, message: HandshakeMessage, now: float) -> None:
        assert self._hello is not None
        self._send_hello(replace(self._hello, cookie=pull_hello_verify_request(message.body).cookie), now)

    def _take_server_hello(self, message: HandshakeMessage, handshake: Handshake) -> None:
        assert self._hello is not None
        hello = pull_server_hello(message.body)
        if hello.version != VERSION:
            raise ProtocolVersion(f"the server chose version {hello.version.hex()}; DTLS 1.2 ({VERSION.hex()}) was offered")
        if (hello.suite, hello.compression) != (ECDHE_ECDSA_AES_128_CCM_8, NULL_COMPRESSION):
            raise IllegalParameter(f"the server chose cipher suite {hello.suite:04x}, compression {hello.compression}: not offered")
        offered = {kind for kind, _ in self._hello.extensions} | {ExtensionType.RENEGOTIATION_INFO}
        for kind, _ in hello.extensions:
            if kind not in offered:
                raise UnsupportedExtension(f"the server answers extension {kind}, which was not offered")
        for extension in (ExtensionType.CLIENT_CERTIFICATE_TYPE, ExtensionType.SERVER_CERTIFICATE_TYPE):
            chosen = hello.extension(extension)
            if chosen not in (None, bytes((RAW_PUBLIC_KEY,))):
                raise UnsupportedCertificate("the server chose X.509 certificates; only raw public keys were offered")
        cid = hello.extension(ExtensionType.CONNECTION_ID)
        if cid is not None:
            reader = Reader(cid, "connection id")
            self._cid = reader.vector(1)
            reader.end()
        self._server_random = hello.random
        handshake.transcript += message.encode()
        self.state = State.EXPECT_CERTIFICATE if self._dialect.server_shows_key else State.EXPECT_SERVER_KEY_EXCHANGE

    def _take_certificate(self, message: HandshakeMessage, handshake: Handshake) -> None:
        key = pull_certificate(message.body).public_key
        if key != self._identity.server_key.der:
            raise BadCertificate("the server shows another public key than the one that the device trusts")
        handshake.transcript += message.encode()
        self.state = State.EXPECT_SERVER_KEY_EXCHANGE

    def _take_key_exchange(self, message: HandshakeMessage, handshake: Handshake) -> None:
        assert self._hello is not None
        exchange = pull_server_key_exchange(message.body)
        signed = self._hello.random + self._server_random + exchange.signed
        if not self._identity.server_key.verifies(exchange.signature, signed):
            raise DecryptError("the server's signature was not made with the key that the device trusts: it is another server")
        self._peer_point = exchange.point
        handshake.transcript += message.encode()
        self.state = State.EXPECT_SERVER_HELLO_DONE

    def _take_request(self, message: HandshakeMessage, handshake: Handshake) -> None:
        request = pull_certificate_request(message.body)
        if ECDSA_SIGN not in request.kinds or ECDSA_SHA256 not in request.algorithms:
            raise HandshakeFailure("the server wants a key of another kind than P-256 with ECDSA and SHA-256")
        self._requested = True
        handshake.transcript += message.encode()

    def _take_done(self, message: HandshakeMessage, handshake: Handshake, now: float) -> None:
        assert self._hello is not None
        if message.body:
            raise self._unexpected(message)
        handshake.transcript += message.encode()
        share = self._settings.make_share()
        try:
            premaster = share.exchange(self._peer_point)
        except KeyFault as fault:
            raise IllegalParameter(f"the server's share of the key: {fault}") from None
        parts = []
        if self._requested:
            parts.append(handshake.add(HandshakeType.CERTIFICATE, push_certificate(Certificate(self._identity.key.public_der))))
        parts.append(handshake.add(HandshakeType.CLIENT_KEY_EXCHANGE, push_client_key_exchange(ClientKeyExchange(share.point))))
        if self._requested:
            signature = self._identity.key.sign(bytes(handshake.transcript))
            parts.append(handshake.add(HandshakeType.CERTIFICATE_VERIFY, push_certificate_verify(CertificateVerify(signature))))
        secrets = SessionSecrets.agreed(premaster, self._hello.random, self._server_random)
        self._install(secrets, b"", self._cid)
        finished = handshake.add(HandshakeType.FINISHED, secrets.verify_data(Role.CLIENT, handshake.digest()))
        self._epoch = 1
        self.state = State.EXPECT_FINISHED
        self._start_flight([*map(Part, parts), Part(None), Part(finished, 1)], message.sequence, now)
        self._open_early(handshake, now)

    def _take_finished(self, message: HandshakeMessage, handshake: Handshake) -> None:
        self._check_finished(message, handshake, Role.SERVER)
        if self._dialect.connection_id and len(self._cid) != CID_SIZE:
            # Device OS finishes the handshake first, and cannot keep the session then; it sends no alert (recorded).
            given = f"one of {len(self._cid)} bytes" if self._cid else "none"
            raise DtlsError(ProtocolErrorCode.ESTABLISH, f"a connection id of {CID_SIZE} bytes is needed; the server gave {given}")
        self._establish(Established(self._identity.server_key, self._cid), handshake)
        self._handshake = None

    def _silence(self) -> str:
        if self.state is State.EXPECT_SERVER_HELLO:
            return ": no server is there, or it speaks another protocol"
        return ""


def _offer(connection_id: bool) -> Extensions:
    """The extensions of a ClientHello, in the order that Device OS puts them in (mbedTLS 2.22, library/ssl_cli.c:1174-1255; recorded)."""
    algorithms = b"".join(each.to_bytes(2) for each in OFFERED_ALGORITHMS)
    offer: list[tuple[int, bytes]] = [
        (ExtensionType.SIGNATURE_ALGORITHMS, len(algorithms).to_bytes(2) + algorithms),
        (ExtensionType.SUPPORTED_GROUPS, bytes((0, 2)) + SECP256R1.to_bytes(2)),
        (ExtensionType.EC_POINT_FORMATS, bytes((1, UNCOMPRESSED_POINT))),
        (ExtensionType.CLIENT_CERTIFICATE_TYPE, bytes((1, RAW_PUBLIC_KEY))),
        (ExtensionType.SERVER_CERTIFICATE_TYPE, bytes((1, RAW_PUBLIC_KEY))),
    ]
    if connection_id:
        offer.insert(3, (ExtensionType.CONNECTION_ID, bytes((0,))))
    return tuple(offer)
