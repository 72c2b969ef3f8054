"""What `serve --lab` does about its file: which boards are served, and reading it again when it, or a file that it names, has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from harness.boards import Reloaded, Rig, ServiceFacts
from harness.cli.served_boards import board_lines, served_board
from harness.errors import HarnessError
from harness.kit.faults import StandingFaults
from harness.rack.lab_building import read_lab
from harness.rack.lab_file import LabFile

Said: TypeAlias = tuple[str, dict[str, Any]]
_Signature: TypeAlias = tuple[int, int, int] | None


def served_words(boards: Sequence[str], lab: LabFile | None) -> list[str]:
    """The boards to serve: those that are named, else the emulated ones of the lab file."""
    if boards or lab is None:
        return list(boards)
    return [board.name for board in lab.boards if board.kind == "emu"]


def left_out(boards: Sequence[str], lab: LabFile | None, where: str = "not served") -> list[str]:
    """A line for each board of a lab file that is left out because it is real."""
    if boards or lab is None:
        return []
    return [f"{board.place}: {board.name} is {board.moniker}: {where}" for board in lab.boards if board.kind != "emu"]


class LabWatch:
    """Looks at a lab file, at the files that it names, and at the modules of its applications; to be asked about once a second."""

    def __init__(self, lab: LabFile, rig: Rig, faults: StandingFaults) -> None:
        self._lab = lab
        self._rig = rig
        self._faults = faults
        self._read = self._seen = self._look()

    def poll(self) -> Iterator[Said]:
        """Read the file again if it has changed, and did not go on changing since the last look; gives what is to be said of it."""
        now = self._look()
        settled, self._seen = now == self._seen, now
        if now == self._read or not settled or self._rig.reload is None:
            return
        self._read = now
        try:
            self._lab = read_lab(self._lab.path)
            done = self._rig.reload(self._lab)
        except HarnessError as error:
            done = Reloaded([], [], str(error).split("\n"))
        else:
            try:
                self._faults.follow(self._lab, self._rig)
            except HarnessError as error:
                done = replace(done, problems=[*done.problems, *str(error).split("\n")])
        self._read = self._seen = self._look()
        yield from _told(self._lab.path, done, self._rig.service)

    def _look(self) -> dict[Path, _Signature]:
        from harness.lab import module_file  # the emulator, which `serve --help` need not wait for

        modules = (module_file(spec) for spec in self._lab.applications)
        return {path: _signature(path) for path in (*self._lab.watched, *modules) if path is not None}


def _signature(path: Path) -> _Signature:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _told(path: Path, done: Reloaded, service: ServiceFacts | None) -> Iterator[Said]:
    """What was done as lines, and as one object, which comes with the first of them."""
    boards = [served_board(board, service) for board in done.added]
    lines = [f"read again: {path}"]
    lines += [f"{name:16} {value}" for each in boards for name, value in board_lines(each)]
    lines += [f"unplugged        {name}" for name in done.removed]
    lines += done.problems
    yield "\n".join(lines), {"lab": {"file": str(path), "boards": boards, "unplugged": list(done.removed), "problems": list(done.problems)}}
