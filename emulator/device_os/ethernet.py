"""Ethernet, by a FeatherWing that is plugged onto a Gen 3 board (its chip is a W5500).

It is there when the board was told to look for it, which is remembered over resets, and when the chip answers at boot (Device OS 6.2.0,
hal/network/lwip/wiznet; hal/src/argon/network/network.cpp:118-131, also for its address).
"""

from __future__ import annotations

from typing import Final

from emulator.board.board import Board
from emulator.board.status_led import LedSignal, Priority
from emulator.device_os.radio import Radio, RadioState
from emulator.hardware import ETHERNET
from emulator.network import Outlet
from particle_protocol import vitals
from particle_protocol.dct import DctField

LINK_TIME = 1.5
ADDRESS_TIME = 0.5
LOOK_TIME = 1.0
"""Seconds until the link is there, until there is an address, and from one look at a dead cable to the next. Chosen."""
_DETECTION: Final = 0x02
"""The bit of the feature flags in the DCT that is cleared while the FeatherWing is looked for. Which one it is, is a choice."""


def looks_for_ethernet(board: Board) -> bool:
    """Whether a board was told to look for a FeatherWing."""
    return not int.from_bytes(board.settings.get(DctField.FEATURE_FLAGS), "little") & _DETECTION


def look_for_ethernet(board: Board, *, on: bool) -> None:
    """Tell a board to look for a FeatherWing or not to, from its next boot on."""
    flags = int.from_bytes(board.settings.get(DctField.FEATURE_FLAGS), "little")
    changed = flags & ~_DETECTION if on else flags | _DETECTION
    board.settings.put(DctField.FEATURE_FLAGS, changed.to_bytes(DctField.FEATURE_FLAGS.size, "little"))


class Ethernet(Radio[Outlet]):
    """The FeatherWing of one boot, as a `NetworkInterface`."""

    kind = ETHERNET

    @property
    def has_credentials(self) -> bool:
        """See `NetworkInterface`: a cable needs none."""
        return True

    def clear_credentials(self) -> None:
        """See `NetworkInterface`."""

    def connect(self) -> None:
        """See `NetworkInterface`."""
        if self.state is RadioState.OFF:
            self._led.start(LedSignal.NETWORK_ON, Priority.BACKGROUND)
            self.counters.attempts += 1
            self._look_again()

    @property
    def strength(self) -> float | None:
        """See `NetworkInterface`: there is none to tell on a wire."""
        return None

    @property
    def technology(self) -> int:
        """See `Radio`."""
        return vitals.NO_TECHNOLOGY

    def percent(self, rssi: int) -> float:
        """See `Radio`."""
        del rssi
        return 100.0

    def _look_again(self) -> None:
        self._looks()
        self._timer = self._scope.call_later(LINK_TIME, self._look)

    def _look(self) -> None:
        outlet = next((each for each in self._board.network.outlets if each.reached), None)
        if outlet is None:
            self.failure = "the Ethernet cable is dead"
            self._timer = self._scope.call_later(LOOK_TIME, self._look)
            return
        self._associate(outlet, lambda: self._board.enter(self._rejoin))
        self._timer = self._scope.call_later(ADDRESS_TIME, self._up)
