"""Small facts that the system notes for itself, over resets and without power; boards with a file system have them.

Device OS keeps them in a file (6.2.0, system/src/system_cache.cpp), whose format is its own; this one is chosen.
"""

from __future__ import annotations

from typing import Final

from emulator.board.dct_store import DctStore

NOTES_SIZE: Final = 1


class NewAssets:
    """Whether assets have come that the application has not dealt with yet."""

    __slots__ = ("_store",)

    def __init__(self, store: DctStore | None) -> None:
        self._store = store

    @property
    def there(self) -> bool:
        """Whether there are such."""
        return self._store is not None and self._store.read(0, NOTES_SIZE) == b"\x01"

    def note(self, *, there: bool) -> None:
        """Remember it."""
        if self._store is not None and there is not self.there:
            self._store.update({0: b"\x01" if there else b"\x00"})
