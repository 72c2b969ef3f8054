"""What a device says about itself: its modules (system), its functions and variables (application).

The JSON here is byte for byte what Device OS before 5.5.0 writes: keys in its order, no spaces, module indices as strings. It is written
by hand, because the order is part of the format that the cloud's users see, and read with the ordinary JSON reader. Since 5.5.0 the
system's part is binary on the wire: `particle_protocol.cloud_messages.describe`.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from particle_protocol.functions import ModuleFunction as ModuleFunction
from particle_protocol.json_text import JsonError, parse_json
from particle_protocol.messages.values import VariableType


class DescribeError(ValueError):
    """A description that cannot be understood. The text says what is wrong with it."""


class Validity(enum.IntFlag):
    """What was checked about a module, and what passed (Device OS 6.2.0, hal/inc/ota_flash_hal.h:66-72)."""

    NONE = 0
    INTEGRITY = 2
    DEPENDENCIES = 4
    RANGE = 8
    PLATFORM = 16
    PRODUCT = 32
    FULL_DEPENDENCIES = 64


ALL_CHECKS: Final = Validity.INTEGRITY | Validity.DEPENDENCIES | Validity.RANGE | Validity.PLATFORM
"""What Device OS checks of every module: 30."""


class ModuleStore(enum.Enum):
    """Where a module lies, by the letter of the description."""

    MAIN = "m"
    FACTORY = "f"
    BACKUP = "b"
    SCRATCHPAD = "t"


@dataclass(frozen=True, slots=True)
class ModuleDependency:
    """A module needs another one, at least of this version."""

    function: ModuleFunction
    index: int
    version: int

    def __str__(self) -> str:
        return f"{self.function} {self.index} version {self.version}"


@dataclass(frozen=True, slots=True)
class DescribedAsset:
    """A file that an application carries along: one it asks for (without sizes), or one that is stored. Sizes in bytes."""

    name: str
    sha256: bytes
    size: int = 0
    storage_size: int = 0

    @property
    def identity(self) -> tuple[str, bytes]:
        """By which what is asked for and what is there are compared."""
        return self.name, self.sha256

    def __str__(self) -> str:
        return f"asset {self.name!r}"


@dataclass(frozen=True, slots=True)
class DescribedModule:
    """One module of a system description. `max_size` is the size of its slot in bytes.

    `function` None is an empty slot, which only firmware up to 0.7.0 mentions. `sha256` is given for user modules, `size` (in bytes) and
    `assets` (those that the module asks for) by the binary form alone.
    """

    max_size: int
    store: ModuleStore = ModuleStore.MAIN
    checked: Validity = ALL_CHECKS
    passed: Validity = ALL_CHECKS
    function: ModuleFunction | None = None
    index: int = 0
    version: int = 0
    dependencies: tuple[ModuleDependency, ...] = ()
    sha256: bytes = b""
    size: int = 0
    assets: tuple[DescribedAsset, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether everything that was checked has passed."""
        return self.passed & self.checked == self.checked

    def __str__(self) -> str:
        if self.function is None:
            return "empty slot"
        failed = ", ".join(str(each.name).lower() for each in self.checked & ~self.passed)
        return f"{self.function} {self.index} version {self.version}{f' (fails {failed})' if failed else ''}"


