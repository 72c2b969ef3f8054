"""What a boot is to be: the start-up mode in the DCT's system flags, and whether the board listens by itself."""

from __future__ import annotations

from emulator.board.board import Board
from emulator.device_os.interfaces import Interfaces
from emulator.device_os.wifi import Wifi
from particle_protocol.dct import DctField, SystemFlag
from particle_protocol.platforms import OsVersion

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


_NO_SETUP_MARK: OsVersion = (4, 0, 0)
SETUP_DONE, SETUP_NOT_DONE = b"\x01", b"\xff"
_SETUP_MISSING = (b"\x00", SETUP_NOT_DONE)


def setup_is_done(board: Board) -> bool:
    """Whether a Gen 3 board is marked as set up."""
    return board.settings.get(DctField.SETUP_DONE) not in _SETUP_MISSING


def must_listen(board: Board, version: OsVersion, interfaces: Interfaces, *, first: bool) -> bool:
    """Whether a board enters listening mode instead of connecting. `first`: it is about to connect for the first time since it booted.

    Gen 2: when it has nothing to connect with (Device OS 2.3.1, system/src/system_network_wifi.h:175, system_network_cellular.h:150-161).
    Later boards before 4.0.0: at the first time, until the set-up is marked as done; who takes them out of listening mode has them connect
    without the mark, until they boot again (3.3.1, system/src/system_network_manager_api.cpp:89-110,165). All later boards: those with
    nothing but Wi-Fi and no network stored (6.2.0, the same file, :91-104).
    """
    if board.platform.generation <= 2:
        return not interfaces.has_credentials
    if first and version < _NO_SETUP_MARK and not setup_is_done(board):
        return True
    return all(isinstance(each, Wifi) for each in interfaces.all) and not interfaces.has_credentials
