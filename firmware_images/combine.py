"""Putting modules into one file, and taking them apart again. How such a file looks is told in `firmware_images.combined`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from firmware_images.combined import MAX_READ, combined_modules
from firmware_images.draft import Draft
from firmware_images.errors import EditRefused
from firmware_images.fields import ModuleFlag
from firmware_images.module import Module


def combine(modules: Sequence[Module]) -> bytes:
    """The modules in one file, in the order given.

    Raises:
        EditRefused: there is none, they are too many, one of them is combined already, or is not whole.
    """
    if not modules:
        raise EditRefused("there is nothing to combine")
    if len(modules) > MAX_READ:
        raise EditRefused(f"{len(modules)} modules are more than anything reads: {MAX_READ}")
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
    if len(modules) == MAX_READ and last.trailing:
        raise EditRefused(f"there are more than {MAX_READ} modules in the file")
    if last.prefix.flags & ModuleFlag.COMBINED:
        raise EditRefused(f"module {len(modules)} announces another one, and none follows")
    if last.trailing:
        raise EditRefused(f"{len(last.trailing)} bytes follow the last module")
    return [_flagged(Draft.of(module), combined=False) for module in modules]


def _flagged(draft: Draft, *, combined: bool) -> bytes:
    flags = draft.prefix.flags | ModuleFlag.COMBINED if combined else draft.prefix.flags.without(ModuleFlag.COMBINED)
    return replace(draft, prefix=replace(draft.prefix, flags=flags)).encode()
