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
