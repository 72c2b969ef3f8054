"""Firmware updates over the air, version 3: the messages. For boards that speak UDP, since Device OS 3.0.

The cloud asks to begin; the device says how many chunks may be under way, and what it holds of the file from an interrupted transfer.
Chunks are numbered from 1, counted from there, and acknowledged together: how many have come without a gap, and a bitmap of those behind.

Source: Device OS 6.2.0, communication/src/firmware_update.{h,cpp}; recorded transfers of 6.2.0.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from particle_protocol.coap import Code, Message, Type, pack_uint, path_options, unpack_uint
from particle_protocol.messages.errors import MessageError

SHA256_SIZE: Final = 32
WORD: Final = 4
"""Bytes in a word of a bitmap."""


class OtaOption(enum.IntEnum):
    """Options of these messages (firmware_update.cpp:52-61)."""

    CHUNK_INDEX = 2049
    WINDOW_SIZE = 2053
    FILE_SIZE = 2057
    FILE_SHA_256 = 2061
    CHUNK_SIZE = 2065
    DISCARD_DATA = 2069
    CANCEL_UPDATE = 2073
    MODULE_FUNCTION = 2077


(_CHUNK_PATH,), (_ACK_PATH,) = path_options("C"), path_options("A")
_CHUNK_INDEX: Final = int(OtaOption.CHUNK_INDEX)
"""What is in each of a thousand messages."""


@dataclass(frozen=True, slots=True)
class UpdateStart:
    """The cloud asks to begin: CON POST /S. Sizes in bytes.

    Without `sha256` an interrupted transfer cannot be gone on with; `discard` wants nothing to be left of one.
    """

    file_size: int
    chunk_size: int
    sha256: bytes | None = None
    discard: bool = False
    module_function: int | None = None

    def encode(self, message_id: int, token: bytes) -> Message:
        """The request as a CoAP message."""
        options = [
            (OtaOption.FILE_SIZE, pack_uint(self.file_size)),
            (OtaOption.FILE_SHA_256, self.sha256),
            (OtaOption.CHUNK_SIZE, pack_uint(self.chunk_size)),
            (OtaOption.DISCARD_DATA, b"" if self.discard else None),
            (OtaOption.MODULE_FUNCTION, None if self.module_function is None else pack_uint(self.module_function)),
        ]
        return _message(Type.CON, "S", message_id, token, options)

    @classmethod
    def decode(cls, message: Message) -> UpdateStart:
        """Read the request.

        Raises:
            MessageError: not POST /S with a file size and a chunk size.
        """
        _expect(message, "S", "beginning of an update")
        sha256 = message.option(OtaOption.FILE_SHA_256)
        if sha256 is not None and len(sha256) != SHA256_SIZE:
            raise MessageError("beginning of an update", message, f"a hash of {SHA256_SIZE} bytes was expected")
        function = message.option(OtaOption.MODULE_FUNCTION)
        return cls(
            _number(message, OtaOption.FILE_SIZE, "beginning of an update"),
            _number(message, OtaOption.CHUNK_SIZE, "beginning of an update"),
            sha256,
            message.option(OtaOption.DISCARD_DATA) is not None,
            None if function is None else unpack_uint(function),
        )

    def __str__(self) -> str:
        return f"update of {self.file_size} bytes in chunks of {self.chunk_size}"


@dataclass(frozen=True, slots=True)
class UpdateStarted:
    """The device is ready: 2.01. `window` is in chunks, `offset` in bytes: what it holds already."""

    window: int
    offset: int = 0

    def options(self) -> tuple[tuple[int, bytes], ...]:
        """The options of the response."""
        return ((OtaOption.WINDOW_SIZE, pack_uint(self.window)), (OtaOption.FILE_SIZE, pack_uint(self.offset)))

    @classmethod
    def decode(cls, message: Message) -> UpdateStarted:
        """Read the response.

        Raises:
            MessageError: not 2.01 with a window of at least one chunk.
        """
        if message.code != Code.CREATED:
            raise MessageError("readiness for an update", message, "2.01 was expected")
        window = _number(message, OtaOption.WINDOW_SIZE, "readiness for an update")
        if not window:
            raise MessageError("readiness for an update", message, "a window of at least one chunk was expected")
        return cls(window, unpack_uint(message.option(OtaOption.FILE_SIZE) or b""))

    def __str__(self) -> str:
        return f"ready from byte {self.offset}, {self.window} chunks at a time"


@dataclass(frozen=True, slots=True)
class UpdateChunk:
    """A piece of the file: NON POST /C, without a token. `index` counts from 1, from where the transfer began."""

    index: int
    data: bytes

    def encode(self, message_id: int) -> Message:
        """The chunk as a CoAP message."""
        options = (_CHUNK_PATH, (_CHUNK_INDEX, pack_uint(self.index)))
        return Message(Type.NON, Code.POST, message_id, b"", options, self.data)

    @classmethod
    def decode(cls, message: Message) -> UpdateChunk:
        """Read a chunk.

        Raises:
            MessageError: not POST /C with an index.
        """
        _expect(message, "C", "chunk")
        return cls(_number(message, OtaOption.CHUNK_INDEX, "chunk"), message.payload)

    def __str__(self) -> str:
        return f"chunk {self.index} of {len(self.data)} bytes"


@dataclass(frozen=True, slots=True)
class UpdateAck:
    """Which chunks have come: NON POST /A. All up to `index`, and of those behind it chunk index + 1 + n if bit n of `bitmap` is set."""

    index: int
    bitmap: int = 0

    def has(self, chunk: int) -> bool:
        """Whether that chunk has come."""
        return chunk <= self.index or bool(self.bitmap >> (chunk - self.index - 1) & 1)

    def encode(self, message_id: int) -> Message:
        """The acknowledgement as a CoAP message: the bitmap in little-endian words, as many as there are bits for."""
        words = -(-self.bitmap.bit_length() // (8 * WORD))
        options = (_ACK_PATH, (_CHUNK_INDEX, pack_uint(self.index)))
        return Message(Type.NON, Code.POST, message_id, b"", options, self.bitmap.to_bytes(words * WORD, "little"))

    @classmethod
    def decode(cls, message: Message) -> UpdateAck:
        """Read an acknowledgement.

        Raises:
            MessageError: not POST /A with an index, and whole words.
        """
        _expect(message, "A", "acknowledgement of chunks")
        if len(message.payload) % WORD:
            raise MessageError("acknowledgement of chunks", message, f"a bitmap of words of {WORD} bytes was expected")
        return cls(_number(message, OtaOption.CHUNK_INDEX, "acknowledgement of chunks"), int.from_bytes(message.payload, "little"))

    def __str__(self) -> str:
        return f"chunks up to {self.index}{f', bitmap {self.bitmap:b}' if self.bitmap else ''}"


@dataclass(frozen=True, slots=True)
class UpdateFinish:
    """The cloud has nothing more to send: CON POST /F. The file is to be judged and applied, or (`cancel`) it is not wanted any more."""

    cancel: bool = False
    discard: bool = False

    def encode(self, message_id: int, token: bytes) -> Message:
        """The request as a CoAP message."""
        options = [
            (OtaOption.DISCARD_DATA, b"" if self.discard else None),
            (OtaOption.CANCEL_UPDATE, b"" if self.cancel else None),
        ]
        return _message(Type.CON, "F", message_id, token, options)

    @classmethod
    def decode(cls, message: Message) -> UpdateFinish:
        """Read the request.

        Raises:
            MessageError: not POST /F.
        """
        _expect(message, "F", "end of an update")
        return cls(message.option(OtaOption.CANCEL_UPDATE) is not None, message.option(OtaOption.DISCARD_DATA) is not None)

    def __str__(self) -> str:
        return "update cancelled" if self.cancel else "update finished"


def _message(type_: Type, path: str, message_id: int, token: bytes, options: list[tuple[OtaOption, bytes | None]]) -> Message:
    present = tuple((int(number), value) for number, value in options if value is not None)
    return Message(type_, Code.POST, message_id, token, path_options(path) + present)


def _number(message: Message, option: OtaOption, expected: str) -> int:
    value = message.option(option)
    if value is None or len(value) > WORD:
        raise MessageError(expected, message, f"{option.name.replace('_', '-').title()} ({option.value}) was expected, a number of 32 bits")
    return unpack_uint(value)


def _expect(message: Message, path: str, expected: str) -> None:
    if message.code != Code.POST or message.path != path:
        raise MessageError(expected, message, f"POST /{path} was expected")
