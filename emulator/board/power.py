"""Power scopes: everything that a boot starts, and that must die with it.

A board's firmware gets one `PowerScope` per boot. Its timers, and whatever else it hangs on the scope, end on a reset or a power cut,
so that nothing from before a reset can fire after it. A scope keeps its own timers and arms a single wake-up in the Lab's clock, the
least of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from emulator.clock import Clock, Timer


class PowerCut(BaseException):
    """The power went away in the middle of a flash operation.

    Not an `Exception`: no handler in the firmware may survive it. It unwinds to the board, which is then off.
    """


class PowerScope:
    """What lives from a boot to the next reset or power cut."""

    __slots__ = ("_behind", "_clock", "_ends", "_guard", "_heap", "_seq", "_suspended", "_wakeup", "alive")

    def __init__(self, clock: Clock, guard: Callable[[Callable[..., Any], tuple[Any, ...]], Any]) -> None:
        self.alive = True
        self._clock = clock
        self._guard = guard
        self._heap: list[Timer] = []
        self._seq = 0
        self._wakeup: Timer | None = None
        self._ends: list[Callable[[], None]] = []
        self._behind = 0.0
        """Seconds for which the processor's timer stood still."""
        self._suspended: float | None = None
        """Since when timers wait, in the Lab's time."""

    @property
    def now(self) -> float:
        """The processor's time in seconds: the Lab's, less what it slept through without a timer."""
        return self._clock.now - self._behind

    def since(self, moment: float) -> float:
        """Seconds since a moment, to the microsecond: a timer of 3 s does not always end 3 s after it began, in binary fractions."""
        return round(self.now - moment, 6)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Have `callback(*args)` called `delay` seconds from now, unless the scope ends before."""
        return self.call_at(self.now + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Timer:
        """Have `callback(*args)` called at `when` of the processor's time, unless the scope ends before."""
        self._seq += 1
        timer = Timer(when, self._seq, callback, args)
        if not self.alive:
            timer.cancel()
            return timer
        heapq.heappush(self._heap, timer)
        if self._heap[0] is timer:
            self._arm()
        return timer

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback()` called when the scope ends. The last one registered is called first."""
        self._ends.append(callback)

    def end(self) -> None:
        """Cancel every timer, then call what was registered with `on_end`. Ending twice does nothing."""
        if not self.alive:
            return
        self.alive = False
        if self._wakeup is not None:
            self._wakeup.cancel()
        self._heap.clear()
        while self._ends:
            self._ends.pop()()

    def suspend(self) -> None:
        """Let no timer fire until `resume`."""
        self._suspended = self._clock.now
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None

    def resume(self, *, time_stood_still: bool) -> None:
        """Let timers fire again. Those that came due meanwhile fire now; none did if the processor's time stood still with it."""
        if self._suspended is None:
            return
        if time_stood_still:
            self._behind += self._clock.now - self._suspended
        self._suspended = None
        self._arm()

    def _arm(self) -> None:
        if self._suspended is not None:
            return
        heap = self._heap
        while heap and heap[0].callback is None:
            heapq.heappop(heap)
        if self._wakeup is not None:
            if heap and not self._wakeup.cancelled and self._wakeup.when == heap[0].when + self._behind:
                return
            self._wakeup.cancel()
        self._wakeup = self._clock.call_at(heap[0].when + self._behind, self._wake) if heap else None

    def _wake(self) -> None:
        self._wakeup = None
        self._guard(self._run_due, ())
        if self.alive:
            self._arm()

    def _run_due(self) -> None:
        heap = self._heap
        while heap and heap[0].when + self._behind <= self._clock.now and self._suspended is None:
            timer = heapq.heappop(heap)
            callback, args = timer.callback, timer.args
            timer.cancel()
            if callback is not None:
                callback(*args)
