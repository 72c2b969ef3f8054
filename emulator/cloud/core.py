"""What all rooms of one cloud share."""

from __future__ import annotations

from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any

from emulator.clock import Clock
from emulator.cloud.basics import Calendar, Names
from emulator.cloud.settings import CloudSettings
from emulator.cloud.state import Change, Sink, State
from emulator.drivers import Reply
from emulator.mishaps import Mishaps

MakeReply = Callable[[], Reply[Any]]


class Core:
    """Clock, randomness, state, settings, and where it is noted what went wrong that nobody foresaw."""

    __slots__ = ("calendar", "clock", "mishaps", "names", "reply", "rng", "settings", "state")

    def __init__(self, clock: Clock, rng: Random, reply: MakeReply, sink: Sink | None, settings: CloudSettings) -> None:
        self.clock = clock
        self.calendar = Calendar(clock)
        self.rng = _fresh(rng, 0 if sink is None else sink.openings)
        self.names = Names(self.rng)
        self.reply = reply
        self.settings = settings
        self.state = State(sink)
        self.mishaps = Mishaps(clock)

    def change(self) -> Change:
        """Open a transaction."""
        return self.state.change()

    def fenced(self, what: str, function: Callable[..., object], *args: Any) -> None:
        """Call something that may fail, and let nobody else feel it: it is noted, and what it changed in the state is undone."""
        self.mishaps.fenced(what, self._whole, function, *args)

    def _whole(self, function: Callable[..., object], *args: Any) -> None:
        if not self.state.depth:
            function(*args)
            return
        with self.state.change():
            function(*args)

    def now(self) -> float:
        """The time of day, in POSIX seconds."""
        return self.calendar.now()


def _fresh(rng: Random, openings: int) -> Random:
    """Randomness that does not repeat what it gave when the state was opened before: a lab's seed would draw the same ids again."""
    if not openings or isinstance(rng, SystemRandom):
        return rng
    return Random(f"{rng.getrandbits(128)} {openings}")
