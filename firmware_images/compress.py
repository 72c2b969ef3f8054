"""Modules whose data is deflated.

```
prefix [extensions] | header size u16, method u8, window bits u8, original size u32 | raw deflate stream | suffix | CRC
```
The prefix moves to the start of the file even where a vector table preceded it, and the end address tells the size of the file, not of
what lands in flash. What the stream holds: the whole original file, or only its body when the module's own information is dropped on the
target (Device OS 6.2.0, dynalib/inc/module_info.h:184-212; platform/MCU/nRF52840/src/flash_mal.c:248-261 and :407-426).

A stream that claims to become larger than any region of any board, or any asset, is not inflated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from firmware_images.draft import Draft, usual_rule
from firmware_images.errors import CompressionError
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.module import Module, ShaRule, read_module

HEADER = struct.Struct("<HBBI")
MAX_INFLATED: Final = 0x200000
"""Largest region of any platform, in bytes: nothing longer can be meant for a board."""
MAX_ASSET: Final = 0x800000
"""Largest plain content of an asset, in bytes. It stays deflated in the board's storage of 2 MiB, so it may be larger than that."""
_RAW_DEFLATE: Final = 0
_CHUNK: Final = 0x10000
_SAME_PREFIX: Final = ("start_address", "mcu_target", "version", "platform_id", "function", "index", "dependency", "dependency2")
_SAME_SUFFIX: Final = ("product_id", "product_version")
"""What a compressed module tells of the one in it."""


@dataclass(frozen=True, slots=True)
class CompressedHeader:
    """What precedes the stream.

    Attributes:
        size: of this header; anything beyond eight bytes is skipped.
        method: 0, raw deflate.
        window_bits: 8 to 15; 0 stands for 15.
        original_size: bytes once inflated.
    """

    size: int
    method: int
    window_bits: int
    original_size: int

    def encode(self) -> bytes:
        """The eight bytes."""
        return HEADER.pack(self.size, self.method, self.window_bits, self.original_size)


def compressed_header(module: Module) -> CompressedHeader:
    """Read and judge the header of a compressed module.

    Raises:
        CompressionError: the module is not compressed, not whole, or its header says what cannot be.
    """
    suffix = module.suffix
    if not module.prefix.flags & ModuleFlag.COMPRESSED:
        raise CompressionError("the module is not compressed")
    if suffix is None or module.prefix_extensions.problem is not None:
        raise CompressionError("the module cannot be read far enough to find its compressed data")
    start, end = module.body_offset, module.module_length - suffix.size
    if end - start < HEADER.size:
        raise CompressionError(f"{end - start} bytes are too few for the header of the compressed data, which takes {HEADER.size}")
    header = CompressedHeader(*HEADER.unpack_from(module.data, start))
    if not HEADER.size <= header.size <= end - start:
        raise CompressionError(f"the header of the compressed data claims {header.size} bytes; expected {HEADER.size} to {end - start}")
    if header.method != _RAW_DEFLATE:
        raise CompressionError(f"compression method {header.method} is not known; expected 0, raw deflate")
    if header.window_bits and not 8 <= header.window_bits <= 15:
        raise CompressionError(f"a window of {header.window_bits} bits cannot be; expected 8 to 15, or 0 for 15")
    if header.original_size > (limit := _limit(module)):
        raise CompressionError(f"the data claims to inflate to {header.original_size} bytes; no board has room for more than {limit}")
    return header


def inflated_chunks(module: Module) -> Iterator[bytes]:
    """The inflated data in pieces of at most 64 KiB.

    Raises:
        CompressionError: from the header, or because the stream is damaged, ends early, goes on, or has another size than claimed.
    """
    header = compressed_header(module)
    suffix = module.suffix
    assert suffix is not None
    window = header.window_bits or 15
    inflater = zlib.decompressobj(wbits=-max(window, 9))
    feed: bytes | memoryview = module.data[module.body_offset + header.size : module.module_length - suffix.size]
    left = header.original_size
    while not inflater.eof:
        try:
            chunk = inflater.decompress(feed, min(_CHUNK, left + 1))
        except zlib.error as reason:
            raise CompressionError(f"the compressed data is damaged: {reason}") from None
        left -= len(chunk)
        if left < 0:
            raise CompressionError(f"the data inflates to more than the {header.original_size} bytes it claims")
        if chunk:
            yield chunk
        elif not inflater.eof:
            raise CompressionError(f"the compressed data ends {left} bytes early")
        feed = inflater.unconsumed_tail
    if left:
        raise CompressionError(f"the data inflates to {header.original_size - left} bytes, and claims {header.original_size}")
    if inflater.unused_data:
        raise CompressionError(f"{len(inflater.unused_data)} bytes follow the end of the compressed data")


