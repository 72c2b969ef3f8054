"""What is wrong with a lab file, with file, line and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Blame, HarnessError, hides

__tracebackhide__ = hides


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong."""

    place: Place
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.remedy}".removesuffix(". ")


class LabFileWrong(HarnessError):
    """A lab file says what cannot be. `problems` are all that were found, in the order of the lines; the text has one a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)), blame=Blame.REQUEST)


def wrong(place: Place, what: str, remedy: str = "") -> LabFileWrong:
    """The error of one problem."""
    return LabFileWrong([Problem(place, what, remedy)])
