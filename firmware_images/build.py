"""A valid module from a raw body, or an empty one for tests.

Prefix, suffix, SHA-256 and CRC are made; what comes before the prefix (a vector table, an image header) is made too where the device
looks for the prefix behind it. A body with a vector table of its own is used as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from firmware_images.bounds import Slot, find_slot
from firmware_images.errors import BuildRefused
from firmware_images.extension_contents import DynamicLocation, End, ProductData
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import (
    BASE_SUFFIX,
    BASE_SUFFIX_SIZE,
    CRC_SIZE,
    NO_DEPENDENCY,
    PREFIX_SIZE,
    UNSET,
    Dependency,
    ModuleFlag,
    ModuleFunction,
    Prefix,
)
from firmware_images.locate import RTL872X, RTL_SIGNATURE, Family, family_of
from firmware_images.module import ShaRule
from firmware_images.sealing import seal

_PRODUCT = struct.Struct("<HH")
_RTL_HEADER = struct.Struct("<IIIIIIQ")
_STACK_POINTERS: Final = {"STM32F2": 0x20020000, "nRF52840": 0x2003F000, "STM32F1": 0x20005000, "nRF51": 0x20008000}
_WITH_TABLE: Final = (ModuleFunction.BOOTLOADER, ModuleFunction.MONOLITHIC, ModuleFunction.SYSTEM_PART)
_WRAPPED: Final = (ModuleFunction.NCP, ModuleFunction.RADIO_STACK)
START_ALIGNMENT: Final = 8
"""Start addresses that move are kept multiples of this, as the vendor's tools do."""


def build_module(
    platform_id: int,
    function: ModuleFunction | int,
    index: int | None = None,
    version: int = 1,
    *,
    dependencies: Iterable[Dependency] = (),
    body: bytes = b"",
    product_id: int | None = UNSET,
    product_version: int | None = UNSET,
    flags: ModuleFlag | int = 0,
    start_address: int | None = None,
    mcu_target: int = 0,
    prefix_extensions: Iterable[Extension] = (),
    suffix_extensions: Iterable[Extension] = (),
) -> bytes:
    """Make a module that a device of the platform accepts.

    Args:
        platform_id: 6 for Photon, and so on.
        function: what it is for.
        index: which of its kind; the first one the platform has a place for when not given.
        version: of the module.
        dependencies: none, one or two.
        body: what comes after the prefix; may be empty.
        product_id: 0xFFFF means not set; None for a suffix without product fields.
        product_version: likewise.
        flags: PREFIX_EXTENSIONS is added where needed.
        start_address: where its slot begins when not given; a slot that grows from a fixed end tells the end instead.
        mcu_target: id of the co-processor the module is for.
        prefix_extensions: records after the prefix; END is added.
        suffix_extensions: records before the base suffix, outermost first.

    Returns:
        The file, CRC included.

    Raises:
        BuildRefused: the platform has no place for it, it does not fit, or a number is out of range.
    """
    function, flags = ModuleFunction(function), ModuleFlag(flags)
    slot = _choose_slot(platform_id, function, index)
    family = family_of(platform_id)
    header_size = _header_size(family, platform_id, function, slot.index)
    records = tuple(prefix_extensions)
    if records:
        flags |= ModuleFlag.PREFIX_EXTENSIONS
        if records[-1].type is not ExtensionType.END:
            records += (End().encode(),)
    head = b"".join(record.encode() for record in records)
    fixed = header_size + PREFIX_SIZE + len(head)
    wrapped = function in _WRAPPED
    suffix = _suffix(family, function, slot, tuple(suffix_extensions), None if wrapped else product_id, product_version)
    length = fixed + len(body) + len(suffix)
    if slot.grows_left and start_address is None:
        padding = -(length + CRC_SIZE) % START_ALIGNMENT
        body += bytes(padding)
        length += padding
        start_address = slot.end - CRC_SIZE - length
    start = slot.start_addresses[0] if start_address is None else start_address
    if not slot.holds_end(start + length) or start < slot.start:
        raise BuildRefused(
            f"{function} {slot.index} of platform {platform_id} would take {start:#x}-{start + length:#x}, "
            f"its region is {slot.start:#x}-{slot.end:#x}"
        )
    if slot.grows_left:
        suffix = _with_location(suffix, start, fixed)
    try:
        prefix = Prefix(start, start + length, mcu_target, flags, version, platform_id, function, slot.index, *_two(dependencies))
        out = bytearray(_header(family, header_size, start, length) + prefix.encode() + head + body + suffix + bytes(CRC_SIZE))
    except struct.error as reason:
        raise BuildRefused(f"a number does not fit its field: {reason}") from None
    seal(out, length, rule=ShaRule.BODY if wrapped else ShaRule.WHOLE, body_offset=fixed)
    return bytes(out)


