"""Cellular, as an Electron has it: SIM, modem, registration with a cell.

The modem is powered on, the SIM is looked at, and the modem registers with a cell that admits the SIM: one that is not active is turned
down, and the modem asks again for as long as it has power, with the LED blinking green all the time. (Device OS 2.3.1,
hal/src/electron/modem/mdm_hal.h:100, system/src/system_network_cellular.h:150-161, system_network_internal.h:39-41 and 468-494.)
"""

from __future__ import annotations

from emulator.board.status_led import LedSignal, Priority
from emulator.device_os.network_interface import InterfaceContext
from emulator.device_os.radio import Radio, RadioState
from emulator.hardware import CELLULAR
from emulator.network import Cell
from particle_protocol import vitals

POWER_ON_TIME = 3.0
REGISTRATION_TIME = 4.0
ADDRESS_TIME = 1.0
"""Seconds. Chosen: the sources tell the order of the steps, not how long a modem takes for them."""
LOOK_TIME = 15.0
"""Seconds from one look at the registration to the next."""
REGISTRATION_LIMIT = 600.0
"""Seconds without registration until the modem is switched off and on again."""


class Cellular(Radio[Cell]):
    """The modem of one boot, as a `NetworkInterface`."""

    kind = CELLULAR

    def __init__(self, context: InterfaceContext) -> None:
        super().__init__(context)
        self._powered_at = 0.0
        self._scope.on_end(self._board.sims.changed.subscribe(self._sim_changed))

    @property
    def cell(self) -> Cell | None:
        """The cell that it is registered with."""
        return self._place

    @property
    def has_credentials(self) -> bool:
        """See `NetworkInterface`: a SIM is in its place. Later boards than Gen 2 connect, and blink green, without one as well.

        To them what is not Wi-Fi is always configured (Device OS 6.2.0, system/src/system_network_manager.cpp:287-298,823-838).
        """
        return self._board.platform.generation > 2 or self._board.sim is not None

    def clear_credentials(self) -> None:
        """See `NetworkInterface`: there is nothing to forget, a SIM stays where it is."""

    def connect(self) -> None:
        """See `NetworkInterface`."""
        if self.state is RadioState.OFF:
            self._led.start(LedSignal.NETWORK_ON, Priority.BACKGROUND)
            self._power_on()

    @property
    def technology(self) -> int:
        """See `Radio`."""
        return vitals.UMTS if self.cell is not None else vitals.NO_TECHNOLOGY

    def percent(self, rssi: int) -> float:
        """See `Radio`. Chosen: -113 dBm is 0 and -51 dBm is 100, the range of AT+CSQ."""
        return min(100.0, max(0.0, (rssi + 113) / 62 * 100))

    def _power_on(self) -> None:
        self._looks()
        self.counters.attempts += 1
        self._powered_at = self._scope.now + POWER_ON_TIME
        self._timer = self._scope.call_later(POWER_ON_TIME + REGISTRATION_TIME, self._look)

    def _look(self) -> None:
        """Look whether a cell has let the SIM register."""
        cell, self.failure = self._find_cell()
        if cell is not None:
            self._associate(cell, self._lost)
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
            if cell.reached:
                refused = self._refusal(cell, sim)
                if not refused:
                    return cell, ""
                reason = f"{cell.name} does not let it in: {refused}"
        return None, reason

    def _refusal(self, cell: Cell, sim: str) -> str:
        return cell.admits(sim, self._board.identity.imei)

    def _lost(self) -> None:
        """The cell is gone, or asks again who may stay."""
        cell, sim = self.cell, self._board.sim
        if cell is None or not cell.reached or sim is None or self._refusal(cell, sim):
            self._board.enter(self._rejoin)

    def _sim_changed(self) -> None:
        """Another SIM is in the slot, or none: the modem loses the network, and tries with what it finds."""
        if self.state is not RadioState.OFF:
            self._board.enter(self._rejoin)

    def _look_again(self) -> None:
        self._looks()
        self._powered_at = self._scope.now
        self._timer = self._scope.call_later(LOOK_TIME, self._look)
