"""Sleep: how Device OS leaves cloud and network, what wakes the board, and how it takes both up again.

A board that stops keeps everything in memory and goes on where it was; one that hibernates boots. Neither loses its session with the cloud
over UDP, which is in backup memory. (Device OS 6.2.0, system/src/system_sleep.cpp; 2.0, hal/src/stm32f2xx/sleep_hal.cpp.)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.board.sleep import Alarm, WakeUp
from emulator.hardware import Hardware
from particle_protocol.messages.goodbye import CloudReason, NetworkReason
from particle_protocol.platforms import OsVersion

if TYPE_CHECKING:
    from emulator.device_os.system import DeviceOs

ULTRA_LOW_POWER_SINCE: OsVersion = (2, 0, 0)
NETWORK_WAKES_SINCE: OsVersion = (2, 0, 0)


class SleepMode(enum.Enum):
    """How deep a board sleeps."""

    STOP = "stop"
    ULTRA_LOW_POWER = "ultra low power"
    """As STOP, with more of the hardware off; the same for everybody who looks from outside. Since Device OS 2.0."""
    HIBERNATE = "hibernate"
    """Everything is off but the backup memory. The board boots when it wakes."""


class SleepNetwork(enum.Enum):
    """What becomes of the network meanwhile."""

    OFF = "off"
    STANDBY = "standby"
    """It stays connected, and so does the session with the cloud. What comes is kept until the board wakes."""
    WAKES = "wakes the board"
    """It stays connected, and what comes wakes the board: generation 3, since Device OS 2.0."""


@dataclass(frozen=True, slots=True)
class SleepConfiguration:
    """What an application asks for. `seconds` None: no time wakes it. `button`: MODE does. `wait_cloud`: Goodbye first."""

    mode: SleepMode = SleepMode.STOP
    seconds: float | None = None
    network: SleepNetwork = SleepNetwork.OFF
    button: bool = False
    wait_cloud: bool = False

    @property
    def alarm(self) -> Alarm:
        """What wakes the board."""
        return Alarm(self.seconds, self.button, self.network is SleepNetwork.WAKES)

    def fault(self, hardware: Hardware, version: OsVersion) -> str:
        """Why a board cannot sleep like this, with what it can; empty if it can."""
        name, old = hardware.platform.display_name, hardware.platform.generation <= 2
        hibernates = self.mode is SleepMode.HIBERNATE
        if self.mode is SleepMode.ULTRA_LOW_POWER and version < ULTRA_LOW_POWER_SINCE:
            return "there is no ULTRA_LOW_POWER before Device OS 2.0; use STOP"
        if self.seconds is not None and self.seconds < (1 if old else 0.001):
            return f"{name} sleeps at least {'a second' if old else 'a millisecond'}, not {self.seconds:g} s"
        if hibernates and self.network is not SleepNetwork.OFF:
            return "a board that hibernates keeps no network; use STOP or ULTRA_LOW_POWER"
        if self.network is SleepNetwork.WAKES and (old or version < NETWORK_WAKES_SINCE):
            return f"no network wakes {name} of this Device OS; use SleepNetwork.STANDBY"
        if hibernates and self.seconds is not None and not hardware.wakes_by_time:
            return f"{name} has no clock that runs while it hibernates: no time wakes it; use STOP or ULTRA_LOW_POWER"
        if hibernates and self.button and old:
            return f"MODE does not wake {name} while it hibernates; use a time, STOP or ULTRA_LOW_POWER"
        if not hibernates and self.alarm == Alarm():
            return "nothing would wake it; give seconds, button=True or SleepNetwork.WAKES"
        return ""


class Sleeper:
    """What one boot does about sleep."""

    def __init__(self, system: DeviceOs) -> None:
        self._system = system
        self._configuration: SleepConfiguration | None = None
        self._network_was_on = False

    def begin(self, configuration: SleepConfiguration) -> None:
        """Fall asleep once what runs now is done. Does nothing if that is going on already.

        Raises:
            ValueError: the board cannot sleep like this; the message says how it can.
        """
        fault = configuration.fault(self._system.board.hardware, self._system.version_numbers)
        if fault:
            raise ValueError(f"board {self._system.board.device_id} cannot sleep like this: {fault}")
        if self._configuration is None:
            self._configuration = configuration
            self._system.scope.call_later(0.0, self._leave, configuration)

    def _leave(self, configuration: SleepConfiguration) -> None:
        """Leave the cloud, with a Goodbye if that was asked for, and the network, unless it is kept."""
        if configuration.network is not SleepNetwork.OFF:
            self._stand_still(configuration)
            return
        seconds = None if configuration.seconds is None else int(configuration.seconds)
        self._system.cloud.disconnect(
            CloudReason.SLEEP, sleep=seconds, goodbye=configuration.wait_cloud, then=lambda: self._switch_off(configuration)
        )

    def _switch_off(self, configuration: SleepConfiguration) -> None:
        interfaces = self._system.interfaces
        self._network_was_on = interfaces.on
        interfaces.off(NetworkReason.SLEEP)
        self._stand_still(configuration)

    def _stand_still(self, configuration: SleepConfiguration) -> None:
        self._configuration = None
        board = self._system.board
        if configuration.mode is SleepMode.HIBERNATE:
            board.hibernate(configuration.alarm)
            return
        self._system.hide_usb()
        board.sleep(configuration.alarm, self._woken)

    def _woken(self, by: WakeUp) -> None:
        """Be there again: LED, USB, network and cloud, and last the application."""
        system = self._system
        system.led.refresh()
        system.show_usb()
        if self._network_was_on:
            self._network_was_on = False
            system.interfaces.connect()
        else:
            system.cloud.ping()
        if system.application is not None and system.application_runs:
            system.application.woken(by)
