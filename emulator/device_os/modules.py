"""The modules in a board's flash, read once per boot and judged as the device judges them."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.board.board import Board
from firmware_images.device_rules import BOOT_CHECKS, Check, Validity, validate
from firmware_images.fields import ModuleFlag, ModuleFunction, Prefix
from firmware_images.module import Module, module_in_memory
from firmware_images.softdevice import read_softdevice
from firmware_images.stand_in import as_read_here
from particle_protocol.os_versions import main_system_part
from particle_protocol.platforms import MemoryMap, ModuleSlot, Platform


@dataclass(frozen=True, slots=True)
class InstalledModule:
    """A module as the device sees it in a slot."""

    slot: ModuleSlot
    prefix: Prefix
    validity: Validity
    sha256: bytes
    """Of its suffix; empty when there is none to read."""
    product: tuple[int, int] | None
    """Product id and version of its suffix, each 0xFFFF when not set; None when the suffix has no such fields."""

    @property
    def healthy(self) -> bool:
        """Whether every check passed."""
        return self.validity.ok

    @property
    def intact(self) -> bool:
        """Whether the bytes are those that were built, for this board."""
        return bool(self.validity.passed & Check.INTEGRITY) and bool(self.validity.passed & Check.PLATFORM)

    @property
    def size(self) -> int:
        """Size in bytes, CRC included."""
        return self.prefix.module_length + 4


class ModuleTable:
    """Every module of a board, by slot."""

    __slots__ = ("_board", "made_here", "memory", "modules")

    def __init__(self, board: Board, memory: MemoryMap) -> None:
        self._board = board
        self.memory = memory
        self.made_here = board.takes_stand_ins
        """Whether it is a board that stand-ins are built for."""
        found: list[tuple[ModuleSlot, Module]] = []
        for slot in memory.modules:
            bare = slot.external or slot.function is ModuleFunction.RADIO_STACK
            module = None if bare else module_in_slot(board, slot)
            if module is not None:
                found.append((slot, module))
        headless = [each for slot in memory.modules if (each := _headless(board, slot)) is not None]
        prefixes = [module.prefix for _, module in found if module.crc_ok] + [each.prefix for each in headless]
        judged = [judge(slot, module, board.platform, prefixes, made_here=self.made_here) for slot, module in found]
        self.modules = tuple(sorted((*judged, *headless), key=lambda each: memory.modules.index(each.slot)))

    def find(self, function: ModuleFunction, index: int) -> InstalledModule | None:
        """The module in that slot, or None when there is nothing that looks like one."""
        return next((each for each in self.modules if each.prefix.function == function and each.prefix.index == index), None)

    @property
    def system(self) -> InstalledModule | None:
        """The system part that user parts depend on, and whose version is the system's."""
        key = main_system_part(self._board.platform)
        return self.find(key.function, key.index)

    @property
    def user(self) -> InstalledModule | None:
        """The user part that runs: of several the intact one of the lowest index, which is the older place (`firmware_images.bounds`)."""
        found = [each for each in self.modules if each.prefix.function == ModuleFunction.USER_PART]
        return max(found, key=lambda each: (each.intact, -each.prefix.index), default=None)

    @property
    def prefixes(self) -> list[Prefix]:
        """The prefixes of the intact modules: what a new module's dependencies are held against."""
        return [each.prefix for each in self.modules if each.intact]

    def content(self, module: InstalledModule) -> bytes:
        """The bytes of a module, CRC included."""
        return self._board.flash_of(module.slot).read(module.prefix.start_address, module.size)


def module_in_slot(board: Board, slot: ModuleSlot) -> Module | None:
    """The module that begins where a slot begins, or None when there is none, or one for another slot."""
    if slot.size == 0:
        return None
    module = module_in_memory(board.flash_of(slot).read, slot.start, slot.end, board.platform.id)
    if module is None or (module.prefix.function, module.prefix.index) != (slot.function, slot.index):
        return None
    return module


def _headless(board: Board, slot: ModuleSlot) -> InstalledModule | None:
    """A module without prefix and suffix, which the device takes for healthy without a look.

    That is the radio stack, as it lies in flash, and the network processor's firmware, whose version that processor says.
    """
    end, version, unique = slot.end, board.ncp_version, b""
    if slot.function is ModuleFunction.RADIO_STACK:
        info = read_softdevice(board.flash_of(slot).read)
        if info is None:
            return None
        end, version, unique = min(info.size, slot.end), info.version, info.unique
    elif slot.function is not ModuleFunction.NCP:
        return None
    if version is None:
        return None
    prefix = Prefix(slot.start, end, 0, ModuleFlag(0), version, board.platform.id, slot.function, slot.index)
    return InstalledModule(slot, prefix, Validity(BOOT_CHECKS, BOOT_CHECKS), unique, None)


def judge(slot: ModuleSlot, module: Module, platform: Platform, prefixes: list[Prefix], *, made_here: bool) -> InstalledModule:
    """What the device makes of a module, given the prefixes of those that are installed."""
    validity = validate(module, platform.id, prefixes, checks=BOOT_CHECKS, made_here=made_here)
    suffix = module.suffix
    sha256, product = b"", None
    if suffix is not None:
        sha256 = suffix.sha256
        if suffix.product_id is not None and suffix.product_version is not None:
            product = (suffix.product_id, suffix.product_version)
    prefix = as_read_here(module.prefix) if made_here else module.prefix
    return InstalledModule(slot, prefix, validity, sha256, product)
