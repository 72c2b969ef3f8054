"""A valid module from a raw body, or an empty one for tests.

Prefix, suffix, SHA-256 and CRC are made, and so is what comes before the prefix (a vector table, an image header) where the device looks
for the prefix behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from firmware_images.bounds import PLATFORM_NAMES, Slot, find_slot, slots_of
from firmware_images.draft import START_ALIGNMENT, Draft, usual_rule
from firmware_images.errors import BuildRefused, EditRefused
from firmware_images.extension_contents import DynamicLocation, End, ProductData
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import (
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

_PRODUCT = struct.Struct("<HH")
_RTL_HEADER = struct.Struct("<IIIIIIQ")
_STACK_POINTERS: Final = {"STM32F2": 0x20020000, "nRF52840": 0x2003F000, "STM32F1": 0x20005000, "nRF51": 0x20008000}
_WITH_TABLE: Final = (ModuleFunction.BOOTLOADER, ModuleFunction.MONOLITHIC, ModuleFunction.SYSTEM_PART)
_WITHOUT_PRODUCT: Final = (ModuleFunction.NCP, ModuleFunction.RADIO_STACK)


def build_module(
    platform_id: int,
    function: ModuleFunction | int,
    index: int | None = None,
    version: int = 1,
    *,
    dependencies: Iterable[Dependency] = (),
    body: bytes = b"",
    product_id: int = UNSET,
    product_version: int = UNSET,
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
        product_id: 0xFFFF means not set. Radio stacks and co-processor firmware have no product fields.
        product_version: likewise.
        flags: PREFIX_EXTENSIONS is added where needed.
        start_address: where its slot begins when not given; a slot that grows from a fixed end tells the end instead.
        mcu_target: id of the co-processor the module is for.
        prefix_extensions: records after the prefix; END is added.
        suffix_extensions: records before the base suffix, outermost first; END is added where the format needs one.

    Returns:
        The file, CRC included.

    Raises:
        BuildRefused: the platform has no place for it, it does not fit, or a number is out of range.
    """
    function = ModuleFunction(function)
    records = tuple(prefix_extensions)
    if flags & ModuleFlag.COMPRESSED:
        raise BuildRefused("the flag for compression comes with the compression; compress the module")
    if flags & ModuleFlag.PREFIX_EXTENSIONS and not records:
        raise BuildRefused("the flag for prefix extensions comes with the extensions; none were given")
    slot = _choose_slot(platform_id, function, index)
    family = family_of(platform_id)
    draft = Draft(
        header=bytes(_header_size(family, platform_id, function, slot.index)),
        prefix=Prefix(0, 0, mcu_target, ModuleFlag(flags), version, platform_id, function, slot.index, *_two(dependencies)),
        prefix_extensions=_ended(records),
        body=body,
        grows_left=slot.grows_left,
    )
    if draft.prefix_extensions:
        draft = replace(draft, prefix=replace(draft.prefix, flags=draft.prefix.flags | ModuleFlag.PREFIX_EXTENSIONS))
    draft = replace(draft, rule=usual_rule(draft.prefix))
    draft = _with_suffix(draft, family, tuple(suffix_extensions), product_id, product_version)
    try:
        return _placed(draft, slot, start_address, family).encode()
    except (struct.error, EditRefused) as reason:
        raise BuildRefused(str(reason)) from None


def _choose_slot(platform_id: int, function: ModuleFunction, index: int | None) -> Slot:
    for candidate in (0, 1, 2) if index is None else (index,):
        slot = find_slot(platform_id, function, candidate)
        if slot is not None:
            return slot
    if platform_id not in PLATFORM_NAMES:
        raise BuildRefused(f"platform {platform_id} is not known")
    if not function.known or function is ModuleFunction.NONE:
        raise BuildRefused(f"module function {int(function)} does not exist; there are 1 to {max(ModuleFunction)}")
    which = "" if index is None else f" {index}"
    there = sorted({f"{slot.function} {slot.index}" for slot in slots_of(platform_id)})
    raise BuildRefused(
        f"platform {platform_id} ({PLATFORM_NAMES[platform_id]}) has no place for {function}{which}; "
        f"it has for {', '.join(there) or 'none that is known here'}"
    )


