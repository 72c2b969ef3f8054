"""A cloud as boards find it: its address and its public key, and the bytes in which a board keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from harness.hiding import hides
from particle_protocol import dtls, lightssl
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.key_kinds import KeyKind

__tracebackhide__ = hides

_FIELDS = {
    Transport.TCP: (DctField.SERVER_PUBLIC_KEY, DctField.SERVER_ADDRESS),
    Transport.UDP: (DctField.ALT_SERVER_PUBLIC_KEY, DctField.ALT_SERVER_ADDRESS),
}
"""Where a board keeps key and address of its server, by transport: one stands behind the other."""


class Served(Protocol):
    """A cloud that is served on this computer (`harness.boards.ServiceFacts`)."""

    @property
    def device_address(self) -> tuple[str, int]:
        """Where boards connect over TCP."""

    @property
    def server_public_key(self) -> bytes:
        """The key that they must hold for it."""

    @property
    def device_udp_address(self) -> tuple[str, int]:
        """Where boards send to over UDP."""

    @property
    def udp_server_public_key(self) -> bytes:
        """The key that they must hold for that."""


@dataclass(frozen=True, slots=True)
class DeviceServer:
    """Where boards connect: the address, and the public key that they must hold (SubjectPublicKeyInfo, DER).

    An RSA key of 2048 bits is that of a server that they reach over TCP, one on P-256 of a server over UDP.
    """

    address: ServerAddress
    key: bytes

    def __str__(self) -> str:
        port = "" if self.address.port is None else f":{self.address.port}"
        return f"{self.address.host}{port} ({self.transport.value.upper()})"

    @property
    def transport(self) -> Transport:
        """How boards talk to it.

        Raises:
            ValueError: its key is of neither kind.
        """
        try:
            lightssl.ServerPublicKey.from_der(self.key)
        except lightssl.KeyFault:
            try:
                dtls.PublicKey.from_der(self.key)
            except dtls.KeyFault as error:
                raise ValueError(f"a server key is RSA of 2048 bits, or on P-256; this is neither: {error}") from None
            return Transport.UDP
        return Transport.TCP

    @property
    def offset(self) -> int:
        """Where in the DCT the record stands."""
        return _FIELDS[self.transport][0].offset

    def record(self) -> bytes:
        """What a board keeps: the key, filled up with 0xFF, and the address; as particle-cli (3.49.2, src/cmd/keys.js) writes it.

        Raises:
            ValueError: the address does not fit.
        """
        key, address = _FIELDS[self.transport]
        return self.key.ljust(address.offset - key.offset, b"\xff") + self.address.encode()

    @classmethod
    def of(cls, service: Served, transport: Transport = Transport.TCP) -> DeviceServer:
        """A served cloud of this computer, as boards find it that talk to it so."""
        udp = transport is Transport.UDP
        address = ServerAddress(*(service.device_udp_address if udp else service.device_address))
        return cls(address, service.udp_server_public_key if udp else service.server_public_key)

    @classmethod
    def from_text(cls, address: str, key_file: str) -> DeviceServer:
        """HOST:PORT, and a file with the public key, PEM or DER; what it is filled up with does not matter.

        Raises:
            ValueError: the address is none, or the file holds no such key.
        """
        host, _, port = address.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or len(port) > len("65535"):
            raise ValueError(f"server={address} is no HOST:PORT")
        try:
            raw = Path(key_file).read_bytes()
        except OSError as error:
            raise ValueError(f"server_key={key_file}: {error.strerror}") from error
        return cls(ServerAddress(host, int(port)), _public_key(raw, key_file))


def _public_key(raw: bytes, name: str) -> bytes:
    """A public key file as SubjectPublicKeyInfo in DER."""
    try:
        key = serialization.load_pem_public_key(raw) if raw.startswith(b"-----") else serialization.load_der_public_key(raw.rstrip(b"\xff"))
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return der if KeyKind.of(der) is KeyKind.P256 else lightssl.ServerPublicKey.from_der(der).der
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"server_key={name} holds no RSA public key of 2048 bits, and none on P-256: {error}") from error
