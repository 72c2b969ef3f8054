"""Joining the two ends of a conversation: over USB in memory, over a network that does to datagrams what networks do, in virtual time."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from particle_protocol.usb import HostSteps, Pause, Setup, Stall


class Wire:
    """Runs host steps against a device's `control`; keeps what was said and how long was paused."""

    def __init__(self, control: Callable[[Setup, bytes], bytes]) -> None:
        self.control = control
        self.pauses: list[float] = []
        self.said: list[tuple[Setup, bytes]] = []
        self.on_pause: Callable[[float], None] = lambda _: None

    def run(self, steps: HostSteps[Any]) -> Any:
        answer: bytes | None = b""
        stall: Stall | None = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    self.on_pause(step.seconds)
                    answer, stall = b"", None
                else:
                    self.said.append((step.setup, step.data))
                    try:
                        answer, stall = self.control(step.setup, step.data), None
                    except Stall as error:
                        stall = error
                step = steps.throw(stall) if stall is not None else steps.send(answer or b"")
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="session")
def wire() -> type[Wire]:
    return Wire


class Weather:
    """What a network does to datagrams: the share that it loses, repeats, breaks, and for how long at most it holds one back."""

    def __init__(self, loss=0.0, repeat=0.0, corrupt=0.0, jitter=0.0):
        self.loss, self.repeat, self.corrupt, self.jitter = loss, repeat, corrupt, jitter


class Network:
    """Carries datagrams in virtual time. Everything by chance comes from one seed."""

    def __init__(self, seed: int, weather: Weather) -> None:
        self.rng = random.Random(seed)
        self.weather = weather
        self.now = 0.0
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Callable[[bytes], None], bytes]] = []

    def carry(self, datagram: bytes, arrive: Callable[[bytes], None]) -> None:
        rng, weather = self.rng, self.weather
        for _ in range(2 if rng.random() < weather.repeat else 1):
            if rng.random() < weather.loss:
                continue
            if rng.random() < weather.corrupt:
                broken = bytearray(datagram)
                broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
                datagram = bytes(broken)
            heapq.heappush(self._heap, (self.now + 0.02 + rng.random() * weather.jitter, next(self._order), arrive, datagram))

    def next_arrival(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def deliver_until(self, now: float) -> Iterator[None]:
        """Deliver what arrives up to then, one by one."""
        while self._heap and self._heap[0][0] <= now:
            self.now, _, arrive, datagram = heapq.heappop(self._heap)
            arrive(datagram)
            yield
        self.now = now


@pytest.fixture
def make_network() -> Callable[..., Network]:
    return lambda seed, **weather: Network(seed, Weather(**weather))
