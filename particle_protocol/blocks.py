"""Block-wise transfer (RFC 7959): payloads that are longer than a message can be.

Device OS since 3.0 sends long descriptions so, with Block1, each block as a request of its own id and token
(3.3.1, communication/src/description.cpp:280-382).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from particle_protocol.coap import CoapError, Message, Option, pack_uint, unpack_uint

MAX_ASSEMBLED: Final = 4
"""How many requests are put together from blocks at a time; one more ends the oldest."""


@dataclass(frozen=True, slots=True)
class Block:
    """The value of a Block1 or Block2 option: which block, of what size in bytes, and whether more follow."""

    number: int
    more: bool
    size: int

    def encode(self) -> bytes:
        """The option's value.

        Raises:
            CoapError: a size that is no power of two from 16 to 1024, or a number beyond 20 bits.
        """
        exponent = self.size.bit_length() - 5
        if not 0 <= exponent <= 6 or 1 << exponent + 4 != self.size or not 0 <= self.number < 1 << 20:
            raise CoapError(f"no block {self.number} of {self.size} bytes can be written")
        return pack_uint(self.number << 4 | self.more << 3 | exponent)

    @classmethod
    def decode(cls, value: bytes) -> Block:
        """Read the option's value.

        Raises:
            CoapError: longer than three bytes, or the reserved size.
        """
        number = unpack_uint(value)
        if len(value) > 3 or number & 7 == 7:
            raise CoapError(f"no block: {value.hex()}")
        return cls(number >> 4, bool(number & 8), 1 << (number & 7) + 4)

    def __str__(self) -> str:
        return f"block {self.number} of {self.size} bytes{', more follow' if self.more else ''}"


class BlockAssembler:
    """Puts blocks together, in their order. A first block begins anew."""

    __slots__ = ("_data", "_limit", "_next")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = b""
        self._next = 0

    def add(self, block: Block, payload: bytes) -> bytes | None:
        """Take a block; gives the whole once the last one has come.

        Raises:
            CoapError: a block out of order, or more than the limit.
        """
        if block.number == 0:
            self._data, self._next = b"", 0
        if block.number != self._next or len(self._data) + len(payload) > self._limit:
            raise CoapError(f"{block} came, block {self._next} was expected; {len(self._data)} bytes are there")
        self._data += payload
        self._next += 1
        if block.more:
            return None
        whole, self._data, self._next = self._data, b"", 0
        return whole


class RequestAssembler:
    """Puts requests together that come in blocks (Block1). Which belong together is told by all else that they say, not by their tokens."""

    __slots__ = ("_limit", "_open")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[tuple[int, tuple[tuple[int, bytes], ...]], BlockAssembler] = {}

    def add(self, message: Message) -> Message | None:
        """Take a block; gives the whole request, without the option, once the last one has come.

        Raises:
            CoapError: no block, a block out of order, or more than the limit.
        """
        options = tuple(each for each in message.options if each[0] != Option.BLOCK1)
        key = (message.code, options)
        assembler = self._open.pop(key, None) or BlockAssembler(self._limit)
        payload = assembler.add(Block.decode(message.option(Option.BLOCK1) or b""), message.payload)
        if payload is not None:
            return replace(message, options=options, payload=payload)
        if len(self._open) >= MAX_ASSEMBLED:
            del self._open[next(iter(self._open))]
        self._open[key] = assembler
        return None


def cut(payload: bytes, number: int, size: int) -> tuple[Block, bytes]:
    """One block of a payload: its option, and the piece. Sizes in bytes."""
    end = (number + 1) * size
    return Block(number, end < len(payload), size), payload[end - size : end]
