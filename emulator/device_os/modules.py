"""The modules in a board's flash, read once per boot and judged as the device judges them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emulator.board.flash import Flash
from firmware_images.device_rules import BOOT_CHECKS, Check, Validity, validate
from firmware_images.fields import ModuleFunction, Prefix
from firmware_images.module import Module, module_in_memory
from firmware_images.stand_in import as_read_here
from particle_protocol.os_versions import OS_VERSIONS, os_version_name
from particle_protocol.platforms import MemoryMap, ModuleSlot, Platform, parse_os_version

_VERSION_TEXT = re.compile(rb"(?<![\w.])(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\0")


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

    __slots__ = ("_flash", "made_here", "modules")

    def __init__(self, flash: Flash, platform: Platform, memory: MemoryMap, *, made_here: bool = False) -> None:
        self._flash = flash
        self.made_here = made_here
        """Whether it is a board that stand-ins are built for."""
        found: list[tuple[ModuleSlot, Module]] = []
        for slot in memory.modules:
            module = None if slot.external else module_in_slot(flash, slot, platform)
            if module is not None:
                found.append((slot, module))
        prefixes = [module.prefix for _, module in found if module.crc_ok]
        self.modules = tuple(judge(slot, module, platform, prefixes, made_here=made_here) for slot, module in found)

    def find(self, function: ModuleFunction, index: int) -> InstalledModule | None:
        """The module in that slot, or None when there is nothing that looks like one."""
        return next((each for each in self.modules if each.prefix.function == function and each.prefix.index == index), None)

    @property
    def prefixes(self) -> list[Prefix]:
        """The prefixes of the intact modules: what a new module's dependencies are held against."""
        return [each.prefix for each in self.modules if each.intact]

    def content(self, module: InstalledModule) -> bytes:
        """The bytes of a module, CRC included."""
        return self._flash.read(module.prefix.start_address, module.size)


def module_in_slot(flash: Flash, slot: ModuleSlot, platform: Platform) -> Module | None:
    """The module that begins where a slot begins, or None when there is none, or one for another slot."""
    module = module_in_memory(flash.read, slot.start, slot.end, platform.id)
    if module is None or (module.prefix.function, module.prefix.index) != (slot.function, slot.index):
        return None
    return module


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


@lru_cache(maxsize=32)
def version_text(number: int, system_part: bytes) -> str:
    """The Device OS version of a system part with that version number, such as `2.3.1`.

    A finished release is known by its number. A real system part of another one holds its version as a terminated string; of several
    candidates the first one counts that lies between the finished releases around the number. Without any it is the release before it.
    """
    name = os_version_name(number)
    if name is not None:
        return name
    before = max((each for each in OS_VERSIONS if each < number), default=min(OS_VERSIONS))
    after = min((each for each in OS_VERSIONS if each > number), default=None)
    lowest, highest = parse_os_version(OS_VERSIONS[before]), parse_os_version(OS_VERSIONS[after]) if after is not None else (99, 0, 0)
    for match in _VERSION_TEXT.finditer(system_part):
        text = match.group(1).decode()
        if lowest <= parse_os_version(text) <= highest:
            return text
    return OS_VERSIONS[before]
