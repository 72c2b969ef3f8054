"""Any file is told what it is."""

from __future__ import annotations

import io
import itertools
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.build import build_module
from firmware_images.bundle import MAX_ENTRY, make_bundle
from firmware_images.checks import Target
from firmware_images.combine import combine
from firmware_images.diff import Difference, diff_modules, differing_ranges
from firmware_images.edit import Changes, add_extensions, edit_module
from firmware_images.extension_contents import Name
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.hexfile import write_hex
from firmware_images.image import ImageKind, check_image, read_image
from firmware_images.module import read_module

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
PART = build_module(6, SYSTEM, 1, 2101, body=b"part")
WHOLE = build_module(6, USER, 1, 6, body=b"user")
BORON = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application")


def names(data: bytes, target: Target | None = None) -> list[str]:
    image = read_image(data)
    found = check_image(image) if target is None else check_image(image, target)
    return [finding.name.value for finding in found]


@pytest.mark.parametrize(
    ("data", "kind", "modules", "expected"),
    [
        (WHOLE, ImageKind.MODULE, 1, []),
        (WHOLE + b"\xff" * 40_000, ImageKind.MODULE, 1, ["padding"]),
        (WHOLE + bytes(100), ImageKind.MODULE, 1, ["padding"]),
        (WHOLE + b"\xff" * 40_000 + b"x", ImageKind.MODULE, 1, ["trailing-data"]),
        (WHOLE + b"something", ImageKind.MODULE, 1, ["trailing-data"]),
        (WHOLE + PART, ImageKind.MODULE, 1, ["trailing-module"]),
        (combine([read_module(PART), read_module(WHOLE)]), ImageKind.COMBINED, 2, []),
        (combine([read_module(PART), read_module(WHOLE)]) + b"\xff", ImageKind.COMBINED, 2, ["padding"]),
        (combine([read_module(PART)] * 3), ImageKind.COMBINED, 3, ["combined-too-many"]),
        (edit_module(read_module(PART), Changes(flags=ModuleFlag.COMBINED)), ImageKind.COMBINED, 1, ["combined-end-missing"]),
        (edit_module(read_module(PART), Changes(flags=ModuleFlag.COMBINED)) + b"junk", ImageKind.COMBINED, 1, ["combined-end-missing"]),
        (write_hex(PART, 0x08020000), ImageKind.HEX, 1, []),
        (write_hex(PART, 0x08040000), ImageKind.HEX, 1, ["hex-address"]),
        (write_hex(b"nothing of the kind", 0x1000), ImageKind.HEX, 0, ["not-a-module"]),
        (write_hex(PART, 0x08020000)[:-20], ImageKind.HEX, 0, ["hex-malformed"]),
        (make_bundle(BORON, {"a": b"b"}), ImageKind.BUNDLE, 1, []),
        (make_bundle(BORON, {"a": b"b"})[:-30], ImageKind.BUNDLE, 0, ["bundle-malformed"]),
        (b"\x7fELF", ImageKind.NOT_A_MODULE, 0, ["not-a-module"]),
        (b"", ImageKind.NOT_A_MODULE, 0, ["not-a-module"]),
    ],
)
def test_kinds_and_findings(data: bytes, kind: ImageKind, modules: int, expected: list[str]) -> None:
    image = read_image(data)
    assert (image.kind, len(image.modules)) == (kind, modules)
    assert names(data) == expected


def test_findings_of_further_modules_say_which_one() -> None:
    data = combine([read_module(PART), read_module(WHOLE)])
    details = [finding.detail for finding in check_image(read_image(data), Target(platform_id=8))]
    assert details == ["the module is for platform 6", "module 2: the module is for platform 6"]


def test_a_bundle_whose_application_is_no_module() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("app.bin", b"no module")
    image = read_image(out.getvalue())
    assert image.kind is ImageKind.BUNDLE
    assert image.modules == ()
    assert names(out.getvalue()) == ["bundle-malformed"]


@given(data=st.binary(max_size=400), start=st.sampled_from([b"", b":", b"PK\x03\x04", b":10000000", PART[:0x1A0], WHOLE[:40]]))
def test_nothing_makes_reading_fail(data: bytes, start: bytes) -> None:
    image = read_image(start + data)
    findings = check_image(image)
    assert image.modules or findings


def hostile_prefix_records() -> bytes:
    data = bytearray(build_module(32, USER, 1, 6, body=bytes.fromhex("99990400") * 100_000))
    data[9] |= ModuleFlag.PREFIX_EXTENSIONS
    return bytes(data)


def hostile_suffix_records() -> bytes:
    records = bytes.fromhex("99990400") * 15_000
    data = bytearray(build_module(13, USER, 2, 6, body=records))
    data[-6:-4] = (len(records) + 40).to_bytes(2, "little")
    return bytes(data)


