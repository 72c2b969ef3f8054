"""What both ends of a DTLS session have in common."""

from __future__ import annotations

import enum
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final

from particle_protocol.dtls.ciphers import Cipher
from particle_protocol.dtls.dialects import Dialect
from particle_protocol.dtls.errors import (
    Alert,
    AlertDescription,
    AlertLevel,
    CloseNotify,
    DecodeError,
    DecryptError,
    DtlsError,
    HandshakeTimeout,
    Role,
    UnexpectedMessage,
    received_alert,
)
from particle_protocol.dtls.flight import Flight, Part
from particle_protocol.dtls.handshake import Fragment, HandshakeMessage, HandshakeType, Reassembler, pull_fragments, type_name
from particle_protocol.dtls.key_schedule import SessionSecrets
from particle_protocol.dtls.keys import PublicKey, Share, ShareKey
from particle_protocol.dtls.record_layer import RecordLayer
from particle_protocol.dtls.records import ContentType, Record, pull_records
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelEstablished, ChannelEvent, MessageReceived

MAX_EARLY: Final = 8
"""How many records may wait for what has to come before them."""


class State(enum.Enum):
    """Where an end stands."""

    EXPECT_CLIENT_HELLO = "waits for ClientHello"
    EXPECT_SERVER_HELLO = "waits for ServerHello"
    EXPECT_CERTIFICATE = "waits for Certificate"
    EXPECT_SERVER_KEY_EXCHANGE = "waits for ServerKeyExchange"
    EXPECT_SERVER_HELLO_DONE = "waits for ServerHelloDone"
    EXPECT_CLIENT_KEY_EXCHANGE = "waits for ClientKeyExchange"
    EXPECT_CERTIFICATE_VERIFY = "waits for CertificateVerify"
    EXPECT_FINISHED = "waits for Finished"
    EXPECT_VERDICT = "waits for its owner to accept the device"
    ESTABLISHED = "is established"
    FAILED = "is over"


_COMPLETE: Final = (State.EXPECT_VERDICT, State.ESTABLISHED, State.FAILED)
"""Where no more handshake messages are awaited."""


@dataclass(frozen=True, slots=True)
class Established(ChannelEstablished):
    """The handshake is over: messages can be sent. `peer_key` is the other end's public key, `cid` the device's connection id, if any."""

    peer_key: PublicKey
    cid: bytes
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class EndSettings:
    """What an end can be told. Sizes in bytes, times in seconds."""

    max_datagram: int = 1200
    """The longest datagram sent during a handshake; longer flights go in several, longer messages in pieces."""
    max_message: int = 1152
    """The longest message, both ways (MBEDTLS_SSL_MAX_CONTENT_LEN of third-generation boards; less on others)."""
    handshake_timeout: float = 60.0
    """How long a whole handshake may take at a server."""
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    make_share: Callable[[], ShareKey] = Share


class Handshake:
    """What is kept until a session is established, and forgotten then."""

    __slots__ = ("answered", "early", "flight", "held", "next_sequence", "reassembler", "share", "transcript")

    def __init__(self) -> None:
        self.transcript = bytearray()
        self.reassembler = Reassembler()
        self.next_sequence = 0
        self.flight: Flight | None = None
        self.answered = -1
        """The number of the message that ended the other end's last flight; when it comes again, so must ours."""
        self.share: ShareKey | None = None
        self.early: list[Record] = []
        """Encrypted records that came before the keys were known."""
        self.held: list[bytes] = []
        """Messages that came before the handshake was over."""

    def add(self, kind: HandshakeType, body: bytes) -> HandshakeMessage:
        """Number a message of this end's, and put it into the transcript."""
        message = HandshakeMessage(kind, self.next_sequence, body)
        self.next_sequence += 1
        self.transcript += message.encode()
        return message

    def digest(self) -> bytes:
        """The hash of all that both ends have said so far."""
        return sha256(self.transcript).digest()


