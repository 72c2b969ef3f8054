"""The modes of a board, reached in every way there is, and left again."""

from __future__ import annotations

import pytest

from harness.board import Board, By
from harness.cloud import WifiNetwork
from harness.errors import CapabilityMissing
from harness.modes import Capability, Mode, UsbState


@pytest.mark.start(mode=Mode.DFU)
def test_dfu_mode_is_left(board: Board) -> None:
    """DFU mode is left over USB, and Device OS runs again."""
    board.leave_dfu()
    assert board.usb.state() is UsbState.NORMAL


@pytest.mark.start(mode=Mode.LISTENING)
@pytest.mark.parametrize("by", [By.REQUEST, By.BUTTON, By.BAUDRATE])
def test_dfu_mode_is_entered(board: Board, by: By) -> None:
    """DFU mode is entered by USB request, by its buttons, and by opening the serial port at 14400 baud."""
    if by is By.BAUDRATE and board.platform.generation > 3:
        pytest.skip("this platform has no DFU mode by baud rate")
    board.enter_dfu(by)
    assert board.usb.state() is UsbState.DFU


@pytest.mark.start(mode=Mode.LISTENING)
@pytest.mark.parametrize("by", [By.REQUEST, By.BUTTON])
def test_reset(board: Board, by: By) -> None:
    """A reset is seen on the bus, and Device OS runs again."""
    before = board.usb.present()
    board.reset(by)
    assert board.usb.present() != before


@pytest.mark.start(mode=Mode.LISTENING)
def test_listening_mode_is_asked_for_twice(board: Board) -> None:
    """A board that listens already takes the request for it."""
    board.enter_listening()
    board.enter_listening()


@pytest.mark.parametrize("by", [By.REQUEST, By.BUTTON])
def test_listening_mode_is_entered_from_a_running_board(board: Board, network: WifiNetwork | None, by: By) -> None:
    """A running board enters listening mode by USB request, and when MODE is held."""
    if by is By.BUTTON:
        _ = board.buttons
    _run(board, network)
    board.enter_listening(by)
    board.wait_for(Mode.LISTENING)


@pytest.mark.start(mode=Mode.LISTENING)
def test_safe_mode_is_asked_for(board: Board, network: WifiNetwork | None) -> None:
    """Asked for safe mode, a board resets and runs Device OS without the application."""
    if Capability.LED not in board.capabilities:
        raise CapabilityMissing(Capability.LED, board=board.label, remedy="Without it nobody can tell safe mode from normal mode")
    _run(board, network)
    board.enter_safe_mode()
    board.wait_for(Mode.SAFE)


def _run(board: Board, network: WifiNetwork | None) -> None:
    """Have Device OS run and not listen: it needs a network to try."""
    if board.usb.state() is UsbState.DFU:
        board.leave_dfu()
    if board.mode() is Mode.LISTENING:
        board.network.join(network)
    board.wait_for(Mode.RUNNING)
