"""One module binary, read in place: its prefix, suffix, extensions, CRC and SHA-256.

```
file:  [vector table or image header] prefix [extensions] body [extensions] [product id, version] reserved SHA-256 size | CRC-32
       ^ start_address                                                                                                  ^ end_address
```
The prefix tells the length; what comes after the CRC is not part of the module. Nothing is copied: a `Module` looks at the bytes it was
given. Reading never fails on a broken module, it reads as far as it can; `firmware_images.checks` names what is wrong.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from collections.abc import Callable, Sequence
from functools import cached_property

from firmware_images.crc import CRC, crc32
from firmware_images.extensions import NO_EXTENSIONS, Extension, ExtensionList, ExtensionType, read_extensions
from firmware_images.fields import BASE_SUFFIX_SIZE, CRC_SIZE, PREFIX, PREFIX_SIZE, ModuleFlag, ModuleFunction, Prefix, Suffix
from firmware_images.locate import is_plain, locate, locate_in_memory

_PRODUCT = struct.Struct("<HH")
_LONG_PRODUCT = struct.Struct("<IH")
PRODUCT_SUFFIX = struct.Struct("<HHH32sH")
"""product id, product version, then the base suffix: the last forty bytes before the CRC in most formats."""
SUFFIX_WITH_PRODUCT = PRODUCT_SUFFIX.size
SUFFIX_WITH_LONG_PRODUCT = BASE_SUFFIX_SIZE + _LONG_PRODUCT.size
SHA_END = BASE_SUFFIX_SIZE - 2
"""The SHA-256 of a normal build covers the module up to this many bytes before its end address (Device OS 6.2.0, build/module.mk:213)."""
_LEAST = PREFIX_SIZE + BASE_SUFFIX_SIZE
_DROP = int(ModuleFlag.DROP_MODULE_INFO)
_EXTENDED = int(ModuleFlag.PREFIX_EXTENSIONS)


class ShaRule(enum.Enum):
    """Which bytes the stored SHA-256 covers."""

    WHOLE = "whole"
    """From the start up to the stored digest itself: what a build does."""
    BODY = "body"
    """The body alone, without prefix and base suffix: what the script does that wraps radio stacks and co-processor firmware
    (Device OS 6.2.0, build/create_module.py:200)."""


class Module:
    """A module, read in place.

    Attributes:
        data: the file from the module's first byte on; what follows the module included.
        prefix_offset: where in `data` the prefix lies.
        fields: the prefix's fourteen numbers, in the order of `firmware_images.fields.PREFIX`.
        module_length: bytes from the start up to the CRC, as the prefix declares; not positive when the prefix is broken.
        complete: whether `data` reaches to the declared end, CRC included, and the length leaves room for prefix and suffix.
    """

    _prefix: Prefix | None = None
    _computed_crc: int | None = None
    _found_suffix: tuple[Suffix | None, ExtensionList] | None = None
    _digest: tuple[bytes, ShaRule | None] | None = None

    def __init__(self, data: memoryview, prefix_offset: int, fields: tuple[int, ...]) -> None:
        self.data = data
        self.prefix_offset = prefix_offset
        self.fields = fields
        length = self.module_length = fields[1] - fields[0]
        self.complete = prefix_offset + _LEAST <= length <= len(data) - CRC_SIZE

    @property
    def prefix(self) -> Prefix:
        """The prefix."""
        if self._prefix is None:
            self._prefix = Prefix.of(self.fields)
        return self._prefix

    @property
    def size(self) -> int:
        """Bytes of the whole module, CRC included, as declared."""
        return self.module_length + CRC_SIZE

    @property
    def trailing(self) -> memoryview:
        """What follows the module in the file; empty when the module is not complete."""
        return self.data[self.size :] if self.complete else self.data[:0]

    @property
    def content(self) -> memoryview:
        """The module's own bytes, CRC included, as far as they are there."""
        return self.data[: max(self.size, 0)]

    @property
    def prefix_extensions(self) -> ExtensionList:
        """The records after the prefix; none without the flag for them."""
        return self._read_prefix_extensions if self.fields[3] & _EXTENDED else NO_EXTENSIONS

    @cached_property
    def _read_prefix_extensions(self) -> ExtensionList:
        limit = min(len(self.data), self.module_length - BASE_SUFFIX_SIZE)
        found = read_extensions(self.data, self.prefix_offset + PREFIX_SIZE, limit)
        if found.problem is None and not found.ended:
            found = ExtensionList(found.items, found.size, "the list does not end with an end record")
        return found

    @property
    def body_offset(self) -> int:
        """First byte after prefix and prefix extensions."""
        return self.prefix_offset + PREFIX_SIZE + self.prefix_extensions.size

    @property
    def suffix(self) -> Suffix | None:
        """The suffix; None when the module is not complete, or its suffix is padding or has an impossible size."""
        return (self._found_suffix or self._read_suffix())[0]

    @property
    def suffix_size_field(self) -> int | None:
        """The size the suffix claims, whatever it is; None when the module is not complete."""
        end = self.module_length
        return int.from_bytes(self.data[end - 2 : end], "little") if self.complete else None

    @property
    def suffix_extensions(self) -> ExtensionList:
        """The records of the suffix."""
        return (self._found_suffix or self._read_suffix())[1]

    @property
    def stored_crc(self) -> int | None:
        """The CRC-32 in the file (big-endian there); None when the module is not complete."""
        return int(CRC.unpack_from(self.data, self.module_length)[0]) if self.complete else None

    @property
    def computed_crc(self) -> int | None:
        """The CRC-32 over the declared length; None when the module is not complete."""
        if self._computed_crc is None and self.complete:
            self._computed_crc = crc32(self.data[: self.module_length])
        return self._computed_crc

    @property
    def crc_ok(self) -> bool:
        """Whether the module is whole: complete, and its CRC right. This is what a device asks at boot."""
        return self.complete and (self.computed_crc,) == CRC.unpack_from(self.data, self.module_length)

    @property
    def computed_sha256(self) -> bytes | None:
        """The digest that ought to be stored, by whichever rule matches, else by the rule for a normal build; None without a suffix."""
        return None if self.suffix is None else self._judged_digest()[0]

    @property
    def sha_rule(self) -> ShaRule | None:
        """The rule by which the stored digest is right, or None when it is right by none."""
        return None if self.suffix is None else self._judged_digest()[1]

    @property
    def sha_ok(self) -> bool:
        """Whether the stored digest is right by some rule."""
        return self.sha_rule is not None

    def remember(self, crc: int, digest: bytes) -> None:
        """Take a CRC, and a SHA-256 that is the one stored and covers the whole module, as computed already."""
        self._computed_crc = crc
        self._digest = digest, ShaRule.WHOLE

    def sha256_over(self, rule: ShaRule) -> bytes:
        """The digest of the bytes a rule covers. The module must be complete."""
        if rule is ShaRule.WHOLE:
            return hashlib.sha256(self.data[: self.module_length - SHA_END]).digest()
        return hashlib.sha256(self.data[self.body_offset : self.module_length - BASE_SUFFIX_SIZE]).digest()

    def _judged_digest(self) -> tuple[bytes, ShaRule | None]:
        if self._digest is None:
            self._digest = self._judge_digest()
        return self._digest

    def _judge_digest(self) -> tuple[bytes, ShaRule | None]:
        end = self.module_length
        stored = bytes(self.data[end - SHA_END : end - 2])
        function = self.fields[6]
        wrapped = self.fields[3] & _DROP or function in (ModuleFunction.NCP, ModuleFunction.RADIO_STACK)
        if wrapped and function != ModuleFunction.ASSET and self.sha256_over(ShaRule.BODY) == stored:
            return stored, ShaRule.BODY
        digest = self.sha256_over(ShaRule.WHOLE)
        return digest, ShaRule.WHOLE if digest == stored else None

    def _read_suffix(self) -> tuple[Suffix | None, ExtensionList]:
        suffix, found = None, NO_EXTENSIONS
        if self.complete:
            data, end = self.data, self.module_length
            product_id, product_version, reserved, digest, size = PRODUCT_SUFFIX.unpack_from(data, end - SUFFIX_WITH_PRODUCT)
            if size == SUFFIX_WITH_PRODUCT:
                suffix = Suffix(size, digest, reserved, product_id, product_version)
            elif BASE_SUFFIX_SIZE <= size <= end - self.prefix_offset - PREFIX_SIZE:
                found, product = _rare_product(data, size, end)
                suffix = Suffix(size, digest, reserved, *product)
        self._found_suffix = suffix, found
        return self._found_suffix

    def __repr__(self) -> str:
        return f"<Module {self.prefix}>"


