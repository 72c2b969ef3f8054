"""What `--junitxml` keeps of a test on boards: which boards, what its failure is about, and their journals.

Properties travel with a test's reports. So does the journal, from the worker that ran the test to the process that writes the file, where
it becomes the test's `system-out`. pytest has no public way to write that; what is used of its inside is used in this module only.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest
from _pytest.junitxml import bin_xml_escape, xml_key

from harness.errors import HarnessError
from harness.hiding import hides
from harness.pytest_plugin.outcomes import marked

if TYPE_CHECKING:
    from harness.board import Board
    from harness.pytest_plugin.bench import Bench

__tracebackhide__ = hides

PLUGIN: Final = "particle-hil-junit"
_JOURNAL: Final = "particle_hil_journal"


def is_wanted(config: pytest.Config) -> bool:
    """Whether this run writes a JUnit file, in this process or in the one that it reports to."""
    return bool(getattr(config.option, "xmlpath", None))


def properties_of(bench: Bench, boards: Sequence[Board], *, ask: bool) -> list[tuple[str, object]]:
    """What a report says of the boards of a test, of all but the first with a number. `ask`: also which Device OS version they have."""
    found: list[tuple[str, object]] = []
    for place, board in enumerate(boards):
        number = "" if place == 0 else f".{place + 1}"
        slot = next(iter(bench.pool.slots_of([board.device_id])), None)
        facts = {
            "device_id": board.device_id,
            "board": slot.name if slot is not None else board.moniker,
            "port": board.port,
            "platform": board.platform.name,
            "device_os": _version(board) if ask else "",
            "kind": bench.pool.kind_of(board),
        }
        found += [(f"{name}{number}", value) for name, value in facts.items() if value]
    return [*found, ("seed", bench.options.seed)]


def _version(board: Board) -> str:
    from harness.flashing.installed import installed_version

    try:
        return installed_version(board) or ""
    except HarnessError:
        return ""


def attach_journal(report: pytest.TestReport, boards: Sequence[Board], stories: Sequence[str]) -> None:
    """Have a test's last report carry the journals of its boards, or what else is told of them because the test failed."""
    texts = stories or [str(board.journal) for board in boards]
    setattr(report, _JOURNAL, "\n\n".join(f"{board}\n{text}" for board, text in zip(boards, texts, strict=False)))


class JunitReport:
    """Writes into the JUnit file what our reports carry. A pytest plugin of the process that writes the file."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Add what belongs to a report, once pytest has written its own."""
        xml: Any = self._config.stash.get(xml_key, None)
        journal, is_error = getattr(report, _JOURNAL, ""), report.failed and report.when == "call" and marked(report)
        case = xml.node_reporter(report) if xml is not None and (journal or is_error) else None
        result = yield
        if case is not None and is_error:
            _call_it_an_error(xml, case)
        if case is not None and journal:
            _put_into_system_out(case.to_xml(), journal)
        return result


def _call_it_an_error(xml: Any, case: Any) -> None:
    """An infrastructure error is what JUnit calls an error: no failure of what is tested."""
    for node in case.nodes:
        if node.tag == "failure":
            node.tag = "error"
            xml.stats["failure"] -= 1
            xml.stats["error"] += 1


def _put_into_system_out(element: Any, text: str) -> None:
    """Add text to what a test case has printed."""
    from xml.etree import ElementTree as ET  # nothing is parsed

    found = element.find("system-out")
    if found is None:
        found = ET.SubElement(element, "system-out")
    found.text = "\n".join([part for part in (found.text, bin_xml_escape(text)) if part])
