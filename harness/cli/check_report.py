"""What `particle-hil check` tells: a pytest plugin that gathers outcomes and steps, as data or as text while they happen."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, cast

import pytest

from harness import journal, waits
from harness.cli.bar import Bar
from harness.cli.output import Guarded, shown_in
from harness.cli.steps import step_line
from harness.errors import Blame, HarnessError
from harness.journal import Entry, Kind
from harness.pytest_plugin.bench import BoardsUnavailable
from harness.pytest_plugin.outcomes import marked
from harness.terminal import OutputLost, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


_WORDS = {("infrastructure", True): "infrastructure error", ("infrastructure", False): "infrastructure errors"}
OUTCOMES = ("passed", "failed", "skipped", "infrastructure")


@dataclass(slots=True)
class Check:
    """One check: a test of the suite on one board."""

    name: str
    title: str
    board: str
    outcome: str = "running"
    reason: str = ""
    blame: Blame | None = None
    seconds: float = 0.0
    steps: list[Entry] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """The check as plain data."""
        return {
            "name": self.name,
            "title": self.title,
            "board": self.board,
            "outcome": self.outcome,
            "reason": self.reason or None,
            "blame": str(self.blame) if self.blame else None,
            "seconds": round(self.seconds, 3),
            "steps": [{"at": round(each.at, 3), "kind": each.kind.value, "text": each.text, "led": each.led} for each in self.steps],
        }


class Report:
    """Gathers the checks of a run. Use it as a pytest plugin."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.boards: list[str] = []
        """The names of the boards of the run."""
        self.unavailable: HarnessError | None = None
        """Why no board could be checked at all."""
        self.lost: OutputLost | None = None
        """Why nobody gets the report any more."""
        self._now: Check | None = None
        self._listening = contextlib.ExitStack()

    @property
    def passed(self) -> bool:
        """Whether something was checked, on every board, and nothing failed."""
        return any(check.outcome == "passed" for check in self.checks) and not (self.failures or self.infrastructure or self.unchecked)

    @property
    def unchecked(self) -> list[str]:
        """The boards on which nothing was checked: every check was skipped."""
        checked = {check.board for check in self.checks if check.outcome not in ("skipped", "infrastructure")}
        return [board for board in self.boards if board not in checked]

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.outcome == "failed"]

    @property
    def infrastructure(self) -> list[Check]:
        """The checks that could not be made: a board could not be had, or went away."""
        return [check for check in self.checks if check.outcome == "infrastructure"]

    def counts(self) -> dict[str, int]:
        """How many checks ended in each way."""
        return {outcome: sum(check.outcome == outcome for check in self.checks) for outcome in OUTCOMES}

    def verdict(self) -> str:
        """The verdict in one sentence."""
        counts = self.counts()
        told = ", ".join(f"{count} {_WORDS.get((outcome, count == 1), outcome)}" for outcome, count in counts.items() if count)
        if not self.checks:
            return "nothing was checked"
        if not self.failures:
            if not counts["passed"]:
                return f"nothing was checked: {told}"
            return f"{told}; nothing was checked on {', '.join(self.unchecked)}" if self.unchecked else told
        blames = sorted({str(check.blame) for check in self.failures if check.blame})
        return f"{told}; to blame: {', '.join(blames) or 'unknown'}"

    def as_data(self) -> dict[str, Any]:
        """The whole report as plain data."""
        return {
            "passed": self.passed,
            "verdict": self.verdict(),
            **self.counts(),
            "checks": [check.as_data() for check in self.checks],
        }

    def close(self) -> None:
        """Tell the verdict."""

    def began(self, check: Check) -> None:
        """A check begins."""

    def stepped(self, entry: Entry) -> None:
        """Something was done or seen, or a long action got further."""

    def waiting(self, text: str, share: float | None) -> None:
        """Something is waited for that is none of a board's: a fetch, a board that somebody else has."""

    def ended(self, check: Check) -> None:
        """A check has ended."""

    def pytest_sessionstart(self) -> None:
        """Listen to every journal."""
        self._listening.enter_context(journal.listen_to_all(self._step))
        self._listening.enter_context(waits.listen(self.waiting))

    def pytest_sessionfinish(self) -> None:
        """Stop listening."""
        self._listening.close()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Forget the check before."""
        self._now = None

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A check begins, or goes on."""
        self._begin(item)

    def _begin(self, item: pytest.Item) -> None:
        function = getattr(item, "function", None)
        title = (getattr(function, "__doc__", "") or item.name).strip().splitlines()[0]
        parameters = dict(getattr(getattr(item, "callspec", None), "params", {}))
        board = str(parameters.pop("board", ""))
        if parameters:
            title = f"{title.rstrip('.')} ({', '.join(str(value) for value in parameters.values())})"
        self._now = Check(item.name, title, board)
        self.checks.append(self._now)
        self.began(self._now)

    def _step(self, entry: Entry) -> None:
        if self._now is not None:
            if entry.kind is not Kind.PROGRESS:
                self._now.steps.append(entry)
            self.stepped(entry)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a phase of a check ended."""
        report = yield
        check = self._now
        if check is None:
            return report
        check.seconds += call.duration
        error = call.excinfo.value if call.excinfo is not None else None
        if report.skipped:
            check.outcome, check.reason = "skipped", _reason_of_skip(report)
        elif report.failed and check.outcome not in ("failed", "infrastructure"):
            check.outcome = "infrastructure" if marked(report) else "failed"
            check.reason, check.blame = _explain(error)
            if isinstance(error, BoardsUnavailable) and (error.error.blame is Blame.REQUEST or len(self.boards) == 1):
                self.unavailable = error.error
                item.session.shouldstop = check.reason
        elif report.passed and report.when == "call" and check.outcome == "running":
            check.outcome = "passed"
        if report.when == "teardown":
            self.ended(check)
            if self.lost is not None:
                item.session.shouldstop = str(self.lost)
        return report


def _reason_of_skip(report: pytest.TestReport) -> str:
    text = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _explain(error: BaseException | None) -> tuple[str, Blame]:
    """Why a check failed, and which part is to blame. A check that finds a board wanting blames the board."""
    if isinstance(error, BoardsUnavailable):
        error = error.error
    if isinstance(error, HarnessError):
        return str(error), error.blame
    if isinstance(error, AssertionError):
        return str(error).splitlines()[0] if str(error) else "the board did something else than expected", Blame.BOARD
    return f"{type(error).__name__}: {error}", Blame.REQUEST


class TextReport(Report):
    """Tells everything on the terminal while it happens."""

    def __init__(self, *, steps: bool, console: Console | None = None) -> None:
        from rich.console import Console

        super().__init__()
        self.steps = steps
        self.stream = Guarded(sys.stdout)
        self.console = console if console is not None else Console(file=cast("TextIO", self.stream), highlight=False, soft_wrap=True)
        self._bar = Bar(self.console, patience=0.0)

    @property
    def several(self) -> bool:
        """Whether every line has to name its board."""
        return len(self.boards) > 1

    def began(self, check: Check) -> None:
        """See `Report.began`."""
        from rich.text import Text

        if len(self.checks) == 1:
            boards = ", ".join(self.boards) if self.several else check.board or "no board"
            self.console.print(Text.assemble("\n", (visible(boards), "bold")))
        self._bar.tell(check.title)

    def stepped(self, entry: Entry) -> None:
        """See `Report.stepped`."""
        if entry.kind is Kind.PROGRESS:
            self._bar.tell(entry.text, entry.share)
        else:
            self._bar.tell(f"{self.checks[-1].title} - {entry.text}")

    def waiting(self, text: str, share: float | None) -> None:
        """See `Report.waiting`."""
        self._bar.tell(text, share)

    def ended(self, check: Check) -> None:
        """See `Report.ended`."""
        self._bar.close()
        self.console.print(_line(check, self.console.encoding, of=check.board if self.several else ""))
        if self.steps or check.outcome == "failed":
            for entry in check.steps:
                self.console.print(step_line(entry, self.console.encoding))
        if check.reason:
            style = "red" if check.outcome == "failed" else "yellow"
            from rich.text import Text

            for line in check.reason.split("\n"):
                self.console.print(Text(f"       {visible(line)}", style))
        self.lost = self.stream.lost

    def pytest_sessionfinish(self) -> None:
        """See `Report.pytest_sessionfinish`; nothing is drawn any more, however the run ended."""
        super().pytest_sessionfinish()
        self._bar.close()

    def close(self) -> None:
        """See `Report.close`."""
        style = "bold green" if self.passed else "bold red"
        from rich.text import Text

        self.console.print(Text.assemble("\n", (f"{'PASS' if self.passed else 'FAIL'}", style), f"  {self.verdict()}"))


_MARKS = {
    "passed": ("✓", "+", "green"),
    "failed": ("✗", "x", "bold red"),
    "skipped": ("-", "-", "yellow"),
    "infrastructure": ("!", "!", "bold yellow"),
}
"""By outcome: the mark, what stands for it where the output has no such character, the style."""


def _line(check: Check, encoding: str, *, of: str) -> Text:
    from rich.text import Text

    mark, plain, style = _MARKS.get(check.outcome, ("?", "?", "red"))
    whose = f"  [{visible(of)}]" if of else ""
    return Text.assemble("  ", (shown_in(encoding, mark, plain), style), f" {visible(check.title)}", (whose, "dim"))