def _two(dependencies: Iterable[Dependency]) -> tuple[Dependency, Dependency]:
    given = tuple(dependencies)
    if len(given) > 2:
        raise BuildRefused(f"a prefix holds two dependencies, {len(given)} were given")
    first, second = (*given, NO_DEPENDENCY, NO_DEPENDENCY)[:2]
    return first, second


def _ended(records: tuple[Extension, ...]) -> tuple[Extension, ...]:
    """The records with END last; none stay none."""
    return records if not records or records[-1].type is ExtensionType.END else (*records, End().encode())


def _header_size(family: Family | None, platform_id: int, function: ModuleFunction, index: int) -> int:
    """What stands before the prefix: nothing in user parts, radio stacks, co-processor firmware, system parts off the vector table."""
    if family is None or function not in _WITH_TABLE:
        return 0
    if family is RTL872X:
        return family.offset if function is ModuleFunction.BOOTLOADER and index in (0, 1) else 0
    return 0 if platform_id == 10 and index == 3 else family.offset


def _header(family: Family | None, size: int, start: int, length: int) -> bytes:
    """A vector table that points at the body, or the image header of the RTL872x."""
    if not size or family is None:
        return b""
    if family is RTL872X:
        return _RTL_HEADER.pack(*RTL_SIGNATURE, length - size, start + size, 0xFFFFFFFF, 0, 0)
    reset_handler = start + size + PREFIX_SIZE
    return struct.pack("<II", _STACK_POINTERS[family.name], reset_handler | 1).ljust(size, b"\0")


def _with_suffix(draft: Draft, family: Family | None, records: tuple[Extension, ...], product_id: int, product_version: int) -> Draft:
    """The draft with its product fields and suffix records, laid out as builds for that family do."""
    if not (0 <= product_id <= UNSET and 0 <= product_version <= UNSET):
        raise BuildRefused(f"product id and version must be 0 to {UNSET}, not {product_id} and {product_version}")
    if draft.prefix.function in _WITHOUT_PRODUCT:
        if (product_id, product_version) != (UNSET, UNSET):
            raise BuildRefused(f"a {draft.prefix.function} has no product id and version")
        return replace(draft, suffix_extensions=_ended(records))
    if family is not RTL872X:
        return replace(draft, suffix_extensions=_ended(records), gap=_PRODUCT.pack(product_id, product_version))
    location = DynamicLocation(0, 0, 0).encode()
    return replace(draft, suffix_extensions=(*records, location, ProductData(product_id, product_version).encode()))


def _placed(draft: Draft, slot: Slot, start_address: int | None, family: Family | None) -> Draft:
    """The draft with its addresses, and with all that depends on them."""
    if slot.grows_left:
        if start_address is not None:
            raise BuildRefused(f"a {draft.prefix.function} of this platform has a fixed end, {slot.end:#x}; its size tells where it begins")
        body = bytes(draft.body)
        draft = replace(draft, body=body.ljust(len(body) + -(draft.length + CRC_SIZE) % START_ALIGNMENT, b"\0"))
        start, end = slot.end - CRC_SIZE - draft.length, slot.end - CRC_SIZE
    else:
        start = slot.start_addresses[0] if start_address is None else start_address
        end = start + draft.length
    if not slot.holds_end(end) or start < slot.start:
        raise BuildRefused(
            f"{draft.prefix.function} {slot.index} of platform {draft.prefix.platform_id} would take {start:#x}-{end:#x}, "
            f"its region is {slot.start:#x}-{slot.end:#x}"
        )
    suffix_size = sum(record.size for record in draft.suffix_extensions) + len(draft.gap) + BASE_SUFFIX_SIZE
    table = start + draft.length - suffix_size - len(draft.body)
    return replace(
        draft,
        header=_header(family, len(draft.header), start, draft.length),
        prefix=replace(draft.prefix, start_address=start, end_address=end),
        suffix_extensions=tuple(
            DynamicLocation(start, table, table).encode() if record.type is ExtensionType.DYNAMIC_LOCATION else record
            for record in draft.suffix_extensions
        ),
    )
