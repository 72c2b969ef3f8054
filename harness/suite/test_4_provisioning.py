"""The main job: a board out of its box, all the way to a claimed device and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.board import Board
from harness.cloud import Account, WifiNetwork
from harness.modes import Capability, Mode, UsbState
from harness.provisioning import DeveloperClaim, Unclaim
from harness.releases import release_files
from harness.suite.conftest import NEWER, OLDER


def test_the_whole_sequence(board: Board, account: Account, wifi: WifiNetwork, application: bytes | Path) -> None:
    """Identified, updated up and down, flashed, given Wi-Fi, online, claimed, named, set up, unclaimed while offline, online again."""
    provision_and_release(board, account, wifi, application)


def provision_and_release(board: Board, account: Account, wifi: WifiNetwork, application: bytes | Path) -> None:
    """The sequence itself, which the benchmarks run too."""
    assert board.identify().device_id == board.device_id
    board.enter_dfu()
    assert board.identify().usb is UsbState.DFU

    for version in (OLDER, NEWER, OLDER):
        board.update_device_os(release_files(board, version))
        assert board.os_version() == version

    name = f"hil-{board.device_id[-6:]}"
    verdict = DeveloperClaim(board, account, wifi, images=[application], name=name).run()
    verdict.raise_if_failed()
    if Capability.LED in board.capabilities:
        shown = board.led_since_epoch()
        assert shown[-1] == "breathing cyan", shown
        assert any("green" in each for each in shown), f"the LED never told of the network: {shown}"
    mine = account.device(board.device_id)
    assert (mine.owner, mine.online, mine.name) == (account.username, True, name)

    board.setup_done()
    assert board.mode() in (Mode.ONLINE, Mode.RUNNING), "marking it as set up must not disturb a board"

    board.enter_dfu()
    Unclaim(board, account).run().raise_if_failed()
    assert account.find(board.device_id) is None

    board.leave_dfu()
    board.wait_for(Mode.ONLINE)


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
