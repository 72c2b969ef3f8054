"""What Wi-Fi, cellular and Ethernet share: from switched off to an address and back, with LED, counters and the notices that go with it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from emulator.board.status_led import LedSignal, Priority
from emulator.clock import Timer
from emulator.device_os.connection_counters import ConnectionCounters
from emulator.device_os.network_interface import NO_SOURCE, InterfaceContext
from emulator.network import AccessPoint, Cell, Outlet, Path
from particle_protocol import vitals
from particle_protocol.messages import NetworkReason

Place = TypeVar("Place", AccessPoint, Cell, Outlet)
"""What a radio joins."""


class RadioState(enum.Enum):
    """Where the connection to the network stands."""

    OFF = "radio off"
    JOINING = "joining"
    GETTING_ADDRESS = "waiting for an address"
    UP = "up"


_STATUS = {
    RadioState.OFF: vitals.NetworkStatus.TURNED_OFF,
    RadioState.JOINING: vitals.NetworkStatus.CONNECTING,
    RadioState.GETTING_ADDRESS: vitals.NetworkStatus.CONNECTING,
    RadioState.UP: vitals.NetworkStatus.CONNECTED,
}


class Radio(ABC, Generic[Place]):
    """A radio of one boot.

    A kind of radio says how it looks for a place to join, and calls `_associate` once that lets it in, and `_up` once it has an address.
    """

    def __init__(self, context: InterfaceContext) -> None:
        self.state = RadioState.OFF
        self.counters = ConnectionCounters()
        self.failure = ""
        self._place: Place | None = None
        self._board = context.board
        self._scope = context.board.scope
        self._led = context.led
        self._on_up = context.on_up
        self._on_down = context.on_down
        self._timer: Timer | None = None
        self._leave: Callable[[], None] | None = None
        self._scope.on_end(self._forget)

    @property
    def is_up(self) -> bool:
        """Whether the board has an address."""
        return self.state is RadioState.UP

    @property
    def path(self) -> Path | None:
        """See `NetworkInterface`."""
        return self._place if self.is_up else None

    @property
    def status(self) -> vitals.NetworkStatus:
        """See `NetworkInterface`."""
        return _STATUS[self.state]

    @property
    def strength(self) -> float | None:
        """See `NetworkInterface`."""
        return None if self._place is None else self.percent(self._place.rssi)

    def signal(self) -> dict[int, int | vitals.VitalError]:
        """See `NetworkInterface`."""
        place, strength = self._place, self.strength
        if place is None or strength is None:
            return {33: NO_SOURCE, 34: NO_SOURCE, 35: NO_SOURCE, 36: self.technology, 37: NO_SOURCE}
        return {33: vitals.q8_8(strength), 34: NO_SOURCE, 35: NO_SOURCE, 36: self.technology, 37: vitals.q16_16(place.rssi)}

    @property
    @abstractmethod
    def technology(self) -> int:
        """How it talks to its place now, as the vitals number that."""

    @abstractmethod
    def percent(self, rssi: int) -> float:
        """What so many dBm are in percent."""

    def off(self, reason: NetworkReason = NetworkReason.NETWORK_OFF) -> None:
        """See `NetworkInterface`."""
        was_up = self.is_up
        if was_up:
            self.counters.lost(reason)
        self._forget()
        self.state = RadioState.OFF
        self._led.stop(LedSignal.NETWORK_ON, LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP, LedSignal.NETWORK_CONNECTED)
        if was_up:
            self._on_down()

    @abstractmethod
    def _look_again(self) -> None:
        """The place is gone: look for one, as the firmware does on its own."""

    def _looks(self) -> None:
        """The radio looks for a place to join from now on."""
        self.state = RadioState.JOINING
        self._led.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)

    def _associate(self, place: Place, on_lost: Callable[[], None]) -> None:
        """A place has let the board in, which now wants an address."""
        self.state = RadioState.GETTING_ADDRESS
        self._place = place
        self._leave = place.lost.subscribe(on_lost)
        self._led.start(LedSignal.NETWORK_DHCP, Priority.NORMAL)

    def _dissociate(self) -> None:
        """Give the place up, and look on."""
        self._forget()
        self.state = RadioState.JOINING
        self._led.stop(LedSignal.NETWORK_DHCP)

    def _up(self) -> None:
        self.state = RadioState.UP
        self.failure = ""
        self._led.start(LedSignal.NETWORK_CONNECTED, Priority.BACKGROUND)
        self._led.stop(LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP)
        self._on_up()

    def _rejoin(self) -> None:
        was_up = self.is_up
        if was_up:
            self.counters.lost(NetworkReason.ERROR)
        self._forget()
        self._led.stop(LedSignal.NETWORK_CONNECTED, LedSignal.NETWORK_DHCP)
        self._look_again()
        if was_up:
            self._on_down()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._leave is not None:
            self._leave()
            self._leave = None
        self._place = None
