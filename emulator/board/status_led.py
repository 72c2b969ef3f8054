"""The RGB status LED: what it shows, by whom, and the time line of what it showed.

Firmware starts and stops *statuses*; the one with the highest priority is shown, and among equals the one started last (Device OS,
services/src/led_service.cpp). The LED itself keeps a time line of changes, which is how modes that pass quickly are witnessed.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


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


COLOURS = {
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
        colour = COLOURS.get(self.colour, f"#{self.colour:06x}")
        fast = "fast " if self.pattern is Pattern.BLINK and self.period <= 0.1 else ""
        return f"{fast}{self.pattern.value} {colour}"


OFF = LedStatus()


class LedSignal(enum.Enum):
    """What the LED can be made to signal; how each looks is the theme's to say."""

    NETWORK_OFF = "network_off"
    NETWORK_ON = "network_on"
    NETWORK_CONNECTING = "network_connecting"
    NETWORK_DHCP = "network_dhcp"
    NETWORK_CONNECTED = "network_connected"
    CLOUD_CONNECTING = "cloud_connecting"
    CLOUD_HANDSHAKE = "cloud_handshake"
    CLOUD_CONNECTED = "cloud_connected"
    SAFE_MODE = "safe_mode"
    LISTENING_MODE = "listening_mode"
    DFU_MODE = "dfu_mode"
    FIRMWARE_UPDATE = "firmware_update"
    HOLD_SAFE_MODE = "hold_safe_mode"
    HOLD_DFU_MODE = "hold_dfu_mode"
    HOLD_FACTORY_RESET = "hold_factory_reset"
    HOLD_RESET_SETTINGS = "hold_reset_settings"
    CLOUD_UNREACHABLE = "cloud_unreachable"
    HANDSHAKE_FAILED = "handshake_failed"
    KEY_UNREADABLE = "key_unreadable"
    SERVER_UNPROVEN = "server_unproven"
    NYAN = "nyan"
    CLEAR_CREDENTIALS = "clear_credentials"


LedTheme: TypeAlias = Mapping[LedSignal, LedStatus]
"""How each signal looks on a board."""


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

    def forget(self) -> None:
        """Begin the time line anew."""
        self._timeline.clear()

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
    """The signals that firmware has started; the LED shows the strongest. Dies with the boot that made it."""

    __slots__ = ("_active", "_count", "_led", "_now", "theme")

    def __init__(self, led: StatusLed, theme: LedTheme, now: Callable[[], float]) -> None:
        self.theme = theme
        self._led = led
        self._now = now
        self._count = 0
        self._active: dict[LedSignal, tuple[int, int]] = {}

    def start(self, signal: LedSignal, priority: Priority) -> None:
        """Want `signal` shown; starting it again makes it the latest of its priority."""
        self._count += 1
        self._active[signal] = (priority, self._count)
        self._show()

    def stop(self, *signals: LedSignal) -> None:
        """Do not want these shown any more."""
        for signal in signals:
            self._active.pop(signal, None)
        self._show()

    def refresh(self) -> None:
        """Show again what is wanted, after the LED was switched off."""
        self._show()

    def _show(self) -> None:
        best = max(self._active, key=self._active.__getitem__, default=None)
        self._led.show(OFF if best is None else self.theme[best], self._now())
