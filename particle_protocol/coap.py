"""CoAP messages (RFC 7252, section 3): the form in which devices and the cloud say everything after the handshake.

`Message.encode()` and `Message.decode()` are exact inverses. What is not well-formed is a `CoapError`, also where Device OS itself would
not notice; but for one thing that Device OS up to 2.3.1 writes all the time: see `Message.bare_marker`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

PAYLOAD_MARKER: Final = 0xFF
_EXTENDED_8 = 13
_EXTENDED_16 = 14
_RESERVED = 15
_BASE_16 = 269
_HEAD_ROOM = 4 + 8 + 1
"""Bytes of the longest header with its token, and of the payload marker."""
_OPTION_ROOM = 5
"""Bytes of the longest head of an option."""


class CoapError(ValueError):
    """Bytes that are no well-formed CoAP message, or a message that cannot be written as bytes. The text says where and why."""


class Type(enum.IntEnum):
    """Message types (RFC 7252, section 3)."""

    CON = 0
    NON = 1
    ACK = 2
    RST = 3


class Code(enum.IntEnum):
    """Method and response codes that devices or the cloud use (RFC 7252, section 12.1; RFC 7959, section 6)."""

    EMPTY = 0x00
    GET = 0x01
    POST = 0x02
    PUT = 0x03
    DELETE = 0x04
    CREATED = 0x41
    DELETED = 0x42
    VALID = 0x43
    CHANGED = 0x44
    CONTENT = 0x45
    CONTINUE = 0x5F
    BAD_REQUEST = 0x80
    UNAUTHORIZED = 0x81
    BAD_OPTION = 0x82
    FORBIDDEN = 0x83
    NOT_FOUND = 0x84
    METHOD_NOT_ALLOWED = 0x85
    REQUEST_ENTITY_INCOMPLETE = 0x88
    REQUEST_ENTITY_TOO_LARGE = 0x8D
    INTERNAL_SERVER_ERROR = 0xA0
    NOT_IMPLEMENTED = 0xA1
    SERVICE_UNAVAILABLE = 0xA3
    GATEWAY_TIMEOUT = 0xA4


class Option(enum.IntEnum):
    """Option numbers that devices or the cloud use (RFC 7252, section 12.2; RFC 7959; RFC 7967)."""

    ETAG = 4
    URI_PATH = 11
    CONTENT_FORMAT = 12
    MAX_AGE = 14
    URI_QUERY = 15
    BLOCK2 = 23
    BLOCK1 = 27
    NO_RESPONSE = 258


class ContentFormat(enum.IntEnum):
    """Content formats (RFC 7252, section 12.3, and the IANA registry)."""

    TEXT = 0
    OCTET_STREAM = 42
    JSON = 50
    CBOR = 60


_OPTION_NAMES: dict[int, str] = {
    Option.ETAG: "ETag",
    Option.CONTENT_FORMAT: "Content-Format",
    Option.MAX_AGE: "Max-Age",
    Option.BLOCK2: "Block2",
    Option.BLOCK1: "Block1",
    Option.NO_RESPONSE: "No-Response",
}
_CODE_NAMES: dict[int, str] = {Code.EMPTY: "empty", Code.GET: "GET", Code.POST: "POST", Code.PUT: "PUT", Code.DELETE: "DELETE"}
_TYPES = tuple(Type)


def code_text(code: int) -> str:
    """A code as people write it: `GET`, `POST`, ..., or class and detail as in `2.05`; `empty` for 0.00."""
    return _CODE_NAMES.get(code) or f"{code >> 5}.{code & 0x1F:02}"


def is_request(code: int) -> bool:
    """Whether `code` is a method (class 0, and not Empty)."""
    return 0 < code < 0x20


def is_success(code: int) -> bool:
    """Whether `code` is a response of class 2."""
    return code >> 5 == 2


def is_response(code: int) -> bool:
    """Whether `code` is a response of any class (2 to 5)."""
    return 2 <= code >> 5 <= 5


def pack_uint(value: int) -> bytes:
    """A number in the shortest form, as options carry it (RFC 7252, section 3.2); 0 is no bytes at all."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def unpack_uint(data: bytes) -> int:
    """The inverse of `pack_uint`; leading zero bytes are allowed."""
    return int.from_bytes(data)


