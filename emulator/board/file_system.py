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
from dataclasses import dataclass

from emulator.board.flash import Flash, FlashError

_HEAD = struct.Struct("<4sIHI")
"""Magic, sequence number, size of the entries, their CRC-32."""
_MAGIC = b"DIR1"
_ENTRY = struct.Struct("<HIH")
"""Bytes of the name, bytes of the file, how many runs of blocks it has."""
_RUN = struct.Struct("<HH")
"""First block of a run, and how many follow each other in it."""
_DIRECTORIES = 2


@dataclass(frozen=True, slots=True)
class _File:
    """Bytes of a file, and the runs of blocks it has: the first of each, and how many."""

    size: int
    runs: tuple[tuple[int, int], ...]


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
        self._files: dict[str, _File] = {}
        self._current, self._sequence = 1, 0
        for number in range(_DIRECTORIES):
            self._read_directory(number)

    @property
    def names(self) -> tuple[str, ...]:
        """The files there are."""
        return tuple(self._files)

    def size(self, name: str) -> int | None:
        """The bytes of a file, or None when there is none of that name."""
        entry = self._files.get(name)
        return None if entry is None else entry.size

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes of a file; none when there is no such file, fewer than `length` where it ends before."""
        entry = self._files.get(name)
        if entry is None:
            return b""
        end = entry.size if length is None else min(entry.size, offset + length)
        pieces, at = [], 0
        for first, count in entry.runs:
            low, high = max(offset, at), min(end, at + count * self._block)
            if low < high:
                pieces.append(self._flash.read(self._address(first) + low - at, high - low))
            at += count * self._block
        return b"".join(pieces)

    def write(self, name: str, content: bytes) -> None:
        """Make `content` the whole of a file.

        Raises:
            FlashError: there is no room for it.
            PowerCut: the power went away; the file is what it was, or what it was to be.
        """
        runs = self._find_room(-(-len(content) // self._block) or 1)
        blocks = (first + number for first, count in runs for number in range(count))
        for number, block in enumerate(blocks):
            self._flash.erase(self._address(block))
            piece = content[number * self._block : (number + 1) * self._block]
            if piece:
                self._flash.program(self._address(block), piece)
        self._write_directory(self._files | {name: _File(len(content), runs)})

    def format(self) -> None:
        """Remove all files at once."""
        for number in range(_DIRECTORIES):
            self._flash.erase(self._address(number))
        self.reload()

    def remove(self, name: str) -> None:
        """Remove a file. Does nothing when there is none."""
        if name in self._files:
            self._write_directory({each: entry for each, entry in self._files.items() if each != name})

    def _address(self, block: int) -> int:
        return self._start + block * self._block

    def _find_room(self, needed: int) -> tuple[tuple[int, int], ...]:
        """Free blocks for a file: in a row where there are so many, else wherever they are."""
        used = sorted(run for file in self._files.values() for run in file.runs)
        start, free = _DIRECTORIES, list[tuple[int, int]]()
        for first, count in (*used, (self._blocks, 0)):
            if first - start >= needed:
                return ((start, needed),)
            if first > start:
                free.append((start, first - start))
            start = first + count
        if sum(count for _, count in free) < needed:
            raise FlashError(f"the file system has no {needed} free blocks")
        runs, left = list[tuple[int, int]](), needed
        for first, count in sorted(free, key=lambda run: -run[1]):
            runs.append((first, min(count, left)))
            left -= runs[-1][1]
            if not left:
                break
        return tuple(runs)

    def _read_directory(self, number: int) -> None:
        block = self._flash.read(self._address(number), self._block)
        magic, sequence, size, crc = _HEAD.unpack_from(block)
        entries = block[_HEAD.size : _HEAD.size + size]
        if magic == _MAGIC and zlib.crc32(entries) == crc and sequence > self._sequence:
            self._current, self._sequence, self._files = number, sequence, dict(_entries(entries))

    def _write_directory(self, files: dict[str, _File]) -> None:
        raw = b""
        for name, file in files.items():
            text = name.encode()
            raw += _ENTRY.pack(len(text), file.size, len(file.runs)) + text + b"".join(_RUN.pack(*run) for run in file.runs)
        if _HEAD.size + len(raw) > self._block:
            raise FlashError("the file system has no room for another name")
        number, sequence = 1 - self._current, self._sequence + 1
        self._flash.erase(self._address(number))
        self._flash.program(self._address(number), _HEAD.pack(_MAGIC, sequence, len(raw), zlib.crc32(raw)) + raw)
        self._current, self._sequence, self._files = number, sequence, files


def _entries(raw: bytes) -> Iterator[tuple[str, _File]]:
    at = 0
    while at < len(raw):
        length, size, runs = _ENTRY.unpack_from(raw, at)
        at += _ENTRY.size
        name = raw[at : at + length].decode()
        at += length
        yield name, _File(size, tuple(_RUN.iter_unpack(raw[at : at + runs * _RUN.size])))
        at += runs * _RUN.size
