"""The module format as `construct` declarations: the whole of it in one place, for reading, for other tools, and as a second opinion.

The library itself reads with `struct`, which is faster and starts sooner (nothing else here imports `construct`); property tests prove
that both see the same. Sources: Device OS 6.2.0, dynalib/inc/module_info.h:36-339 and, for the image header of the RTL872x,
platform/MCU/rtl872x/inc/rtl_header.h:25-41.
"""

from __future__ import annotations

import construct as c

DEPENDENCY = c.Struct("function" / c.Int8ul, "index" / c.Int8ul, "version" / c.Int16ul)

PREFIX = c.Struct(
    "start_address" / c.Int32ul,
    "end_address" / c.Int32ul,
    "mcu_target" / c.Int8ul,
    "flags" / c.FlagsEnum(c.Int8ul, DROP_MODULE_INFO=0x01, COMPRESSED=0x02, COMBINED=0x04, ENCRYPTED=0x08, PREFIX_EXTENSIONS=0x10),
    "version" / c.Int16ul,
    "platform_id" / c.Int16ul,
    "function" / c.Int8ul,
    "index" / c.Int8ul,
    "dependency" / DEPENDENCY,
    "dependency2" / DEPENDENCY,
)
"""24 bytes."""

EXTENSION = c.Struct("type" / c.Int16ul, "length" / c.Int16ul, "payload" / c.Bytes(c.this.length - 4))
"""The length counts the four bytes of its own header."""

PREFIX_EXTENSIONS = c.RepeatUntil(lambda record, records, context: record.type == 0, EXTENSION)
"""After the prefix, when its flag says so; ends with a record of type 0."""

BASE_SUFFIX = c.Struct("reserved" / c.Int16ul, "sha256" / c.Bytes(32), "size" / c.Int16ul)
"""36 bytes; `size` counts itself, and all of the suffix above."""

SUFFIX_WITH_PRODUCT = c.Struct("product_id" / c.Int16ul, "product_version" / c.Int16ul, "base" / BASE_SUFFIX)
"""40 bytes: what most modules end with."""

SUFFIX_WITH_LONG_PRODUCT = c.Struct("product_id" / c.Int32ul, "product_version" / c.Int16ul, "base" / BASE_SUFFIX)
"""42 bytes: a short-lived form."""

PRODUCT_DATA = c.Struct("filler" / c.Int16ul, "product_id" / c.Int16ul, "product_version" / c.Int16ul)
DYNAMIC_LOCATION = c.Struct("module_start_address" / c.Int32ul, "dynalib_load_address" / c.Int32ul, "dynalib_start_address" / c.Int32ul)
EXTENSION_DEPENDENCY = c.Struct("function" / c.Int8ul, "index" / c.Int8ul, "version" / c.Int16ul, "target_id" / c.Int32ul)
HASH = c.Struct("hash_type" / c.Int8ul, "digest" / c.Prefixed(c.Int8ul, c.GreedyBytes))
ASSET_DEPENDENCY = c.Struct("hash_type" / c.Int8ul, "digest" / c.Prefixed(c.Int8ul, c.GreedyBytes), "name" / c.GreedyString("utf8"))
SECURITY_MODE = c.Struct("mode" / c.Int8ul, "certificate" / c.GreedyBytes)
ASSET_TYPE = c.Struct("asset_type" / c.Int8ul, "reserved" / c.Int8ul)
NAME = c.GreedyString("utf8")

COMPRESSED_HEADER = c.Struct("size" / c.Int16ul, "method" / c.Int8ul, "window_bits" / c.Int8ul, "original_size" / c.Int32ul)

RTL_HEADER = c.Struct(
    "signature" / c.Const(bytes.fromhex("999996963fcc66fc")),
    "size" / c.Int32ul,
    "load_address" / c.Int32ul,
    "sboot_address" / c.Int32ul,
    "reserved" / c.Int32ul,
    "reserved2" / c.Int64ul,
)
"""32 bytes before the prefix of an RTL872x bootloader."""

CRC = c.Int32ub
"""After the suffix, at the end address; the one big-endian number of the format."""

PLAIN_MODULE = c.Struct(
    "prefix" / PREFIX,
    "body" / c.Bytes(c.this.prefix.end_address - c.this.prefix.start_address - PREFIX.sizeof() - SUFFIX_WITH_PRODUCT.sizeof()),
    "suffix" / SUFFIX_WITH_PRODUCT,
    "crc" / CRC,
)
"""A user part without extensions: the simplest whole module."""
