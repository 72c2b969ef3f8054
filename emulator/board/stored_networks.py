"""The Wi-Fi networks that a board knows, kept as its DCT is.

Where and how real boards keep them no program can see; ours are five records of fixed size, newest first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from emulator.board.dct_store import DctStore

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
