"""The modules of a Device OS version, for a board: real ones for real boards, what the board's kind offers otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ImageRefused, Refusal
from harness.firmware_store import FirmwareUnavailable, release, tinker

if TYPE_CHECKING:
    from harness.board import Board


def release_files(board: Board, version: str) -> Sequence[bytes | Path]:
    """The modules of Device OS `version` for this board. Those of a real board come from the cache, or are fetched into it.

    Raises:
        ImageRefused: there are none to be had; tells why.
    """
    if board.releases is not None:
        return board.releases.device_os(version)
    try:
        return release(board.platform.name, version).files
    except FirmwareUnavailable as error:
        raise ImageRefused(Refusal.NO_SUCH_VERSION, str(error), board=board.usb.label) from error


def application_file(board: Board) -> bytes | Path:
    """Tinker for this board.

    Raises:
        ImageRefused: there is none to be had; tells why.
    """
    if board.releases is not None:
        return board.releases.application()
    try:
        return tinker(board.platform.name)
    except FirmwareUnavailable as error:
        raise ImageRefused(Refusal.NO_SUCH_VERSION, str(error), board=board.usb.label) from error
