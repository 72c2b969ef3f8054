"""The messages by which both ends show their keys and agree on a secret, on the curve P-256 and with raw public keys alone.

Source: RFC 8422, 5.4-5.8; RFC 7250, 3; RFC 5246, 7.4.4; recorded handshakes of Device OS 2.3.1 to 6.2.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from particle_protocol.dtls.errors import IllegalParameter
from particle_protocol.dtls.hellos import ECDSA_SHA256, SECP256R1
from particle_protocol.dtls.wire import Reader, vector

NAMED_CURVE: Final = 3
ECDSA_SIGN: Final = 64


@dataclass(frozen=True, slots=True)
class Certificate:
    """A raw public key: SubjectPublicKeyInfo in DER, behind its length, without the list around it that X.509 has. Empty: none."""

    public_key: bytes


@dataclass(frozen=True, slots=True)
class ServerKeyExchange:
    """The server's share of the secret: a point of the curve, signed with its key."""

    point: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """What the signature covers, behind both randoms."""
        return push_point_parameters(self.point)


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """The server wants to see a key: of which kinds, and signing in which ways."""

    kinds: bytes = bytes((ECDSA_SIGN,))
    algorithms: tuple[int, ...] = (ECDSA_SHA256,)
    authorities: bytes = b""


@dataclass(frozen=True, slots=True)
class ClientKeyExchange:
    """The client's share of the secret."""

    point: bytes


@dataclass(frozen=True, slots=True)
class CertificateVerify:
    """The client has signed everything that was said before: the key that it showed is its own."""

    signature: bytes


def push_point_parameters(point: bytes) -> bytes:
    """The curve's name, and a point of it."""
    return bytes((NAMED_CURVE,)) + SECP256R1.to_bytes(2) + vector(point, 1)


def push_certificate(message: Certificate) -> bytes:
    """A Certificate's body."""
    return vector(message.public_key, 3)


def pull_certificate(body: bytes) -> Certificate:
    """Read a Certificate.

    Raises:
        DecodeError: it cannot be read.
    """
    reader = Reader(body, "Certificate")
    key = reader.vector(3)
    reader.end()
    return Certificate(key)


def push_server_key_exchange(message: ServerKeyExchange) -> bytes:
    """A ServerKeyExchange's body."""
    return message.signed + ECDSA_SHA256.to_bytes(2) + vector(message.signature, 2)


def pull_server_key_exchange(body: bytes) -> ServerKeyExchange:
    """Read a ServerKeyExchange.

    Raises:
        DecodeError: it cannot be read.
        IllegalParameter: it is not about P-256, or signed otherwise than by ECDSA with SHA-256.
    """
    reader = Reader(body, "ServerKeyExchange")
    kind, curve, point = reader.number(1), reader.number(2), reader.vector(1)
    if (kind, curve) != (NAMED_CURVE, SECP256R1):
        raise IllegalParameter(f"a key exchange on curve {kind}/{curve}; secp256r1 ({NAMED_CURVE}/{SECP256R1}) was offered")
    signature = _pull_signature(reader)
    reader.end()
    return ServerKeyExchange(point, signature)


def push_certificate_request(message: CertificateRequest) -> bytes:
    """A CertificateRequest's body."""
    algorithms = b"".join(each.to_bytes(2) for each in message.algorithms)
    return vector(message.kinds, 1) + vector(algorithms, 2) + vector(message.authorities, 2)


def pull_certificate_request(body: bytes) -> CertificateRequest:
    """Read a CertificateRequest.

    Raises:
        DecodeError: it cannot be read.
    """
    reader = Reader(body, "CertificateRequest")
    kinds, algorithms, authorities = reader.vector(1), Reader(reader.vector(2), "list of signature algorithms"), reader.vector(2)
    reader.end()
    return CertificateRequest(kinds, tuple(algorithms.number(2) for _ in range((algorithms.left + 1) // 2)), authorities)


def push_client_key_exchange(message: ClientKeyExchange) -> bytes:
    """A ClientKeyExchange's body."""
    return vector(message.point, 1)


def pull_client_key_exchange(body: bytes) -> ClientKeyExchange:
    """Read a ClientKeyExchange.

    Raises:
        DecodeError: it cannot be read.
    """
    reader = Reader(body, "ClientKeyExchange")
    point = reader.vector(1)
    reader.end()
    return ClientKeyExchange(point)


def push_certificate_verify(message: CertificateVerify) -> bytes:
    """A CertificateVerify's body."""
    return ECDSA_SHA256.to_bytes(2) + vector(message.signature, 2)


def pull_certificate_verify(body: bytes) -> CertificateVerify:
    """Read a CertificateVerify.

    Raises:
        DecodeError: it cannot be read.
        IllegalParameter: it is signed otherwise than by ECDSA with SHA-256.
    """
    reader = Reader(body, "CertificateVerify")
    signature = _pull_signature(reader)
    reader.end()
    return CertificateVerify(signature)


def _pull_signature(reader: Reader) -> bytes:
    algorithm = reader.number(2)
    if algorithm != ECDSA_SHA256:
        raise IllegalParameter(f"a signature by algorithm {algorithm:04x}; ECDSA with SHA-256 ({ECDSA_SHA256:04x}) was asked for")
    return reader.vector(2)
