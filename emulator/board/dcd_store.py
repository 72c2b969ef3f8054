"""The DCT of an Electron: two sectors with header, seal and footer (DCD).

A sector is an 8-byte header (watermark, seal), the data, and a 32-byte footer with a counter and a CRC. A change erases the other sector,
writes data and footer, then the header with a valid seal, and at last marks the old sector as superseded, which only clears bits of its
seal. (Device OS 2.3.1, services/inc/dcd.h:290-372 and 490-566, hal/src/electron/dct_hal.cpp:15.)

Chosen: a pair of sectors that was never written reads as 0xFF without being formatted first, and nothing is taken over from a WICED form.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

from emulator.board.dct_store import changed
from emulator.board.flash import Flash

_HEADER = struct.Struct("<II")
_WATERMARK = 0x1E1C279A
_VALID, _SUPERSEDED = 0xEDA15E00, 0x69A00C00
_FOOTER = struct.Struct("<16x4sBBHI")
"""Four reserved words, flags (the counter in the lowest bits), pad, version, size, watermark; the CRC-32 follows."""
_FOOTER_SIZE = 32
_COUNTER_MASK = 3
_VERSION = 2


class DcdStore:
    """Both sectors, as a `DctStore`."""

    __slots__ = ("_current", "_flash", "_sectors", "size")

    def __init__(self, flash: Flash, sectors: Sequence[int]) -> None:
        first, second = sectors
        self._flash = flash
        self._sectors = (first, second)
        self.size = flash.sector_at(first).size - _HEADER.size - _FOOTER_SIZE
        self._current = self._find()

    def reload(self) -> None:
        """See `DctStore`."""
        self._current = self._find()

    def read(self, offset: int, length: int) -> bytes:
        """See `DctStore`."""
        if self._current is None:
            return b"\xff" * length
        return self._flash.read(self._current + _HEADER.size + offset, length)

    def update(self, changes: Mapping[int, bytes], *, blank: bool = False) -> None:
        """See `DctStore`."""
        flash, old = self._flash, self._current
        content = changed(self.read(0, self.size), changes, blank=blank)
        target = self._sectors[0] if old is None else self._sectors[1 - self._sectors.index(old)]
        counter = 0 if old is None else (self._counter(old) + 1) & _COUNTER_MASK
        flags = bytes((counter | ~_COUNTER_MASK & 0xFF,)) + b"\xff" * 3
        footer = _FOOTER.pack(flags, 0, _VERSION, _FOOTER_SIZE, _WATERMARK)
        if flash.read(target, flash.sector_at(target).size).strip(b"\xff"):
            flash.erase(target)
        flash.program(target + _HEADER.size, content)
        flash.program(target + _HEADER.size + self.size, footer)
        crc = struct.pack("<I", zlib.crc32(content + footer))
        flash.program(target + _HEADER.size + self.size + len(footer), crc)
        flash.program(target, _HEADER.pack(_WATERMARK, _VALID))
        self._current = target
        if old is not None:
            flash.program(old + 4, struct.pack("<I", _SUPERSEDED))

    def _find(self) -> int | None:
        """Which sector counts (services/inc/dcd.h:290-372)."""
        seals = [self._seal(sector) for sector in self._sectors]
        primary = next((number for number, seal in enumerate(seals) if seal in (_VALID, _SUPERSEDED)), None)
        if primary is None:
            return None
        one, other = self._sectors[primary], self._sectors[1 - primary]
        if primary == 0 and seals[1] == _VALID:
            return self._better_of_two()
        if primary == 0 and seals[1] == _SUPERSEDED and not self._crc_ok(one):
            return other
        return one

    def _better_of_two(self) -> int:
        first, second = self._sectors
        good = [self._crc_ok(sector) for sector in self._sectors]
        if all(good):
            return second if (self._counter(second) - self._counter(first)) & _COUNTER_MASK == 1 else first
        return first if good[0] else second

    def _seal(self, sector: int) -> int | None:
        watermark, seal = _HEADER.unpack(self._flash.read(sector, _HEADER.size))
        return seal if watermark == _WATERMARK else None

    def _crc_ok(self, sector: int) -> bool:
        covered = self.size + _FOOTER.size
        stored = self._flash.read(sector + _HEADER.size + covered, 4)
        return zlib.crc32(self._flash.read(sector + _HEADER.size, covered)) == int.from_bytes(stored, "little")

    def _counter(self, sector: int) -> int:
        flags: bytes = _FOOTER.unpack(self._flash.read(sector + _HEADER.size + self.size, _FOOTER.size))[0]
        return flags[0] & _COUNTER_MASK