def _rare_product(data: memoryview, size: int, end: int) -> tuple[ExtensionList, tuple[int, int] | tuple[None, None]]:
    """Records of the suffix, product id and version, where the suffix is not of the usual forty bytes."""
    if size == SUFFIX_WITH_LONG_PRODUCT:
        product_id, product_version = _LONG_PRODUCT.unpack_from(data, end - size)
        return NO_EXTENSIONS, (product_id, product_version)
    if size < SUFFIX_WITH_PRODUCT:
        return NO_EXTENSIONS, (None, None)
    limit = end - BASE_SUFFIX_SIZE
    found = read_extensions(data, end - size, limit)
    position = product_record(found.items)
    if position is not None:
        product_id, product_version = _PRODUCT.unpack_from(found.items[position].payload, 2)
        return found, (product_id, product_version)
    if limit - (end - size) - sum(item.size for item in found.items) < _PRODUCT.size:
        return found, (None, None)
    product_id, product_version = _PRODUCT.unpack_from(data, limit - _PRODUCT.size)
    return found, (product_id, product_version)


def product_record(records: Sequence[Extension]) -> int | None:
    """Which of a suffix's records has the product id and version, behind two filler bytes; None when none of them can."""
    for position, record in enumerate(records):
        if record.type is ExtensionType.PRODUCT_DATA and len(record.payload) == 2 + _PRODUCT.size:
            return position
    return None


