"""What is around boards, where a program can change it: their network, their power supply, their cloud.

Emulated boards have all of it (`harness.lab.surroundings`). A kind of boards with a rack around them says in `offers` what that can do;
what it cannot is `CapabilityMissing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.modes import Capability

if TYPE_CHECKING:
    from harness.fault_plan import FaultPlan
    from particle_protocol.listening.wifi import WifiSecurity

USUAL_SIGNAL = -52
"""dBm: near the access point."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that boards join: an access point, by its SSID, or a cell. `signal` in dBm."""

    name: str
    kind: str
    """"Wi-Fi" or "cellular"."""
    on_air: bool
    signal: int
    internet: bool
    """Whether it leads any further than to itself."""
    password: str = ""
    security: int = 0
    """The number of the console's menu: 0 unsecured, 1 WEP, 2 WPA, 3 WPA2."""


class PowerCutAhead(Protocol):
    """A power cut that is to come."""

    def happened(self) -> bool:
        """Whether it has."""

    def writes(self) -> int:
        """How many writes there were since it was asked for."""

    def take_back(self) -> None:
        """Let it not happen, if it has not."""


class Surroundings(Protocol):
    """See the module."""

    offers: frozenset[Capability]
    """Which of `AIR`, `POWER_CUTS` and `CLOUD_FAULTS` there are."""

    def places(self) -> list[Place]:
        """What is there for boards to join, what is off the air as well."""

    def add_access_point(self, ssid: str, password: str, security: WifiSecurity, *, signal: int, hidden: bool) -> None:
        """Set up another access point."""

    def switch(self, name: str, *, on: bool) -> None:
        """Have a place of this name be on the air, or off it: boards lose it."""

    def set_signal(self, name: str, signal: int) -> None:
        """How strongly boards receive a place, in dBm."""

    def set_internet(self, name: str, *, on: bool) -> None:
        """Have a place lead to servers, or to nowhere: boards stay joined."""

    def set_password(self, name: str, password: str) -> None:
        """Have an access point take another password: boards have to join anew."""

    def ban_modem(self, device_id: str, *, banned: bool) -> None:
        """Have the mobile networks ban a board's modem by its IMEI, whatever SIM is in it, or let it in again."""

    def forget_translations(self) -> None:
        """Have every router forget its connections: servers see boards come from elsewhere from then on."""

    def begin(self, faults: FaultPlan) -> Callable[[], None]:
        """Have what a plan says of network and cloud, besides what there is already; gives what ends it."""

    def cut_power(self, device_id: str, write: int, phase: str) -> PowerCutAhead:
        """Have the power of a board go away in the write of that number from now on."""
