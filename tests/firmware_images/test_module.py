"""Reading modules: golden bytes, and modules built here."""

from __future__ import annotations

import hashlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.build import build_module
from firmware_images.checks import Target, check_module
from firmware_images.edit import Changes, edit_module
from firmware_images.errors import BuildRefused, NotAModule
from firmware_images.extension_contents import AssetDependency, Name, content_of
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction, Prefix
from firmware_images.findings import FindingName, is_sound
from firmware_images.module import Module, ShaRule, module_in_memory, read_module

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART

USER_PART_BY_HAND = bytes.fromhex("00000a0840000a0800000300060005010402060000000000") + bytes.fromhex("060002000000")


def by_hand() -> bytes:
    """A Photon user part of 68 bytes without a body, put together from the layout alone."""
    covered = USER_PART_BY_HAND
    data = covered + hashlib.sha256(covered).digest() + struct.pack("<H", 40)
    return data + struct.pack(">I", zlib.crc32(data))


def test_a_user_part_put_together_by_hand_is_read_field_by_field() -> None:
    module = read_module(by_hand())
    assert module.prefix == Prefix(
        0x080A0000, 0x080A0040, 0, ModuleFlag(0), 3, 6, USER, 1, Dependency(SYSTEM, 2, 6), Dependency(ModuleFunction.NONE, 0, 0)
    )
    assert module.prefix.dependencies == (Dependency(SYSTEM, 2, 6),)
    assert module.module_length == 64
    assert module.size == len(by_hand())
    suffix = module.suffix
    assert suffix is not None
    assert (suffix.product_id, suffix.product_version, suffix.size, suffix.reserved) == (6, 2, 40, 0)
    assert module.crc_ok
    assert module.sha_rule is ShaRule.WHOLE
    assert [finding.name for finding in check_module(module)] == [FindingName.PRODUCT_WILDCARD]


def test_a_user_part_is_built_as_by_hand() -> None:
    assert build_module(6, USER, 1, 3, dependencies=[Dependency(SYSTEM, 2, 6)], product_id=6, product_version=2) == by_hand()


@pytest.mark.parametrize(
    ("platform", "function", "index", "offset", "start"),
    [
        (0, ModuleFunction.MONOLITHIC, 0, 0x10C, 0x08005000),
        (6, BOOTLOADER, 0, 0x184, 0x08000000),
        (6, SYSTEM, 1, 0x184, 0x08020000),
        (6, SYSTEM, 2, 0x184, 0x08060000),
        (6, USER, 1, 0, 0x080A0000),
        (6, ModuleFunction.MONOLITHIC, 0, 0x184, 0x08020000),
        (8, SYSTEM, 2, 0x184, 0x08060000),
        (10, SYSTEM, 3, 0, 0x08060000),
        (10, SYSTEM, 1, 0x184, 0x08020000),
        (12, BOOTLOADER, 0, 0x200, 0xF4000),
        (13, SYSTEM, 1, 0x200, 0x30000),
        (13, USER, 2, 0, 0xB4000),
        (26, ModuleFunction.RADIO_STACK, 0, 0, 0x1000),
        (32, BOOTLOADER, 0, 0x20, 0x08004000),
        (32, BOOTLOADER, 1, 0x20, 0x08000000),
        (32, BOOTLOADER, 2, 0, 0x08014000),
        (35, SYSTEM, 1, 0, 0x08060000),
    ],
)
def test_the_prefix_of_every_family_is_found_where_the_device_looks(
    platform: int, function: ModuleFunction, index: int, offset: int, start: int
) -> None:
    data = build_module(platform, function, index, 7, body=b"body")
    for module in (read_module(data), read_module(data, platform_id=platform)):
        assert module.prefix_offset == offset
        assert module.prefix.start_address == start
        assert (module.prefix.function, module.prefix.index, module.prefix.version) == (function, index, 7)
        assert check_module(module) == ()


def test_co_processor_firmware_names_its_processor() -> None:
    data = build_module(12, ModuleFunction.NCP, 0, 7, body=b"body", mcu_target=33)
    assert read_module(data).prefix.mcu_target == 33
    assert check_module(read_module(data)) == ()


