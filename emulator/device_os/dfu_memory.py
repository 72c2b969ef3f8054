"""What a board's DFU alternates give access to: its flashes, and the DCT."""

from __future__ import annotations

import functools

from emulator.board.board import Board
from emulator.board.flash import Flash, FlashError
from emulator.board.settings import Settings
from emulator.hardware import DCT
from particle_protocol.dct import DCT_IMAGE_SIZE
from particle_protocol.dfu import TRANSFER_SIZE, DfuFault, DfuMemory, DfuseMap


@functools.cache
def _first_address(name: str) -> int:
    return DfuseMap.parse(name).segments[0].start


class FlashMemory:
    """A flash as a DFU alternate. Which sectors may be read, erased or written is the map's to say.

    The host is told to wait for the largest sector and for a whole block. The map's addresses need not be the flash's own: its first one
    is where the flash starts.
    """

    __slots__ = ("_flash", "_shift", "erase_time", "name", "program_time")

    def __init__(self, name: str, flash: Flash) -> None:
        self.name = name
        self._flash = flash
        self._shift = flash.start - _first_address(name)
        self.erase_time = flash.largest_sector / 1024 * flash.timing.erase
        self.program_time = TRANSFER_SIZE / 1024 * flash.timing.program

    def read(self, address: int, length: int) -> bytes:
        """See `DfuMemory.read`."""
        try:
            return self._flash.read(address + self._shift, length)
        except FlashError as error:
            raise DfuFault(str(error)) from error

    def erase(self, address: int) -> None:
        """See `DfuMemory.erase`."""
        try:
            self._flash.erase(address + self._shift)
        except FlashError as error:
            raise DfuFault(str(error)) from error

    def program(self, address: int, data: bytes) -> None:
        """See `DfuMemory.program`."""
        try:
            self._flash.program(address + self._shift, data)
        except FlashError as error:
            raise DfuFault(str(error)) from error


class DctMemory:
    """The application section of the DCT as a DFU alternate: addresses are its offsets, and writing needs no erasing."""

    __slots__ = ("_settings", "erase_time", "name", "program_time")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.erase_time = 0.0
        self.program_time = 0.0
        self._settings = settings

    def read(self, address: int, length: int) -> bytes:
        """See `DfuMemory.read`."""
        if address + length > DCT_IMAGE_SIZE:
            raise DfuFault(f"the DCT image ends at 0x{DCT_IMAGE_SIZE:x}")
        return self._settings.read(address, length)

    def erase(self, address: int) -> None:
        """Nothing to do: each write makes a new copy of the DCT."""

    def program(self, address: int, data: bytes) -> None:
        """See `DfuMemory.program`."""
        try:
            self._settings.write(address, data)
        except ValueError as error:
            raise DfuFault(str(error)) from error


def dfu_alternates(board: Board) -> list[DfuMemory]:
    """The DFU alternates of a board, in order."""
    named = zip(board.platform.dfu_alternates, board.hardware.dfu, strict=True)
    return [DctMemory(name, board.settings) if memory == DCT else FlashMemory(name, board.flashes[memory]) for name, memory in named]
