"""The SIM slots of a Lab's boards, as a hand reaches them: which board has one, and what is put into it."""

from __future__ import annotations

import random
from collections.abc import Mapping

from emulator.board.board import Board
from emulator.board.sim_slots import SimSlots
from emulator.cloud.sims import Sims
from particle_protocol.identifiers import make_iccid, parse_iccid
from particle_protocol.skus import SimForm


class SimTrays:
    """Inside the Lab. `boards` are those that there are by now, by device id; spare SIMs get their numbers from `rng`."""

    def __init__(self, boards: Mapping[str, Board], sims: Sims, rng: random.Random) -> None:
        self._boards = boards
        self._sims = sims
        self._rng = rng

    def has(self, board: Board) -> bool:
        """Whether a SIM can be put into a board: not where the one that it has is soldered in, and the only one."""
        slots, form = board.sims, board.hardware.sim
        if form is None:
            return False
        built_in = self._sims.by_iccid(slots.internal)
        soldered = (form if built_in is None else built_in.form) is not SimForm.PLASTIC
        return slots.has_choice or not soldered

    def insert(self, board: Board, iccid: str | None = None) -> str:
        """Put a plastic SIM into a board's slot, in place of what is there: of a number, or a new one of nobody's. Gives its number.

        Raises:
            ValueError: the board has no slot, the number is none, or that SIM is in another board.
        """
        slots = self._slots(board)
        number = make_iccid(self._rng) if iccid is None else parse_iccid(iccid)
        for other in self._boards.values():
            if other is not board and number in (other.sims.internal, other.sims.external):
                raise ValueError(f"SIM {number} is in board {other.device_id}: take it out there first")
        if self._sims.by_iccid(number) is None:
            self._sims.make(number, SimForm.PLASTIC)
        slots.insert(number)
        return number

    def remove(self, board: Board) -> None:
        """Take the SIM out of a board's slot.

        Raises:
            ValueError: the board has no slot.
        """
        self._slots(board).insert(None)

    def _slots(self, board: Board) -> SimSlots:
        if not self.has(board):
            raise ValueError(f"board {board.device_id} has no slot for a SIM")
        return board.sims