def test_a_p2_user_part_ends_at_its_fixed_address_and_starts_aligned() -> None:
    module = read_module(build_module(32, USER, 1, 6, body=b"x" * 101, product_version=4, product_id=32))
    assert module.prefix.end_address == 0x08600000 - 4
    assert module.prefix.start_address % 8 == 0
    suffix = module.suffix
    assert suffix is not None
    assert (suffix.size, suffix.product_id, suffix.product_version) == (62, 32, 4)
    assert [str(item.type) for item in module.suffix_extensions.items] == ["dynamic location", "product data"]
    assert is_sound(check_module(module))


def test_radio_stacks_are_signed_over_their_body_alone_and_have_no_product() -> None:
    data = build_module(12, ModuleFunction.RADIO_STACK, 0, 202, body=b"softdevice", flags=ModuleFlag.DROP_MODULE_INFO)
    module = read_module(data)
    suffix = module.suffix
    assert suffix is not None
    assert module.sha_rule is ShaRule.BODY
    assert suffix.sha256 == hashlib.sha256(b"softdevice").digest()
    assert (suffix.size, suffix.product_id, suffix.product_version) == (36, None, None)


def test_the_crc_is_over_the_declared_length_so_padding_is_no_error() -> None:
    module = read_module(by_hand() + b"\xff" * 100)
    assert module.crc_ok
    assert bytes(module.trailing) == b"\xff" * 100
    assert bytes(module.content) == by_hand()


def test_extensions_are_read_in_prefix_and_suffix() -> None:
    asset = AssetDependency("logo.png", bytes(range(32)))
    data = build_module(13, USER, 2, 6, suffix_extensions=[Name("x").encode(), asset.encode()], product_id=9, product_version=5)
    module = read_module(data)
    suffix = module.suffix
    assert suffix is not None
    assert (suffix.product_id, suffix.product_version) == (9, 5)
    assert [content_of(item) for item in module.suffix_extensions.items[:2]] == [Name("x"), asset]
    assert module.suffix_extensions.ended
    assert check_module(module) == ()
    grown = read_module(build_module(32, USER, 1, 6, prefix_extensions=[asset.encode()]))
    assert content_of(grown.prefix_extensions.items[0]) == asset
    assert grown.prefix.flags == ModuleFlag.PREFIX_EXTENSIONS
    assert check_module(grown) == ()


def test_a_module_in_a_devices_memory_is_found_and_not_read_beyond_its_slot() -> None:
    flash = bytearray(b"\xff" * 0x100000)
    data = build_module(6, SYSTEM, 2, 2101, body=b"code" * 100)
    flash[0x60000 : 0x60000 + len(data)] = data
    asked: list[int] = []

    def read(address: int, length: int) -> bytes:
        asked.append(address + length)
        return bytes(flash[address - 0x08000000 : address - 0x08000000 + length])

    module = module_in_memory(read, 0x08060000, 0x080A0000, 6)
    assert module is not None
    assert module.crc_ok
    assert module.prefix.version == 2101
    assert max(asked) <= 0x080A0000
    assert module_in_memory(read, 0x080A0000, 0x080C0000, 6) is None
    asked.clear()
    flash[0x60188:0x6018C] = b"\xff\xff\xff\xff"
    broken = module_in_memory(read, 0x08060000, 0x080A0000, 6)
    assert broken is not None
    assert not broken.crc_ok
    assert max(asked) <= 0x080A0000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x7fELF" + bytes(100), "ELF"),
        (b"<!DOCTYPE html><html><body>" + b" " * 100, "HTML"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"\xff" * 1000, "erased flash"),
        (bytes(1000), "zeros"),
        (b"\xa5", "too few"),
        (struct.pack("<II", 0x20020000, 0x08000201) + bytes(0x300), "vector table"),
        (struct.pack("<II", 0x20020000, 0x08000201) + bytes(0x100), "before the prefix"),
        (bytes(range(1, 200)), "no prefix"),
    ],
)
def test_what_is_no_module_is_told_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(NotAModule, match=reason):
        read_module(data)


