"""Several modules in one file, for one update over the air.

The modules simply follow each other; every one but the last carries the COMBINED flag, so its CRC and SHA-256 differ from those it has
alone. A device takes at most two (Device OS 6.2.0, hal/src/nRF52840/ota_flash_hal.cpp:465-496).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from firmware_images.draft import Draft
from firmware_images.errors import EditRefused, NotAModule
from firmware_images.fields import ModuleFlag
from firmware_images.module import Module, read_module

MAX_ON_DEVICE: Final = 2


def combined_modules(first: Module) -> Iterator[Module]:
    """The module, and those that its COMBINED flag announces, as far as they can be read."""
    module = first
    while True:
        yield module
        if not (module.complete and module.prefix.flags & ModuleFlag.COMBINED and module.trailing):
            return
        try:
            module = read_module(module.trailing)
        except NotAModule:
            return


def combine(modules: Sequence[Module]) -> bytes:
    """The modules in one file, in the order given.

    Raises:
        EditRefused: there is none, one of them is combined already, or is not whole.
    """
    if not modules:
        raise EditRefused("there is nothing to combine")
    for number, module in enumerate(modules, 1):
        if module.prefix.flags & ModuleFlag.COMBINED:
            raise EditRefused(f"module {number} is part of a combination already; split it first")
        if module.trailing:
            raise EditRefused(f"{len(module.trailing)} bytes follow module {number} in its file")
    drafts = [Draft.of(module) for module in modules]
    flagged = [_flagged(draft, combined=True) for draft in drafts[:-1]]
    return b"".join((*flagged, drafts[-1].encode()))


def split(first: Module) -> list[bytes]:
    """The modules of a combined file, each as it is alone.

    Raises:
        EditRefused: one is not whole, one that was announced does not follow, or something else does.
    """
    modules = list(combined_modules(first))
    last = modules[-1]
    if last.prefix.flags & ModuleFlag.COMBINED:
        raise EditRefused(f"module {len(modules)} announces another one, and none follows")
    if last.trailing:
        raise EditRefused(f"{len(last.trailing)} bytes follow the last module")
    return [_flagged(Draft.of(module), combined=False) for module in modules]


def _flagged(draft: Draft, *, combined: bool) -> bytes:
    flags = draft.prefix.flags | ModuleFlag.COMBINED if combined else draft.prefix.flags & ~ModuleFlag.COMBINED
    return replace(draft, prefix=replace(draft.prefix, flags=flags)).encode()
