"""Images as memory: modules laid where they belong, and memory from a HEX text put into a binary again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def with_module(image: Image, number: int, changed: bytes) -> tuple[Segment, ...]:
    """The memory of a file with another module in place of one: at the same address, or where its start address has moved to.

    Args:
        image: a HEX file's; of another one only its modules count.
        number: of the module, from 0.
        changed: the other module.

    Raises:
        EditRefused: it would lie on something else.
    """
    start = read_module(changed).prefix.start_address
    if image.kind is not ImageKind.HEX:
        kept = [module for at, module in enumerate(image.modules) if at != number]
        return _apart((*laid_out(kept), Segment(start, changed)))
    old, address = image.modules[number], image.addresses[number]
    end = address + len(old.content)
    if start == old.prefix.start_address:
        start = address
    pieces = [Segment(start, changed)]
    for segment in image.segments:
        view = memoryview(segment.data)
        if segment.address <= address < segment.end:
            pieces += (Segment(segment.address, view[: address - segment.address]), Segment(end, view[end - segment.address :]))
        else:
            pieces.append(segment)
    return _apart(piece for piece in pieces if piece.data)


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
