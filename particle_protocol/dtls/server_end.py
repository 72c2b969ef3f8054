"""The cloud's end of a DTLS session with one device.

A `Listener` makes these, for devices that have proved their address with a cookie; by itself an end takes any ClientHello.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from particle_protocol.dtls.dialects import SERVER, Dialect
from particle_protocol.dtls.end import End, EndSettings, Established, Handshake, State
from particle_protocol.dtls.errors import (
    AccessDenied,
    Alert,
    BadCertificate,
    DecodeError,
    DecryptError,
    DtlsError,
    HandshakeFailure,
    IllegalParameter,
    ProtocolVersion,
    Role,
    UnsupportedCertificate,
)
from particle_protocol.dtls.flight import Part
from particle_protocol.dtls.handshake import Fragment, HandshakeMessage, HandshakeType, Reassembler
from particle_protocol.dtls.hellos import (
    CID_SIZE,
    ECDHE_ECDSA_AES_128_CCM_8,
    ECDSA_SHA256,
    NULL_COMPRESSION,
    RAW_PUBLIC_KEY,
    SECP256R1,
    UNCOMPRESSED_POINT,
    ClientHello,
    ExtensionType,
    ServerHello,
    pull_client_hello,
    push_server_hello,
)
from particle_protocol.dtls.key_messages import (
    Certificate,
    CertificateRequest,
    ServerKeyExchange,
    pull_certificate,
    pull_certificate_verify,
    pull_client_key_exchange,
    push_certificate,
    push_certificate_request,
    push_point_parameters,
    push_server_key_exchange,
)
from particle_protocol.dtls.key_schedule import RANDOM_SIZE, SessionSecrets
from particle_protocol.dtls.keys import KeyFault, PublicKey, SigningKey
from particle_protocol.dtls.moved import unmark
from particle_protocol.dtls.records import VERSION, Record
from particle_protocol.dtls.wire import Reader
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelEvent

DEFAULT_SETTINGS = EndSettings()


@dataclass(frozen=True, slots=True)
class KeyProved(ChannelEvent):
    """A device has shown a public key, and proved that it has the private one. Answer with `ServerEnd.accept`, or `refuse`.

    Which device it is it says in its first message; the key is what it can be known by here.
    """

    public_key: PublicKey


class ServerEnd(End):
    """A cloud that waits for a device's ClientHello. `cid` is the connection id for it, if it wants one; it must be unique at the port."""

    role = Role.SERVER
    __slots__ = ("_client_cid", "_has_begun", "_hello", "_key", "_offered_cid", "_peer_key", "_random", "address", "cid")

    def __init__(
        self, key: SigningKey, now: float, *, cid: bytes = b"", dialect: Dialect = SERVER, settings: EndSettings = DEFAULT_SETTINGS
    ) -> None:
        super().__init__(State.EXPECT_CLIENT_HELLO, dialect, settings)
        self._key = key
        self._offered_cid = cid or settings.random_bytes(CID_SIZE) if dialect.connection_id else b""
        self._client_cid = b""
        self._has_begun = False
        self._hello: ClientHello | None = None
        self._peer_key: PublicKey | None = None
        self._random = b""
        self._deadline = now + settings.handshake_timeout
        self.cid = b""
        """The connection id that the device sends along; empty if it does not."""
        self.address: Hashable = None
        """Where the device is; a `Listener` keeps it up to date."""

    @property
    def first_message_id(self) -> int:
        """1: to this end a session begins with its handshake; one that is resumed only goes on."""
        return 1

    @property
    def client_random(self) -> bytes:
        """The random of the ClientHello that began the handshake; empty before it."""
        if self._secrets is not None:
            return self._secrets.client_random
        return b"" if self._hello is None else self._hello.random

    @property
    def has_new(self) -> bool:
        """Whether the last datagram was authentic, and newer than all before: then the device is where it came from."""
        return self._records.has_new

    def receive_data(self, data: bytes, now: float) -> None:
        """Take a datagram; one of a device that has moved is known by its mark.

        Raises:
            DtlsError: the session is over. Send what `pieces_to_send` gives all the same: it is the alert that names the fault.
        """
        super().receive_data(unmark(data)[0], now)

    def accept(self, now: float) -> None:
        """The device is let in.

        Raises:
            DtlsError: no device has proved a key.
        """
        handshake, peer_key = self._handshake, self._peer_key
        if self.state is not State.EXPECT_VERDICT or handshake is None or peer_key is None:
            raise DtlsError(ProtocolErrorCode.INVALID_STATE, f"no device to accept: this end {self.state.value}")
        assert self._secrets is not None
        finished = handshake.add(HandshakeType.FINISHED, self._secrets.verify_data(Role.SERVER, handshake.digest()))
        self._epoch = 1
        self._start_flight([Part(None), Part(finished, 1)], handshake.reassembler.next_sequence - 1, now, last=True)
        handshake.transcript.clear()
        self._hello = None
        self._establish(Established(peer_key, self.cid), handshake)

    def refuse(self, alert: Alert | None = None) -> None:
        """The device is not let in, or no longer; `alert` names the reason to it (AccessDenied unless given).

        Raises:
            DtlsError: no device has proved a key.
        """
        if self.state not in (State.EXPECT_VERDICT, State.ESTABLISHED):
            raise DtlsError(ProtocolErrorCode.INVALID_STATE, f"no device to refuse: this end {self.state.value}")
        self._end_with(alert or AccessDenied("the device's public key is not let in"))

    def _cid_size(self) -> int:
        return len(self._offered_cid)

    def _receive_fragment(self, handshake: Handshake, record: Record, fragment: Fragment, now: float) -> None:
        if not self._has_begun:
            if fragment.type != HandshakeType.CLIENT_HELLO:
                return
            self._has_begun = True
            # The numbers go on where the exchange of the cookie left off, of which this end may know nothing (RFC 6347, 4.2.1, 4.2.2).
            handshake.reassembler = Reassembler(fragment.sequence)
            handshake.next_sequence = fragment.sequence
            self._records.sequences[0] = record.sequence
        super()._receive_fragment(handshake, record, fragment, now)

    def _take(self, message: HandshakeMessage, now: float) -> None:
        handshake = self._handshake
        assert handshake is not None
        match self.state, message.type:
            case State.EXPECT_CLIENT_HELLO, HandshakeType.CLIENT_HELLO:
                self._take_hello(message, handshake, now)
            case State.EXPECT_CERTIFICATE, HandshakeType.CERTIFICATE:
                self._take_certificate(message, handshake)
            case State.EXPECT_CERTIFICATE, HandshakeType.CLIENT_KEY_EXCHANGE:
                raise HandshakeFailure("the device shows no public key")
            case State.EXPECT_CLIENT_KEY_EXCHANGE, HandshakeType.CLIENT_KEY_EXCHANGE:
                self._take_key_exchange(message, handshake)
            case State.EXPECT_CERTIFICATE_VERIFY, HandshakeType.CERTIFICATE_VERIFY:
                self._take_verify(message, handshake, now)
            case State.EXPECT_FINISHED, HandshakeType.FINISHED:
                self._take_finished(message, handshake)
            case _:
                raise self._unexpected(message)

    def _take_hello(self, message: HandshakeMessage, handshake: Handshake, now: float) -> None:
        hello = pull_client_hello(message.body)
        self._check_hello(hello)
        self._hello = hello
        handshake.transcript += message.encode()
        self._random = self._settings.random_bytes(RANDOM_SIZE)
        share = handshake.share = self._settings.make_share()
        answer = ServerHello(self._random, ECDHE_ECDSA_AES_128_CCM_8, self._choices(hello))
        messages = [handshake.add(HandshakeType.SERVER_HELLO, push_server_hello(answer))]
        if self._dialect.server_shows_key:
            messages.append(handshake.add(HandshakeType.CERTIFICATE, push_certificate(Certificate(self._key.public_der))))
        signature = self._key.sign(hello.random + self._random + push_point_parameters(share.point))
        exchange = push_server_key_exchange(ServerKeyExchange(share.point, signature))
        messages.append(handshake.add(HandshakeType.SERVER_KEY_EXCHANGE, exchange))
        messages.append(handshake.add(HandshakeType.CERTIFICATE_REQUEST, push_certificate_request(CertificateRequest())))
        messages.append(handshake.add(HandshakeType.SERVER_HELLO_DONE, b""))
        self.state = State.EXPECT_CERTIFICATE
        self._start_flight([Part(each) for each in messages], message.sequence, now)

    def _choices(self, hello: ClientHello) -> tuple[tuple[int, bytes], ...]:
        """The extensions of ServerHello: each answers one of the client's, in an order that Device OS was recorded to accept."""
        choices: list[tuple[int, bytes]] = []
        if hello.extension(ExtensionType.EC_POINT_FORMATS) is not None:
            choices.append((ExtensionType.EC_POINT_FORMATS, bytes((1, UNCOMPRESSED_POINT))))
        offered = hello.extension(ExtensionType.CONNECTION_ID)
        if offered is not None and self._offered_cid:
            reader = Reader(offered, "connection id")
            self._client_cid = reader.vector(1)
            reader.end()
            self.cid = self._offered_cid
            choices.append((ExtensionType.CONNECTION_ID, bytes((len(self.cid),)) + self.cid))
        choices.append((ExtensionType.CLIENT_CERTIFICATE_TYPE, bytes((RAW_PUBLIC_KEY,))))
        choices.append((ExtensionType.SERVER_CERTIFICATE_TYPE, bytes((RAW_PUBLIC_KEY,))))
        choices.append((ExtensionType.RENEGOTIATION_INFO, bytes((0,))))
        return tuple(choices)

    @staticmethod
    def _check_hello(hello: ClientHello) -> None:
        if hello.version[0] != VERSION[0] or hello.version[1] > VERSION[1]:
            raise ProtocolVersion(f"the device offers version {hello.version.hex()}; DTLS 1.2 ({VERSION.hex()}) is needed")
        if ECDHE_ECDSA_AES_128_CCM_8 not in hello.suites or NULL_COMPRESSION not in hello.compressions:
            offered = ", ".join(f"{suite:04x}" for suite in hello.suites)
            needed = f"{ECDHE_ECDSA_AES_128_CCM_8:04x} without compression is needed"
            raise HandshakeFailure(f"the device offers cipher suites {offered}; {needed}")
        for kind, number, size, what in _NEEDED:
            data = hello.extension(kind)
            numbers = _numbers(data, size, what) if data is not None else None
            if numbers is None and kind in _PRESUMED:
                continue
            if numbers is None or number not in numbers:
                raise HandshakeFailure(f"the device does not offer {what}")

    def _take_certificate(self, message: HandshakeMessage, handshake: Handshake) -> None:
        der = pull_certificate(message.body).public_key
        if not der:
            raise HandshakeFailure("the device shows no public key")
        try:
            self._peer_key = PublicKey(der)
        except KeyFault as fault:
            kind = UnsupportedCertificate if "another kind" in str(fault) else BadCertificate
            raise kind(f"the device's public key cannot be used: {fault}") from None
        handshake.transcript += message.encode()
        self.state = State.EXPECT_CLIENT_KEY_EXCHANGE

    def _take_key_exchange(self, message: HandshakeMessage, handshake: Handshake) -> None:
        assert self._hello is not None
        assert handshake.share is not None
        try:
            premaster = handshake.share.exchange(pull_client_key_exchange(message.body).point)
        except KeyFault as fault:
            raise IllegalParameter(f"the device's share of the key: {fault}") from None
        handshake.transcript += message.encode()
        self._install(SessionSecrets.agreed(premaster, self._hello.random, self._random), self.cid, self._client_cid)
        self.state = State.EXPECT_CERTIFICATE_VERIFY

    def _take_verify(self, message: HandshakeMessage, handshake: Handshake, now: float) -> None:
        assert self._peer_key is not None
        if not self._peer_key.verifies(pull_certificate_verify(message.body).signature, bytes(handshake.transcript)):
            raise DecryptError("the device's signature was not made with the key that it shows, or somebody has changed the handshake")
        handshake.transcript += message.encode()
        self.state = State.EXPECT_FINISHED
        self._open_early(handshake, now)

    def _take_finished(self, message: HandshakeMessage, handshake: Handshake) -> None:
        assert self._peer_key is not None
        self._check_finished(message, handshake, Role.CLIENT)
        handshake.transcript += message.encode()
        handshake.flight = None
        handshake.share = None
        self.state = State.EXPECT_VERDICT
        self._events.append(KeyProved(self._peer_key))

    def _silence(self) -> str:
        return ": the device does not receive what is sent to its address, or it was reset"


