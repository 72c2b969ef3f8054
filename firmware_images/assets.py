"""Asset modules: a file that an application carries along, wrapped as a module.

Function 9, information dropped on the target, deflated unless told otherwise; the suffix holds the digest of the plain content and the
name (Device OS 6.2.0, system/src/asset_manager.cpp:435-492). Space on the device is counted in blocks of 4096 bytes of which eight are
the file system's own (npm @particle/device-constants 4.2.1, `assets`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from firmware_images.compress import compress_module, inflate_module
from firmware_images.draft import Draft
from firmware_images.errors import BuildRefused, CompressionError
from firmware_images.extension_contents import AssetDependency, AssetType, Hash, Name, ProductData, content_of
from firmware_images.extensions import ExtensionType
from firmware_images.fields import UNSET, ModuleFlag, ModuleFunction, Prefix
from firmware_images.module import Module, ShaRule, read_module

_BLOCK: Final = 4096
_OVERHEAD: Final = 8
_RESERVED_BLOCKS: Final = 10
_EXTENSION_ROOM: Final = 0xFFFF - 4


@dataclass(frozen=True, slots=True)
class AssetLimits:
    """What a platform can store.

    Attributes:
        blocks: of the storage, those it keeps for itself left out.
        largest: bytes of one asset module.
    """

    blocks: int
    largest: int

    @property
    def total(self) -> int:
        """Bytes of storage."""
        return self.blocks * _BLOCK


_SMALL: Final = AssetLimits(288 - _RESERVED_BLOCKS, 606208)
_LARGE: Final = AssetLimits(512 - _RESERVED_BLOCKS, 1572864)
_RTL: Final = AssetLimits(288 - _RESERVED_BLOCKS, 1179648)
ASSET_LIMITS: Final = dict.fromkeys((12, 13, 23), _SMALL) | dict.fromkeys((15, 25, 26, 37), _LARGE) | dict.fromkeys((28, 32, 35, 38), _RTL)
"""By platform id; a platform that is not here has no assets."""


def build_asset(name: str, content: bytes, *, compress: bool = True, asset_type: int = 0) -> bytes:
    """Wrap a file as an asset module.

    Raises:
        BuildRefused: the name cannot be one.
    """
    _check_name(name)
    records = [Hash(hashlib.sha256(content).digest()).encode(), Name(name).encode()]
    if asset_type:
        records.append(AssetType(asset_type).encode())
    plain = Draft(
        header=b"",
        prefix=Prefix(0, 0, 0, ModuleFlag.DROP_MODULE_INFO, 0, 0, ModuleFunction.ASSET, 0),
        body=content,
        suffix_extensions=(*records, ProductData(UNSET, UNSET).encode()),
        rule=ShaRule.WHOLE,
    ).encode()
    return compress_module(read_module(plain)) if compress else plain


def asset_content(module: Module) -> bytes:
    """The plain file in an asset module.

    Raises:
        CompressionError: it cannot be inflated.
        BuildRefused: the module is no asset module.
    """
    if module.prefix.function is not ModuleFunction.ASSET:
        raise BuildRefused(f"the module is a {module.prefix.function}, not an asset")
    if module.prefix.flags & ModuleFlag.COMPRESSED:
        module = read_module(inflate_module(module))
    if module.suffix is None:
        raise CompressionError("the asset module has no readable suffix")
    return bytes(Draft.of(module).body)


def asset_name(module: Module) -> str | None:
    """The name in an asset module, or None."""
    return next((content.name for content in _contents(module) if isinstance(content, Name)), None)


def asset_digest(module: Module) -> bytes | None:
    """The digest in an asset module, or None."""
    return next((content.digest for content in _contents(module) if isinstance(content, Hash)), None)


def asset_dependencies(module: Module) -> tuple[AssetDependency, ...]:
    """The assets an application asks for, wherever they are recorded."""
    return tuple(content for content in _contents(module) if isinstance(content, AssetDependency))


def dependency_on(name: str, content: bytes) -> AssetDependency:
    """The record of an application for an asset with this plain content.

    Raises:
        BuildRefused: the name cannot be one.
    """
    _check_name(name)
    return AssetDependency(name, hashlib.sha256(content).digest())


def _check_name(name: str) -> None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BuildRefused(f"{name!r} cannot be the name of an asset: it is not UTF-8") from None
    if not name or "\0" in name or "/" in name:
        raise BuildRefused(f"{name!r} cannot be the name of an asset: it must not be empty, and hold neither / nor NUL")
    if size > _EXTENSION_ROOM:
        raise BuildRefused(f"{name[:30]!r}... cannot be the name of an asset: it takes {size} bytes, more than {_EXTENSION_ROOM}")


def storage_needed(module_size: int) -> int:
    """Bytes of storage that an asset module of a size takes on a device."""
    return -(-module_size // (_BLOCK - _OVERHEAD)) * _BLOCK


def limit_problems(platform_id: int, sizes: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Why asset modules (name and size of each) would not fit on a platform; nothing when they do."""
    limits = ASSET_LIMITS.get(platform_id)
    if limits is None:
        yield f"platform {platform_id} has no storage for assets"
        return
    total = 0
    for name, size in sizes:
        total += storage_needed(size)
        if size > limits.largest:
            yield f"asset {name!r} takes {size} bytes as a module, {size - limits.largest} too many"
    if total > limits.total:
        yield f"the assets take {total} bytes of storage, {total - limits.total} too many"


def _contents(module: Module) -> Iterator[object]:
    for item in (*module.prefix_extensions.items, *module.suffix_extensions.items):
        if item.type is ExtensionType.END:
            continue
        try:
            yield content_of(item)
        except ValueError:
            continue
