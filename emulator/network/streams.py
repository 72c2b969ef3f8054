"""Streams: what TCP gives. Whatever the link does, bytes arrive in order, or the stream ends."""

from __future__ import annotations

from collections.abc import Callable

from emulator.clock import Clock
from emulator.network.link import Way


class Stream:
    """One end of an ordered byte stream.

    Its owner sets `on_data` and `on_closed`. `on_closed(reason)` is called at most once, and never after the owner's own `close()` or
    `abort()`.
    """

    __slots__ = ("local", "on_closed", "on_data", "peer")

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.local = ""
        """What the peer sees it come from, where that is known."""
        self.on_data: Callable[[bytes], None] = _ignore
        self.on_closed: Callable[[str], None] = _ignore

    def write(self, data: bytes) -> None:
        """Send bytes. Ignored once the stream has ended."""
        raise NotImplementedError

    def close(self) -> None:
        """End the stream in good order: what was written still arrives, then the peer is told."""
        raise NotImplementedError

    def abort(self) -> None:
        """Be gone without a word, as a board that loses power: the peer is not told, and what it sends is lost."""
        raise NotImplementedError


class Lane:
    """One direction of a stream: what is sent arrives in order, and stands still while the way is blocked."""

    __slots__ = ("_arrives", "_clock", "_flying", "_held", "_resumed", "_way")

    def __init__(self, clock: Clock, way: Way) -> None:
        self._clock = clock
        self._way = way
        self._arrives = 0.0
        self._flying = 0
        """How much is on its way."""
        self._held: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._resumed: Callable[[], None] = _nothing

    def send(self, action: Callable[..., None], *args: object) -> None:
        """Have `action(*args)` called at the other end, never at once."""
        if self._holds(action, args):
            return
        self._flying += 1
        self._arrives = max(self._arrives, self._clock.now + self._way.delay())
        self._clock.call_at(self._arrives, self._land, action, args)

    def pass_on(self, action: Callable[..., None], *args: object) -> None:
        """The same, at once where the way takes no time."""
        if self._holds(action, args):
            return
        delay = self._way.delay()
        if not delay and not self._flying:
            action(*args)
            return
        self._flying += 1
        self._arrives = max(self._arrives, self._clock.now + delay)
        self._clock.call_at(self._arrives, self._land, action, args)

    def drop(self) -> None:
        """Forget what stands still."""
        self._resumed()
        self._resumed = _nothing
        self._held.clear()

    def _holds(self, action: Callable[..., None], args: tuple[object, ...]) -> bool:
        blocked = self._way.blocked
        if blocked is None:
            return False
        if not self._held:
            self._resumed = blocked.restored.subscribe(self._resume)
        self._held.append((action, args))
        return True

    def _land(self, action: Callable[..., None], args: tuple[object, ...]) -> None:
        self._flying -= 1
        action(*args)

    def _resume(self) -> None:
        self._resumed()
        self._resumed = _nothing
        held, self._held = self._held, []
        for action, args in held:
            self.send(action, *args)


class StreamEnd(Stream):
    """One end of a stream inside the Lab."""

    __slots__ = ("_lane", "alive", "other")

    def __init__(self, peer: str, clock: Clock, way: Way) -> None:
        super().__init__(peer)
        self.alive = True
        self.other: StreamEnd | None = None
        self._lane = Lane(clock, way)

    def write(self, data: bytes) -> None:
        """See `Stream`."""
        if self.alive and data and self.other is not None:
            self._lane.send(self.other.deliver, data)

    def close(self) -> None:
        """See `Stream`."""
        if self.alive:
            if self.other is not None:
                self._lane.send(self.other.end, "closed by the peer")
            self.alive = False

    def abort(self) -> None:
        """See `Stream`."""
        self.alive = False

    def deliver(self, data: bytes) -> None:
        """Bytes of the other end have arrived."""
        if self.alive:
            self.on_data(data)

    def end(self, reason: str) -> None:
        """The other end is gone."""
        if self.alive:
            self.alive = False
            self.on_closed(reason)


class Detour(Stream):
    """A stream to a server outside of the Lab, with a way of the Lab's before it."""

    __slots__ = ("_alive", "_in", "_inner", "_out")

    def __init__(self, inner: Stream, clock: Clock, way: Way) -> None:
        super().__init__(inner.peer)
        self.local = inner.local
        self._inner = inner
        self._alive = True
        self._in, self._out = Lane(clock, way), Lane(clock, way)
        inner.on_data = lambda data: self._in.pass_on(self._deliver, data)
        inner.on_closed = lambda reason: self._in.pass_on(self._end, reason)

    def write(self, data: bytes) -> None:
        """See `Stream`."""
        if self._alive and data:
            self._out.pass_on(self._inner.write, data)

    def close(self) -> None:
        """See `Stream`."""
        if self._alive:
            self._alive = False
            self._in.drop()
            self._out.pass_on(self._inner.close)

    def abort(self) -> None:
        """See `Stream`."""
        self._alive = False
        self._in.drop()
        self._out.drop()
        self._inner.abort()

    def _deliver(self, data: bytes) -> None:
        if self._alive:
            self.on_data(data)

    def _end(self, reason: str) -> None:
        if self._alive:
            self._alive = False
            self.on_closed(reason)


def _ignore(_: object) -> None:
    """The default of the callbacks: nobody is listening."""


def _nothing() -> None:
    """The default of the functions that end something: there is nothing to end."""
