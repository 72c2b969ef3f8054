"""Bringing boards to the state that a test asks for."""

from __future__ import annotations

import pytest

from harness.board import Board
from harness.hiding import hides
from harness.pytest_plugin.bench import Bench
from harness.pytest_plugin.state import BOARDS, HANDED_OUT, begin_changes
from harness.starting import Start

__tracebackhide__ = hides


def start_of(item: pytest.Item) -> Start:
    """The state that the marker of a test asks for. One that asks for what there is not fails the test in one sentence."""
    try:
        return Start.of(item.get_closest_marker("start"))
    except ValueError as error:
        pytest.fail(f"the marker start(...): {error}", pytrace=False)


def prepare(item: pytest.Item, bench: Bench, boards: list[Board]) -> None:
    """Bring `boards` to that state. What is done to them from then on is the test's."""
    item.stash[BOARDS] = list(dict.fromkeys([*item.stash.get(BOARDS, []), *boards]))
    begin_changes(item)
    start = start_of(item)
    for board in boards:
        start.bring(board, bench.wifi(bench.rig_with(board)))
        board.journal.clear()
    item.stash[HANDED_OUT] = True
    begin_changes(item)
