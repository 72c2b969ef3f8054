"""Handshake messages as such: their header, cutting them into fragments and putting them together again (RFC 6347, 4.2.2, 4.2.3)."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from particle_protocol.dtls.errors import DecodeError

HEADER_SIZE: Final = 12
MAX_MESSAGE: Final = 4096
"""The longest message taken, in bytes. Raw public keys make short ones; the longest that Device OS knows is a tenth of this."""
MAX_AHEAD: Final = 8
"""How many messages may be in the making at a time: no flight has more."""


class HandshakeType(enum.IntEnum):
    """The messages."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    HELLO_VERIFY_REQUEST = 3
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20


@dataclass(frozen=True, slots=True)
class HandshakeMessage:
    """A whole message; `sequence` is its place in the handshake."""

    type: int
    sequence: int
    body: bytes

    def encode(self) -> bytes:
        """The message in one piece; in this form it goes into the transcript too, however it travelled."""
        return self.fragment(0, len(self.body))

    def fragment(self, offset: int, size: int) -> bytes:
        """A piece of the message, with its header."""
        front = bytes((self.type,)) + len(self.body).to_bytes(3) + self.sequence.to_bytes(2)
        return front + offset.to_bytes(3) + size.to_bytes(3) + self.body[offset : offset + size]

    def __str__(self) -> str:
        return f"{type_name(self.type)} {self.sequence}, {len(self.body)} bytes"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a message, as it came. `size` is that of the whole message."""

    type: int
    size: int
    sequence: int
    offset: int
    data: bytes

    @property
    def is_last(self) -> bool:
        """Whether the message ends with this piece."""
        return self.offset + len(self.data) == self.size


def type_name(kind: int) -> str:
    """A message's name as RFCs write it."""
    try:
        return HandshakeType(kind).name.title().replace("_", "")
    except ValueError:
        return f"message {kind}"


def pull_fragments(content: bytes) -> Iterator[Fragment]:
    """The pieces in one record.

    Raises:
        DecodeError: this is no piece of a message.
    """
    at = 0
    while at < len(content):
        header = content[at : at + HEADER_SIZE]
        size, offset, length = int.from_bytes(header[1:4]), int.from_bytes(header[6:9]), int.from_bytes(header[9:12])
        at += HEADER_SIZE
        data = content[at : at + length]
        if len(header) < HEADER_SIZE or len(data) < length or offset + length > size:
            raise DecodeError(f"a handshake message whose header says {length} of {size} bytes from {offset}, with {len(data)} behind it")
        at += length
        yield Fragment(header[0], size, int.from_bytes(header[4:6]), offset, data)


class _Partial:
    """A message that is being put together: its bytes, and a bit for each that is there."""

    __slots__ = ("data", "have", "type")

    def __init__(self, kind: int, size: int) -> None:
        self.type = kind
        self.data = bytearray(size)
        self.have = 0

    def fits(self, fragment: Fragment) -> bool:
        return self.type == fragment.type and len(self.data) == fragment.size

    def add(self, fragment: Fragment) -> None:
        self.data[fragment.offset : fragment.offset + len(fragment.data)] = fragment.data
        self.have |= (1 << len(fragment.data)) - 1 << fragment.offset

    @property
    def is_whole(self) -> bool:
        return self.have == (1 << len(self.data)) - 1


class Reassembler:
    """Puts the other end's messages together, and gives them in their order. `next_sequence` is the number of the next one."""

    __slots__ = ("_partials", "next_sequence")

    def __init__(self, next_sequence: int = 0) -> None:
        self.next_sequence = next_sequence
        self._partials: dict[int, _Partial] = {}

    def add(self, fragment: Fragment) -> None:
        """Take a piece. One that no message now awaited can have is left out.

        Pieces of two different messages with one number: one of them is broken or forged. Making the message anew from the later one lets
        a repetition mend it, whichever it was.
        """
        if not self.next_sequence <= fragment.sequence < self.next_sequence + MAX_AHEAD or fragment.size > MAX_MESSAGE:
            return
        partial = self._partials.get(fragment.sequence)
        if partial is None or not partial.fits(fragment):
            partial = self._partials[fragment.sequence] = _Partial(fragment.type, fragment.size)
        partial.add(fragment)

    def pop(self) -> HandshakeMessage | None:
        """The next message, if it is whole."""
        partial = self._partials.get(self.next_sequence)
        if partial is None or not partial.is_whole:
            return None
        del self._partials[self.next_sequence]
        self.next_sequence += 1
        return HandshakeMessage(partial.type, self.next_sequence - 1, bytes(partial.data))
