"""The CRC-32 of every module, as fast as the machine can: that of zip files (polynomial 04C11DB7 reflected, all ones in and out).

`isal` computes it with the processor's carry-less multiplication, several times faster than most builds of zlib; where there is no wheel of
it, zlib does. Stored big-endian, unlike every other number of a module (Device OS 6.2.0, platform/MCU/nRF52840/src/flash_mal.c:874-879).
"""

from __future__ import annotations

import struct
from typing import Final

try:
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

CRC: Final = struct.Struct(">I")

__all__ = ["CRC", "crc32"]
