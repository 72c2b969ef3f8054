"""Copies of a board's flash: what `dfu-util -U` or a debugger reads out, with the modules where they lie in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firmware_images.bounds import SLOTS, Slot
from firmware_images.errors import NotAModule
from firmware_images.fields import PREFIX_SIZE, ModuleFunction
from firmware_images.module import Module, read_module

_BASES: Final = (0x00000000, 0x08000000)
"""Where flash begins: that of the nRF52840, that of all others."""
_ELSEWHERE: Final = (ModuleFunction.NCP, ModuleFunction.ASSET)


def dump_modules(data: memoryview) -> tuple[int, list[tuple[int, Module]]] | None:
    """The modules in a copy of flash, with their addresses.

    Returns:
        The address of the first byte, and what lies where a board has a place for it, whole and with the right CRC; None where nothing
        does but at the very beginning, which makes a module that something follows.
    """
    for base in _bases(data):
        found = list(_found(data, base))
        if any(address > base for address, _ in found):
            return base, found
    return None


def _bases(data: memoryview) -> Iterator[int]:
    """Addresses that the first byte may have: where a module at the beginning belongs, else where flash begins."""
    try:
        yield read_module(data).prefix.start_address
    except NotAModule:
        yield from _BASES


def _found(data: memoryview, base: int) -> Iterator[tuple[int, Module]]:
    """The modules that lie where a slot begins, lowest first, none within another one."""
    behind = base
    for address in sorted({start for slot in SLOTS.values() for start in _starts(slot)}):
        at = address - base
        if address < behind or at + PREFIX_SIZE > len(data):
            continue
        try:
            module = read_module(data[at:])
        except NotAModule:
            continue
        if module.prefix.start_address == address and module.crc_ok:
            behind = address + module.size
            yield address, module


def _starts(slot: Slot) -> tuple[int, ...]:
    return () if slot.function in _ELSEWHERE else slot.start_addresses
