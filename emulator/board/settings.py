"""The DCT (device configuration table): what a board remembers about itself, kept so that a power cut cannot lose it.

The fields of the *application section* have fixed offsets (`particle_protocol.dct`); DFU alternate 1 addresses them by those offsets.
How a family of boards keeps the bytes is its `DctStore`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.board.dct_store import DctStore
from particle_protocol.dct import DctField, SystemFlag


class Settings:
    """The application section of the DCT of one board."""

    __slots__ = ("_store",)

    def __init__(self, store: DctStore) -> None:
        self._store = store

    def reload(self) -> None:
        """Look again what is current: as a boot does, and after the flash was restored."""
        self._store.reload()

    def read(self, offset: int, length: int) -> bytes:
        """Read, 0xFF where nothing was ever written and behind the end."""
        there = max(0, min(length, self._store.size - offset))
        return self._store.read(offset, there).ljust(length, b"\xff")

    def get(self, field: DctField) -> bytes:
        """The bytes of a field."""
        return self.read(field.offset, field.size)

    def flag(self, flag: SystemFlag) -> int:
        """The value of a system flag; all ones where it was never set."""
        return int.from_bytes(self.read(flag.offset, flag.size), "little")

    def put_flag(self, flag: SystemFlag, value: int) -> None:
        """Change a system flag."""
        self.write(flag.offset, value.to_bytes(flag.size, "little"))

    def write(self, offset: int, data: bytes) -> None:
        """Change bytes. Writing what is there already costs no flash.

        Raises:
            ValueError: outside of the section.
            PowerCut: the power went away; either all of the change is there or none of it.
        """
        if offset < 0 or offset + len(data) > self._store.size:
            raise ValueError(f"the DCT has {self._store.size} bytes; {offset} + {len(data)} is outside")
        if self.read(offset, len(data)) != data:
            self._store.update({offset: data})

    def put(self, field: DctField, data: bytes) -> None:
        """Change a field; what `data` leaves of it is filled with 0xFF.

        Raises:
            ValueError: `data` is longer than the field.
        """
        self.write(field.offset, _fitting(field, data).ljust(field.size, b"\xff"))

    def commission(self, fields: Mapping[DctField, bytes]) -> None:
        """Write a new section in one go, as the factory does: these fields, and nothing else.

        Raises:
            ValueError: a value is longer than its field.
        """
        self._store.update({field.offset: _fitting(field, data) for field, data in fields.items()}, blank=True)

    def wipe(self, keep: tuple[DctField, ...] = ()) -> None:
        """Back to the state of a new board, but for the fields in `keep`."""
        self._store.update({field.offset: self.get(field) for field in keep}, blank=True)


def _fitting(field: DctField, data: bytes) -> bytes:
    if len(data) > field.size:
        raise ValueError(f"{field.name} has {field.size} bytes, not {len(data)}")
    return data
