"""The SIMs in a board: one soldered in or in the one slot there is, and on Gen 3 boards a second, external one to choose.

Which of them is used is kept as the DCT is (Device OS 6.2.0, hal/network/ncp/cellular/cellular_network_manager.cpp:39-41: the internal one
unless it was chosen otherwise). In which form a board keeps that no program can see; ours is one byte.
"""

from __future__ import annotations

from emulator.board.dct_store import DctStore
from emulator.clock import Signal

SIM_CHOICE_SIZE = 1
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

    @property
    def active(self) -> str | None:
        """The number of the SIM that is used."""
        return self.external if self.external_chosen else self.internal
