"""The firmware for a board: Particle's own releases for real boards, what the board's kind offers otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ImageRefused, Refusal
from harness.firmware_store import FirmwareUnavailable, release, tinker
from particle_protocol.platforms import Platform

if TYPE_CHECKING:
    from harness.board import Board


class RealReleases:
    """Particle's own binaries, out of the cache."""

    default_os = "2.2.0"

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def device_os(self, version: str) -> Sequence[Path]:
        """See `Releases.device_os`."""
        return real_release(self._platform, version)

    def application(self) -> Path:
        """See `Releases.application`."""
        return real_application(self._platform)


def release_files(board: Board, version: str) -> Sequence[bytes | Path]:
    """The modules of Device OS `version` for this board.

    Raises:
        ImageRefused: there are none to be had; tells why.
    """
    return board.releases.device_os(version) if board.releases is not None else real_release(board.platform, version)


def application_file(board: Board) -> bytes | Path:
    """Tinker for this board.

    Raises:
        ImageRefused: there is none to be had; tells why.
    """
    return board.releases.application() if board.releases is not None else real_application(board.platform)


def real_release(platform: Platform, version: str) -> tuple[Path, ...]:
    """The files of Particle's release, out of the cache, or fetched into it.

    Raises:
        ImageRefused: there are none to be had; tells why.
    """
    try:
        return release(platform.name, version).files
    except FirmwareUnavailable as error:
        raise ImageRefused(Refusal.NO_SUCH_VERSION, str(error)) from error


def real_application(platform: Platform) -> Path:
    """The file of Particle's Tinker, out of the cache, or fetched into it.

    Raises:
        ImageRefused: there is none to be had; tells why.
    """
    try:
        return tinker(platform.name)
    except FirmwareUnavailable as error:
        raise ImageRefused(Refusal.NO_SUCH_VERSION, str(error)) from error
