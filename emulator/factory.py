"""What a factory does: it makes the flash image of a Device OS release, gives a board its identity and keys, and writes its DCT.

Without the vendor's binaries a release is *built*: modules with the right places, versions and dependencies, whose body holds only what
other code looks for (the version's text, the functions an application registers). They are stand-ins (`firmware_images.stand_in`), which
no real board takes. Real binaries may be given instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from emulator.device_os.applications import marker
from emulator.device_os.installers import ESP32
from emulator.hardware import EXTERNAL, INTERNAL, Hardware
from firmware_images.build import build_module
from firmware_images.fields import UNSET, Dependency, ModuleFunction
from firmware_images.module import as_it_lies, read_module
from firmware_images.placing import application_index
from firmware_images.softdevice import build_radio_stack, make_softdevice
from firmware_images.stand_in import is_stand_in, stand_in_dependencies
from particle_protocol.os_versions import ModuleNeed, ReleaseModule, known_releases, os_release
from particle_protocol.platforms import MemoryMap, Platform

_NO_SOFTDEVICE = b"no SoftDevice".ljust(20, b"\0")
"""The unique string of what stands for a SoftDevice."""
TINKER_FUNCTIONS = ("digitalread", "digitalwrite", "analogread", "analogwrite")


@lru_cache(maxsize=256)
def device_os_release(platform: Platform, os_version: str, versions: tuple[tuple[ModuleFunction, int], ...] = ()) -> tuple[bytes, ...]:
    """The modules of a Device OS release, in the order in which they are installed, with the real ones' versions and dependencies.

    `versions` are modules by function (the first of its kind) that are to have another version than the release's.

    Raises:
        NoSuchRelease: the platform never had it; tells those it had.
        ValueError: the release has no such module.
    """
    release = os_release(platform, os_version)
    text = release.version.encode() + b"\0"
    named = release.user_part_need(platform).key
    memory = platform.memory(release.numbers)
    modules = [_with_version(module, versions) for module in release.modules(platform)]
    for function, _ in versions:
        if all(module.key.function is not function for module in modules):
            raise ValueError(f"Device OS {release.version} has no {function} on the {platform.display_name}")
    return tuple(_built(platform, memory, module, b"\0" * 64 + (text if module.key == named else b"")) for module in modules)


def _with_version(module: ReleaseModule, versions: tuple[tuple[ModuleFunction, int], ...]) -> ReleaseModule:
    wanted = dict(versions).get(module.key.function) if module.key.index == 0 else None
    return module if wanted is None else replace(module, version=wanted)


def _built(platform: Platform, memory: MemoryMap, module: ReleaseModule, body: bytes) -> bytes:
    needs = stand_in_dependencies(_dependency(need) for need in module.needs)
    if module.key.function is ModuleFunction.RADIO_STACK:
        return build_radio_stack(make_softdevice(module.version, _NO_SOFTDEVICE), platform.id, dependencies=needs)
    slot = memory.slot(module.key.function, module.key.index)
    if not slot.fixed_end:
        # As the real one it reaches over where other versions have theirs, so that only one of them can be intact.
        furthest = max((each.start for other in platform.memories() for each in other.modules if each.key == slot.key), default=0)
        body = body.ljust(furthest - slot.start + len(body) if furthest > slot.start else 0, b"\0")
    start = None if slot.fixed_end else slot.start
    return build_module(platform.id, slot.function, slot.index, module.version, dependencies=needs, body=body, start_address=start)


def built_releases(platform: Platform) -> Iterator[bytes]:
    """The modules of every release whose recipe is known, oldest first, and the network processors' firmware that these need."""
    processors: dict[int, bytes] = {}
    for release in known_releases(platform):
        yield from device_os_release(platform, release.version)
        for need in (need for module in release.modules(platform) for need in module.needs if need.key.function is ModuleFunction.NCP):
            if need.version not in processors:
                processors[need.version] = build_module(
                    platform.id, need.key.function, need.key.index, need.version, dependencies=stand_in_dependencies(()), mcu_target=ESP32
                )
    yield from processors.values()


def user_part(
    platform: Platform,
    os_version: str,
    application: str | None = None,
    product: tuple[int, int] | None = None,
    body: bytes = b"",
) -> bytes:
    """A user part built for a release: Tinker, or the application registered with the Lab under a name.

    `product` is PRODUCT_ID and PRODUCT_VERSION. The module's version and its one dependency are those of a real build for that release.

    Raises:
        NoSuchRelease: the platform never had that release; tells those it had.
    """
    release = os_release(platform, os_version)
    need = release.user_part_need(platform)
    names = b"\0".join(name.encode() for name in TINKER_FUNCTIONS) + b"\0"
    product_id, product_version = product if product is not None else (UNSET, UNSET)
    return build_module(
        platform.id,
        ModuleFunction.USER_PART,
        application_index(platform.id, need.version),
        release.tinker,
        dependencies=stand_in_dependencies([_dependency(need)]),
        body=(names if application is None else marker(application)) + body,
        product_id=product_id,
        product_version=product_version,
    )


def _dependency(need: ModuleNeed) -> Dependency:
    return Dependency(need.key.function, need.key.index, need.version)


@lru_cache(maxsize=64)
def flash_images(hardware: Hardware, modules: tuple[bytes, ...]) -> Mapping[str, bytes]:
    """What a board's flashes hold with these modules in their places and nothing else, by name. Shared among boards.

    A flash without a module is left out: it is erased.

    Raises:
        ValueError: a module lies outside of every flash.
        NotAModule: one is no module.
    """
    images: dict[str, bytearray] = {}
    for content in modules:
        module = read_module(content, platform_id=hardware.platform.id)
        place, data = as_it_lies(module)
        name = EXTERNAL if module.prefix.function is ModuleFunction.NCP else INTERNAL
        sectors = hardware.flashes[name].sectors
        start, end = sectors[0].start, sectors[-1].end
        if place < start or place + len(data) > end:
            raise ValueError(f"{module.prefix} lies outside of the {name} flash at {start:#x}-{end:#x}")
        image = images.setdefault(name, bytearray(b"\xff" * (end - start)))
        image[place - start : place - start + len(data)] = data
    return {name: bytes(image) for name, image in images.items()}


def has_stand_ins(modules: Iterable[bytes]) -> bool:
    """Whether any of these modules only stands for a real one."""
    return any(is_stand_in(read_module(content).prefix) for content in modules)


def combined(modules: Iterable[bytes]) -> tuple[bytes, ...]:
    """Modules as `flash_image` wants them: of those with the same place, the last one counts."""
    by_place: dict[int, bytes] = {}
    for content in modules:
        by_place[read_module(content).prefix.start_address] = bytes(content)
    return tuple(by_place.values())
