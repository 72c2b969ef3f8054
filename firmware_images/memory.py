"""Images as memory: modules laid where they belong, and memory from a HEX text put into a binary again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from firmware_images.errors import EditRefused
from firmware_images.fields import ModuleFlag
from firmware_images.hexfile import Segment
from firmware_images.image import Image, ImageKind
from firmware_images.module import Module, read_module


def laid_out(modules: Sequence[Module]) -> tuple[Segment, ...]:
    """The modules as memory, each at its start address, lowest first.

    Raises:
        EditRefused: two of them would lie on each other.
    """
    return _apart(Segment(module.prefix.start_address, module.content) for module in modules)


def with_modules(image: Image, changed: Mapping[int, bytes]) -> tuple[Segment, ...]:
    """The memory of a file with other modules in place of some: each at the same address, or where its start address has moved to.

    Args:
        image: a HEX file's; of another one only its modules count.
        changed: the other modules, by the number of the one that goes, from 0.

    Raises:
        EditRefused: one would lie on something else.
    """
    starts = {number: read_module(data).prefix.start_address for number, data in changed.items()}
    if image.kind is not ImageKind.HEX:
        kept = [module for number, module in enumerate(image.modules) if number not in changed]
        return _apart((*laid_out(kept), *(Segment(starts[number], data) for number, data in changed.items())))
    pieces = image.pieces
    for number in changed:
        old, address = image.modules[number], image.addresses[number]
        pieces = tuple(_without(pieces, address, address + len(old.content)))
        if starts[number] == old.prefix.start_address:
            starts[number] = address
    return _apart((*pieces, *(Segment(starts[number], data) for number, data in changed.items())))


def _without(pieces: Iterable[Segment], start: int, end: int) -> Iterator[Segment]:
    """What the pieces have outside of a range."""
    for piece in pieces:
        if piece.end <= start or piece.address >= end:
            yield piece
            continue
        view = memoryview(piece.data)
        if piece.address < start:
            yield Segment(piece.address, view[: start - piece.address])
        if piece.end > end:
            yield Segment(end, view[end - piece.address :])


def as_binary(image: Image, contents: Sequence[bytes | memoryview]) -> bytes:
    """The modules of a HEX file in one binary.

    Args:
        image: the file.
        contents: of its modules; those in the file, or changed ones.

    Raises:
        EditRefused: there are several, and they neither follow each other in memory nor announce each other.
    """
    modules = image.modules
    for (address, module), (following, _) in pairwise(zip(image.addresses, modules, strict=True)):
        if address + module.size != following and not module.prefix.flags & ModuleFlag.COMBINED:
            where = ", ".join(f"{at:#x}" for at in image.addresses)
            raise EditRefused(
                f"the {len(modules)} modules lie apart (at {where}); a binary has no addresses to tell so: choose one of them"
            )
    return b"".join(contents)


def _apart(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments, lowest first, once none lies on another."""
    found = tuple(sorted(segments, key=lambda each: each.address))
    for one, other in pairwise(found):
        if one.end > other.address:
            raise EditRefused(f"{len(one.data)} bytes at {one.address:#x} would lie on those at {other.address:#x}")
    return found
