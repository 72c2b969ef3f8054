"""The struct path reads and writes what the construct declarations say."""

from __future__ import annotations

import construct
from hypothesis import given
from hypothesis import strategies as st

from firmware_images import layouts
from firmware_images.build import build_module
from firmware_images.compress import CompressedHeader
from firmware_images.extension_contents import (
    AssetDependency,
    AssetType,
    DynamicLocation,
    ExtensionDependency,
    Hash,
    ProductData,
    SecurityMode,
)
from firmware_images.extensions import Extension, ExtensionType, read_extensions
from firmware_images.fields import BASE_SUFFIX, PREFIX_SIZE, Dependency, ModuleFlag, ModuleFunction, Prefix
from firmware_images.locate import RTL_SIGNATURE
from firmware_images.module import read_module

u8, u16, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
dependencies = st.builds(Dependency, u8.map(ModuleFunction), u8, u16)
prefixes = st.builds(Prefix, u32, u32, u8, u8.map(ModuleFlag), u16, u16, u8.map(ModuleFunction), u8, dependencies, dependencies)
payloads = st.binary(max_size=40)


@given(data=st.binary(min_size=PREFIX_SIZE, max_size=PREFIX_SIZE))
def test_any_24_bytes_are_the_same_prefix_to_both(data: bytes) -> None:
    ours, theirs = Prefix.decode(data), layouts.PREFIX.parse(data)
    assert (ours.start_address, ours.end_address, ours.mcu_target) == (theirs.start_address, theirs.end_address, theirs.mcu_target)
    assert (ours.version, ours.platform_id, ours.function, ours.index) == (
        theirs.version,
        theirs.platform_id,
        theirs.function,
        theirs.index,
    )
    for mine, other in ((ours.dependency, theirs.dependency), (ours.dependency2, theirs.dependency2)):
        assert (mine.function, mine.index, mine.version) == (other.function, other.index, other.version)
    assert {flag.name for flag in ModuleFlag if flag in ours.flags} == {flag.name for flag in ModuleFlag if theirs.flags.get(flag.name)}
    assert ours.encode() == data


@given(prefix=prefixes)
def test_a_prefix_survives_being_written(prefix: Prefix) -> None:
    assert Prefix.decode(prefix.encode()) == prefix


@given(data=st.binary(min_size=36, max_size=36))
def test_any_36_bytes_are_the_same_base_suffix_to_both(data: bytes) -> None:
    theirs = layouts.BASE_SUFFIX.parse(data)
    assert BASE_SUFFIX.unpack(data) == (theirs.reserved, theirs.sha256, theirs.size)


@given(records=st.lists(st.builds(Extension, st.sampled_from([1, 2, 3, 0x10, 0x77]).map(ExtensionType), payloads), max_size=5))
def test_records_are_walked_alike(records: list[Extension]) -> None:
    data = b"".join(record.encode() for record in [*records, Extension(ExtensionType.END, bytes(3))])
    ours = read_extensions(memoryview(data + b"rest"), 0, len(data) + 4)
    theirs = layouts.PREFIX_EXTENSIONS.parse(data + b"rest")
    assert [(item.type, item.payload) for item in ours.items] == [(item.type, item.payload) for item in theirs]
    assert ours.size == len(data)


@given(payload=payloads)
def test_what_records_hold_is_the_same_to_both(payload: bytes) -> None:
    pairs = (
        (ProductData, layouts.PRODUCT_DATA),
        (DynamicLocation, layouts.DYNAMIC_LOCATION),
        (ExtensionDependency, layouts.EXTENSION_DEPENDENCY),
        (Hash, layouts.HASH),
        (AssetDependency, layouts.ASSET_DEPENDENCY),
        (SecurityMode, layouts.SECURITY_MODE),
        (AssetType, layouts.ASSET_TYPE),
    )
    for ours, layout in pairs:
        try:
            mine = ours.decode(payload)
        except ValueError:
            continue
        try:
            theirs = layout.parse(payload)
        except construct.StreamError:
            assert ours is AssetType
            continue
        fields = {name: value for name, value in theirs.items() if not name.startswith(("_", "reserved"))}
        assert fields == {name: getattr(mine, name) for name in fields}


def test_a_whole_module_is_declared() -> None:
    data = build_module(6, ModuleFunction.USER_PART, 1, 3, body=b"abc", product_id=9, product_version=8)
    theirs, ours = layouts.PLAIN_MODULE.parse(data), read_module(data)
    assert theirs.body == b"abc"
    assert (theirs.suffix.product_id, theirs.suffix.product_version) == (9, 8)
    assert theirs.crc == ours.stored_crc == ours.computed_crc
    assert layouts.PLAIN_MODULE.build(theirs) == data


def test_headers_are_declared() -> None:
    header = layouts.RTL_HEADER.parse(build_module(32, ModuleFunction.BOOTLOADER, 0))
    assert header.load_address == 0x08004020
    assert int.from_bytes(header.signature[:4], "little") == RTL_SIGNATURE[0]
    assert int.from_bytes(header.signature[4:], "little") == RTL_SIGNATURE[1]
    assert layouts.COMPRESSED_HEADER.parse(CompressedHeader(8, 0, 15, 1000).encode()).original_size == 1000
