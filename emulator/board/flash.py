"""NOR flash: sectors, erase and program as the only writes, and the places where the power can go away.

Erasing sets every bit of a sector; programming can only clear bits. Boards with the same content share it: a board keeps only the pages
that it changed.
"""

from __future__ import annotations

import enum
import functools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from emulator.board.power import PowerCut

PAGE = 256
"""Granularity, in bytes, at which a board's own content is kept apart from the shared image. Nothing on a board can see it."""

_ERASED = b"\xff" * PAGE
_start_of = attrgetter("start")


class FlashError(Exception):
    """The flash controller refused: outside of the flash, or across a protected sector."""


class CutPhase(enum.Enum):
    """Where within an erase or a program operation the power goes away."""

    START = "start"
    """Before anything changed."""
    MIDDLE = "middle"
    """With a part of the sector erased, or of the data programmed."""
    END = "end"
    """After the last bit changed, before the firmware could know."""


@dataclass(frozen=True, slots=True)
class Sector:
    """An erase unit: its first address and its size in bytes."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind the sector."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class FlashTiming:
    """How long the flash takes: seconds per KiB erased, and per KiB programmed."""

    erase: float
    program: float


INSTANT = FlashTiming(0.0, 0.0)
"""For a Lab at real time, where nobody wants to wait for a flash that is not there."""


class Cut:
    """A power cut to come: in the erase or program operation after `left` others, counted over all flashes that have it."""

    __slots__ = ("happened", "left", "phase")

    def __init__(self, left: int, phase: CutPhase) -> None:
        self.left = left
        self.phase = phase
        self.happened = False

    def begin(self) -> CutPhase | None:
        """Count an operation, and tell where the power goes away in it."""
        if self.happened:
            return None
        self.happened = self.left <= 0
        self.left -= 1
        return self.phase if self.happened else None


class Flash:
    """The flash of one board.

    `image` is what it holds at first: bytes of the flash's whole size, shared among boards and never changed.
    """

    __slots__ = ("_blank", "_cut", "_image", "_pages", "_sectors", "operations", "size", "start", "timing")

    def __init__(self, sectors: Sequence[Sector], image: bytes | None = None, timing: FlashTiming = INSTANT) -> None:
        self._sectors = tuple(sectors)
        self.start = self._sectors[0].start
        self.size = self._sectors[-1].end - self.start
        self._image = image
        if image is not None and len(image) != self.size:
            raise ValueError(f"an image of {len(image)} bytes for a flash of {self.size}")
        self._blank = _blank_pages(image, self.size // PAGE)
        self.timing = timing
        self._pages: dict[int, bytes] = {}
        self._cut: Cut | None = None
        self.operations = 0
        """How many erase and program operations there were."""

    @property
    def end(self) -> int:
        """The first address behind the flash."""
        return self.start + self.size

    @property
    def largest_sector(self) -> int:
        """Bytes of the largest sector."""
        return max(sector.size for sector in self._sectors)

    def sector_at(self, address: int) -> Sector:
        """The sector that holds `address`.

        Raises:
            FlashError: there is none.
        """
        place = bisect_right(self._sectors, address, key=_start_of)
        sector = self._sectors[max(place - 1, 0)]
        if sector.start <= address < sector.end:
            return sector
        raise FlashError(f"no flash at 0x{address:08x}")

    def read(self, address: int, length: int) -> bytes:
        """Read `length` bytes.

        Raises:
            FlashError: outside of the flash.
        """
        offset = self._offset(address, length)
        first, last = offset // PAGE, (offset + length + PAGE - 1) // PAGE
        pages = self._pages
        if not pages and self._image is not None:
            return self._image[offset : offset + length]
        data = b"".join([pages[number] if number in pages else self._base(number) for number in range(first, last)])
        skip = offset - first * PAGE
        return data if skip == 0 and len(data) == length else data[skip : skip + length]

    def erase(self, address: int) -> None:
        """Erase the sector that holds `address`.

        Raises:
            FlashError: no such sector.
            PowerCut: the power was to go away here.
        """
        sector = self.sector_at(address)
        first = (sector.start - self.start) // PAGE
        count = sector.size // PAGE
        phase = self._begin()
        if phase is CutPhase.START:
            raise PowerCut
        if phase is CutPhase.MIDDLE:
            count //= 2
        for number in range(first, first + count):
            if self._blank[number]:
                self._pages.pop(number, None)
            else:
                self._pages[number] = _ERASED
        if phase is not None:
            raise PowerCut

    def program(self, address: int, data: bytes) -> None:
        """Program bytes: each bit of the flash becomes the AND of what it was and what is written.

        Raises:
            FlashError: outside of the flash.
            PowerCut: the power was to go away here.
        """
        offset = self._offset(address, len(data))
        phase = self._begin()
        if phase is CutPhase.START:
            raise PowerCut
        if phase is CutPhase.MIDDLE:
            data = data[: len(data) // 2]
        done = 0
        while done < len(data):
            number, skip = divmod(offset + done, PAGE)
            piece = data[done : done + PAGE - skip]
            self._program_page(number, skip, piece)
            done += len(piece)
        if phase is not None:
            raise PowerCut

    def cut_power(self, operations: int, phase: CutPhase) -> None:
        """Have the power go away in the erase or program operation that comes after `operations` others from now on."""
        self.await_cut(Cut(operations, phase))

    def await_cut(self, cut: Cut) -> None:
        """The same, with a cut that counts the operations of other flashes as well."""
        self._cut = cut

    def forget_cut(self, cut: Cut) -> None:
        """Take that one back."""
        if self._cut is cut:
            self._cut = None

    def keep_power(self) -> None:
        """Take back a `cut_power` that has not happened yet."""
        self._cut = None

    def snapshot(self) -> dict[int, bytes]:
        """What this board holds apart from the shared image, to hand to `restore`."""
        return dict(self._pages)

    def restore(self, pages: dict[int, bytes]) -> None:
        """Hold what a snapshot held."""
        self._pages = dict(pages)
        self._cut = None

    def _begin(self) -> CutPhase | None:
        """Count an operation, and tell where the power goes away in it."""
        self.operations += 1
        return None if self._cut is None else self._cut.begin()

    def _offset(self, address: int, length: int) -> int:
        offset = address - self.start
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(f"0x{address:08x} + {length} is outside of the flash at 0x{self.start:08x} + 0x{self.size:x}")
        return offset

    def _base(self, number: int) -> bytes:
        return _ERASED if self._image is None else self._image[number * PAGE : (number + 1) * PAGE]

    def _program_page(self, number: int, skip: int, piece: bytes) -> None:
        old = self._pages.get(number)
        if old is None:
            if not piece.strip(b"\xff"):
                return
            old = _ERASED if self._blank[number] else self._base(number)
        if len(piece) == PAGE and old is _ERASED:
            self._pages[number] = _shared(bytes(piece))
            return
        target = old[skip : skip + len(piece)]
        mixed = int.from_bytes(target, "little") & int.from_bytes(piece, "little")
        self._pages[number] = old[:skip] + mixed.to_bytes(len(piece), "little") + old[skip + len(piece) :]


@functools.lru_cache(maxsize=16_384)
def _shared(page: bytes) -> bytes:
    """The one copy of a page that all boards which were given it lately hold: a release puts the same into each of them."""
    return _ERASED if page == _ERASED else page


@functools.lru_cache(maxsize=128)
def _blank_pages(image: bytes | None, pages: int) -> bytes:
    """For each page whether it is erased in a shared image: what a board need not keep apart."""
    if image is None:
        return b"\x01" * pages
    return bytes(image[number * PAGE : (number + 1) * PAGE] == _ERASED for number in range(pages))
