"""Taking a protected device's protection off for a while: the cloud's half of the handshake.

Somebody with the device on USB asks for a nonce of the cloud, has the device sign it, and shows the signature here; the cloud answers
with its own, which the device believes for a time. Both sign with ECDSA on P-256 over SHA-256 of: a word ("device" or "server"), the 12
bytes of the device id, and each part with its length before it as 32 bits, little-endian (Device OS 6.2, system/src/control/config.cpp).
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from emulator.cloud.access import Principal
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Invalid
from emulator.cloud.keys import Keys

NONCE_SIZE = 32
"""Bytes of either nonce."""
_ORDER_BITS = 256


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a device wants to see."""

    server_signature: bytes
    server_key_fingerprint: bytes


class Protection:
    """Gives nonces out, and signs for devices that have signed them."""

    def __init__(self, core: Core, devices: Devices, keys: Keys) -> None:
        self._core = core
        self._devices = devices
        self._keys = keys
        self._nonces: dict[str, tuple[bytes, float]] = {}

    def forget(self) -> None:
        """Wait for no device to sign a nonce any more."""
        self._nonces.clear()

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The cloud's key; made when it is first needed, and the same from then on."""
        key = load_der_private_key(self._keys.kept("protection", self._new_key), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the stored key is of another kind")
        return key

    def _new_key(self) -> bytes:
        made = ec.derive_private_key(self._core.rng.getrandbits(_ORDER_BITS - 1) + 1, ec.SECP256R1())
        return made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def prepare(self, who: Principal, given: str, product: str | int | None = None, *, organization: str | None = None) -> bytes:
        """A nonce that the device shall sign, within `CloudSettings.unprotect_timeout`. The next one takes its place.

        Raises:
            DeviceForbidden, DeviceNotInProduct, PermissionDenied, OrganizationUnknown, ScopeRefused: not for this caller.
        """
        device = self._devices.reach(who, given, "devices:update", product, organization=organization)
        nonce = self._core.rng.getrandbits(8 * NONCE_SIZE).to_bytes(NONCE_SIZE, "big")
        self._nonces[device.id] = (nonce, self._core.now() + self._core.settings.unprotect_timeout)
        return nonce

    def confirm(
        self,
        who: Principal,
        given: str,
        server_nonce: bytes,
        device_nonce: bytes,
        device_signature: bytes,
        device_key_fingerprint: bytes,
        product: str | int | None = None,
        *,
        organization: str | None = None,
    ) -> Confirmation:
        """Sign for a device that has signed. A nonce is used up, whatever comes of it.

        Raises:
            Invalid: it is not the nonce that was given out, or it is too old; or the signature is not this device's.
            DeviceForbidden and the others: as `prepare`.
        """
        device = self._devices.reach(who, given, "devices:update", product, organization=organization)
        known = self._nonces.pop(device.id, None)
        if known is None or not hmac.compare_digest(known[0], server_nonce) or self._core.now() > known[1]:
            raise Invalid("server_nonce", "...", "is unknown or too old")
        if len(device_nonce) != NONCE_SIZE:
            raise Invalid("device_nonce", "...", f"must have {NONCE_SIZE} bytes")
        if device.public_key is None or sha256(device.public_key).digest() != device_key_fingerprint:
            raise Invalid("device_public_key_fingerprint", "...", "is not that of the device's registered key")
        _verify(device.public_key, device_signature, signed_text("device", device.id, device_nonce, server_nonce))
        key = self.key
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        text = signed_text("server", device.id, server_nonce, device_nonce, device_key_fingerprint)
        return Confirmation(key.sign(text, ec.ECDSA(SHA256())), sha256(public).digest())


def signed_text(word: str, device_id: str, *parts: bytes) -> bytes:
    """What device ("device") and cloud ("server") sign."""
    return word.encode() + bytes.fromhex(device_id) + b"".join(struct.pack("<I", len(part)) + part for part in parts)


def _verify(public_key: bytes, signature: bytes, text: bytes) -> None:
    key = load_der_public_key(public_key)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Invalid("device_signature", "...", "needs a device with an elliptic key")
    try:
        key.verify(signature, text, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise Invalid("device_signature", "...", "is not the device's") from None
