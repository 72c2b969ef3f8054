"""Wi-Fi: from radio off to an address, and back when the network is lost.

The LED follows Device OS 2.3.1, system/src/system_network_internal.h: breathing blue with the radio on, blinking green while joining, fast
blinking green while waiting for an address, breathing green with one.
"""

from __future__ import annotations

from typing import TypeAlias

from emulator.board.board import Board
from emulator.board.status_led import LedSignal, Priority
from emulator.board.stored_networks import StoredNetwork, StoredNetworks
from emulator.device_os.network_interface import InterfaceContext
from emulator.device_os.radio import Radio, RadioState
from emulator.hardware import WIFI
from emulator.network import ENTERPRISE, AccessPoint, Admission
from particle_protocol import vitals
from particle_protocol.listening.wifi import WifiSecurity

SCAN_TIME = 0.6
JOIN_TIME = 0.6
JOIN_FAILURE_TIME = 4.0
DHCP_TIME = 0.3
"""Seconds. Chosen: the sources tell the order of the steps, not how long a radio takes for them."""
ADDRESS_LIMIT = 30.0
"""Seconds until a board gives up a network that gives it no address."""
RETRY_TIME = 2.0
"""Seconds from a failed attempt to the next (Device OS 2.3.1, system/src/system_network_internal.h:39-40)."""

Candidates: TypeAlias = list[tuple[StoredNetwork, AccessPoint]]
"""Networks to try, in turn: what the board knows of each, and who sends it."""


def heard(board: Board) -> list[AccessPoint]:
    """The access points within reach of a board that show their name, in the order in which a scan comes to their channels."""
    own = board.network.hosted.get(board.device_id)
    return [point for point in board.network.in_the_air() if not point.hidden and point is not own]


def scan(board: Board) -> list[AccessPoint]:
    """The same, strongest first."""
    return sorted(heard(board), key=lambda point: -point.rssi)


class Wifi(Radio[AccessPoint]):
    """The Wi-Fi of one boot, as a `NetworkInterface`.

    Raises:
        ValueError: the board has nowhere to keep networks.
    """

    kind = WIFI

    def __init__(self, context: InterfaceContext) -> None:
        networks = context.board.networks
        if networks is None:
            raise ValueError(f"{context.board.platform} has no store for Wi-Fi networks")
        super().__init__(context)
        self.stored: StoredNetworks = networks
        """The networks it joins."""
        self._on_failed = context.on_failed

    @property
    def access_point(self) -> AccessPoint | None:
        """The access point that it has joined."""
        return self._place

    @property
    def technology(self) -> int:
        """See `Radio`."""
        return vitals.WIFI

    def percent(self, rssi: int) -> float:
        """See `Radio`: -100 dBm is 0 and -50 dBm is 100, as the vitals of real boards show."""
        return float(min(100, max(0, 2 * (rssi + 100))))

    @property
    def has_credentials(self) -> bool:
        """See `NetworkInterface`: a network is stored."""
        return bool(self.stored.all)

    def clear_credentials(self) -> None:
        """See `NetworkInterface`."""
        self.stored.clear()
        if self._board.enterprise is not None:
            self._board.enterprise.clear()

    def connect(self) -> None:
        """Join one of the stored networks, and keep trying."""
        if self.state is RadioState.OFF:
            self.failure = ""
            self._led.start(LedSignal.NETWORK_ON, Priority.BACKGROUND)
            self._join()

    def _join(self) -> None:
        self._looks()
        self.counters.attempts += 1
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

    def _try(self, left: Candidates, refusals: tuple[str, ...]) -> None:
        """Join the first network in reach that lets the board in, one after the other as they are stored."""
        if not left:
            self._failed("; ".join(refusals))
            return
        network, point = left[0]
        if point.link.air_loss and self._board.rng.random() < point.link.air_loss:
            self._refused(left, refusals, f"{point.ssid!r} did not answer: its signal is weak ({point.rssi} dBm)")
            return
        admission = point.admit(self._security(network, point), network.password)
        if admission is Admission.REFUSED:
            self._refused(left, refusals, f"{point.ssid!r} {_why_refused(network, point)}")
        else:
            self._timer = self._scope.call_later(JOIN_TIME, self._joined, left, refusals, admission)

    def _refused(self, left: Candidates, refusals: tuple[str, ...], why: str) -> None:
        self._timer = self._scope.call_later(JOIN_FAILURE_TIME, self._try, left[1:], (*refusals, why))

    def _security(self, network: StoredNetwork, point: AccessPoint) -> int:
        """How the board asks to be let in: Gen 2 as it was told, later radios in the way that the network wants."""
        if self._board.platform.generation <= 2 or WifiSecurity.OPEN in (network.security, point.security):
            return network.security
        return network.security if network.enterprise else point.security

    def _failed(self, reason: str) -> None:
        self.failure = reason
        self._timer = self._scope.call_later(RETRY_TIME, self._join)
        self._on_failed()

    def _joined(self, left: Candidates, refusals: tuple[str, ...], admission: Admission) -> None:
        _, point = left[0]
        if not point.reached:
            self._failed(f"{point.ssid!r} went off the air")
            return
        self._associate(point, self._lost)
        if admission is Admission.JOINED:
            self._timer = self._scope.call_later(DHCP_TIME, self._up)
        else:
            self._timer = self._scope.call_later(ADDRESS_LIMIT, self._no_address, left, refusals)

    def _no_address(self, left: Candidates, refusals: tuple[str, ...]) -> None:
        """Joined, and yet nobody answers."""
        _, point = left[0]
        self._dissociate()
        self._try(left[1:], (*refusals, f"{point.ssid!r} gave no address, as with a wrong WEP key"))

    def _lost(self) -> None:
        """The access point is gone: join again, as the firmware does on its own."""
        self._board.enter(self._rejoin)

    def _look_again(self) -> None:
        self._join()


def _why_refused(network: StoredNetwork, point: AccessPoint) -> str:
    if network.enterprise or point.security.enterprise:
        return ENTERPRISE
    if WifiSecurity.OPEN in (network.security, point.security) and network.security != point.security:
        return "needs a password, and the board has none" if point.security else "is open, and the board was told that it is not"
    if network.security != point.security and network.password == point.password:
        return f"is {point.security.name}, and the board was told {WifiSecurity(network.security).name}"
    return "refused the password"
