"""What a secure channel is to whoever talks through it, whatever lies beneath: frames in a TCP stream (`lightssl`) or datagrams (`dtls`).

An end of a channel does no I/O. Its owner gives it what came (`receive_data`), sends what it has to send (`pieces_to_send`), acts on what
happened (`events`), and wakes it in time (`deadline`, `handle_timer`). A fault raises `ChannelError`; after that the end takes no more,
but what it still has to send (an alert that names the fault) is to be sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from particle_protocol.protocol_errors import ProtocolErrorCode


class ChannelError(Exception):
    """The session cannot begin or go on. `code` is the number that Device OS has for it; `why` says what was awaited and what was seen."""

    def __init__(self, code: ProtocolErrorCode, why: str) -> None:
        self.code = code
        self.why = why
        super().__init__(f"{why} (error {code.value}, {code.name})")


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """Something that happened in a channel. Each kind of channel has events of its own besides those below."""


@dataclass(frozen=True, slots=True)
class ChannelEstablished(ChannelEvent):
    """The handshake is over: messages can be sent."""


@dataclass(frozen=True, slots=True)
class MessageReceived(ChannelEvent):
    """A message has come; `data` are its bytes, decrypted and, where the channel can, authenticated."""

    data: bytes


class SecureChannel(Protocol):
    """One end of a channel that carries messages, each whole."""

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent now."""

    @property
    def has_failed(self) -> bool:
        """Whether the session is over; nothing can be sent or received any more."""

    @property
    def is_reliable(self) -> bool:
        """Whether what is sent arrives once and in order, as long as the channel is open. If not, who talks through it repeats itself."""

    @property
    def overhead(self) -> int:
        """By how many bytes at most a message grows on the wire."""

    @property
    def first_message_id(self) -> int:
        """The CoAP message id of the device's first message in this session; known once the channel is open."""

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes that came: of a stream in any pieces, else one datagram. `now` is in seconds. Ask `events` and `pieces_to_send` then.

        Raises:
            ChannelError: the session is over.
        """

    def pieces_to_send(self) -> list[bytes]:
        """What is to be sent now, in this order, each piece in one write or as one datagram. Each is given once."""

    def events(self) -> Sequence[ChannelEvent]:
        """What has happened since the last time this was asked."""

    def send(self, message: bytes) -> None:
        """Send one message; it is in the next `pieces_to_send`.

        Raises:
            ChannelError: no session yet or any more, or the message is too long.
        """

    def deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""

    def handle_timer(self, now: float) -> None:
        """Time has passed; call it as often as you like.

        Raises:
            ChannelError: the other end did not say in time what it had to; the session is over.
        """

    def fail(self) -> None:
        """End the session without a word: nothing more is taken, and no timer runs."""
