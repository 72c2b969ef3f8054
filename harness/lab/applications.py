"""Applications of emulated boards that users write as Python classes, named as `module:Class`."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Final

from emulator.board.sleep import WakeUp
from emulator.device_os.application import Application, every, function, subscribe, variable
from emulator.device_os.sleeping import SleepMode, SleepNetwork
from emulator.factory import user_part
from emulator.lab import Lab
from harness.boards.emulated import EmulatedBoard
from harness.errors import Blame, HarnessError, hides
from harness.lab.projects import FolderProject
from harness.rack.lab_file import LabProject
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import Platform
from particle_protocol.softap import SetupPage

__all__ = [
    "Application",
    "SetupPage",
    "SleepMode",
    "SleepNetwork",
    "WakeUp",
    "every",
    "function",
    "load_application",
    "subscribe",
    "variable",
]

__tracebackhide__ = hides

_SPEC: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def load_application(spec: str, folder: Path | None = None) -> type[Application]:
    """The class that `module:Class` names; modules are looked for in `folder` (the current one unless given) before anywhere else.

    Raises:
        HarnessError: there is none, it is no application, or its module cannot be imported; tells which and why.
    """
    if not _SPEC.fullmatch(spec):
        raise _refused(spec, "this is no module:Class", "Write the module, a colon and the class, as in apps.lamp:Lamp")
    name = spec.partition(":")[0]
    place = str((Path() if folder is None else folder).resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise _refused(spec, f"there is no module {error.name}", f"Put it into {place}, or install it") from None
        raise _refused(spec, f"importing {name} fails: {type(error).__name__}: {error}", "Mend the module") from error
    return _class_in(module, spec)


def module_file(spec: str) -> Path | None:
    """The file of the module that `module:Class` names, once it has been imported."""
    module = sys.modules.get(spec.partition(":")[0])
    return Path(module.__file__) if module is not None and module.__file__ is not None else None


def _class_in(module: ModuleType, spec: str) -> type[Application]:
    class_name = spec.partition(":")[2]
    found = getattr(module, class_name, None)
    if found is None:
        raise _refused(spec, f"{module.__file__} has no {class_name}", f"It has: {', '.join(_applications(vars(module))) or 'none'}")
    if not (isinstance(found, type) and issubclass(found, Application)):
        raise _refused(spec, "this is no application", f"Write class {class_name}(Application), with Application from particle_hil")
    return found


class LabApplications:
    """The applications of one Lab's boards.

    The first of `specs` is what boards run that name none. Each can be flashed over REST by the name of its class.
    """

    def __init__(self, lab: Lab, specs: Iterable[str], folder: Path | None) -> None:
        self._lab = lab
        self._folder = folder
        self._classes: dict[str, type[Application]] = {}
        self._read: dict[str, tuple[Path, int]] = {}
        """The files of their modules, and when those were changed last."""
        self.register(specs, None)
        self._default = next(iter(self._classes), None)

    def register(self, specs: Iterable[str], folder: Path | None) -> None:
        """Make applications known, so that user parts that carry their names run them.

        Raises:
            HarnessError: see `load_application`.
        """
        for spec in specs:
            if spec not in self._classes:
                self._set(spec, load_application(spec, folder))

    def refresh(self) -> None:
        """Read the modules again that have changed; boards run what is in them from their next reset on.

        Raises:
            HarnessError: one cannot be imported any more, or has the class no more. Boards go on with what they had.
        """
        for spec, (file, read) in list(self._read.items()):
            now = file.stat().st_mtime_ns if file.is_file() else read
            if now == read:
                continue
            self._read[spec] = file, now
            module = sys.modules[spec.partition(":")[0]]
            try:
                exec(compile(file.read_bytes(), str(file), "exec"), vars(module))  # noqa: S102  # a reload, but never of what a .pyc has
            except Exception as error:
                raise _refused(spec, f"importing {module.__name__} fails: {type(error).__name__}: {error}", "Mend the module") from error
            self._set(spec, _class_in(module, spec))

    def _set(self, spec: str, application: type[Application]) -> None:
        self._classes[spec] = application
        file = module_file(spec)
        if file is not None and file.is_file():
            self._read[spec] = file, file.stat().st_mtime_ns
        self._lab.driver.call(self._lab.applications.__setitem__, registered_name(spec), application)

    def projects(self, projects: Iterable[LabProject]) -> list[FolderProject]:
        """What the sources of a lab file's projects compile to; their applications are registered."""
        return [FolderProject(each.folder, registered_name(each.application), self._classes[each.application]) for each in projects]

    def of(self, wanted: EmulatedBoard) -> tuple[str | None, tuple[int, int] | None]:
        """What a board's user part is: the name of its application, with product id and version. None: Tinker.

        Raises:
            HarnessError: see `load_application`.
            ValueError: the board has real firmware, which runs no Python.
        """
        spec = wanted.application
        if spec is not None and wanted.firmware != "built":
            raise ValueError(f"application={spec} and firmware={wanted.firmware} contradict each other: leave one of them out")
        spec = spec or (self._default if wanted.firmware == "built" else None)
        if spec is None:
            return None, None
        self.register([spec], self._folder)
        return registered_name(spec), self._classes[spec].product

    def offer(self, platform: Platform, os: str) -> None:
        """Let the applications be flashed by name to boards of a platform."""
        for spec, each in self._classes.items():
            image = user_part(platform, os, registered_name(spec), each.product)
            self._lab.driver.call(self._lab.cloud.applications.add, each.__name__, image)


def build(lab: Lab, platform: Platform, application: type[Application], product: tuple[int, int] | None = None) -> bytes:
    """The user part that runs an application on a Lab's boards of a platform, whatever Device OS they have.

    Raises:
        HarnessError: the class is no application.
    """
    given: object = application
    if not (isinstance(given, type) and issubclass(given, Application)):
        raise HarnessError(
            f"{application!r} is no application", blame=Blame.REQUEST, remedy="Derive the class from particle_hil.Application"
        )
    stem = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{application.__module__}.{application.__qualname__}")
    names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    name = next(each for each in names if lab.applications.get(each, application) is application)
    lab.driver.call(lab.applications.__setitem__, name, application)
    return user_part(platform, known_releases(platform)[0].version, name, application.product or product)


def registered_name(spec: str) -> str:
    """Under which name an application is registered with a Lab, and stands in the user parts that run it."""
    return spec.replace(":", ".")


def _applications(names: dict[str, object]) -> list[str]:
    return [
        name for name, thing in names.items() if isinstance(thing, type) and issubclass(thing, Application) and thing is not Application
    ]


def _refused(spec: str, why: str, remedy: str) -> HarnessError:
    return HarnessError(f"application {spec}: {why}", blame=Blame.REQUEST, remedy=remedy)
