"""Storing Wi-Fi credentials that a host gives to a Photon or P1, whichever way they come.

Source: Device OS 2.3.1, hal/src/photon/wlan_hal.cpp:970-1205 (`toSecurity`, `wlan_set_credentials`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from emulator.board.board import Board
from emulator.board.stored_networks import StoredNetwork
from particle_protocol.listening.wifi import WifiCipher, WifiCredentials, WifiSecurity, to_wire

CIPHER_REQUIRED: Final = -2
BAD_SSID: Final = -3
BAD_KEY: Final = -4
BAD_ENTERPRISE: Final = 1
"""Why credentials are refused (hal/inc/wlan_hal.h:262-267)."""
_KEY_LENGTHS: Final = {WifiSecurity.WEP: (5, 58), WifiSecurity.WPA: (8, 64), WifiSecurity.WPA2: (8, 64)}
_WITHOUT_CIPHER: Final = (WifiSecurity.OPEN, WifiSecurity.WEP)


@dataclass(frozen=True, slots=True)
class GivenNetwork:
    """What a host gave: credentials, whose security None means that the network's own counts, and whether a kind of EAP was named."""

    credentials: WifiCredentials
    security: WifiSecurity | None
    enterprise: bool

    @classmethod
    def of(cls, credentials: WifiCredentials) -> GivenNetwork:
        """As the serial console takes them."""
        return cls(credentials, credentials.security, credentials.eap is not None)

    @property
    def needs_scan(self) -> bool:
        """Whether only a scan can tell how the network is protected."""
        if not 0 < len(to_wire(self.credentials.ssid)) <= 32:
            return False
        return self.security is None or (self.security not in _WITHOUT_CIPHER and self.credentials.cipher is WifiCipher.NOT_SET)


Seen = Mapping[str, tuple[WifiSecurity | None, WifiCipher]]
"""Security and cipher of the networks that a scan found, by name."""


def judge(given: GivenNetwork, seen: Seen | None = None) -> WifiCredentials | int:
    """The credentials with the security and cipher that they are stored with; else the number of why they are not."""
    credentials = given.credentials
    if not 0 < len(to_wire(credentials.ssid)) <= 32:
        return BAD_SSID
    if given.needs_scan:
        found = None if seen is None else seen.get(credentials.ssid)
        if found is None or found[0] is None:
            return CIPHER_REQUIRED
        credentials = replace(credentials, security=found[0], cipher=found[1])
    limits = _KEY_LENGTHS.get(credentials.security)
    if limits is not None and not limits[0] <= len(to_wire(credentials.password)) <= limits[1]:
        return BAD_KEY
    return credentials


def store(board: Board, given: GivenNetwork, seen: Seen | None = None) -> int:
    """Judge credentials and store them; 0, or the number of why not."""
    judged = judge(given, seen)
    if isinstance(judged, int):
        return judged
    if given.enterprise and (board.enterprise is None or not board.enterprise.put(judged)):
        return BAD_ENTERPRISE
    if board.networks is not None:
        password = to_wire(judged.password)[:64].decode("utf-8", "surrogateescape")
        board.networks.put(StoredNetwork(judged.ssid, judged.security, password, judged.cipher))
    return 0
