"""The Device OS modules that an emulated cloud heals boards in safe mode with and hands out over REST, from where the user has them.

A source is a word or a path:

    built    stand-ins for the releases, which the emulator builds and which only its own boards may get
    cache    every module in the user's firmware cache, which `particle-hil image fetch` fills
    none     nothing: boards stay in safe mode
    PATH     a module file, or a folder that is searched for .bin files

Without any source boards are healed with stand-ins, but nothing is handed out: nobody can tell which board it would end up on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_images.checks import check_module
from firmware_images.fields import ModuleFunction, Prefix
from firmware_images.findings import Severity
from firmware_images.image import read_image
from firmware_images.module import Module, read_module
from firmware_images.stand_in import STAND_INS
from harness.errors import Blame, HarnessError, hides
from harness.firmware_store import cache_folder, cached_images
from harness.image_files import FileUnusable, read_file
from particle_protocol.os_versions import os_release
from particle_protocol.platforms import Platform

__tracebackhide__ = hides

BUILT, CACHE, NONE = "built", "cache", "none"
FUNCTIONS = frozenset({ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.RADIO_STACK, ModuleFunction.NCP})
"""What other modules may need, so what Device OS is made of. An application heals nobody."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What sources came to: whether the built releases are wanted, and module binaries."""

    built: bool
    images: tuple[bytes, ...]


def stock(sources: Iterable[str]) -> Stock:
    """Read every source. Each module is checked whole: form, CRC, SHA-256, platform and address.

    Raises:
        HarnessError: a path is not there, or has no Device OS module; a file is no module, or a damaged one; the cache is empty.
    """
    chosen = list(dict.fromkeys(sources))
    if NONE in chosen and len(chosen) > 1:
        raise _refused(f"{NONE} and {next(each for each in chosen if each != NONE)}", "contradict each other", "Leave one of them out")
    images: list[bytes] = []
    for source in chosen:
        if source == CACHE:
            images += _cache()
        elif source not in (BUILT, NONE):
            images += _path(source)
    return Stock(BUILT in chosen, tuple(images))


def handed_out(sources: Sequence[str]) -> str:
    """In words for people: which Device OS releases the REST API hands out to whoever asks, when these sources are given."""
    words = {BUILT: STAND_INS, CACHE: f"what the cache has ({cache_folder()})"}
    found = [words.get(source, source) for source in dict.fromkeys(sources) if source != NONE]
    return "; ".join(found) or "none is handed out; --device-os cache gives what `particle-hil image fetch` has fetched"


def release_among(images: Iterable[bytes], platform: Platform, version: str) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """The modules of a Device OS release among images, in the order in which they are installed, and the names of those that are not there.

    Raises:
        NoSuchRelease: the platform never had that version; tells those it had.
    """
    there = {(prefix.platform_id, prefix.function, prefix.index, prefix.version): image for image in images for prefix in (_prefix(image),)}
    wanted = os_release(platform, version).modules(platform)
    found = [(each, there.get((platform.id, each.key.function, each.key.index, each.version))) for each in wanted]
    return tuple(image for _, image in found if image is not None), tuple(str(each.key) for each, image in found if image is None)


def _prefix(image: bytes) -> Prefix:
    return read_module(image).prefix


def _cache() -> list[bytes]:
    images = _device_os(cached_images(), "Delete its folder to have it fetched anew")
    if not images:
        remedy = "Fill it: particle-hil image fetch --version 2.3.1"
        raise _refused(CACHE, f"{cache_folder()} has no Device OS module yet", remedy)
    return images


def _path(source: str) -> list[bytes]:
    path = Path(source)
    if path.is_dir():
        images = _device_os(sorted(path.rglob("*.bin")), "Take it out of the folder, or name the files one by one")
        if not images:
            raise _refused(source, "no .bin file in this folder, or in one below, is a Device OS module", _USUAL)
        return images
    modules = [_sound(module, path, "Get the file again") for module in _modules(path, _USUAL)]
    for module in modules:
        if module.prefix.function not in FUNCTIONS:
            raise _refused(source, f"{module.prefix} is no part of Device OS", _USUAL)
    return [bytes(module.content) for module in modules]


_USUAL = f"Give a bootloader, a system part or a radio stack, a folder of them, {CACHE!r}, {BUILT!r} or {NONE!r}"


def _device_os(paths: Sequence[Path], remedy: str) -> list[bytes]:
    """The Device OS modules among files that may be anything that is a module."""
    return [
        bytes(_sound(module, path, remedy).content)
        for path in paths
        for module in _modules(path, remedy)
        if module.prefix.function in FUNCTIONS
    ]


def _modules(path: Path, remedy: str) -> tuple[Module, ...]:
    try:
        image = read_image(read_file(path))
    except FileUnusable as error:
        raise HarnessError(f"--device-os {error}", blame=Blame.REQUEST, remedy=remedy) from None
    if not image.modules:
        raise _refused(str(path), "; ".join(finding.detail for finding in image.findings), remedy)
    return image.modules


def _sound(module: Module, path: Path, remedy: str) -> Module:
    bad = next((finding for finding in check_module(module) if finding.severity is Severity.ERROR), None)
    if bad is not None:
        raise _refused(str(path), str(bad), remedy)
    return module


def _refused(source: str, why: str, remedy: str) -> HarnessError:
    return HarnessError(f"--device-os {source}: {why}", blame=Blame.REQUEST, remedy=remedy)
