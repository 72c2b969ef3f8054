"""Bringing a board from one mode to another: by USB request, by its buttons, by its serial port, by its power.

Every change begins a new epoch and ends when a witness of the board saw it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.errors import CapabilityMissing, hides
from harness.modes import Capability, Mode, UsbState, no_such
from harness.usb.dfu import leave
from harness.witness import Boot
from particle_protocol.platforms import ButtonTimes

if TYPE_CHECKING:
    from harness.board import Board
    from harness.usb.entry import UsbEntry

__tracebackhide__ = hides

HOLD_LONGER = 1.0
"""Seconds to hold MODE longer than the table of platforms says, where no LED tells when to let go: boards count from a moment later."""

ASK_AGAIN = 2
"""How often DFU mode is asked for anew when a board restarts into normal mode: it was about to do so when it was asked."""

DFU_BAUDRATE = 14400
"""A line coding of this speed makes Device OS reset into DFU mode (Device OS 2.3.1, system/src/system_update.cpp:253)."""


class By(enum.StrEnum):
    """How to bring a board into a mode."""

    REQUEST = "request"
    """A USB control request."""
    BUTTON = "button"
    BAUDRATE = "baudrate"
    """Opening the serial port at the speed that means DFU mode."""
    POWER = "power"
    """Taking its power away, and giving it back."""

    @classmethod
    def _missing_(cls, value: object) -> By:
        raise no_such("way to bring a board into a mode:", value, cls)


def enter_listening(board: Board, by: By | str | None) -> None:
    """See `Board.enter_listening`."""
    way = _way(board, by, "listening mode", (By.REQUEST, By.BUTTON))
    if way is By.REQUEST:
        board.journal.did("asked for listening mode (control request 70)")
        board.requests.start_listening()
    else:
        times = _hold_times(board)
        with _holding_mode(board):
            board.journal.did("held MODE for listening mode")
            _until_led(board, "blinking dark blue", times.listen + HOLD_LONGER)
    board.begin_epoch("listening mode was asked for")
    board.wait_for(Mode.LISTENING)


def leave_listening(board: Board) -> None:
    """See `Board.leave_listening`."""
    board.journal.did("asked to leave listening mode (control request 71)")
    board.requests.stop_listening()
    board.begin_epoch("leaving listening mode was asked for")
    board.wait_for(Mode.RUNNING)


def enter_dfu(board: Board, by: By | str | None) -> None:
    """See `Board.enter_dfu`."""
    way = _way(board, by, "DFU mode", (By.REQUEST, By.BUTTON, By.BAUDRATE))
    for _ in range(ASK_AGAIN if way is not By.BUTTON else 0):
        _ask_for_dfu(board, way)
        if board.wait_for(Mode.DFU, unless=lambda seen: seen.usb is UsbState.NORMAL and not seen.stale).usb is UsbState.DFU:
            return
        board.journal.saw("it restarted of its own accord first, as at the end of an update, and the request was lost")
    _ask_for_dfu(board, way)
    board.wait_for(Mode.DFU)


def _ask_for_dfu(board: Board, way: By) -> None:
    """Do what brings a board into DFU mode."""
    before = _enumeration(board)
    if way is By.BUTTON:
        times = _hold_times(board)
        with _holding_mode(board):
            board.journal.did("held MODE while resetting, until the LED blinked yellow")
            _press_reset(board)
            _until_led(board, "blinking yellow", times.bootloader.dfu + HOLD_LONGER)
    elif way is By.BAUDRATE:
        board.journal.did(f"opened the serial port at {DFU_BAUDRATE} baud")
        board.console.touch(DFU_BAUDRATE)
    else:
        board.journal.did("asked for DFU mode (control request 50)")
        board.requests.enter_dfu()
    board.begin_epoch("DFU mode was asked for", ends=before, boot=Boot.NORMAL)


def leave_dfu(board: Board) -> None:
    """See `Board.leave_dfu`."""
    before = board.usb.present()
    board.journal.did("left DFU mode")
    leave(board.usb)
    board.begin_epoch("leaving DFU mode was asked for", ends=before, boot=Boot.NORMAL)
    board.wait_for_usb(UsbState.NORMAL)


def reset(board: Board, by: By | str | None) -> None:
    """See `Board.reset`."""
    way = _way(board, by, "a reset", (By.REQUEST, By.BUTTON, By.POWER))
    before, session = _enumeration(board), board.cloud_session()
    if way is By.BUTTON:
        _press_reset(board)
        board.journal.did("pressed RESET")
    elif way is By.POWER:
        board.power.off()
        board.journal.did("took its power away, and gave it back")
        board.power.on()
    else:
        board.journal.did("asked for a reset (control request 40)")
        board.requests.reset()
    board.begin_epoch("a reset was asked for", ends=before, ends_session=session, boot=Boot.NORMAL)
    if Capability.USB in board.capabilities:
        board.wait_for_usb(UsbState.NORMAL)
    elif session is not None:
        board.wait_for(Mode.ONLINE)


def enter_safe_mode(board: Board) -> None:
    """See `Board.enter_safe_mode`."""
    before = board.usb.entry()
    board.journal.did("asked for safe mode (control request 60)")
    board.requests.enter_safe_mode()
    board.begin_epoch("safe mode was asked for", ends=before, boot=Boot.SAFE)
    board.wait_for_usb(UsbState.NORMAL)


_NEEDS = {By.REQUEST: Capability.USB, By.BUTTON: Capability.BUTTONS, By.BAUDRATE: Capability.SERIAL, By.POWER: Capability.POWER}


def _way(board: Board, by: By | str | None, what: str, ways: Iterable[By]) -> By:
    """The way that was asked for; unless one was, the first that the board has.

    Raises:
        ValueError: nothing comes about in the way that was asked for.
        CapabilityMissing: it has none of them.
    """
    ways = tuple(ways)
    if by is not None:
        chosen = By(by)
        if chosen not in ways:
            raise no_such(f"way to {what}:", str(chosen), ways)
        return chosen
    found = next((way for way in ways if _NEEDS[way] in board.capabilities), None)
    if found is None:
        raise CapabilityMissing(Capability.USB, board=board.label, remedy=f"There are these ways to {what}: {', '.join(ways)}")
    return found


def _enumeration(board: Board) -> UsbEntry | None:
    return board.usb.entry() if Capability.USB in board.capabilities else None


def _hold_times(board: Board) -> ButtonTimes:
    times = board.platform.buttons
    if times is None:
        remedy = f"How long MODE is held on a {board.platform.display_name} is not known; ask by USB request instead"
        raise CapabilityMissing(Capability.BUTTONS, board=board.label, remedy=remedy)
    return times


@contextmanager
def _holding_mode(board: Board) -> Iterator[None]:
    board.buttons.press_mode()
    try:
        yield
    finally:
        board.buttons.release_mode()


def _press_reset(board: Board) -> None:
    board.buttons.press_reset()
    board.host.clock.sleep(0.1)
    board.buttons.release_reset()


def _until_led(board: Board, pattern: str, seconds: float) -> None:
    """Let time pass until the LED shows `pattern`, or just long enough where no LED can be seen."""
    if Capability.LED not in board.capabilities:
        board.host.clock.sleep(seconds)
        return
    led = board.led
    board.until(
        lambda: led.describe() == pattern,
        timeout=seconds * 3,
        awaited=f"the LED {pattern} while MODE is held",
        seen=lambda: f"LED {led.describe()}",
    )
