"""How DTLS is spoken: by the generations of Device OS, and by stock programs."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass

from particle_protocol.dtls.records import ContentType


class Mark(enum.Enum):
    """How a device marks what it sends after it has perhaps changed its address, until something comes back.

    Source: Device OS 2.3.1, communication/src/dtls_message_channel.cpp:241-259; 6.2.0, the same file :60-61, 280-290, 520-527.
    """

    DEVICE_ID = ContentType.MOVED
    """Record type 254 instead of 23, and the device's id at the end of the datagram: there is no connection id to know it by."""
    NOTHING = None
    """The connection id is enough."""
    TYPE = ContentType.MOVED_WITH_CID
    """Record type 253 instead of 25."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of speaking DTLS. Times in seconds."""

    connection_id: bool
    """A client offers to take a connection id, and will not do without; a server gives one to whoever offers."""
    server_shows_key: bool = False
    """The server sends its raw public key, and the client expects it; without, the client knows it beforehand (pinned), and takes none."""
    mark: Mark = Mark.NOTHING
    first_timeout: float = 3.0
    """How long a client waits before it repeats a flight; each time twice as long."""
    last_timeout: float = 24.0
    """The longest such time; when it has passed in vain the client gives up."""

    def __str__(self) -> str:
        cid = "with a connection id" if self.connection_id else "without a connection id"
        return f"DTLS {cid}, the server's key {'shown' if self.server_shows_key else 'pinned'}"


STOCK = Dialect(connection_id=False, server_shows_key=True, first_timeout=1.0, last_timeout=16.0)
"""As GnuTLS and OpenSSL speak it with raw public keys (RFC 7250)."""


@functools.lru_cache(maxsize=64)
def device_dialect(version: tuple[int, int, int]) -> Dialect:
    """How a device with this version of Device OS speaks.

    Source: Device OS 0.7.0 to 6.2.0, communication/src/dtls_message_channel.cpp; where releases between these were not looked at, the
    change is put at the release that its history names.
    """
    last_timeout = 24.0 if version >= (1, 5, 0) else 6.0
    if version < (3, 1, 0):
        return Dialect(False, mark=Mark.DEVICE_ID, last_timeout=last_timeout)
    return Dialect(True, mark=Mark.TYPE if version >= (4, 0, 0) else Mark.NOTHING, last_timeout=last_timeout)


SERVER = Dialect(connection_id=True, first_timeout=1.0, last_timeout=16.0)
"""A cloud for devices of every generation: it gives connection ids to those that offer to take one."""
