"""What is said while something takes long: one line on stderr, which on a terminal is written over and wiped away at the end."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from harness.cli.output import write
from harness.terminal import visible

PATIENCE = 0.5
"""Seconds for which nothing is said of what may be over at once."""


@contextlib.contextmanager
def waiting_line() -> Iterator[Callable[[str], None]]:
    """Gives what is to be called with a sentence now and then. Where there is no terminal only the first of each kind is printed."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    told: set[str] = set()

    def tell(sentence: str) -> None:
        if terminal:
            write(f"\r\x1b[K{visible(sentence)}", err=True)
        elif (kind := sentence.partition(":")[0]) not in told:
            write(f"{visible(sentence)}\n", err=True)
            told.add(kind)
        told.add(sentence)

    try:
        yield tell
    finally:
        if terminal and told:
            write("\r\x1b[K", err=True)


@contextlib.contextmanager
def patient_line(patience: float | None = None) -> Iterator[Callable[[str], None]]:
    """The same for what is mostly over at once: nothing is printed before `patience` seconds (`PATIENCE` unless given) have passed.

    Then the newest sentence is, also from within a step that goes on and on, and later ones as they come.
    """
    lock = threading.Lock()
    newest = ""
    late = over = False

    with waiting_line() as tell_now:

        def run_out() -> None:
            nonlocal late
            with lock:
                late = True
                if newest and not over:
                    tell_now(newest)

        def tell(sentence: str) -> None:
            nonlocal newest
            with lock:
                newest = sentence
                if late:
                    tell_now(sentence)

        timer = threading.Timer(PATIENCE if patience is None else patience, run_out)
        timer.daemon = True
        timer.start()
        try:
            yield tell
        finally:
            timer.cancel()
            with lock:
                over = True
