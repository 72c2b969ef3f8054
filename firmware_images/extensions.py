"""The type-length-value records that may follow a prefix or precede the base suffix.

Header: type u16, length u16 that counts the four bytes of the header too (Device OS 6.2.0, dynalib/inc/module_info.h:214-296).
In the prefix they start after byte 24 and must end with END. In the suffix they start where the suffix starts and end with END or by
reaching the base suffix. A record of a type unknown here is kept byte for byte.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Final, Self

HEADER = struct.Struct("<HH")
HEADER_SIZE = HEADER.size
MAX_RECORDS: Final = 2048
"""Records that are read in one place. Tools write a few; thousands of empty ones would cost far more memory than the file has bytes."""


class ExtensionType(enum.IntEnum):
    """What a record holds. Other numbers become members named `UNKNOWN_n`."""

    END = 0x0000
    PRODUCT_DATA = 0x0001
    DYNAMIC_LOCATION = 0x0002
    DEPENDENCY = 0x0003
    HASH = 0x0010
    NAME = 0x0011
    ASSET_DEPENDENCY = 0x0012
    SECURITY_MODE = 0x0013
    ASSET_TYPE = 0x0014
    INVALID = 0xFFFF

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Extension:
    """One record: its type, and the bytes after its header."""

    type: ExtensionType
    payload: bytes = b""

    @property
    def size(self) -> int:
        """Bytes it takes in the module, header included."""
        return HEADER_SIZE + len(self.payload)

    def encode(self) -> bytes:
        """Header and payload."""
        return HEADER.pack(self.type, self.size) + self.payload

    def __str__(self) -> str:
        return f"{self.type}, {len(self.payload)} bytes"


@dataclass(frozen=True, slots=True)
class ExtensionList:
    """The records found in one place.

    Attributes:
        items: in their order, END included.
        size: bytes walked over.
        problem: why the walk stopped early; None when it ended as it should.
    """

    items: tuple[Extension, ...] = ()
    size: int = 0
    problem: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the last record is END."""
        return bool(self.items) and self.items[-1].type is ExtensionType.END

    def find(self, kind: ExtensionType) -> Extension | None:
        """The first record of a type."""
        return next((item for item in self.items if item.type == kind), None)


NO_EXTENSIONS = ExtensionList()


def read_extensions(data: memoryview, start: int, limit: int) -> ExtensionList:
    """Walk the records in `data[start:limit]`, up to END or the limit.

    A record that overruns the limit, or whose length cannot hold its own header, ends the walk with a `problem`; so do too many.
    """
    items: list[Extension] = []
    at = start
    problem = None
    while at < limit:
        where, left = at - start, limit - at
        if len(items) == MAX_RECORDS:
            problem = f"there are more than {MAX_RECORDS} records"
            break
        if left < HEADER_SIZE:
            problem = f"{left} bytes are left at +{where}, too few for a header of {HEADER_SIZE}"
            break
        number, length = HEADER.unpack_from(data, at)
        kind = ExtensionType(number)
        if kind is ExtensionType.INVALID:
            problem = f"type 0xffff (invalid) at +{where}"
            break
        if length < HEADER_SIZE:
            problem = f"{kind} at +{where} has length {length}, less than its own header"
            break
        if length > left:
            problem = f"{kind} at +{where} has length {length}, but {left} bytes are left"
            break
        items.append(Extension(kind, bytes(data[at + HEADER_SIZE : at + length])))
        at += length
        if kind is ExtensionType.END:
            break
    return ExtensionList(tuple(items), at - start, problem)
