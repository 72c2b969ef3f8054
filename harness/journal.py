"""What was done to a board and what was seen, in order: the record from which reports and failure messages are made."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.hiding import hides
from harness.terminal import visible

__tracebackhide__ = hides


class Kind(enum.Enum):
    """What an entry of the journal tells."""

    DID = "did"
    SAW = "saw"
    LOG = "log"
    """What a failed wait found noted elsewhere, at the time at which it was."""
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. `at` is in seconds of the host's clock.

    `share` of a PROGRESS entry runs from 0 to 1; None: nobody can tell how far it is.
    """

    at: float
    kind: Kind
    text: str
    led: str | None = None
    share: float | None = None

    def __str__(self) -> str:
        led = f"  (LED: {visible(self.led)})" if self.led else ""
        return f"{self.at:9.3f} s  {self.kind.value}  {visible(self.text)}{led}"


Listener = Callable[[Entry], None]

_everywhere: list[Listener] = []


@contextmanager
def listen_to_all(listener: Listener) -> Iterator[None]:
    """Have `listener` called with every entry of every journal while the context lasts."""
    _everywhere.append(listener)
    try:
        yield
    finally:
        _everywhere.remove(listener)


class Journal:
    """The entries of one board since the journal was made or cleared. Listeners are told of every new one, progress included.

    Progress entries are told but not kept.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.entries: list[Entry] = []
        self.began = now()
        self._now = now
        self._listeners: list[Listener] = []

    def did(self, text: str) -> None:
        """Record an action."""
        self._add(Entry(self._now(), Kind.DID, text))

    def saw(self, text: str, *, led: str | None = None) -> None:
        """Record an observation; the same one twice in a row is recorded once."""
        last = self.entries[-1] if self.entries else None
        if last is None or (last.kind, last.text, last.led) != (Kind.SAW, text, led):
            self._add(Entry(self._now(), Kind.SAW, text, led))

    def log(self, at: float, text: str) -> None:
        """Record what somebody else noted at a moment."""
        self._add(Entry(at, Kind.LOG, text))

    def progress(self, text: str, share: float | None) -> None:
        """Tell listeners how far a long action is; None where nobody can tell."""
        self._add(Entry(self._now(), Kind.PROGRESS, text, share=share))

    def _add(self, entry: Entry) -> None:
        if entry.kind is not Kind.PROGRESS:
            self.entries.append(entry)
        for listener in (*self._listeners, *_everywhere):
            listener(entry)

    @contextmanager
    def listen(self, listener: Listener) -> Iterator[None]:
        """Have `listener` called with every entry while the context lasts."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def clear(self) -> None:
        """Forget the entries, and begin anew."""
        self.entries.clear()
        self.began = self._now()

    def __str__(self) -> str:
        return "\n".join(map(str, self.entries)) or "nothing was done"
