"""Which Device OS is installed, found before anything is known of it, and the memory map that goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from emulator.board.board import Board
from emulator.device_os.mcu import memory_at_boot
from emulator.device_os.modules import ModuleTable, module_in_slot
from firmware_images.fields import ModuleFunction
from particle_protocol.os_versions import OS_VERSIONS, known_releases, main_system_part, os_version_name
from particle_protocol.platforms import MemoryMap, ModuleSlot, Platform, parse_os_version

_VERSION_TEXT = re.compile(rb"(?<![\w.])(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\0")
NO_VERSION = "0.0.0"
"""What a board without a system part would say."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a boot finds in the board's flash."""

    version: str
    """The Device OS version as text, such as `2.3.1`."""
    modules: ModuleTable
    """The modules in the slots of that version's memory map."""


def installed(board: Board) -> Installed:
    """Look through the flash: first for the system part, which says what the memory map is, then through the slots of that map."""
    version = installed_version(board)
    return Installed(NO_VERSION if version is None else version, ModuleTable(board, memory_of(board, version)))


def memory_of(board: Board, version: str | None) -> MemoryMap:
    """The memory map that a boot of this Device OS version works with, the newest one without a version."""
    return memory_at_boot(board, None if version is None else parse_os_version(version))


def installed_version(board: Board) -> str | None:
    """The Device OS version that the system part in flash is of, or None when there is none.

    The bootloader looks first where the system part is in releases of its own time. The places of all other versions are tried after
    that: an update from one to another may have brought the system part only. Of several the first intact one counts, for they overlap.
    """
    found = [
        module for slot in _system_slots(board.platform, bootloader_version(board)) if (module := module_in_slot(board, slot)) is not None
    ]
    module = next((each for each in found if each.crc_ok), found[0] if found else None)
    return None if module is None else version_text(module.prefix.version, bytes(module.content))


def bootloader_version(board: Board) -> int | None:
    """The version of the bootloader that runs, or None where it is damaged."""
    slot = board.platform.memory().slot(ModuleFunction.BOOTLOADER, 0)
    module = module_in_slot(board, slot)
    return None if module is None else module.prefix.version


@cache
def _system_slots(platform: Platform, bootloader: int | None) -> tuple[ModuleSlot, ...]:
    key = main_system_part(platform)
    of_its_time = [each.numbers for each in known_releases(platform) if bootloader is not None and (each.bootloader or 0) <= bootloader]
    memories = [platform.memory(version) for version in of_its_time[-1:]] + list(platform.memories())
    return tuple(dict.fromkeys(slot for memory in memories for slot in memory.modules if slot.key == key))


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
