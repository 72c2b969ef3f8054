"""Wi-Fi credentials as `configure-ap` carries them, both ends: the secrets in them are encrypted with the board's RSA key.

A password is encrypted itself. The private key of an EAP-TLS client is too long for that: it goes under AES-128 in CBC mode, and what is
encrypted with RSA is the AES key, 16 bytes, and the IV, 16 bytes.

Source: Device OS 2.3.1, hal/src/photon/softap.cpp (`ConfigureAPCommand`); npm @particle/softap-setup 4.1.2, lib/SoftAP.js.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from particle_protocol.lightssl import DeviceKey, DevicePublicKey
from particle_protocol.listening.wifi import WifiCipher, WifiCredentials, WifiSecurity, from_wire, to_wire
from particle_protocol.softap.flat_json import flat_pairs, unescaped
from particle_protocol.softap.security import EAP_NUMBERS, eap_of, security_mask, security_of

KEYS: Final[dict[str, type[int | bytes]]] = {
    "idx": int,
    "ssid": bytes,
    "pwd": bytes,
    "ch": int,
    "sec": int,
    "eap": int,
    "oi": bytes,
    "ii": bytes,
    "crt": bytes,
    "ek": bytes,
    "key": bytes,
    "ca": bytes,
}
"""The keys of a request, each with the type of its value."""
_BLOCK: Final = 16
_RSA: Final = 128
_HEX: Final = {letter: int(chr(letter), 16) for letter in b"0123456789abcdefABCDEF"}
WRONG_PADDING: Final = -0x4100
NO_NUMBER: Final = -0x4300 - 4
"""What mbedTLS answers for bytes that were not encrypted for the key, and for a number that is too large for it."""
Decrypt = Callable[[bytes], "bytes | int"]
"""What the board's private key makes of 128 bytes: what they say, or the negative number of the error."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A request as the board understood it."""

    credentials: WifiCredentials
    """Without a cipher, which the board drops."""
    security: WifiSecurity | None
    """None: the number was none that it knows; the network's own counts."""
    enterprise: bool
    """Whether a kind of EAP was named, known or not."""
    fault: int = 0
    """The number of the last error of decryption, which is the answer then; 0 without."""


def read_configuration(body: bytes, decrypt: Decrypt) -> Configuration:
    """What the board takes a request for. Later values of a key take the place of earlier ones; so does the outcome of decryption.

    Raises:
        FlatJsonError: it is none.
    """
    made = Configuration(WifiCredentials("", security=WifiSecurity.OPEN, cipher=WifiCipher.NOT_SET), WifiSecurity.OPEN, enterprise=False)
    aes_key, private = b"", b""
    for key, value in flat_pairs(body, KEYS):
        if isinstance(value, int):
            made = _with_number(made, key, value)
        elif key in ("pwd", "ek") and len(value) > 1:
            plain = decrypt(hex_bytes(value, _RSA))
            made = replace(made, fault=plain if isinstance(plain, int) else 0)
            found = b"" if isinstance(plain, int) else plain
            if key == "ek":
                aes_key = found.ljust(2 * _BLOCK, b"\0")
            else:
                made = _with_text(made, "password", found.partition(b"\0")[0])
        elif key in ("pwd", "ek"):
            made = made if key == "ek" else _with_text(made, "password", value)
        elif key == "key":
            private = value
            made = _with_text(made, "password", b"1")
        elif key in ("crt", "ca"):
            made = _with_text(made, "client_certificate" if key == "crt" else "root_ca", unescaped(value))
        else:
            made = _with_text(made, {"ssid": "ssid", "oi": "outer_identity", "ii": "identity"}[key], value)
    if private:
        made = replace(_with_text(made, "private_key", _decrypted(private, aes_key)), fault=made.fault if not aes_key else 0)
    return made


def configuration(credentials: WifiCredentials, key: DevicePublicKey, channel: int = 0) -> dict[str, Any]:
    """The request for these credentials, encrypted for the board.

    Raises:
        ValueError: no board could take them.
    """
    credentials.check()
    security = credentials.security
    made: dict[str, Any] = {"idx": 0, "ssid": credentials.ssid, "sec": security_mask(security, credentials.cipher), "ch": channel}
    if security.enterprise and credentials.eap is not None:
        made["eap"] = EAP_NUMBERS[credentials.eap]
        texts = {"ii": credentials.identity, "oi": credentials.outer_identity}
        texts |= {"crt": credentials.client_certificate, "ca": credentials.root_ca}
        made |= {name: text for name, text in texts.items() if text}
        if credentials.private_key:
            made["ek"], made["key"] = _encrypted(to_wire(credentials.private_key), key)
    if credentials.password and security is not WifiSecurity.OPEN:
        made["pwd"] = key.encrypt(to_wire(credentials.password)).hex()
    return made


def decrypted(key: DeviceKey, data: bytes) -> bytes | int:
    """What 128 bytes say to a board; the negative number of the error when they were not meant for it."""
    if not key.is_number(data):
        return NO_NUMBER
    plain = key.open(data)
    return WRONG_PADDING if plain is None else plain


def hex_bytes(text: bytes, size: int) -> bytes:
    """The first `size` bytes that hexadecimal digits stand for; what is no digit counts as 0, as does what is missing."""
    digits = [_HEX.get(letter, 0) for letter in text[: 2 * size]]
    digits += [0] * (2 * size - len(digits))
    return bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))


def _with_number(made: Configuration, key: str, value: int) -> Configuration:
    if key == "sec":
        security = security_of(value)
        credentials = made.credentials if security is None else replace(made.credentials, security=security)
        return replace(made, credentials=credentials, security=security)
    if key == "eap":
        return replace(made, credentials=replace(made.credentials, eap=eap_of(value)), enterprise=value != 0)
    return made


def _with_text(made: Configuration, field: str, value: bytes) -> Configuration:
    return replace(made, credentials=replace(made.credentials, **{field: from_wire(value)}))  # type: ignore[arg-type]  # these are str


def _decrypted(digits: bytes, key: bytes) -> bytes:
    """A private key. The board decrypts whole blocks, and leaves the padding where it is."""
    if not key:
        return b""
    size = len(digits) // 2 // _BLOCK * _BLOCK
    decryptor = Cipher(AES(key[:_BLOCK]), CBC(key[_BLOCK : 2 * _BLOCK])).decryptor()
    return decryptor.update(hex_bytes(digits, size)) + decryptor.finalize()


def _encrypted(private: bytes, key: DevicePublicKey) -> tuple[str, str]:
    secret = os.urandom(2 * _BLOCK)
    padder = PKCS7(8 * _BLOCK).padder()
    encryptor = Cipher(AES(secret[:_BLOCK]), CBC(secret[_BLOCK:])).encryptor()
    text = encryptor.update(padder.update(private) + padder.finalize()) + encryptor.finalize()
    return key.encrypt(secret).hex(), text.hex()
