"""How a device marks datagrams that it sends from a new address, and how a server reads the marks (see `dialects.Mark`).

A record is encrypted as if it were an ordinary one; only then its first byte is changed.
"""

from __future__ import annotations

from typing import Final

from particle_protocol.dtls.dialects import Mark
from particle_protocol.dtls.records import ContentType

DEVICE_ID_SIZE: Final = 12
_SUFFIX_SIZE: Final = DEVICE_ID_SIZE + 1


def mark(datagram: bytes, how: Mark, device_id: bytes) -> bytes:
    """A datagram with one record of a device that has perhaps moved."""
    if how is Mark.NOTHING:
        return datagram
    marked = bytes((how.value,)) + datagram[1:]
    return marked + device_id + bytes((len(device_id),)) if how is Mark.DEVICE_ID else marked


def unmark(datagram: bytes) -> tuple[bytes, bytes]:
    """The datagram as it was encrypted, and the id of the device that it names, empty if none.

    Records of type 253 stay as they are: who reads records knows them.
    """
    if datagram[:1] != bytes((ContentType.MOVED,)) or len(datagram) < _SUFFIX_SIZE or datagram[-1] != DEVICE_ID_SIZE:
        return datagram, b""
    return bytes((ContentType.APPLICATION_DATA,)) + datagram[1:-_SUFFIX_SIZE], datagram[-_SUFFIX_SIZE:-1]
