"""Which Device OS version a board has, in whatever mode it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_images.fields import Prefix
from firmware_images.locate import locate_in_memory
from harness.hiding import hides
from harness.modes import Capability, UsbState
from harness.usb.dfu import read_memory
from particle_protocol.os_versions import main_system_part, os_version_name

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides


def installed_version(board: Board) -> str | None:
    """The Device OS version of a board in any mode; in DFU mode out of its flash, which is only read. None: nobody can tell.

    Raises:
        HarnessError: it does not answer.
    """
    if Capability.USB not in board.capabilities or board.usb.state() is not UsbState.DFU:
        return board.os_version() if Capability.USB in board.capabilities or board.account is not None else None
    key = main_system_part(board.platform)
    slot = board.platform.memory(None).slot(key.function, key.index)
    found = locate_in_memory(lambda address, length: read_memory(board.usb, address, length), slot.start, board.platform.id)
    return None if found is None else os_version_name(Prefix.of(found[1]).version)
