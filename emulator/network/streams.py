"""Streams: what TCP gives. Whatever the link does, bytes arrive in order, or the stream ends."""

from __future__ import annotations

import random
from collections.abc import Callable

from emulator.clock import Clock
from emulator.network.link import Link


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


class StreamEnd(Stream):
    """One end of a stream inside the Lab."""

    __slots__ = ("_arrives", "_clock", "_held", "_link", "_resumed", "_rng", "alive", "other")

    def __init__(self, peer: str, clock: Clock, link: Link, rng: random.Random) -> None:
        super().__init__(peer)
        self.alive = True
        self.other: StreamEnd | None = None
        self._clock = clock
        self._link = link
        self._rng = rng
        self._arrives = 0.0
        self._held: list[tuple[Callable[..., None], bytes | str]] = []
        self._resumed: Callable[[], None] = _nothing

    def write(self, data: bytes) -> None:
        """See `Stream`."""
        if self.alive and data:
            self._send(StreamEnd._deliver, data)

    def close(self) -> None:
        """See `Stream`."""
        if self.alive:
            self._send(StreamEnd._end, "closed by the peer")
            self.alive = False

    def abort(self) -> None:
        """See `Stream`."""
        self.alive = False

    def _resume(self) -> None:
        self._resumed()
        held, self._held = self._held, []
        for action, what in held:
            self._send(action, what)

    def _send(self, action: Callable[..., None], what: bytes | str) -> None:
        if self.other is None:
            return
        if self._link.down:
            if not self._held:
                self._resumed = self._link.restored.subscribe(self._resume)
            self._held.append((action, what))
            return
        self._arrives = max(self._arrives, self._clock.now + self._link.delay(self._rng))
        self._clock.call_at(self._arrives, action, self.other, what)

    def _deliver(self, data: bytes) -> None:
        if self.alive:
            self.on_data(data)

    def _end(self, reason: str) -> None:
        if self.alive:
            self.alive = False
            self.on_closed(reason)


def _ignore(_: object) -> None:
    """The default of the callbacks: nobody is listening."""


def _nothing() -> None:
    """The default of the functions that end something: there is nothing to end."""
