"""Time in a Lab: a heap of timers, and a `now` that only a driver moves.

Nothing in the emulator reads the machine's clock. A driver (`emulator.drivers`) turns the heap: *inline* jumps from timer to timer in
virtual time, *served* lets the asyncio loop's real time carry it along.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

VIRTUAL_EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""The date at which virtual time starts: fixed, so that runs with one seed are the same to the byte."""


class Timer:
    """A call that is due at `when`. `cancel()` makes sure it never happens."""

    __slots__ = ("args", "callback", "seq", "when")

    def __init__(self, when: float, seq: int, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.when = when
        self.seq = seq
        self.callback: Callable[..., Any] | None = callback
        self.args = args

    def cancel(self) -> None:
        """Forget the call. Cancelling twice, or after it happened, does nothing."""
        self.callback = None
        self.args = ()

    @property
    def cancelled(self) -> bool:
        """Whether the call will not happen any more: it was cancelled, or it has happened."""
        return self.callback is None

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self.seq) < (other.when, other.seq)


class Signal:
    """Something that happens again and again, and whoever wants to be told."""

    __slots__ = ("_subscribers",)

    def __init__(self) -> None:
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at every `fire()` from now on; returns the function that ends this."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def fire(self) -> None:
        """Tell every subscriber, in the order they came."""
        for subscriber in tuple(self._subscribers):
            subscriber()


class Clock:
    """The time of one Lab.

    `now` is in seconds since the Lab began, and never goes back. Timers that are due at the same time run in the order they were set.
    """

    def __init__(self, start: datetime = VIRTUAL_EPOCH) -> None:
        self.now = 0.0
        self.start = start
        self.on_earlier: Callable[[], None] | None = None
        """Called when a new timer becomes the first one due (the served driver re-arms itself)."""
        self._heap: list[tuple[float, int, Timer]] = []
        """Tuples, which compare without a call into Python; no two have the same number."""
        self._seq = 0

    def utc(self) -> datetime:
        """The date and time of day in UTC."""
        return self.start + timedelta(seconds=self.now)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Have `callback(*args)` called at `when` (at once, if that is past: on the next turn of the heap)."""
        self._seq += 1
        timer = Timer(max(when, self.now), self._seq, callback, args)
        heapq.heappush(self._heap, (timer.when, timer.seq, timer))
        if self.on_earlier is not None and self._heap[0][2] is timer:
            self.on_earlier()
        return timer

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Have `callback(*args)` called `delay` seconds from now."""
        return self.call_at(self.now + delay, callback, *args)

    def next_due(self) -> float | None:
        """When the first timer is due, or None when there is none."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def advance(self, now: float) -> None:
        """Move `now` forward without running anything. Going back is ignored."""
        if now > self.now:
            self.now = now

    def run_next(self) -> bool:
        """Jump to the first timer and run it. Returns False when there was none."""
        due = self.next_due()
        if due is None:
            return False
        timer = heapq.heappop(self._heap)[2]
        self.advance(due)
        callback, args = timer.callback, timer.args
        timer.cancel()
        if callback is not None:
            callback(*args)
        return True
