"""Which npm package carries which Device OS: data, `firmware_packages.toml`, next to this file.

What a release consists of and who had it is not told there, but in `particle_protocol.os_versions`.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from harness.hiding import hides
from particle_protocol.os_versions import os_releases
from particle_protocol.platforms import platforms

__tracebackhide__ = hides

WHAT_IS_NOWHERE: Final = "No package has Device OS 3.x or one from 4.2 on, and none has anything for Gen 4 (p2, msom, trackerm)"


@dataclass(frozen=True, slots=True)
class Carried:
    """One Device OS version in one package."""

    version: str
    package: str
    """The version of particle-cli."""
    whole: tuple[str, ...]
    """The platforms that it has all modules for, by name."""
    partial: tuple[str, ...]
    """Those that it has no bootloader for."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(sorted((*self.whole, *self.partial)))

    @property
    def seen(self) -> bool:
        """Whether npm had the package when the table was written."""
        return self.package in PACKAGES


@functools.cache
def carried() -> tuple[Carried, ...]:
    """Everything that is carried, oldest version first."""
    return tuple(_read(row) for row in _TABLE["carried"]["releases"])


def carried_for(version: str, platform: str) -> Carried | None:
    """Where a version for a platform is to be had; None: nowhere."""
    return next((each for each in carried() if each.version == version and platform in each.platforms), None)


def whole(platform: str) -> tuple[str, ...]:
    """The versions of which a package that npm was seen to have has all modules for a platform, oldest first."""
    return tuple(each.version for each in carried() if each.seen and platform in each.whole)


def newest_whole(platform: str) -> str:
    """The newest of `whole`; empty where there is none."""
    return next(reversed(whole(platform)), "")


def what_there_is(platform: str) -> str:
    """The versions that there are for a platform, as a clause."""
    found = [
        each.version + (" (partial: no bootloader)" if platform in each.partial else "") for each in carried() if platform in each.platforms
    ]
    return f"there are: {', '.join(found)}" if found else "there is nothing for it"


def _read(row: Mapping[str, Any]) -> Carried:
    (release,) = (each for each in os_releases() if each.version == row["version"])
    on = row.get("on", [platform.name for platform in platforms() if platform.name in release.platforms and platform.name != "core"])
    partial = row.get("partial", ())
    lacking = tuple(sorted(on if partial is True else partial))
    return Carried(row["version"], row["package"], tuple(sorted(set(on) - set(lacking))), lacking)


_TABLE: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
PACKAGES: Final[Mapping[str, str]] = MappingProxyType(_TABLE["sha512"])
"""Versions of particle-cli that carry firmware, and the SHA-512 of their tarballs (base64)."""
TINKER_PACKAGE: Final[str] = _TABLE["tinker"]["package"]
TINKER_PLATFORMS: Final[tuple[str, ...]] = tuple(_TABLE["tinker"]["on"])
