"""Updates that wait in flash to be put in place: the OTA region, and the list in the DCT that the bootloader works off.

An update is received into the OTA region, checked there, and each of its modules is entered into the DCT's list of modules to copy. After a
reset the bootloader copies what is listed and strikes it off last, so a power cut at any moment only makes it copy again.
(Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c; 6.2.0, the same of the nRF52840.) Where that is written:
the first record of the list is the factory image's, those of updates follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.board.board import Board
from emulator.device_os.copying import copy, copy_module, erase
from emulator.device_os.mcu import CopyEntry, copy_flags, mcu_of
from firmware_images.combined import MAX_READ
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.module import Module, as_it_lies, module_in_memory
from particle_protocol.dct import DctField
from particle_protocol.platforms import MemoryMap, ModuleSlot, Region

_FIRST_RECORD = 1
"""Of the copy list, where updates are entered (GEN_START_SLOT)."""


@dataclass(frozen=True, slots=True)
class StagedModule:
    """A module that lies in the OTA region, and where."""

    address: int
    module: Module


class NoModule(Exception):
    """A module is missing that ought to lie in the OTA region: the first one, or one that another announced."""


class OutOfRegion(Exception):
    """A module announces another one behind the end of the OTA region."""


class StagedUpdates:
    """The list of modules to copy of one board, and the regions they wait in."""

    def __init__(self, board: Board, memory: MemoryMap) -> None:
        self._board = board
        self._mcu = mcu_of(board)
        self.region = memory.region("ota")
        self._factory = next((region for region in memory.regions if region.name == "factory"), None)

    @property
    def pending(self) -> bool:
        """Whether anything waits to be copied."""
        return any(True for _ in self._entries())

    def prepare(self, size: int, kept: int = 0) -> int:
        """Erase as much of the OTA region as an update of `size` bytes needs, but for its first sectors within `kept` bytes.

        Returns:
            How many bytes were left as they were.

        Raises:
            ValueError: the region is smaller.
        """
        if not 0 < size <= self.region.size:
            raise ValueError(f"an update of {size} bytes; the OTA region has {self.region.size}")
        flash, start = self._board.flash_of(self.region), self.region.start
        kept = flash.sector_at(start + min(kept, size - 1)).start - start if kept else 0
        erase(flash, start + kept, size - kept)
        return kept

    def write(self, offset: int, data: bytes) -> None:
        """Put a piece of the update into the OTA region."""
        self._board.flash_of(self.region).program(self.region.start + offset, data)

    def read(self, size: int) -> bytes:
        """The first `size` bytes of the OTA region."""
        return self._board.flash_of(self.region).read(self.region.start, size)

    def module(self) -> Module | None:
        """The first module in the OTA region, or None when there is none."""
        return self._module_at(self.region, self.region.start)

    def only_module(self) -> StagedModule:
        """The first module in the OTA region, where nothing can follow it.

        Raises:
            NoModule: there is none.
        """
        module = self.module()
        if module is None:
            raise NoModule
        return StagedModule(self.region.start, module)

    def modules(self) -> Iterator[StagedModule]:
        """The module in the OTA region, and those that its COMBINED flag announces behind it.

        Raises:
            NoModule: one of them is not there; OutOfRegion: nor is there room for it.
        """
        at = self.region.start
        for _ in range(MAX_READ):
            module = self._module_at(self.region, at)
            if module is None:
                raise NoModule
            yield StagedModule(at, module)
            if not module.prefix.flags & ModuleFlag.COMBINED:
                return
            at += max(module.size, 1)
            if at >= self.region.end:
                raise OutOfRegion
        raise NoModule

    def enter(self, slot: ModuleSlot, staged: StagedModule) -> bool:
        """List a module in the OTA region, which belongs into `slot`, for the next boot; whether there was a record free."""
        prefix = staged.module.prefix
        entry = CopyEntry(
            source=staged.address,
            destination=prefix.start_address,
            length=staged.module.size,
            function=prefix.function,
            flags=copy_flags(prefix.flags),
            source_external=self.region.external,
            destination_external=slot.external,
        )
        size = self._mcu.ENTRY_SIZE
        taken = {number for number, _ in self._entries()}
        free = next((number for number in range(_FIRST_RECORD, DctField.FLASH_MODULES.size // size) if number not in taken), None)
        if free is not None:
            self._board.settings.write(DctField.FLASH_MODULES.offset + free * size, self._mcu.encode_entry(entry))
        return free is not None

    def apply(self, *, unpacks: bool) -> None:
        """Copy what is listed. What is no intact module any more, or belongs nowhere, is struck off without being copied."""
        size = self._mcu.ENTRY_SIZE
        for number, entry in list(self._entries()):
            copy_module(self._board, entry, unpacks=unpacks)
            self._board.settings.write(DctField.FLASH_MODULES.offset + number * size, b"\xff" * size)

    def factory_image(self) -> Module | None:
        """The user part in the factory region, if the platform has that region and there is an intact one in it."""
        module = None if self._factory is None else self._module_at(self._factory, self._factory.start)
        intact = module is not None and module.prefix.function is ModuleFunction.USER_PART and module.crc_ok
        return module if intact else None

    def restore_factory_image(self) -> None:
        """Copy the factory user part into its slot, if there is one."""
        image = self.factory_image()
        if image is not None and self._factory is not None:
            copy(self._board.flash_named(external=False), *as_it_lies(image))

    def _module_at(self, region: Region, start: int) -> Module | None:
        return module_in_memory(self._board.flash_of(region).read, start, region.end, self._board.platform.id)

    def _entries(self) -> Iterator[tuple[int, CopyEntry]]:
        listed, size = self._board.settings.get(DctField.FLASH_MODULES), self._mcu.ENTRY_SIZE
        for number in range(DctField.FLASH_MODULES.size // size):
            entry = self._mcu.decode_entry(listed[number * size : (number + 1) * size])
            if entry is not None:
                yield number, entry
