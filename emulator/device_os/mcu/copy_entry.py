"""A module that waits to be copied by the bootloader: a record of `DctField.FLASH_MODULES`."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_images.fields import ModuleFlag

MAGIC = 0xABCD
INTERNAL, EXTERNAL = 1, 2
"""The devices between which is copied, as the records number them."""


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """From where to where; addresses in the flash that the external flags choose, `length` in bytes."""

    source: int
    destination: int
    length: int
    function: int
    flags: int = 0
    """What is to be verified, and done, as it is copied."""
    source_external: bool = False
    destination_external: bool = False


VERIFY_CRC, VERIFY_DESTINATION, VERIFY_FUNCTION, DROP_MODULE_INFO, COMPRESSED = (1 << bit for bit in range(1, 6))
"""Flags of a record (Device OS 6.2.0, hal/shared/module_info_hal.h:27-43)."""


def copy_flags(flags: ModuleFlag) -> int:
    """The flags of a record for a module that has these."""
    made = VERIFY_CRC | VERIFY_DESTINATION | VERIFY_FUNCTION
    made |= DROP_MODULE_INFO if flags & ModuleFlag.DROP_MODULE_INFO else 0
    return made | (COMPRESSED if flags & ModuleFlag.COMPRESSED else 0)


def device(*, external: bool) -> int:
    """The number of a flash in the records."""
    return EXTERNAL if external else INTERNAL