def _choose_slot(platform_id: int, function: ModuleFunction, index: int | None) -> Slot:
    for candidate in (0, 1, 2) if index is None else (index,):
        slot = find_slot(platform_id, function, candidate)
        if slot is not None:
            return slot
    which = "" if index is None else f" {index}"
    raise BuildRefused(f"platform {platform_id} has no place for {function}{which}")


def _two(dependencies: Iterable[Dependency]) -> tuple[Dependency, Dependency]:
    given = tuple(dependencies)
    if len(given) > 2:
        raise BuildRefused(f"a prefix holds two dependencies, {len(given)} were given")
    first, second = (*given, NO_DEPENDENCY, NO_DEPENDENCY)[:2]
    return first, second


def _header_size(family: Family | None, platform_id: int, function: ModuleFunction, index: int) -> int:
    """What stands before the prefix: nothing in user parts, radio stacks, co-processor firmware, system parts off the vector table."""
    if family is None or function not in _WITH_TABLE:
        return 0
    if family is RTL872X:
        return family.offset if function is ModuleFunction.BOOTLOADER and index in (0, 1) else 0
    return 0 if platform_id == 10 and index == 3 else family.offset


def _header(family: Family | None, size: int, start: int, length: int) -> bytes:
    if not size or family is None:
        return b""
    if family is RTL872X:
        return _RTL_HEADER.pack(*RTL_SIGNATURE, length - size, start + size, 0xFFFFFFFF, 0, 0)
    reset_handler = start + size + PREFIX_SIZE
    return struct.pack("<II", _STACK_POINTERS[family.name], reset_handler | 1).ljust(size, b"\0")


def _suffix(
    family: Family | None,
    function: ModuleFunction,
    slot: Slot,
    extensions: tuple[Extension, ...],
    product_id: int | None,
    product_version: int | None,
) -> bytes:
    """Everything between body and CRC, the SHA-256 still zero."""
    if product_id is None:
        product = b""
    else:
        pair = (product_id, UNSET if product_version is None else product_version)
        try:
            product = ProductData(*pair).encode().encode() if family is RTL872X else _PRODUCT.pack(*pair)
        except struct.error:
            raise BuildRefused(f"product id and version must be 0 to 65535, not {pair[0]} and {pair[1]}") from None
    location = DynamicLocation(0, 0, 0).encode().encode() if slot.grows_left and function is ModuleFunction.USER_PART else b""
    if extensions and family is not RTL872X and extensions[-1].type is not ExtensionType.END:
        extensions += (End().encode(),)
    records = b"".join(extension.encode() for extension in extensions) + location + product
    return records + BASE_SUFFIX.pack(0, bytes(32), len(records) + BASE_SUFFIX_SIZE)


def _with_location(suffix: bytes, start: int, fixed: int) -> bytes:
    """The suffix with its DYNAMIC_LOCATION record filled in: the interface table is taken to follow the prefix."""
    empty = DynamicLocation(0, 0, 0).encode().encode()
    return suffix.replace(empty, DynamicLocation(start, start + fixed, start + fixed).encode().encode(), 1)
