"""What takes long, for whoever shows it to a person: `tell` says what is waited for, and who listens hears of it.

What happens on a board is told by its journal (`harness.journal`); this is for the rest: what is fetched, boards that others have. Of
several who listen only the last one hears: a run within a run has its own way to show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, float | None], None]

_listening: list[tuple[Listener, bool]] = []


def tell(text: str, share: float | None = None, *, on_others: bool = False) -> None:
    """Tell what is waited for.

    Args:
        text: what it is; its kind stands before the first colon.
        share: how much of it is done, from 0 to 1; None: nobody can tell.
        on_others: whether it is for others to end it, and this is told again and again until they do.
    """
    if _listening and (on_others or not _listening[-1][1]):
        _listening[-1][0](text, share)


@contextmanager
def listen(listener: Listener, *, only_on_others: bool = False) -> Iterator[None]:
    """Have `listener` called while the context lasts, for everything, or only for waits on others."""
    _listening.append((listener, only_on_others))
    try:
        yield
    finally:
        _listening.remove((listener, only_on_others))
