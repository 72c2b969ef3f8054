"""The bytes and blocks of YModem (Chuck Forsberg, XMODEM/YMODEM protocol reference, 1988)."""

from __future__ import annotations

import binascii
import re
from typing import Final

SOH, STX, EOT, ACK, NAK, CAN = 0x01, 0x02, 0x04, 0x06, 0x15, 0x18
"""A block of 128 bytes, one of 1024, the end of a file, understood, once more, and (twice) cancelled."""
WANTS_CRC: Final = ord("C")
"""What a receiver says to begin: blocks with a CRC of 16 bits."""
SIZES: Final = {SOH: 128, STX: 1024}
"""Bytes of data in a block, by the byte that it begins with."""
HEADER: Final = 3
"""That byte, the number of the block, and its complement."""
TRAILER: Final = 2
_FILLER: Final = b"\x1a"
_NUMBER: Final = re.compile(rb"\s*\+?(\d+)")
_MAX_NAME, _MAX_SIZE = 256, 16


def encode_block(number: int, data: bytes, filler: bytes = _FILLER) -> bytes:
    """A block of at most 1024 bytes of data, filled up to the size of a block."""
    kind = SOH if len(data) <= SIZES[SOH] else STX
    filled = data.ljust(SIZES[kind], filler)
    return bytes((kind, number & 0xFF, ~number & 0xFF)) + filled + binascii.crc_hqx(filled, 0).to_bytes(TRAILER, "big")


def encode_file_header(name: bytes, size: int) -> bytes:
    """The block that announces a file.

    Raises:
        ValueError: the name is empty or does not fit.
    """
    text = name + b"\0" + str(size).encode() + b" "
    if not name or b"\0" in name or len(text) > SIZES[STX]:
        raise ValueError(f"{name!r} cannot be the name of a file")
    return encode_block(0, text, b"\0")


def decode_file_header(data: bytes) -> tuple[bytes, int]:
    """Name and size of a file as Device OS reads them: 0 where there is no number (2.3.1, system/src/system_ymodem.cpp)."""
    name, _, rest = data.partition(b"\0")
    found = _NUMBER.match(rest[:_MAX_SIZE].split(b" ", 1)[0])
    return name[:_MAX_NAME], 0 if found is None else int(found[1])
