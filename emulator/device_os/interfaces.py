"""The network interfaces of one boot, as its board's hardware table lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from emulator.board.board import Board
from emulator.board.status_led import LedService
from emulator.device_os.cellular import Cellular
from emulator.device_os.ethernet import Ethernet, looks_for_ethernet
from emulator.device_os.network_interface import InterfaceContext, NetworkInterface
from emulator.device_os.network_led import NetworkLed
from emulator.device_os.wifi import Wifi
from emulator.network import Path
from particle_protocol.messages import NetworkReason
from particle_protocol.vitals import NetworkStatus

KINDS: Final[dict[str, Callable[[InterfaceContext], NetworkInterface]]] = {
    Wifi.kind: Wifi,
    Cellular.kind: Cellular,
    Ethernet.kind: Ethernet,
}
"""The kinds there are, by their names."""

Notify: TypeAlias = Callable[[], None]


class Interfaces:
    """All interfaces of a boot, the preferred one first."""

    def __init__(self, board: Board, led: LedService, on_up: Notify, on_down: Notify, on_failed: Notify) -> None:
        kinds, shown = board.hardware.interfaces, NetworkLed(led)
        if board.featherwing and looks_for_ethernet(board):
            kinds = (Ethernet.kind, *kinds)
        self.all = tuple(KINDS[kind](InterfaceContext(board, shown.share(), on_up, on_down, on_failed)) for kind in kinds)

    @property
    def wifi(self) -> Wifi | None:
        """The Wi-Fi interface, if there is one."""
        return next((each for each in self.all if isinstance(each, Wifi)), None)

    @property
    def cellular(self) -> Cellular | None:
        """The cellular interface, if there is one."""
        return next((each for each in self.all if isinstance(each, Cellular)), None)

    @property
    def reported(self) -> NetworkInterface:
        """The one that the vitals tell of: the first that has a way to the servers, else the preferred one."""
        return next((each for each in self.all if each.path is not None), self.all[0])

    @property
    def path(self) -> Path | None:
        """The way to the servers over the first interface that has one."""
        return next((each.path for each in self.all if each.path is not None), None)

    @property
    def on(self) -> bool:
        """Whether any of them is switched on."""
        return any(each.status is not NetworkStatus.TURNED_OFF for each in self.all)

    def leads(self, path: Path) -> bool:
        """Whether that way is still there."""
        return any(each.path is path for each in self.all)

    @property
    def failure(self) -> str:
        """Why the last attempt failed, in words; empty when none did."""
        return next((each.failure for each in self.all if each.failure), "")

    @property
    def has_credentials(self) -> bool:
        """Whether any of them can connect by itself."""
        return any(each.has_credentials for each in self.all)

    def connect(self) -> None:
        """Connect all that can."""
        for each in self.all:
            if each.has_credentials:
                each.connect()

    def off(self, reason: NetworkReason = NetworkReason.NETWORK_OFF) -> None:
        """Switch all off."""
        for each in self.all:
            each.off(reason)

    def clear_credentials(self) -> None:
        """Forget the stored networks."""
        for each in self.all:
            each.clear_credentials()
