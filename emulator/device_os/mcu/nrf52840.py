"""Gen 3: the memory map stands still within a version, and a record of the copy list begins with its magic number.

Device OS 6.2.0, platform/MCU/nRF52840/inc/platform_flash_modules.h.
"""

from __future__ import annotations

import struct

from emulator.board.board import Board
from emulator.device_os.mcu.copy_entry import EXTERNAL, MAGIC, CopyEntry, device
from particle_protocol.platforms import MemoryMap, OsVersion

_ENTRY = struct.Struct("<HBBIIIBBH")
ENTRY_SIZE = _ENTRY.size


def encode_entry(entry: CopyEntry) -> bytes:
    """See `Mcu`."""
    source, destination = device(external=entry.source_external), device(external=entry.destination_external)
    return _ENTRY.pack(MAGIC, source, destination, entry.source, entry.destination, entry.length, entry.flags, entry.function, 0)


def decode_entry(record: bytes) -> CopyEntry | None:
    """See `Mcu`."""
    magic, source_device, destination_device, source, destination, length, flags, function, _ = _ENTRY.unpack(record)
    if magic != MAGIC:
        return None
    return CopyEntry(source, destination, length, function, flags, source_device == EXTERNAL, destination_device == EXTERNAL)


def memory_at_boot(board: Board, memory: MemoryMap, version: OsVersion | None) -> MemoryMap:
    """See `Mcu`: nothing moves."""
    del board, version
    return memory
