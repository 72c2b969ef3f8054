"""The two ways to turn a Lab's clock, behind one interface.

*Inline* (`emulator.drivers.inline`): virtual time; the thread that waits pumps the heap. *Served* (`emulator.drivers.served`):
real time; one asyncio loop in a thread of its own owns the Lab. Code above cannot tell which one runs it, but for the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from emulator.clock import Clock, Signal

T = TypeVar("T")
Seen = Callable[[], str]


class WaitTimeout(Exception):
    """What was awaited did not come. Tells what was awaited, for how long, and what was seen instead."""

    def __init__(self, awaited: str, seconds: float, seen: str, *, stalled: bool = False) -> None:
        self.awaited = awaited
        self.seconds = seconds
        self.seen = seen
        self.stalled = stalled
        """True when nothing at all was left to happen, so that waiting longer could not have helped."""
        end = "nothing more can happen" if stalled else f"not within {seconds:g} s"
        super().__init__(f"waited for {awaited}: {end}; seen: {seen}")


class NestedWait(RuntimeError):
    """Code that runs inside the Lab (a timer, a handler) tried to wait. Only the outside may wait; the inside uses timers."""


class LabClosed(RuntimeError):
    """A Lab was used that is closed, or that was closed meanwhile."""


class WrongThread(RuntimeError):
    """A Lab in virtual time was used from a second thread."""


class Reply(Generic[T]):
    """A result that comes later, once. The inside settles it; the outside, or a coroutine, waits for it."""

    __slots__ = ("_error", "_suspend", "_value", "done", "settled")

    def __init__(self, suspend: Callable[[Reply[Any]], Iterator[Any]]) -> None:
        self.done = False
        self.settled = Signal()
        self._suspend = suspend
        self._value: T | None = None
        self._error: BaseException | None = None

    def resolve(self, value: T) -> None:
        """Settle with a value. Ignored when already settled: the first answer counts."""
        if not self.done:
            self.done = True
            self._value = value
            self.settled.fire()

    def fail(self, error: BaseException) -> None:
        """Settle with an error. Ignored when already settled."""
        if not self.done:
            self.done = True
            self._error = error
            self.settled.fire()

    def result(self) -> T:
        """The value.

        Raises:
            RuntimeError: not settled yet.
            BaseException: the error it was settled with.
        """
        if not self.done:
            raise RuntimeError("the reply has not come yet")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only where T allows it

    def __await__(self) -> Generator[Any, Any, T]:
        if not self.done:
            yield from self._suspend(self)
        return self.result()


class Driver(Protocol):
    """Turns a Lab's clock, and is the only way in for code outside the Lab."""

    clock: Clock

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Run `function(*args)` where the Lab lives, and return or raise what it does. It must not wait.

        Raises:
            LabClosed: the Lab is closed (real time). What came in before that is done.
        """
        ...

    def post(self, function: Callable[[], object]) -> None:
        """Have `function()` run where the Lab lives as soon as it is free: at once, if it is that now and the thread is the right one.

        For whatever lets go of something. Python drops objects on any thread and in the middle of anything, the Lab's own work too; so
        this neither waits nor raises. What is called or awaited afterwards finds it done. A closed Lab does nothing any more (real time).
        """

    def wait(
        self,
        ready: Callable[[], T | None],
        signals: Iterable[Signal],
        *,
        timeout: float,
        awaited: str,
        seen: Seen = ...,
    ) -> T:
        """Let time pass until `ready()` gives something other than None or False, and return that.

        `ready` is asked at once, and again each time one of `signals` fires.

        Raises:
            WaitTimeout: `timeout` seconds passed, or (virtual time) nothing more can happen.
            NestedWait: called from inside the Lab.
            LabClosed: the Lab is closed, or was before the wait was over (real time).
        """

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""

    def reply(self) -> Reply[Any]:
        """A new result to settle later."""

    def run(self, coroutine: Coroutine[Any, Any, T], *, timeout: float) -> T:
        """Run a coroutine of the Lab (one that awaits nothing but replies) to its end.

        Raises:
            LabClosed: the Lab is closed, or was before the coroutine had ended (real time).
        """

    def gather(self, flows: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """Run many flows, each of which may wait, side by side; give each one's result or the exception it ended with, in order."""

    def close(self) -> None:
        """Stop turning. The Lab is not usable afterwards."""


def nothing_seen() -> str:
    """What a wait says it saw when its caller has no better answer."""
    return "nothing"
