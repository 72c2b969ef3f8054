"""Updates that wait in flash to be put in place: the OTA region, and the list in the DCT that the bootloader works off.

An update is received into the OTA region, checked there, and entered into the DCT's list of modules to copy. After a reset the bootloader
copies what is listed and strikes it off last, so a power cut at any moment only makes it copy again.
(Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from emulator.board.board import Board
from firmware_images.fields import ModuleFunction
from firmware_images.module import Module, module_in_memory
from particle_protocol.dct import DctField

_ENTRY = struct.Struct("<BBHIIIHBB")
_MAGIC = 0xABCD
_INTERNAL = 1
_SLOTS = DctField.FLASH_MODULES.size // _ENTRY.size
_CHUNK = 4096


class StagedUpdates:
    """The list of modules to copy of one board, and the regions they wait in."""

    def __init__(self, board: Board) -> None:
        self._board = board
        memory = board.platform.memory()
        self.region = memory.region("ota")
        self._factory = memory.region("factory")

    @property
    def pending(self) -> bool:
        """Whether anything waits to be copied."""
        return any(True for _ in self._entries())

    def prepare(self, size: int) -> None:
        """Erase as much of the OTA region as an update of `size` bytes needs.

        Raises:
            ValueError: the region is smaller.
        """
        if not 0 < size <= self.region.size:
            raise ValueError(f"an update of {size} bytes; the OTA region has {self.region.size}")
        flash = self._board.flash
        address = self.region.start
        while address < self.region.start + size:
            flash.erase(address)
            address = flash.sector_at(address).end

    def write(self, offset: int, data: bytes) -> None:
        """Put a piece of the update into the OTA region."""
        self._board.flash.program(self.region.start + offset, data)

    def module(self) -> Module | None:
        """The module in the OTA region, or None when there is none."""
        return self._module_at(self.region.start, self.region.end)

    def enter(self, destination: int, length: int, function: ModuleFunction) -> None:
        """List the module in the OTA region for the next boot."""
        entry = _ENTRY.pack(_INTERNAL, _INTERNAL, 0, self.region.start, destination, length, _MAGIC, function, 0)
        self._board.settings.write(DctField.FLASH_MODULES.offset, entry)

    def apply(self) -> None:
        """Copy what is listed. What does not look like an intact module any more is struck off without being copied."""
        for number, (source, destination, length) in list(self._entries()):
            module = self._module_at(source, self.region.end)
            if module is not None and module.crc_ok:
                self._copy(source, destination, length)
            self._board.settings.write(DctField.FLASH_MODULES.offset + number * _ENTRY.size, b"\xff" * _ENTRY.size)

    def factory_image(self) -> Module | None:
        """The user part in the factory region, if there is an intact one."""
        module = self._module_at(self._factory.start, self._factory.end)
        intact = module is not None and module.prefix.function is ModuleFunction.USER_PART and module.crc_ok
        return module if intact else None

    def restore_factory_image(self) -> None:
        """Copy the factory user part into its slot, if there is one."""
        image = self.factory_image()
        if image is not None:
            self._copy(self._factory.start, image.prefix.start_address, image.size)

    def _module_at(self, start: int, end: int) -> Module | None:
        return module_in_memory(self._board.flash.read, start, end, self._board.platform.id)

    def _entries(self) -> Iterator[tuple[int, tuple[int, int, int]]]:
        listed = self._board.settings.get(DctField.FLASH_MODULES)
        for number in range(_SLOTS):
            _, _, _, source, destination, length, magic, _, _ = _ENTRY.unpack_from(listed, number * _ENTRY.size)
            if magic == _MAGIC:
                yield number, (source, destination, length)

    def _copy(self, source: int, destination: int, length: int) -> None:
        flash = self._board.flash
        address = destination
        while address < destination + length:
            flash.erase(address)
            address = flash.sector_at(address).end
        for offset in range(0, length, _CHUNK):
            size = min(_CHUNK, length - offset)
            flash.program(destination + offset, flash.read(source + offset, size))
