"""Device OS releases: the version of every module, what each asks of the others, and the platforms that had it.

The data is `os_versions.toml`, next to this file, with its sources; it is the one place where such a number stands. A module says only a
number (2302), people and the cloud say a version (2.3.1). Start with `os_release(platform, "2.3.1")` or `os_version_name(2302)`.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from particle_protocol.functions import ModuleFunction
from particle_protocol.platforms import ModuleKey, OsVersion, Platform, parse_os_version, platform_by_name


class NoSuchRelease(LookupError):
    """A Device OS version was never released for a platform, or nobody knows what it is made of. The message lists those there are."""


@dataclass(frozen=True, slots=True)
class ModuleNeed:
    """Another module that must be installed, and its lowest version that will do."""

    key: ModuleKey
    version: int


def main_system_part(platform: Platform) -> ModuleKey:
    """The system part that user parts depend on, and by whose version Device OS is known (modules/shared/*/user_build.mk:46-51)."""
    return ModuleKey(ModuleFunction.SYSTEM_PART, 2 if platform.generation == 2 else 1)


@dataclass(frozen=True, slots=True)
class ReleaseModule:
    """One module of a release on one platform. Its needs stand in the order of its prefix's two dependencies."""

    key: ModuleKey
    version: int
    needs: tuple[ModuleNeed, ...]


@dataclass(frozen=True, slots=True)
class OsRelease:
    """One Device OS release."""

    version: str
    system: int
    """The version of its system parts."""
    bootloader: int | None
    """The version of its bootloader; None where nobody knows it, nor what else the release is made of."""
    tinker: int
    """The version that user parts built for it have."""
    platforms: frozenset[str]
    """The platforms that had it, by name."""
    _needed: Mapping[str, int]
    """The bootloader demanded, by platform or kind of microcontroller."""
    _part1: int | None

    @property
    def numbers(self) -> OsVersion:
        """The version as three numbers."""
        return parse_os_version(self.version)

    def modules(self, platform: Platform) -> tuple[ReleaseModule, ...]:
        """What the release consists of on a platform, in the order in which it is installed; empty where that is not known.

        The network processor's firmware is not among it: no release demands one of its own.
        """
        if platform.name not in self.platforms or self.bootloader is None:
            return ()
        version = self.numbers
        found = [self._module(recipe, platform) for recipe in _recipes() if recipe.fits(platform, version)]
        by_key = {module.key: module for module in reversed(found)}
        order = platform.update_order
        return tuple(sorted(by_key.values(), key=lambda module: order.index(module.key)))

    def user_part_need(self, platform: Platform) -> ModuleNeed:
        """What an application built for the release depends on: its own system part (modules/shared/*/user_build.mk:46-51)."""
        return ModuleNeed(main_system_part(platform), self.system)

    def _module(self, recipe: _Recipe, platform: Platform) -> ReleaseModule:
        needs = ((need.key, self._number(need.version, platform)) for need in recipe.needs)
        version = self._number(recipe.version, platform)
        assert version is not None, f"{recipe.key} of {self.version} has no version"
        return ReleaseModule(recipe.key, version, tuple(ModuleNeed(key, number) for key, number in needs if number is not None))

    def _number(self, version: str | int, platform: Platform) -> int | None:
        if isinstance(version, int):
            return version
        needed = self._needed.get(platform.name, self._needed.get(platform.mcu.value, self._needed.get("all")))
        return {"system": self.system, "bootloader": self.bootloader, "part1": self._part1, "needed": needed}[version]


def os_releases(platform: Platform | None = None) -> tuple[OsRelease, ...]:
    """All releases, or those that a platform had, oldest first."""
    return _all() if platform is None else tuple(release for release in _all() if platform.name in release.platforms)


@functools.cache
def known_releases(platform: Platform) -> tuple[OsRelease, ...]:
    """The releases that a platform had and whose modules are known, oldest first."""
    return tuple(release for release in os_releases(platform) if release.modules(platform))


def os_release(platform: Platform, version: str) -> OsRelease:
    """The release of that version for a platform ("2.3.1" or "v2.3.1"), with all its modules known.

    Raises:
        NoSuchRelease: there is none.
    """
    wanted = version.strip().removeprefix("v")
    known = known_releases(platform)
    for release in known:
        if release.version == wanted:
            return release
    there = ", ".join(release.version for release in known) or "none whose modules are known"
    if any(release.version == wanted for release in os_releases(platform)):
        raise NoSuchRelease(f"what Device OS {wanted} for the {platform.display_name} is made of is not known; there are: {there}")
    raise NoSuchRelease(f"Device OS {version} was never released for the {platform.display_name}; there are: {there}")


def os_version_name(number: int | None) -> str | None:
    """The release of a system module's number, e.g. 2302 -> "2.3.1"; None for a number of no finished release."""
    return None if number is None else OS_VERSIONS.get(number)


def os_version_number(name: str) -> int | None:
    """The system module's number of a release, e.g. "2.3.1" -> 2302; None for one that is not known."""
    return next((release.system for release in _all() if release.version == name), None)


@dataclass(frozen=True, slots=True)
class _RecipeNeed:
    key: ModuleKey
    version: str | int


@dataclass(frozen=True, slots=True)
class _Recipe:
    """One row of the recipes: a module on some platforms, for some releases."""

    key: ModuleKey
    on: frozenset[str]
    since: OsVersion | None
    until: OsVersion | None
    version: str | int
    needs: tuple[_RecipeNeed, ...]

    def fits(self, platform: Platform, version: OsVersion) -> bool:
        here = platform.name in self.on or platform.mcu.value in self.on
        return here and (self.since is None or version >= self.since) and (self.until is None or version < self.until)


@functools.cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


@functools.cache
def _all() -> tuple[OsRelease, ...]:
    table = _table()
    sets = {name: frozenset(platform_by_name(each).name for each in names) for name, names in table["sets"].items()}
    return tuple(_read_release(row, sets) for row in table["releases"]["finished"])


@functools.cache
def _recipes() -> tuple[_Recipe, ...]:
    return tuple(_read_recipe(row) for row in _table()["recipes"]["modules"])


def _read_release(row: Mapping[str, Any], sets: Mapping[str, frozenset[str]]) -> OsRelease:
    needed = row.get("needed", {})
    return OsRelease(
        version=row["version"],
        system=row["system"],
        bootloader=row.get("bootloader"),
        tinker=row["tinker"],
        platforms=sets[row["on"]],
        _needed=MappingProxyType(needed if isinstance(needed, dict) else {"all": needed}),
        _part1=row.get("part1"),
    )


def _read_recipe(row: Mapping[str, Any]) -> _Recipe:
    since, until = row.get("from"), row.get("until")
    return _Recipe(
        key=_read_key(*row["module"].split()),
        on=frozenset(row["on"]),
        since=parse_os_version(since) if since else None,
        until=parse_os_version(until) if until else None,
        version=row["version"],
        needs=tuple(_read_needs(row.get("needs", ()))),
    )


def _read_needs(texts: list[str]) -> Iterator[_RecipeNeed]:
    for text in texts:
        function, index, version = text.split()
        yield _RecipeNeed(_read_key(function, index), int(version) if version.isdigit() else version)


def _read_key(function: str, index: str) -> ModuleKey:
    return ModuleKey(ModuleFunction[function.upper()], int(index))


OS_VERSIONS: Mapping[int, str] = MappingProxyType({release.system: release.version for release in _all()})
"""Release by system module number, oldest first."""
