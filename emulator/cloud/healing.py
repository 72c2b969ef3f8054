"""Healing a device in safe mode: sending it the modules its firmware needs.

A device that misses a dependency starts in safe mode and says so. The cloud finds the missing module in its library of Device OS
modules, and if that one needs others the device lacks, those first (radio stack, bootloader, system parts in their order); one module
per connection, until the device is healthy. A dependency is a lowest version: nothing is ever downgraded.

Order of dependencies: Device OS 2.3.1, modules/photon/system-part*/module_info.c and docs/cloud.md, "Healing".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.cloud.connections import Connections
from emulator.cloud.events import Events
from emulator.cloud.images import ImageFacts, read_image
from emulator.cloud.records import Device
from emulator.cloud.updates import Updates
from firmware_images.fields import ModuleFunction as ImageFunction
from particle_protocol.describe import DescribedModule, ModuleDependency, ModuleStore, SystemDescribe

Place = tuple[str, int]
"""A module's function (by its letter in a description) and index."""


@dataclass(frozen=True, slots=True)
class LibraryModule:
    """A module that devices can be healed with."""

    facts: ImageFacts
    image: bytes


class Library:
    """The Device OS modules this cloud has. Whoever runs the lab puts them in; none are shipped."""

    def __init__(self) -> None:
        self._modules: dict[tuple[int, Place], list[LibraryModule]] = {}

    def add(self, image: bytes) -> ImageFacts:
        """Put a module in.

        Raises:
            BadImage: not a module.
        """
        facts = read_image(image)
        shelf = self._modules.setdefault((facts.platform_id, (facts.function.letter, facts.index)), [])
        shelf[:] = sorted([each for each in shelf if each.facts.version != facts.version] + [LibraryModule(facts, image)], key=_version)
        return facts

    def release(self, platform_id: int, version: int) -> Sequence[LibraryModule]:
        """What the library has of a Device OS release: its system parts of this version, and what these need beside them."""
        shelves = [shelf for (platform, _), shelf in sorted(self._modules.items()) if platform == platform_id]
        parts = [
            module
            for shelf in shelves
            for module in shelf
            if module.facts.function is ImageFunction.SYSTEM_PART and module.facts.version == version
        ]
        needs = {(need.function.letter, need.index): need.version for part in parts for need in part.facts.dependencies}
        own = {(part.facts.function.letter, part.facts.index) for part in parts}
        others = (self.find(platform_id, place, at_least) for place, at_least in sorted(needs.items()) if place not in own)
        return [*(module for module in others if module is not None), *parts]

    def find(self, platform_id: int, place: Place, at_least: int) -> LibraryModule | None:
        """The module closest to the version that is needed, from there up."""
        shelf = self._modules.get((platform_id, place), ())
        return next((module for module in shelf if module.facts.version >= at_least), None)


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
        missing = list(missing_dependencies(link.system))
        if not missing:
            return False
        text = "{" + link.system.encode() + "}"
        self._events.from_device(device, "spark/status/safe-mode", text)
        if self._updates.running(device.id):
            return True
        installed = _installed(link.system)
        for need in missing:
            module = self._deepest(device.platform_id, _place(need), need.version, installed, frozenset())
            if module is not None:
                told = {"function": module.facts.function.letter, "index": module.facts.index, "version": module.facts.version}
                self._events.from_device(device, "spark/safe-mode-updater/updating", json.dumps(told, separators=(",", ":")))
                self._updates.start(device, module.image)
                break
        return True

    def _deepest(
        self,
        platform_id: int,
        place: Place,
        version: int,
        installed: dict[Place, int],
        above: frozenset[Place],
    ) -> LibraryModule | None:
        """The module to send first so that in the end `place` has `version`.

        `above` are the modules that wait for it: two can need each other.
        """
        if installed.get(place, -1) >= version or place in above:
            return None
        module = self._library.find(platform_id, place, version)
        if module is None:
            return None
        for need in module.facts.dependencies:
            first = self._deepest(platform_id, (need.function.letter, need.index), need.version, installed, above | {place})
            if first is not None:
                return first
        return module


def missing_dependencies(system: SystemDescribe) -> Iterable[ModuleDependency]:
    """What the installed modules need and do not have, the system's own needs before the application's."""
    installed = _installed(system)
    needs = [
        need
        for module in sorted(_main(system), key=lambda module: module.function is not None and module.function.value == "u")
        for need in module.dependencies
    ]
    return [need for need in dict.fromkeys(needs) if installed.get(_place(need), -1) < need.version]


def _main(system: SystemDescribe) -> list[DescribedModule]:
    return [module for module in system.modules if module.store is ModuleStore.MAIN and module.function is not None]


def _installed(system: SystemDescribe) -> dict[Place, int]:
    return {(module.function.value, module.index): module.version for module in _main(system) if module.function is not None}


def _place(need: ModuleDependency) -> Place:
    return need.function.value, need.index


def _version(module: LibraryModule) -> int:
    return module.facts.version
