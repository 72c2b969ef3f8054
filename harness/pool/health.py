"""Whether a board is fit to be given to a test: it enumerates, once; it answers; what it is made of is whole; and what Device OS it has.

A board in DFU mode is taken out of it: whether Device OS still starts is seen in no other way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import BoardNotAvailable, HarnessError, RequestRefused, Unavailable
from harness.hiding import hides
from harness.modes import Capability, UsbState
from harness.usb.dfu import leave
from harness.usb.entry import is_particle_board
from harness.witness import Boot

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

_CHECK = "Check its power and its cable"

RETURN = 15.0
"""Seconds in which a board that was just reset is back on the bus: three times what a Photon takes."""


def check_health(board: Board) -> None:
    """Make sure that a board is fit. One that is on no USB is asked nothing: nobody but the cloud sees it.

    Raises:
        HarnessError: it is not; tells what is wrong, in words that begin a sentence.
    """
    if Capability.USB not in board.capabilities:
        return
    if board.usb.entry() is None:
        _wait_for_return(board)
    _must_list_once(board)
    if board.usb.state() is UsbState.DFU:
        _leave_dfu(board)
    if not board.platform.control_requests:
        return
    board.journal.did("asked the board whether it is well")
    board.requests.system_version()
    try:
        modules = board.requests.modules()
    except RequestRefused:
        return  # a version that does not tell
    for module in modules:
        if not module.intact or not module.dependencies_met:
            raise HarnessError(
                "what it is made of is not whole", board=board.label, seen=str(module), remedy="Flash the module that it lacks"
            )


def _must_list_once(board: Board) -> None:
    ports = [entry.port for entry in board.host.usb_entries(is_particle_board) if entry.serial == board.device_id]
    if len(ports) > 1:
        seen = f"this serial number at the ports {', '.join(ports)}"
        raise BoardNotAvailable(Unavailable.AMBIGUOUS, board=board.label, seen=seen, remedy="Unplug the others")


def _wait_for_return(board: Board) -> None:
    try:
        board.usb.wait_for(lambda entry: entry, timeout=RETURN, awaited="it to be back on USB", remedy=_CHECK)
    except HarnessError as error:
        raise BoardNotAvailable(Unavailable.UNPLUGGED, board=board.label, seen=board.usb.describe(), remedy=_CHECK) from error


def _leave_dfu(board: Board) -> None:
    """Leave DFU mode; a board that comes back in it is stuck there, and nobody waits for it to change its mind."""
    before = board.usb.present()
    board.journal.did("left DFU mode, to see whether Device OS starts")
    leave(board.usb)
    board.begin_epoch("leaving DFU mode was asked for", ends=before, boot=Boot.NORMAL)
    after = board.usb.wait_for(
        lambda entry: entry if entry != before else None, timeout=RETURN, awaited="it to be back on USB from DFU mode", remedy=_CHECK
    )
    if after.state is UsbState.DFU:
        remedy = "It has no Device OS that starts: flash a release"
        raise HarnessError("it is stuck in DFU mode", board=board.label, seen=f"left DFU mode, and was back in it ({after})", remedy=remedy)
