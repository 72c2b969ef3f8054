"""Modules that only stand for real ones: no real board installs them, and nobody takes them for anything else."""

from __future__ import annotations

import pytest

from emulator.factory import device_os_release, user_part
from firmware_images.build import build_module
from firmware_images.checks import ANY_DEVICE, Target, check_module
from firmware_images.close_checks import check_closely
from firmware_images.device_rules import ModuleError, validate
from firmware_images.fields import NO_DEPENDENCY, Dependency, ModuleFunction, Prefix
from firmware_images.findings import FindingName, Severity
from firmware_images.module import read_module
from firmware_images.stand_in import as_read_here, is_stand_in, stand_in_dependencies
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import Platform, platforms

BUILDABLE = [platform for platform in platforms() if known_releases(platform)]
ids = pytest.mark.parametrize("platform", BUILDABLE, ids=lambda platform: platform.name)


def some_releases(platform: Platform) -> list[str]:
    """The oldest, the newest, and one from each line of releases."""
    by_line = {release.numbers[0]: release.version for release in known_releases(platform)}
    return sorted({known_releases(platform)[0].version, *by_line.values()})


def newest_real(platform: Platform) -> list[Prefix]:
    """What a real board has installed that has the newest there is."""
    newest = known_releases(platform)[-1].version
    return [as_read_here(read_module(image).prefix) for image in device_os_release(platform, newest)]


@ids
def test_no_real_board_installs_one_and_none_starts_an_application(platform: Platform) -> None:
    installed = newest_real(platform)
    for version in some_releases(platform):
        for image in device_os_release(platform, version):
            verdict = validate(read_module(image), platform.id, installed, user_optional=True)
            assert verdict.error is ModuleError.DEPENDENCY, version
        application = read_module(user_part(platform, version))
        assert validate(application, platform.id, installed).error is ModuleError.DEPENDENCY, "it is left in safe mode"


@ids
def test_a_board_made_here_reads_it_as_the_module_that_it_stands_for(platform: Platform) -> None:
    for version in some_releases(platform):
        modules = [read_module(image) for image in (*device_os_release(platform, version), user_part(platform, version))]
        prefixes = [module.prefix for module in modules]
        if any(need.function is ModuleFunction.NCP for prefix in prefixes for need in prefix.dependencies):
            continue  # The network processor's firmware is no part of a release.
        assert [validate(module, platform.id, prefixes, made_here=True).error for module in modules] == [None] * len(modules), version


@ids
def test_it_is_named_so_and_is_sound_for_boards_made_here(platform: Platform) -> None:
    for image in (*device_os_release(platform, some_releases(platform)[-1]), user_part(platform, some_releases(platform)[0])):
        for check in (check_module, check_closely):
            (found,) = check(read_module(image), ANY_DEVICE)
            assert (found.name, found.severity) == (FindingName.STAND_IN, Severity.ERROR)
            assert "emulated boards" in found.detail
            assert check(read_module(image), Target(platform_id=platform.id, made_here=True)) == ()


def test_a_real_module_without_dependencies_is_told_from_one_that_needs_version_0() -> None:
    zero = Dependency(ModuleFunction.SYSTEM_PART, 1, 0)
    for real in ((), (zero,), (zero, Dependency(ModuleFunction.BOOTLOADER, 0, 7))):
        stand_in = read_module(build_module(6, ModuleFunction.SYSTEM_PART, 2, 1, dependencies=stand_in_dependencies(real))).prefix
        assert is_stand_in(stand_in)
        assert as_read_here(stand_in).dependencies == real
    plain = read_module(build_module(6, ModuleFunction.SYSTEM_PART, 2, 1, dependencies=(zero,))).prefix
    assert not is_stand_in(plain)
    assert as_read_here(plain) is plain
    assert plain.dependency2 == NO_DEPENDENCY


def test_what_would_get_lost_is_judged_by_what_it_stands_for() -> None:
    old = read_module(build_module(6, ModuleFunction.SYSTEM_PART, 1, 2000))
    needs = stand_in_dependencies([Dependency(ModuleFunction.SYSTEM_PART, 1, 2302)])
    other = read_module(build_module(6, ModuleFunction.SYSTEM_PART, 2, 2302, dependencies=needs)).prefix
    found = check_module(old, Target(installed=(other,), made_here=True))
    assert [(finding.name, finding.expected) for finding in found] == [(FindingName.DEPENDENT_BROKEN, "version 2302")]
