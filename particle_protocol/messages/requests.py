"""Small requests: call, read, signal, change of key, time."""

from __future__ import annotations

from dataclasses import dataclass

from particle_protocol.coap import Code, Message, Option, Type, path_options, query_options
from particle_protocol.messages.errors import MessageError

_URI_PATH = int(Option.URI_PATH)
_URI_QUERY = int(Option.URI_QUERY)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The cloud calls a function: CON POST /f/name?argument with a token of exactly one byte.

    The device acknowledges, calls, and answers 2.04 with an int32; of a function it does not have it only acknowledges the call, and
    never answers (Device OS 2.3.1, system/src/system_cloud_internal.cpp:787-792).
    """

    name: str
    argument: str
    token: bytes

    def encode(self, message_id: int) -> Message:
        """The call as a CoAP message."""
        options = path_options("f", self.name) + query_options((self.argument.encode(),))
        return Message(Type.CON, Code.POST, message_id, self.token, options)

    @classmethod
    def decode(cls, message: Message) -> FunctionCall:
        """Read a call. An argument that is no UTF-8 is read with U+FFFD in its place.

        Raises:
            MessageError: not POST /f/name.
        """
        name = _name(message, Code.POST, b"f", "function call")
        return cls(name, (message.option(_URI_QUERY) or b"").decode(errors="replace"), message.token)

    def __str__(self) -> str:
        return f"call {self.name}({self.argument!r})"


@dataclass(frozen=True, slots=True)
class VariableRead:
    """The cloud reads a variable: CON GET /v/name with a token of exactly one byte.

    The device acknowledges and answers 2.05 with the value, 4.04 if it has none of that name (Device OS 6.2.0,
    communication/src/variables.cpp).
    """

    name: str
    token: bytes

    def encode(self, message_id: int) -> Message:
        """The read as a CoAP message."""
        return Message(Type.CON, Code.GET, message_id, self.token, path_options("v", self.name))

    @classmethod
    def decode(cls, message: Message) -> VariableRead:
        """Read a read.

        Raises:
            MessageError: not GET /v/name.
        """
        return cls(_name(message, Code.GET, b"v", "variable read"), message.token)

    def __str__(self) -> str:
        return f"read {self.name}"


@dataclass(frozen=True, slots=True)
class Signal:
    """The cloud starts or stops the rainbow on the status LED: CON PUT /s with one byte of query."""

    on: bool
    token: bytes

    def encode(self, message_id: int) -> Message:
        """The signal as a CoAP message."""
        return Message(Type.CON, Code.PUT, message_id, self.token, path_options("s") + query_options((bytes((self.on,)),)))

    @classmethod
    def decode(cls, message: Message) -> Signal:
        """Read a signal: any query that begins with a byte other than 0 starts it.

        Raises:
            MessageError: not PUT /s with a query.
        """
        query = _query_byte(message, "s", "signal")
        return cls(query != 0, message.token)

    def __str__(self) -> str:
        return f"signal {'on' if self.on else 'off'}"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """The cloud tells a device to forget its session (1, the only code known) or, once, to change a key: CON PUT /k."""

    code: int
    token: bytes = b""

    def encode(self, message_id: int) -> Message:
        """The request as a CoAP message."""
        return Message(Type.CON, Code.PUT, message_id, self.token, path_options("k") + query_options((bytes((self.code,)),)))

    @classmethod
    def decode(cls, message: Message) -> KeyChange:
        """Read a change of key.

        Raises:
            MessageError: not PUT /k with a query.
        """
        return cls(_query_byte(message, "k", "key change"), message.token)

    def __str__(self) -> str:
        return f"key change {self.code}"


@dataclass(frozen=True, slots=True)
class TimeRequest:
    """A device asks for the time: CON GET /t with a token of one byte; the answer comes in the acknowledgement."""

    token: bytes

    def encode(self, message_id: int) -> Message:
        """The request as a CoAP message."""
        return Message(Type.CON, Code.GET, message_id, self.token, path_options("t"))

    @classmethod
    def decode(cls, message: Message) -> TimeRequest:
        """Read a request for the time.

        Raises:
            MessageError: not GET /t.
        """
        if message.code != Code.GET or message.path != "t":
            raise MessageError("time request", message, "GET /t was expected")
        return cls(message.token)

    @staticmethod
    def answer(request: Message, unix_time: int) -> Message:
        """The answer to `request`: ACK 2.05, seconds since 1970 as u32, big endian.

        A device takes any 2.05 that it did not await for the time, and reads it at byte 6 of the message: the token has to have one byte
        (Device OS 6.2.0, communication/src/messages.cpp:113-115).
        """
        return Message(Type.ACK, Code.CONTENT, request.id, request.token, (), (unix_time & 0xFFFFFFFF).to_bytes(4))

    def __str__(self) -> str:
        return "time request"


def _name(message: Message, code: Code, path: bytes, expected: str) -> str:
    """The second Uri-Path segment of a request whose first is `path`."""
    segments = message.option_values(_URI_PATH)
    if message.code != code or len(segments) != 2 or segments[0] != path:
        raise MessageError(expected, message, f"{code.name} /{path.decode()}/name was expected")
    return segments[1].decode(errors="replace")


def _query_byte(message: Message, path: str, expected: str) -> int:
    query = message.option(_URI_QUERY)
    if message.code != Code.PUT or message.path != path or not query:
        raise MessageError(expected, message, f"PUT /{path} with one byte of query was expected")
    return query[0]
