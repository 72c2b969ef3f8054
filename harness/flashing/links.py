"""Going on after a broken link: a board that goes away in the middle of something is waited for, and then that is asked for again.

Not for ever: `TRIES` times, and each time the board has `PATIENCE` seconds to come back. What a board refuses is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from harness.errors import BoardNotAvailable, HarnessError, LinkBroken, NotReached, Unavailable, hides
from harness.modes import UsbState

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

T = TypeVar("T")

TRIES = 5
"""How often something is asked for in all. Chosen."""

PATIENCE = 60.0
"""Seconds in which somebody finds the cable and puts it in again. Chosen."""

REST = 0.5
"""Seconds before the bus is looked at again: an operating system takes a moment to notice that a board has left."""

_WENT_AWAY = (Unavailable.UNPLUGGED, Unavailable.NOT_FOUND)


def is_broken(board: Board, error: HarnessError) -> bool:
    """Whether the link to a board has broken, as opposed to a board that refuses, or is there and does something else."""
    if isinstance(error, NotReached):
        return board.usb.entry() is None
    return isinstance(error, LinkBroken) or (isinstance(error, BoardNotAvailable) and error.reason in _WENT_AWAY)


def persist(board: Board, doing: str, attempt: Callable[[], T], *, back: Callable[[], object]) -> T:
    """Do something, and again after the link to the board has broken; gives its result.

    Args:
        board: the board.
        doing: what is done, for the journal.
        attempt: does it, or goes on with it.
        back: brings the board into the mode in which it can be done, once it is there again.

    Raises:
        HarnessError: what `attempt` raised and is no broken link; else the last broken link, after `TRIES` of them, or when the board did
            not come back within `PATIENCE` seconds.
    """
    broken: HarnessError | None = None
    for _ in range(TRIES):
        if broken is not None:
            _wait_for(board, doing, broken)
        try:
            if broken is not None:
                back()
            return attempt()
        except HarnessError as error:
            if not is_broken(board, error):
                raise
            broken = error
            board.journal.saw(f"the link broke while {doing}: {error.what}")
    assert broken is not None
    broken.remedy = f"The link broke {TRIES} times: check the cable and the hub, and flash it again"
    raise broken


def _wait_for(board: Board, doing: str, broken: HarnessError) -> None:
    """Let time pass until the board is on USB again."""
    board.journal.progress("waiting for it to come back: plug it in again", None)
    board.host.clock.sleep(REST)
    try:
        entry = board.usb.wait_for(lambda entry: entry, timeout=PATIENCE, awaited="it to come back on USB")
    except NotReached as waited:
        broken.seen = f"{broken.seen}, and then {waited.seen} for {PATIENCE:g} s" if broken.seen else waited.seen
        broken.remedy = "Plug it in again, and flash it once more: what was under way is not done"
        raise broken from waited
    board.journal.saw(f"it is back: {entry.state} ({entry}); goes on with {doing}")


def back_in_dfu(board: Board) -> None:
    """Bring a board that is back into DFU mode: one that kept its power is still there, one that lost it runs what it has."""
    if board.usb.state() is not UsbState.DFU:
        board.enter_dfu()


def back_running(board: Board) -> None:
    """Have a board that is back run Device OS."""
    if board.usb.state() is UsbState.DFU:
        board.leave_dfu()
