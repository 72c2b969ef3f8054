"""A board's way to its network: what Wi-Fi, cellular and Ethernet have in common for the rest of Device OS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from emulator.board.board import Board
from emulator.device_os.connection_counters import ConnectionCounters
from emulator.device_os.network_led import LedShare
from emulator.network import Path
from particle_protocol.control_requests.codes import Result
from particle_protocol.messages import NetworkReason
from particle_protocol.vitals import NetworkStatus, VitalError

NO_SOURCE: Final = VitalError(Result.UNKNOWN)
"""What is reported of a vital that nobody measures."""


class NetworkInterface(Protocol):
    """One interface of one boot. It is made switched off, and dies with the boot's power scope."""

    kind: str
    """The kind's name in the hardware tables, such as `wifi`."""
    counters: ConnectionCounters

    @property
    def path(self) -> Path | None:
        """The way to the servers; None while there is no address."""

    @property
    def status(self) -> NetworkStatus:
        """What the vitals report of it."""

    @property
    def strength(self) -> float | None:
        """How strong its signal is, in percent; None without one."""

    def signal(self) -> dict[int, int | VitalError]:
        """The vitals about its signal, by id (33 to 37)."""

    @property
    def failure(self) -> str:
        """Why the last attempt failed, in words; empty when none did."""

    @property
    def has_credentials(self) -> bool:
        """Whether it has what it needs to connect by itself: a stored network, a SIM that is ready."""

    def connect(self) -> None:
        """Switch on, connect, and keep trying."""

    def off(self, reason: NetworkReason = NetworkReason.NETWORK_OFF) -> None:
        """Switch off."""

    def clear_credentials(self) -> None:
        """Forget what it connects with, where it can."""


@dataclass(frozen=True, slots=True)
class InterfaceContext:
    """What an interface is made with: the board, its share of the LED, and whom it notifies when its path changed or an attempt failed."""

    board: Board
    led: LedShare
    on_up: Callable[[], None]
    on_down: Callable[[], None]
    on_failed: Callable[[], None]
