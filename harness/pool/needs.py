"""What a test needs of a board: the marker `needs(platform=, generation=, network=, capability=, os=, count=)`.

Needs are judged before a board is touched: by its platform, by what its kind and the run supply, by the Device OS version that it tells
when it is asked. Nothing is changed for them; bringing a board to a state is the marker `start(...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from harness.hiding import hides
from harness.modes import Capability, no_such
from particle_protocol.platforms import Feature, Platform, platform_by_name, platforms

__tracebackhide__ = hides

NETWORKS = {Feature.WIFI.value: Feature.WIFI, Feature.CELLULAR.value: Feature.CELLULAR}
"""The ways to the cloud that can be asked for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is known of a board, and of what the run has for it, before it is touched."""

    platform: Platform
    capabilities: Collection[Capability]
    os: Callable[[], str | None]
    """Asks the board for its Device OS version; None: it does not tell."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a test needs of every board that it gets. Empty: whatever it is."""

    platforms: tuple[str, ...] = ()
    """One of these, by name."""
    generations: tuple[int, ...] = ()
    networks: tuple[Feature, ...] = ()
    """One of these."""
    capabilities: tuple[Capability, ...] = ()
    """All of these."""
    os: SpecifierSet | None = None
    count: int | None = None
    """How many boards `boards` gives. None: all of them."""

    @classmethod
    def of(cls, marks: Iterable[Any]) -> tuple[Needs, ...]:
        """What the markers of a test ask for, one by one; each has to be met.

        Raises:
            ValueError: a marker has other arguments, or values that make no sense.
        """
        return tuple(map(cls._read, marks))

    @classmethod
    def _read(cls, mark: Any) -> Needs:
        known = ("platform", "generation", "network", "capability", "os", "count")
        unknown = set(mark.kwargs) - set(known)
        if mark.args or unknown:
            raise ValueError(f"needs() takes {', '.join(f'{each}=' for each in known)} only, not {_listed([*mark.args, *sorted(unknown)])}")
        given = mark.kwargs
        count = given.get("count")
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ValueError(f"needs(count={count!r}): it is a number of boards, 1 or more")
        return cls(
            platforms=tuple(_platform(each) for each in _several(given.get("platform"))),
            generations=tuple(_generation(each) for each in _several(given.get("generation"))),
            networks=tuple(_network(each) for each in _several(given.get("network"))),
            capabilities=tuple(_capability(each) for each in _several(given.get("capability"))),
            os=_versions(given.get("os")),
            count=count,
        )

    def unmet(self, offer: Offer) -> str:
        """The first need that a board does not meet, in words, or an empty string. Asks the board for no more than its version."""
        platform = offer.platform
        if self.platforms and platform.name not in self.platforms:
            return f"its platform is {platform.display_name}, not {_either(platform_by_name(name).display_name for name in self.platforms)}"
        if self.generations and platform.generation not in self.generations:
            return f"it is of generation {platform.generation}, not {_either(self.generations)}"
        if self.networks and not platform.features.intersection(self.networks):
            return f"it has no {_either(_WORDS[each] for each in self.networks)}"
        missing = next((each for each in self.capabilities if each not in offer.capabilities), None)
        return _lack(missing) if missing is not None else self._unmet_version(offer)

    def unmet_by_run(self, has: Collection[Capability]) -> str:
        """The first need that no board meets in a run that has only these of what runs supply, or an empty string."""
        missing = next((each for each in self.capabilities if each in _REMEDIES and each not in has), None)
        return "" if missing is None else _lack(missing)

    def unmet_by_kind(self, never: Collection[Capability]) -> str:
        """The first need that no board of a kind meets whose boards never have these, or an empty string."""
        missing = next((each for each in self.capabilities if each in never), None)
        return "" if missing is None else _lack(missing)

    def _unmet_version(self, offer: Offer) -> str:
        if self.os is None:
            return ""
        version = offer.os()
        if version is None:
            return f"it does not tell its Device OS version, which has to be {self.os}"
        try:
            fits = self.os.contains(Version(version), prereleases=True)
        except InvalidVersion:
            fits = False
        return "" if fits else f"it has Device OS {version}, not {self.os}"


_WORDS = {Feature.WIFI: "Wi-Fi", Feature.CELLULAR: "cellular network"}
_REMEDIES = {
    Capability.WIFI: " (name one with --wifi SSID:PASSWORD)",
    Capability.CLOUD: " (name one with --cloud URL, and an account)",
    Capability.CHANGES: " (give --allow-changes)",
    Capability.MAILS: " (a real cloud sends its mails)",
}
"""What a run may supply, and how."""


def _lack(capability: Capability) -> str:
    return f"it has no {capability.value}" + _REMEDIES.get(capability, "")


def _several(value: Any) -> tuple[Any, ...]:
    """One value, or several in a list."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _platform(name: Any) -> str:
    try:
        return platform_by_name(name).name
    except (LookupError, AttributeError):
        raise no_such("platform", name, [each.name for each in platforms()]) from None


def _generation(number: Any) -> int:
    there_are = sorted({each.generation for each in platforms()})
    if isinstance(number, bool) or number not in there_are:
        raise no_such("generation", number, there_are)
    return int(number)


def _network(name: Any) -> Feature:
    if not isinstance(name, str) or name not in NETWORKS:
        raise no_such("network", name, NETWORKS)
    return NETWORKS[name]


def _capability(name: Any) -> Capability:
    if isinstance(name, Capability):
        return name
    found = next((each for each in Capability if isinstance(name, str) and each.name.lower() == name.lower()), None)
    if found is None:
        raise no_such("capability", name, [each.name.lower() for each in Capability])
    return found


def _versions(text: Any) -> SpecifierSet | None:
    if text is None:
        return None
    try:
        if not isinstance(text, str):
            raise InvalidVersion
        return SpecifierSet(f"=={text}" if text[:1].isdigit() else text)
    except (InvalidSpecifier, InvalidVersion):
        raise ValueError(f"needs(os={text!r}): write a Device OS version, such as '2.3.1', or a range, such as '>=2.0,<4'") from None


def _either(values: Iterable[Any]) -> str:
    return " or ".join(map(str, values))


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
