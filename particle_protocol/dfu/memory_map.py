"""DfuSe memory maps: the text in an alternate's string that tells which memory lies where, and what may be done with it.

`@Internal Flash   /0x08000000/03*016Ka,01*016Kg` reads: from 0x08000000 on, three sectors of 16 KiB that can be read, then one that can
be read, erased and written (ST UM0391; particle-usb 4.2.0, src/dfu.js:544-586).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from particle_protocol.dfu.errors import DfuMapError

_UNITS = {"": 1, " ": 1, "B": 1, "K": 1024, "M": 1024 * 1024}
_SEGMENT = re.compile(r"\s*([0-9]{1,6})\*([0-9]{1,6})([ BKM]?)([a-g])\s*", re.ASCII)
_KIND = re.compile(r"(\*[0-9]+[ BKM]?)[a-g]", re.ASCII)
_ADDRESS = re.compile(r"\s*0x([0-9a-fA-F]{1,8})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Segment:
    """Sectors of one size and kind, one after the other. Addresses and sizes in bytes."""

    start: int
    sector_size: int
    sectors: int
    readable: bool
    erasable: bool
    writable: bool

    @property
    def end(self) -> int:
        """First address after the segment."""
        return self.start + self.sector_size * self.sectors

    def sector_start(self, address: int) -> int:
        """First address of the sector that holds `address`."""
        return address - (address - self.start) % self.sector_size

    @property
    def letter(self) -> str:
        """The letter that tells what may be done."""
        return chr(ord("a") - 1 + self.readable + 2 * self.erasable + 4 * self.writable)


@dataclass(frozen=True, slots=True)
class DfuseMap:
    """The memory map of one alternate. Segments are in the order of the text, which need not be that of addresses."""

    name: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, text: str) -> DfuseMap:
        """Read a map.

        Raises:
            DfuMapError: this is no map; the message says where it stops being one.
        """
        name, *groups = text.split("/")
        if not name.startswith("@") or not groups or len(groups) % 2:
            raise DfuMapError(f"{text!r} is no DfuSe memory map: expected @name/0xADDRESS/SECTORS")
        segments: list[Segment] = []
        for address_text, sectors_text in zip(groups[::2], groups[1::2], strict=True):
            address = _ADDRESS.fullmatch(address_text)
            if address is None:
                raise DfuMapError(f"{text!r} is no DfuSe memory map: {address_text!r} is no address")
            at = int(address[1], 16)
            for part in sectors_text.rstrip(" \0").split(","):
                segment = _segment(part, at)
                if segment is None:
                    raise DfuMapError(f"{text!r} is no DfuSe memory map: {part!r} describes no sectors")
                segments.append(segment)
                at = segment.end
        return cls(name[1:].strip(), tuple(segments))

    def segment_at(self, address: int) -> Segment | None:
        """The segment that holds `address`, or None."""
        return next((segment for segment in self.segments if segment.start <= address < segment.end), None)

    def span(self, start: int, length: int) -> tuple[Segment, ...]:
        """The segments that hold `length` bytes from `start` on, in order; none when part of that lies outside of the map."""
        found: list[Segment] = []
        at = start
        while at < start + length:
            segment = self.segment_at(at)
            if segment is None:
                return ()
            found.append(segment)
            at = segment.end
        return tuple(found)

    def erasable_sectors(self, start: int, length: int) -> Iterator[int]:
        """First addresses of the sectors to erase before `length` bytes from `start` on are written; what cannot be erased is left out."""
        for segment in self.span(start, length):
            if segment.erasable:
                first = segment.sector_start(max(start, segment.start))
                yield from range(first, min(start + length, segment.end), segment.sector_size)

    @property
    def protected(self) -> bool:
        """Whether Device Protection speaks from the map: everything can be erased, nothing read or written."""
        return all(s.erasable and not s.readable and not s.writable for s in self.segments)


def protected_map(text: str) -> str:
    """The same map as a protected device tells it: all sectors of kind "b", which can only be erased."""
    return _KIND.sub(r"\1b", text)


def _segment(part: str, start: int) -> Segment | None:
    match = _SEGMENT.fullmatch(part)
    if match is None:
        return None
    count, size, unit, letter = int(match[1]), int(match[2]), match[3], match[4]
    if not count or not size:
        return None
    rights = ord(letter) - ord("a") + 1
    return Segment(start, size * _UNITS[unit], count, bool(rights & 1), bool(rights & 2), bool(rights & 4))
