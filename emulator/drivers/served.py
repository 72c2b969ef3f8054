"""Real time: one asyncio loop, in a thread of its own, owns the Lab.

Every call from outside is posted to that loop; no other thread touches a board. Timers run when the wall clock reaches them.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from emulator.clock import Clock, Signal
from emulator.drivers import LabClosed, NestedWait, Reply, Seen, WaitTimeout, nothing_seen
from emulator.mishaps import Mishaps

T = TypeVar("T")
_CLOSED = "the Lab is closed"


class _Wait:
    """One wait. All but its result belongs to the loop. However it ends, the caller's thread hears of it."""

    def __init__(self, ready: Callable[[], Any], awaited: str, seconds: float, seen: Seen, over: Callable[[_Wait], None]) -> None:
        self.done: Future[Any] = Future()
        self.ends: list[Callable[[], object]] = []
        """What is to be called off when it is over."""
        self._ready = ready
        self._awaited = awaited
        self._seconds = seconds
        self._seen = seen
        self._over = over

    def guarded(self, step: Callable[[], None]) -> Callable[[], None]:
        """A step whose error is raised in the caller's thread."""

        def run() -> None:
            try:
                step()
            except BaseException as error:  # noqa: BLE001  # handed on
                self._finish(self.done.set_exception, error)

        return run

    def look(self) -> None:
        """See whether it is over."""
        self.guarded(self._look)()

    def give_up(self) -> None:
        """Its time has passed."""
        self.guarded(lambda: self._fail(WaitTimeout(self._awaited, self._seconds, self._seen())))()

    def leave(self) -> None:
        """The Lab is closed."""
        self.guarded(lambda: self._fail(LabClosed(f"waited for {self._awaited}, but the Lab was closed; seen: {self._seen()}")))()

    def _look(self) -> None:
        if not self.done.done():
            value = self._ready()
            if value is not None and value is not False:
                self._finish(self.done.set_result, value)

    def _fail(self, error: Exception) -> None:
        self._finish(self.done.set_exception, error)

    def _finish(self, action: Callable[[Any], None], value: Any) -> None:
        for end in self.ends:
            end()
        self.ends.clear()
        self._over(self)
        if not self.done.done():
            action(value)


