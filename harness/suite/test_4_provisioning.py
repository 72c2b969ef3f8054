"""The main job: a board out of its box, all the way to a claimed device and back."""

from __future__ import annotations

from pathlib import Path

from harness.board import Board
from harness.cloud import Account, WifiNetwork
from harness.suite.sequence import provision_and_release


def test_the_whole_sequence(board: Board, account: Account, network: WifiNetwork | None, application: bytes | Path) -> None:
    """Identified, updated up and down, flashed, given its network, online, claimed, named, set up, unclaimed offline, online again."""
    provision_and_release(board, account, network, application)
