"""Records: what stands in a datagram, one behind the other.

```
 type 1 | version 2 | epoch 2 | sequence number 6 | connection id, in types 25 and 253 | length 2 | fragment
```

Source: RFC 6347, 4.1; the connection id stands where draft-ietf-tls-dtls-connection-id-05, 3 puts it, not behind another type as in
RFC 9146. Types 253 and 254 are Device OS's own: see `moved`.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

VERSION: Final = b"\xfe\xfd"
"""DTLS 1.2."""
VERSION_1_0: Final = b"\xfe\xff"
"""DTLS 1.0, which stock clients write into the record of a ClientHello whose server they do not know."""
HEADER_SIZE: Final = 13
_HEAD = struct.Struct(">B2sHHIH")
_FRONT = struct.Struct(">B2sHHI")


class ContentType(enum.IntEnum):
    """What is in a record."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    WITH_CID = 25
    """Any of the others, encrypted together with its real type, behind a connection id."""
    MOVED_WITH_CID = 253
    """The same, from a device that has perhaps changed its address (Device OS since 4.0)."""
    MOVED = 254
    """APPLICATION_DATA from such a device, with its id at the datagram's end (Device OS up to 3.0)."""


_KNOWN = frozenset(ContentType)
_CID_TYPES = (ContentType.WITH_CID, ContentType.MOVED_WITH_CID)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in a datagram. `type` is 25 for those of type 253: they were encrypted as such."""

    type: int
    epoch: int
    sequence: int
    fragment: bytes
    cid: bytes = b""
    version: bytes = VERSION

    def __str__(self) -> str:
        cid = f" to {self.cid.hex()}" if self.cid else ""
        return f"record {self.type} {self.epoch}/{self.sequence}{cid}, {len(self.fragment)} bytes"


def push_record(record: Record) -> bytes:
    """A record as bytes."""
    sequence = record.sequence
    front = _FRONT.pack(record.type, record.version, record.epoch, sequence >> 32, sequence & 0xFFFFFFFF)
    return front + record.cid + len(record.fragment).to_bytes(2) + record.fragment


def pull_records(datagram: bytes, cid_size: int) -> Iterator[Record]:
    """The records of a datagram; `cid_size` is the length of the connection ids that the reader gives out.

    What cannot be a record ends the reading, as nothing behind it can be found; a record of an unknown type is passed over (RFC 6347,
    4.1.2.7: silently, for anybody can send anything).
    """
    at, size = 0, len(datagram)
    while size - at >= HEADER_SIZE:
        kind, version, epoch, high, low, length = _HEAD.unpack_from(datagram, at)
        cid = b""
        at += HEADER_SIZE
        if kind in _CID_TYPES:
            cid = datagram[at - 2 : at - 2 + cid_size]
            at += cid_size
            length = int.from_bytes(datagram[at - 2 : at])
        if (version != VERSION and (version != VERSION_1_0 or epoch)) or size - at < length:
            return
        if kind in _KNOWN:
            kind = ContentType.WITH_CID if kind == ContentType.MOVED_WITH_CID else kind
            yield Record(kind, epoch, high << 32 | low, datagram[at : at + length], cid, version)
        at += length
