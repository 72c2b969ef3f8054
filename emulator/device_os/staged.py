"""Updates that wait in flash to be put in place: the OTA region, and the list in the DCT that the bootloader works off.

An update is received into the OTA region, checked there, and entered into the DCT's list of modules to copy. After a reset the bootloader
copies what is listed and strikes it off last, so a power cut at any moment only makes it copy again.
(Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c.)
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.board.board import Board
from emulator.board.flash import Flash
from emulator.device_os.mcu import CopyEntry, mcu_of
from emulator.hardware import EXTERNAL, INTERNAL
from firmware_images.fields import ModuleFunction
from firmware_images.locate import PREFIX_WINDOW
from firmware_images.module import Module, as_it_lies, module_in_memory
from particle_protocol.dct import DctField
from particle_protocol.platforms import MemoryMap, ModuleSlot, Region

_CHUNK = 4096


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
        _erase(flash, start + kept, size - kept)
        return kept

    def write(self, offset: int, data: bytes) -> None:
        """Put a piece of the update into the OTA region."""
        self._board.flash_of(self.region).program(self.region.start + offset, data)

    def read(self, size: int) -> bytes:
        """The first `size` bytes of the OTA region."""
        return self._board.flash_of(self.region).read(self.region.start, size)

    def module(self) -> Module | None:
        """The module in the OTA region, or None when there is none."""
        return self._module_in(self.region)

    def enter(self, slot: ModuleSlot, module: Module) -> None:
        """List the module in the OTA region, which belongs into `slot`, for the next boot."""
        entry = CopyEntry(
            source=self.region.start,
            destination=module.prefix.start_address,
            length=module.size,
            function=module.prefix.function,
            source_external=self.region.external,
            destination_external=slot.external,
        )
        self._board.settings.write(DctField.FLASH_MODULES.offset, self._mcu.encode_entry(entry))

    def apply(self) -> None:
        """Copy what is listed. What is no intact module any more, or belongs nowhere, is struck off without being copied."""
        size = self._mcu.ENTRY_SIZE
        for number, entry in list(self._entries()):
            source = self._flash(entry.source, PREFIX_WINDOW, external=entry.source_external)
            module = None if source is None else self._module_at(source, entry.source, source.end)
            if module is not None and module.crc_ok:
                _, content = as_it_lies(module)
                target = self._flash(entry.destination, len(content), external=entry.destination_external)
                if target is not None:
                    _write(target, entry.destination, content)
            self._board.settings.write(DctField.FLASH_MODULES.offset + number * size, b"\xff" * size)

    def factory_image(self) -> Module | None:
        """The user part in the factory region, if the platform has that region and there is an intact one in it."""
        module = None if self._factory is None else self._module_in(self._factory)
        intact = module is not None and module.prefix.function is ModuleFunction.USER_PART and module.crc_ok
        return module if intact else None

    def restore_factory_image(self) -> None:
        """Copy the factory user part into its slot, if there is one."""
        image = self.factory_image()
        if image is not None and self._factory is not None:
            _write(self._board.flash_named(external=False), *as_it_lies(image))

    def _flash(self, start: int, size: int, *, external: bool) -> Flash | None:
        """The flash that an entry means; None where there is no such place: whoever can write the DCT can list anything.

        Not that of a region: while a system part is being replaced, nobody can say what version's regions there are.
        """
        flash = self._board.flashes.get(EXTERNAL if external else INTERNAL)
        return flash if flash is not None and flash.start <= start and start + size <= flash.end else None

    def _module_in(self, region: Region) -> Module | None:
        return self._module_at(self._board.flash_of(region), region.start, region.end)

    def _module_at(self, flash: Flash, start: int, end: int) -> Module | None:
        return module_in_memory(flash.read, start, end, self._board.platform.id)

    def _entries(self) -> Iterator[tuple[int, CopyEntry]]:
        listed, size = self._board.settings.get(DctField.FLASH_MODULES), self._mcu.ENTRY_SIZE
        for number in range(DctField.FLASH_MODULES.size // size):
            entry = self._mcu.decode_entry(listed[number * size : (number + 1) * size])
            if entry is not None:
                yield number, entry


def _erase(flash: Flash, start: int, size: int) -> None:
    address = start
    while address < start + size:
        flash.erase(address)
        address = flash.sector_at(address).end


def _write(target: Flash, destination: int, content: memoryview) -> None:
    _erase(target, destination, len(content))
    for offset in range(0, len(content), _CHUNK):
        target.program(destination + offset, bytes(content[offset : offset + _CHUNK]))