@dataclass(frozen=True, slots=True)
class SystemDescribe:
    """The system's part: platform, facts about the modem where there is one (`imei`, `iccid`, `cellfw`), modules.

    The binary form tells the assets that are stored, too.

    Key order (Device OS 2.3.1, system/src/system_info.cpp:283-352): of a module `s l vc vv`, `u` for user modules, `f n v d`.
    """

    platform_id: int
    modules: tuple[DescribedModule, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    assets: tuple[DescribedAsset, ...] = ()

    @property
    def missing_assets(self) -> tuple[DescribedAsset, ...]:
        """What its modules ask for and is not stored."""
        there = {each.identity for each in self.assets}
        return tuple(each for module in self.modules for each in module.assets if each.identity not in there)

    def encode(self, *, old_style: bool = False, assets: bool = False) -> str:
        """The JSON object, without its braces (the two parts can be merged into one object: see `merge`).

        `old_style` is that of firmware up to 0.7.0: empty slots are listed, dependencies carry an empty attribute `_`. No firmware tells
        `assets` in this form; a cloud that makes it of the binary one may (under `assets` and `missing_assets`, which is a choice).
        """
        extra = "".join(f"{_text(key)}:{_text(value)}," for key, value in self.extra.items())
        modules = ",".join(module_json(each, old_style=old_style) for each in self.modules if old_style or each.function is not None)
        told = f',"assets":[{_assets(self.assets)}],"missing_assets":[{_assets(self.missing_assets)}]' if assets else ""
        return f'"p":{self.platform_id},{extra}"m":[{modules}]{told}'


@dataclass(frozen=True, slots=True)
class ApplicationDescribe:
    """The application's part: names of its functions, and its variables with their types. Both are empty in safe mode."""

    functions: tuple[str, ...] = ()
    variables: Mapping[str, VariableType] = field(default_factory=dict)

    def encode(self) -> str:
        """The JSON object, without its braces (Device OS 6.2.0, system/src/system_info.cpp:443-470)."""
        functions = ",".join(map(_text, self.functions))
        variables = ",".join(f"{_text(name)}:{int(type_)}" for name, type_ in self.variables.items())
        return f'"f":[{functions}],"v":{{{variables}}}'


@dataclass(frozen=True, slots=True)
class Description:
    """What one describe message says: either part, or both."""

    system: SystemDescribe | None = None
    application: ApplicationDescribe | None = None

    def encode(self, *, old_style: bool = False) -> bytes:
        """The payload of the message. With both parts in it, the application's keys come first."""
        parts = [] if self.application is None else [self.application.encode()]
        if self.system is not None:
            parts.append(self.system.encode(old_style=old_style))
        return ("{" + ",".join(parts) + "}").encode()

    @classmethod
    def decode(cls, payload: bytes) -> Description:
        """Read the payload of a describe message in JSON form.

        Raises:
            DescribeError: no JSON, or not of the expected structure.
        """
        try:
            document = parse_json(payload)
        except JsonError as error:
            raise DescribeError(f"the description {error}") from None
        if not isinstance(document, dict):
            raise DescribeError("the description is no JSON object")
        try:
            application = _application(document) if "f" in document or "v" in document else None
            system = _system(document) if "m" in document or "p" in document else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DescribeError(f"the description has an unexpected structure: {error!r}") from None
        return cls(system, application)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _assets(assets: Iterable[DescribedAsset]) -> str:
    return ",".join(f'{{"name":{_text(each.name)},"hash":"{each.sha256.hex()}"}}' for each in assets)


def module_json(module: DescribedModule, *, old_style: bool = False, platform_id: int | None = None) -> str:
    """One module as a JSON object; with its platform where it stands alone, as in the verdict on an update (up to Device OS 1.5)."""
    head = "{" if platform_id is None else f'{{"p":{platform_id},'
    head += f'"s":{module.max_size},"l":"{module.store.value}","vc":{int(module.checked)},"vv":{int(module.passed)}'
    if module.function is None:
        return head + "}"
    sha256 = f',"u":"{module.sha256.hex()}"' if module.sha256 else ""
    tail = ',"_":""}' if old_style else "}"
    dependencies = ",".join(f'{{"f":"{each.function.letter}","n":"{each.index}","v":{each.version}{tail}' for each in module.dependencies)
    return f'{head}{sha256},"f":"{module.function.letter}","n":"{module.index}","v":{module.version},"d":[{dependencies}]}}'


def _application(document: dict[str, Any]) -> ApplicationDescribe:
    functions = document.get("f", [])
    if not isinstance(functions, list) or not all(isinstance(each, str) for each in functions):
        raise TypeError("f is no list of names")
    variables = {name: VariableType(type_) for name, type_ in document.get("v", {}).items() if type_ in _TYPES}
    return ApplicationDescribe(tuple(functions), variables)


def _system(document: dict[str, Any]) -> SystemDescribe:
    platform_id = document.get("p", 0)
    if not isinstance(platform_id, int):
        raise TypeError("p is no number")
    modules = document.get("m", [])
    if not isinstance(modules, list):
        raise TypeError("m is no list")
    extra = {key: value for key, value in document.items() if key not in "pmfv" and isinstance(value, str)}
    return SystemDescribe(platform_id, tuple(_module(each) for each in modules if each.get("f") in _LETTERS), extra)


_TYPES = frozenset(VariableType)
_BY_LETTER = {each.letter: each for each in ModuleFunction if each.has_letter}
_LETTERS = {None, *_BY_LETTER}
"""Variables of other types, and modules of other kinds, are left out: later firmware may have some."""


def _module(item: dict[str, Any]) -> DescribedModule:
    return DescribedModule(
        max_size=int(item.get("s", 0)),
        store=ModuleStore(item.get("l", "m")),
        checked=Validity(item.get("vc", 0)),
        passed=Validity(item.get("vv", 0)),
        function=_BY_LETTER[item["f"]] if "f" in item else None,
        index=int(item.get("n", 0)),
        version=int(item.get("v", 0)),
        dependencies=tuple(
            ModuleDependency(_BY_LETTER[each["f"]], int(each["n"]), int(each["v"])) for each in item.get("d", []) if each["f"] in _LETTERS
        ),
        sha256=bytes.fromhex(item.get("u", "")),
    )