_NEEDED = (
    (ExtensionType.SUPPORTED_GROUPS, SECP256R1, 2, "the curve P-256"),
    (ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINT, 1, "uncompressed points"),
    (ExtensionType.SIGNATURE_ALGORITHMS, ECDSA_SHA256, 2, "ECDSA with SHA-256"),
    (ExtensionType.CLIENT_CERTIFICATE_TYPE, RAW_PUBLIC_KEY, 1, "to show a raw public key"),
    (ExtensionType.SERVER_CERTIFICATE_TYPE, RAW_PUBLIC_KEY, 1, "to take a raw public key"),
)
_PRESUMED = (ExtensionType.SUPPORTED_GROUPS, ExtensionType.EC_POINT_FORMATS)
"""Who says nothing of these takes any (RFC 8422, 4)."""


def _numbers(data: bytes, size: int, what: str) -> tuple[int, ...]:
    """The numbers in an extension that lists them, each of `size` bytes; the length before them has two bytes if they have."""
    reader = Reader(data, f"extension that offers {what}")
    inner = Reader(reader.vector(size), f"extension that offers {what}")
    reader.end()
    if inner.left % size:
        raise DecodeError(f"an extension that offers {what} with half a number in it")
    return tuple(inner.number(size) for _ in range(inner.left // size))
