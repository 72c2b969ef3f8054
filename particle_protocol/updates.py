"""Firmware updates over the air, versions 1 and 2: the messages.

The cloud says `UpdateBegin`; the device makes room, which takes seconds, and answers that it is ready; chunks follow, one at a time and
each answered (slow), or all at once and numbered (fast); `UpdateDone` asks for the verdict, or for the list of what was missed.

Source: Device OS 2.3.1, communication/src/chunked_transfer.cpp.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Code, Message, Option, Type, path_options, query_options
from particle_protocol.messages.errors import MessageError

DEFAULT_CHUNK_SIZE: Final = 512
"""Bytes in a chunk, when neither end says otherwise."""

_URI_QUERY = int(Option.URI_QUERY)
_BEGIN = struct.Struct(">BHIBI")
_FAST = 1


class Store(enum.IntEnum):
    """Where the file goes."""

    FIRMWARE = 0
    SYSTEM = 1
    APPLICATION = 128


@dataclass(frozen=True, slots=True)
class UpdateBegin:
    """The cloud offers a file: CON POST /u with a token of one byte. Sizes are in bytes; a size of 0 is one that was not given."""

    token: bytes
    file_size: int
    chunk_size: int = DEFAULT_CHUNK_SIZE
    fast: bool = True
    store: int = Store.FIRMWARE
    address: int = 0

    def encode(self, message_id: int) -> Message:
        """The offer as a CoAP message."""
        payload = _BEGIN.pack(_FAST if self.fast else 0, self.chunk_size, self.file_size, self.store, self.address)
        return Message(Type.CON, Code.POST, message_id, self.token, path_options("u"), payload)

    @classmethod
    def decode(cls, message: Message) -> UpdateBegin:
        """Read an offer. A payload shorter than 12 bytes counts as none: nothing is known of the file, and the transfer is slow (:33-63).

        Raises:
            MessageError: not POST /u.
        """
        _expect(message, Code.POST, "u", "beginning of an update")
        if len(message.payload) < _BEGIN.size:
            return cls(message.token, 0, 0, False)
        flags, chunk_size, file_size, store, address = _BEGIN.unpack_from(message.payload)
        return cls(message.token, file_size, chunk_size, bool(flags & _FAST), store, address)

    def __str__(self) -> str:
        return f"update of {self.file_size} bytes in chunks of {self.chunk_size}, {'fast' if self.fast else 'slow'}"


@dataclass(frozen=True, slots=True)
class UpdateReady:
    """The device's answer, once it has made room: 2.04; says whether the transfer is a fast one."""

    token: bytes
    fast: bool

    def encode(self, message_id: int, *, confirmable: bool = False) -> Message:
        """The answer as a CoAP message: NON over TCP."""
        type_ = Type.CON if confirmable else Type.NON
        return Message(type_, Code.CHANGED, message_id, self.token, (), bytes((self.fast,)))

    @classmethod
    def decode(cls, message: Message) -> UpdateReady:
        """Read the answer.

        Raises:
            MessageError: not 2.04.
        """
        if message.code != Code.CHANGED:
            raise MessageError("readiness for an update", message, "2.04 was expected")
        return cls(message.token, bool(message.payload[:1] and message.payload[0] & _FAST))

    def __str__(self) -> str:
        return f"ready for a {'fast' if self.fast else 'slow'} update"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the file: POST /c. `index` is None in a slow transfer, where order tells the place. `crc` is the CRC-32 of `data`."""

    token: bytes
    data: bytes
    crc: int
    index: int | None = None
    confirmable: bool = False

    @classmethod
    def of(cls, token: bytes, data: bytes, index: int | None = None, *, confirmable: bool = False) -> Chunk:
        """A chunk with the right CRC."""
        return cls(token, data, zlib.crc32(data), index, confirmable)

    @property
    def is_intact(self) -> bool:
        """Whether the CRC fits the data."""
        return zlib.crc32(self.data) == self.crc

    def encode(self, message_id: int) -> Message:
        """The chunk as a CoAP message."""
        queries = [self.crc.to_bytes(4)] if self.index is None else [self.crc.to_bytes(4), self.index.to_bytes(2)]
        type_ = Type.CON if self.confirmable else Type.NON
        return Message(type_, Code.POST, message_id, self.token, path_options("c") + query_options(queries), self.data)

    @classmethod
    def decode(cls, message: Message) -> Chunk:
        """Read a chunk.

        Raises:
            MessageError: not POST /c with a CRC, and an index of two bytes if any.
        """
        _expect(message, Code.POST, "c", "chunk")
        queries = message.option_values(_URI_QUERY)
        if not queries or len(queries[0]) > 4 or (len(queries) > 1 and len(queries[1]) > 2):
            raise MessageError("chunk", message, "a query with the CRC and perhaps one with the index were expected")
        index = int.from_bytes(queries[1]) if len(queries) > 1 else None
        return cls(message.token, message.payload, int.from_bytes(queries[0]), index, message.type is Type.CON)

    def __str__(self) -> str:
        return f"chunk {'' if self.index is None else self.index} of {len(self.data)} bytes, crc {self.crc:08x}"


@dataclass(frozen=True, slots=True)
class UpdateDone:
    """The cloud has sent every chunk: CON PUT /u. ACK 2.04 with a JSON verdict, or ACK 4.00 and then `ChunkMissed`, is the answer."""

    token: bytes = b""

    def encode(self, message_id: int) -> Message:
        """The end as a CoAP message."""
        return Message(Type.CON, Code.PUT, message_id, self.token, path_options("u"))

    @classmethod
    def decode(cls, message: Message) -> UpdateDone:
        """Read the end.

        Raises:
            MessageError: not PUT /u.
        """
        _expect(message, Code.PUT, "u", "end of an update")
        return cls(message.token)

    def __str__(self) -> str:
        return "update done"


@dataclass(frozen=True, slots=True)
class ChunkMissed:
    """The device lists chunks that it did not get, or that were corrupt: GET /c, no token."""

    indices: tuple[int, ...]
    confirmable: bool = False

    def encode(self, message_id: int) -> Message:
        """The list as a CoAP message."""
        type_ = Type.CON if self.confirmable else Type.NON
        payload = struct.pack(f">{len(self.indices)}H", *self.indices)
        return Message(type_, Code.GET, message_id, b"", path_options("c"), payload)

    @classmethod
    def decode(cls, message: Message) -> ChunkMissed:
        """Read the list.

        Raises:
            MessageError: not GET /c with pairs of bytes.
        """
        _expect(message, Code.GET, "c", "list of missed chunks")
        if not message.payload or len(message.payload) % 2:
            raise MessageError("list of missed chunks", message, "pairs of bytes were expected")
        return cls(struct.unpack(f">{len(message.payload) // 2}H", message.payload), message.type is Type.CON)

    def __str__(self) -> str:
        return f"missed chunks {', '.join(map(str, self.indices))}"


def _expect(message: Message, code: Code, path: str, expected: str) -> None:
    if message.code != code or message.path != path:
        raise MessageError(expected, message, f"{code.name} /{path} was expected")