class End:
    """One end: what came, what is to be sent, what happened, and when it wants to be woken."""

    role: ClassVar[Role]
    __slots__ = (
        "_deadline",
        "_dialect",
        "_epoch",
        "_events",
        "_handshake",
        "_out",
        "_records",
        "_secrets",
        "_settings",
        "error",
        "state",
        "taken",
    )

    def __init__(self, state: State, dialect: Dialect, settings: EndSettings) -> None:
        self.state = state
        self.error: DtlsError | None = None
        """Why the session is over."""
        self.taken = 0
        """How many records were taken; all others were passed over."""
        self._dialect = dialect
        self._settings = settings
        self._records = RecordLayer()
        self._handshake: Handshake | None = Handshake()
        self._secrets: SessionSecrets | None = None
        self._epoch = 0
        self._deadline: float | None = None
        self._events: list[ChannelEvent] = []
        self._out: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent now."""
        return self.state is State.ESTABLISHED

    @property
    def has_failed(self) -> bool:
        """Whether the session is over."""
        return self.state is State.FAILED

    @property
    def is_reliable(self) -> bool:
        """Never: datagrams are lost, repeated by no network of their own accord, and overtake each other."""
        return False

    @property
    def overhead(self) -> int:
        """The header, nonce and tag of a record; in the device's direction the connection id and padding too."""
        return self._records.overhead(1)

    def receive_data(self, data: bytes, now: float) -> None:
        """Take a datagram.

        What is not authentic is passed over, as anybody can send it; so are the single bytes by which some firmware keeps routers awake.

        Raises:
            DtlsError: the session is over. Send what `pieces_to_send` gives all the same: it is the alert that names the fault.
        """
        if self.state is State.FAILED:
            raise self.error or DtlsError(ProtocolErrorCode.INVALID_STATE, "the session is over")
        self._records.has_new = False
        try:
            for record in pull_records(data, self._cid_size()):
                self._receive_record(record, now)
        except DtlsError as error:
            self._end_with(error)
            raise

    def pieces_to_send(self) -> list[bytes]:
        """The datagrams to send now. Each is given once."""
        out, self._out = self._out, []
        return out

    def events(self) -> Sequence[ChannelEvent]:
        """What has happened since the last time this was asked."""
        events, self._events = self._events, []
        return events

    def send(self, message: bytes) -> None:
        """Send one message, in a datagram of its own. It is in the next `pieces_to_send`.

        Raises:
            DtlsError: no session yet or any more, or the message is too long.
        """
        if self.state is not State.ESTABLISHED:
            raise DtlsError(ProtocolErrorCode.INVALID_STATE, f"nothing can be sent: this end {self.state.value}")
        if len(message) > self._settings.max_message:
            raise DtlsError(
                ProtocolErrorCode.INSUFFICIENT_STORAGE, f"a message of {len(message)} bytes; at most {self._settings.max_message} are sent"
            )
        self._out.append(self._records.seal(ContentType.APPLICATION_DATA, 1, message))

    def close(self) -> None:
        """End the session in good order: the other end learns of it from `pieces_to_send`."""
        if self.state is State.ESTABLISHED:
            self._send_alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY)
        self.fail()

    def fail(self) -> None:
        """End the session without a word: nothing more is taken, and no timer runs."""
        self.state = State.FAILED
        self._handshake = None
        self._deadline = None

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        flight = None if self._handshake is None else self._handshake.flight
        again = None if flight is None else flight.deadline
        if self._deadline is None or again is None:
            return again if self._deadline is None else self._deadline
        return min(self._deadline, again)

    def handle_timer(self, now: float) -> None:
        """Time has passed: repeat what was not answered.

        Raises:
            HandshakeTimeout: it was repeated often enough; the session is over.
        """
        due = self.deadline()
        if due is None or now < due:
            return
        try:
            self._out += self._repeat(now)
        except DtlsError as error:
            self._end_with(error)
            raise

    def _repeat(self, now: float) -> list[bytes]:
        flight = None if self._handshake is None else self._handshake.flight
        if (self._deadline is not None and now >= self._deadline) or flight is None:
            raise HandshakeTimeout(f"the handshake was not over in time: this end {self.state.value}")
        if not flight.expired():
            times = "once" if flight.times_sent == 1 else f"{flight.times_sent} times"
            raise HandshakeTimeout(f"timeout: this end {self.state.value}; what it sent {times} was not answered{self._silence()}")
        return flight.send(self._records, now)

    def _receive_record(self, record: Record, now: float) -> None:
        handshake = self._handshake
        if record.epoch == 1 and not self._records.has_keys:
            # It has overtaken what the keys come from.
            if handshake is not None and len(handshake.early) < MAX_EARLY:
                handshake.early.append(record)
            return
        if record.epoch == 0 and self.state is State.ESTABLISHED:
            return  # nothing that is not authentic has a say in a session
        opened = self._records.open(record)
        if opened is None or len(opened[1]) > self._limit(opened[0]):
            return
        self.taken += 1
        kind, content = opened
        if kind == ContentType.HANDSHAKE:
            if handshake is not None:
                self._receive_handshake(handshake, record, content, now)
        elif kind == ContentType.ALERT:
            self._receive_alert(content)
        elif kind == ContentType.APPLICATION_DATA:
            self._receive_message(content)

    def _receive_message(self, content: bytes) -> None:
        if self.state is State.ESTABLISHED:
            self._events.append(MessageReceived(content))
            # Whoever sends messages has received the last flight: it will not be wanted again.
            self._handshake = None
        elif self._handshake is not None and len(self._handshake.held) < MAX_EARLY:
            self._handshake.held.append(content)

    def _receive_alert(self, content: bytes) -> None:
        if len(content) == 2 and (content[0] == AlertLevel.FATAL or content[1] == AlertDescription.CLOSE_NOTIFY):
            code = ProtocolErrorCode.RECEIVE if self.state is State.ESTABLISHED else ProtocolErrorCode.ESTABLISH
            raise received_alert(content[1], self.role, self.state.value, code)

    def _receive_handshake(self, handshake: Handshake, record: Record, content: bytes, now: float) -> None:
        try:
            fragments = list(pull_fragments(content))
        except DecodeError:
            return  # no handshake message at all
        for fragment in fragments:
            # Only Finished is encrypted: anything else, and a Finished in the open, is somebody else's.
            if (fragment.type == HandshakeType.FINISHED) is (record.epoch == 1):
                self._receive_fragment(handshake, record, fragment, now)

    def _receive_fragment(self, handshake: Handshake, record: Record, fragment: Fragment, now: float) -> None:
        if fragment.sequence == handshake.answered and fragment.is_last and handshake.flight is not None:
            self._out += handshake.flight.send(self._records, now)
            return
        handshake.reassembler.add(fragment)
        # Behind the last message nothing is looked at: whatever bears a later number is broken, or somebody else's.
        while self.state not in _COMPLETE and (message := handshake.reassembler.pop()) is not None:
            self._take(message, now)

    def _take(self, message: HandshakeMessage, now: float) -> None:
        """Act on the other end's next handshake message.

        Raises:
            Alert: it cannot be.
        """
        raise NotImplementedError

    def _unexpected(self, message: HandshakeMessage) -> UnexpectedMessage:
        return UnexpectedMessage(f"{type_name(message.type)} came while this end {self.state.value}")

    def _start_flight(self, parts: Sequence[Part], answers: int, now: float, *, last: bool = False) -> None:
        """Send messages, and repeat them until they are answered. `answers` is the number of the message that they answer, -1 if none."""
        handshake = self._handshake
        assert handshake is not None
        first_timeout = None if last else self._dialect.first_timeout
        handshake.flight = Flight(parts, self._settings.max_datagram, first_timeout, self._dialect.last_timeout)
        handshake.answered = answers
        self._out += handshake.flight.send(self._records, now)

    def _install(self, secrets: SessionSecrets, read_cid: bytes, write_cid: bytes) -> None:
        """The keys are known: `read_cid` is the connection id that this end gave out, `write_cid` the one that it was given."""
        self._secrets = secrets
        keys = secrets.write_keys()
        other = Role.SERVER if self.role is Role.CLIENT else Role.CLIENT
        self._records.install(Cipher(keys[other], read_cid), Cipher(keys[self.role], write_cid))

    def _open_early(self, handshake: Handshake, now: float) -> None:
        """Take what waited."""
        early, handshake.early = handshake.early, []
        for record in early:
            self._receive_record(record, now)

    def _establish(self, event: Established, handshake: Handshake) -> None:
        """The handshake is over. Messages that have overtaken its end come behind it."""
        self.state = State.ESTABLISHED
        self._deadline = None
        self._events.append(event)
        self._events += map(MessageReceived, handshake.held)
        handshake.held.clear()

    def _check_finished(self, message: HandshakeMessage, handshake: Handshake, sender: Role) -> None:
        assert self._secrets is not None
        if message.body != self._secrets.verify_data(sender, handshake.digest()):
            raise DecryptError("Finished does not fit what was said: somebody has changed the handshake on its way")

    def _end_with(self, error: DtlsError) -> None:
        """The session is over: send the alert that names the fault, unless the other end did. Who closes is answered (RFC 5246, 7.2.1)."""
        if isinstance(error, CloseNotify):
            self._send_alert(AlertLevel.WARNING, error.description)
        elif isinstance(error, Alert) and not error.by_peer:
            self._send_alert(AlertLevel.FATAL, error.description)
        self.error = error
        self.fail()

    def _send_alert(self, level: AlertLevel, description: AlertDescription) -> None:
        self._out.append(self._records.seal(ContentType.ALERT, self._epoch, bytes((level, description))))

    def _limit(self, kind: int) -> int:
        return self._settings.max_message if kind == ContentType.APPLICATION_DATA else 1 << 14

    def _cid_size(self) -> int:
        """The length of the connection ids that this end gives out."""
        return 0

    def _silence(self) -> str:
        """What is probably the matter when nothing comes."""
        return ""
