"""The last step of every build and edit: the SHA-256 first, then the CRC, which covers it."""

from __future__ import annotations

import hashlib
import zlib

from firmware_images.fields import BASE_SUFFIX_SIZE, CRC_SIZE
from firmware_images.module import SHA_END, ShaRule


def seal(data: bytearray, length: int, *, rule: ShaRule | None = ShaRule.WHOLE, body_offset: int = 0) -> None:
    """Write the SHA-256 and the CRC of the module that `data` begins with.

    Args:
        data: changed in place; at least `length` + 4 bytes.
        length: bytes up to the CRC.
        rule: which bytes the SHA-256 covers; None leaves the stored one alone.
        body_offset: first byte the SHA-256 covers when the rule is BODY.
    """
    with memoryview(data) as view:
        if rule is not None:
            covered = view[: length - SHA_END] if rule is ShaRule.WHOLE else view[body_offset : length - BASE_SUFFIX_SIZE]
            view[length - SHA_END : length - 2] = hashlib.sha256(covered).digest()
            covered.release()
        with view[:length] as covered:
            crc = zlib.crc32(covered)
        view[length : length + CRC_SIZE] = crc.to_bytes(CRC_SIZE, "big")
