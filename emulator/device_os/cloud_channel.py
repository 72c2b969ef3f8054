"""Sending CoAP messages as a device does: its counter of message ids, its tokens, its acknowledgements, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Code, Message, Type
from particle_protocol.lightssl import Credentials
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.secure_channel import SecureChannel

ACK_TIMEOUT: Final = 20.0
"""How long the acknowledgement of an event may take, in seconds (Device OS 6.2.0, communication/inc/protocol_defs.h)."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A confirmable message that has not been acknowledged. `done` is told how it ended."""

    deadline: float
    done: Callable[[ProtocolErrorCode], None]


class CloudChannel:
    """The CoAP layer of one connection over TCP: nothing is ever sent twice, and acknowledgements are waited for only where asked."""

    __slots__ = ("_end", "_message_id", "_own_ids", "_token", "_waiting")

    def __init__(self, end: SecureChannel, own_ids_in_acks: bool) -> None:
        self._end = end
        self._own_ids = own_ids_in_acks
        self._message_id = 0
        self._token = 0
        self._waiting: dict[int, _Waiting] = {}

    def begin(self, credentials: Credentials) -> None:
        """Start counting. Where real firmware starts its tokens is random; here the salt decides, so that the cloud's seed does."""
        self._message_id = credentials.message_id
        self._token = credentials.data[34]

    def next_id(self) -> int:
        """The id of the next message."""
        self._message_id = (self._message_id + 1) & 0xFFFF
        return self._message_id

    def next_token(self) -> bytes:
        """The token of the next request that needs one: one byte, counting up."""
        token = bytes((self._token,))
        self._token = (self._token + 1) & 0xFF
        return token

    def send(self, message: Message) -> None:
        """Send a message; nothing happens when the connection has failed already."""
        if not self._end.has_failed:
            self._end.send(message.encode())

    def send_and_wait(self, message: Message, now: float, done: Callable[[ProtocolErrorCode], None]) -> None:
        """Send a confirmable message, and have `done` told how it ended."""
        self._waiting[message.id] = _Waiting(now + ACK_TIMEOUT, done)
        self.send(message)

    def acknowledge(self, request: Message, code: int = Code.EMPTY, payload: bytes = b"", *, in_place: bool = False) -> None:
        """Acknowledge a confirmable request; with a `code`, the answer is in it. Others are not acknowledged.

        `in_place` marks the acknowledgements that firmware builds in the request's own buffer: over TCP they get an id of their own.
        """
        if request.type is Type.CON:
            message_id = self.next_id() if in_place and self._own_ids else request.id
            self.send(Message(Type.ACK, code, message_id, request.token if code else b"", (), payload))

    def respond(
        self,
        request: Message,
        code: int,
        payload: bytes = b"",
        options: tuple[tuple[int, bytes], ...] = (),
        *,
        confirmable: bool = False,
    ) -> None:
        """Send a response of its own, with the request's token."""
        type_ = Type.CON if confirmable else Type.NON
        self.send(Message(type_, code, self.next_id(), request.token, options, payload))

    def acknowledged(self, message: Message) -> None:
        """An acknowledgement or a reset has come."""
        waiting = self._waiting.pop(message.id, None)
        if waiting is not None:
            refused = message.type is Type.RST or message.code >> 5 > 2
            waiting.done(ProtocolErrorCode.COAP if refused else ProtocolErrorCode.NO_ERROR)

    def deadline(self) -> float | None:
        """When the first acknowledgement is overdue."""
        return min((each.deadline for each in self._waiting.values()), default=None)

    def handle_timer(self, now: float) -> None:
        """Give up what is overdue."""
        for message_id, waiting in list(self._waiting.items()):
            if waiting.deadline <= now:
                del self._waiting[message_id]
                waiting.done(ProtocolErrorCode.MESSAGE_TIMEOUT)

    def close(self) -> None:
        """Nothing will be acknowledged any more."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.done(ProtocolErrorCode.REMOTE_CLOSED)
