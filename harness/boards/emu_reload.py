"""Emulated boards that follow their lab file while they are served."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from harness.board import Board
from harness.boards import Moniker, Reloaded, Rig, moniker_of
from harness.errors import HarnessError, hides
from harness.rack.lab_errors import LabFileWrong, Place, Problem
from harness.rack.lab_file import LabBoard, LabFile

__tracebackhide__ = hides


class Room(Protocol):
    """A Lab's boards, and how they come and go."""

    rig: Rig

    def furnish(self, file: LabFile) -> list[Problem]:
        """Make what a lab file says, but for boards and what concerns them; gives what could not be made."""

    def furnish_boards(self) -> list[Problem]:
        """The rest, once the boards are there."""

    def remove_board(self, board: Board) -> None:
        """Unplug a board and take it away."""


class Maker(Protocol):
    """Makes emulated boards of one run, in two steps."""

    def add(self, moniker: Moniker, file: LabFile, device_id: str | None) -> Board:
        """Make the board that a moniker describes, as this device if one is given."""

    def settle(self, board: Board, moniker: Moniker) -> None:
        """Bring it to the state in which it starts."""


class Follower:
    """Makes of a Lab what its lab file says now.

    A board whose entry is another one than before, or has another name, is made anew, as the device that it was; one that has no entry any
    more is unplugged.
    """

    def __init__(self, lab: Room, maker: Maker, file: LabFile) -> None:
        self._lab = lab
        self._maker = maker
        self._file = file
        there = {board.moniker for board in lab.rig.boards}
        self._left_out = {board.name for board in file.boards} - there
        """Boards that nobody wanted in this run."""

    def reload(self, file: LabFile) -> Reloaded:
        """Follow a file that was read again. What cannot be made is told; the rest is."""
        before, self._file = self._file, file
        try:
            problems = self._lab.furnish(file)
        except HarnessError as error:
            problems = list(_problems(error, Place(file.path, 1)))
        gone = [board for board in self._lab.rig.boards if before.board(board.moniker) is not None and self._differs(board, before)]
        ids = {self._heir(board, before): board.device_id for board in gone}
        for board in gone:
            self._lab.remove_board(board)
        there = {board.moniker for board in self._lab.rig.boards}
        added = [
            self._add(entry, ids, problems) for entry in file.boards if entry.kind == "emu" and entry.name not in there | self._left_out
        ]
        problems += self._lab.furnish_boards()
        made = [board for board in added if board is not None]
        for board in made:
            try:
                self._maker.settle(board, moniker_of(board.moniker, file))
            except HarnessError as error:
                entry = file.board(board.moniker)
                problems += _problems(error, Place(file.path, 1) if entry is None else entry.place)
        return Reloaded(made, [board.moniker for board in gone if file.board(board.moniker) is None], [str(each) for each in problems])

    def _differs(self, board: Board, before: LabFile) -> bool:
        """Whether the file says something else of a board than before."""
        then, now = before.board(board.moniker), self._file.board(board.moniker)
        if then is None or now is None:
            return True
        return then != now or moniker_of(then.name, before) != moniker_of(now.name, self._file)

    def _heir(self, board: Board, before: LabFile) -> str | None:
        """The name of the entry whose board is the device that a board was: that of its name, else one that differs in the name only."""
        now = self._file.board(board.moniker)
        if now is not None:
            return now.name if moniker_of(now.name, self._file).name == moniker_of(board.moniker, before).name else None
        then = before.board(board.moniker)
        alike = (each for each in self._file.boards if then == replace(each, name=board.moniker))
        return next((each.name for each in alike if before.board(each.name) is None), None)

    def _add(self, entry: LabBoard, ids: dict[str | None, str], problems: list[Problem]) -> Board | None:
        try:
            return self._maker.add(moniker_of(entry.name, self._file), self._file, ids.get(entry.name))
        except HarnessError as error:
            problems.append(Problem(entry.place, error.what, error.remedy))
            return None


def _problems(error: HarnessError, place: Place) -> tuple[Problem, ...]:
    return error.problems if isinstance(error, LabFileWrong) else (Problem(place, str(error)),)
