"""The private keys that a cloud has made for itself, by name; each is made when it is first needed, and the same from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.cloud.core import Core


@dataclass(frozen=True, slots=True)
class KeptKey:
    """One private key (PKCS #8, DER)."""

    name: str
    der: bytes


class Keys:
    """The keys of one cloud."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._keys = core.state.table("server_keys", KeptKey, lambda key: key.name)

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The key of a name (PKCS #8, DER), made by `make` if there is none."""
        stored = self._keys.get(name)
        if stored is None:
            with self._core.change():
                stored = self._keys.put(KeptKey(name, make()))
        return stored.der
