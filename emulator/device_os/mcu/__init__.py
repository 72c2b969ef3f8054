"""What Device OS does differently on each microcontroller: one small module for each, found by the board's `McuFamily`."""

from __future__ import annotations

from typing import Protocol

from emulator.board.board import Board
from emulator.device_os.mcu import nrf52840, rtl872x, stm32f2
from emulator.device_os.mcu.copy_entry import CopyEntry, copy_flags
from particle_protocol.platforms import McuFamily, MemoryMap, OsVersion

__all__ = ["CopyEntry", "Mcu", "copy_flags", "mcu_of", "memory_at_boot"]


class Mcu(Protocol):
    """One microcontroller's ways, as a module of this package has them."""

    ENTRY_SIZE: int
    """Bytes of a record in the DCT's list of modules to copy."""

    def encode_entry(self, entry: CopyEntry) -> bytes:
        """A record of that list."""

    def decode_entry(self, record: bytes) -> CopyEntry | None:
        """Read a record; None when nothing is to be copied."""

    def memory_at_boot(self, board: Board, memory: MemoryMap, version: OsVersion | None) -> MemoryMap:
        """The memory map with what moves at boot in its place."""


_MCUS: dict[McuFamily, Mcu] = {McuFamily.STM32F2: stm32f2, McuFamily.NRF52840: nrf52840, McuFamily.RTL872X: rtl872x}


def mcu_of(board: Board) -> Mcu:
    """The ways of a board's microcontroller."""
    return _MCUS[board.platform.mcu]


def memory_at_boot(board: Board, version: OsVersion | None) -> MemoryMap:
    """The memory map that a boot of this Device OS version works with; the newest one when the version is not known."""
    return mcu_of(board).memory_at_boot(board, board.platform.memory(version), version)
