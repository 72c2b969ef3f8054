"""The sequence that every kind of board must pass; the benchmarks run it too."""

from __future__ import annotations

from pathlib import Path

from harness.board import Board
from harness.cloud import Account, WifiNetwork
from harness.modes import Capability, Mode, UsbState
from harness.provisioning import DeveloperClaim, Unclaim
from harness.releases import release_files, two_releases


def provision_and_release(board: Board, account: Account, wifi: WifiNetwork | None, application: bytes | Path) -> None:
    """Identify, DFU mode, Device OS up and down, application, network, claim, rename, set up, unclaim while offline, online again.

    Raises:
        AssertionError, HarnessError: the board did something else; tells what.
    """
    assert board.identify().device_id == board.device_id
    board.enter_dfu()
    assert board.identify().usb is UsbState.DFU

    older, newer = two_releases(board)
    for version in (older, newer, older):
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
