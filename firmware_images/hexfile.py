"""Intel HEX, both ways, by the library `intelhex`.

The address of the data comes from the records, never from its content. Builds write HEX before SHA-256 and CRC are filled in, so a module
in a HEX file may still hold their placeholders (Device OS 6.2.0, build/module.mk:153-168); sealing it anew makes it whole.

`intelhex` keeps every byte as an entry of a dictionary, a hundred times the memory of the file. So it is given the text as a stream that
takes the bytes gathered so far out of the dictionary between two lines, and writes a block at a time.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

import intelhex

from firmware_images.errors import HexError, NotAModule
from firmware_images.module import Module, read_module

MAX_BYTES: Final = 16 * 1024 * 1024
"""No board has more memory than this, so a text that describes more is refused."""
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LARGEST_GAP: Final = 0x1000
"""Gaps up to a sector are filled with 0xFF, as a programmer leaves them."""
MAX_FILLING: Final = 0x10000
"""Bytes of such filling in one text; gaps beyond that divide it into segments."""
MAX_SEGMENTS: Final = 4096
"""Separate pieces of memory in one text; firmware has a few."""
_MAX_BLOCKS: Final = 0x20000
"""Pieces before those that touch are joined: lines may come in any order."""
_LINES_AT_ONCE: Final = 128
"""Lines after which the bytes gathered are taken out of the dictionary; a line has 255 at most."""
_LONGEST_LINE: Final = 1 + 2 * (5 + 255) + 2
_WRITTEN_AT_ONCE: Final = 0x10000
"""Every block begins with a record of the upper half of its address, as a text that is written in one go has it there."""
_END_RECORD: Final = ":00000001FF\r\n"
_SPACE: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive bytes of memory."""

    address: int
    data: bytes | memoryview

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + len(self.data)


@dataclass(frozen=True, slots=True)
class HexText:
    """What an Intel HEX text says.

    Attributes:
        segments: the memory it describes, lowest address first, small gaps filled.
        pieces: the same without any filling: the bytes that the text has, and no others.
        start: where a debugger is told to start, as `intelhex` has it: {"EIP": address}, or {"CS": segment, "IP": offset}; else None.
        ended: whether it ends with the record that says so; without it, the text may have been cut.
    """

    segments: tuple[Segment, ...]
    pieces: tuple[Segment, ...]
    start: Mapping[str, int] | None
    ended: bool


class _Lines:
    """The text as an open file for `intelhex`, which between two lines takes over what the library has gathered.

    Attributes:
        blocks: consecutive bytes by the address of the first, as they came.
        current: the line given out last.
        number: its number, from 1.
    """

    def __init__(self, text: bytes, image: intelhex.IntelHex) -> None:
        self._text = io.TextIOWrapper(io.BytesIO(text), encoding="latin-1")
        self.blocks: dict[int, bytearray] = {}
        self.current = ""
        self.number = 0
        self._image = image
        self._tail: tuple[int, bytearray] | None = None
        self._total = 0

    def read(self) -> str:
        """What is left of the text; the library knows a file by this method, and reads it line by line."""
        return self._text.read()

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(_LONGEST_LINE):
            self.number += 1
            self.current = line.strip()
            yield self.current
            if self.number % _LINES_AT_ONCE == 0:
                self.take()

    def take(self) -> None:
        """Take what the library has gathered.

        Raises:
            HexError: it was there already, is more than any board has, or lies beyond 32 bits.
        """
        for start, end in self._image.segments():
            self._total += end - start
            if self._total > MAX_BYTES:
                raise HexError(f"line {self.number}: the text describes more than {MAX_BYTES} bytes, which no board has")
            if end > _SPACE:
                raise HexError(f"line {self.number}: address {end - 1:#x} is beyond 32 bits")
            data = self._image.tobinarray(start=start, size=end - start)
            if self._tail is not None and self._tail[0] + len(self._tail[1]) == start:
                self._tail[1].extend(data)
            elif start in self.blocks:
                raise HexError(f"line {self.number}: address {start:#x} is written twice")
            elif len(self.blocks) == _MAX_BLOCKS:
                raise HexError(f"line {self.number}: the text describes more than {_MAX_BLOCKS} separate pieces of memory")
            else:
                self._tail = (start, bytearray(data))
                self.blocks[start] = self._tail[1]
            for address in range(start, end):
                del self._image[address]


def read_hex(text: bytes) -> tuple[Segment, ...]:
    """The memory an Intel HEX text describes, lowest address first.

    Raises:
        HexError: see `read_hex_text`.
    """
    return read_hex_text(text).segments


def read_hex_text(text: bytes) -> HexText:
    """Read an Intel HEX text. A byte order mark, which some editors put before it, is passed over, and what follows its end record too.

    Raises:
        HexError: a record is malformed, two of them overlap, or they describe more than any board has, or too many pieces of it.
    """
    image = intelhex.IntelHex()
    lines = _Lines(text.removeprefix(BYTE_ORDER_MARK), image)
    try:
        image.loadhex(lines)
    except intelhex.HexReaderError as reason:
        raise HexError(_explained(reason, lines)) from None
    lines.take()
    if not lines.blocks:
        raise HexError("there is no data in it")
    segments, pieces = _joined(lines.blocks)
    return HexText(segments, pieces, image.start_addr, ended=lines.current[7:9] == "01")


