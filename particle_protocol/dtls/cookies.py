"""Cookies: a client that sends one back can be reached where it says it is. The server need not remember whom it gave one to.

A cookie holds good for one ClientHello from one address, for a minute (RFC 6347, 4.2.1).
"""

from __future__ import annotations

import hmac
from collections.abc import Hashable
from typing import Final

from particle_protocol.dtls.hellos import ClientHello

LIFETIME: Final = 60
"""How long a cookie is good, in seconds."""
_STAMP_SIZE: Final = 4
_TAG_SIZE: Final = 16


class Cookies:
    """Makes cookies and knows them again. `secret` stays in the server."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, hello: ClientHello, address: Hashable, now: float) -> bytes:
        """The cookie for a ClientHello from an address."""
        stamp = (int(now) & 0xFFFFFFFF).to_bytes(_STAMP_SIZE)
        return stamp + self._tag(stamp, hello, address)

    def accepts(self, hello: ClientHello, address: Hashable, now: float) -> bool:
        """Whether the ClientHello carries a cookie made for it, for that address, and not too long ago."""
        stamp, tag = hello.cookie[:_STAMP_SIZE], hello.cookie[_STAMP_SIZE:]
        age = (int(now) - int.from_bytes(stamp)) & 0xFFFFFFFF
        return age <= LIFETIME and hmac.compare_digest(tag, self._tag(stamp, hello, address))

    def _tag(self, stamp: bytes, hello: ClientHello, address: Hashable) -> bytes:
        return hmac.digest(self._secret, stamp + repr(address).encode() + b"\0" + hello.parameters(), "sha256")[:_TAG_SIZE]
