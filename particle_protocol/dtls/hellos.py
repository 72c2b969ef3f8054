"""The messages by which both ends find out what they have in common: ClientHello, HelloVerifyRequest, ServerHello.

Source: RFC 5246, 7.4.1; RFC 6347, 4.2.1; RFC 7250 (raw public keys); recorded handshakes of Device OS 2.3.1 to 6.2.0.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

from particle_protocol.dtls.key_schedule import RANDOM_SIZE
from particle_protocol.dtls.records import VERSION
from particle_protocol.dtls.wire import Reader, vector

ECDHE_ECDSA_AES_128_CCM_8: Final = 0xC0AE
RENEGOTIATION_INFO_SCSV: Final = 0x00FF
"""No suite: says that the client knows secure renegotiation (RFC 5746, 3.3)."""
NULL_COMPRESSION: Final = 0
SECP256R1: Final = 23
UNCOMPRESSED_POINT: Final = 0
RAW_PUBLIC_KEY: Final = 2
ECDSA_SHA256: Final = 0x0403
MAX_COOKIE: Final = 255
CID_SIZE: Final = 8
"""Bytes in the connection ids that a server gives to devices (Device OS 6.2.0, communication/inc/dtls_session_persist.h:55)."""


class ExtensionType(enum.IntEnum):
    """Extensions of hellos."""

    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    CLIENT_CERTIFICATE_TYPE = 19
    SERVER_CERTIFICATE_TYPE = 20
    CONNECTION_ID = 254
    """The number of draft-ietf-tls-dtls-connection-id-05; RFC 9146 has 54."""
    RENEGOTIATION_INFO = 0xFF01


Extensions = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The client offers. `cookie` is what the server wanted to have sent back."""

    random: bytes
    suites: tuple[int, ...]
    extensions: Extensions
    cookie: bytes = b""
    session_id: bytes = b""
    compressions: bytes = bytes((NULL_COMPRESSION,))
    version: bytes = VERSION

    def extension(self, kind: int) -> bytes | None:
        """The data of an extension, None if it is not there."""
        return dict(self.extensions).get(kind)

    def parameters(self) -> bytes:
        """Everything but the cookie: what a cookie is bound to."""
        return push_client_hello(replace(self, cookie=b""))


@dataclass(frozen=True, slots=True)
class HelloVerifyRequest:
    """The server wants the client to prove that it can be reached where it seems to be."""

    cookie: bytes


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server chooses."""

    random: bytes
    suite: int
    extensions: Extensions
    session_id: bytes = b""
    compression: int = NULL_COMPRESSION
    version: bytes = VERSION

    def extension(self, kind: int) -> bytes | None:
        """The data of an extension, None if it is not there."""
        return dict(self.extensions).get(kind)


def push_extensions(extensions: Extensions) -> bytes:
    """A hello's extensions."""
    return vector(b"".join(kind.to_bytes(2) + vector(data, 2) for kind, data in extensions), 2)


def pull_extensions(reader: Reader, what: str) -> Extensions:
    """A hello's extensions; they may be missing altogether.

    Raises:
        DecodeError: they cannot be read.
    """
    if not reader.left:
        return ()
    inner = Reader(reader.vector(2), what)
    extensions = []
    while inner.left:
        kind = inner.number(2)
        extensions.append((kind, inner.vector(2)))
    return tuple(extensions)


def push_client_hello(hello: ClientHello) -> bytes:
    """A ClientHello's body."""
    suites = b"".join(suite.to_bytes(2) for suite in hello.suites)
    front = hello.version + hello.random + vector(hello.session_id, 1) + vector(hello.cookie, 1)
    return front + vector(suites, 2) + vector(hello.compressions, 1) + push_extensions(hello.extensions)


def pull_client_hello(body: bytes) -> ClientHello:
    """Read a ClientHello.

    Raises:
        DecodeError: it cannot be read.
    """
    reader = Reader(body, "ClientHello")
    version, random = reader.take(2), reader.take(RANDOM_SIZE)
    session_id, cookie = reader.vector(1), reader.vector(1)
    suites, compressions = Reader(reader.vector(2), "list of cipher suites"), reader.vector(1)
    numbers = tuple(suites.number(2) for _ in range((suites.left + 1) // 2))
    extensions = pull_extensions(reader, "ClientHello's extensions")
    reader.end()
    return ClientHello(random, numbers, extensions, cookie, session_id, compressions, version)


def push_hello_verify_request(request: HelloVerifyRequest) -> bytes:
    """A HelloVerifyRequest's body."""
    return VERSION + vector(request.cookie, 1)


def pull_hello_verify_request(body: bytes) -> HelloVerifyRequest:
    """Read a HelloVerifyRequest; its version says nothing (RFC 6347, 4.2.1).

    Raises:
        DecodeError: it cannot be read.
    """
    reader = Reader(body, "HelloVerifyRequest")
    reader.take(2)
    cookie = reader.vector(1)
    reader.end()
    return HelloVerifyRequest(cookie)


def push_server_hello(hello: ServerHello) -> bytes:
    """A ServerHello's body."""
    front = hello.version + hello.random + vector(hello.session_id, 1) + hello.suite.to_bytes(2) + bytes((hello.compression,))
    return front + push_extensions(hello.extensions)


def pull_server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello.

    Raises:
        DecodeError: it cannot be read.
    """
    reader = Reader(body, "ServerHello")
    version, random, session_id = reader.take(2), reader.take(RANDOM_SIZE), reader.vector(1)
    suite, compression = reader.number(2), reader.number(1)
    extensions = pull_extensions(reader, "ServerHello's extensions")
    reader.end()
    return ServerHello(random, suite, extensions, session_id, compression, version)
