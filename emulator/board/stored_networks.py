"""The Wi-Fi networks that a board knows, kept as its DCT is.

Where and how real boards keep them no program can see; ours are five records of fixed size, newest first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from emulator.board.dct_store import DctStore
from particle_protocol.listening.wifi import WifiSecurity

_NETWORK = struct.Struct("<B32sBB64sB")
MAX_NETWORKS = 5
NETWORKS_SIZE = MAX_NETWORKS * _NETWORK.size
"""Bytes that the records take."""


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """A Wi-Fi network that the board knows. `security` and `cipher` are numbered as in the serial console."""

    ssid: str
    security: int
    password: str = ""
    cipher: int = 0

    @property
    def enterprise(self) -> bool:
        """Whether it takes an identity rather than a shared password."""
        return self.security in (WifiSecurity.WPA_ENTERPRISE, WifiSecurity.WPA2_ENTERPRISE)


class StoredNetworks:
    """The stored networks of one board."""

    __slots__ = ("_store",)

    def __init__(self, store: DctStore) -> None:
        self._store = store

    @property
    def all(self) -> tuple[StoredNetwork, ...]:
        """The stored networks, newest first."""
        found = []
        for ssid_length, ssid, security, key_length, key, cipher in _NETWORK.iter_unpack(self._store.read(0, NETWORKS_SIZE)):
            if ssid_length <= 32:
                texts = (raw.decode("utf-8", "surrogateescape") for raw in (ssid[:ssid_length], key[:key_length]))
                found.append(StoredNetwork(next(texts), security, next(texts), cipher))
        return tuple(found)

    def add(self, network: StoredNetwork) -> None:
        """Remember a network as the newest; the same SSID is replaced, the oldest of six is forgotten."""
        self.replace((network, *(each for each in self.all if each.ssid != network.ssid)))

    def put(self, network: StoredNetwork) -> None:
        """Remember a network as a Photon does: in the place of one of the same SSID, else as the newest.

        There is at most one enterprise network, so another one gives way (Device OS 2.3.1, hal/src/photon/wlan_hal.cpp:1051-1120).
        """
        known = list(self.all)
        place = next((index for index, each in enumerate(known) if each.ssid == network.ssid), None)
        if network.enterprise:
            other = next((index for index, each in enumerate(known) if each.enterprise and index != place), None)
            if place is None:
                place = other
            elif other is not None:
                del known[other]
                place -= other < place
        if place is None:
            known.insert(0, network)
        else:
            known[place] = network
        self.replace(tuple(known))

    def clear(self) -> None:
        """Forget every network."""
        self.replace(())

    def replace(self, networks: tuple[StoredNetwork, ...]) -> None:
        """Know these, newest first, and no others.

        Raises:
            PowerCut: the power went away; the board knows those of before or those of after.
        """
        packed = b""
        for network in networks[:MAX_NETWORKS]:
            ssid, key = (text.encode("utf-8", "surrogateescape") for text in (network.ssid, network.password))
            packed += _NETWORK.pack(len(ssid), ssid, network.security, len(key), key, network.cipher)
        self._store.update({0: packed.ljust(NETWORKS_SIZE, b"\xff")})
