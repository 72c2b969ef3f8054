"""Stand-ins: modules that are built here in the place of real ones, and that no real board may get.

A stand-in's first dependency asks for a version that nothing real has: that of the real module's dependency, with the highest bit set;
where the real module has none, a version of system part 1, which every board has a place for. So Device OS itself refuses to install it:
the module it asks for is there, and too old (2.3.1, hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp:103-202). A dependency on a module that
a board has no place for would not do, because the Photon's Device OS looks for such a module at address 0 (hal/src/stm32/ota_module.cpp).
Boards made here read a stand-in's first dependency as the real one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from firmware_images.fields import NO_DEPENDENCY, Dependency, ModuleFunction, Prefix

STAND_INS: Final = "stand-ins: for emulated boards only"
"""What is said wherever they are handed out."""
STAND_IN_BIT: Final = 0x8000
"""Set in the version that a stand-in asks for."""
_VERSIONS: Final = range(STAND_IN_BIT, 0xA000)
"""The versions that a stand-in asks for. Those of Device OS are build numbers; the highest one of today is below 7000."""
NEEDS_NOTHING: Final = Dependency(ModuleFunction.SYSTEM_PART, 1, _VERSIONS[-1])
"""What a stand-in for a module without dependencies asks for."""


def stand_in_dependencies(dependencies: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """The dependencies of a stand-in for a module that has these."""
    first, *rest = (*dependencies,) or (NEEDS_NOTHING,)
    return replace(first, version=first.version | STAND_IN_BIT), *rest


def is_stand_in(prefix: Prefix) -> bool:
    """Whether a module is a stand-in."""
    return prefix.dependency.version in _VERSIONS and bool(prefix.dependency.function)


def real_version(version: int) -> int:
    """The version that a first dependency means: of a stand-in's the real module's, any other as it is."""
    return version & ~STAND_IN_BIT if version in _VERSIONS else version


@lru_cache(maxsize=1024)
def as_read_here(prefix: Prefix) -> Prefix:
    """The prefix as boards made here read it: that of a stand-in with the dependencies of the real module, any other as it is."""
    if not is_stand_in(prefix):
        return prefix
    first = prefix.dependency
    return replace(prefix, dependency=NO_DEPENDENCY if first == NEEDS_NOTHING else replace(first, version=real_version(first.version)))
