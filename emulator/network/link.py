"""What lies between a board and the servers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

from emulator.clock import Signal

USUAL_LATENCY = 0.02
"""Seconds, one way. Chosen: a home's Wi-Fi, and a cloud on the same continent."""


@dataclass(slots=True)
class Link:
    """What lies between a board and the servers. Times in seconds; shares from 0 to 1."""

    latency: float = USUAL_LATENCY
    jitter: float = 0.0
    """The most by which something is late at random."""
    loss: float = 0.0
    """The share that is lost. A lost segment of a stream costs its retransmission, a lost datagram is gone."""
    air_loss: float = 0.0
    """The same, of the way through the air: the weaker the signal, the more."""
    retransmission: float = 0.3
    duplication: float = 0.0
    """The share of datagrams that arrive twice."""
    reordering: float = 0.0
    """The share of datagrams that those sent after them overtake."""
    mtu: int = 1500
    """Bytes of the largest datagram's payload that gets through; a larger one is lost."""
    down: bool = False
    restored: Signal = field(default_factory=Signal)

    def fail(self) -> None:
        """Carry nothing from now on."""
        self.down = True

    def restore(self) -> None:
        """Carry again, first what was held back."""
        self.down = False
        self.restored.fire()

    def delay(self, rng: random.Random) -> float:
        """How long one segment takes this time."""
        delay = self.latency
        if self.jitter:
            delay += rng.uniform(0, self.jitter)
        again, loss = self.retransmission, self._lost
        while loss and rng.random() < loss:
            delay += again
            again *= 2
        return delay

    def arrivals(self, rng: random.Random, size: int) -> tuple[float, ...]:
        """How long each copy of one datagram of `size` bytes takes this time; no copy at all when it is lost."""
        loss = self._lost
        if self.down or size > self.mtu or (loss and rng.random() < loss):
            return ()
        if not (self.duplication or self.jitter or self.reordering):
            return (self.latency,)
        copies = 2 if self.duplication and rng.random() < self.duplication else 1
        return tuple(self._one_way(rng) for _ in range(copies))

    @property
    def _lost(self) -> float:
        return 1 - (1 - self.loss) * (1 - self.air_loss) if self.air_loss else self.loss

    def _one_way(self, rng: random.Random) -> float:
        delay = self.latency
        if self.jitter:
            delay += rng.uniform(0, self.jitter)
        if self.reordering and rng.random() < self.reordering:
            late = self.latency or USUAL_LATENCY
            delay += late + rng.uniform(0, 2 * late)
        return delay


class Way:
    """From a board to a server, and back: through one link or several, each with the dice that are thrown for it."""

    __slots__ = ("_links",)

    def __init__(self, *links: tuple[Link, random.Random]) -> None:
        self._links = links

    @property
    def blocked(self) -> Link | None:
        """The first link that carries nothing now."""
        for link, _ in self._links:
            if link.down:
                return link
        return None

    def delay(self) -> float:
        """How long one segment takes this time."""
        delay = 0.0
        for link, rng in self._links:
            if link.latency or link.loss or link.jitter:
                delay += link.delay(rng)
        return delay

    def arrivals(self, size: int) -> list[float]:
        """How long each copy of one datagram of `size` bytes takes this time; no copy at all when it is lost."""
        (link, rng), *further = self._links
        arrivals = list(link.arrivals(rng, size))
        for link, rng in further:
            arrivals = [before + more for before in arrivals for more in link.arrivals(rng, size)]
        return arrivals


class Path(Protocol):
    """A way from a board to the servers, as an access point or a cell offers it."""

    link: Link
    internet: bool
    """Whether it leads any further than to itself."""

    @property
    def address(self) -> str:
        """What servers see its stations come from."""
