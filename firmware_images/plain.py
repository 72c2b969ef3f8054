"""The fast path of the checks: most modules have nothing unusual in them, and are sound.

One look at plain numbers, one SHA-256, one CRC. What is the least bit unusual is left to `firmware_images.close_checks`; a property test
proves that both come to the same verdict.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from firmware_images.bounds import SLOTS, SYSTEM_PART_SINCE_6_2
from firmware_images.crc import CRC, crc32
from firmware_images.fields import CRC_SIZE
from firmware_images.locate import prefix_offset_of
from firmware_images.module import PRODUCT_SUFFIX, SHA_END, SUFFIX_WITH_PRODUCT, Module
from firmware_images.stand_in import STAND_IN_BIT

_RTL_RECORDS: Final = struct.Struct("<I12xI")
_RTL_TAGS: Final = (0x00100002, 0x000A0001)
_RTL_SUFFIX: Final = 62
"""A dynamic location record of 16 bytes, a product record of 10, the base suffix."""


def plain_product(module: Module) -> tuple[int, int] | None:
    """Product id and version of a module in which nothing is unusual and nothing wrong; None says nothing: look closer.

    The SHA-256 and CRC computed here are kept in the module.
    """
    _, end, target, flags, _, platform, function, index, function1, index1, version1, function2, index2, version2 = fields = module.fields
    slot = SLOTS.get((platform, function, index))
    if flags or target or slot is None or not module.complete or not slot.start < end <= slot.end:
        return None
    start = fields[0]
    if start not in slot.start_addresses and (slot.start_addresses or end + CRC_SIZE != slot.end or start < slot.start):
        return None
    if (
        version1 & STAND_IN_BIT
        or function1 > 9
        or function2 > 9
        or not (function1 or not (index1 or version1 or function2))
        or not (function2 or not (index2 or version2))
    ):
        return None
    data, length = module.data, module.module_length
    if start == SYSTEM_PART_SINCE_6_2 or (module.prefix_offset and prefix_offset_of(data, platform) != module.prefix_offset):
        return None
    product_id, product_version, reserved, digest, size = PRODUCT_SUFFIX.unpack_from(data, length - SUFFIX_WITH_PRODUCT)
    if size != SUFFIX_WITH_PRODUCT and (size != _RTL_SUFFIX or _RTL_RECORDS.unpack_from(data, length - _RTL_SUFFIX) != _RTL_TAGS):
        return None
    if reserved or hashlib.sha256(data[: length - SHA_END]).digest() != digest:
        return None
    crc = crc32(data[:length])
    if CRC.unpack_from(data, length) != (crc,):
        return None
    module.remember(crc, digest)
    return product_id, product_version
