"""The Realtek boards: one flash, in which the user part grows downwards from a fixed end and the OTA region fills what it leaves.

At boot the suffix before the user part's fixed end is looked at: an extension of type *dynamic location* says where the module starts. The
OTA region starts behind the assets (5.5.0 on) or behind the installed system part (before), and ends where the user part starts. (Device OS
6.2.0, hal/src/rtl872x/core_hal.c:337-391; v5.4.1, the same file, :343-375.) Records of the copy list are those of the nRF52840
(platform/MCU/rtl872x/inc/platform_flash_modules.h).
"""

from __future__ import annotations

from dataclasses import replace

from emulator.board.board import Board
from emulator.device_os.mcu.nrf52840 import ENTRY_SIZE, decode_entry, encode_entry
from firmware_images.extension_contents import DynamicLocation
from firmware_images.extensions import ExtensionType, read_extensions
from firmware_images.fields import BASE_SUFFIX, CRC_SIZE
from firmware_images.module import module_in_memory
from particle_protocol.os_versions import main_system_part
from particle_protocol.platforms import MemoryMap, ModuleSlot, OsVersion, Region

__all__ = ["ENTRY_SIZE", "decode_entry", "encode_entry", "memory_at_boot"]

_ASSETS_SINCE: OsVersion = (5, 5, 0)
_BLOCK = 0x1000
_LARGEST_SUFFIX = 0x1000
"""Bytes. Chosen: no suffix is anywhere near it, and what is not a suffix should not be walked through."""


def memory_at_boot(board: Board, memory: MemoryMap, version: OsVersion | None) -> MemoryMap:
    """See `Mcu`: the user part and the OTA region where this boot has them."""
    user = next(slot for slot in memory.modules if slot.fixed_end)
    said = _user_start(board, user)
    start = said if said is not None and user.start <= said < user.end else user.end
    moved = replace(user, start=start, size=user.end - start)
    ota = memory.region("ota")
    first = _ota_start(board, memory, version)
    end = start // _BLOCK * _BLOCK
    return MemoryMap(
        modules=tuple(moved if slot is user else slot for slot in memory.modules),
        regions=tuple(Region(ota.name, first, max(0, end - first)) if region is ota else region for region in memory.regions),
    )


def _user_start(board: Board, user: ModuleSlot) -> int | None:
    """Where the user part says that it starts; None when there is no suffix, or none that says so."""
    flash = board.flash_of(user)
    end = user.end - CRC_SIZE
    _, _, size = BASE_SUFFIX.unpack(flash.read(end - BASE_SUFFIX.size, BASE_SUFFIX.size))
    if not BASE_SUFFIX.size < size <= _LARGEST_SUFFIX:
        return None
    found = read_extensions(memoryview(flash.read(end - size, size - BASE_SUFFIX.size)), 0, size - BASE_SUFFIX.size)
    record = found.find(ExtensionType.DYNAMIC_LOCATION)
    try:
        return None if record is None else DynamicLocation.decode(record.payload).module_start_address
    except ValueError:
        return None


def _ota_start(board: Board, memory: MemoryMap, version: OsVersion | None) -> int:
    if version is None or version >= _ASSETS_SINCE:
        return memory.region("assets").end
    key = main_system_part(board.platform)
    slot = memory.slot(key.function, key.index)
    module = module_in_memory(board.flash_of(slot).read, slot.start, slot.end, board.platform.id)
    end = slot.start if module is None else min(slot.start + module.size, slot.end)
    return -(-end // _BLOCK) * _BLOCK
