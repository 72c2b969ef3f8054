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

MakeReply = Callable[[], Reply[Any]]


class Core:
    """Clock, randomness, state, settings."""

    __slots__ = ("calendar", "clock", "names", "reply", "rng", "settings", "state")

    def __init__(self, clock: Clock, rng: Random, reply: MakeReply, sink: Sink | None, settings: CloudSettings) -> None:
        self.clock = clock
        self.calendar = Calendar(clock)
        self.rng = _fresh(rng, 0 if sink is None else sink.openings)
        self.names = Names(self.rng)
        self.reply = reply
        self.settings = settings
        self.state = State(sink)

    def change(self) -> Change:
        """Open a transaction."""
        return self.state.change()

    def now(self) -> float:
        """The time of day, in POSIX seconds."""
        return self.calendar.now()


def _fresh(rng: Random, openings: int) -> Random:
    """Randomness that does not repeat what it gave when the state was opened before: a lab's seed would draw the same ids again."""
    if not openings or isinstance(rng, SystemRandom):
        return rng
    return Random(f"{rng.getrandbits(128)} {openings}")
