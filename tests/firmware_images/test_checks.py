"""Each thing that can be wrong with a module has a name."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.assets import build_asset
from firmware_images.build import build_module
from firmware_images.checks import Target, check_module
from firmware_images.close_checks import PLACEHOLDER_CRC, PLACEHOLDER_SHA, check_closely, is_unsealed
from firmware_images.compress import compress_module, inflate_module
from firmware_images.draft import Draft
from firmware_images.edit import Changes, add_extensions, edit_module, protect
from firmware_images.errors import EditRefused, NotAModule
from firmware_images.extension_contents import Name, SecurityMode
from firmware_images.extensions import Extension, ExtensionType
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction, Prefix
from firmware_images.findings import FindingName, Severity, is_sound
from firmware_images.module import Module, read_module
from firmware_images.plain import plain_product

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
NCP, RADIO = ModuleFunction.NCP, ModuleFunction.RADIO_STACK


def module(function: ModuleFunction = USER, index: int = 1, version: int = 6, *, platform: int = 6, **given: int) -> Module:
    return read_module(build_module(platform, function, index, version, body=b"some code of some length", **given))


def needing(*needs: Dependency, function: ModuleFunction = USER, index: int = 1, version: int = 6, **given: int) -> Module:
    return read_module(build_module(6, function, index, version, dependencies=needs, body=b"some code", **given))


def changed(before: Module, changes: Changes) -> Module:
    return read_module(edit_module(before, changes))


def overwritten(before: Module, at: int, new: bytes, *, seal: bool = True) -> Module:
    """The module with other bytes somewhere, sealed anew unless told otherwise."""
    data = bytearray(before.content)
    data[at : at + len(new)] = new
    after = read_module(data)
    return changed(after, Changes()) if seal else after


def names(judged: Module, target: Target | None = None) -> list[str]:
    found = check_module(judged) if target is None else check_module(judged, target)
    return [finding.name.value for finding in found]


def test_a_sound_module_has_no_findings() -> None:
    assert names(module()) == []


def test_integrity() -> None:
    whole = module()
    assert names(overwritten(whole, 30, b"?", seal=False)) == ["crc-mismatch", "sha-mismatch"]
    end = whole.module_length
    flipped = overwritten(whole, end - 20, b"?", seal=False)
    fixed = bytearray(flipped.content)
    fixed[end:] = struct.pack(">I", zlib.crc32(fixed[:end]))
    assert names(read_module(fixed)) == ["sha-mismatch"]
    assert names(overwritten(whole, end, b"\0\0\0\0", seal=False)) == ["crc-mismatch"]
    (finding,) = check_module(overwritten(whole, end, b"\0\0\0\0", seal=False))
    assert (finding.severity, finding.expected) == (Severity.ERROR, f"{zlib.crc32(whole.data[:end]):08x}")
    assert names(read_module(whole.data[:-1])) == ["truncated"]
    assert names(overwritten(whole, end - 2, b"\xff\xff", seal=False)) == ["crc-mismatch", "suffix-missing"]


def test_a_size_that_leaves_no_room() -> None:
    assert "size-impossible" in names(overwritten(module(), 4, struct.pack("<I", 0x080A0000 + 50), seal=False))


def test_the_placeholders_of_a_build_are_known() -> None:
    whole = module()
    data = bytearray(whole.content)
    end = whole.module_length
    data[end - 34 : end - 2] = PLACEHOLDER_SHA
    data[end:] = PLACEHOLDER_CRC.to_bytes(4, "big")
    unsealed = read_module(data)
    assert is_unsealed(unsealed)
    assert names(unsealed) == ["unsealed"]
    assert edit_module(unsealed, Changes()) == bytes(whole.content)


def test_the_reserved_word_is_worth_a_note() -> None:
    judged = read_module(replace(Draft.of(module()), reserved=7).encode())
    assert names(judged) == ["reserved-not-zero"]
    assert is_sound(check_module(judged))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (Changes(platform_id=200), ["platform-unknown"]),
        (Changes(function=ModuleFunction(77)), ["function-unknown"]),
        (Changes(function=ModuleFunction.SETTINGS), ["slot-unknown"]),
        (Changes(index=2), ["slot-unknown"]),
        (Changes(start_address=0x080A0004), ["start-address"]),
        (Changes(start_address=0x08000000), ["range", "start-address"]),
        (Changes(platform_id=12), ["range", "start-address"]),
        (Changes(flags=ModuleFlag(0x80)), ["flags-unknown"]),
        (Changes(flags=ModuleFlag.ENCRYPTED), ["flags-contradict"]),
        (Changes(mcu_target=33), ["mcu-target"]),
        (Changes(dependencies=(Dependency(ModuleFunction(99), 1, 1),)), ["dependency-malformed"]),
        (Changes(dependencies=(Dependency(ModuleFunction.NONE, 1, 0),)), ["dependency-malformed"]),
        (Changes(dependencies=(Dependency(ModuleFunction.NONE, 0, 0), Dependency(SYSTEM, 1, 1))), ["dependency-malformed"]),
    ],
    ids=str,
)
def test_prefix_fields_that_cannot_be(changes: Changes, expected: list[str]) -> None:
    assert names(changed(module(), changes)) == expected


def test_the_platform_asked_for() -> None:
    assert names(module(), Target(platform_id=8)) == ["platform-mismatch"]
    assert names(module(), Target(platform_id=6)) == []
    assert names(read_module(build_asset("a", b"b")), Target(platform_id=6)) == []


def test_a_prefix_where_no_device_looks() -> None:
    boot = module(BOOTLOADER, 0, 1005)
    assert names(overwritten(boot, 3, b"\x00")) == ["prefix-misplaced"]


def test_a_p2_user_part_that_does_not_end_where_it_must() -> None:
    p2 = module(platform=32)
    assert names(changed(p2, Changes(start_address=p2.prefix.start_address - 8))) == ["range"]


def test_flags_behind_a_vector_table() -> None:
    boot = module(BOOTLOADER, 0, 1005)
    assert names(overwritten(boot, 0x184 + 9, b"\x01")) == ["flags-contradict"]


def test_co_processor_modules_name_their_processor() -> None:
    assert names(module(NCP, 0, platform=12)) == ["mcu-target"]
    assert names(module(NCP, 0, platform=12, mcu_target=33)) == []


def test_only_prebootloaders_of_the_rtl_may_be_encrypted() -> None:
    assert names(module(BOOTLOADER, 2, platform=32, flags=ModuleFlag.ENCRYPTED)) == []
    assert names(module(BOOTLOADER, 0, platform=32, flags=ModuleFlag.ENCRYPTED)) == ["flags-contradict"]


def test_dependencies_are_looked_at_when_the_modules_are_told() -> None:
    part_1, part_2 = module(SYSTEM, 1, 2101).prefix, module(SYSTEM, 2, 2101).prefix
    installed = (part_1, part_2)
    assert names(needing(Dependency(SYSTEM, 2, 2101)), Target(installed=installed)) == []
    assert names(needing(Dependency(SYSTEM, 2, 2302)), Target(installed=installed)) == ["dependency-too-old"]
    assert names(needing(Dependency(BOOTLOADER, 0, 1)), Target(installed=installed)) == ["dependency-missing"]
    both = needing(Dependency(SYSTEM, 2, 2302), Dependency(BOOTLOADER, 0, 1))
    assert names(both, Target(installed=installed)) == ["dependency-too-old", "dependency-missing"]
    assert [finding.name for finding in check_module(both, installed=installed)] == ["dependency-too-old", "dependency-missing"]


def test_the_quirks_of_the_device_can_be_switched_on() -> None:
    installed = (module(SYSTEM, 2, 2101).prefix,)
    user = needing(Dependency(SYSTEM, 2, 9999))
    assert names(user, Target(installed=installed, quirks=True)) == ["dependency-too-old"]
    assert names(user, Target(installed=installed, quirks=True, user_optional=True)) == []
    system = needing(Dependency(SYSTEM, 2, 2101), Dependency(BOOTLOADER, 0, 9999), function=SYSTEM, index=1)
    assert names(system, Target(installed=installed)) == ["dependency-missing"]
    assert names(system, Target(installed=installed, quirks=True, user_optional=True)) == []
    lone_second = changed(module(SYSTEM, 1), Changes(dependencies=(Dependency(ModuleFunction.NONE, 0, 0), Dependency(SYSTEM, 2, 9999))))
    assert names(lone_second, Target(installed=installed)) == ["dependency-malformed", "dependency-too-old"]
    assert names(lone_second, Target(installed=installed, quirks=True)) == ["dependency-malformed"]


def test_a_system_part_others_need_newer() -> None:
    installed = (needing(Dependency(SYSTEM, 1, 2302), function=SYSTEM, index=2, version=2302).prefix,)
    (finding,) = check_module(module(SYSTEM, 1, 2101), Target(installed=installed))
    assert (finding.name, finding.expected) == (FindingName.DEPENDENT_BROKEN, "version 2302")


@pytest.mark.parametrize(
    ("needs", "product_id", "product_version", "expected"),
    [
        (2101, 0xFFFF, 0xFFFF, []),
        (2101, 0, 0, []),
        (2101, 9000, 3, []),
        (2101, 9000, 0xFFFE, []),
        (2101, 9000, 0, ["product-version-zero"]),
        (2101, 9000, 0xFFFF, ["product-version-missing"]),
        (2101, 6, 3, ["product-wildcard"]),
        (2101, 0xFFFF, 3, []),
        (4000, 9000, 3, ["product-id-explicit"]),
        (4000, 9000, 0, ["product-version-zero", "product-id-explicit"]),
        (4000, 9000, 0xFFFF, ["product-version-missing", "product-id-explicit"]),
        (4000, 6, 3, []),
        (4000, 6, 0xFFFF, []),
        (2101, 6, 0xFFFF, []),
        (4000, 0xFFFF, 0xFFFF, []),
        (3302, 9000, 3, []),
    ],
)
def test_product_fields(needs: int, product_id: int, product_version: int, expected: list[str]) -> None:
    judged = needing(Dependency(SYSTEM, 2, needs), product_id=product_id, product_version=product_version)
    assert names(judged) == expected


def test_only_applications_have_products() -> None:
    assert names(module(SYSTEM, 1, 4000, product_id=9000, product_version=0)) == []


def test_records_that_cannot_be_read() -> None:
    boron = read_module(build_module(13, USER, 2, suffix_extensions=[Name("name").encode()]))
    start = boron.module_length - 40 - 4 - 8
    assert names(boron) == []
    assert names(overwritten(boron, start + 2, b"\x03", seal=False)) == ["crc-mismatch", "sha-mismatch", "extension-malformed"]
    assert "extension-malformed" in names(overwritten(boron, start + 2, b"\xff", seal=False))
    assert "extension-malformed" in names(overwritten(boron, start, b"\xff\xff", seal=False))
    assert names(overwritten(boron, start + 4, b"\xff\xff\xff\xff")) == ["extension-malformed"]
    short = Extension(ExtensionType.PRODUCT_DATA, b"x")
    assert names(read_module(add_extensions(module(platform=13), [short]))) == ["extension-malformed"]


def test_device_protection_belongs_in_the_suffix_of_a_bootloader_that_knows_it() -> None:
    bootloader = module(BOOTLOADER, 0, 3100, platform=13)
    system = module(SYSTEM, 1, 5901, platform=13)
    protected = read_module(protect(bootloader))
    assert names(protected) == []
    assert names(protected, Target(protected=True)) == []
    assert names(bootloader, Target(protected=True)) == ["security-mode"]
    assert names(system, Target(protected=True)) == ["security-mode"]
    assert names(module(SYSTEM, 1, 6000, platform=13), Target(protected=True)) == []
    for wrong in (module(BOOTLOADER, 0, 2700, platform=13), module(platform=13), module(platform=32)):
        assert names(read_module(add_extensions(wrong, [SecurityMode(1).encode()]))) == ["security-mode"]
    assert names(read_module(add_extensions(bootloader, [SecurityMode(9).encode()]))) == ["security-mode"]


def test_compressed_data_is_inflated_and_compared() -> None:
    packed = read_module(compress_module(module(SYSTEM, 1, 5501, platform=13)))
    assert names(packed) == []
    header = packed.body_offset
    for at, new, text in (
        (header, b"\x07\x00", "claims 7 bytes"),
        (header, b"\xff\xff", "claims 65535 bytes"),
        (header + 2, b"\x01", "method 1"),
        (header + 3, b"\x05", "5 bits"),
        (header + 4, struct.pack("<I", 0x7FFFFFFF), "no board"),
        (header + 4, struct.pack("<I", 10), "more than the 10"),
        (header + 4, struct.pack("<I", 100_000), "claims 100000"),
        (header + 8, b"\xff\xff\xff", "damaged"),
        (4 + 6, b"\x01\x01", "another version"),
    ):
        (finding,) = check_module(overwritten(packed, at, new))
        assert finding.name is FindingName.COMPRESSION
        assert text in finding.detail
    assert names(changed(packed, Changes(function=BOOTLOADER, index=0))) == ["flags-contradict"]


@pytest.mark.parametrize("platform", [6, 13, 32])
def test_the_product_in_a_compressed_module_is_the_one_that_counts(platform: int) -> None:
    plain = module(USER, {6: 1, 13: 2, 32: 1}[platform], 6, platform=platform)
    packed = read_module(compress_module(plain))
    edited = changed(packed, Changes(product_id=1234, product_version=7))
    inner = read_module(inflate_module(edited))
    for each in (edited, inner):
        assert each.suffix is not None
        assert (each.suffix.product_id, each.suffix.product_version) == (1234, 7)
    assert bytes(inner.content) == edit_module(plain, Changes(product_id=1234, product_version=7))
    outer = overwritten(edited, edited.module_length - 38, b"\x08\0")
    (finding,) = [one for one in check_module(outer) if one.name is FindingName.COMPRESSION]
    assert "has another product version than the file tells" in finding.detail


def test_assets_are_judged_as_the_device_does() -> None:
    plain = read_module(build_asset("logo.png", b"content", compress=False))
    assert names(plain) == []
    assert names(read_module(build_asset("logo.png", b"content" * 99))) == []
    assert names(overwritten(plain, 24, b"C")) == ["asset-malformed"]
    assert names(changed(plain, Changes(flags=ModuleFlag(0)))) == ["asset-malformed"]
    nameless = replace(Draft.of(plain), suffix_extensions=Draft.of(plain).suffix_extensions[:1])
    assert "asset-malformed" in names(read_module(nameless.encode()))


def build_with_legacy_prefix(**legacy: int) -> Module:
    """A system part as since 6.2.0: 0x28000 to beyond 0x30200, the second prefix inside, its CRC near the end."""
    size = 0x9000
    body = bytearray(size)
    first = 0x200 + 24
    at, end = 0x30200 - 0x28000 - first, size - 100
    prefix = Prefix(0x30000, 0x28000 + first + end, 0, ModuleFlag(0), legacy.get("version", 6200), 13, SYSTEM, legacy.get("index", 1))
    body[at : at + 24] = prefix.encode()
    crc = zlib.crc32(body[0x30000 - 0x28000 - first : end]) ^ legacy.get("crc", 0)
    body[end : end + 4] = crc.to_bytes(4, "big")
    return read_module(build_module(13, SYSTEM, 1, 6200, body=bytes(body), start_address=0x28000))


def test_the_second_prefix_for_older_bootloaders() -> None:
    assert names(build_with_legacy_prefix()) == []
    assert names(build_with_legacy_prefix(crc=1)) == ["legacy-prefix"]
    assert names(build_with_legacy_prefix(version=6100)) == ["legacy-prefix"]
    assert names(build_with_legacy_prefix(index=2)) == ["legacy-prefix"]


def test_findings_read_as_sentences() -> None:
    (finding,) = check_module(module(), Target(platform_id=8))
    assert str(finding) == "error platform-mismatch: the module is for platform 6 (expected platform 8)"


needs = st.builds(Dependency, st.sampled_from([0, 2, 4, 10]).map(ModuleFunction), st.integers(0, 1), st.sampled_from([0, 1, 4000]))
edits = st.builds(
    Changes,
    product_id=st.none() | st.sampled_from([0, 6, 13, 32, 9000, 0xFFFF]),
    product_version=st.none() | st.sampled_from([0, 1, 0xFFFF]),
    platform_id=st.none() | st.sampled_from([0, 6, 8, 12, 32, 200]),
    function=st.none() | st.sampled_from([USER, SYSTEM, NCP, ModuleFunction(99)]),
    index=st.none() | st.integers(0, 3),
    mcu_target=st.none() | st.sampled_from([0, 33]),
    flags=st.none() | st.sampled_from([ModuleFlag(0), ModuleFlag.COMBINED, ModuleFlag(0x80)]),
    start_address=st.none() | st.sampled_from([0, 0x28000, 0x30000, 0x080A0000, 0x08020000]),
    dependencies=st.none()
    | st.lists(
        st.builds(Dependency, st.sampled_from([0, 2, 4, 10]).map(ModuleFunction), st.integers(0, 1), st.sampled_from([0, 1, 4000])),
        max_size=2,
    ).map(tuple),
)
WHOLE = [
    module(),
    module(SYSTEM, 1),
    module(BOOTLOADER, 0),
    module(platform=32),
    module(SYSTEM, 1, platform=13),
    module(RADIO, 0, platform=12),
]


@given(before=st.sampled_from(WHOLE), change=edits, noise=st.none() | st.tuples(st.integers(0, 10_000), st.integers(1, 255)))
def test_the_fast_path_and_the_long_way_come_to_the_same_verdict(before: Module, change: Changes, noise: tuple[int, int] | None) -> None:
    try:
        data = bytearray(edit_module(before, change))
    except EditRefused:
        return
    if noise is not None:
        data[noise[0] % len(data)] ^= noise[1]
    try:
        judged = read_module(data)
    except NotAModule:
        return
    assert check_module(judged) == check_closely(read_module(bytes(data)))
    if plain_product(judged) is not None:
        assert judged.crc_ok
        assert judged.sha_ok


def test_reading_and_judging_copies_nothing() -> None:
    data = build_module(13, SYSTEM, 1, 5501, body=bytes(600_000))
    check_module(read_module(data))
    tracemalloc.start()
    assert check_closely(read_module(data)) == ()
    assert check_module(read_module(data)) == ()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000
