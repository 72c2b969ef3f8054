"""A flow: named steps that run in order, with progress while they run and a verdict at the end.

    verdict = DeveloperClaim(board, account, wifi, name="bench-7").run()
    print(verdict)              # ... or verdict.raise_if_failed()

The first step that fails ends the flow. The verdict tells which step that was, what was seen, which part of the bench is to blame and
what to do; steps that need not be done (the board is there already) say so and pass.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import Blame, HarnessError, hides
from harness.journal import Entry

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides


class Outcome(enum.Enum):
    """How a step ended."""

    DONE = "done"
    NOT_NEEDED = "not needed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `run` does it and returns what was seen, or None when there was nothing to do; it raises `HarnessError` on failure."""

    name: str
    run: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step that ran: what was done and seen (the board's journal of it), and how long it took, in seconds of the host's clock."""

    name: str
    outcome: Outcome
    seen: str
    seconds: float
    entries: tuple[Entry, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome.value} ({self.seen})" if self.seen else f"{self.name}: {self.outcome.value}"


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """How a flow ended, and as text that in a sentence. `blame`, `reason` and `remedy` are set when it failed."""

    flow: str
    board: str
    steps: tuple[StepReport, ...]
    blame: Blame | None = None
    reason: str = ""
    remedy: str = ""
    error: HarnessError | None = field(default=None, compare=False)

    @property
    def passed(self) -> bool:
        """Whether every step was done."""
        return self.blame is None

    @property
    def seconds(self) -> float:
        """How long all of it took, in seconds of the host's clock."""
        return sum(step.seconds for step in self.steps)

    def raise_if_failed(self) -> Verdict:
        """Give the verdict itself, if it is a good one.

        Raises:
            HarnessError: the error of the step that failed.
        """
        if self.error is not None:
            raise self.error
        return self

    def __repr__(self) -> str:
        # What pytest shows of `assert verdict.passed, verdict`.
        return str(self)

    def __str__(self) -> str:
        if self.passed:
            return f"{self.flow} of {self.board}: passed, {len(self.steps)} steps in {self.seconds:.1f} s"
        return f"{self.flow} of {self.board}: failed at {self.steps[-1].name!r}; to blame: {self.blame}. {self.reason}"


Progress = Callable[[int, int, str], None]
"""Called when a step begins: its number from 1, how many there are, its name."""


def _say_nothing(number: int, count: int, name: str) -> None:
    """The progress of a flow that nobody watches."""


def _keep_nothing(report: StepReport) -> None:
    """What becomes of the steps of a flow that nobody watches."""


class Flow:
    """A list of steps for one board. `run` may be called once."""

    name = "flow"

    def __init__(self, board: Board) -> None:
        self.board = board

    def steps(self) -> Sequence[Step]:
        """The steps, in their order."""
        raise NotImplementedError

    def run(self, progress: Progress = _say_nothing, on_step: Callable[[StepReport], None] = _keep_nothing) -> Verdict:
        """Run the steps. Failures are told by the verdict, not raised.

        Args:
            progress: called when a step begins.
            on_step: called when a step has ended.
        """
        reports: list[StepReport] = []
        steps = self.steps()
        clock, journal = self.board.host.clock, self.board.journal
        for number, step in enumerate(steps, 1):
            progress(number, len(steps), step.name)
            begun, first = clock.now(), len(journal.entries)
            failure: HarnessError | None = None
            try:
                seen = step.run()
                outcome = Outcome.DONE if seen is not None else Outcome.NOT_NEEDED
            except HarnessError as error:
                failure, seen, outcome = error, str(error), Outcome.FAILED
            report = StepReport(step.name, outcome, seen or "", clock.now() - begun, tuple(journal.entries[first:]))
            reports.append(report)
            on_step(report)
            if failure is not None:
                verdict = Verdict(self.name, str(self.board), tuple(reports), failure.blame, str(failure), failure.remedy, failure)
                journal.saw(f"verdict: {verdict}")
                return verdict
        return Verdict(self.name, str(self.board), tuple(reports))
