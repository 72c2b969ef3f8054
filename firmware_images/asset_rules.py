"""What a device makes of an asset module: whether it takes it, and what it knows of it then.

It looks at the module alone, not at the content: that a digest in the suffix is that of the content nobody checks on a device (Device OS
6.2.0, system/src/asset_manager.cpp:435-492).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware_images.assets import asset_digest, asset_name
from firmware_images.compress import HEADER
from firmware_images.fields import BASE_SUFFIX_SIZE, CRC_SIZE, PREFIX, PREFIX_SIZE, ModuleFlag, ModuleFunction
from firmware_images.module import Module

_LEAST_SUFFIX: Final = BASE_SUFFIX_SIZE + 8
"""Bytes: the base, and the heads of two records."""
_LEAST: Final = PREFIX_SIZE + HEADER.size + BASE_SUFFIX_SIZE + CRC_SIZE


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """An asset as a device knows it.

    Attributes:
        name: of the file.
        digest: SHA-256 of its content, as the suffix tells it.
        size: bytes of the content.
        storage_size: bytes of the module, which is what is stored.
    """

    name: str
    digest: bytes
    size: int
    storage_size: int


def read_stored_asset(data: bytes | memoryview) -> StoredAsset | None:
    """Read an asset module as a device does; None when it takes it for damaged, or for something else."""
    if len(data) <= _LEAST:
        return None
    module = Module(memoryview(data), 0, PREFIX.unpack_from(data))
    prefix, suffix = module.prefix, module.suffix
    flags = prefix.flags
    if prefix.function is not ModuleFunction.ASSET or not flags & ModuleFlag.DROP_MODULE_INFO or flags & ModuleFlag.PREFIX_EXTENSIONS:
        return None
    if module.size != len(data) or not module.crc_ok or suffix is None or suffix.size < _LEAST_SUFFIX:
        return None
    if len(data) < PREFIX_SIZE + HEADER.size + suffix.size + CRC_SIZE or module.suffix_extensions.problem is not None:
        return None
    size = len(data) - PREFIX_SIZE - suffix.size - CRC_SIZE
    if flags & ModuleFlag.COMPRESSED:
        header_size, method, _, size = HEADER.unpack_from(data, PREFIX_SIZE)
        if header_size < HEADER.size or method != 0:
            return None
    name, digest = asset_name(module), asset_digest(module)
    return StoredAsset(name, digest, size, len(data)) if name and digest else None
