"""The RGB status LED: what it shows, by whom, and the time line of what it showed.

Firmware starts and stops *statuses*; the one with the highest priority is shown, and among equals the one started last (Device OS,
services/src/led_service.cpp). The LED itself keeps a time line of changes, which is how modes that pass quickly are witnessed.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from emulator.board.led_patterns import OFF, TICK, LedStatus, Pattern


class Priority(enum.IntEnum):
    """Levels of a status (Device OS, services/inc/led_service.h)."""

    BACKGROUND = 10
    NORMAL = 20
    IMPORTANT = 30
    CRITICAL = 40


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
    MAKING_KEY = "making_key"
    SIGNAL_STRENGTH = "signal_strength"
    POWER_OFF = "power_off"


UNTHEMED: Final = frozenset({LedSignal.SIGNAL_STRENGTH})
"""What no theme tells: it looks another way each time."""

LedTheme: TypeAlias = Mapping[LedSignal, LedStatus]
"""How each signal looks on a board."""


@dataclass(frozen=True, slots=True)
class LedChange:
    """From `time` on (seconds of the Lab) the LED showed `status`, whose pattern had begun at `began`."""

    time: float
    status: LedStatus
    began: float


class StatusLed:
    """The LED as a piece of hardware: it shows what it is told, and remembers. What it looks like at a moment is worked out when asked."""

    __slots__ = ("_on_change", "_timeline", "_toggles", "status")

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.status = OFF
        self._timeline: deque[LedChange] = deque(maxlen=64)
        self._toggles: deque[tuple[float, bool]] = deque(maxlen=512)
        """When it was switched on (True) or off by `toggle`, or lit anew for a status that is toggled."""
        self._on_change = on_change

    def show(self, status: LedStatus, now: float) -> None:
        """Show `status` from now on; showing what is shown already changes nothing.

        A pattern goes on where it is when only its colour changes (Device OS 6.2.0, services/src/led_service.cpp:145-220).
        """
        if status == self.status:
            return
        goes_on = self._timeline and status.rhythm == self.status.rhythm
        self.status = status
        self._timeline.append(LedChange(now, status, self._timeline[-1].began if goes_on else now))
        if status.pattern is Pattern.TOGGLED:
            self._toggles.append((now, True))
        self._on_change()

    def toggle(self, now: float) -> None:
        """Switch it off or on again, while it shows a status that is toggled."""
        if self.status.pattern is Pattern.TOGGLED:
            self._toggles.append((now, not self._toggles[-1][1]))

    def forget(self) -> None:
        """Begin the time line anew."""
        self._timeline.clear()
        self._toggles.clear()
        if self.status.pattern is Pattern.TOGGLED:
            self._toggles.append((0.0, True))

    def describe(self) -> str:
        """What a person sees, such as `blinking dark blue` or `breathing cyan`."""
        return str(self.status)

    @property
    def timeline(self) -> tuple[LedChange, ...]:
        """The last changes, oldest first."""
        return tuple(self._timeline)

    def colour(self, now: float) -> int:
        """The colour at this moment, 0xRRGGBB."""
        return self.seen(now, now)[-1][1]

    def seen(self, start: float, end: float) -> list[tuple[float, int]]:
        """What an eye saw from `start` to `end`: every moment at which the colour became another one, the first at `start`.

        The firmware works the colour out every 25 ms, and so does this. Before the time line begins the LED was off.
        """
        colours: list[tuple[float, int]] = []
        for time, colour in self._colours(start, end):
            if time <= start:
                colours[:] = [(start, colour)]
            elif colour != colours[-1][1]:
                colours.append((time, colour))
        return colours

    def _colours(self, start: float, end: float) -> Iterator[tuple[float, int]]:
        """Moments with the colour from there on: the last one up to `start`, and all up to `end`."""
        yield start, 0
        line = self._timeline
        for number, change in enumerate(line):
            until = line[number + 1].time if number + 1 < len(line) else end + 2 * _SLACK
            if until < start or change.time > end:
                continue
            if change.status.pattern is Pattern.TOGGLED:
                yield change.time, change.status.colour
                yield from ((at, change.status.colour if lit else 0) for at, lit in self._toggles if change.time <= at <= min(until, end))
                continue
            first = max(start, change.time)
            tick = int((first - change.began) / TICK + _SLACK)
            yield first, change.status.colour_at_tick(tick)
            while change.status.moves and (at := change.began + (tick := tick + 1) * TICK) < min(until, end + _SLACK):
                yield at, change.status.colour_at_tick(tick)


_SLACK = 1e-6
"""Of a tick, and in seconds: what binary fractions may be short of."""


class LedService:
    """The signals that firmware has started; the LED shows the strongest. Dies with the boot that made it."""

    __slots__ = ("_active", "_count", "_led", "_now", "_taken", "theme")

    def __init__(self, led: StatusLed, theme: LedTheme, now: Callable[[], float]) -> None:
        self.theme = theme
        self._led = led
        self._now = now
        self._count = 0
        self._active: dict[LedSignal, tuple[int, int, LedStatus]] = {}
        self._taken: LedStatus | None = None

    def start(self, signal: LedSignal, priority: Priority, look: LedStatus | None = None) -> None:
        """Want `signal` shown; starting it again makes it the latest of its priority. `look`: another than the theme gives it."""
        self._count += 1
        self._active[signal] = (priority, self._count, self.theme[signal] if look is None else look)
        self._show()

    def stop(self, *signals: LedSignal) -> None:
        """Do not want these shown any more."""
        for signal in signals:
            self._active.pop(signal, None)
        self._show()

    def refresh(self) -> None:
        """Show again what is wanted, after the LED was switched off."""
        self._show()

    def take_over(self, signal: LedSignal) -> None:
        """Show the colour of `signal` and nothing else, switched off and on by `toggle` (2.3.1, services/src/rgbled.c)."""
        self._taken = LedStatus(self.theme[signal].colour, Pattern.TOGGLED)
        self._show()

    def toggle(self) -> None:
        """Switch the LED that was taken over off, or on again. Does nothing when it was not."""
        if self._taken is not None:
            self._led.toggle(self._now())

    def give_back(self) -> None:
        """Show the strongest signal again."""
        self._taken = None
        self._show()

    def _show(self) -> None:
        best = max(self._active.values(), key=_rank, default=None)
        self._led.show(self._taken or (OFF if best is None else best[2]), self._now())


def _rank(active: tuple[int, int, LedStatus]) -> tuple[int, int]:
    return active[:2]
