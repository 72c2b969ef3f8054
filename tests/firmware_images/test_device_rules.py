"""The device's verdict."""

from __future__ import annotations

from firmware_images.build import build_module
from firmware_images.device_rules import Check, ModuleError, validate
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.module import Module, read_module

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART


def module(function: ModuleFunction, index: int, version: int, *needs: tuple[ModuleFunction, int, int], platform: int = 6) -> Module:
    return read_module(build_module(platform, function, index, version, dependencies=[Dependency(*need) for need in needs], body=b"body"))


SYSTEM_1 = module(SYSTEM, 1, 2101, (SYSTEM, 2, 207))
SYSTEM_2 = module(SYSTEM, 2, 2101, (SYSTEM, 1, 2101), (BOOTLOADER, 0, 1003))
BOOT = module(BOOTLOADER, 0, 1005)
INSTALLED = [SYSTEM_1.prefix, SYSTEM_2.prefix, BOOT.prefix]


def test_a_healthy_module_passes_all_four_checks_as_30() -> None:
    for each in (SYSTEM_1, SYSTEM_2, BOOT, module(USER, 1, 6, (SYSTEM, 2, 2101))):
        verdict = validate(each, 6, INSTALLED)
        assert (verdict.checked, verdict.passed, verdict.error) == (30, 30, None)


def test_an_unmet_dependency_loses_bit_4() -> None:
    verdict = validate(module(USER, 1, 6, (SYSTEM, 2, 2200)), 6, INSTALLED)
    assert (verdict.checked, verdict.passed) == (30, 26)
    assert verdict.error is ModuleError.DEPENDENCY
    assert verdict.error == -1340


def test_the_dependencies_of_a_user_part_are_not_asked_for_when_an_update_is_applied() -> None:
    assert validate(module(USER, 1, 6, (SYSTEM, 2, 2200)), 6, INSTALLED, user_optional=True).ok


def test_a_second_dependency_on_a_bootloader_is_not_asked_for_when_an_update_is_applied() -> None:
    new = module(SYSTEM, 2, 2302, (SYSTEM, 1, 2101), (BOOTLOADER, 0, 1006))
    assert validate(new, 6, INSTALLED).error is ModuleError.DEPENDENCY
    assert validate(new, 6, INSTALLED, user_optional=True).ok


def test_a_second_dependency_is_not_looked_at_when_the_first_is_unused() -> None:
    assert validate(module(SYSTEM, 1, 2101, (ModuleFunction.NONE, 0, 0), (SYSTEM, 2, 9999)), 6, INSTALLED).ok


def test_a_bad_crc_loses_bit_2() -> None:
    data = bytearray(BOOT.data)
    data[100] ^= 1
    verdict = validate(read_module(data), 6, INSTALLED)
    assert (verdict.passed, verdict.error) == (28, ModuleError.INTEGRITY)


def test_a_module_of_another_platform_loses_bit_16() -> None:
    verdict = validate(module(SYSTEM, 1, 2101, (SYSTEM, 2, 207), platform=8), 6, INSTALLED)
    assert (verdict.passed, verdict.error) == (14, ModuleError.PLATFORM)


def test_outside_its_region_nothing_else_is_evaluated() -> None:
    electron_part = module(SYSTEM, 3, 2101, platform=10)
    assert validate(electron_part, 6, INSTALLED) == validate(module(USER, 1, 5, platform=12), 6, INSTALLED)
    assert validate(electron_part, 6, INSTALLED).passed == 0


def test_a_system_part_may_not_fall_behind_what_the_other_needs() -> None:
    older = module(SYSTEM, 1, 1512, (SYSTEM, 2, 207))
    verdict = validate(older, 6, INSTALLED, checks=Check(30) | Check.DEPENDENCIES_FULL)
    assert verdict.checked & ~verdict.passed == Check.DEPENDENCIES_FULL
    assert verdict.error is ModuleError.DEPENDENCY
