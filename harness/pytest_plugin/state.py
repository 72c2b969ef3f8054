"""What the plugin keeps of a run and of each test: on pytest's stashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.changes import Changes
from harness.hiding import hides

if TYPE_CHECKING:
    from harness.board import Board
    from harness.pytest_plugin.bench import Bench

__tracebackhide__ = hides

BENCH: pytest.StashKey[Bench] = pytest.StashKey()
BOARDS: pytest.StashKey[list[Board]] = pytest.StashKey()
"""The boards that a test uses, put on its item when it gets them."""
HANDED_OUT: pytest.StashKey[bool] = pytest.StashKey()
"""Set on an item once it has its boards, in the state that it asked for."""
PROPERTIES: pytest.StashKey[list[tuple[str, object]]] = pytest.StashKey()
"""What reports say of a test's boards."""
FAILED: pytest.StashKey[list[str]] = pytest.StashKey()
"""What is told of the boards of a test, set on its item once a phase of it has failed."""

OUTCOME_CLASS = "outcome_class"
"""The property that says what a failure is about."""

ITEM: pytest.StashKey[pytest.Item] = pytest.StashKey()
"""The test that is run now, on the configuration."""
CHANGES: pytest.StashKey[Changes] = pytest.StashKey()
"""What a test changed."""


def present_item(config: pytest.Config) -> pytest.Item:
    """The test that is run now."""
    return config.stash[ITEM]


def begin_test(item: pytest.Item) -> None:
    """Forget what was kept of an earlier run of the same test: other plugins run one again that failed."""
    told = item.stash.get(PROPERTIES, [])
    item.user_properties[:] = [each for each in item.user_properties if each not in told and each[0] != OUTCOME_CLASS]
    keys: tuple[pytest.StashKey[Any], ...] = (BOARDS, HANDED_OUT, FAILED, PROPERTIES)
    for key in keys:
        if key in item.stash:
            del item.stash[key]


def begin_changes(item: pytest.Item) -> None:
    """From now on changes are the test's own."""
    if CHANGES in item.stash:
        item.stash[CHANGES].begin()
