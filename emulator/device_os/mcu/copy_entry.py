"""A module that waits to be copied by the bootloader: a record of `DctField.FLASH_MODULES`."""

from __future__ import annotations

from dataclasses import dataclass

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
    source_external: bool = False
    destination_external: bool = False


def device(*, external: bool) -> int:
    """The number of a flash in the records."""
    return EXTERNAL if external else INTERNAL
