"""A processor that sleeps: what may wake it, and what reaches it meanwhile."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.clock import Clock


class WakeUp(enum.Enum):
    """What a board was woken by. RESET and a power cut end its sleep, too, as they end everything."""

    TIME = "time"
    BUTTON = "the MODE button"
    NETWORK = "data from the network"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What wakes a board: `after` seconds (None: no time), the MODE button going down, data from the network."""

    after: float | None = None
    button: bool = False
    network: bool = False


class Sleep:
    """One sleep of a processor, from the moment it stands still. What would have run keeps its order until it is woken.

    `woken` is called once, unless `end()` is called before.
    """

    __slots__ = ("_kept", "_timer", "_woken", "alarm")

    def __init__(self, clock: Clock, alarm: Alarm, woken: Callable[[WakeUp], None]) -> None:
        self.alarm = alarm
        self._woken = woken
        self._kept: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._timer = None if alarm.after is None else clock.call_later(alarm.after, woken, WakeUp.TIME)

    def keep(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Keep a call into the firmware for later."""
        self._kept.append((function, args))

    def press_button(self) -> None:
        """MODE went down."""
        if self.alarm.button:
            self._woken(WakeUp.BUTTON)

    def receive(self) -> None:
        """Data from the network has come."""
        if self.alarm.network:
            self._woken(WakeUp.NETWORK)

    def end(self) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
        """Be over; returns what was kept, in its order."""
        if self._timer is not None:
            self._timer.cancel()
        kept, self._kept = self._kept, []
        return kept
