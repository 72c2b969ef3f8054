"""From the secret that both ends have agreed on to the keys of a session (RFC 5246, 5, 6.3, 8.1; no extended master secret)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from particle_protocol.dtls.errors import Role

MASTER_SIZE: Final = 48
RANDOM_SIZE: Final = 32
VERIFY_DATA_SIZE: Final = 12
KEY_SIZE: Final = 16
IV_SIZE: Final = 4


@dataclass(frozen=True, slots=True)
class WriteKeys:
    """What one end encrypts with: an AES-128 key, and the fixed part of the nonce."""

    key: bytes
    iv: bytes


@dataclass(frozen=True, slots=True)
class SessionSecrets:
    """What the keys of a session are derived from. Whoever has them can read the session; a device keeps them to resume it."""

    master: bytes
    client_random: bytes
    server_random: bytes

    @classmethod
    def agreed(cls, premaster: bytes, client_random: bytes, server_random: bytes) -> SessionSecrets:
        """The secrets of a handshake; `premaster` is the shared coordinate of the key exchange, 32 bytes."""
        return cls(prf(premaster, b"master secret", client_random + server_random, MASTER_SIZE), client_random, server_random)

    def write_keys(self) -> dict[Role, WriteKeys]:
        """The keys of both ends."""
        block = prf(self.master, b"key expansion", self.server_random + self.client_random, 2 * (KEY_SIZE + IV_SIZE))
        ivs = 2 * KEY_SIZE
        return {
            Role.CLIENT: WriteKeys(block[:KEY_SIZE], block[ivs : ivs + IV_SIZE]),
            Role.SERVER: WriteKeys(block[KEY_SIZE:ivs], block[ivs + IV_SIZE :]),
        }

    def verify_data(self, role: Role, transcript_hash: bytes) -> bytes:
        """What the end of that `role` says in Finished."""
        label = b"client finished" if role is Role.CLIENT else b"server finished"
        return prf(self.master, label, transcript_hash, VERIFY_DATA_SIZE)


def prf(secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """TLS 1.2's pseudo-random function with SHA-256 (RFC 5246, 5)."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:size]
