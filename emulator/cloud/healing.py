"""Healing a device in safe mode: sending it the modules its firmware needs.

A device that misses a dependency starts in safe mode and says so. The cloud looks into its library of Device OS modules for the smallest
set that meets every dependency, each module in the lowest version that will do, and sends one module per connection, in an order in which
each finds what it needs, until the device is healthy. A dependency is a lowest version: nothing is ever downgraded.

Order of dependencies: Device OS 2.3.1, modules/photon/system-part*/module_info.c and docs/cloud.md, "Healing".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from emulator.cloud.connections import Connections
from emulator.cloud.events import Events
from emulator.cloud.images import ImageFacts, read_image
from emulator.cloud.records import Device
from emulator.cloud.updates import Updates
from particle_protocol.describe import DescribedModule, ModuleDependency, ModuleStore, SystemDescribe, Validity
from particle_protocol.functions import ModuleFunction
from particle_protocol.os_versions import OsRelease, ReleaseModule
from particle_protocol.platforms import Platform

Place = tuple[str, int]
"""A module's function (by its letter in a description) and index."""
Versions = Mapping[Place, int]
Shelf = Callable[[Place], Sequence["LibraryModule"]]
"""The modules there are for a place, lowest version first."""
_RANK = "bacs"
"""Which of several modules that could be sent goes first: bootloader, radio stack, network processor, system parts."""


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
    def order(self) -> tuple[int, bool]:
        """Lower versions before higher ones, and the real one before what stands for it."""
        return self.facts.version, self.facts.stand_in


Supplier: TypeAlias = Callable[[], Iterable[bytes]]
"""Makes the modules of a platform."""


@dataclass(frozen=True, slots=True)
class LibraryContents:
    """What a library holds: modules by platform id and place, and what is still to be supplied."""

    shelves: Mapping[tuple[int, Place], Sequence[LibraryModule]]
    suppliers: Mapping[int, Supplier]


class Library:
    """The Device OS modules this cloud has. Whoever runs the lab puts them in; none are shipped."""

    def __init__(self) -> None:
        self._platforms: dict[int, dict[Place, list[LibraryModule]]] = {}
        self._suppliers: dict[int, Supplier] = {}
        self.hands_out_stand_ins = False
        """Whether stand-ins are handed out to whoever asks for a release. Nobody can tell what board they end up on."""

    def add(self, image: bytes) -> ImageFacts:
        """Put a module in. One of the same place and version makes way for it; a stand-in and a real one do not.

        Raises:
            BadImage: not a module.
        """
        module = _library_module(image)
        shelf = self._shelves(module.facts.platform_id).setdefault(module.place, [])
        shelf[:] = sorted([each for each in shelf if each.order != module.order] + [module], key=lambda each: each.order)
        return module.facts

    def supply(self, platform_id: int, supplier: Supplier) -> None:
        """Have modules of a platform put in by `supplier()`, at the first time that anybody looks for one: making them takes a while."""
        self._suppliers[platform_id] = supplier

    def contents(self) -> LibraryContents:
        """All there is, to hand to `fill`."""
        held = {(platform, place): tuple(shelf) for platform, shelves in self._platforms.items() for place, shelf in shelves.items()}
        return LibraryContents(held, dict(self._suppliers))

    def fill(self, contents: LibraryContents) -> None:
        """Have these modules and no others."""
        self._platforms = {}
        for (platform, place), shelf in contents.shelves.items():
            self._platforms.setdefault(platform, {})[place] = list(shelf)
        self._suppliers = dict(contents.suppliers)

    def shelf(self, platform_id: int, place: Place, *, stand_ins: bool) -> list[LibraryModule]:
        """The modules for a place, lowest version first."""
        return [module for module in self._shelves(platform_id).get(place, ()) if stand_ins or not module.facts.stand_in]

    def release(self, platform: Platform, release: OsRelease) -> Sequence[LibraryModule]:
        """All modules of a Device OS release on a platform, as they are handed out; empty when one of them is not there."""
        for stand_ins in (False, True) if self.hands_out_stand_ins else (False,):
            found = [self._held(platform, each, stand_in=stand_ins) for each in release.modules(platform)]
            modules = [module for module in found if module is not None]
            if modules and len(modules) == len(found):
                return modules
        return ()

    def _shelves(self, platform_id: int) -> dict[Place, list[LibraryModule]]:
        supplier = self._suppliers.pop(platform_id, None)
        if supplier is not None:
            for image in supplier():
                self.add(image)
        return self._platforms.setdefault(platform_id, {})

    def _held(self, platform: Platform, wanted: ReleaseModule, *, stand_in: bool) -> LibraryModule | None:
        """The module with exactly that version."""
        shelf = self._shelves(platform.id).get((wanted.key.function.letter, wanted.key.index), ())
        return next((each for each in shelf if (each.facts.version, each.facts.stand_in) == (wanted.version, stand_in)), None)


