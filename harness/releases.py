"""The firmware for a board: real releases for real boards, what the board's kind offers otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.device_os import release_among
from harness.errors import ImageRefused, Refusal, hides
from harness.firmware_packages import newest_whole, whole
from harness.firmware_store import FirmwareUnavailable, release, tinker
from particle_protocol.os_versions import NoSuchRelease, known_releases
from particle_protocol.platforms import Platform

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides


class RealReleases:
    """Real binaries: files of one's own where these have the whole release, else Particle's own out of the cache."""

    def __init__(self, platform: Platform, own: Sequence[bytes] = ()) -> None:
        self._platform = platform
        self._own = own
        self.default_os = newest_whole(platform.name)

    def device_os(self, version: str) -> Sequence[bytes | Path]:
        """See `Releases.device_os`."""
        own, missing = own_release(self._own, self._platform, version)
        if own and not missing:
            return own
        try:
            return release(self._platform.name, version).files
        except FirmwareUnavailable as error:
            lack = f"; the files given with --device-os have no {', no '.join(missing)} of it" if own else ""
            raise ImageRefused(Refusal.NO_SUCH_VERSION, f"{error}{lack}") from error

    def application(self) -> Path:
        """See `Releases.application`."""
        try:
            return tinker(self._platform.name)
        except FirmwareUnavailable as error:
            raise ImageRefused(Refusal.NO_SUCH_VERSION, str(error)) from error


def own_release(images: Sequence[bytes], platform: Platform, version: str) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """What files of one's own have of a release, and the names of the modules that they have not.

    Raises:
        ImageRefused: the platform never had that version; tells those it had.
    """
    try:
        return release_among(images, platform, version)
    except NoSuchRelease as error:
        raise ImageRefused(Refusal.NO_SUCH_VERSION, str(error)) from None


def release_files(board: Board, version: str) -> Sequence[bytes | Path]:
    """The modules of Device OS `version` for this board.

    Raises:
        ImageRefused: there are none to be had; tells why.
    """
    return board.releases.device_os(version)


def two_releases(board: Board) -> tuple[str, str]:
    """An older and a newer Device OS version to update this board to, neither of them its newest.

    They are of those that can be had as real files, where there are enough; a board that nobody has files for takes the kind's own.
    """
    real = whole(board.platform.name)
    versions = real if len(real) > 2 else tuple(release.version for release in known_releases(board.platform))
    return versions[-3], versions[-2]


def application_file(board: Board) -> bytes | Path:
    """Tinker for this board.

    Raises:
        ImageRefused: there is none to be had; tells why.
    """
    return board.releases.application()
