"""Errors of the harness in threads that nobody asks for their outcome: whoever watches is told, so that they do not pass unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import HarnessError

_watching: list[list[HarnessError]] = []


def report(error: HarnessError) -> None:
    """Tell whoever watches, the last one that began to, of an error that its thread may keep to itself."""
    for each in _watching[-1:]:
        each.append(error)


@contextmanager
def watch(seen: list[HarnessError]) -> Iterator[None]:
    """Put the errors into `seen`, while the context lasts, that are reported or end a thread."""
    before = threading.excepthook

    def ended(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, HarnessError):
            before(args)
        elif args.exc_value not in seen:
            seen.append(args.exc_value)

    _watching.append(seen)
    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before
        _watching.pop()
