"""How a run ends: infrastructure errors as an outcome of their own, what became of the boards, the exit status.

An infrastructure error says nothing of what is tested: no board could be had, or the one in use went away. A run in which nothing failed
but by infrastructure errors ends with status 4. pytest ends with it for a wrong command line, too; then nothing was run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.errors import Blame, HarnessError
from harness.hiding import hides

if TYPE_CHECKING:
    from harness.pool.slot import Standing
    from harness.pytest_plugin.bench import Bench

__tracebackhide__ = hides

STATUS: Final = 4
"""The exit status of a run with infrastructure errors and no failures."""
OUTCOME: Final = "infrastructure"
_WORKER_KEY: Final = "particle_hil_boards"

CLASSES: Final = {Blame.BOARD: "board", Blame.RACK: "rack", Blame.NETWORK: "network", Blame.CLOUD: "cloud", Blame.REQUEST: "product"}
"""What a failure is about, in the words of reports. A test that asks for what cannot be is at fault itself, as is one that is not met."""


def error_of(raised: BaseException | None) -> HarnessError | None:
    """The error of the harness that ended a phase of a test."""
    if raised is not None and type(raised).__name__ == "BoardsUnavailable":  # whose module is not imported for runs without boards
        raised = getattr(raised, "error", raised)
    return raised if isinstance(raised, HarnessError) else None


def class_of(raised: BaseException | None) -> str:
    """What the failure of a test is about: product, board, rack, network, cloud."""
    error = error_of(raised)
    return "product" if error is None else CLASSES[error.blame]


def is_infrastructure(raised: BaseException | None, bench: Bench | None, *, preparing: bool) -> bool:
    """Whether a failure says nothing of what is tested.

    It does not where boards could not be had, where a real one could not be brought to the state in which the test starts, and where it
    then went away. What becomes of an emulated board is the doing of the test.
    """
    error = error_of(raised)
    if error is None or error.blame is Blame.REQUEST:
        return False
    if error is not raised:
        return True
    return bench is not None and bench.uses_shared and (preparing or error.blame is Blame.RACK)


def marked(report: pytest.TestReport) -> bool:
    """Whether a report is of an infrastructure error."""
    return bool(getattr(report, "particle_hil_infrastructure", False))


def mark(report: pytest.TestReport) -> None:
    """Make a report one of an infrastructure error; the mark travels with it from a worker of pytest-xdist to its controller."""
    report.particle_hil_infrastructure = True  # type: ignore[attr-defined]


class Outcomes:
    """Gathers the outcomes of a run, in the process that reports them. A pytest plugin."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.standings: dict[str, Standing] = {}
        self._errors: list[tuple[str, str]] = []
        """Test and reason of each infrastructure error."""

    def pytest_report_teststatus(self, report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, Any] | None:
        """Call it what it is."""
        if isinstance(report, pytest.TestReport) and report.failed and marked(report):
            return OUTCOME, "I", ("INFRASTRUCTURE", {"yellow": True, "bold": True})
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count it, before pytest does, and not among the failures after which `-x` and `--maxfail` end a run."""
        if report.failed and marked(report):
            self._errors.append((report.nodeid, _reason(report)))
            self._one_more_may_fail()

    def _one_more_may_fail(self) -> None:
        """Pytest counts every report that failed, and lets nobody take back what it has decided by that: so its limit moves along."""
        option = self.config.option
        if getattr(option, "maxfail", 0):
            option.maxfail += 1
        distributed: Any = self.config.pluginmanager.get_plugin("dsession")  # pytest-xdist's controller, which has read it already
        if getattr(distributed, "maxfail", 0):
            distributed.maxfail += 1

    def add(self, standings: Sequence[Standing]) -> None:
        """What became of the boards in a process of this run."""
        for each in standings:
            self.standings[each.name] = self.standings[each.name] + each if each.name in self.standings else each

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End with the status of infrastructure errors, where nothing else failed."""
        if self._errors and session.exitstatus == pytest.ExitCode.TESTS_FAILED and session.testsfailed == len(self._errors):
            session.exitstatus = STATUS

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what became of the boards, where something did, and what could not be tested."""
        told = [standing for standing in self.standings.values() if standing.trouble]
        if not told and not self._errors:
            return
        terminalreporter.section("boards", yellow=True)
        for standing in told:
            terminalreporter.write_line(str(standing))
        aside = sum(standing.set_aside for standing in told)
        if aside:
            terminalreporter.write_line(f"{aside} of {len(self.standings)} boards set aside")
        for nodeid, reason in self._errors:
            terminalreporter.write_line(f"INFRASTRUCTURE {nodeid} - {reason}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended: take over what it knows. One that was killed tells nothing."""
        from harness.pool.slot import Standing

        output: Mapping[str, Any] = getattr(node, "workeroutput", None) or {}
        self.add([Standing(**each) for each in output.get(_WORKER_KEY, [])])


def keep(config: pytest.Config, standings: Sequence[Standing]) -> None:
    """Hand on what became of the boards in this process: to the controller of pytest-xdist, or to the report of this process."""
    from dataclasses import asdict

    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[_WORKER_KEY] = [asdict(each) for each in standings]
    plugin = config.pluginmanager.get_plugin(PLUGIN)
    if plugin is not None:
        plugin.add(standings)


PLUGIN: Final = "particle-hil-outcomes"


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr).removeprefix("BoardsUnavailable: ")
    return text.strip().splitlines()[0] if text.strip() else ""
