"""What every room needs: the time of day, random names, and a form for each.

Times are POSIX seconds (float, UTC) inside the domain; `iso()` makes what the API shows.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from random import Random
from typing import Any

from emulator.clock import Clock
from particle_protocol.identifiers import make_claim_code
from particle_protocol.json_text import JsonError, parse_json


class Calendar:
    """The clock of the lab, as the time of day."""

    __slots__ = ("_clock", "_zero")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = clock.start.timestamp()

    def now(self) -> float:
        """POSIX seconds."""
        return self._zero + self._clock.now

    def at(self, moment: float) -> float:
        """POSIX seconds of a moment on the lab's clock."""
        return self._zero + moment


class Names:
    """Makes ids, tokens and codes."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def object_id(self) -> str:
        """24 hex digits, as users and webhooks have."""
        return f"{self._rng.getrandbits(96):024x}"

    def token(self) -> str:
        """40 hex digits: an access token, a refresh token, a client's secret."""
        return f"{self._rng.getrandbits(160):040x}"

    def short(self) -> str:
        """10 hex digits."""
        return f"{self._rng.getrandbits(40):010x}"

    def claim_code(self) -> str:
        """63 characters of the base64 alphabet: what a device keeps in its 63 bytes (Device OS 2.3.1, dct.h, `claim_code`)."""
        return make_claim_code(self._rng)

    def salt(self) -> bytes:
        """16 bytes for a password's hash."""
        return self._rng.getrandbits(128).to_bytes(16, "big")


def json_object(text: str | None) -> dict[str, Any]:
    """What a text says, if it is a JSON object; any other says nothing."""
    try:
        value = {} if text is None else parse_json(text)
    except JsonError:
        return {}
    return value if isinstance(value, dict) else {}


def iso(when: float) -> str:
    """A time as the API shows it, e.g. `2026-01-05T09:00:00.000Z`."""
    moment = datetime.fromtimestamp(when, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def month_of(when: float) -> tuple[float, float]:
    """The beginning of a time's month, and of the next (POSIX seconds)."""
    moment = datetime.fromtimestamp(when, UTC)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return start.timestamp(), end.timestamp()


def hash_password(password: str, salt: bytes, cost: int) -> str:
    """`cost$salt$hash` by scrypt (RFC 7914; r = 8, p = 1, N = 2 ** cost)."""
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=8, p=1, maxmem=1 << 30, dklen=32)
    return f"{cost}${salt.hex()}${digest.hex()}"


def password_fits(password: str, hashed: str) -> bool:
    """Whether a password is the one that was hashed. An empty hash fits none."""
    cost, _, rest = hashed.partition("$")
    salt, _, _digest = rest.partition("$")
    if not salt:
        return False
    return hmac.compare_digest(hash_password(password, bytes.fromhex(salt), int(cost)), hashed)
