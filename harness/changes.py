"""What changed something: on a board, in a cloud. Whoever has to know whether anything was changed watches for a while.

What cannot be told from a change counts as one: a conversation that a test carries with a board itself, a button that it gets hold of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Changes:
    """The changes since the watch, or `begin()`, began."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.lasting: list[str] = []
        """Those that may outlive a reset."""

    def begin(self) -> None:
        """Forget what there was."""
        self.all.clear()
        self.lasting.clear()


_watching: list[Changes] = []


def note(change: str, *, lasting: bool = False) -> None:
    """Tell everybody who watches that `change` is made now."""
    for each in _watching:
        each.all.append(change)
        if lasting:
            each.lasting.append(change)


@contextmanager
def watch() -> Iterator[Changes]:
    """Watch while the context lasts."""
    seen = Changes()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)
