"""A module taken apart, to be changed and put together again.

Every build and every edit goes through a `Draft`: its parts are joined once, the SHA-256 and then the CRC (which covers it) are computed
over the parts as they are, so that an image is copied a single time. `Draft.of(module).encode()` gives back a sound module byte for byte.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from firmware_images.bounds import find_slot
from firmware_images.crc import crc32
from firmware_images.errors import EditRefused
from firmware_images.extension_contents import DynamicLocation, End
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import BASE_SUFFIX_SIZE, CRC_SIZE, PREFIX_SIZE, ModuleFlag, ModuleFunction, Prefix
from firmware_images.module import Module, ShaRule

Buffer = bytes | bytearray | memoryview
START_ALIGNMENT: Final = 8
"""Start addresses that move are kept multiples of this, as the vendor's tools do."""
_LARGEST: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a module in the order of the file; `dataclasses.replace` changes one.

    Attributes:
        header: vector table or image header before the prefix; mostly empty.
        prefix: its addresses are computed anew by `encode`, save the one that stays: the end when `grows_left`, else the start.
        prefix_extensions: END included.
        body: everything up to the suffix.
        suffix_extensions: END included where there is one.
        gap: bytes between the records and the base suffix: the product id and version of most formats, and whatever else is there.
        reserved: reserved word of the base suffix.
        rule: which bytes the SHA-256 covers; None keeps `digest`.
        digest: SHA-256 to be written when `rule` is None.
        grows_left: the end address stays, the start moves to multiples of eight.
    """

    header: Buffer
    prefix: Prefix
    prefix_extensions: tuple[Extension, ...] = ()
    body: Buffer = b""
    suffix_extensions: tuple[Extension, ...] = ()
    gap: bytes = b""
    reserved: int = 0
    rule: ShaRule | None = ShaRule.WHOLE
    digest: bytes = bytes(32)
    grows_left: bool = False

    @classmethod
    def of(cls, module: Module) -> Draft:
        """Take a module apart. A SHA-256 that is right by no rule will be made by the rule for a module of its kind.

        Raises:
            EditRefused: the module is not complete, or its extensions or suffix cannot be read.
        """
        prefix, suffix = module.prefix, module.suffix
        if not module.complete:
            raise EditRefused(f"the module is not whole: {len(module.data)} of {module.size} bytes")
        if suffix is None:
            raise EditRefused(f"the suffix claims the impossible size {module.suffix_size_field}")
        for where, found in (("prefix", module.prefix_extensions), ("suffix", module.suffix_extensions)):
            if found.problem is not None:
                raise EditRefused(f"{where} extensions cannot be read: {found.problem}")
        end = module.module_length
        suffix_start = end - suffix.size
        slot = find_slot(prefix.platform_id, prefix.function, prefix.index)
        return cls(
            header=module.data[: module.prefix_offset],
            prefix=prefix,
            prefix_extensions=module.prefix_extensions.items,
            body=module.data[module.body_offset : suffix_start],
            suffix_extensions=module.suffix_extensions.items,
            gap=bytes(module.data[suffix_start + module.suffix_extensions.size : end - BASE_SUFFIX_SIZE]),
            reserved=suffix.reserved,
            rule=module.sha_rule or usual_rule(prefix),
            digest=suffix.sha256,
            grows_left=slot is not None and slot.grows_left and not prefix.flags & ModuleFlag.COMPRESSED,
        )

    def encode(self) -> bytes:
        """The module, CRC included.

        Raises:
            EditRefused: a number does not fit its field, or a record or the suffix is too large to be told in one.
        """
        for record in self.prefix_extensions + self.suffix_extensions:
            if record.size > _LARGEST:
                raise EditRefused(f"a record of type {record.type} would take {record.size} bytes, more than {_LARGEST}")
        aligned = self._aligned()
        suffix_size = sum(record.size for record in self.suffix_extensions) + len(self.gap) + BASE_SUFFIX_SIZE
        if suffix_size > _LARGEST:
            raise EditRefused(f"the suffix would take {suffix_size} bytes, more than {_LARGEST}")
        try:
            return aligned._sealed(suffix_size)
        except struct.error as reason:
            raise EditRefused(aligned.prefix.misfit() or str(reason)) from None

    @property
    def length(self) -> int:
        """Bytes up to the CRC, before any alignment."""
        return (
            len(self.header)
            + PREFIX_SIZE
            + sum(record.size for record in self.prefix_extensions)
            + len(self.body)
            + sum(record.size for record in self.suffix_extensions)
            + len(self.gap)
            + BASE_SUFFIX_SIZE
        )

    def _aligned(self) -> Draft:
        """The same with its addresses right; a start that moves is aligned by padding in the END record of the prefix."""
        if not self.grows_left:
            end = self.prefix.start_address + self.length
            return self if end == self.prefix.end_address else replace(self, prefix=replace(self.prefix, end_address=end))
        draft = self
        if self.prefix_extensions and self.length != self.prefix.module_length:
            bare = replace(self, prefix_extensions=(*self.prefix_extensions[:-1], End().encode()))
            padding = (self.prefix.end_address - bare.length) % START_ALIGNMENT
            draft = replace(self, prefix_extensions=(*self.prefix_extensions[:-1], End(padding).encode()))
        start = self.prefix.end_address - draft.length
        return replace(draft, prefix=replace(self.prefix, start_address=start), suffix_extensions=moved(self.suffix_extensions, start))

    def _sealed(self, suffix_size: int) -> bytes:
        records = b"".join(record.encode() for record in self.suffix_extensions)
        wrapped = (self.body, records, self.gap)
        covered = (
            self.header,
            self.prefix.encode(),
            *(record.encode() for record in self.prefix_extensions),
            *wrapped,
            struct.pack("<H", self.reserved),
        )
        digest = self.digest if self.rule is None else _sha256(covered if self.rule is ShaRule.WHOLE else wrapped)
        parts = (*covered, digest, struct.pack("<H", suffix_size))
        crc = 0
        for part in parts:
            crc = crc32(part, crc)
        return b"".join((*parts, crc.to_bytes(CRC_SIZE, "big")))


def usual_rule(prefix: Prefix) -> ShaRule:
    """The rule by which a module of this kind is normally signed."""
    dropped = prefix.flags & ModuleFlag.DROP_MODULE_INFO and prefix.function is not ModuleFunction.ASSET
    wrapped = dropped or prefix.function in (ModuleFunction.NCP, ModuleFunction.RADIO_STACK)
    return ShaRule.BODY if wrapped and not prefix.flags & ModuleFlag.COMPRESSED else ShaRule.WHOLE


def _sha256(parts: Iterable[Buffer]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def moved(extensions: Iterable[Extension], start: int) -> tuple[Extension, ...]:
    """The records of a suffix, with the location record telling a new start.

    Raises:
        EditRefused: there is a location record that cannot be read.
    """
    return tuple(_moved(extension, start) if extension.type is ExtensionType.DYNAMIC_LOCATION else extension for extension in extensions)


def _moved(extension: Extension, start: int) -> Extension:
    try:
        location = DynamicLocation.decode(extension.payload)
    except ValueError as reason:
        raise EditRefused(f"the dynamic location record of the suffix {reason}, so the start cannot be moved") from None
    return replace(location, module_start_address=start).encode()
