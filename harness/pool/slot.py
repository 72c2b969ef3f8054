"""One board of a run, as the pool keeps book of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.hiding import hides
from harness.modes import Capability
from harness.monikers import without_number

if TYPE_CHECKING:
    from harness.board import Board
    from harness.boards import Rig
    from harness.pool.lease import Lease

__tracebackhide__ = hides

TOO_MANY_FAULTS = 2
"""Faults after which a board is set aside for the rest of a run: the first may have been chance, or somebody may have mended it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a board in a run; adds up over the processes of one, which share what they know of its faults."""

    name: str
    tests: int = 0
    faults: int = 0
    set_aside: bool = False
    trouble: str = ""

    def __add__(self, other: Standing) -> Standing:
        return Standing(
            self.name,
            self.tests + other.tests,
            max(self.faults, other.faults),
            self.set_aside or other.set_aside,
            other.trouble or self.trouble,
        )

    def __str__(self) -> str:
        tests = "1 test" if self.tests == 1 else f"{self.tests} tests"
        faults = "1 fault" if self.faults == 1 else f"{self.faults} faults"
        text = f"{self.name}: {tests}, {faults}" if self.faults else f"{self.name}: {tests}"
        text += ", set aside" if self.set_aside else ""
        if not self.trouble:
            return text
        return f"{text}; the last: {self.trouble}" if self.faults else f"{text}; {self.trouble}"


class Slot:
    """One board of a run: what was opened for its name, who may use it, and how it fared."""

    def __init__(self, name: str, *, shared: bool, never: frozenset[Capability] = frozenset()) -> None:
        self.name = name
        self.moniker = without_number(name)
        self.shared = shared
        """Whether other runs may want it too, so that it needs a lease."""
        self.never = never
        """What no board of its kind has."""
        self.rig: Rig | None = None
        self.lease: Lease | None = None
        self.just_leased = False
        """Whether it was not looked at yet since it was leased."""
        self.well = False
        """Whether it was found well, and nothing happened to it since."""
        self.tests = 0
        self.trouble: HarnessError | None = None
        """What was wrong with it last."""
        self.trouble_elsewhere = ""
        """What another process of the run found wrong with it last."""
        self.missing_since: float | None = None
        """Since when it is not on the bus; one that somebody resets is not, for a moment."""
        self._faults = 0
        self._board: Board | None = None

    def __str__(self) -> str:
        return self.name if self._board is None else f"{self.name} ({self._board.label})"

    @property
    def board(self) -> Board:
        """The board, once it is opened."""
        assert self._board is not None, self.name
        return self._board

    @property
    def is_open(self) -> bool:
        """Whether it was found and opened."""
        return self._board is not None

    @property
    def set_aside(self) -> bool:
        """Whether it failed so often that it is not used any more."""
        return self._faults >= TOO_MANY_FAULTS

    def opened(self, board: Board, rig: Rig) -> None:
        """It was opened."""
        self._board, self.rig = board, rig

    def leased(self, lease: Lease) -> None:
        """It was leased: the faults that other processes of this run saw count too."""
        self.lease, self.just_leased = lease, True
        self._faults = max(self._faults, lease.note.faults)
        self.trouble_elsewhere = lease.note.trouble

    def fault(self, error: HarnessError) -> None:
        """It failed."""
        self.trouble, self.well = error, False
        self._faults += 1
        if self.lease is not None:
            self.lease.fault(str(error))

    def release(self) -> None:
        """Give it back, where it was leased."""
        if self.lease is not None:
            self.lease.release()
            self.lease = None

    @property
    def standing(self) -> Standing:
        """What became of it in this process."""
        trouble = self.trouble_elsewhere if self.trouble is None else str(self.trouble)
        return Standing(self.name, self.tests, self._faults, self.set_aside, trouble)
