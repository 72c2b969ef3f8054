"""Listening mode: the LED blinks dark blue, and the serial console answers.

The console's dialogue is `particle_protocol.listening`; this connects it to a board.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.board.status_led import Priority, Signals

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs


class ListeningMode:
    """Whether one boot of Device OS is in listening mode, and the console while it is."""

    def __init__(self, system: DeviceOs) -> None:
        self.active = False
        self._system = system

    def enter(self) -> None:
        """Enter listening mode. Does nothing when in it."""
        if not self.active:
            self.active = True
            self._system.enter_listening()
            self._system.led.start(Signals.LISTENING_MODE, Priority.CRITICAL)

    def leave(self) -> None:
        """Leave listening mode. Does nothing when not in it."""
        if self.active:
            self.active = False
            self._system.led.stop(Signals.LISTENING_MODE)
            self._system.left_listening()
