"""Keys on the curve P-256: the lasting ones of servers and devices, and those made for one handshake.

Ends know keys by three protocols, so that a recorded conversation can be repeated without the private keys of those who had it.
"""

from __future__ import annotations

from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

_SIGNATURE: Final = ec.ECDSA(hashes.SHA256())
POINT_SIZE: Final = 65
UNCOMPRESSED: Final = 4
_CURVE: Final = ec.SECP256R1()


class KeyFault(ValueError):
    """Bytes that are no P-256 key."""


class SigningKey(Protocol):
    """A private key that lasts."""

    @property
    def public_der(self) -> bytes:
        """Its public half, SubjectPublicKeyInfo in DER: 91 bytes."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, in DER."""


class ShareKey(Protocol):
    """A private key of one handshake."""

    @property
    def point(self) -> bytes:
        """Its public half: an uncompressed point, 65 bytes."""

    def exchange(self, point: bytes) -> bytes:
        """The secret shared with the owner of `point`: 32 bytes.

        Raises:
            KeyFault: `point` is not on the curve.
        """


class PublicKey:
    """The public half of somebody's key."""

    __slots__ = ("_key", "der")

    def __init__(self, der: bytes) -> None:
        """Read a SubjectPublicKeyInfo in DER.

        Raises:
            KeyFault: it is none, or of another curve than P-256.
        """
        try:
            key = load_der_public_key(der)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyFault(f"{len(der)} bytes that are no public key: {error}") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != _CURVE.name:
            raise KeyFault("a public key of another kind than P-256")
        self.der = der
        self._key = key

    @classmethod
    def from_der(cls, der: bytes) -> PublicKey:
        """Read a SubjectPublicKeyInfo in DER. What stands behind its end is passed over, as in a field of flash.

        Raises:
            KeyFault: it is none, or of another curve than P-256.
        """
        return cls(_without_padding(der))

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the key's owner has signed `data`."""
        try:
            self._key.verify(signature, data, _SIGNATURE)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.der == self.der

    def __hash__(self) -> int:
        return hash(self.der)


class PrivateKey:
    """A server's or a device's own key."""

    __slots__ = ("_key", "public_der")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new key, by the operating system's randomness."""
        return cls(ec.generate_private_key(_CURVE))

    @classmethod
    def from_number(cls, number: int) -> PrivateKey:
        """The key with this private number: as a Lab makes the keys of its boards, from its seed."""
        return cls(ec.derive_private_key(number, _CURVE))

    @classmethod
    def from_der(cls, der: bytes) -> PrivateKey:
        """Read a private key: ECPrivateKey, as boards have it in their flash, or PKCS #8. What stands behind its end is passed over.

        Raises:
            KeyFault: it is none, or of another curve than P-256.
        """
        try:
            key = load_der_private_key(_without_padding(der), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFault(f"{len(der)} bytes that are no private key: {error}") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != _CURVE.name:
            raise KeyFault("a private key of another kind than P-256")
        return cls(key)

    @property
    def der(self) -> bytes:
        """The key as an ECPrivateKey, 121 bytes: the form that boards have in their flash."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.public_der)

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, in DER."""
        return self._key.sign(data, _SIGNATURE)


class Share:
    """A key for one handshake."""

    __slots__ = ("_key", "point")

    def __init__(self, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        self._key = key or ec.generate_private_key(_CURVE)
        self.point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @classmethod
    def from_number(cls, number: int) -> Share:
        """The key with this private number: to repeat a handshake."""
        return cls(ec.derive_private_key(number, _CURVE))

    def exchange(self, point: bytes) -> bytes:
        """The shared secret.

        Raises:
            KeyFault: `point` is not on the curve.
        """
        if len(point) != POINT_SIZE or point[0] != UNCOMPRESSED:
            raise KeyFault(f"{len(point)} bytes that are no uncompressed point of P-256")
        try:
            return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point))
        except ValueError:
            raise KeyFault("a point that is not on P-256") from None


def _without_padding(der: bytes) -> bytes:
    """A DER sequence without what stands behind it: keys lie in fields of flash that are longer than they are."""
    if len(der) > 2 and der[1] < 0x80:
        return der[: 2 + der[1]]
    if len(der) > 3 and der[1] == 0x81:
        return der[: 3 + der[2]]
    return der
