"""What a device in safe mode is to be sent: which modules, and in which order.

A device takes a module when it has the module's first dependency, and the second if that is no bootloader (Device OS 6.2.0,
hal/src/nRF52840/ota_flash_hal.cpp:289-332). Where modules wait for each other, or where one needs an earlier version of itself to be there
before, another version goes first: a stepping stone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.cloud.images import ImageFacts
from firmware_images.fields import ModuleFunction

Place = tuple[str, int]
"""A module's function (by its letter in a description) and index."""
Versions = Mapping[Place, int]
Shelf = Callable[[Place], Sequence["LibraryModule"]]
"""The modules there are for a place, lowest version first."""
_RANK = "bacs"
"""Which of several modules that nothing else puts in order goes first: bootloader, radio stack, network processor, system parts."""


@dataclass(frozen=True, slots=True)
class LibraryModule:
    """A module that devices can be healed with."""

    facts: ImageFacts
    image: bytes

    @property
    def place(self) -> Place:
        """Where it belongs."""
        return self.facts.function.letter, self.facts.index

    @property
    def needs(self) -> dict[Place, int]:
        """The lowest versions of what it depends on."""
        return {(need.function.letter, need.index): need.version for need in self.facts.dependencies}

    @property
    def blocking(self) -> list[tuple[Place, int]]:
        """What of that a device has to have before it takes the module."""
        named = [(need.function, (need.function.letter, need.index), need.version) for need in self.facts.dependencies]
        return [
            (place, version) for n, (function, place, version) in enumerate(named) if n == 0 or function is not ModuleFunction.BOOTLOADER
        ]

    @property
    def order(self) -> tuple[int, bool]:
        """Lower versions before higher ones, and the real one before what stands for it."""
        return self.facts.version, self.facts.stand_in


def remedy(needs: Versions, installed: Versions, shelf: Shelf) -> list[LibraryModule] | None:
    """The modules to install so that every need is met, and every need of theirs. None: the shelves have no such set.

    Of several sets one of the fewest modules, so that what is left of it after each is still the best there is and the device is healthy
    after as many updates as the set has modules. Of those the one whose first modules are lowest.
    """
    for most in range(len(_reachable(needs, shelf)) + 1):
        found = _remedy(needs, installed, shelf, {}, most)
        if found is not None:
            return found
    return None


def _reachable(needs: Versions, shelf: Shelf) -> set[Place]:
    """The places that these needs can lead to."""
    found, ahead = set[Place](), list(needs)
    while ahead:
        place = ahead.pop()
        if place not in found:
            found.add(place)
            ahead.extend(key for module in shelf(place) for key in module.needs)
    return found


def _remedy(
    needs: Versions, installed: Versions, shelf: Shelf, chosen: Mapping[Place, LibraryModule], most: int
) -> list[LibraryModule] | None:
    """A remedy that has what is chosen already, and at most so many modules."""
    open_needs: list[tuple[Sequence[LibraryModule], Place]] = []
    for place, version in needs.items():
        if place in chosen:
            if chosen[place].facts.version < version:
                return None
        elif installed.get(place, -1) < version:
            open_needs.append(([module for module in shelf(place) if module.facts.version >= version], place))
    if len(chosen) + len(open_needs) > most:
        return None
    if not open_needs:
        return list(chosen.values())
    candidates, place = open_needs[0]
    for module in candidates:
        together = {key: max(needs.get(key, 0), module.needs.get(key, 0)) for key in (*needs, *module.needs)}
        found = _remedy(together, installed, shelf, {**chosen, place: module}, most)
        if found is not None:
            return found
    return None


def first_to_send(modules: Sequence[LibraryModule], installed: Versions) -> LibraryModule:
    """Of modules to install, one that finds on the device what it needs; where all wait for each other, the one that misses least.

    Of several the one that is listed first as a dependency: so on an Argon the radio stack goes before the bootloader from 3.0.0 on.
    """
    order = _in_order(modules, installed)

    def wait(module: LibraryModule) -> tuple[int, int]:
        return sum(installed.get(place, -1) < version for place, version in module.needs.items()), order.index(module)

    return min(modules, key=wait)


def next_to_send(needs: Versions, modules: Sequence[LibraryModule], installed: Versions, shelf: Shelf) -> LibraryModule:
    """Of modules that meet the needs, the one to send now; or a stepping stone, where the device would not take them one after another."""
    if _taken(modules, installed) is None:
        stones = _stepping_stones(needs, modules, installed, shelf)
        if stones:
            return min(stones, key=lambda stone: stone[0])[1]
    return first_to_send(modules, installed)


def _stepping_stones(
    needs: Versions, modules: Sequence[LibraryModule], installed: Versions, shelf: Shelf
) -> list[tuple[tuple[int, int], LibraryModule]]:
    """Modules that the device takes now, after which it takes all that it needs; each with how much that is, and its version."""
    most = {module.place: module.facts.version for module in modules}
    found: list[tuple[tuple[int, int], LibraryModule]] = []
    for place in sorted(_reachable(needs, shelf)):
        for stone in shelf(place):
            if installed.get(place, -1) < stone.facts.version <= most.get(place, stone.facts.version) and _takes(stone, installed):
                after = {**installed, place: stone.facts.version}
                left = remedy({**needs, **_own_needs(stone, needs)}, after, shelf)
                if left is not None and _taken(left, after) is not None:
                    found.append(((len(left), stone.facts.version), stone))
    return found


def _own_needs(stone: LibraryModule, needs: Versions) -> dict[Place, int]:
    return {place: max(version, needs.get(place, 0)) for place, version in stone.needs.items()}


def _takes(module: LibraryModule, installed: Versions) -> bool:
    return all(installed.get(place, -1) >= version for place, version in module.blocking)


def _taken(modules: Sequence[LibraryModule], installed: Versions) -> list[LibraryModule] | None:
    """An order in which a device takes all of these; None: there is none."""
    left, have, order = list(modules), dict(installed), list[LibraryModule]()
    while left:
        module = next((each for each in left if _takes(each, have)), None)
        if module is None:
            return None
        left.remove(module)
        order.append(module)
        have[module.place] = module.facts.version
    return order


def _in_order(modules: Sequence[LibraryModule], installed: Versions) -> list[LibraryModule]:
    """What a module misses before the module, as its dependencies are listed."""
    by_place = {module.place: module for module in modules}
    missed = {
        module.place: [place for place, least in module.needs.items() if place in by_place and installed.get(place, -1) < least]
        for module in modules
    }
    found: dict[Place, None] = {}

    def visit(place: Place, above: tuple[Place, ...] = ()) -> None:
        if place not in found and place not in above:
            for other in missed[place]:
                visit(other, (*above, place))
            found[place] = None

    wanted = {other for others in missed.values() for other in others}
    for place in sorted(by_place, key=lambda place: (place in wanted, _RANK.find(place[0]), place[1])):
        visit(place)
    return [by_place[place] for place in found]
