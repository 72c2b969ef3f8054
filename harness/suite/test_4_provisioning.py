"""The main job: a board out of its box, all the way to a claimed device and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.board import Board
from harness.cloud import Account, WifiNetwork
from harness.modes import Mode
from harness.suite.sequence import provision_and_release


def test_the_whole_sequence(board: Board, account: Account, wifi: WifiNetwork, application: bytes | Path) -> None:
    """Identified, updated up and down, flashed, given Wi-Fi, online, claimed, named, set up, unclaimed while offline, online again."""
    provision_and_release(board, account, wifi, application)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_functions_and_variables(board: Board, account: Account) -> None:
    """A claimed board is online, answers the cloud, and its application's functions can be called."""
    device = account.device(board.device_id)
    assert device.online
    assert account.ping(board.device_id)
    if "digitalread" not in device.functions:
        pytest.skip(f"its application is not Tinker; it has the functions {', '.join(device.functions) or 'none'}")
    assert account.call(board.device_id, "digitalread", "D0") in (0, 1)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_status_events(board: Board, account: Account) -> None:
    """The cloud tells by events that a board comes online."""
    with account.events("spark/status") as events:
        board.reset()
        events.wait_for("spark/status", timeout=120, where=lambda event: event.device_id == board.device_id and event.data == "online")
