"""Virtual time: the thread that waits pumps the heap.

Only the outermost wait pumps. A wait inside a callback raises `NestedWait`; waits inside the flows of one `gather` (greenlets)
all rest on the one pump of that `gather`. An empty heap ends every wait at once: nothing could wake it any more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import greenlet

from emulator.clock import Clock, Signal
from emulator.drivers import NestedWait, Reply, Seen, WaitTimeout, WrongThread, nothing_seen

T = TypeVar("T")


class _Wait:
    """One wait: what would end it, and whether something that might end it has happened."""

    __slots__ = ("awaited", "deadline", "flow", "queue", "ready", "seconds", "seen", "woken")

    def __init__(self, ready: Callable[[], Any], queue: list[_Wait], deadline: float, seconds: float, awaited: str, seen: Seen) -> None:
        self.ready = ready
        self.queue = queue
        self.deadline = deadline
        self.seconds = seconds
        self.awaited = awaited
        self.seen = seen
        self.woken = False
        self.flow: greenlet.greenlet | None = None

    def wake(self) -> None:
        if not self.woken:
            self.woken = True
            self.queue.append(self)

    def timeout(self, *, stalled: bool = False) -> WaitTimeout:
        return WaitTimeout(self.awaited, self.seconds, self.seen(), stalled=stalled)


class InlineDriver:
    """Turns the clock on the calling thread, as fast as it goes."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock if clock is not None else Clock()
        self._thread = threading.get_ident()
        self._pump: greenlet.greenlet | None = None
        self._woken: list[_Wait] = []
        self._posted: deque[Callable[[], object]] = deque()
        self._calling = False
        self.wrong_thread: Callable[[], Exception] = _wrong_thread
        """Makes the error for a call from another thread."""

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """See `Driver.call`."""
        if threading.get_ident() != self._thread:
            raise self.wrong_thread()
        if self._calling:
            return function(*args)
        if self._posted:
            self._catch_up()
        self._calling = True
        try:
            return function(*args)
        finally:
            self._calling = False
            if self._posted:
                self._catch_up()

    def post(self, function: Callable[[], object]) -> None:
        """See `Driver.post`."""
        self._posted.append(function)
        if threading.get_ident() == self._thread and not self._calling:
            self._catch_up()

    def wait(
        self,
        ready: Callable[[], T | None],
        signals: Iterable[Signal],
        *,
        timeout: float,
        awaited: str,
        seen: Seen = nothing_seen,
    ) -> T:
        """See `Driver.wait`."""
        self.call(self._check_outside)
        value = ready()
        if value is not None and value is not False:
            return value
        wait = _Wait(ready, self._woken, self.clock.now + timeout, timeout, awaited, seen)
        ends = [signal.subscribe(wait.wake) for signal in signals]
        try:
            if self._pump is None:
                return self._pump_for(wait)  # type: ignore[no-any-return]
            return self._rest(wait)  # type: ignore[no-any-return]
        finally:
            for end in ends:
                end()

    def sleep(self, seconds: float) -> None:
        """See `Driver.sleep`."""
        self.call(self._check_outside)
        over = Signal()
        end = self.clock.now + seconds
        timer = self.clock.call_at(end, over.fire)
        try:
            self.wait(lambda: timer.cancelled, [over], timeout=seconds + 1, awaited=f"{seconds:g} s to pass")
        finally:
            timer.cancel()

    def reply(self) -> Reply[Any]:
        """See `Driver.reply`."""
        return Reply(_yield_itself)

    def run(self, coroutine: Coroutine[Any, Any, T], *, timeout: float) -> T:
        """See `Driver.run`."""
        try:
            self.call(self._check_outside)
            while True:
                pending = coroutine.send(None)
                if not isinstance(pending, Reply):
                    raise TypeError(f"a coroutine of the Lab may await replies only, not {type(pending).__name__}")
                self.wait(_is_done(pending), [pending.settled], timeout=timeout, awaited="a reply inside the Lab")
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            coroutine.close()

    def gather(self, flows: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """See `Driver.gather`. Flows are greenlets: they take turns only where they wait."""
        self.call(self._check_outside)
        if self._pump is not None:
            raise NestedWait("a flow of one gather cannot start another; hand all flows to one gather")
        results: list[T | BaseException] = [RuntimeError("not run")] * len(flows)

        running = len(flows)

        def body(place: int, flow: Callable[[], T]) -> None:
            nonlocal running
            try:
                results[place] = flow()
            except Exception as error:  # noqa: BLE001  # handed to the caller as that flow's result
                results[place] = error
            finally:
                running -= 1

        hub = greenlet.getcurrent()
        alive = [greenlet.greenlet(partial(body, place, flow), hub) for place, flow in enumerate(flows)]
        self._pump = hub
        try:
            for each in alive:
                each.switch()
            while running:
                self.clock.run_next()
                if self._posted:
                    self._run_posted()
                self._resume_woken()
        finally:
            self._pump = None
            self._woken.clear()
        return results

    def close(self) -> None:
        """See `Driver.close`."""

    def _check_outside(self) -> None:
        if self._pump is not None and greenlet.getcurrent() is self._pump:
            raise NestedWait("code inside the Lab tried to wait; use a timer or a reply instead")

    def _catch_up(self) -> None:
        """Do what was posted, unless a timer is at work: then the pump does it next."""
        if self._pump is None or greenlet.getcurrent() is not self._pump:
            self._run_posted()

    def _run_posted(self) -> None:
        self._calling = True
        try:
            while self._posted:
                self._posted.popleft()()
        finally:
            self._calling = False

    def _pump_for(self, wait: _Wait) -> Any:
        """Be the pump: run timers until the wait is over."""
        clock = self.clock
        self._pump = greenlet.getcurrent()
        try:
            while True:
                if self._posted:
                    self._run_posted()
                if wait.woken:
                    wait.woken = False
                    value = wait.ready()
                    if value is not None and value is not False:
                        return value
                due = clock.next_due()
                if due is None:
                    raise wait.timeout(stalled=True)
                if due > wait.deadline:
                    clock.advance(wait.deadline)
                    raise wait.timeout()
                clock.run_next()
        finally:
            self._pump = None
            self._woken.clear()

    def _rest(self, wait: _Wait) -> Any:
        """Inside a flow: let the pump of the gather carry on, and come back when this wait may be over."""
        pump = self._pump
        if pump is None:
            raise RuntimeError("a flow waits outside of its gather")
        wait.flow = greenlet.getcurrent()
        timer = self.clock.call_at(wait.deadline, wait.wake)
        try:
            while True:
                pump.switch()
                value = wait.ready()
                if value is not None and value is not False:
                    return value
                if self.clock.now >= wait.deadline:
                    raise wait.timeout()
        finally:
            timer.cancel()

    def _resume_woken(self) -> None:
        """Give each flow whose wait may be over a turn, in the order they were woken."""
        while self._woken:
            batch = self._woken[:]
            self._woken.clear()
            for wait in batch:
                wait.woken = False
                if wait.flow is not None:
                    wait.flow.switch()


def _wrong_thread() -> WrongThread:
    return WrongThread("a Lab in virtual time belongs to the thread that made it; serve the Lab to use it from others")


def _yield_itself(reply: Reply[Any]) -> Iterator[Any]:
    yield reply


def _is_done(reply: Reply[Any]) -> Callable[[], bool]:
    return lambda: reply.done