class ServedDriver:
    """Turns the clock at the pace of the wall clock, on a loop in a daemon thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock if clock is not None else Clock(datetime.now(UTC))
        self.loop = asyncio.new_event_loop()
        self.mishaps = Mishaps(self.clock)
        """What went wrong on the loop with nobody to hear of it."""
        self.loop.set_exception_handler(self._unforeseen)
        self._zero = self.loop.time() - self.clock.now
        self._armed: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None
        self._closed = self._over = False
        self._entrance = threading.RLock()
        """Held while something is posted, and while the door is shut: whatever comes in does so before the loop's last turn.

        Reentrant, for a finalizer that calls the Lab can run in the middle of posting.
        """
        self._waits: dict[_Wait, None] = {}
        """Those under way. The loop's own."""
        self.clock.on_earlier = self._arm
        self._thread = threading.Thread(target=self._turn, name="particle-hil-lab", daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """See `Driver.call`."""
        if self._inside():
            self._tick()
            return function(*args)
        done: Future[T] = Future()

        def run() -> None:
            try:
                self._tick()
                done.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
                done.set_exception(error)
            self._arm()

        self._enter(run)
        return done.result()

    def post(self, function: Callable[[], object]) -> None:
        """See `Driver.post`. It takes no lock: two Labs whose threads drop each other's objects must not wait for one another."""

        def run() -> None:
            self._tick()
            function()
            self._arm()

        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(run)

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
        if self._inside():
            raise NestedWait("code inside the Lab tried to wait; use a timer or a reply instead")
        wait = _Wait(ready, awaited, timeout, seen, lambda over: self._waits.pop(over, None))

        def start() -> None:
            self._tick()
            wait.look()
            if not wait.done.done():
                self._waits[wait] = None
                wait.ends.extend(signal.subscribe(wait.look) for signal in signals)
                wait.ends.append(self.clock.call_later(timeout, wait.give_up).cancel)

        self._enter(wait.guarded(start))
        return wait.done.result()  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        """See `Driver.sleep`."""
        over = Signal()
        passed: list[bool] = []

        def end() -> None:
            passed.append(True)
            over.fire()

        self.call(self.clock.call_later, seconds, end)
        self.wait(lambda: bool(passed), [over], timeout=seconds + 60, awaited=f"{seconds:g} s to pass")

    def reply(self) -> Reply[Any]:
        """See `Driver.reply`."""
        return Reply(self._suspend)

    def run(self, coroutine: Coroutine[Any, Any, T], *, timeout: float) -> T:
        """See `Driver.run`."""
        if self._inside():
            coroutine.close()
            raise NestedWait("code inside the Lab tried to wait; await the coroutine instead")
        with self._entrance:
            if self._closed:
                coroutine.close()
                raise LabClosed(_CLOSED)
            task = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return task.result(timeout)
        except TimeoutError:
            task.cancel()
            raise WaitTimeout("a reply inside the Lab", timeout, nothing_seen()) from None
        except CancelledError:
            raise LabClosed("the Lab was closed in the middle of a request") from None

    def gather(self, flows: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """See `Driver.gather`. Flows are threads."""
        if not flows:
            return []
        with ThreadPoolExecutor(max_workers=len(flows), thread_name_prefix="particle-hil-flow") as pool:
            futures = [pool.submit(flow) for flow in flows]
            return [error if (error := future.exception()) is not None else future.result() for future in futures]

    def close(self) -> None:
        """See `Driver.close`."""
        with self._entrance:
            if self._closed:
                return
            self._closed = True
            self.loop.call_soon_threadsafe(self.loop.stop)
        if not self._inside():
            self._thread.join(timeout=10)

    def _turn(self) -> None:
        """The life of the loop's thread."""
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            with self._entrance:
                self._closed = True
            try:
                self.loop.run_until_complete(self._leave())
            finally:
                self.loop.close()
                self._over = True

    async def _leave(self) -> None:
        """Nothing comes in any more: end all that is under way, so that nobody waits for it for ever."""
        for wait in tuple(self._waits):
            wait.leave()
        await asyncio.sleep(0)
        tasks = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()

    def _inside(self) -> bool:
        # A thread that ended leaves its number to another one.
        return threading.get_ident() == self._thread.ident and not self._over

    def _enter(self, function: Callable[[], None]) -> None:
        with self._entrance:
            if self._closed:
                raise LabClosed(_CLOSED)
            self.loop.call_soon_threadsafe(function)

    def _tick(self) -> None:
        self.clock.advance(self.loop.time() - self._zero)

    def _arm(self) -> None:
        """Have the loop wake up for the first timer. Called on the loop's thread only."""
        due = self.clock.next_due()
        if due == self._armed_for and self._armed is not None:
            return
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        self._armed_for = due
        if due is not None:
            self._armed = self.loop.call_at(self._zero + due, self._run_due)

    def _run_due(self) -> None:
        self._armed = None
        self._armed_for = None
        self._tick()
        clock = self.clock
        now = self.loop.time() - self._zero
        try:
            while (due := clock.next_due()) is not None and due <= now:
                clock.run_next()
        finally:
            self._arm()

    def _unforeseen(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would log, each time and at full length: a callback that failed, a socket that cannot be opened."""
        error = context.get("exception")
        message = str(context.get("message") or "a callback")
        self.mishaps.note(message.partition(" <")[0], error if error is not None else RuntimeError(message))

    def _suspend(self, reply: Reply[Any]) -> Iterator[Any]:
        future = self.loop.create_future()
        end = reply.settled.subscribe(lambda: None if future.done() else future.set_result(None))
        try:
            yield from future
        finally:
            end()
