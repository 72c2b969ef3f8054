"""Gen 2: the memory map stands still, and a record of the copy list has its magic number behind the addresses.

Device OS 2.3.1, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c.
"""

from __future__ import annotations

import struct

from emulator.board.board import Board
from emulator.device_os.mcu.copy_entry import EXTERNAL, MAGIC, CopyEntry, device
from particle_protocol.platforms import MemoryMap, OsVersion

_ENTRY = struct.Struct("<BBHIIIHBB")
ENTRY_SIZE = _ENTRY.size


def encode_entry(entry: CopyEntry) -> bytes:
    """See `Mcu`."""
    source, destination = device(external=entry.source_external), device(external=entry.destination_external)
    return _ENTRY.pack(source, destination, 0, entry.source, entry.destination, entry.length, MAGIC, entry.function, entry.flags)


def decode_entry(record: bytes) -> CopyEntry | None:
    """See `Mcu`."""
    source_device, destination_device, _, source, destination, length, magic, function, flags = _ENTRY.unpack(record)
    if magic != MAGIC:
        return None
    return CopyEntry(source, destination, length, function, flags, source_device == EXTERNAL, destination_device == EXTERNAL)


def memory_at_boot(board: Board, memory: MemoryMap, version: OsVersion | None) -> MemoryMap:
    """See `Mcu`: nothing moves."""
    del board, version
    return memory
