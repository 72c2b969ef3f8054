"""What happened to a board while a wait or a test failed: the LED, its serial console, the cloud's log, the host's, in the order of time.

Only of this board, and of a wait only since the present epoch began; of the LED also what it showed then, and of the console all since the
journal began, for a dialogue often begins an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.capabilities import LogLine
from harness.errors import NotReached
from harness.hiding import hides
from harness.journal import Entry, Kind
from harness.modes import Capability

if TYPE_CHECKING:
    from harness.board import Board

__tracebackhide__ = hides

FIRST, LAST = 10, 20
"""How many lines of a source are told, of its beginning and of its end: a board that tries for ever changes its LED every second."""


@contextmanager
def told_on_failure(board: Board) -> Iterator[None]:
    """Write into the journal what happened meanwhile, if a wait in the context fails, and what was seen in the end."""
    try:
        yield
    except NotReached as error:
        for line in sorted(shortened(meanwhile(board)), key=lambda line: line.time):
            board.journal.log(line.time, f"{line.source}: {line.text}")
        board.saw(f"not {error.awaited}: {error.seen}")
        raise


def shortened(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """The lines, without the middle of what a source has too many of."""
    by_source: dict[str, list[LogLine]] = {}
    for line in lines:
        by_source.setdefault(line.source, []).append(line)
    for source, told in by_source.items():
        left_out = len(told) - FIRST - LAST
        if left_out <= 0:
            yield from told
            continue
        yield from told[:FIRST]
        yield LogLine(told[FIRST].time, source, f"... {left_out} more ...")
        yield from told[-LAST:]


def whole_story(board: Board) -> str:
    """The journal of a board in a test that failed, with what happened meanwhile from its beginning on."""
    journal = board.journal
    lines = [Entry(line.time, Kind.LOG, f"{line.source}: {line.text}") for line in shortened(meanwhile(board, journal.began))]
    again = {(line.at, line.text) for line in lines}
    entries = [entry for entry in journal.entries if entry.kind is not Kind.LOG or (entry.at, entry.text) not in again]
    told = sorted([*entries, *lines], key=lambda entry: entry.at)  # of what a source noted at one moment the order is the source's
    return "\n".join(map(str, told)) or str(journal)


def meanwhile(board: Board, since: float | None = None) -> Iterator[LogLine]:
    """See the module; `since` a moment instead of the beginning of the epoch."""
    since = board.epoch.since if since is None else since
    if Capability.LED in board.capabilities:
        changes = board.led.timeline()
        earlier = sum(change.time < since for change in changes)
        yield from (LogLine(change.time, "LED", change.text) for change in changes[max(0, earlier - 1) :])
    if Capability.SERIAL in board.capabilities:
        yield from (LogLine(time, "console", text) for time, text in board.console.said if time >= board.journal.began)
    yield from board.log(since)
