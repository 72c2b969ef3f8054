"""Where a board keeps its DCT: a few kilobytes of flash that change whole or not at all.

Each family of boards has its own way of surviving a power cut in the middle of a change: two WICED copies (`wiced_store`), DCD pages
(`dcd_store`), a file (`file_store`). What the bytes mean is `emulator.board.settings`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class DctStore(Protocol):
    """The application section of a DCT, or another area that is kept in the same way. Offsets and sizes are bytes."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def reload(self) -> None:
        """Look again what is current: as a boot does, and after the flash was restored."""

    def read(self, offset: int, length: int) -> bytes:
        """Read, within `size`; 0xFF where nothing was ever written."""

    def update(self, changes: Mapping[int, bytes], *, blank: bool = False) -> None:
        """Write each of `changes`, bytes by offset; with `blank` everything else becomes 0xFF.

        Raises:
            PowerCut: the power went away; either all changes are there or none is.
        """


def changed(content: bytes, changes: Mapping[int, bytes], *, blank: bool) -> bytes:
    """`content` with the changes in it, which is what a store writes anew.

    Raises:
        ValueError: a change lies outside of the content.
    """
    made = bytearray(b"\xff" * len(content) if blank else content)
    for offset, data in changes.items():
        if offset < 0 or offset + len(data) > len(made):
            raise ValueError(f"there are {len(made)} bytes; {offset} + {len(data)} is outside")
        made[offset : offset + len(data)] = data
    return bytes(made)
