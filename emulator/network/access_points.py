"""Wi-Fi access points."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from emulator.network.link import Link
from emulator.network.streams import Stream
from emulator.network.transmitters import Transmitter
from particle_protocol.listening.wifi import WifiCipher, WifiSecurity

ENTERPRISE = "is an enterprise network (802.1X), for which there is no authentication server here"
"""Why nobody joins such a network in a Lab."""


class Admission(enum.Enum):
    """What becomes of a station that asks to be let in."""

    JOINED = "joined"
    REFUSED = "refused"
    UNREADABLE = "joined with another key, so that neither can read the other"


@dataclass(slots=True, eq=False)
class AccessPoint(Transmitter):
    """A Wi-Fi access point within reach of the Lab's boards. `password` is empty on an open network."""

    LEAST: ClassVar[int] = -90
    WEAK: ClassVar[int] = -80
    """Chosen, both: where the radios of such boards usually have their limits."""

    ssid: str
    password: str = ""
    security: WifiSecurity = WifiSecurity.WPA2
    cipher: WifiCipher = WifiCipher.AES
    channel: int = 6
    rssi: int = field(default=-52, kw_only=True)
    max_rate: int = 54_000
    """In kbit/s."""
    bssid: bytes = b"\x02\x00\x5e\x00\x53\x01"
    address: str = field(default="203.0.113.1", kw_only=True)
    """RFC 5737 keeps 203.0.113.0/24 for examples."""
    hidden: bool = False
    link: Link = field(default_factory=Link, kw_only=True)
    servers: dict[tuple[str, int], Callable[[Stream], None]] = field(default_factory=dict)
    """Who listens on the network itself, by address and port: only its own stations get there."""

    def admit(self, security: int, password: str) -> Admission:
        """What becomes of a station with these credentials.

        WPA and WPA2 find out in their handshake that a password is wrong. WEP does not: whoever asks is joined, and what then comes cannot
        be read (IEEE 802.11, open system authentication).
        """
        if self.security.enterprise or security != self.security:
            return Admission.REFUSED
        if self.security is WifiSecurity.WEP:
            return Admission.JOINED if wep_key(password) == wep_key(self.password) else Admission.UNREADABLE
        return Admission.JOINED if self.security is WifiSecurity.OPEN or password == self.password else Admission.REFUSED

    def change_password(self, password: str) -> None:
        """Take this password from now on; none makes the network an open one. Stations have to join anew."""
        if self.security == WifiSecurity.OPEN or not password:
            self.security = WifiSecurity.WPA2 if password else WifiSecurity.OPEN
        self.password = password
        self.lost.fire()


def wep_key(password: str) -> bytes:
    """The key that a WEP password stands for: itself, or what its hexadecimal digits spell where it has 10, 26, 32 or 58 of them."""
    if len(password) in (10, 26, 32, 58) and all(digit in "0123456789abcdefABCDEF" for digit in password):
        return bytes.fromhex(password)
    return password.encode("utf-8", "surrogateescape")
