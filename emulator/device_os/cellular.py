"""Cellular, as an Electron has it: SIM, modem, registration with a cell.

The modem is powered on, the SIM is looked at, and the modem registers with a cell that admits the SIM: one that is not active is turned
down, and the modem asks again for as long as it has power, with the LED blinking green all the time. (Device OS 2.3.1,
hal/src/electron/modem/mdm_hal.h:100, system/src/system_network_cellular.h:150-161, system_network_internal.h:39-41 and 468-494.)
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from emulator.board.status_led import LedSignal, Priority
from emulator.clock import Timer
from emulator.device_os.connection_counters import ConnectionCounters
from emulator.device_os.network_interface import NO_SOURCE, InterfaceContext
from emulator.hardware import CELLULAR
from emulator.network import Cell, Path
from particle_protocol import vitals
from particle_protocol.messages import NetworkReason

POWER_ON_TIME = 3.0
REGISTRATION_TIME = 4.0
ADDRESS_TIME = 1.0
"""Seconds. Chosen: the sources tell the order of the steps, not how long a modem takes for them."""
LOOK_TIME = 15.0
"""Seconds from one look at the registration to the next."""
REGISTRATION_LIMIT = 600.0
"""Seconds without registration until the modem is switched off and on again."""


class CellularState(enum.Enum):
    """Where the connection to the network stands."""

    OFF = "modem off"
    REGISTERING = "registering"
    GETTING_ADDRESS = "waiting for an address"
    UP = "up"


_STATUS = {
    CellularState.OFF: vitals.NetworkStatus.TURNED_OFF,
    CellularState.REGISTERING: vitals.NetworkStatus.CONNECTING,
    CellularState.GETTING_ADDRESS: vitals.NetworkStatus.CONNECTING,
    CellularState.UP: vitals.NetworkStatus.CONNECTED,
}


class Cellular:
    """The modem of one boot, as a `NetworkInterface`."""

    kind = CELLULAR

    def __init__(self, context: InterfaceContext) -> None:
        self.state = CellularState.OFF
        self.cell: Cell | None = None
        self.counters = ConnectionCounters()
        self.failure = ""
        self._board = context.board
        self._scope = context.board.scope
        self._led = context.led
        self._on_up = context.on_up
        self._on_down = context.on_down
        self._powered_at = 0.0
        self._timer: Timer | None = None
        self._leave: Callable[[], None] | None = None
        self._scope.on_end(self._forget)

    @property
    def path(self) -> Path | None:
        """See `NetworkInterface`."""
        return self.cell if self.state is CellularState.UP else None

    @property
    def has_credentials(self) -> bool:
        """See `NetworkInterface`: a SIM is in its place."""
        return self._board.sim is not None

    def clear_credentials(self) -> None:
        """See `NetworkInterface`: there is nothing to forget, a SIM stays where it is."""

    def connect(self) -> None:
        """See `NetworkInterface`."""
        if self.state is CellularState.OFF:
            self._led.start(LedSignal.NETWORK_ON, Priority.BACKGROUND)
            self._power_on()

    @property
    def status(self) -> vitals.NetworkStatus:
        """See `NetworkInterface`."""
        return _STATUS[self.state]

    def signal(self) -> dict[int, int | vitals.VitalError]:
        """See `NetworkInterface`. Chosen: a modem's strength in percent is -113 dBm for 0 and -51 dBm for 100, the range of AT+CSQ."""
        cell = self.cell
        technology = vitals.UMTS if cell is not None else vitals.NO_TECHNOLOGY
        if cell is None:
            return {33: NO_SOURCE, 34: NO_SOURCE, 35: NO_SOURCE, 36: technology, 37: NO_SOURCE}
        strength = min(100.0, max(0.0, (cell.rssi + 113) / 62 * 100))
        return {33: vitals.q8_8(strength), 34: NO_SOURCE, 35: NO_SOURCE, 36: technology, 37: vitals.q16_16(cell.rssi)}

    def off(self, reason: NetworkReason = NetworkReason.NETWORK_OFF) -> None:
        """See `NetworkInterface`."""
        was_up = self.state is CellularState.UP
        if was_up:
            self.counters.lost(reason)
        self._forget()
        self.state = CellularState.OFF
        self._led.stop(LedSignal.NETWORK_ON, LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP, LedSignal.NETWORK_CONNECTED)
        if was_up:
            self._on_down()

    def _power_on(self) -> None:
        self.state = CellularState.REGISTERING
        self.counters.attempts += 1
        self._led.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
        self._powered_at = self._scope.now + POWER_ON_TIME
        self._timer = self._scope.call_later(POWER_ON_TIME + REGISTRATION_TIME, self._look)

    def _look(self) -> None:
        """Look whether a cell has let the SIM register."""
        cell, self.failure = self._find_cell()
        if cell is not None:
            self.state = CellularState.GETTING_ADDRESS
            self.cell = cell
            self._leave = cell.lost.subscribe(self._lost)
            self._led.start(LedSignal.NETWORK_DHCP, Priority.NORMAL)
            self._timer = self._scope.call_later(ADDRESS_TIME, self._up)
        elif self._scope.since(self._powered_at) >= REGISTRATION_LIMIT:
            self._power_on()
        else:
            self._timer = self._scope.call_later(LOOK_TIME, self._look)

    def _find_cell(self) -> tuple[Cell | None, str]:
        """A cell that admits the SIM, or none and why."""
        sim = self._board.sim
        if sim is None:
            return None, "there is no SIM"
        reason = "no cell is on the air"
        for cell in self._board.network.cells:
            if cell.on_air:
                refused = cell.admits(sim)
                if not refused:
                    return cell, ""
                reason = f"{cell.name} lets nobody in with this SIM: {refused}"
        return None, reason

    def _up(self) -> None:
        self.state = CellularState.UP
        self._led.start(LedSignal.NETWORK_CONNECTED, Priority.BACKGROUND)
        self._led.stop(LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP)
        self._on_up()

    def _lost(self) -> None:
        """The cell is gone, or asks again who may stay."""
        cell, sim = self.cell, self._board.sim
        if cell is None or not cell.on_air or sim is None or cell.admits(sim):
            self._board.enter(self._register_anew)

    def _register_anew(self) -> None:
        was_up = self.state is CellularState.UP
        if was_up:
            self.counters.lost(NetworkReason.ERROR)
        self._forget()
        self._led.stop(LedSignal.NETWORK_CONNECTED, LedSignal.NETWORK_DHCP)
        self.state = CellularState.REGISTERING
        self._led.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
        self._powered_at = self._scope.now
        self._timer = self._scope.call_later(LOOK_TIME, self._look)
        if was_up:
            self._on_down()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._leave is not None:
            self._leave()
            self._leave = None
        self.cell = None
