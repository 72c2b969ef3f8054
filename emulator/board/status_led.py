"""The RGB status LED: what it shows, by whom, and the time line of what it showed.

Firmware starts and stops *statuses*; the one with the highest priority is shown, and among equals the one started last (Device OS,
services/src/led_service.cpp). The LED itself keeps a time line of changes, which is how modes that pass quickly are witnessed.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


class Pattern(enum.Enum):
    """How a colour is shown."""

    OFF = "off"
    SOLID = "solid"
    RAINBOW = "rainbow"
    BLINK = "blinking"
    FADE = "breathing"


class Priority(enum.IntEnum):
    """Levels of a status (Device OS, services/inc/led_service.h)."""

    BACKGROUND = 10
    NORMAL = 20
    IMPORTANT = 30
    CRITICAL = 40


_COLOURS = {
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

_RAINBOW = (0xEE82EE, 0x4B0082, 0x0000FF, 0x00FF00, 0xFFFF00, 0xFFA500, 0xFF0000)
"""What the cloud's signal shows, 100 ms each (Device OS 2.3.1, system/src/system_cloud_internal.cpp)."""


@dataclass(frozen=True, slots=True)
class LedStatus:
    """One thing the LED can show. `colour` is 0xRRGGBB, `period` in seconds (0 where the pattern has none)."""

    colour: int = 0
    pattern: Pattern = Pattern.OFF
    period: float = 0.0

    def colour_at(self, elapsed: float) -> int:
        """The colour `elapsed` seconds after the status began: blinking starts with on, breathing with bright."""
        if self.pattern is Pattern.OFF:
            return 0
        if self.pattern is Pattern.SOLID or self.period <= 0:
            return self.colour
        part = elapsed % self.period / self.period
        if self.pattern is Pattern.RAINBOW:
            return _RAINBOW[int(part * len(_RAINBOW))]
        if self.pattern is Pattern.BLINK:
            return self.colour if part < 0.5 else 0
        bright = abs(1 - 2 * part)
        return sum(int((self.colour >> shift & 0xFF) * bright) << shift for shift in (16, 8, 0))

    def __str__(self) -> str:
        if self.pattern is Pattern.OFF:
            return "off"
        if self.pattern is Pattern.RAINBOW:
            return "rainbow"
        colour = _COLOURS.get(self.colour, f"#{self.colour:06x}")
        fast = "fast " if self.pattern is Pattern.BLINK and self.period <= 0.1 else ""
        return f"{fast}{self.pattern.value} {colour}"


OFF = LedStatus()


class Signals:
    """The statuses of the default theme (Device OS, system/src/system_led_signal.cpp), and those of the bootloader."""

    NETWORK_OFF = LedStatus(0xFFFFFF, Pattern.FADE, 4.0)
    NETWORK_ON = LedStatus(0x0000FF, Pattern.FADE, 4.0)
    NETWORK_CONNECTING = LedStatus(0x00FF00, Pattern.BLINK, 0.2)
    NETWORK_DHCP = LedStatus(0x00FF00, Pattern.BLINK, 0.1)
    NETWORK_CONNECTED = LedStatus(0x00FF00, Pattern.FADE, 4.0)
    CLOUD_CONNECTING = LedStatus(0x00FFFF, Pattern.BLINK, 0.2)
    CLOUD_HANDSHAKE = LedStatus(0x00FFFF, Pattern.BLINK, 0.1)
    CLOUD_CONNECTED = LedStatus(0x00FFFF, Pattern.FADE, 4.0)
    SAFE_MODE = LedStatus(0xFF00FF, Pattern.FADE, 4.0)
    LISTENING_MODE = LedStatus(0x0000FF, Pattern.BLINK, 0.5)
    DFU_MODE = LedStatus(0xFFFF00, Pattern.BLINK, 0.2)
    FIRMWARE_UPDATE = LedStatus(0xFF00FF, Pattern.BLINK, 0.1)
    HOLD_SAFE_MODE = LedStatus(0xFF00FF, Pattern.BLINK, 0.2)
    HOLD_DFU_MODE = LedStatus(0xFFFF00, Pattern.BLINK, 0.2)
    HOLD_FACTORY_RESET = LedStatus(0x00FF00, Pattern.BLINK, 0.1)
    HOLD_RESET_SETTINGS = LedStatus(0xFFFFFF, Pattern.BLINK, 0.1)
    CLOUD_UNREACHABLE = LedStatus(0xFF6000, Pattern.BLINK, 0.5)
    HANDSHAKE_FAILED = LedStatus(0xFF0000, Pattern.SOLID)
    KEY_UNREADABLE = LedStatus(0xFF6000, Pattern.SOLID)
    SERVER_UNPROVEN = LedStatus(0xFF00FF, Pattern.SOLID)
    NYAN = LedStatus(0, Pattern.RAINBOW, 0.7)
    CLEAR_CREDENTIALS = LedStatus(0x0000FF, Pattern.BLINK, 0.1)


@dataclass(frozen=True, slots=True)
class LedChange:
    """From `time` on (seconds of the Lab) the LED showed `status`."""

    time: float
    status: LedStatus


class StatusLed:
    """The LED as a piece of hardware: it shows what it is told, and remembers."""

    __slots__ = ("_on_change", "_timeline", "since", "status")

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.status = OFF
        self.since = 0.0
        self._timeline: deque[LedChange] = deque(maxlen=64)
        self._on_change = on_change

    def show(self, status: LedStatus, now: float) -> None:
        """Show `status` from now on. Showing what is shown already changes nothing."""
        if status != self.status:
            self.status = status
            self.since = now
            self._timeline.append(LedChange(now, status))
            self._on_change()

    def describe(self) -> str:
        """What a person sees, such as `blinking dark blue` or `breathing cyan`."""
        return str(self.status)

    @property
    def timeline(self) -> tuple[LedChange, ...]:
        """The last changes, oldest first."""
        return tuple(self._timeline)

    def colour(self, now: float) -> int:
        """The colour at this moment, 0xRRGGBB."""
        return self.status.colour_at(now - self.since)


class LedService:
    """The statuses that firmware has started; the LED shows the strongest. Dies with the boot that made it."""

    __slots__ = ("_active", "_count", "_led", "_now")

    def __init__(self, led: StatusLed, now: Callable[[], float]) -> None:
        self._led = led
        self._now = now
        self._count = 0
        self._active: dict[LedStatus, tuple[int, int]] = {}

    def start(self, status: LedStatus, priority: Priority) -> None:
        """Want `status` shown; starting it again makes it the latest of its priority."""
        self._count += 1
        self._active[status] = (priority, self._count)
        self._show()

    def stop(self, *statuses: LedStatus) -> None:
        """Do not want these shown any more."""
        for status in statuses:
            self._active.pop(status, None)
        self._show()

    def _show(self) -> None:
        best = max(self._active, key=self._active.__getitem__, default=OFF)
        self._led.show(best, self._now())