def inflate_module(module: Module) -> bytes:
    """The module as it was before it was compressed.

    Raises:
        CompressionError: see `inflated_chunks`.
    """
    data = b"".join(inflated_chunks(module))
    if not module.prefix.flags & ModuleFlag.DROP_MODULE_INFO:
        return data
    draft = Draft.of(module)
    prefix = replace(draft.prefix, flags=draft.prefix.flags.without(ModuleFlag.COMPRESSED))
    rule = ShaRule.WHOLE if module.sha_rule is ShaRule.BODY else usual_rule(prefix)
    return replace(draft, prefix=prefix, body=data, rule=rule).encode()


def compress_module(module: Module, *, level: int = 9, window_bits: int = 0) -> bytes:
    """The module with its data deflated.

    Args:
        module: not compressed yet.
        level: of compression, 1 to 9.
        window_bits: 9 to 15, or 0 for the format's default of 15.

    Raises:
        CompressionError: it is compressed already, larger than any region, or wants its information dropped from behind a vector table.
        EditRefused: it is not whole.
    """
    flags = module.prefix.flags
    if flags & ModuleFlag.COMPRESSED:
        raise CompressionError("the module is compressed already")
    if flags & ModuleFlag.COMBINED:
        raise CompressionError("another module follows this one; split them first")
    if flags & ModuleFlag.DROP_MODULE_INFO and module.prefix_offset:
        raise CompressionError("the prefix lies behind a vector table, so its information cannot be dropped")
    draft = Draft.of(module)
    source = draft.body if flags & ModuleFlag.DROP_MODULE_INFO else module.content
    if len(source) > (limit := _limit(module)):
        raise CompressionError(f"{len(source)} bytes are more than any board has room for, {limit}")
    deflater = zlib.compressobj(level, wbits=-(window_bits or 15))
    stream = deflater.compress(source) + deflater.flush()
    header = CompressedHeader(HEADER.size, _RAW_DEFLATE, window_bits, len(source))
    return replace(
        draft,
        header=b"",
        prefix=replace(draft.prefix, flags=flags | ModuleFlag.COMPRESSED),
        body=header.encode() + stream,
        rule=_rule_of_compressed(draft),
        grows_left=False,
    ).encode()


def _rule_of_compressed(draft: Draft) -> ShaRule:
    """The rule by which a compressed module is signed: over the whole, save where that would leave open how the plain one was.

    Of a module whose information is dropped the stream holds the body alone, and not its digest. Mostly that covers the body (radio
    stacks); some builds sign the whole file all the same. Only those are signed over the body when they are compressed, which is how
    `inflate_module` knows them again.
    """
    by_body = draft.prefix.flags & ModuleFlag.DROP_MODULE_INFO and usual_rule(draft.prefix) is ShaRule.BODY
    return ShaRule.BODY if by_body and draft.rule is ShaRule.WHOLE else ShaRule.WHOLE


def _limit(module: Module) -> int:
    """Bytes that inflated data may have."""
    return MAX_ASSET if module.prefix.function is ModuleFunction.ASSET else MAX_INFLATED


def inflated_problem(module: Module) -> str | None:
    """What is wrong with the inflated data of a compressed module, seen without keeping it; None when nothing is.

    Where the stream holds a whole module, that is what will run: its CRC must be right, and the prefix and the product that the file tells
    must be its own.
    """
    chunks = inflated_chunks(module)
    if module.prefix.flags & ModuleFlag.DROP_MODULE_INFO:
        for _ in chunks:
            pass
        return None
    inner = read_module(b"".join(chunks))
    if not inner.crc_ok or inner.trailing:
        return "what is inflated is no whole module with a right CRC"
    changed = [
        name.replace("_", " ")
        for here, there, names in ((module.prefix, inner.prefix, _SAME_PREFIX), (module.suffix, inner.suffix, _SAME_SUFFIX))
        for name in names
        if getattr(here, name, None) != getattr(there, name, None)
    ]
    return f"the inflated module, which is what will run, has another {', '.join(changed)} than the file tells" if changed else None