@lru_cache(maxsize=1024)
def _library_module(image: bytes) -> LibraryModule:
    return LibraryModule(read_image(image), image)


class Healing:
    """Brings devices out of safe mode."""

    def __init__(self, connections: Connections, events: Events, updates: Updates, library: Library) -> None:
        self._connections = connections
        self._events = events
        self._updates = updates
        self._library = library

    def heal(self, device: Device) -> bool:
        """Send the next module a device needs. True: the device is ill, whether or not there was something to send."""
        link = self._connections.link(device.id)
        if link is None or link.system is None:
            return False
        missing = missing_dependencies(link.system)
        if not missing:
            return False
        text = "{" + link.system.encode() + "}"
        self._events.from_device(device, "spark/status/safe-mode", text)
        if self._updates.running(device.id):
            return True
        module = self._next(device, link.system, missing)
        if module is not None:
            told = {"function": module.facts.function.letter, "index": module.facts.index, "version": module.facts.version}
            self._events.from_device(device, "spark/safe-mode-updater/updating", json.dumps(told, separators=(",", ":")))
            self._updates.start(device, module.image)
        return True

    def lacks(self, device: Device) -> list[ModuleDependency]:
        """What a connected device misses and the library cannot give it."""
        link = self._connections.link(device.id)
        if link is None or link.system is None:
            return []
        shelf, installed = self._shelf(device), _installed(link.system)
        return [need for need in missing_dependencies(link.system) if remedy({_place(need): need.version}, installed, shelf) is None]

    def _next(self, device: Device, system: SystemDescribe, missing: Sequence[ModuleDependency]) -> LibraryModule | None:
        """The module to send now: towards all that is missing; where the library has no such set, towards the first that it can give."""
        shelf, installed = self._shelf(device), _installed(system)
        every: dict[Place, int] = {}
        for need in missing:
            every[_place(need)] = max(need.version, every.get(_place(need), 0))
        for needs in (every, *({_place(need): need.version} for need in missing)):
            found = remedy(needs, installed, shelf)
            if found is not None:
                return first_to_send(found, installed)
        return None

    def _shelf(self, device: Device) -> Shelf:
        stand_ins = self._updates.takes_stand_ins(device.id)
        return lambda place: self._library.shelf(device.platform_id, place, stand_ins=stand_ins)


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
    """Of modules to install, one that finds on the device what it needs; where all wait for each other, the one that misses least."""

    def wait(module: LibraryModule) -> tuple[int, int, int]:
        unmet = sum(installed.get(place, -1) < version for place, version in module.needs.items())
        letter, index = module.place
        return unmet, _RANK.find(letter), index

    return min(modules, key=wait)


def missing_dependencies(system: SystemDescribe) -> list[ModuleDependency]:
    """What the installed modules need and do not have, the system's own needs before the application's."""
    installed = _installed(system)
    needs = [
        need
        for module in sorted(_main(system), key=lambda module: module.function is ModuleFunction.USER_PART)
        for need in module.dependencies
    ]
    return [need for need in dict.fromkeys(needs) if installed.get(_place(need), -1) < need.version]


def _main(system: SystemDescribe) -> list[DescribedModule]:
    return [module for module in system.modules if module.store is ModuleStore.MAIN and module.function is not None]


def _installed(system: SystemDescribe) -> dict[Place, int]:
    """The versions of what is installed and intact; a damaged module is as good as none."""
    return {
        (module.function.letter, module.index): module.version
        for module in _main(system)
        if module.function is not None and not module.checked & ~module.passed & Validity.INTEGRITY
    }


def _place(need: ModuleDependency) -> Place:
    return need.function.letter, need.index
