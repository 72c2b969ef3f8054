"""What takes long, for whoever shows it to a person: `tell` says what is waited for, and all who listen hear of it.

What happens on a board is told by its journal (`harness.journal`); this is for the rest: what is fetched, boards that others have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, float | None], None]

_listening: list[Listener] = []


def tell(text: str, share: float | None = None) -> None:
    """Tell what is waited for, and how much of it is done, from 0 to 1; None: nobody can tell."""
    for listener in _listening:
        listener(text, share)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Have `listener` called while the context lasts."""
    _listening.append(listener)
    try:
        yield
    finally:
        _listening.remove(listener)
