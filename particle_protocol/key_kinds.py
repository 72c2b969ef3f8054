"""Which kind of public key a device has: RSA for TCP, P-256 for UDP."""

from __future__ import annotations

import enum
from typing import Final

_OBJECT_IDS: Final = {
    bytes.fromhex("06092a864886f70d010101"): "RSA",
    bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"): "P-256",
}
_LONGEST_HEAD: Final = 32
"""Bytes in which the object id of a SubjectPublicKeyInfo begins and ends."""


class KeyKind(enum.Enum):
    """The kinds of keys that devices have."""

    RSA = "RSA"
    P256 = "P-256"

    @classmethod
    def of(cls, public_der: bytes) -> KeyKind | None:
        """The kind of a public key (SubjectPublicKeyInfo, DER), by its object id (RFC 3279, 2.3.1; RFC 5480, 2.1); None for any other."""
        head = public_der[:_LONGEST_HEAD]
        return next((cls(name) for object_id, name in _OBJECT_IDS.items() if object_id in head), None)
