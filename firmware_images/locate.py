"""Where in a file, or in memory, the prefix of a module lies.

The device decides by the first words: something that looks like a stack pointer is the start of a vector table, and the prefix follows
that table; on the RTL872x a signature announces an image header. Sources: Device OS 2.3.1,
platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c:675-697; Device OS 6.2.0, platform/MCU/nRF52840/src/flash_mal.c:749-796 and
platform/MCU/rtl872x/src/flash_mal.c:740-766. The Core and the Bluz had no such rule, their monolithic images always begin with the table.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from firmware_images import platform_slots
from firmware_images.bounds import slots_of
from firmware_images.crc import crc32
from firmware_images.errors import NotAModule
from firmware_images.fields import CRC_SIZE, PREFIX, PREFIX_SIZE, ModuleFunction

_WORDS = struct.Struct("<II")
PREFIX_WINDOW: Final = 0x200 + PREFIX_SIZE
"""Bytes from a module's start that always contain its prefix."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of processors and what it puts before the prefix.

    Attributes:
        offset: where the prefix lies when something precedes it; else it lies at 0.
        mask: bits of the first word that must equal 0x20000000 for it to be a stack pointer; None when a signature decides.
        signature: the first two words of an image header; None when a stack pointer decides.
    """

    name: str
    platforms: frozenset[int]
    offset: int
    mask: int | None
    signature: tuple[int, int] | None

    def has_header(self, first: int, second: int) -> bool:
        """Whether a vector table or image header precedes the prefix, judged by the first two words."""
        if self.mask is None:
            return (first, second) == self.signature
        return first & self.mask == 0x20000000


FAMILIES: Final = tuple(
    Family(name, frozenset(platforms), offset, mask, signature) for name, platforms, offset, mask, signature in platform_slots.FAMILIES
)
NRF52840, RTL872X = (next(family for family in FAMILIES if family.name == name) for name in ("nRF52840", "RTL872x"))
RTL_SIGNATURE: Final = RTL872X.signature or (0, 0)
_FAMILY_OF: Final = {platform: family for family in FAMILIES for platform in family.platforms}
KNOWN_PLATFORMS: Final = frozenset(platform_slots.PLATFORM_NAMES)
_OFFSETS = (0, *(family.offset for family in FAMILIES))
_KNOWN_FUNCTIONS = range(ModuleFunction.RESOURCE, ModuleFunction.ASSET + 1)


def family_of(platform_id: int) -> Family | None:
    """The processor family of a platform, None when it is not one of those that carry modules."""
    return _FAMILY_OF.get(platform_id)


def prefix_offset_of(data: memoryview, platform_id: int) -> int:
    """Where the device of this platform looks for the prefix of the module that `data` begins with."""
    family = _FAMILY_OF.get(platform_id)
    if family is None or len(data) < _WORDS.size:
        return 0
    first, second = _WORDS.unpack_from(data)
    return family.offset if family.has_header(first, second) else 0


def locate(data: memoryview, platform_id: int | None = None) -> tuple[int, tuple[int, ...]]:
    """Find the prefix of the module that `data` starts with.

    With a platform, exactly the device's rule is applied. Without one, the rule of every family is, and accepted where the prefix
    names a platform of that family. Where none agrees (a broken module) the places are weighed by what else fits.

    Returns:
        Its offset and its fourteen numbers.

    Raises:
        NotAModule: nothing there resembles a module.
    """
    size = len(data)
    if platform_id is not None:
        offset = prefix_offset_of(data, platform_id)
        if offset + PREFIX_SIZE <= size and _plausible(fields := PREFIX.unpack_from(data, offset)):
            return offset, fields
        raise NotAModule(f"no prefix at {offset:#x}, where platform {platform_id} has it; {_impression(data)}")
    if size < PREFIX_SIZE:
        raise NotAModule(_impression(data))
    fields = PREFIX.unpack_from(data)
    if is_plain(fields):
        return 0, fields
    first, second = _WORDS.unpack_from(data)
    for family in FAMILIES:
        if family.has_header(first, second) and family.offset + PREFIX_SIZE <= size:
            behind = PREFIX.unpack_from(data, family.offset)
            if behind[5] in family.platforms and _plausible(behind):
                return family.offset, behind
    if _plausible(fields) and (fields[5] != 0 or fields[6] == ModuleFunction.ASSET):
        return 0, fields
    offset, evidence = _best_guess(data)
    if evidence < 3:
        raise NotAModule(_impression(data))
    return offset, PREFIX.unpack_from(data, offset)


def is_plain(fields: tuple[int, ...]) -> bool:
    """Whether the numbers at the very start of a file are a prefix beyond doubt: that of a module of a board, without anything before it.

    Its first word is neither a stack pointer of any family nor the first half of the RTL872x's signature.
    """
    first = fields[0]
    return (
        first & 0x2F000000 != 0x20000000
        and first != RTL_SIGNATURE[0]
        and fields[1] > first
        and 0 < fields[6] <= 9
        and fields[5] in KNOWN_PLATFORMS
        and fields[5] != 0
    )


def locate_in_memory(read: Callable[[int, int], bytes], address: int, platform_id: int) -> tuple[int, tuple[int, ...]] | None:
    """The same for a module at `address` of a device's memory; None when there is none.

    Args:
        read: returns `length` bytes at an address: `read(address, length)`.
        address: where the slot begins.
        platform_id: of the device.
    """
    try:
        return locate(memoryview(read(address, PREFIX_WINDOW)), platform_id)
    except NotAModule:
        return None


def _plausible(fields: tuple[int, ...]) -> bool:
    return fields[1] > fields[0] and 0 < fields[6] <= 9 and fields[5] in KNOWN_PLATFORMS


def _best_guess(data: memoryview) -> tuple[int, int]:
    """The offset with most evidence, and how much: a module with a damaged prefix or vector table must still be called a module."""
    best = (0, 0)
    size = len(data)
    for offset in _OFFSETS:
        if offset + PREFIX_SIZE + CRC_SIZE > size:
            continue
        fields = PREFIX.unpack_from(data, offset)
        start, end, platform, function = fields[0], fields[1], fields[5], fields[6]
        slots = slots_of(platform)
        points = (platform in KNOWN_PLATFORMS and platform != 0) + (function in _KNOWN_FUNCTIONS)
        points += 2 * any(start in slot.start_addresses for slot in slots if slot.start)
        points += any(slot.start < end <= slot.end for slot in slots)
        if end - start + CRC_SIZE == size:
            points += 2 + 2 * (crc32(data[:-CRC_SIZE]) == int.from_bytes(data[-CRC_SIZE:], "big"))
        if points > best[1]:
            best = (offset, points)
    return best


_SIGNATURES = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer: the file it stands for was not fetched (`git lfs pull` does)"),
    (b"\xff\xfe", "text in UTF-16; Intel HEX is plain ASCII"),
    (b"\xfe\xff", "text in UTF-16; Intel HEX is plain ASCII"),
    (b"DfuSe", "a DfuSe file (.dfu), which holds images with their addresses; the module is the .bin it was made of"),
    (b"UF2\n", "a UF2 file; the module is the .bin it was made of"),
    (b"S0", "text that may be Motorola S-records; Intel HEX or a binary can be read"),
    (b"\x7fELF", "an ELF file; the module is the .bin made of it"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b":", "text that may be Intel HEX"),
    (b"<", "text that may be HTML or XML"),
    (b"{", "text that may be JSON"),
)


def _impression(data: memoryview) -> str:
    """What the bytes look like, for the error."""
    if not data:
        return "the file is empty"
    head = bytes(data[:64])
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return f"it looks like {name}"
    for filler, name in ((0xFF, "erased flash"), (0, "zeros")):
        if head.count(filler) == len(head):
            return f"it begins with {len(head)} bytes {filler:02x} ({name})"
    if len(data) < PREFIX_SIZE:
        return f"{len(data)} bytes are too few for a prefix of {PREFIX_SIZE}"
    first, second = _WORDS.unpack_from(data)
    for family in FAMILIES:
        if family.has_header(first, second):
            if len(data) < family.offset + PREFIX_SIZE:
                return f"it begins as a module for {family.name}, but ends after {len(data)} bytes, before the prefix"
            return f"it begins with a vector table or header as the {family.name} family has, but no module's prefix follows it"
    return f"no prefix at any of the places {', '.join(f'{offset:#x}' for offset in _OFFSETS)}; first word {first:#010x}"
