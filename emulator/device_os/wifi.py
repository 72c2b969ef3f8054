"""Wi-Fi: from radio off to an address, and back when the network is lost.

The LED follows Device OS 2.3.1, system/src/system_network_internal.h: breathing blue with the radio on, blinking green while joining, fast
blinking green while waiting for an address, breathing green with one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from emulator.board.status_led import LedSignal, Priority
from emulator.board.stored_networks import StoredNetwork, StoredNetworks
from emulator.clock import Timer
from emulator.device_os.connection_counters import ConnectionCounters
from emulator.device_os.network_interface import NO_SOURCE, InterfaceContext
from emulator.hardware import WIFI
from emulator.network import ENTERPRISE, AccessPoint, Path
from particle_protocol import vitals
from particle_protocol.messages import NetworkReason

SCAN_TIME = 0.6
JOIN_TIME = 0.9
JOIN_FAILURE_TIME = 4.0
DHCP_TIME = 0.4
"""Seconds. Chosen: the sources tell the order of the steps, not how long a radio takes for them."""
RETRY_TIME = 2.0
"""Seconds from a failed attempt to the next (Device OS 2.3.1, system/src/system_network_internal.h:39-40)."""


class WifiState(enum.Enum):
    """Where the connection to the network stands."""

    OFF = "radio off"
    JOINING = "joining"
    GETTING_ADDRESS = "waiting for an address"
    UP = "up"


_STATUS = {
    WifiState.OFF: vitals.NetworkStatus.TURNED_OFF,
    WifiState.JOINING: vitals.NetworkStatus.CONNECTING,
    WifiState.GETTING_ADDRESS: vitals.NetworkStatus.CONNECTING,
    WifiState.UP: vitals.NetworkStatus.CONNECTED,
}


class Wifi:
    """The Wi-Fi of one boot, as a `NetworkInterface`.

    Raises:
        ValueError: the board has nowhere to keep networks.
    """

    kind = WIFI

    def __init__(self, context: InterfaceContext) -> None:
        board = context.board
        if board.networks is None:
            raise ValueError(f"{board.platform} has no store for Wi-Fi networks")
        self.state = WifiState.OFF
        self.access_point: AccessPoint | None = None
        self.counters = ConnectionCounters()
        self.failure = ""
        self.stored: StoredNetworks = board.networks
        """The networks it joins."""
        self._board = board
        self._scope = board.scope
        self._led = context.led
        self._on_up = context.on_up
        self._on_down = context.on_down
        self._on_failed = context.on_failed
        self._timer: Timer | None = None
        self._leave: Callable[[], None] | None = None
        self._scope.on_end(self._forget)

    @property
    def is_up(self) -> bool:
        """Whether the board has an address."""
        return self.state is WifiState.UP

    @property
    def status(self) -> vitals.NetworkStatus:
        """See `NetworkInterface`."""
        return _STATUS[self.state]

    def signal(self) -> dict[int, int | vitals.VitalError]:
        """See `NetworkInterface`. Strength in percent is -100 dBm for 0 and -50 dBm for 100, as the vitals of real boards show."""
        point = self.access_point if self.is_up else None
        if point is None:
            return {33: NO_SOURCE, 34: NO_SOURCE, 35: NO_SOURCE, 36: vitals.WIFI, 37: NO_SOURCE}
        strength = min(100, max(0, 2 * (point.rssi + 100)))
        return {33: vitals.q8_8(strength), 34: NO_SOURCE, 35: NO_SOURCE, 36: vitals.WIFI, 37: vitals.q16_16(point.rssi)}

    @property
    def path(self) -> Path | None:
        """See `NetworkInterface`."""
        return self.access_point if self.is_up else None

    @property
    def has_credentials(self) -> bool:
        """See `NetworkInterface`: a network is stored."""
        return bool(self.stored.all)

    def clear_credentials(self) -> None:
        """See `NetworkInterface`."""
        self.stored.clear()
        if self._board.enterprise is not None:
            self._board.enterprise.clear()

    def scan(self) -> list[AccessPoint]:
        """The access points within reach that show their name, strongest first."""
        return sorted(self.heard(), key=lambda point: -point.rssi)

    def heard(self) -> list[AccessPoint]:
        """The same in the order in which a scan comes to their channels."""
        own = self._board.network.hosted.get(self._board.device_id)
        return [point for point in self._board.network.in_the_air() if not point.hidden and point is not own]

    def connect(self) -> None:
        """Join one of the stored networks, and keep trying."""
        if self.state is WifiState.OFF:
            self.failure = ""
            self._led.start(LedSignal.NETWORK_ON, Priority.BACKGROUND)
            self._join()

    def off(self, reason: NetworkReason = NetworkReason.NETWORK_OFF) -> None:
        """Switch the radio off."""
        was_up = self.state is WifiState.UP
        if was_up:
            self.counters.lost(reason)
        self._forget()
        self.state = WifiState.OFF
        self._led.stop(LedSignal.NETWORK_ON, LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP, LedSignal.NETWORK_CONNECTED)
        if was_up:
            self._on_down()

    def _join(self) -> None:
        self.state = WifiState.JOINING
        self.counters.attempts += 1
        self._led.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
        self._timer = self._scope.call_later(SCAN_TIME, self._scanned)

    def _scanned(self) -> None:
        stored = self.stored.all
        air = self._board.network.in_the_air()
        reachable = [(network, point) for network in stored for point in air if point.ssid == network.ssid]
        if reachable:
            self._try(reachable, ())
            return
        names = ", ".join(repr(network.ssid) for network in stored) or "none stored"
        self._failed(f"no access point of the stored networks ({names}) is on the air")

    def _try(self, left: list[tuple[StoredNetwork, AccessPoint]], refusals: tuple[str, ...]) -> None:
        """Join the first network in reach that lets the board in, one after the other as they are stored."""
        if not left:
            self._failed("; ".join(refusals))
            return
        network, point = left[0]
        if point.accepts(network.security, network.password):
            self._timer = self._scope.call_later(JOIN_TIME, self._joined, point)
        else:
            enterprise = network.enterprise or point.security.enterprise
            refusal = f"{point.ssid!r} {ENTERPRISE if enterprise else 'refused the password'}"
            self._timer = self._scope.call_later(JOIN_FAILURE_TIME, self._try, left[1:], (*refusals, refusal))

    def _failed(self, reason: str) -> None:
        self.failure = reason
        self._timer = self._scope.call_later(RETRY_TIME, self._join)
        self._on_failed()

    def _joined(self, point: AccessPoint) -> None:
        if not point.on_air:
            self._failed(f"{point.ssid!r} went off the air")
            return
        self.state = WifiState.GETTING_ADDRESS
        self.access_point = point
        self._leave = point.lost.subscribe(self._lost)
        self._led.start(LedSignal.NETWORK_DHCP, Priority.NORMAL)
        self._timer = self._scope.call_later(DHCP_TIME, self._up)

    def _up(self) -> None:
        self.state = WifiState.UP
        self.failure = ""
        self._led.start(LedSignal.NETWORK_CONNECTED, Priority.BACKGROUND)
        self._led.stop(LedSignal.NETWORK_CONNECTING, LedSignal.NETWORK_DHCP)
        self._on_up()

    def _lost(self) -> None:
        """The access point is gone: join again, as the firmware does on its own."""
        self._board.enter(self._rejoin)

    def _rejoin(self) -> None:
        was_up = self.state is WifiState.UP
        if was_up:
            self.counters.lost(NetworkReason.ERROR)
        self._forget()
        self._led.stop(LedSignal.NETWORK_CONNECTED, LedSignal.NETWORK_DHCP)
        self._join()
        if was_up:
            self._on_down()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._leave is not None:
            self._leave()
            self._leave = None
        self.access_point = None
