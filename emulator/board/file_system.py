"""Small files in a region of flash, each of which changes whole or not at all.

Real boards have littlefs there. No tool reads that area of a board, so what has to hold is its promise: after a power cut at any erase or
program operation a file is the old one or the new one, and no other file is touched. Chosen here, in place of littlefs' format: a change
writes the file into free blocks, then a new directory into whichever of the two directory blocks is not current. A directory carries
a sequence number and a CRC; the valid one with the higher number counts.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from emulator.board.flash import Flash, FlashError

_HEAD = struct.Struct("<4sIHI")
"""Magic, sequence number, size of the entries, their CRC-32."""
_MAGIC = b"DIR1"
_ENTRY = struct.Struct("<HHIH")
"""Bytes of the name, first block, bytes of the file, blocks it has."""
_DIRECTORIES = 2


class FileSystem:
    """The files of one board, in blocks of the size of a flash sector. Names are paths such as `/sys/dct.bin`."""

    __slots__ = ("_block", "_blocks", "_current", "_files", "_flash", "_sequence", "_start")

    def __init__(self, flash: Flash, start: int, size: int) -> None:
        self._flash = flash
        self._start = start
        self._block = flash.sector_at(start).size
        self._blocks = size // self._block
        self.reload()

    def reload(self) -> None:
        """Look again which directory is current: as a boot does, and after the flash was restored."""
        self._files: dict[str, tuple[int, int, int]] = {}
        self._current, self._sequence = 1, 0
        for number in range(_DIRECTORIES):
            self._read_directory(number)

    def size(self, name: str) -> int | None:
        """The bytes of a file, or None when there is none of that name."""
        entry = self._files.get(name)
        return None if entry is None else entry[1]

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes of a file; none when there is no such file, fewer than `length` where it ends before."""
        first, size, _ = self._files.get(name, (0, 0, 0))
        end = size if length is None else min(size, offset + length)
        return self._flash.read(self._address(first) + offset, end - offset) if end > offset else b""

    def write(self, name: str, content: bytes) -> None:
        """Make `content` the whole of a file.

        Raises:
            FlashError: there is no room for it.
            PowerCut: the power went away; the file is what it was, or what it was to be.
        """
        needed = -(-len(content) // self._block) or 1
        first = self._find_room(needed)
        for number in range(needed):
            self._flash.erase(self._address(first + number))
            piece = content[number * self._block : (number + 1) * self._block]
            if piece:
                self._flash.program(self._address(first + number), piece)
        self._write_directory(self._files | {name: (first, len(content), needed)})

    def remove(self, name: str) -> None:
        """Remove a file. Does nothing when there is none."""
        if name in self._files:
            self._write_directory({each: entry for each, entry in self._files.items() if each != name})

    def _address(self, block: int) -> int:
        return self._start + block * self._block

    def _find_room(self, needed: int) -> int:
        used = sorted((first, count) for first, _, count in self._files.values())
        start = _DIRECTORIES
        for first, count in (*used, (self._blocks, 0)):
            if first - start >= needed:
                return start
            start = first + count
        raise FlashError(f"the file system has no {needed} free blocks in a row")

    def _read_directory(self, number: int) -> None:
        block = self._flash.read(self._address(number), self._block)
        magic, sequence, size, crc = _HEAD.unpack_from(block)
        entries = block[_HEAD.size : _HEAD.size + size]
        if magic == _MAGIC and zlib.crc32(entries) == crc and sequence > self._sequence:
            self._current, self._sequence, self._files = number, sequence, dict(_entries(entries))

    def _write_directory(self, files: dict[str, tuple[int, int, int]]) -> None:
        raw = b""
        for name, (first, size, count) in files.items():
            text = name.encode()
            raw += _ENTRY.pack(len(text), first, size, count) + text
        if _HEAD.size + len(raw) > self._block:
            raise FlashError("the file system has no room for another name")
        number, sequence = 1 - self._current, self._sequence + 1
        self._flash.erase(self._address(number))
        self._flash.program(self._address(number), _HEAD.pack(_MAGIC, sequence, len(raw), zlib.crc32(raw)) + raw)
        self._current, self._sequence, self._files = number, sequence, files


def _entries(raw: bytes) -> Iterator[tuple[str, tuple[int, int, int]]]:
    at = 0
    while at < len(raw):
        length, first, size, count = _ENTRY.unpack_from(raw, at)
        at += _ENTRY.size
        yield raw[at : at + length].decode(), (first, size, count)
        at += length
