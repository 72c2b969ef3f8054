"""Several modules in one file, for one update over the air.

The modules simply follow each other; every one but the last carries the COMBINED flag, so its CRC and SHA-256 differ from those it has
alone. A device takes at most two (Device OS 6.2.0, hal/src/nRF52840/ota_flash_hal.cpp:465-496).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firmware_images.errors import NotAModule
from firmware_images.fields import ModuleFlag
from firmware_images.module import Module, read_module

MAX_ON_DEVICE: Final = 2
MAX_READ: Final = 64
"""Modules of one file that are read: far more than any device takes, and few enough for a file of nothing but prefixes to stay harmless."""


def combined_modules(first: Module) -> Iterator[Module]:
    """The module, and those that its COMBINED flag announces, as far as they can be read; at most `MAX_READ`."""
    module = first
    yield module
    for _ in range(MAX_READ - 1):
        if not (module.complete and module.prefix.flags & ModuleFlag.COMBINED and module.trailing):
            return
        try:
            module = read_module(module.trailing)
        except NotAModule:
            return
        yield module
