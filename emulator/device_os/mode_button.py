"""What the MODE button means while Device OS runs: held, and clicked.

Device OS 2.3.1 and 6.2.0, system/src/main.cpp:290-400. Held from outside of listening mode, the board counts anew from where listening
mode began: whoever lets go 3 to 8 s later leaves it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.clock import Timer
from particle_protocol.platforms import OsVersion
from particle_protocol.vitals import VitalError

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

CLICK: Final = (0.03, 0.5)
"""Seconds that a click takes: less is a switch that bounces, more is none."""
CLICKS_APART: Final = 1.0
"""Seconds after a click in which the next one counts with it."""
MOST_CLICKS: Final = 5


BARS_BY_PERCENT_SINCE: Final = (1, 0, 0)
"""Before this release the bars are bounds in dBm (0.7.0, system/src/main.cpp; chosen: 0.8.0 brought the percentage)."""
_BOUNDS: Final = (-103, -91, -79, -67, -57)


def signal_bars(strength: float | None, rssi: int | VitalError, version: OsVersion) -> int:
    """How many flashes, 0 to 5, show a signal of so many percent, and dBm in sixteen binary places, in a release."""
    if strength is None or isinstance(rssi, VitalError):
        return 0
    if version >= BARS_BY_PERCENT_SINCE:
        return int(strength / 20 + 0.5)
    return sum(rssi >> 16 >= bound for bound in _BOUNDS)


class ModeButton:
    """The button of one boot."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._times = system.board.hardware.buttons
        self._pressed_at: float | None = None
        self._in_listening = False
        self._hold: list[Timer] = []
        self._clicks = 0
        self._last: Timer | None = None

    def changed(self) -> None:
        """It went down or up."""
        if self._system.board.buttons.mode:
            self._pressed()
        else:
            self._released()

    def _pressed(self) -> None:
        system, scope = self._system, self._system.scope
        self._pressed_at = scope.now
        self._in_listening = system.listening.active
        if not self._in_listening:
            self._hold.append(scope.call_later(self._times.listen, self._held))
        self._hold.append(scope.call_later(self._times.clear_credentials, system.clear_credentials))

    def _held(self) -> None:
        """Held for long enough to listen."""
        if not self._system.listening.active:
            self._end_clicks()
            self._system.listening.enter()
        self._pressed_at = self._system.scope.now
        self._in_listening = True

    def _released(self) -> None:
        for timer in self._hold:
            timer.cancel()
        self._hold.clear()
        if self._pressed_at is None:
            return
        held, self._pressed_at = self._system.scope.since(self._pressed_at), None
        least, most = self._times.leave_listening
        if not self._system.listening.active:
            self._clicked(held)
        elif self._in_listening and least <= held <= most:
            self._system.listening.leave()

    def _clicked(self, held: float) -> None:
        shortest, longest = CLICK
        if held < shortest:
            return
        if held >= longest:
            self._end_clicks()
            return
        self._clicks += 1
        if self._last is not None:
            self._last.cancel()
            self._last = None
        if self._clicks == MOST_CLICKS:
            self._end_clicks()
        else:
            self._last = self._system.scope.call_later(CLICKS_APART, self._end_clicks)

    def _end_clicks(self) -> None:
        """No other click comes: so many there were."""
        clicks, self._clicks = self._clicks, 0
        if self._last is not None:
            self._last.cancel()
            self._last = None
        if clicks:
            self._system.mode_clicked(clicks)
