"""What both ends of a lightssl session have in common."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import ChannelError, ChannelEstablished, MessageReceived

if TYPE_CHECKING:
    from particle_protocol.lightssl.records import Credentials, RecordLayer
    from particle_protocol.lightssl.server_end import DeviceIdentified

NONCE_SIZE: Final = 40
DEVICE_ID_SIZE: Final = 12
IDENTITY_CIPHERTEXT_SIZE: Final = 256
SESSION_CIPHERTEXT_SIZE: Final = 128
SIGNATURE_SIZE: Final = 256
FRAME_OVERHEAD: Final = 18
"""By how much a frame exceeds its message at most: the length, and a block of padding. What of the firmware's message buffer a frame cannot
use (Device OS 2.3.1, communication/src/lightssl_message_channel.h)."""
BLOCKING_TIMEOUT: Final = 20.0
"""How long either end waits for the rest of something that has begun, in seconds
(Device OS 2.3.1, communication/src/lightssl_message_channel.cpp:224, 259)."""


class LightSslError(ChannelError):
    """A lightssl session cannot begin or go on."""


class State(enum.Enum):
    """Where an end stands."""

    EXPECT_NONCE = "waits for the server's nonce"
    EXPECT_SESSION_KEY = "waits for the session key"
    EXPECT_IDENTITY = "waits for the device's identity"
    EXPECT_VERDICT = "waits for its owner to accept the device"
    ESTABLISHED = "established"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Established(ChannelEstablished):
    """The handshake is over: messages can be sent."""

    credentials: Credentials


LightSslEvent: TypeAlias = "Established | MessageReceived | DeviceIdentified"


class End:
    """One end: what came, what is to be sent, what happened, and until when the other end must have spoken."""

    __slots__ = ("_buffer", "_deadline", "_events", "_out", "_records", "state")

    def __init__(self, state: State, deadline: float) -> None:
        self.state = state
        self._buffer = b""
        self._out: list[bytes] = []
        self._events: list[LightSslEvent] = []
        self._records: RecordLayer | None = None
        self._deadline: float | None = deadline

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
        """Always: a stream loses nothing."""
        return True

    @property
    def overhead(self) -> int:
        """The length, and a block of padding."""
        return FRAME_OVERHEAD

    @property
    def first_message_id(self) -> int:
        """The id of the device's first message, which the salt decides. Known once the channel is open, and 0 before."""
        return 0 if self._records is None else (self._records.credentials.message_id + 1) & 0xFFFF

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the stream, in any pieces. Ask `data_to_send` and `events` afterwards.

        Raises:
            LightSslError: the session is over; close the stream.
        """
        if self.state is State.FAILED:
            raise LightSslError(ProtocolErrorCode.INVALID_STATE, "the session has failed before")
        try:
            if self._records is None:
                self._buffer += data
                self._handshake(now)
            else:
                self._receive_frames(data, now)
        except LightSslError:
            self.fail()
            raise

    def receive_eof(self) -> None:
        """The other end has closed the stream.

        Raises:
            LightSslError: always; what was awaited decides the number.
        """
        state = self.state
        self.fail()
        raise LightSslError(
            self._missing(state, ProtocolErrorCode.REMOTE_CLOSED), f"the other end closed the connection; this one {state.value}"
        )

    def send(self, message: bytes) -> None:
        """Send one message. It is in the next `data_to_send`.

        Raises:
            LightSslError: no session yet or any more, or the message is too long.
        """
        if self._records is None or self.state is not State.ESTABLISHED:
            raise LightSslError(ProtocolErrorCode.INVALID_STATE, f"nothing can be sent: this end {self.state.value}")
        self._out.append(self._records.seal(message))

    def data_to_send(self) -> bytes:
        """What has to go into the stream now, in one write. Each byte is given once."""
        return b"".join(self.pieces_to_send())

    def pieces_to_send(self) -> list[bytes]:
        """The same, one piece for each part of the handshake and each frame.

        A frame goes out in one write: Device OS loses its place when the two bytes of its length arrive apart.
        """
        out, self._out = self._out, []
        return out

    def events(self) -> list[LightSslEvent]:
        """What has happened since the last time this was asked."""
        events = self._events
        self._events = []
        return events

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._deadline

    def handle_timer(self, now: float) -> None:
        """Time has passed.

        Raises:
            LightSslError: the other end did not say in time what it had to; the session is over.
        """
        if self._deadline is not None and now >= self._deadline:
            state = self.state
            self.fail()
            seen = f"{len(self._buffer)} bytes of it came" if self._buffer else "nothing came"
            if state is State.ESTABLISHED:
                raise LightSslError(
                    ProtocolErrorCode.LIGHTSSL_RECEIVE, f"half a frame came, and its rest not within {BLOCKING_TIMEOUT:g} s"
                )
            raise LightSslError(self._missing(state, ProtocolErrorCode.MESSAGE_TIMEOUT), f"timeout: this end {state.value}; {seen}")

    def fail(self) -> None:
        """End the session: nothing more is taken, and no timer runs."""
        self.state = State.FAILED
        self._deadline = None

    def _establish(self, records: RecordLayer, credentials: Credentials, now: float) -> None:
        """Go over to messages; bytes that came early belong to them."""
        self._records = records
        self._deadline = None
        self.state = State.ESTABLISHED
        self._events.append(Established(credentials))
        rest, self._buffer = self._buffer, b""
        if rest:
            self._receive_frames(rest, now)

    def _receive_frames(self, data: bytes, now: float) -> None:
        records = self._records
        if records is not None:
            for message in records.receive(data):
                self._events.append(MessageReceived(message))
            if not records.has_half_a_frame:
                self._deadline = None
            elif self._deadline is None:
                self._deadline = now + BLOCKING_TIMEOUT

    def _handshake(self, now: float) -> None:
        """Go on with the handshake, as far as `_buffer` allows."""
        raise NotImplementedError

    @staticmethod
    def _missing(state: State, otherwise: ProtocolErrorCode) -> ProtocolErrorCode:
        if state is State.EXPECT_NONCE:
            return ProtocolErrorCode.NONCE_NOT_RECEIVED
        return ProtocolErrorCode.SESSION_KEY_NOT_RECEIVED if state is State.EXPECT_SESSION_KEY else otherwise
