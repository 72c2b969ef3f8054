"""What differs between two modules: field by field, record by record, and where in the body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import zip_longest
from typing import Final

from firmware_images.extension_contents import content_of
from firmware_images.extensions import Extension, ExtensionList
from firmware_images.module import Module

MAX_RANGES: Final = 32
_STEP: Final = 4096
_MERGE: Final = 16


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Attributes:
        what: name of the field, record or range.
        left: in the first module, as text; None where it is not there.
        right: in the second.
    """

    what: str
    left: str | None
    right: str | None

    def __str__(self) -> str:
        return f"{self.what}: {'nothing' if self.left is None else self.left} -> {'nothing' if self.right is None else self.right}"


def diff_modules(left: Module, right: Module) -> list[Difference]:
    """Everything that differs, in the order of the file. Empty when the modules are the same, whatever follows them."""
    found = [
        Difference(each.name.replace("_", " "), _text(getattr(left.prefix, each.name)), _text(getattr(right.prefix, each.name)))
        for each in fields(left.prefix)
        if getattr(left.prefix, each.name) != getattr(right.prefix, each.name)
    ]
    if left.prefix_offset != right.prefix_offset:
        found.append(Difference("prefix offset", f"{left.prefix_offset:#x}", f"{right.prefix_offset:#x}"))
    found += _records("prefix", left.prefix_extensions, right.prefix_extensions)
    found += _bodies(left, right)
    found += _records("suffix", left.suffix_extensions, right.suffix_extensions)
    for name in ("product_id", "product_version", "reserved", "size", "sha256"):
        pair = [None if module.suffix is None else getattr(module.suffix, name) for module in (left, right)]
        if pair[0] != pair[1]:
            found.append(Difference(name.replace("_", " "), *(None if value is None else _text(value) for value in pair)))
    if left.stored_crc != right.stored_crc:
        found.append(Difference("crc", *(None if crc is None else f"{crc:08x}" for crc in (left.stored_crc, right.stored_crc))))
    return found


def differing_ranges(left: memoryview, right: memoryview) -> Iterator[tuple[int, int]]:
    """Ranges (start, end) in which two buffers of any lengths differ; ranges that nearly touch are told as one."""
    open_range: tuple[int, int] | None = None
    for at in _differing_bytes(left, right):
        if open_range is not None and at - open_range[1] <= _MERGE:
            open_range = (open_range[0], at + 1)
            continue
        if open_range is not None:
            yield open_range
        open_range = (at, at + 1)
    common, longest = min(len(left), len(right)), max(len(left), len(right))
    if open_range is not None and (common == longest or common - open_range[1] > _MERGE):
        yield open_range
        open_range = None
    if common != longest:
        yield (common if open_range is None else open_range[0], longest)


def _differing_bytes(left: memoryview, right: memoryview) -> Iterator[int]:
    common = min(len(left), len(right))
    for start in range(0, common, _STEP):
        end = min(start + _STEP, common)
        if left[start:end] != right[start:end]:
            yield from (start + at for at, (one, other) in enumerate(zip(left[start:end], right[start:end], strict=True)) if one != other)


def _bodies(left: Module, right: Module) -> Iterator[Difference]:
    views = []
    for module in (left, right):
        end = module.module_length if module.suffix is None else module.module_length - module.suffix.size
        views.append(module.data[module.body_offset : max(end, module.body_offset)])
    sizes = [len(view) for view in views]
    if sizes[0] != sizes[1]:
        yield Difference("body size", *(f"{size} bytes" for size in sizes))
    count = changed = 0
    for start, end in differing_ranges(*views):
        count += 1
        changed += end - start
        if count <= MAX_RANGES:
            yield Difference(f"body {start:#x}-{end:#x}", _bytes(views[0][start:end]), _bytes(views[1][start:end]))
    if count > MAX_RANGES:
        yield Difference(f"body, {count} ranges in all", f"{changed} bytes", "other bytes")


def _records(where: str, left: ExtensionList, right: ExtensionList) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip_longest(left.items, right.items), 1):
        if one != other:
            yield Difference(f"{where} extension {number}", _record(one), _record(other))


def _record(extension: Extension | None) -> str | None:
    if extension is None:
        return None
    try:
        return str(content_of(extension))
    except ValueError as reason:
        return f"{extension.type} {reason}"


def _bytes(view: memoryview) -> str | None:
    if not view:
        return None
    return bytes(view[:8]).hex(" ") + (f" ... ({len(view)} bytes)" if len(view) > 8 else "")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:#x}" if isinstance(value, int) and type(value) is int and value > 0xFFFF else str(value)