def hostile_hex() -> bytes:
    """One byte in each sector of the memory, so that gaps would have to be filled."""
    lines = []
    for number in range(6000):
        address = number * 0x1001
        for body in (f"02000004{address >> 16:04X}", f"01{address & 0xFFFF:04X}00AA"):
            lines.append(f":{body}{-sum(bytes.fromhex(body)) & 0xFF:02X}\n")  # noqa: PERF401 - a loop in a loop
    return "".join(lines).encode()


def archive(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: edit_module(read_module(BORON), Changes(flags=ModuleFlag.COMBINED)) * 5000, ["combined-too-many"]),
        (hostile_prefix_records, ["crc-mismatch", "sha-mismatch", "extension-malformed"]),
        (hostile_suffix_records, ["crc-mismatch", "extension-malformed"]),
        (hostile_hex, ["hex-malformed"]),
        (lambda: b":" + b"0" * 1_000_000, ["hex-malformed"]),
        (lambda: archive({f"{number}.bin": b"" for number in range(20_000)}), ["bundle-malformed"]),
        (lambda: archive({"a.bin": bytes(100_000_000)}), ["bundle-malformed"]),
        (lambda: bytes(1_000_000), ["not-a-module"]),
    ],
    ids=["combined", "prefix records", "suffix records", "hex pieces", "hex line", "zip directory", "zip bomb", "zeros"],
)
def test_a_hostile_file_costs_no_more_memory_than_it_justifies(make: Callable[[], bytes], expected: list[str]) -> None:
    data = make()
    tracemalloc.start()
    found = check_image(read_image(data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [finding.name.value for finding in found] == expected
    assert peak < max(12 * len(data), 16 * 1024 * 1024)


def test_a_bundle_whose_assets_cannot_be_modules_is_told_so() -> None:
    largest = archive({"a.bin": BORON, "assets/large": bytes(MAX_ENTRY)})
    assert names(largest) == ["bundle-malformed"]
    longest = archive({"a.bin": BORON, f"assets/{'n' * 65_500}": b""})
    found = check_image(read_image(longest))
    assert [finding.name.value for finding in found] == ["bundle-malformed", "asset-malformed"]
    assert "cannot be made a module" in found[1].detail


def test_an_archive_of_the_64_bit_form_is_no_bundle() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.bin", BORON)
    data = out.getvalue()
    end = data.rindex(b"PK\x05\x06")
    found = check_image(read_image(data[:end] + b"PK\x06\x07" + bytes(16) + data[end:]))
    assert [(finding.name.value, "64-bit" in finding.detail) for finding in found] == [("bundle-malformed", True)]


def test_what_differs_is_told_field_by_field() -> None:
    left = read_module(BORON)
    assert diff_modules(left, read_module(BORON + b"trailing")) == []
    right = read_module(add_extensions(read_module(edit_module(left, Changes(version=7, product_id=9))), [Name("x").encode()]))
    found = {difference.what: (difference.left, difference.right) for difference in diff_modules(left, right)}
    assert found["version"] == ("6", "7")
    assert found["product id"] == ("65535", "9")
    assert found["suffix extension 1"] == (None, "name 'x'")
    assert found["size"] == ("40", "49")
    assert not any(what.startswith("body") for what in found)
    assert str(Difference("crc", None, "1")) == "crc: nothing -> 1"
    other = read_module(build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"applicaTion, longer"))
    bodies = {difference.what: (difference.left, difference.right) for difference in diff_modules(left, other)}
    assert bodies["body size"] == ("11 bytes", "19 bytes")
    assert "body 0x7-0x13" in bodies


def test_bodies_with_many_differences_are_summed_up() -> None:
    left = read_module(build_module(6, SYSTEM, 1, body=bytes(50_000)))
    right = read_module(build_module(6, SYSTEM, 1, body=(b"x" + bytes(99)) * 500))
    found = [difference.what for difference in diff_modules(left, right) if difference.what.startswith("body")]
    assert len(found) == 33
    assert found[-1] == "body, 500 ranges in all"


@given(left=st.binary(max_size=60), right=st.binary(max_size=60))
def test_ranges_hold_every_difference_and_begin_and_end_with_one(left: bytes, right: bytes) -> None:
    ranges = list(differing_ranges(memoryview(left), memoryview(right)))
    inside = {at for start, end in ranges for at in range(start, end)}
    longest = max(len(left), len(right))
    different = {at for at in range(longest) if left[at : at + 1] != right[at : at + 1]}
    assert different <= inside
    assert {start for start, _ in ranges} <= different
    assert {end - 1 for _, end in ranges} <= different
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))
