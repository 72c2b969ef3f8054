"""The second prefix of the nRF52840's system part since Device OS 6.2.0.

The region of the system part then begins at 0x28000 instead of 0x30000, but bootloaders of older versions look for the module where it
used to begin. So a second prefix stands at 0x30200, describes the part of the image from 0x30000 on, and has a CRC of its own inside the
image (Device OS 6.2.0, modules/shared/nRF52840/linker_system_part1_common.ld:1-66, dynalib/inc/module_info.inc:171-192,
build/module.mk:205-211).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firmware_images.bounds import SYSTEM_PART_SINCE_6_2
from firmware_images.crc import crc32
from firmware_images.fields import CRC_SIZE, PREFIX, PREFIX_SIZE, ModuleFunction, Prefix
from firmware_images.findings import Finding, FindingName, error
from firmware_images.locate import NRF52840
from firmware_images.module import Module
from firmware_images.stand_in import is_stand_in

LEGACY_START: Final = 0x30000
LEGACY_PREFIX: Final = 0x30200
_SYSTEM_PART: Final = int(ModuleFunction.SYSTEM_PART)


def legacy_prefix(module: Module) -> Prefix | None:
    """The second prefix, or None when this is not a module that has one."""
    fields = module.fields
    if fields[0] != SYSTEM_PART_SINCE_6_2 or fields[6] != _SYSTEM_PART or fields[5] not in NRF52840.platforms:
        return None
    offset = LEGACY_PREFIX - SYSTEM_PART_SINCE_6_2
    return Prefix.of(PREFIX.unpack_from(module.data, offset)) if module.module_length >= offset + PREFIX_SIZE else None


def check_legacy_prefix(module: Module) -> Iterator[Finding]:
    """Whether the second prefix describes the same module, and its CRC is right."""
    if module.fields[0] != SYSTEM_PART_SINCE_6_2:
        return
    legacy = legacy_prefix(module)
    if legacy is None or not module.complete or is_stand_in(module.prefix):  # what stands for a real one has none
        return
    prefix = module.prefix
    if (legacy.platform_id, legacy.function, legacy.index) != (prefix.platform_id, prefix.function, prefix.index):
        yield error(
            FindingName.LEGACY_PREFIX, f"at {LEGACY_PREFIX:#x} there is no second prefix of this module", "one for older bootloaders"
        )
        return
    if legacy.version != prefix.version:
        yield error(FindingName.LEGACY_PREFIX, f"the second prefix has version {legacy.version}", f"{prefix.version}")
    if legacy.start_address != LEGACY_START or not LEGACY_PREFIX < legacy.end_address <= prefix.end_address - CRC_SIZE:
        yield error(FindingName.LEGACY_PREFIX, f"the second prefix covers {legacy.start_address:#x}-{legacy.end_address:#x}")
        return
    start, end = LEGACY_START - SYSTEM_PART_SINCE_6_2, legacy.end_address - SYSTEM_PART_SINCE_6_2
    stored = int.from_bytes(module.data[end : end + CRC_SIZE], "big")
    computed = crc32(module.data[start:end])
    if stored != computed:
        yield error(FindingName.LEGACY_PREFIX, f"the CRC for older bootloaders is {stored:08x}", f"{computed:08x}")
