"""The four keys of a handshake, each with what its owner does with it.

Keys are cheap to hold and to pass around: the OpenSSL object is made when first used, and keys with the same bytes are one object.
"""

from __future__ import annotations

import functools
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa as backend
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from particle_protocol.lightssl import rsa
from particle_protocol.lightssl.rsa import DerFault

DEVICE_MODULUS: Final = 128
SERVER_MODULUS: Final = 256
SERVER_PUBLIC_DER: Final = 294
_SERVER_MODULUS_AT = 33


class KeyFault(ValueError):
    """Bytes that are no key of the needed kind. The text says what is wrong with them."""


class DeviceKey:
    """A device's private key: RSA-1024.

    Device OS walks the DER by hand and takes fields of certain lengths only: d of 128 or 129 bytes, the three CRT numbers of 64 or 65
    (Device OS 2.3.1, communication/src/handshake.cpp:156-226). About one key in a hundred that OpenSSL makes is not like that; the device
    then cannot decrypt (error 6) although the key is in order. `is_walkable` tells.
    """

    __slots__ = ("_numbers", "_private", "is_walkable", "public_der")

    def __init__(self, numbers: RSAPrivateNumbers) -> None:
        self._numbers = numbers
        self._private: RSAPrivateKey | None = None
        self.public_der: Final = rsa.public_der(numbers.public_numbers.n)
        """The public half as a device sends and a cloud registers it: SubjectPublicKeyInfo, 162 bytes."""
        crt = (numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
        self.is_walkable: Final = _size(numbers.d) in (128, 129) and all(_size(each) in (64, 65) for each in crt)
        """Whether Device OS reads this key rightly."""

    @classmethod
    def from_primes(cls, p: int, q: int) -> DeviceKey:
        """The key with these primes."""
        return cls(rsa.private_numbers(p, q))

    @staticmethod
    def from_der(der: bytes) -> DeviceKey:
        """A PKCS #1 key, as it lies in a board's flash; bytes behind it are ignored.

        Raises:
            KeyFault: no such key.
        """
        return _device_key(der)

    @classmethod
    def generate(cls) -> DeviceKey:
        """A new key that Device OS can walk (12 ms and more: prefer `lab_device_key`)."""
        while True:
            key = cls(backend.generate_private_key(rsa.EXPONENT, DEVICE_MODULUS * 8).private_numbers())
            if key.is_walkable:
                return key

    @property
    def der(self) -> bytes:
        """The PKCS #1 form, for a board's flash: about 610 bytes."""
        return rsa.private_der(self._numbers)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """What 128 bytes say. Bytes that were not meant for this key give random bytes, or none."""
        try:
            return self._key().decrypt(ciphertext, rsa.PKCS1)
        except ValueError:
            return b""

    def can_decrypt(self, ciphertext: bytes) -> bool:
        """Whether the bytes were encrypted for this key (slow; see `rsa.open_padded`)."""
        return self.open(ciphertext) is not None

    def open(self, ciphertext: bytes) -> bytes | None:
        """What 128 bytes say; None when they were not encrypted for this key (slow; see `rsa.open_padded`)."""
        return rsa.open_padded(self._key(), ciphertext)

    def is_number(self, ciphertext: bytes) -> bool:
        """Whether bytes are a number that the key can work on at all: one below its modulus."""
        return int.from_bytes(ciphertext) < self._numbers.public_numbers.n

    def _key(self) -> RSAPrivateKey:
        if self._private is None:
            self._private = rsa.private_key(self._numbers)
        return self._private

    def __repr__(self) -> str:
        return f"<DeviceKey {self.public_der[29:37].hex()}...>"


class DevicePublicKey:
    """What the cloud knows of a device's key."""

    __slots__ = ("_key", "der")

    def __init__(self, der: bytes) -> None:
        try:
            self._key: RSAPublicKey = rsa.public_key(rsa.public_modulus(der, DEVICE_MODULUS))
        except DerFault as error:
            raise KeyFault(f"no device public key: {error}") from None
        self.der: Final = der

    @staticmethod
    @functools.lru_cache(maxsize=1024)
    def from_der(der: bytes) -> DevicePublicKey:
        """The key in SubjectPublicKeyInfo form, 162 bytes.

        Raises:
            KeyFault: any other bytes.
        """
        return DevicePublicKey(der)

    def encrypt(self, data: bytes) -> bytes:
        """128 bytes that only the device can read."""
        return self._key.encrypt(data, rsa.PKCS1)


class ServerKey:
    """A cloud's private key: RSA-2048."""

    __slots__ = ("_private", "public_der")

    def __init__(self, private: RSAPrivateKey) -> None:
        if private.key_size != SERVER_MODULUS * 8 or private.public_key().public_numbers().e != rsa.EXPONENT:
            raise KeyFault(f"a server key is RSA-2048 with exponent 65537, not RSA-{private.key_size}")
        self._private = private
        self.public_der: Final = rsa.public_der(private.public_key().public_numbers().n)
        """The public half as boards hold it: SubjectPublicKeyInfo, 294 bytes."""

    @classmethod
    def from_primes(cls, p: int, q: int) -> ServerKey:
        """The key with these primes."""
        return cls(rsa.private_key(rsa.private_numbers(p, q)))

    @classmethod
    def load(cls, data: bytes) -> ServerKey:
        """A key from a file: PEM, or DER (PKCS #1 or PKCS #8), without a password.

        Raises:
            KeyFault: no such key.
        """
        try:
            key = load_pem_private_key(data, None) if data.lstrip().startswith(b"-----") else load_der_private_key(data, None)
        except (ValueError, TypeError) as error:
            raise KeyFault(f"no server key: {error}") from None
        if not isinstance(key, RSAPrivateKey):
            raise KeyFault("no server key: not RSA")
        return cls(key)

    @classmethod
    def generate(cls) -> ServerKey:
        """A new key (some 100 ms: a Lab in virtual time uses `lab_server_key`)."""
        return cls(backend.generate_private_key(rsa.EXPONENT, SERVER_MODULUS * 8))

    @property
    def der(self) -> bytes:
        """The private key, to be kept: PKCS #8, DER."""
        return self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public(self) -> ServerPublicKey:
        """The public half."""
        return ServerPublicKey.from_der(self.public_der)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """What 256 bytes say. Bytes that were not meant for this key give random bytes, or none."""
        try:
            return self._private.decrypt(ciphertext, rsa.PKCS1)
        except ValueError:
            return b""

    def can_decrypt(self, ciphertext: bytes) -> bool:
        """Whether the bytes were encrypted for this key (slow; see `rsa.open_padded`)."""
        return rsa.open_padded(self._private, ciphertext) is not None

    def sign(self, data: bytes) -> bytes:
        """256 bytes: `data` itself behind padding of block type 1, with no DigestInfo around it."""
        return self._private.sign(data, rsa.PKCS1, rsa.NO_DIGEST_INFO)


class ServerPublicKey:
    """What a board knows of the cloud's key.

    Device OS takes 256 bytes at a fixed place for the modulus, looks at nothing else, and supposes exponent 65537
    (Device OS 2.3.1, communication/src/handshake.cpp:117-139). So does this.
    """

    __slots__ = ("_key", "der")

    def __init__(self, der: bytes) -> None:
        end = _SERVER_MODULUS_AT + SERVER_MODULUS
        if len(der) < end:
            raise KeyFault(f"a server public key has {SERVER_PUBLIC_DER} bytes, not {len(der)}")
        try:
            self._key: RSAPublicKey = rsa.public_key(int.from_bytes(der[_SERVER_MODULUS_AT:end]))
        except DerFault as error:
            raise KeyFault(f"no server public key: {error}") from None
        self.der: Final = der[:SERVER_PUBLIC_DER]

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def from_der(der: bytes) -> ServerPublicKey:
        """The key in a board's flash; bytes behind it are ignored.

        Raises:
            KeyFault: too short, or no modulus where it should be.
        """
        return ServerPublicKey(der)

    def encrypt(self, data: bytes) -> bytes:
        """256 bytes that only the cloud can read."""
        return self._key.encrypt(data, rsa.PKCS1)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the cloud signed `data`."""
        try:
            return self._key.recover_data_from_signature(signature, rsa.PKCS1, rsa.NO_DIGEST_INFO) == data
        except InvalidSignature:
            return False


@functools.lru_cache(maxsize=4096)
def _device_key(der: bytes) -> DeviceKey:
    try:
        _, n, _, d, p, q, dp, dq, qinv = rsa.private_integers(der)
    except DerFault as error:
        raise KeyFault(f"no device private key: {error}") from None
    if n >> (DEVICE_MODULUS * 8 - 1) != 1:
        raise KeyFault(f"a device key is RSA-1024, not RSA-{n.bit_length()}")
    return DeviceKey(RSAPrivateNumbers(p, q, d, dp, dq, qinv, backend.RSAPublicNumbers(rsa.EXPONENT, n)))


def _size(value: int) -> int:
    """The bytes that a DER integer takes."""
    return value.bit_length() // 8 + 1
