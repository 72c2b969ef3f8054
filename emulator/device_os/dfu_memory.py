"""What a board's DFU alternates give access to: the internal flash, and the DCT."""

from __future__ import annotations

from emulator.board.board import Board
from emulator.board.flash import Flash, FlashError
from emulator.board.settings import Settings
from particle_protocol.dct import DCT_IMAGE_SIZE
from particle_protocol.dfu import DfuFault, DfuMemory

_LARGEST_SECTOR, _BLOCK = 128, 4
"""KiB: what the host is told to wait for is the largest sector and a whole block."""


class FlashMemory:
    """The internal flash as a DFU alternate. Which sectors may be read, erased or written is the map's to say."""

    __slots__ = ("_flash", "erase_time", "name", "program_time")

    def __init__(self, name: str, flash: Flash) -> None:
        self.name = name
        self._flash = flash
        self.erase_time = _LARGEST_SECTOR * flash.timing.erase
        self.program_time = _BLOCK * flash.timing.program

    def read(self, address: int, length: int) -> bytes:
        """See `DfuMemory.read`."""
        try:
            return self._flash.read(address, length)
        except FlashError as error:
            raise DfuFault(str(error)) from error

    def erase(self, address: int) -> None:
        """See `DfuMemory.erase`."""
        try:
            self._flash.erase(address)
        except FlashError as error:
            raise DfuFault(str(error)) from error

    def program(self, address: int, data: bytes) -> None:
        """See `DfuMemory.program`."""
        try:
            self._flash.program(address, data)
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
    internal, dct = board.platform.dfu_alternates[:2]
    return [FlashMemory(internal, board.flash), DctMemory(dct, board.settings)]
