"""The verdict of a device on a module: which checks it makes and which of them pass.

This is what a describe message reports as `vc` and `vv`, and what an over-the-air update is accepted or refused by. Sources: Device OS
2.3.1, hal/src/stm32/ota_module.cpp:65-96 and hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp:103-202; Device OS 6.2.0,
hal/src/nRF52840/ota_flash_hal.cpp:229-331 and :443-463 (the error codes: services/inc/system_error.h:65-75).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from firmware_images.bounds import find_slot
from firmware_images.fields import Dependency, ModuleFunction, Prefix
from firmware_images.module import Module
from firmware_images.stand_in import as_read_here


class Check(enum.IntFlag):
    """One check of the device; the numbers are those of a describe message."""

    INTEGRITY = 2
    DEPENDENCIES = 4
    RANGE = 8
    PLATFORM = 16
    PRODUCT = 32
    DEPENDENCIES_FULL = 64


BOOT_CHECKS = Check.INTEGRITY | Check.DEPENDENCIES | Check.RANGE | Check.PLATFORM
"""What a healthy module shows in a describe message: 30."""
UPDATE_CHECKS = BOOT_CHECKS | Check.DEPENDENCIES_FULL
"""What is checked of an update."""


class ModuleError(enum.IntEnum):
    """Why a device refuses a module (Device OS 6.2.0, services/inc/system_error.h:26-75)."""

    NO_MEMORY = -260
    BAD_DATA = -280
    NOT_FOUND = -1300
    UNSUPPORTED = -1310
    INVALID = -1320
    INTEGRITY = -1330
    DEPENDENCY = -1340
    RANGE = -1350
    INVALID_SIZE = -1351
    PLATFORM = -1360
    INVALID_FORMAT = -1370
    FAILED = -1390


@dataclass(frozen=True, slots=True)
class Validity:
    """What was checked and what passed; sound when both are the same."""

    checked: Check
    passed: Check

    @property
    def ok(self) -> bool:
        """Whether every check made has passed."""
        return self.checked == self.passed

    @property
    def error(self) -> ModuleError | None:
        """The code the device answers with, or None when all is well."""
        failed = self.checked & ~self.passed
        for checks, code in _ERRORS:
            if failed & checks:
                return code
        return ModuleError.INVALID if failed else None


_ERRORS = (
    (Check.INTEGRITY, ModuleError.INTEGRITY),
    (Check.DEPENDENCIES | Check.DEPENDENCIES_FULL, ModuleError.DEPENDENCY),
    (Check.RANGE, ModuleError.RANGE),
    (Check.PLATFORM, ModuleError.PLATFORM),
)


def validate(
    module: Module,
    platform_id: int,
    installed: Iterable[Prefix],
    *,
    checks: Check = BOOT_CHECKS,
    user_optional: bool = False,
    made_here: bool = False,
) -> Validity:
    """Judge a module as a device of a platform does.

    Quirks kept: only the end address is compared with the region; when the region is not met nothing else is evaluated; a first
    dependency of function NONE passes without a look at the second; dependencies are looked at one level deep.

    Args:
        module: to be judged.
        platform_id: of the device.
        installed: prefixes of the valid modules on the device. The module itself may be among them.
        checks: which to make; RANGE and PLATFORM are always made.
        user_optional: as when an update is applied: the dependencies of a user part are not asked for, nor a second dependency on a
            bootloader.
        made_here: the board is one that stand-ins are built for, and reads their dependencies as those of the real modules.
    """
    checked = checks | Check.RANGE | Check.PLATFORM
    passed = Check(0)
    prefix = as_read_here(module.prefix) if made_here else module.prefix
    slot = find_slot(platform_id, prefix.function, prefix.index)
    if prefix.function != ModuleFunction.ASSET:
        if slot is None or not slot.holds_end(prefix.end_address):
            return Validity(checked, passed)
        passed |= Check.RANGE
        if prefix.platform_id == platform_id:
            passed |= Check.PLATFORM
        present = {(other.function, other.index): as_read_here(other) if made_here else other for other in installed}
        if checks & Check.DEPENDENCIES and dependencies_met(prefix, present.values(), user_optional=user_optional):
            passed |= Check.DEPENDENCIES
        if checks & Check.DEPENDENCIES_FULL and not broken_dependents(prefix, present.values()):
            passed |= Check.DEPENDENCIES_FULL
    else:
        passed |= checked & ~Check.INTEGRITY
    if checks & Check.INTEGRITY and module.crc_ok:
        passed |= Check.INTEGRITY
    return Validity(checked, passed)


def dependencies_met(prefix: Prefix, installed: Iterable[Prefix], *, user_optional: bool = False) -> bool:
    """Whether the modules that `prefix` asks for are there, as the device decides it."""
    if prefix.dependency.function is ModuleFunction.NONE:
        return True
    if user_optional and prefix.function is ModuleFunction.USER_PART:
        return True
    present = {(other.function, other.index): other.version for other in installed}
    if not _met(prefix.dependency, present):
        return False
    second = prefix.dependency2
    if second.function is ModuleFunction.NONE or (user_optional and second.function is ModuleFunction.BOOTLOADER):
        return True
    return _met(second, present)


def _met(dependency: Dependency, present: dict[tuple[ModuleFunction, int], int]) -> bool:
    version = present.get((dependency.function, dependency.index))
    return version is not None and version >= dependency.version


def broken_dependents(prefix: Prefix, installed: Iterable[Prefix]) -> list[Prefix]:
    """The other installed system parts that need a newer version of the system part that `prefix` is."""
    if prefix.function is not ModuleFunction.SYSTEM_PART:
        return []
    own = (prefix.function, prefix.index)
    return [
        other
        for other in installed
        if other.function is ModuleFunction.SYSTEM_PART
        and other.index != prefix.index
        and any((dep.function, dep.index) == own and dep.version > prefix.version for dep in other.dependencies)
    ]
