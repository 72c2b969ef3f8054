"""The modules in a board's flash, found and judged as the device does it.

The prefix is found by what stands at the start of the slot (Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/
flash_mal.c:675-697); integrity, platform, range and dependencies are judged as in hal/src/stm32/ota_module.cpp:65-96.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from emulator.board.flash import Flash
from firmware_images.fields import Dependency, ModuleFunction, Prefix
from particle_protocol.describe import Validity
from particle_protocol.platforms import MemoryMap, ModuleSlot, Platform

_VECTOR_TABLE = 0x184
_STACK_MASK = 0x2FF10000
_STACK_VALUE = 0x20000000
CHECKED = Validity.INTEGRITY | Validity.DEPENDENCIES | Validity.RANGE | Validity.PLATFORM


@dataclass(frozen=True, slots=True)
class InstalledModule:
    """A module as the device sees it in a slot. `passed` holds the checks it passed, of those in `CHECKED`."""

    slot: ModuleSlot
    prefix: Prefix
    passed: Validity
    sha256: bytes

    @property
    def healthy(self) -> bool:
        """Whether every check passed."""
        return self.passed == CHECKED

    @property
    def intact(self) -> bool:
        """Whether the bytes are those that were built."""
        return bool(self.passed & Validity.INTEGRITY)

    @property
    def size(self) -> int:
        """Size in bytes, CRC included."""
        return self.prefix.module_end_address - self.prefix.module_start_address + 4


class ModuleTable:
    """Every module of a board, read once per boot."""

    __slots__ = ("_by_key", "_flash", "_platform", "modules")

    def __init__(self, flash: Flash, platform: Platform, memory: MemoryMap) -> None:
        self._flash = flash
        self._platform = platform
        found = [module for slot in memory.modules if (module := self._read(slot)) is not None]
        self._by_key = {(module.prefix.module_function, module.prefix.module_index): module for module in found}
        self.modules = tuple(self._judge(module) for module in found)
        self._by_key = {(module.prefix.module_function, module.prefix.module_index): module for module in self.modules}

    def find(self, function: ModuleFunction, index: int) -> InstalledModule | None:
        """The module in that slot, or None when there is nothing that looks like one."""
        return self._by_key.get((function, index))

    def content(self, module: InstalledModule) -> bytes:
        """The bytes of a module, CRC included."""
        return self._flash.read(module.prefix.module_start_address, module.size)

    def meets(self, dependency: Dependency) -> bool:
        """Whether what is installed satisfies a dependency. Only the module itself counts, not what it depends on in turn."""
        if dependency.function == ModuleFunction.NONE:
            return True
        there = self._by_key.get((dependency.function, dependency.index))
        return there is not None and there.prefix.module_version >= dependency.version

    def _read(self, slot: ModuleSlot) -> InstalledModule | None:
        if slot.external:
            return None
        prefix = read_prefix(self._flash.read, slot.start)
        if prefix is None or (prefix.module_function, prefix.module_index) != (slot.function, slot.index):
            return None
        start, end = prefix.module_start_address, prefix.module_end_address
        passed = Validity(0)
        sha256 = b""
        if slot.start <= end <= slot.end and start == slot.start and end - start > 24:
            passed |= Validity.RANGE
            content = self._flash.read(start, end - start + 4)
            sha256 = content[-42:-10]
            if _crc_ok(content):
                passed |= Validity.INTEGRITY
        if prefix.platform_id == self._platform.id:
            passed |= Validity.PLATFORM
        return InstalledModule(slot, prefix, passed, sha256)

    def _judge(self, module: InstalledModule) -> InstalledModule:
        """Add the judgement of its dependencies. When the first is empty the second is not looked at, as on the device."""
        first, second = module.prefix.dependency, module.prefix.dependency2
        met = first.function == ModuleFunction.NONE or (self.meets(first) and self.meets(second))
        if not met:
            return module
        return InstalledModule(module.slot, module.prefix, module.passed | Validity.DEPENDENCIES, module.sha256)


def read_prefix(read: Callable[[int, int], bytes], start: int) -> Prefix | None:
    """The prefix of the module that begins at `start`, behind a vector table if one stands there; None when nothing like one is there."""
    first_word = int.from_bytes(read(start, 4), "little")
    offset = _VECTOR_TABLE if first_word & _STACK_MASK == _STACK_VALUE else 0
    prefix = Prefix.decode(read(start + offset, 24))
    if prefix.module_end_address <= prefix.module_start_address or not prefix.module_function.known:
        return None
    return prefix


def unmet(modules: ModuleTable, wanted: Iterable[Dependency]) -> list[Dependency]:
    """Those of the dependencies that what is installed does not satisfy."""
    return [each for each in wanted if not modules.meets(each)]


@lru_cache(maxsize=64)
def _crc_ok(content: bytes) -> bool:
    return zlib.crc32(content[:-4]) == int.from_bytes(content[-4:], "big")


@lru_cache(maxsize=64)
def version_text(system_part: bytes) -> str:
    """The Device OS version that a system part carries as text, such as `2.3.1`.

    Real system parts hold it as a terminated string; of several candidates the one that agrees with the module's version number counts.
    """
    prefix = read_prefix(lambda address, length: system_part[address : address + length], 0)
    number = prefix.module_version if prefix is not None else 0
    wanted = f"{number // 1000}.{number % 1000 // 100}."
    for match in re.finditer(rb"(?<![\w.])(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\0", system_part):
        text = match.group(1).decode()
        if text.startswith(wanted):
            return text
    return f"{wanted}0"
