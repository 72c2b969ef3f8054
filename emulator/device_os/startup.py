"""The start-up mode in the DCT's system flags: what the next boot is to be."""

from __future__ import annotations

from emulator.board.board import Board
from particle_protocol.dct import SystemFlag

STARTUP_SAFE = 1
"""Safe mode. Set by the bootloader, and cleared when it runs the next time (Device OS 2.3.1, bootloader/src/main.c:181)."""
STARTUP_LISTEN = 2
"""Listening mode. The console's `L` and control request 75 ask for it; which bit real firmware takes is not known, nor can be seen."""


def startup_mode(board: Board, *, set_bits: int = 0, clear_bits: int = 0) -> int:
    """Change bits of the start-up mode; gives what it was before."""
    flag = SystemFlag.STARTUP_MODE
    stored = board.settings.flag(flag)
    before = 0 if stored == 0xFF else stored
    after = before & ~clear_bits | set_bits
    if after != before:
        board.settings.put_flag(flag, after)
    return before
