"""Where a Lab's secrets come from: what gives whoever knows it a way in, or lets something pass for what it is not.

In virtual time nobody can get in, and a run must repeat: they come from the seed, and keys from the pool that ships with this project. A
served Lab listens on sockets, and its seed is 0 unless told: there each secret comes from the operating system, and is another one at each
start. What boards and people were given stays the same for as long as the state file is kept: it is in there.
"""

from __future__ import annotations

import random
from typing import Protocol

from emulator.cloud.keys import Keys
from emulator.cloud.storage import StateFileError
from particle_protocol import dtls
from particle_protocol.identifiers import make_mobile_secret
from particle_protocol.lightssl import DeviceKey, KeyFault, ServerKey, lab_device_key, lab_server_key

_SALTS = {"cloud": 2, "device service": 3}
"""What each room adds to the seed, so that no two draw the same."""


class Secrecy(Protocol):
    """Gives the secrets of one Lab."""

    def rng(self, room: str) -> random.Random:
        """What a room draws its secrets from: tokens, claim codes and salts of the "cloud", nonces and keys of the "device service"."""

    def server_key(self, keys: Keys) -> ServerKey:
        """The key whose public half boards hold; `keys` are those that the cloud keeps."""

    def device_key(self, number: int) -> DeviceKey:
        """The private key of a board, for which the seed drew a number."""

    def udp_server_key(self, keys: Keys) -> dtls.PrivateKey:
        """The same for boards that come over UDP."""

    def udp_device_key(self, number: int) -> dtls.PrivateKey:
        """The private key of a board that speaks DTLS, for which the seed drew a number."""

    def mover_key(self) -> dtls.PrivateKey:
        """The key that signs for another server; boards know its public half."""

    def mobile_secret(self, drawn: str) -> str:
        """What is printed on a board's label, for which the seed drew one."""


class SecretsOfTheSeed:
    """All from the seed, or out of the pool."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def rng(self, room: str) -> random.Random:
        """See `Secrecy`."""
        return random.Random(self._seed + _SALTS[room])

    def server_key(self, keys: Keys) -> ServerKey:
        """See `Secrecy`."""
        return lab_server_key()

    def device_key(self, number: int) -> DeviceKey:
        """See `Secrecy`."""
        return lab_device_key(number)

    def udp_server_key(self, keys: Keys) -> dtls.PrivateKey:
        """See `Secrecy`."""
        return self._p256_key("server")

    def udp_device_key(self, number: int) -> dtls.PrivateKey:
        """See `Secrecy`."""
        return self._p256_key(f"device {number}")

    def mover_key(self) -> dtls.PrivateKey:
        """See `Secrecy`."""
        return self._p256_key("mover")

    def mobile_secret(self, drawn: str) -> str:
        """See `Secrecy`."""
        return drawn

    def _p256_key(self, whose: str) -> dtls.PrivateKey:
        return dtls.PrivateKey.from_number(1 + random.Random(f"{self._seed} {whose}").getrandbits(255))


class SecretsOfTheSystem:
    """All from the operating system."""

    def rng(self, room: str) -> random.Random:
        """See `Secrecy`."""
        return random.SystemRandom()

    def server_key(self, keys: Keys) -> ServerKey:
        """See `Secrecy`. Made once for a state file.

        Raises:
            StateFileError: what the file holds is no server key.
        """
        try:
            return ServerKey.load(keys.kept("device service", lambda: ServerKey.generate().der))
        except KeyFault as error:
            raise StateFileError(f"its server key cannot be used: {error}; give another path, or a copy from before") from error

    def device_key(self, number: int) -> DeviceKey:
        """See `Secrecy`."""
        return DeviceKey.generate()

    def udp_server_key(self, keys: Keys) -> dtls.PrivateKey:
        """See `Secrecy`. Made once for a state file.

        Raises:
            StateFileError: what the file holds is no such key.
        """
        try:
            return dtls.PrivateKey.from_der(keys.kept("device service over UDP", lambda: dtls.PrivateKey.generate().der))
        except dtls.KeyFault as error:
            raise StateFileError(f"its P-256 server key cannot be used: {error}; give another path, or a copy from before") from error

    def udp_device_key(self, number: int) -> dtls.PrivateKey:
        """See `Secrecy`."""
        return dtls.PrivateKey.generate()

    def mover_key(self) -> dtls.PrivateKey:
        """See `Secrecy`."""
        return dtls.PrivateKey.generate()

    def mobile_secret(self, drawn: str) -> str:
        """See `Secrecy`."""
        return make_mobile_secret(random.SystemRandom())
