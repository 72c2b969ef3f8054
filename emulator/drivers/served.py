"""Real time: one asyncio loop, in a thread of its own, owns the Lab.

Every call from outside is posted to that loop; no other thread touches a board. Timers run when the wall clock reaches them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from emulator.clock import Clock, Signal
from emulator.drivers import NestedWait, Reply, Seen, WaitTimeout, nothing_seen

T = TypeVar("T")


class ServedDriver:
    """Turns the clock at the pace of the wall clock, on a loop in a daemon thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock if clock is not None else Clock(datetime.now(UTC))
        self.loop = asyncio.new_event_loop()
        self._zero = self.loop.time() - self.clock.now
        self._armed: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None
        self._closed = False
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
            self._tick()
            try:
                done.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
                done.set_exception(error)
            self._arm()

        self._post(run)
        return done.result()

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
        done: Future[T] = Future()
        ends: list[Callable[[], None]] = []

        def finish(action: Callable[[Any], None], value: Any) -> None:
            for end in ends:
                end()
            ends.clear()
            if not done.done():
                action(value)

        def look() -> None:
            if done.done():
                return
            try:
                value = ready()
            except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
                finish(done.set_exception, error)
                return
            if value is not None and value is not False:
                finish(done.set_result, value)

        def give_up() -> None:
            finish(done.set_exception, WaitTimeout(awaited, timeout, seen()))

        def start() -> None:
            self._tick()
            look()
            if not done.done():
                ends.extend(signal.subscribe(look) for signal in signals)
                ends.append(self.clock.call_later(timeout, give_up).cancel)

        self._post(start)
        return done.result()

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
        task = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return task.result(timeout)
        except TimeoutError:
            task.cancel()
            raise WaitTimeout("a reply inside the Lab", timeout, nothing_seen()) from None

    def gather(self, flows: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """See `Driver.gather`. Flows are threads."""
        if not flows:
            return []
        with ThreadPoolExecutor(max_workers=len(flows), thread_name_prefix="particle-hil-flow") as pool:
            futures = [pool.submit(flow) for flow in flows]
            return [error if (error := future.exception()) is not None else future.result() for future in futures]

    def close(self) -> None:
        """See `Driver.close`."""
        if self._closed:
            return
        self._closed = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)
        self.loop.close()

    def _turn(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    def _inside(self) -> bool:
        return threading.get_ident() == self._thread.ident

    def _post(self, function: Callable[[], None]) -> None:
        if self._closed:
            raise RuntimeError("the Lab is closed")
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

    def _suspend(self, reply: Reply[Any]) -> Iterator[Any]:
        future = self.loop.create_future()
        end = reply.settled.subscribe(lambda: None if future.done() else future.set_result(None))
        try:
            yield from future
        finally:
            end()
