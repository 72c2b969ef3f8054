"""The SIMs in a board: one soldered in or in the one slot there is, and on Gen 3 boards a second, external one to choose.

Which of them is used, and by which access point, is kept as the DCT is (Device OS 6.2.0,
hal/network/ncp/cellular/cellular_network_manager.cpp:39-41: the internal one unless it was chosen otherwise). In which form a board keeps
that no program can see; ours is one byte, and a block for the access point of each.
"""

from __future__ import annotations

from emulator.board.dct_store import DctStore
from emulator.clock import Signal

ACCESS_POINT_SIZE = 254
"""Bytes of the longest description of an access point. Chosen."""
_BLOCK = 2 + ACCESS_POINT_SIZE
SIM_CHOICE_SIZE = 1 + 2 * _BLOCK
_EXTERNAL = b"\x02"
_INTERNAL = b"\x01"


class SimSlots:
    """The SIMs of one board by their numbers (ICCID); None where there is none. `store` keeps the choice, where there is one."""

    __slots__ = ("_store", "changed", "external", "internal")

    def __init__(self, internal: str | None, store: DctStore | None) -> None:
        self.internal = internal
        self.external: str | None = None
        self.changed = Signal()
        """Fired when a SIM was put in or taken out."""
        self._store = store

    @property
    def has_choice(self) -> bool:
        """Whether there is an external SIM to choose."""
        return self._store is not None

    def insert(self, sim: str | None) -> None:
        """Put a SIM into the slot that can be reached, or (None) take out the one that is there."""
        if self.has_choice:
            self.external = sim
        else:
            self.internal = sim
        self.changed.fire()

    @property
    def external_chosen(self) -> bool:
        """Whether the external SIM is the one that is used."""
        return self._store is not None and self._store.read(0, 1) == _EXTERNAL

    def choose(self, *, external: bool) -> None:
        """Use the external SIM, or the internal one. Without a choice nothing happens.

        Raises:
            PowerCut: the power went away; the choice is the old one or the new one.
        """
        if self._store is not None and external != self.external_chosen:
            self._store.update({0: _EXTERNAL if external else _INTERNAL})

    def access_point(self, *, external: bool) -> bytes | None:
        """What is kept of the access point of the external or the internal SIM; None when that is the usual one."""
        stored = b"" if self._store is None else self._store.read(_block(external), _BLOCK)
        length = int.from_bytes(stored[:2], "little")
        return stored[2 : 2 + length] if stored and length <= ACCESS_POINT_SIZE else None

    def set_access_point(self, description: bytes | None, *, external: bool) -> None:
        """Keep that, or (None) go back to the usual one.

        Raises:
            ValueError: it is too long.
            PowerCut: the power went away; what is kept is the old one or the new one.
        """
        if description is not None and len(description) > ACCESS_POINT_SIZE:
            raise ValueError(f"{len(description)} bytes about an access point; there is room for {ACCESS_POINT_SIZE}")
        record = b"\xff\xff" if description is None else len(description).to_bytes(2, "little") + description
        if self._store is not None:
            self._store.update({_block(external): record})

    @property
    def active(self) -> str | None:
        """The number of the SIM that is used."""
        return self.external if self.external_chosen else self.internal


def _block(external: bool) -> int:
    """Where the block of a SIM begins."""
    return 1 + _BLOCK * external
