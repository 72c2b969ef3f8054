"""One-time passwords from the time of day (RFC 6238, with SHA-1, 6 digits and steps of 30 s, as authenticator apps use)."""

from __future__ import annotations

import base64
import binascii
import hmac
from random import Random
from urllib.parse import quote

STEP = 30
DIGITS = 6


def new_secret(rng: Random) -> str:
    """20 random bytes in base32."""
    return base64.b32encode(rng.getrandbits(160).to_bytes(20, "big")).decode()


def code_at(secret: str, when: float) -> str:
    """The one-time password of a moment (POSIX seconds)."""
    digest = hmac.digest(base64.b32decode(secret), int(when // STEP).to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def fits(secret: str, code: str, now: float) -> bool:
    """Whether a one-time password is that of now, or of the step before or after (clocks differ)."""
    if not secret:
        return False
    try:
        return any(hmac.compare_digest(code_at(secret, now + skew), code) for skew in (0, -STEP, STEP))
    except (binascii.Error, TypeError, ValueError):
        return False


def provisioning_url(username: str, secret: str) -> str:
    """What an authenticator's QR code says."""
    return f"otpauth://totp/{quote(f'Particle ({username})')}?secret={secret}"
