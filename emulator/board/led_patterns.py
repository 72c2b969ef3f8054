"""How an LED can look: colours, patterns, and what a pattern shows at each of the firmware's ticks.

The firmware works out the colour every 25 ms (Device OS 6.2.0, services/src/led_service.cpp), so a pattern is a colour for each of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

TICK: Final = 0.025
"""Seconds from one look of the firmware at its LED to the next."""
_TICK_MS: Final = 25


class Pattern(enum.Enum):
    """How a colour is shown."""

    OFF = "off"
    SOLID = "solid"
    RAINBOW = "rainbow"
    BLINK = "blinking"
    FADE = "breathing"
    TOGGLED = "toggled"
    """Switched off and on by the firmware, with each piece of an update."""
    STEPS = "steps"
    """Colours of its own, one after the other, once."""


COLOURS: Final = {
    0xFF0000: "red",
    0x00FF00: "green",
    0x0000FF: "dark blue",
    0xFFFF00: "yellow",
    0x00FFFF: "cyan",
    0xFF00FF: "magenta",
    0xFFFFFF: "white",
    0xFF6000: "orange",
    0x1F1F1F: "gray",
}

_RAINBOW: Final = (0xEE82EE, 0x4B0082, 0x0000FF, 0x00FF00, 0xFFFF00, 0xFFA500, 0xFF0000)
"""What the cloud's signal shows, 100 ms each (Device OS 2.3.1, system/src/system_cloud_internal.cpp)."""
_DARK_GREEN, _GREEN, _RED = 0x000A00, 0x00FF00, 0xFF0000


@dataclass(frozen=True, slots=True)
class LedStatus:
    """One thing the LED can show. `colour` is 0xRRGGBB, `period` in seconds (0 where the pattern has none)."""

    colour: int = 0
    pattern: Pattern = Pattern.OFF
    period: float = 0.0
    steps: tuple[tuple[int, int], ...] = ()
    """Of `Pattern.STEPS`: milliseconds and colour, one after the other."""
    text: str = ""
    """What a person would call it; empty: colour and pattern tell."""

    @property
    def rhythm(self) -> tuple[Pattern, float, tuple[tuple[int, int], ...]]:
        """What it has apart from its colour."""
        return self.pattern, self.period, self.steps

    @property
    def moves(self) -> bool:
        """Whether its colour changes by itself."""
        return self.pattern not in (Pattern.OFF, Pattern.SOLID)

    @property
    def duration(self) -> float:
        """Seconds that its steps take; 0 for what goes on for ever."""
        return sum(span for span, _ in self.steps) / 1000

    def colour_at_tick(self, tick: int) -> int:
        """The colour so many ticks after the pattern began: blinking starts with on, breathing with bright."""
        at, period = tick * _TICK_MS, round(self.period * 1000)
        if self.pattern is Pattern.OFF:
            return 0
        if self.pattern is Pattern.STEPS:
            return self._step_at(at)
        if self.pattern is Pattern.RAINBOW:
            return _RAINBOW[at % period * len(_RAINBOW) // period]
        if self.pattern is Pattern.BLINK and period:
            return self.colour if at % period * 2 < period else 0
        if self.pattern is Pattern.FADE and period:
            bright = abs(1 - 2 * (at % period) / period)
            return sum(int((self.colour >> shift & 0xFF) * bright) << shift for shift in (16, 8, 0))
        return self.colour

    def _step_at(self, at: int) -> int:
        for span, colour in self.steps:
            if at < span:
                return colour
            at -= span
        return 0

    def __str__(self) -> str:
        if self.text:
            return self.text
        if self.pattern in (Pattern.OFF, Pattern.RAINBOW):
            return str(self.pattern.value)
        colour = COLOURS.get(self.colour, f"#{self.colour:06x}")
        if self.pattern is Pattern.TOGGLED:
            return f"fast blinking {colour}"
        fast = "fast " if self.pattern is Pattern.BLINK and self.period <= 0.1 else ""
        return f"{fast}{self.pattern.value} {colour}"


OFF: Final = LedStatus()


def strength_shown(bars: int) -> LedStatus:
    """How the strength of the signal is shown: so many flashes, 0 to 5 (Device OS 6.2.0, system/src/main.cpp:172-260)."""
    flashes = ((50, _GREEN), (350, _DARK_GREEN)) * bars
    steps = ((750, _DARK_GREEN), *flashes[:-1], (750, _DARK_GREEN)) if bars else ((750, _DARK_GREEN),)
    times = "no flash" if bars == 0 else "1 flash" if bars == 1 else f"{bars} flashes"
    return LedStatus(pattern=Pattern.STEPS, steps=steps, text=f"{times} of green")


def panic_shown(code: int) -> LedStatus:
    """SOS and so many flashes, twice (Device OS 6.2.0, services/src/panic.c:70-105)."""

    def letter(span: int, pause: int) -> tuple[tuple[int, int], ...]:
        flashes = ((span, _RED), (100, 0)) * 3
        return (*flashes[:-1], (100 + pause, 0))

    once = (*letter(150, 100), *letter(300, 100), *letter(150, 900), *(((300, _RED), (300, 0)) * code), (800, 0))
    return LedStatus(pattern=Pattern.STEPS, steps=once * 2, text=f"SOS and {code} {'flash' if code == 1 else 'flashes'} of red")
