"""The DCT of a Photon or P1: two sectors, one of which is current (WICED).

A change writes a whole new copy into the other sector and marks it complete last, so that at every moment at least one complete copy
exists. The layout in front of the application section is the vendor's secret and no program can see it; ours is a 64-byte header and the
platform section, which holds the stored Wi-Fi networks, and the certificate and key for an enterprise network.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from emulator.board.dct_store import changed
from emulator.board.flash import Flash

_HEADER = struct.Struct("<4sII")
_MAGIC = b"DCTc"
_INCOMPLETE = 0xFFFFFFFF
_PLATFORM_AT, _APPLICATION_AT = 0x40, 0x1C00


class WicedCopies:
    """Both copies. `application` and `platform` are the two sections of whichever is current."""

    __slots__ = ("_copies", "_current", "_flash", "_size", "application", "platform")

    def __init__(self, flash: Flash, sectors: Sequence[int]) -> None:
        first, second = sectors
        self._flash = flash
        self._copies = (first, second)
        self._size = flash.sector_at(first).size
        self._current = self._find()
        self.platform = WicedSection(self, _PLATFORM_AT, _APPLICATION_AT)
        self.application = WicedSection(self, _APPLICATION_AT, self._size)

    def reload(self) -> None:
        """Look again which copy is current."""
        self._current = self._find()

    def read(self, offset: int, length: int) -> bytes:
        """Read from the current copy, from its start."""
        if self._current is None:
            return b"\xff" * length
        return self._flash.read(self._current + offset, length)

    def update(self, start: int, section: bytes) -> None:
        """Make the other copy the current one, with `section` at `start` in it."""
        header = _HEADER.size
        content = changed(self.read(header, self._size - header), {start - header: section}, blank=False)
        sequence, target = 0, self._copies[0]
        if self._current is not None:
            sequence = _HEADER.unpack(self._flash.read(self._current, header))[1] + 1
            target = self._copies[1] if self._current == self._copies[0] else self._copies[0]
        self._flash.erase(target)
        self._flash.program(target + header, content)
        self._flash.program(target, _HEADER.pack(_MAGIC, sequence, _INCOMPLETE))
        self._flash.program(target + 8, bytes(4))
        self._current = target

    def _find(self) -> int | None:
        best: tuple[int, int] | None = None
        for start in self._copies:
            magic, sequence, incomplete = _HEADER.unpack(self._flash.read(start, _HEADER.size))
            if magic == _MAGIC and incomplete == 0 and (best is None or sequence > best[0]):
                best = (sequence, start)
        return None if best is None else best[1]


class WicedSection:
    """One section of the copies, as a `DctStore`."""

    __slots__ = ("_copies", "_start", "size")

    def __init__(self, copies: WicedCopies, start: int, end: int) -> None:
        self._copies = copies
        self._start = start
        self.size = end - start

    def reload(self) -> None:
        """See `DctStore`."""
        self._copies.reload()

    def read(self, offset: int, length: int) -> bytes:
        """See `DctStore`."""
        return self._copies.read(self._start + offset, length)

    def update(self, changes: Mapping[int, bytes], *, blank: bool = False) -> None:
        """See `DctStore`."""
        self._copies.update(self._start, changed(self.read(0, self.size), changes, blank=blank))
