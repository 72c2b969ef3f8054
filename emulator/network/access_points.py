"""Wi-Fi access points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.clock import Signal
from emulator.network.link import Link
from emulator.network.streams import Stream
from particle_protocol.listening.wifi import WifiCipher, WifiSecurity

ENTERPRISE = "is an enterprise network (802.1X), for which there is no authentication server here"
"""Why nobody joins such a network in a Lab."""


@dataclass(slots=True, eq=False)
class AccessPoint:
    """A Wi-Fi access point within reach of the Lab's boards. `rssi` in dBm; `password` empty on an open network."""

    ssid: str
    password: str = ""
    security: WifiSecurity = WifiSecurity.WPA2
    cipher: WifiCipher = WifiCipher.AES
    channel: int = 6
    rssi: int = -52
    max_rate: int = 54_000
    """In kbit/s."""
    bssid: bytes = b"\x02\x00\x5e\x00\x53\x01"
    address: str = "203.0.113.1"
    """What servers see all its stations come from (RFC 5737 keeps 203.0.113.0/24 for examples)."""
    hidden: bool = False
    on_air: bool = True
    internet: bool = True
    link: Link = field(default_factory=Link)
    servers: dict[tuple[str, int], Callable[[Stream], None]] = field(default_factory=dict)
    """Who listens on the network itself, by address and port: only its own stations get there."""
    lost: Signal = field(default_factory=Signal)
    """Fired when the access point goes off the air: stations lose it."""

    def accepts(self, security: int, password: str) -> bool:
        """Whether it lets a station in that has these credentials."""
        if self.security.enterprise or security in (WifiSecurity.WPA_ENTERPRISE, WifiSecurity.WPA2_ENTERPRISE):
            return False
        if self.security == WifiSecurity.OPEN:
            return security == WifiSecurity.OPEN
        return security != WifiSecurity.OPEN and password == self.password

    def change_password(self, password: str) -> None:
        """Take this password from now on; none makes the network an open one. Stations have to join anew."""
        if self.security == WifiSecurity.OPEN or not password:
            self.security = WifiSecurity.WPA2 if password else WifiSecurity.OPEN
        self.password = password
        self.lost.fire()

    def switch_off(self) -> None:
        """Go off the air. Stations lose the network; open streams through it stand still."""
        self.on_air = False
        self.link.fail()
        self.lost.fire()

    def switch_on(self) -> None:
        """Be on the air again."""
        self.on_air = True
        if self.internet:
            self.link.restore()