def test_every_flipped_byte_of_a_module_is_noticed() -> None:
    for whole in (by_hand(), build_module(6, BOOTLOADER, 0, 1005, body=b"boot"), build_module(32, USER, 1, 6, body=b"user")):
        for at in range(len(whole)):
            data = bytearray(whole)
            data[at] ^= 0x55
            module = read_module(data)
            assert check_module(module) != (), at


def test_every_truncation_is_noticed_without_a_traceback() -> None:
    for whole in (by_hand(), build_module(6, BOOTLOADER, 0, 1005, body=b"boot"), build_module(32, USER, 1, 6, body=b"user")):
        for length in range(len(whole)):
            try:
                module = read_module(whole[:length])
            except NotAModule:
                continue
            names = {finding.name for finding in check_module(module)}
            assert FindingName.TRUNCATED in names
            assert not module.crc_ok
            assert module.suffix is None


def touch(module: Module) -> None:
    """Look at everything a module offers."""
    for name in dir(module):
        if not name.startswith("_") and name != "sha256_over":
            getattr(module, name)
    check_module(module, Target(platform_id=6, installed=(), protected=True))
    str(module.prefix)
    repr(module)


@given(data=st.binary(max_size=600), platform=st.sampled_from([None, 6, 13, 32]))
def test_random_bytes_are_read_or_refused(data: bytes, platform: int | None) -> None:
    try:
        module = read_module(data, platform_id=platform)
    except NotAModule:
        return
    touch(module)


@given(changes=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), min_size=1, max_size=6))
def test_modules_with_random_changes_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    asset = AssetDependency("a", bytes(32)).encode()
    data = bytearray(build_module(32, USER, 1, 6, prefix_extensions=[asset], body=bytes(30)))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        module = read_module(data)
    except NotAModule:
        return
    touch(module)


@pytest.mark.parametrize(
    ("platform", "function", "options", "said"),
    [
        (999, 5, {}, "platform 999 is not known"),
        (6, 12, {}, "module function 12 does not exist"),
        (6, 0, {}, "module function 0 does not exist"),
        (6, 5, {"index": 7}, r"platform 6 \(photon\) has no place for user part 7; it has for bootloader 0, .*, user part 1"),
        (42, 5, {}, "none that is known here"),
        (6, 5, {"version": 70000}, "version 70000 does not fit its field: 0 to 65535"),
        (13, 8, {"product_id": 5}, "a radio stack has no product id"),
        (32, 5, {"start_address": 0x08500000}, "fixed end, 0x8600000"),
        (6, 5, {"flags": ModuleFlag.COMPRESSED}, "comes with the compression"),
        (6, 5, {"flags": ModuleFlag.PREFIX_EXTENSIONS}, "comes with the extensions"),
    ],
)
def test_a_module_there_is_no_place_for_is_refused(platform: int, function: int, options: dict[str, int], said: str) -> None:
    with pytest.raises(BuildRefused, match=said):
        build_module(platform, function, **options)


def test_what_cannot_be_built_is_refused_with_the_reason() -> None:
    with pytest.raises(BuildRefused, match="no place"):
        build_module(6, SYSTEM, 3)
    with pytest.raises(BuildRefused, match="region is 0x80a0000-0x80c0000"):
        build_module(6, USER, 1, body=bytes(0x20000))
    with pytest.raises(BuildRefused, match="two dependencies"):
        build_module(6, USER, dependencies=[Dependency(SYSTEM, 1, 1)] * 3)
    with pytest.raises(BuildRefused, match="0 to 65535"):
        build_module(6, USER, product_id=70000)
    with pytest.raises(BuildRefused, match="does not fit"):
        build_module(6, USER, version=70000)


def test_a_damaged_vector_table_and_platform_leave_the_module_where_it_is_when_it_is_sealed() -> None:
    data = bytearray(build_module(13, SYSTEM, 1, 5501, body=b"system"))
    data[:36] = bytes.fromhex("001afc20190203000000000000000100000000000000000000000000000000000000000000")[:36]
    data[0x20C:0x20E] = b"\x0d\x93"
    damaged = read_module(data)
    assert damaged.prefix_offset == 0x200
    sealed = read_module(edit_module(damaged, Changes()))
    assert sealed.prefix_offset == 0x200
    assert sealed.crc_ok
