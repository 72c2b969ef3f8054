"""Changes to a module: fields first, then the SHA-256, then the CRC.

The bytes are those the vendor's tools write, where these are right. Where they are known to be wrong (records lost when a module with
prefix extensions gets new assets, an END record left behind when the last one goes, modules without product fields that could not get
records at all), what is written here can be read back, and taking away what was added gives the original bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware_images.bounds import Slot, find_slot
from firmware_images.check_contents import PROTECTION_SINCE
from firmware_images.draft import Draft, moved
from firmware_images.errors import EditRefused
from firmware_images.extension_contents import AssetDependency, End, ProductData, SecurityMode
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import CRC_SIZE, NO_DEPENDENCY, UNSET, Dependency, ModuleFlag, ModuleFunction, misfit
from firmware_images.module import Module, product_record, read_module

_PRODUCT = struct.Struct("<HH")
_LONG_PRODUCT = struct.Struct("<IH")
_UNSET_PRODUCT: Final = ProductData(UNSET, UNSET).encode()
MAX_GROWING: Final = 0x180000
"""Largest module that grows towards lower addresses, in bytes (npm @particle/device-constants 4.2.1, `maxSize`)."""


@dataclass(frozen=True, slots=True)
class Changes:
    """New values of fields; None keeps what is there.

    Attributes:
        dependencies: up to two; an empty tuple takes all away.
        start_address: the module is moved there, its end follows.
    """

    product_id: int | None = None
    product_version: int | None = None
    version: int | None = None
    platform_id: int | None = None
    function: ModuleFunction | None = None
    index: int | None = None
    mcu_target: int | None = None
    flags: ModuleFlag | None = None
    start_address: int | None = None
    dependencies: tuple[Dependency, ...] | None = None


def edit_module(module: Module, changes: Changes) -> bytes:
    """The module with new values in its fields. Without any change it is sealed anew: SHA-256 and CRC are put right.

    Returns:
        The module alone, without what follows it in the file.

    Raises:
        EditRefused: the format of this module has no such field, the value does not fit, or the module cannot be read far enough.
    """
    if module.prefix.flags & ModuleFlag.COMPRESSED and not module.prefix.flags & ModuleFlag.DROP_MODULE_INFO and changes != Changes():
        return _edit_inside(module, changes)
    return _edit(module, changes)


def _edit_inside(module: Module, changes: Changes) -> bytes:
    """The same for a compressed module: the one in it is what will run, so it is changed and compressed again.

    Raises:
        CompressionError: it cannot be inflated.
        EditRefused: as `edit_module` says.
    """
    from firmware_images.compress import compress_module, compressed_header, inflate_module

    flags = module.prefix.flags if changes.flags is None else changes.flags
    _check_flags(module.prefix.flags, flags, records=bool(module.prefix_extensions.items))
    if flags & ModuleFlag.DROP_MODULE_INFO:
        raise EditRefused("the flag that drops the module's information says what is compressed; inflate the module first")
    around = ModuleFlag.COMPRESSED | ModuleFlag.COMBINED
    inner = replace(changes, flags=None if changes.flags is None else flags.without(around))
    changed = _edit(read_module(inflate_module(module)), inner)
    packed = compress_module(read_module(changed), window_bits=compressed_header(module).window_bits)
    return _edit(read_module(packed), Changes(flags=read_module(packed).prefix.flags | flags & around))


def _edit(module: Module, changes: Changes) -> bytes:
    draft = Draft.of(module)
    if changes.product_id is not None or changes.product_version is not None:
        draft = _with_product(draft, changes.product_id, changes.product_version)
    return _with_prefix(draft, changes).encode()


def add_extensions(module: Module, records: Sequence[Extension], *, replace_same_type: bool = False) -> bytes:
    """The module with more records: in its prefix where it has some there or grows towards lower addresses, else in its suffix.

    Args:
        module: to be changed.
        records: in the order in which they are to stand.
        replace_same_type: records of these types that are there already go.

    Raises:
        EditRefused: the module is compressed, is too large then for its region, or has no place for records.
    """
    draft = _open(module)
    if replace_same_type:
        draft = _without(draft, {record.type for record in records})
    return _checked(_with_records(draft, tuple(records)))


def remove_extensions(module: Module, types: Collection[ExtensionType]) -> bytes:
    """The module without its records of these types. With the last one, everything goes that was there only to carry them.

    Raises:
        EditRefused: the module is compressed or has no such record.
    """
    draft = _open(module)
    there = {record.type for record in draft.prefix_extensions + draft.suffix_extensions}
    if not there & set(types):
        raise EditRefused(f"the module has no record of type {' or '.join(str(kind) for kind in types)}")
    return _checked(_without(draft, types))


def set_assets(module: Module, assets: Iterable[AssetDependency]) -> bytes:
    """The module with exactly these assets as dependencies; none gives the module without any.

    Raises:
        EditRefused: as `add_extensions` says.
    """
    draft = _without(_open(module), {ExtensionType.ASSET_DEPENDENCY})
    records = tuple(asset.encode() for asset in assets)
    return _checked(_with_records(draft, records) if records else draft)


def protect(module: Module, certificate: bytes = b"") -> bytes:
    """The module with the record that turns device protection on, in place of one it may have.

    Raises:
        EditRefused: it is no bootloader that knows device protection, or as `add_extensions` says.
    """
    prefix = module.prefix
    if prefix.function is not ModuleFunction.BOOTLOADER or prefix.index or prefix.version < PROTECTION_SINCE:
        raise EditRefused(
            f"device protection is for bootloader 0 from version {PROTECTION_SINCE} on, "
            f"this is {prefix.function} {prefix.index} version {prefix.version}"
        )
    return add_extensions(module, [SecurityMode(1, certificate).encode()], replace_same_type=True)


def _open(module: Module) -> Draft:
    if module.prefix.flags & ModuleFlag.COMPRESSED:
        raise EditRefused("the module is compressed; inflate it first")
    return Draft.of(module)


def _slot(draft: Draft) -> Slot | None:
    return find_slot(draft.prefix.platform_id, draft.prefix.function, draft.prefix.index)


def _in_prefix(draft: Draft) -> bool:
    return bool(draft.prefix.flags & ModuleFlag.PREFIX_EXTENSIONS) or draft.grows_left


def _with_records(draft: Draft, records: tuple[Extension, ...]) -> Draft:
    if _in_prefix(draft):
        if draft.header:
            raise EditRefused("the prefix lies behind a vector table, where no records can follow it")
        kept = tuple(record for record in draft.prefix_extensions if record.type is not ExtensionType.END)
        prefix = replace(draft.prefix, flags=draft.prefix.flags | ModuleFlag.PREFIX_EXTENSIONS)
        return replace(draft, prefix=prefix, prefix_extensions=(*kept, *records, End().encode()))
    if draft.suffix_extensions:
        return replace(draft, suffix_extensions=(*records, *draft.suffix_extensions))
    if not draft.gap:
        return replace(draft, suffix_extensions=(*records, _UNSET_PRODUCT))
    if len(draft.gap) != _PRODUCT.size:
        raise EditRefused("a suffix with a 32-bit product id cannot carry records")
    return replace(draft, suffix_extensions=(*records, End().encode()))


def _without(draft: Draft, types: Collection[ExtensionType]) -> Draft:
    """The draft without records of these types; what only served them (END, an unset product record, the flag) goes with the last."""
    kept = tuple(record for record in draft.prefix_extensions if record.type not in types)
    if kept != draft.prefix_extensions:
        if all(record.type is ExtensionType.END for record in kept):
            kept = ()
        flags = draft.prefix.flags | ModuleFlag.PREFIX_EXTENSIONS if kept else draft.prefix.flags.without(ModuleFlag.PREFIX_EXTENSIONS)
        draft = replace(draft, prefix=replace(draft.prefix, flags=flags), prefix_extensions=kept)
    left = tuple(record for record in draft.suffix_extensions if record.type not in types)
    if left != draft.suffix_extensions:
        if all(record.type is ExtensionType.END for record in left) or (left == (_UNSET_PRODUCT,) and not draft.grows_left):
            left = ()
        draft = replace(draft, suffix_extensions=left)
    return draft


def _checked(draft: Draft) -> bytes:
    slot = _slot(draft)
    if slot is not None:
        limit = MAX_GROWING if slot.grows_left else slot.end - slot.start
        if draft.length + CRC_SIZE > limit:
            raise EditRefused(f"the module would take {draft.length + CRC_SIZE} bytes, its region has {limit}")
    return draft.encode()


def _with_product(draft: Draft, product_id: int | None, product_version: int | None) -> Draft:
    position = product_record(draft.suffix_extensions)
    if position is not None:
        record = draft.suffix_extensions[position]
        changed = Extension(record.type, record.payload[:2] + _pair(_PRODUCT, record.payload[2:], product_id, product_version))
        extensions = (*draft.suffix_extensions[:position], changed, *draft.suffix_extensions[position + 1 :])
        return replace(draft, suffix_extensions=extensions)
    if len(draft.gap) == _LONG_PRODUCT.size and not draft.suffix_extensions:
        return replace(draft, gap=_pair(_LONG_PRODUCT, draft.gap, product_id, product_version))
    if len(draft.gap) < _PRODUCT.size:
        raise EditRefused("the suffix of this module has no product id and version")
    at = len(draft.gap) - _PRODUCT.size
    return replace(draft, gap=draft.gap[:at] + _pair(_PRODUCT, draft.gap[at:], product_id, product_version))


def _pair(layout: struct.Struct, old: bytes, product_id: int | None, product_version: int | None) -> bytes:
    before = layout.unpack(old)
    for name, number, bits in (("product id", product_id, 8 * (layout.size - 2)), ("product version", product_version, 16)):
        if number is not None and number >> bits:
            raise EditRefused(misfit(name, number, bits))
    return layout.pack(before[0] if product_id is None else product_id, before[1] if product_version is None else product_version)


def _with_prefix(draft: Draft, changes: Changes) -> Draft:
    names = ("version", "platform_id", "function", "index", "mcu_target", "flags", "start_address")
    given = {name: value for name in names if (value := getattr(changes, name)) is not None}
    if changes.flags is not None:
        _check_flags(draft.prefix.flags, changes.flags, records=bool(draft.prefix_extensions))
    if changes.dependencies is not None:
        if len(changes.dependencies) > 2:
            raise EditRefused(f"a prefix holds two dependencies, {len(changes.dependencies)} were given")
        given["dependency"], given["dependency2"] = (*changes.dependencies, NO_DEPENDENCY, NO_DEPENDENCY)[:2]
    if "start_address" in given:
        draft = replace(draft, grows_left=False, suffix_extensions=moved(draft.suffix_extensions, given["start_address"]))
    return replace(draft, prefix=replace(draft.prefix, **given)) if given else draft


def _check_flags(before: ModuleFlag, flags: ModuleFlag, *, records: bool) -> None:
    """Refuse flags that stand for something else than a word in the prefix."""
    if bool(flags & ModuleFlag.PREFIX_EXTENSIONS) != records:
        raise EditRefused("the flag for prefix extensions comes and goes with the extensions; add or remove those")
    if (flags ^ before) & ModuleFlag.COMPRESSED:
        raise EditRefused("the flag for compression comes and goes with the compression; compress or inflate the module")
