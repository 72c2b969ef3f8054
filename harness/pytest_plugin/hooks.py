"""The hooks of the pytest plugin: one run of a test per `--board`, skips with reasons, the board's journal beside a failure."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.board import Board

BOARDS: pytest.StashKey[list[Board]] = pytest.StashKey()
"""The boards that a test uses, put on its item by the fixtures."""


def pytest_report_header(config: pytest.Config) -> str | None:
    """The boards of this run."""
    boards = config.getoption("--board")
    return f"particle-hil: {', '.join(boards)}" if boards else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `board` once for every `--board`."""
    boards = metafunc.config.getoption("--board")
    if boards and "board" in metafunc.fixturenames and not _parametrized(metafunc):
        metafunc.parametrize("board", boards, indirect=True, ids=boards)


def _parametrized(metafunc: pytest.Metafunc) -> bool:
    names = (mark.args[0] if mark.args else mark.kwargs.get("argnames", "") for mark in metafunc.definition.iter_markers("parametrize"))
    return any("board" in (name.replace(" ", "").split(",") if isinstance(name, str) else name) for name in names)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn "this board has no such thing" into a skip, and put what was done and seen beside a failure."""
    report = yield
    if report.failed and call.excinfo is not None and _skips(call.excinfo.value):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: {call.excinfo.value}")
    elif report.failed:
        for board in item.stash.get(BOARDS, []):
            report.sections.append((f"what was done to {board} and seen", str(board.journal)))
    return report


def _skips(error: BaseException) -> bool:
    """Whether an exception means that this board cannot be tested so. A run that never loaded the harness has no such exceptions."""
    errors = sys.modules.get("harness.errors")
    return errors is not None and isinstance(error, (errors.CapabilityMissing, errors.ChangesNotAllowed))