@dataclass(frozen=True, slots=True)
class Message:
    """One CoAP message.

    `code` is a `Code`, or the bare number where the registry above has none. `options` holds (number, value) pairs in the order of the
    wire: by number, and those of one number in the order they were given.

    `bare_marker` is a payload marker with nothing behind it, which RFC 7252 forbids and Device OS up to 2.3.1 writes behind the name of an
    event whose data is the empty string (2.3.1, communication/src/messages.cpp:303-335; recorded).
    """

    type: Type
    code: int
    id: int
    token: bytes = b""
    options: tuple[tuple[int, bytes], ...] = ()
    payload: bytes = b""
    bare_marker: bool = False

    def encode(self) -> bytes:
        """The message as bytes.

        Raises:
            CoapError: a field is out of its range.
        """
        token = self.token
        if len(token) > 8:
            raise CoapError(f"a token has at most 8 bytes, not {len(token)}")
        if not (0 <= self.id <= 0xFFFF and 0 <= self.code <= 0xFF):
            raise CoapError(f"message id {self.id} or code {self.code} out of range")
        out = bytearray((0x40 | self.type << 4 | len(token), self.code, self.id >> 8, self.id & 0xFF))
        out += token
        last = 0
        for number, value in self.options if _in_order(self.options) else sorted(self.options, key=itemgetter(0)):
            delta, length = number - last, len(value)
            if 0 <= delta < _EXTENDED_8 and length < _EXTENDED_8:
                out.append(delta << 4 | length)
                out += value
            else:
                _push_long_option(out, delta, value)
            last = number
        if self.payload or self.bare_marker:
            out.append(PAYLOAD_MARKER)
            out += self.payload
        if self.code == 0 and len(out) > 4:
            raise CoapError("an empty message has neither token nor options nor payload")
        return bytes(out)

    @property
    def most_bytes(self) -> int:
        """More bytes than it has when it is encoded, but not many: what can be said of its size without encoding it."""
        return _HEAD_ROOM + sum([len(value) + _OPTION_ROOM for _, value in self.options]) + len(self.payload)

    @classmethod
    def decode(cls, data: bytes) -> Message:
        """Read one message.

        Raises:
            CoapError: the bytes are no well-formed message.
        """
        size = len(data)
        if size < 4:
            raise CoapError(f"a message has at least 4 bytes, not {size}")
        first, code = data[0], data[1]
        if first >> 6 != 1:
            raise CoapError(f"version {first >> 6} of CoAP is unknown")
        token_end = 4 + (first & 0x0F)
        if token_end > 12:
            raise CoapError(f"token length {first & 0x0F} is reserved")
        if token_end > size:
            raise CoapError("the message ends inside its token")
        if code == 0 and size > 4:
            raise CoapError("an empty message with something behind its header")
        options, payload = _pull_options(data, token_end)
        message_id = data[2] << 8 | data[3]
        return cls(_TYPES[first >> 4 & 3], code, message_id, data[4:token_end], options, payload or b"", payload == b"")

    def option(self, number: int) -> bytes | None:
        """The value of the first option with this number, or None."""
        for each, value in self.options:
            if each == number:
                return value
        return None

    def option_values(self, number: int) -> list[bytes]:
        """The values of all options with this number, in order."""
        return [value for each, value in self.options if each == number]

    @property
    def path(self) -> str:
        """All Uri-Path options joined with `/`. Bytes that are no UTF-8 become U+FFFD."""
        return "/".join([value.decode(errors="replace") for number, value in self.options if number == Option.URI_PATH])

    def __str__(self) -> str:
        parts = [self.type.name, code_text(self.code), f"#{self.id}"]
        if self.token:
            parts.append(f"token {self.token.hex()}")
        uri = "".join(f"/{_text(value)}" for value in self.option_values(Option.URI_PATH))
        queries = [_text(value) for value in self.option_values(Option.URI_QUERY)]
        if uri or queries:
            parts.append(uri + ("?" + "&".join(queries) if queries else ""))
        for number, value in self.options:
            if number not in (Option.URI_PATH, Option.URI_QUERY):
                parts.append(f"{_OPTION_NAMES.get(number) or f'option-{number}'}={value.hex()}")
        if self.payload:
            parts.append(f"[{len(self.payload)}] {_text(self.payload[:48])}{'...' if len(self.payload) > 48 else ''}")
        return " ".join(parts)