def as_it_lies(module: Module) -> tuple[int, memoryview]:
    """Where in flash a module goes, and the bytes that go there: some lie there without their prefix."""
    if not module.prefix.flags & ModuleFlag.DROP_MODULE_INFO:
        return module.prefix.start_address, module.content
    return module.prefix.start_address, module.content[PREFIX_SIZE:]


def read_module(data: bytes | bytearray | memoryview, *, platform_id: int | None = None) -> Module:
    """Read the module that `data` begins with.

    Args:
        data: the file, or memory from the module's start on. It may be longer than the module. It is looked at, not copied.
        platform_id: when given, the prefix is looked for where a device of that platform looks, and nowhere else.

    Raises:
        NotAModule: nothing there resembles a module.
    """
    view = memoryview(data)
    if platform_id is None and len(view) >= PREFIX_SIZE:
        fields = PREFIX.unpack_from(view)
        if is_plain(fields):
            return Module(view, 0, fields)
    return Module(view, *locate(view, platform_id))


def module_in_memory(read: Callable[[int, int], bytes], address: int, limit: int, platform_id: int) -> Module | None:
    """Read the module at `address` of a device's memory, or None when the device would not find one there.

    Args:
        read: `read(address, length)` returns that many bytes.
        address: where the slot begins.
        limit: the slot's end: no byte at or after it is read.
        platform_id: of the device.
    """
    found = locate_in_memory(read, address, platform_id)
    if found is None:
        return None
    offset, fields = found
    length = max(fields[1] - fields[0] + CRC_SIZE, offset + PREFIX_SIZE)
    return Module(memoryview(read(address, min(length, limit - address))), offset, fields)
