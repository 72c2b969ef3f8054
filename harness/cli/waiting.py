"""What is said while something takes long, on stderr: a bar that is wiped away at the end, or plain lines where there is no terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Protocol, TextIO, cast

from harness.cli.output import write
from harness.terminal import visible

PATIENCE = 0.5
"""Seconds for which nothing is said of what may be over at once."""


class Tell(Protocol):
    """What is called with a sentence now and then, and with the share of the whole that is done, from 0 to 1, where that is known."""

    def __call__(self, sentence: str, share: float | None = None, /) -> None:
        """Say it."""


@contextlib.contextmanager
def waiting_line() -> Iterator[Tell]:
    """Gives what says how far something is, at once. Where there is no terminal only the first sentence of each kind is printed."""
    with patient_line(0.0) as tell:
        yield tell


@contextlib.contextmanager
def patient_line(patience: float | None = None) -> Iterator[Tell]:
    """The same for what is mostly over at once: nothing is printed before `patience` seconds (`PATIENCE` unless given) have passed.

    Then the newest sentence is, also from within a step that goes on and on, and later ones as they come.
    """
    patience = PATIENCE if patience is None else patience
    shown = _bar if sys.stderr is not None and sys.stderr.isatty() else _lines
    with shown(patience) as tell:
        yield tell


@contextlib.contextmanager
def shown_waits() -> Iterator[None]:
    """A bar for whatever is waited for in the context (`harness.waits`) and takes a while, where there is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from harness import waits
    from harness.cli.bar import PATIENCE as LONG

    with _bar(LONG) as tell, waits.listen(tell):
        yield


@contextlib.contextmanager
def _bar(patience: float) -> Iterator[Tell]:
    from rich.console import Console

    from harness.cli.bar import Bar
    from harness.cli.output import Guarded

    bar = Bar(Console(file=cast("TextIO", Guarded(sys.stderr)), highlight=False, soft_wrap=True), patience)
    try:
        yield bar.tell
    finally:
        bar.close()


@contextlib.contextmanager
def _lines(patience: float) -> Iterator[Tell]:
    lock = threading.Lock()
    told: set[str] = set()
    newest = ""
    late, over = not patience, False

    def print_newest() -> None:
        if (kind := newest.partition(":")[0]) not in told:
            told.add(kind)
            write(f"{visible(newest)}\n", err=True)

    def run_out() -> None:
        nonlocal late
        with lock:
            late = True
            if newest and not over:
                print_newest()

    def tell(sentence: str, share: float | None = None) -> None:
        nonlocal newest
        with lock:
            newest = sentence
            if late:
                print_newest()

    timer = threading.Timer(patience, run_out)
    timer.daemon = True
    if patience:
        timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        with lock:
            over = True
