"""Intel HEX, both ways.

The address of the data comes from the records, never from its content. Builds write HEX before SHA-256 and CRC are filled in, so a module
in a HEX file may still hold their placeholders (Device OS 6.2.0, build/module.mk:153-168); sealing it anew makes it whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware_images.errors import HexError, NotAModule
from firmware_images.module import Module, read_module

MAX_BYTES: Final = 16 * 1024 * 1024
"""No board has more memory than this, so a text that describes more is refused."""
LARGEST_GAP: Final = 0x1000
"""Gaps up to a sector are filled with 0xFF, as a programmer leaves them."""
MAX_FILLING: Final = 0x10000
"""Bytes of such filling in one text; gaps beyond that divide it into segments."""
_DATA, _END, _EXTENDED_SEGMENT, _START_SEGMENT, _EXTENDED_LINEAR, _START_LINEAR = range(6)
_SIZES: Final = {_DATA: None, _END: 0, _EXTENDED_SEGMENT: 2, _START_SEGMENT: 4, _EXTENDED_LINEAR: 2, _START_LINEAR: 4}
"""Bytes of data in a record of each type."""
_BASE_SHIFTS: Final = {_EXTENDED_SEGMENT: 4, _EXTENDED_LINEAR: 16}


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive bytes of memory."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + len(self.data)


def read_hex(text: bytes) -> tuple[Segment, ...]:
    """The memory an Intel HEX text describes, lowest address first.

    Read here and not by `intelhex`, which keeps every byte as an entry of a dictionary: a hundred times the memory of the file.

    Raises:
        HexError: a record is malformed, two of them overlap, or they describe more than any board has.
    """
    blocks: dict[int, bytearray] = {}
    tail: tuple[int, bytearray] | None = None
    base = total = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line:
            continue
        kind, offset, data = _record(line, number)
        if kind == _DATA:
            total += len(data)
            if total > MAX_BYTES:
                raise HexError(f"line {number}: the text describes more than {MAX_BYTES} bytes, which no board has")
            address = base + offset
            if tail is not None and tail[0] + len(tail[1]) == address:
                tail[1].extend(data)
            elif address in blocks:
                raise HexError(f"line {number}: address {address:#x} is written twice")
            elif data:
                tail = (address, bytearray(data))
                blocks[address] = tail[1]
        elif kind == _END:
            break
        elif kind in _BASE_SHIFTS:
            base = int.from_bytes(data, "big") << _BASE_SHIFTS[kind]
    if not blocks:
        raise HexError("there is no data in it")
    return _joined(blocks)


def _record(line: bytes, number: int) -> tuple[int, int, bytes]:
    """Type, offset and data of one line."""
    try:
        raw = bytes.fromhex(line[1:].rstrip().decode("ascii")) if line[:1] == b":" else b""
    except ValueError:
        raw = b""
    if len(raw) < 5 or len(raw) != raw[0] + 5:
        raise HexError(f"line {number} is no Intel HEX record")
    if sum(raw) & 0xFF:
        raise HexError(f"line {number}: the checksum is {raw[-1]:02x}, expected {-sum(raw[:-1]) & 0xFF:02x}")
    kind, data = raw[3], raw[4:-1]
    if kind not in _SIZES or _SIZES[kind] not in (None, len(data)):
        raise HexError(f"line {number}: there is no record of type {kind} with {len(data)} bytes")
    return kind, int.from_bytes(raw[1:3], "big"), data


def _joined(blocks: dict[int, bytearray]) -> tuple[Segment, ...]:
    """The blocks as segments, small gaps filled."""
    segments: list[tuple[int, bytearray]] = []
    filled = 0
    for address in sorted(blocks):
        data = blocks[address]
        gap = address - segments[-1][0] - len(segments[-1][1]) if segments else LARGEST_GAP + 1
        if gap < 0:
            raise HexError(f"address {address:#x} is written twice")
        if gap <= LARGEST_GAP and filled + gap <= MAX_FILLING:
            filled += gap
            segments[-1][1].extend(b"\xff" * gap)
            segments[-1][1].extend(data)
        else:
            segments.append((address, data))
    return tuple(Segment(address, bytes(data)) for address, data in segments)


def write_hex(data: bytes | memoryview, address: int) -> bytes:
    """An Intel HEX text that puts `data` at `address`, with line ends as every programmer reads them."""
    import io

    import intelhex

    image = intelhex.IntelHex()
    image.frombytes(bytes(data), offset=address)
    out = io.StringIO()
    image.write_hex_file(out, eolstyle="CRLF")
    return out.getvalue().encode("ascii")


def modules_in(segments: tuple[Segment, ...]) -> list[tuple[int, Module]]:
    """The modules with their addresses: one where a segment begins with it, and further ones that follow it without a gap."""
    found = []
    for segment in segments:
        at = 0
        whole = memoryview(segment.data)
        while at < len(whole):
            try:
                module = read_module(whole[at:])
            except NotAModule:
                break
            found.append((segment.address + at, module))
            if not module.complete:
                break
            at += module.size
    return found
