"""The service reply: what INIT, CHECK and RESET answer.

Layout, little endian and without gaps: flags u32, status u16, then id u16, size u32 and result i32 as the flags say
(particle-usb 4.2.0, src/usb-protocol.js:103-140).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from particle_protocol.control_requests.codes import ReplyField, Status, result_text
from particle_protocol.control_requests.errors import ProtocolError

_STATUS = int(ReplyField.STATUS)
_HAS_ID = int(ReplyField.ID)
_HAS_SIZE = int(ReplyField.SIZE)
_HAS_RESULT = int(ReplyField.RESULT)
_KNOWN = _STATUS | _HAS_ID | _HAS_SIZE | _HAS_RESULT


def _layout(flags: int) -> struct.Struct:
    parts = zip("HHIi", (_STATUS, _HAS_ID, _HAS_SIZE, _HAS_RESULT), strict=True)
    return struct.Struct("<I" + "".join(code for code, flag in parts if flags & flag))


_LAYOUTS = tuple(_layout(flags) for flags in range(_KNOWN + 1))
"""The layout of the whole reply for every set of flags."""


@dataclass(slots=True)
class ServiceReply:
    """One service reply; a field is None where the reply has none."""

    status: int
    id: int | None = None
    size: int | None = None
    result: int | None = None

    def encode(self) -> bytes:
        """The reply as its 6 to 16 bytes."""
        flags = _STATUS
        fields = [self.status]
        for flag, value in ((_HAS_ID, self.id), (_HAS_SIZE, self.size), (_HAS_RESULT, self.result)):
            if value is not None:
                flags |= flag
                fields.append(value)
        return _LAYOUTS[flags].pack(flags, *fields)

    @classmethod
    def decode(cls, data: bytes) -> ServiceReply:
        """Parse a reply. Flags that nobody knows, and what follows the known fields, are passed over, as the host does.

        Raises:
            ProtocolError: the reply is cut short, or has no status.
        """
        flags = data[0] & _KNOWN if data else 0
        try:
            fields = _LAYOUTS[flags].unpack_from(data)
        except struct.error:
            raise ProtocolError(f"a service reply is cut short: {bytes(data).hex() or 'no bytes'}") from None
        if not flags & _STATUS:
            raise ProtocolError(f"a service reply has no status: {bytes(data).hex()}")
        return cls(
            fields[1],
            fields[2] if flags & _HAS_ID else None,
            fields[-2 if flags & _HAS_RESULT else -1] if flags & _HAS_SIZE else None,
            fields[-1] if flags & _HAS_RESULT else None,
        )

    def __str__(self) -> str:
        try:
            words = [Status(self.status).name]
        except ValueError:
            words = [f"status {self.status}"]
        if self.id is not None:
            words.append(f"id={self.id}")
        if self.size is not None:
            words.append(f"size={self.size}")
        if self.result is not None:
            words.append(f"result={result_text(self.result)}")
        return " ".join(words)
