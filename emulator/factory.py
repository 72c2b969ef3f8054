"""What a factory does: it makes the flash image of a Device OS release, gives a board its identity and keys, and writes its DCT.

Without the vendor's binaries a release is *built*: modules with the right places, versions and dependencies, whose body holds only what
other code looks for (the version's text, the functions an application registers). Real binaries may be given instead.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import lru_cache

from emulator.board.flash import Sector
from emulator.device_os.applications import marker
from firmware_images.build import build_module
from firmware_images.fields import UNSET, Dependency, ModuleFunction
from firmware_images.module import read_module
from particle_protocol.platforms import Platform, parse_os_version, platform_by_id

STM32F205_SECTORS = (
    *(Sector(0x08000000 + number * 0x4000, 0x4000) for number in range(4)),
    Sector(0x08010000, 0x10000),
    *(Sector(0x08020000 + number * 0x20000, 0x20000) for number in range(7)),
)
"""1 MiB: four sectors of 16 KiB, one of 64, seven of 128 (STM32F205 reference manual RM0033, table 5)."""

_MODULE_VERSIONS = {
    (0, 7, 0): (207, 101),
    (1, 5, 2): (1512, 502),
    (2, 0, 0): (2008, 1003),
    (2, 1, 0): (2101, 1005),
    (2, 2, 0): (2202, 1006),
    (2, 3, 1): (2302, 1006),
    (3, 0, 0): (3005, 1005),
    (3, 3, 1): (3302, 1100),
}
"""System and bootloader module versions by release (Device OS, modules/shared/system_module_version.mk of each)."""

RELEASES = tuple(".".join(map(str, release)) for release in _MODULE_VERSIONS)
"""The Device OS releases whose module versions are known, oldest first."""

_FIRST_SYSTEM_PART_2 = 207
_NEEDED_BOOTLOADER = 1003
TINKER_FUNCTIONS = ("digitalread", "digitalwrite", "analogread", "analogwrite")


def module_versions(os_version: str) -> tuple[int, int]:
    """The module versions of the system parts and of the bootloader of a release.

    Raises:
        ValueError: not a version.
    """
    numbers = parse_os_version(os_version)
    known = _MODULE_VERSIONS.get(numbers)
    if known is not None:
        return known
    major, minor, patch = numbers
    older = [versions[1] for release, versions in sorted(_MODULE_VERSIONS.items()) if release <= numbers]
    return major * 1000 + minor * 100 + patch, older[-1] if older else 101


@lru_cache(maxsize=32)
def device_os_release(platform: Platform, os_version: str) -> tuple[bytes, ...]:
    """The modules of a Device OS release for the Photon or the P1: bootloader, system part 1, system part 2.

    Dependencies are those of the real ones (Device OS 2.3.1, modules/photon): part 1 needs part 2 at 207, part 2 needs part 1 of its own
    version and a bootloader.

    Raises:
        ValueError: not a version.
    """
    system, bootloader = module_versions(os_version)
    part = ModuleFunction.SYSTEM_PART
    text = os_version.encode() + b"\0"
    needed_bootloader = min(bootloader, _NEEDED_BOOTLOADER)
    return (
        build_module(platform.id, ModuleFunction.BOOTLOADER, 0, bootloader, body=b"\0" * 64),
        build_module(platform.id, part, 1, system, dependencies=(Dependency(part, 2, _FIRST_SYSTEM_PART_2),), body=b"\0" * 64),
        build_module(
            platform.id,
            part,
            2,
            system,
            dependencies=(Dependency(part, 1, system), Dependency(ModuleFunction.BOOTLOADER, 0, needed_bootloader)),
            body=b"\0" * 64 + text,
        ),
    )


def user_part(
    platform: Platform,
    os_version: str,
    application: str | None = None,
    product: tuple[int, int] | None = None,
    body: bytes = b"",
) -> bytes:
    """A user part built for a release: Tinker, or the application registered with the Lab under a name.

    `product` is PRODUCT_ID and PRODUCT_VERSION. The module's version and its one dependency are those of a real build for that release.
    """
    names = b"\0".join(name.encode() for name in TINKER_FUNCTIONS) + b"\0"
    product_id, product_version = product if product is not None else (UNSET, UNSET)
    return build_module(
        platform.id,
        ModuleFunction.USER_PART,
        1,
        6,
        dependencies=(Dependency(ModuleFunction.SYSTEM_PART, 2, module_versions(os_version)[0]),),
        body=(names if application is None else marker(application)) + body,
        product_id=product_id,
        product_version=product_version,
    )


@lru_cache(maxsize=16)
def flash_image(platform_id: int, modules: tuple[bytes, ...]) -> bytes:
    """The content of a whole internal flash with these modules in their places, and nothing else. Shared among boards.

    Raises:
        ValueError: a module lies outside of the flash.
        NotAModule: one is no module.
    """
    sectors = sectors_of(platform_by_id(platform_id))
    start, end = sectors[0].start, sectors[-1].end
    image = bytearray(b"\xff" * (end - start))
    for content in modules:
        module = read_module(content, platform_id=platform_id)
        place = module.prefix.start_address
        if place < start or place + module.size > end:
            raise ValueError(f"{module.prefix} lies outside of the flash at {start:#x}-{end:#x}")
        image[place - start : place - start + module.size] = module.content
    return bytes(image)


def sectors_of(platform: Platform) -> tuple[Sector, ...]:
    """The sectors of a platform's internal flash.

    Raises:
        ValueError: the platform cannot be emulated yet.
    """
    check_emulated(platform)
    return STM32F205_SECTORS


EMULATED = ("photon",)
"""Names of the platforms that can be emulated."""


def check_emulated(platform: Platform) -> None:
    """Refuse a platform that cannot be emulated yet.

    Raises:
        ValueError: as said.
    """
    if platform.name not in EMULATED:
        raise ValueError(f"{platform.display_name} cannot be emulated yet; these can: {', '.join(EMULATED)}")


def make_device_code(rng: random.Random) -> str:
    """The six characters at the end of a board's setup network's name (Device OS 2.3.1, hal/src/stm32f2xx/device_code.cpp:7-73)."""
    return "".join(rng.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(6))


def combined(modules: Iterable[bytes]) -> tuple[bytes, ...]:
    """Modules as `flash_image` wants them: of those with the same place, the last one counts."""
    by_place: dict[int, bytes] = {}
    for content in modules:
        by_place[read_module(content).prefix.start_address] = bytes(content)
    return tuple(by_place.values())