def _explained(reason: intelhex.HexReaderError, lines: _Lines) -> str:
    """The sentence for what the library found wrong with a line."""
    where = f"line {lines.number}"
    if isinstance(reason, intelhex.AddressOverlapError):
        return f"{where}: address {reason.address:#x} is written twice"
    if isinstance(reason, intelhex.DuplicateStartAddressRecordError):
        return f"{where}: a second record tells where to start"
    if type(reason) in (intelhex.HexRecordError, intelhex.RecordLengthError):
        return f"{where} is no Intel HEX record"
    raw = bytes.fromhex(lines.current[1:])
    if isinstance(reason, intelhex.RecordChecksumError):
        return f"{where}: the checksum is {raw[-1]:02x}, expected {-sum(raw[:-1]) & 0xFF:02x}"
    return f"{where}: there is no record of type {raw[3]} with {raw[0]} bytes at offset {raw[1:3].hex()}"


def _joined(blocks: dict[int, bytearray]) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """The blocks as segments, small gaps filled; and as they are in the text, touching ones in one piece."""
    segments: list[tuple[int, bytearray]] = []
    pieces: list[list[int]] = []
    filled = 0
    for address in sorted(blocks):
        data = blocks[address]
        size = len(data)
        gap = address - segments[-1][0] - len(segments[-1][1]) if segments else LARGEST_GAP + 1
        if gap < 0:
            raise HexError(f"address {address:#x} is written twice")
        if gap <= LARGEST_GAP and filled + gap <= MAX_FILLING:
            filled += gap
            segments[-1][1].extend(b"\xff" * gap)
            segments[-1][1].extend(data)
        else:
            if len(segments) == MAX_SEGMENTS:
                raise HexError(f"the text describes more than {MAX_SEGMENTS} separate pieces of memory")
            segments.append((address, data))
        if gap == 0:
            pieces[-1][1] += size
        else:
            pieces.append([address, size])
    found = tuple(Segment(address, bytes(data)) for address, data in segments)
    return found, tuple(_cut(found, pieces))


def _cut(segments: Iterable[Segment], pieces: Iterable[list[int]]) -> Iterator[Segment]:
    """The pieces, given by address and size in the order of the segments that hold them."""
    following = iter(segments)
    segment = next(following)
    for address, size in pieces:
        while address >= segment.end:
            segment = next(following)
        if (address, size) == (segment.address, len(segment.data)):
            yield segment
        else:
            at = address - segment.address
            yield Segment(address, memoryview(segment.data)[at : at + size])


def write_hex(data: bytes | memoryview, address: int) -> bytes:
    """An Intel HEX text that puts `data` at `address`.

    Raises:
        HexError: it would lie beyond 32 bits.
    """
    return write_segments([Segment(address, data)])


def write_segments(segments: Iterable[Segment], start: Mapping[str, int] | None = None) -> bytes:
    """An Intel HEX text of segments that do not overlap, with line ends as every programmer reads them.

    Args:
        segments: in any order.
        start: where a debugger is told to start; see `HexText`.

    Raises:
        HexError: one lies beyond 32 bits.
    """
    parts = [_written(b"", 0, start)]
    for segment in sorted(segments, key=lambda each: each.address):
        if segment.end > _SPACE:
            raise HexError(f"{len(segment.data)} bytes at {segment.address:#x} reach beyond 32 bits")
        at = segment.address
        while at < segment.end:
            end = min(segment.end, (at // _WRITTEN_AT_ONCE + 1) * _WRITTEN_AT_ONCE)
            parts.append(_written(segment.data[at - segment.address : end - segment.address], at))
            at = end
    return "".join((*parts, _END_RECORD)).encode("ascii")


def _written(data: bytes | memoryview, address: int, start: Mapping[str, int] | None = None) -> str:
    """The records of one block, without the one that ends a text."""
    image = intelhex.IntelHex()
    image.frombytes(data, offset=address)
    image.start_addr = start
    out = io.StringIO()
    image.write_hex_file(out, eolstyle="CRLF")
    return out.getvalue().removesuffix(_END_RECORD)


def modules_in(segments: tuple[Segment, ...], pieces: tuple[Segment, ...] | None = None) -> list[tuple[int, Module]]:
    """The modules with their addresses: one where a piece begins with it, and further ones that follow it without a gap.

    Args:
        segments: of a text, small gaps filled: a module may have such gaps.
        pieces: of the same text, without filling; the segments themselves when not given.
    """
    found: list[tuple[int, Module]] = []
    following = iter(segments)
    segment = next(following, None)
    seen = 0
    for piece in islice(segments if pieces is None else pieces, MAX_SEGMENTS):
        while segment is not None and piece.address >= segment.end:
            segment = next(following, None)
        address = max(piece.address, seen)
        while segment is not None and address < piece.end:
            try:
                module = read_module(memoryview(segment.data)[address - segment.address :])
            except NotAModule:
                break
            found.append((address, module))
            address += module.size if module.complete else len(module.data)
            seen = address
    return found
