"""Healing a device in safe mode: sending it the modules its firmware needs.

A device that misses a dependency starts in safe mode and says so. The cloud looks into its library of Device OS modules for the smallest
set that meets every dependency, each module in the lowest version that will do, and sends one module per connection, in an order in which
each finds what it needs (`emulator.cloud.remedy`), until the device is healthy. A dependency is a lowest version: nothing is ever
downgraded. What a device describes next shows whether it has what it was sent; a module that it refuses, or has not got then, is sent three
times at most.

Order of dependencies: Device OS 2.3.1, modules/photon/system-part*/module_info.c and docs/cloud.md, "Healing".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from emulator.cloud.connections import Connections, Link
from emulator.cloud.core import Core
from emulator.cloud.errors import CloudError, DeviceRefused
from emulator.cloud.events import Events
from emulator.cloud.images import ImageFacts, read_image
from emulator.cloud.records import Device
from emulator.cloud.remedy import LibraryModule, Place, Shelf, next_to_send, remedy
from emulator.cloud.updates import Updates
from particle_protocol.describe import DescribedModule, ModuleDependency, ModuleStore, SystemDescribe, Validity
from particle_protocol.functions import ModuleFunction
from particle_protocol.os_versions import OsRelease, ReleaseModule
from particle_protocol.platforms import Platform

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


MAX_ATTEMPTS = 3
"""Open. So often is a module sent to a device that refuses it, or has not got it afterwards."""
GIVEN_UP = "spark/safe-mode-updater/failed"
"""Open. What is said of a device that cannot be healed; its data have the reason."""


@dataclass(slots=True)
class _Attempt:
    """What a device was sent, and how often in vain."""

    module: LibraryModule
    failures: int = 0
    taken: bool = False
    """Whether it said that it has taken it, and was not heard of since."""
    why: str = ""
    boot: tuple[Link, int] | None = None
    """When: in which connection, and in which boot of it."""

    def fail(self, why: str) -> None:
        """Once more in vain."""
        self.failures, self.taken, self.why = self.failures + 1, False, why

    @property
    def told(self) -> str:
        """The reason for people."""
        facts = self.module.facts
        times = "once" if self.failures == 1 else f"{self.failures} times"
        return f"{facts.function} {facts.index} version {facts.version}, which it needs, was sent {times} in vain: {self.why}"


class Healing:
    """Brings devices out of safe mode."""

    def __init__(self, core: Core, connections: Connections, events: Events, updates: Updates, library: Library) -> None:
        self._core = core
        self._connections = connections
        self._events = events
        self._updates = updates
        self._library = library
        self._attempts: dict[str, _Attempt] = {}
        """What each device that is not healthy was sent last."""

    def heal(self, device: Device) -> bool:
        """Have the next module sent that a device needs. True: the device is ill, whether or not there is something to send."""
        link = self._connections.link(device.id)
        if link is None or link.system is None:
            return False
        missing = missing_dependencies(link.system)
        if not missing:
            self._attempts.pop(device.id, None)
            return False
        text = "{" + link.system.encode() + "}"
        self._events.from_device(device, "spark/status/safe-mode", text)
        delay = self._core.settings.healing_delay
        if delay:
            self._core.clock.call_later(delay, self._step, device, link)
        else:
            self._step(device, link)
        return True

    def _step(self, device: Device, link: Link) -> None:
        """Send what is to be sent in a connection, if it lasts and nothing else is under way in it."""
        if self._connections.link(device.id) is not link or link.system is None or self._updates.running(device.id):
            return
        missing = missing_dependencies(link.system)
        if not missing:
            return
        module = self._next(device, link.system, missing)
        if module is None:
            self._give_up(device, f"it misses {', '.join(map(str, self.lacks(device)))} or later, which is not in the library")
        elif not self._exhausted(device, module, (link, max(1, link.safe_starts))):
            self._send(device, module, self._attempts[device.id])

    def trouble(self, device: Device) -> str:
        """Why a connected device that misses something does not get it; empty where nothing is known to be in the way."""
        lacks = self.lacks(device)
        if lacks:
            return f"it misses {', '.join(map(str, lacks))} or later, which is not in the cloud's library; give it with --device-os"
        attempt = self._attempts.get(device.id)
        return "" if attempt is None or not attempt.failures else attempt.told

    def clear(self) -> None:
        """Forget what was tried (the lab went back in time)."""
        self._attempts.clear()

    def _exhausted(self, device: Device, module: LibraryModule, boot: tuple[Link, int]) -> bool:
        """Whether a module was in vain sent as often as one is, or has been taken and is not looked for yet."""
        attempt = self._attempts.get(device.id)
        if attempt is None or attempt.module != module:
            attempt = self._attempts[device.id] = _Attempt(module)
        elif attempt.taken and attempt.boot == boot:
            return True
        elif attempt.taken:
            attempt.fail("it took it, and has not got it now")
        attempt.boot = boot
        if attempt.failures < MAX_ATTEMPTS:
            return False
        self._give_up(device, attempt.told)
        return True

    def _send(self, device: Device, module: LibraryModule, attempt: _Attempt) -> None:
        told = {"function": module.facts.function.letter, "index": module.facts.index, "version": module.facts.version}
        self._events.from_device(device, "spark/safe-mode-updater/updating", json.dumps(told, separators=(",", ":")))
        reply = self._updates.start(device, module.image)

        def settle() -> None:
            try:
                reply.result()
            except DeviceRefused as error:
                attempt.fail(str(error))
            except CloudError:
                pass  # the connection was lost, or slow: nothing that speaks against the module
            else:
                attempt.taken = True

        if reply.done:
            settle()
        else:
            reply.settled.subscribe(settle)

    def _give_up(self, device: Device, why: str) -> None:
        """Say so at every connection: that is the one time at which it is tried."""
        self._events.from_device(device, GIVEN_UP, json.dumps({"reason": why}, separators=(",", ":")))

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
                return next_to_send(needs, found, installed, shelf)
        return None

    def _shelf(self, device: Device) -> Shelf:
        stand_ins = self._updates.takes_stand_ins(device.id)
        return lambda place: self._library.shelf(device.platform_id, place, stand_ins=stand_ins)


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
