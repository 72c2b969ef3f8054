"""Changing modules: fields, SHA-256, CRC, in that order; and back to the original bytes."""

from __future__ import annotations

import hashlib
import struct
import tracemalloc
import zlib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.build import build_module
from firmware_images.checks import check_module
from firmware_images.compress import compress_module, inflate_module
from firmware_images.draft import Draft
from firmware_images.edit import Changes, add_extensions, edit_module, protect, remove_extensions, set_assets
from firmware_images.errors import EditRefused, ImageError
from firmware_images.extension_contents import (
    AssetDependency,
    DynamicLocation,
    Name,
    ProductData,
    SecurityMode,
    content_of,
)
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.findings import is_sound
from firmware_images.module import Module, ShaRule, read_module

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
LOGO = AssetDependency("logo.png", hashlib.sha256(b"logo").digest())
FONT = AssetDependency("font.bin", hashlib.sha256(b"font").digest())


def photon_user(**given: int) -> Module:
    return read_module(build_module(6, USER, 1, 6, dependencies=[Dependency(SYSTEM, 2, 2101)], body=b"application!", **given))


def boron_user() -> Module:
    return read_module(build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application!"))


def p2_user(size: int = 100) -> Module:
    return read_module(build_module(32, USER, 1, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=bytes(range(size))))


def without_product() -> bytes:
    """A user part from before product fields, with a suffix of 36 bytes."""
    return Draft(header=b"", prefix=photon_user().prefix, body=b"old application").encode()


def with_long_product() -> bytes:
    """A user part with the short-lived suffix of 42 bytes, whose product id has 32 bits."""
    return Draft(header=b"", prefix=photon_user().prefix, body=b"application", gap=struct.pack("<IH", 100_000, 7)).encode()


def test_the_product_changes_nothing_but_its_bytes_sha_and_crc() -> None:
    before = photon_user()
    after = edit_module(before, Changes(product_id=1234, product_version=7))
    end = before.module_length
    assert after[: end - 40] == before.data[: end - 40]
    assert after[end - 40 : end - 36] == struct.pack("<HH", 1234, 7)
    assert after[end - 34 : end - 2] == hashlib.sha256(after[: end - 34]).digest()
    assert after[end:] == struct.pack(">I", zlib.crc32(after[:end]))
    assert check_module(read_module(after)) == ()


def test_one_of_the_product_fields_can_be_changed_alone() -> None:
    both = read_module(edit_module(photon_user(product_id=9, product_version=3), Changes(product_version=4)))
    assert both.suffix is not None
    assert (both.suffix.product_id, both.suffix.product_version) == (9, 4)


def test_the_product_of_an_rtl_module_is_in_its_record() -> None:
    module = read_module(edit_module(p2_user(), Changes(product_id=32, product_version=4)))
    assert module.suffix is not None
    assert (module.suffix.product_id, module.suffix.product_version) == (32, 4)
    assert content_of(module.suffix_extensions.items[-1]) == ProductData(32, 4)
    assert check_module(module) == ()


def test_a_32_bit_product_id_is_read_and_written() -> None:
    module = read_module(with_long_product())
    assert module.suffix is not None
    assert (module.suffix.size, module.suffix.product_id, module.suffix.product_version) == (42, 100_000, 7)
    changed = read_module(edit_module(module, Changes(product_id=1234)))
    assert changed.suffix is not None
    assert (changed.suffix.product_id, changed.suffix.product_version) == (1234, 7)
    assert is_sound(check_module(changed))
    with pytest.raises(EditRefused, match="32-bit"):
        set_assets(module, [LOGO])


def test_a_module_without_product_fields_does_not_get_any() -> None:
    with pytest.raises(EditRefused, match="no product id"):
        edit_module(read_module(without_product()), Changes(product_id=1))


@pytest.mark.parametrize("number", [-1, 65536])
def test_product_numbers_out_of_range_are_refused(number: int) -> None:
    with pytest.raises(EditRefused, match="does not fit"):
        edit_module(photon_user(), Changes(product_id=number))


def test_every_prefix_field_can_be_changed() -> None:
    changes = Changes(
        version=5,
        platform_id=8,
        function=SYSTEM,
        index=2,
        mcu_target=33,
        flags=ModuleFlag.COMBINED,
        start_address=0x08060000,
        dependencies=(Dependency(BOOTLOADER, 0, 1003),),
    )
    module = read_module(edit_module(photon_user(), changes))
    prefix = module.prefix
    assert (prefix.version, prefix.platform_id, prefix.function, prefix.index, prefix.mcu_target) == (5, 8, SYSTEM, 2, 33)
    assert prefix.flags == ModuleFlag.COMBINED
    assert (prefix.start_address, module.module_length) == (0x08060000, photon_user().module_length)
    assert prefix.dependencies == (Dependency(BOOTLOADER, 0, 1003),)
    assert module.crc_ok
    assert module.sha_rule is ShaRule.WHOLE
    assert not read_module(edit_module(photon_user(), Changes(dependencies=()))).prefix.dependencies


def test_a_location_record_follows_a_module_that_is_moved() -> None:
    module = read_module(edit_module(p2_user(), Changes(start_address=0x08500000)))
    location = module.suffix_extensions.find(ExtensionType.DYNAMIC_LOCATION)
    assert location is not None
    assert DynamicLocation.decode(location.payload).module_start_address == module.prefix.start_address == 0x08500000
    assert module.module_length == p2_user().module_length


def test_a_damaged_record_is_passed_over_alike_when_read_and_when_written() -> None:
    data = bytearray(p2_user().content)
    data[-66] = 1  # the location record now claims to be the product's, and is too long for it
    module = read_module(data)
    assert module.suffix is not None
    assert (module.suffix.product_id, module.suffix.product_version) == (0xFFFF, 0xFFFF)
    edited = read_module(edit_module(module, Changes(product_id=1234, product_version=7)))
    assert edited.suffix is not None
    assert (edited.suffix.product_id, edited.suffix.product_version) == (1234, 7)


@given(
    module=st.sampled_from(
        [photon_user(), boron_user(), p2_user(), read_module(set_assets(boron_user(), [LOGO])), read_module(with_long_product())]
    ),
    damage=st.lists(st.tuples(st.integers(1, 130), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_what_is_damaged_is_edited_or_refused(module: Module, damage: list[tuple[int, int]]) -> None:
    """And where it is edited, what is read then is what was written."""
    data = bytearray(module.content)
    for back, value in damage:
        data[-min(back, len(data))] = value
    try:
        edited = read_module(edit_module(read_module(data), Changes(product_id=1234, product_version=7)))
    except ImageError:
        return
    assert edited.suffix is not None
    assert (edited.suffix.product_id, edited.suffix.product_version) == (1234, 7)


def test_the_flags_of_a_compressed_module_are_its_own() -> None:
    packed = read_module(compress_module(boron_user()))
    flags = packed.prefix.flags
    both = read_module(edit_module(packed, Changes(flags=flags | ModuleFlag.COMBINED, version=9)))
    assert both.prefix.flags == ModuleFlag.COMPRESSED | ModuleFlag.COMBINED
    inner = read_module(inflate_module(both))
    assert (inner.prefix.flags, inner.prefix.version, both.prefix.version) == (0, 9, 9)
    assert read_module(edit_module(both, Changes(flags=flags))).prefix.flags == ModuleFlag.COMPRESSED
    with pytest.raises(EditRefused, match="says what is compressed"):
        edit_module(packed, Changes(flags=flags | ModuleFlag.DROP_MODULE_INFO))
    with pytest.raises(EditRefused, match="compress or inflate"):
        edit_module(packed, Changes(flags=ModuleFlag(0)))
    assert edit_module(packed, Changes()) == packed.content


def test_flags_that_stand_for_a_form_are_not_simply_set() -> None:
    with pytest.raises(EditRefused, match="compress or inflate"):
        edit_module(photon_user(), Changes(flags=ModuleFlag.COMPRESSED))
    with pytest.raises(EditRefused, match="add or remove those"):
        edit_module(photon_user(), Changes(flags=ModuleFlag.PREFIX_EXTENSIONS))
    with pytest.raises(EditRefused, match="two dependencies"):
        edit_module(photon_user(), Changes(dependencies=(Dependency(SYSTEM, 1, 1),) * 3))
    with pytest.raises(EditRefused, match="does not fit"):
        edit_module(photon_user(), Changes(version=70000))


def test_sealing_puts_sha_and_crc_right() -> None:
    whole = bytes(photon_user().content)
    broken = bytearray(whole)
    broken[-40:-2] = bytes(38)
    broken[-6:-4] = struct.pack("<H", 40)
    assert edit_module(read_module(broken), Changes()) == whole


def test_the_rule_of_the_sha_is_kept() -> None:
    data = build_module(12, ModuleFunction.RADIO_STACK, 0, 202, body=b"softdevice" * 5, flags=ModuleFlag.DROP_MODULE_INFO)
    changed = read_module(edit_module(read_module(data), Changes(version=203)))
    assert changed.sha_rule is ShaRule.BODY
    assert changed.suffix is not None
    assert changed.suffix.sha256 == hashlib.sha256(b"softdevice" * 5).digest()
    assert changed.prefix.version == 203


@pytest.mark.parametrize("make", [photon_user, boron_user, p2_user], ids=["photon", "boron", "p2"])
@pytest.mark.parametrize("assets", [[LOGO], [LOGO, FONT]], ids=["one", "two"])
def test_taking_assets_away_restores_the_original_bytes(make: object, assets: list[AssetDependency]) -> None:
    assert callable(make)
    before: Module = make()
    with_assets = read_module(set_assets(before, assets))
    assert is_sound(check_module(with_assets))
    again = read_module(set_assets(with_assets, [FONT]))
    assert [content_of(item) for item in (*again.prefix_extensions.items, *again.suffix_extensions.items) if item.type == 0x12] == [FONT]
    assert is_sound(check_module(again))
    assert set_assets(again, []) == bytes(before.content)
    assert remove_extensions(with_assets, {ExtensionType.ASSET_DEPENDENCY}) == bytes(before.content)


def test_a_module_without_product_fields_can_carry_assets_and_lose_them_again() -> None:
    before = without_product()
    with_assets = read_module(set_assets(read_module(before), [LOGO]))
    assert with_assets.suffix is not None
    assert (with_assets.suffix.product_id, with_assets.suffix.product_version) == (0xFFFF, 0xFFFF)
    assert check_module(with_assets) == ()
    assert set_assets(with_assets, []) == before


@pytest.mark.parametrize("size", range(93, 101))
def test_the_start_of_a_p2_module_stays_a_multiple_of_eight_and_its_end_fixed(size: int) -> None:
    before = p2_user(size)
    asset = AssetDependency("n" * (size - 92), bytes(32))
    after = read_module(set_assets(before, [asset]))
    assert after.prefix.start_address % 8 == 0
    assert after.prefix.end_address == before.prefix.end_address
    assert after.prefix.flags & ModuleFlag.PREFIX_EXTENSIONS
    location = content_of(after.suffix_extensions.items[0])
    assert isinstance(location, DynamicLocation)
    assert location.module_start_address == after.prefix.start_address
    assert check_module(after) == ()


def test_new_records_come_first_in_a_suffix_and_last_in_a_prefix() -> None:
    one, two = Name("one").encode(), Name("two").encode()
    suffix = read_module(add_extensions(read_module(add_extensions(boron_user(), [one])), [two]))
    assert [item.type.name for item in suffix.suffix_extensions.items] == ["NAME", "NAME", "END"]
    assert suffix.suffix_extensions.items[0] == two
    prefix = read_module(add_extensions(read_module(add_extensions(p2_user(), [one])), [two]))
    assert [item.type.name for item in prefix.prefix_extensions.items] == ["NAME", "NAME", "END"]
    assert prefix.prefix_extensions.items[1] == two


def test_unknown_records_are_kept_byte_for_byte() -> None:
    strange = Extension(ExtensionType(0x7777), b"\x00\xffstrange")
    for make in (boron_user, p2_user):
        module = read_module(add_extensions(make(), [strange]))
        module = read_module(set_assets(module, [LOGO]))
        module = read_module(edit_module(module, Changes(product_version=3)))
        assert strange in (*module.prefix_extensions.items, *module.suffix_extensions.items)
        back = edit_module(read_module(set_assets(module, [])), Changes(product_version=0xFFFF))
        assert remove_extensions(read_module(back), {strange.type}) == bytes(make().content)


def test_a_bootloader_is_protected_in_its_suffix_and_the_certificate_replaced() -> None:
    for platform in (13, 32):
        before = read_module(build_module(platform, BOOTLOADER, 0, 3100, body=b"boot"))
        module = read_module(protect(before))
        assert content_of(module.suffix_extensions.items[0]) == SecurityMode(1)
        assert check_module(module) == ()
        again = read_module(protect(module, b"certificate"))
        assert content_of(again.suffix_extensions.items[0]) == SecurityMode(1, b"certificate")
        assert remove_extensions(again, {ExtensionType.SECURITY_MODE}) == bytes(before.content)


@pytest.mark.parametrize(("function", "index", "version"), [(BOOTLOADER, 0, 2999), (BOOTLOADER, 1, 3000), (SYSTEM, 1, 3000), (USER, 1, 6)])
def test_only_a_bootloader_that_knows_device_protection_is_protected(function: ModuleFunction, index: int, version: int) -> None:
    with pytest.raises(EditRefused, match="bootloader 0 from version 3000 on, this is"):
        protect(read_module(build_module(32, function, index, version)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (Changes(product_version=65536), "product version 65536 does not fit its field: 0 to 65535"),
        (Changes(product_id=-1), "product id -1 does not fit its field: 0 to 65535"),
        (Changes(version=70000), "version 70000 does not fit its field: 0 to 65535"),
        (Changes(index=256), "index 256 does not fit its field: 0 to 255"),
        (Changes(start_address=1 << 32), "start address 4294967296 does not fit its field: 0 to 4294967295"),
        (Changes(dependencies=(Dependency(SYSTEM, 1, 65536),)), "version of a dependency 65536 does not fit its field: 0 to 65535"),
    ],
)
def test_a_number_that_does_not_fit_is_named_with_its_field(changes: Changes, said: str) -> None:
    with pytest.raises(EditRefused) as refused:
        edit_module(photon_user(), changes)
    assert str(refused.value) == said


def test_a_record_that_is_too_large_is_named() -> None:
    with pytest.raises(EditRefused, match="record of type name would take 70004 bytes, more than 65535"):
        add_extensions(p2_user(), [Name("n" * 70_000).encode()])


def test_what_cannot_be_edited_is_refused_with_the_reason() -> None:
    whole = bytes(photon_user().content)
    with pytest.raises(EditRefused, match="not whole"):
        edit_module(read_module(whole[:-1]), Changes())
    padded = bytearray(whole)
    padded[-44:-4] = b"\xff" * 40
    with pytest.raises(EditRefused, match="impossible size 65535"):
        edit_module(read_module(padded), Changes())
    with pytest.raises(EditRefused, match="no record of type asset dependency"):
        remove_extensions(photon_user(), {ExtensionType.ASSET_DEPENDENCY})
    with pytest.raises(EditRefused, match="its region has 131072"):
        set_assets(read_module(build_module(6, USER, 1, body=bytes(0x20000 - 100))), [LOGO])
    with pytest.raises(EditRefused, match="more than 65535"):
        add_extensions(read_module(build_module(13, SYSTEM, 1)), [Extension(ExtensionType.SECURITY_MODE, bytes(65500))] * 2)
    broken = bytearray(set_assets(boron_user(), [LOGO]))
    broken[boron_user().module_length - 40 + 2] = 3
    with pytest.raises(EditRefused, match="suffix extensions cannot be read"):
        edit_module(read_module(broken), Changes())


def test_an_edit_copies_the_image_once() -> None:
    data = build_module(13, SYSTEM, 1, 5501, body=bytes(600_000))
    module = read_module(data)
    tracemalloc.start()
    changed = edit_module(module, Changes(product_version=3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(changed) + 20_000


dependencies = st.builds(Dependency, st.sampled_from([SYSTEM, BOOTLOADER]), st.integers(0, 3), st.integers(0, 9999))
changes = st.builds(
    Changes,
    product_id=st.none() | st.integers(0, 0xFFFF),
    product_version=st.none() | st.integers(0, 0xFFFF),
    version=st.none() | st.integers(0, 0xFFFF),
    index=st.none() | st.integers(0, 0xFF),
    dependencies=st.none() | st.lists(dependencies, max_size=2).map(tuple),
)


@given(change=changes, kind=st.sampled_from([photon_user, boron_user, p2_user]))
def test_any_edit_gives_a_whole_module_and_can_be_undone(change: Changes, kind: object) -> None:
    assert callable(kind)
    before: Module = kind()
    after = read_module(edit_module(before, change))
    assert after.crc_ok
    assert after.sha_ok
    assert after.suffix is not None
    assert before.suffix is not None
    for each in fields(change):
        wanted = getattr(change, each.name)
        if wanted is None:
            continue
        seen = getattr(after.suffix if each.name.startswith("product") else after.prefix, each.name)
        assert seen == wanted
    undo = Changes(
        product_id=before.suffix.product_id,
        product_version=before.suffix.product_version,
        version=before.prefix.version,
        index=before.prefix.index,
        dependencies=before.prefix.dependencies,
    )
    assert edit_module(after, undo) == bytes(before.content)


@given(
    records=st.lists(st.builds(Extension, st.integers(0x20, 0x30).map(ExtensionType), st.binary(max_size=30)), min_size=1, max_size=4),
    kind=st.sampled_from([photon_user, boron_user, p2_user]),
)
def test_any_records_can_be_added_and_taken_away(records: list[Extension], kind: object) -> None:
    assert callable(kind)
    before: Module = kind()
    after = read_module(add_extensions(before, records))
    assert is_sound(check_module(after))
    found = (*after.prefix_extensions.items, *after.suffix_extensions.items)
    assert [item for item in found if item.type >= 0x20] == records
    assert remove_extensions(after, {record.type for record in records}) == bytes(before.content)