def empty(type_: Type, message_id: int) -> Message:
    """An empty message: a ping (CON), an acknowledgement (ACK) or a reset (RST)."""
    return Message(type_, Code.EMPTY, message_id)


def confirmable_id(data: bytes) -> int | None:
    """The message id of bytes that are no well-formed message but begin as a confirmable one, to reject it by (RFC 7252, section 4.2).

    None for everything else, which is to be ignored without a word (sections 3 and 4.3).
    """
    return data[2] << 8 | data[3] if len(data) >= 4 and data[0] >> 4 == 4 else None


def reset_id(data: bytes) -> int | None:
    """The id of the message that bytes reset; None if they reset none (RFC 7252, section 4.2)."""
    return data[2] << 8 | data[3] if len(data) == 4 and data[0] == 0x70 else None


def path_options(*segments: str | bytes) -> tuple[tuple[int, bytes], ...]:
    """Uri-Path options, one a segment. A segment is not split: slashes in it stay inside the option."""
    return tuple((int(Option.URI_PATH), each.encode() if isinstance(each, str) else each) for each in segments)


def query_options(queries: Iterable[bytes]) -> tuple[tuple[int, bytes], ...]:
    """Uri-Query options, one a value."""
    return tuple((int(Option.URI_QUERY), each) for each in queries)


def _text(value: bytes) -> str:
    """Bytes for a log: as text if they are printable ASCII, as hex otherwise."""
    return value.decode() if value.isascii() and value.decode().isprintable() else "0x" + value.hex()


def _in_order(options: tuple[tuple[int, bytes], ...]) -> bool:
    last = 0
    for number, _ in options:
        if number < last:
            return False
        last = number
    return True


def _push_long_option(out: bytearray, delta: int, value: bytes) -> None:
    """An option whose delta or length does not fit into its nibble."""
    length = len(value)
    if not 0 <= delta <= 0xFFFF or length > 0xFFFF + _BASE_16:
        raise CoapError(f"an option with delta {delta} and {length} bytes cannot be written")
    delta_nibble, delta_more = _extended(delta)
    length_nibble, length_more = _extended(length)
    out.append(delta_nibble << 4 | length_nibble)
    out += delta_more
    out += length_more
    out += value


def _extended(value: int) -> tuple[int, bytes]:
    """The nibble and the further bytes of an option's delta or length (RFC 7252, section 3.1)."""
    if value < _EXTENDED_8:
        return value, b""
    if value < _BASE_16:
        return _EXTENDED_8, bytes((value - _EXTENDED_8,))
    return _EXTENDED_16, (value - _BASE_16).to_bytes(2)


def _pull_options(data: bytes, at: int) -> tuple[tuple[tuple[int, bytes], ...], bytes | None]:
    """Read options from offset `at`; give them, and what is behind the payload marker (None: there is no marker)."""
    size = len(data)
    options: list[tuple[int, bytes]] = []
    number = 0
    while at < size:
        head = data[at]
        at += 1
        if head == PAYLOAD_MARKER:
            return tuple(options), data[at:]
        delta, length = head >> 4, head & 0x0F
        if delta >= _EXTENDED_8:
            delta, at = _pull_extended(data, at, delta)
        if length >= _EXTENDED_8:
            length, at = _pull_extended(data, at, length)
        number += delta
        end = at + length
        if end > size:
            raise CoapError(f"the message ends inside option {number}")
        if number > 0xFFFF:
            raise CoapError(f"option number {number} is out of range")
        options.append((number, data[at:end]))
        at = end
    return tuple(options), None


def _pull_extended(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    """The value that a nibble of 13 or 14 announces, and the offset behind it."""
    if nibble == _RESERVED:
        raise CoapError("an option with the reserved nibble 15")
    width = nibble - 12
    end = at + width
    if end > len(data):
        raise CoapError("the message ends inside an option's header")
    return int.from_bytes(data[at:end]) + (_EXTENDED_8 if width == 1 else _BASE_16), end
