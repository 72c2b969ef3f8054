"""Files that are not what they seem are called what they are: what to do about it follows from that."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from firmware_images.build import build_module
from firmware_images.bundle import read_bundle
from firmware_images.checks import Target, check_module
from firmware_images.combine import combine
from firmware_images.edit import Changes, edit_module
from firmware_images.errors import BundleError
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.findings import Finding, FindingName, Severity
from firmware_images.hexfile import Segment, write_hex, write_segments
from firmware_images.image import ImageKind, check_image, read_image
from firmware_images.memory import laid_out
from firmware_images.module import Module, read_module
from firmware_images.product import meant_version

BOOTLOADER, SYSTEM, USER = ModuleFunction.BOOTLOADER, ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
APPLICATION = build_module(6, USER, 1, 6, body=b"app")
DFU_SUFFIX = bytes.fromhex("ffff06d0042b00015546441099bbfd61")
"""What dfu-suffix 0.11 appended to this application, told 2b04:d006."""
LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
PHOTON = [
    build_module(6, BOOTLOADER, 0, 1006, body=b"boot"),
    build_module(6, SYSTEM, 1, 2302, body=b"part 1"),
    build_module(6, SYSTEM, 2, 2302, body=b"part 2"),
    build_module(6, USER, 1, 6, body=b"application"),
]
BORON = [
    build_module(13, SYSTEM, 1, 5501, body=b"system"),
    build_module(13, USER, 2, 6, body=b"application"),
    build_module(13, BOOTLOADER, 0, 2200, body=b"boot"),
]


def findings(data: bytes) -> tuple[Finding, ...]:
    return check_image(read_image(data))


def memory(modules: list[bytes], base: int, size: int, at_base: bytes = b"") -> bytes:
    """Flash with these modules where they belong, as it is read out."""
    flash = bytearray(b"\xff" * size)
    flash[: len(at_base)] = at_base
    for segment in laid_out([read_module(module) for module in modules]):
        flash[segment.address - base : segment.end - base] = segment.data
    return bytes(flash)


def test_a_dfu_suffix_is_no_matter() -> None:
    (finding,) = findings(APPLICATION + DFU_SUFFIX)
    assert (finding.name, finding.severity) == (FindingName.DFU_SUFFIX, Severity.NOTE)
    assert "2b04:d006" in finding.detail


def test_a_dfu_suffix_of_another_file_is() -> None:
    other = edit_module(read_module(APPLICATION), Changes(version=7))
    (finding,) = findings(other + DFU_SUFFIX)
    assert (finding.name, finding.severity) == (FindingName.DFU_SUFFIX, Severity.WARNING)
    assert "its CRC is 61fdbb99" in finding.detail


@pytest.mark.parametrize(
    ("data", "called"),
    [
        (
            LFS_POINTER,
            "a Git LFS pointer: the file it stands for was not fetched",
        ),
        (write_hex(APPLICATION, 0x080A0000).decode().encode("utf-16"), "text in UTF-16"),
        (b"DfuSe\x01" + bytes(300), "a DfuSe file"),
        (b"UF2\nWQ]\x9e" + bytes(504), "a UF2 file"),
        (b"S00F000068656C6C6F202020202000003C\r\n", "Motorola S-records"),
    ],
    ids=["LFS", "UTF-16", "DfuSe", "UF2", "S-records"],
)
def test_what_is_no_module_is_called_what_it_is(data: bytes, called: str) -> None:
    image = read_image(data)
    assert image.kind is ImageKind.NOT_A_MODULE
    assert called in image.findings[0].detail


def test_hex_behind_a_byte_order_mark_is_read() -> None:
    image = read_image(b"\xef\xbb\xbf" + write_hex(APPLICATION, 0x080A0000))
    assert (image.kind, bytes(image.modules[0].content)) == (ImageKind.HEX, APPLICATION)
    (finding,) = check_image(image)
    assert (finding.name, finding.severity) == (FindingName.HEX_MALFORMED, Severity.WARNING)
    assert "byte order mark" in finding.detail


@pytest.mark.parametrize(
    ("modules", "base", "data"),
    [
        (PHOTON, 0x08000000, memory(PHOTON, 0x08000000, 0x100000)),
        (PHOTON[1:], 0x08020000, memory(PHOTON[1:], 0x08020000, 0xE0000)),
        (BORON, 0, memory(BORON, 0, 0x100000, struct.pack("<II", 0x20000400, 0x00000A81))),
        (PHOTON[1:], 0x08000000, memory(PHOTON[1:], 0x08000000, 0x100000)),
    ],
    ids=["all of a Photon", "from its system part on", "all of a Boron, with its MBR", "a Photon without a bootloader"],
)
def test_a_copy_of_flash_is_one(modules: list[bytes], base: int, data: bytes) -> None:
    image = read_image(data)
    assert image.kind is ImageKind.DUMP
    assert [bytes(module.content) for module in image.modules] == modules
    assert image.addresses == tuple(read_module(module).prefix.start_address for module in modules)
    assert image.segments == (Segment(base, data),)
    first = check_image(image)[0]
    assert (first.name, first.severity) == (FindingName.FLASH_DUMP, Severity.ERROR)
    assert f"from {base:#x} to {base + len(data):#x}" in first.detail


def test_what_only_looks_a_little_like_a_copy_of_flash_is_not() -> None:
    part = PHOTON[1]
    assert read_image(part + b"\xff" * 0x40000).kind is ImageKind.MODULE
    assert read_image(combine([read_module(each) for each in PHOTON[1:3]])).kind is ImageKind.COMBINED
    assert read_image(bytes(0x100000)).kind is ImageKind.NOT_A_MODULE
    displaced = b"\xff" * 4 + memory(PHOTON, 0x08000000, 0x100000)
    assert read_image(displaced).kind is ImageKind.NOT_A_MODULE


@pytest.mark.parametrize("junk", [{}, {"__MACOSX/._app.bin": b"x", ".DS_Store": b"x"}], ids=["alone", "as a Mac packs it"])
def test_a_bundle_with_a_folder_around_it_is_told_so(junk: dict[str, bytes]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {"lamp/": b"", "lamp/app.bin": APPLICATION, "lamp/assets/logo": b"1", **junk}.items():
            archive.writestr(name, content)
    with pytest.raises(BundleError, match="everything in the archive is in the folder 'lamp'"):
        read_bundle(out.getvalue())


def test_a_bundle_that_merely_has_no_application_is_told_that() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("assets/logo.bin", b"1")
        archive.writestr("lamp/app.bin", APPLICATION)
    with pytest.raises(BundleError, match="this one has 0: none"):
        read_bundle(out.getvalue())


def application(product: int, version: int, platform: int = 6, needs: int = 2101) -> Module:
    system = Dependency(SYSTEM, 2 if platform == 6 else 1, needs)
    index = {6: 1, 13: 2, 32: 1}[platform]
    return read_module(build_module(platform, USER, index, 6, dependencies=[system], product_id=product, product_version=version))


def judged(module: Module, product: int = 1234) -> list[str]:
    return [finding.name.value for finding in check_module(module, Target(product=product)) if finding.severity is not Severity.NOTE]


@pytest.mark.parametrize("platform", [6, 13, 32])
def test_an_image_is_for_the_product_it_names_or_for_any(platform: int) -> None:
    assert judged(application(1234, 7, platform)) == []
    assert judged(application(platform, 7, platform)) == []
    assert judged(application(0xFFFF, 7, platform)) == []
    assert judged(application(4321, 7, platform)) == ["product-mismatch"]
    (finding,) = check_module(application(4321, 7, platform), Target(product=1234))
    assert finding.detail == "the image is for product 4321, version 7"
    assert finding.expected == f"1234, or {platform} for any product"


def test_65535_is_a_version_only_beside_a_product_of_its_own() -> None:
    assert "product-version-missing" in judged(application(6, 0xFFFF))
    assert "product-version-missing" in judged(application(0xFFFF, 0xFFFF))
    assert [meant_version(product, 0xFFFF, 6) for product in (1234, 6, 0xFFFF)] == [0xFFFF, None, None]
    assert meant_version(0xFFFFFFFF, 0xFFFF, 6, 0xFFFFFFFF) is None
    warned = check_module(application(1234, 0xFFFF))
    assert [(each.name, each.severity) for each in warned] == [(FindingName.PRODUCT_VERSION_MISSING, Severity.WARNING)]
    assert "the same bytes" in warned[0].detail


def test_what_is_no_application_is_no_products() -> None:
    assert judged(read_module(PHOTON[1])) == ["product-mismatch"]


def installed(*modules: bytes) -> Target:
    return Target(installed=tuple(read_module(module).prefix for module in modules))


OLD = build_module(13, USER, 1, 6, body=b"old")
SMALL, LARGE = (build_module(13, USER, 2, 6, body=bytes(size)) for size in (100, 0x21000))


def test_a_large_application_overlaps_with_the_older_one() -> None:
    (said,) = check_module(read_module(LARGE))
    assert (said.name, said.severity) == (FindingName.OVERLAP, Severity.NOTE)
    assert "0xd4000" in said.detail
    assert check_module(read_module(SMALL)) == ()
    found = check_module(read_module(LARGE), installed(OLD, BORON[0]))
    assert [(each.name, each.severity) for each in found] == [
        (FindingName.OVERLAP, Severity.NOTE),
        (FindingName.OVERLAP, Severity.ERROR),
    ]
    assert "would lie over user part 1, which is installed, at 0xd4000-0xd4" in found[1].detail
    (waits,) = check_module(read_module(SMALL), installed(OLD))
    assert (waits.name, waits.severity) == (FindingName.LEGACY_SLOT, Severity.WARNING)


def test_a_system_part_of_old_overlaps_with_an_application_of_today() -> None:
    system = build_module(13, SYSTEM, 1, 1512, body=bytes(0xB4000 - 0x30000))
    (found,) = check_module(read_module(SMALL), installed(system))
    assert (found.name, found.severity) == (FindingName.OVERLAP, Severity.ERROR)
    assert "system part 1" in found.detail
    assert check_module(read_module(SMALL), installed(SMALL, BORON[0], BORON[2])) == ()


def test_an_application_for_new_releases_belongs_in_the_new_place() -> None:
    late = build_module(13, USER, 1, 6, dependencies=[Dependency(SYSTEM, 1, 3103)])
    early = build_module(13, USER, 1, 6, dependencies=[Dependency(SYSTEM, 1, 3102)])
    (found,) = check_module(read_module(late))
    assert (found.name, found.severity) == (FindingName.LEGACY_SLOT, Severity.WARNING)
    assert check_module(read_module(early)) == ()


def test_modules_for_other_memory_overlap_with_nothing() -> None:
    ncp = build_module(12, ModuleFunction.NCP, 0, 7, mcu_target=33, body=bytes(0x40000))
    radio = build_module(12, ModuleFunction.RADIO_STACK, 0, 202, body=b"radio", flags=ModuleFlag.DROP_MODULE_INFO)
    assert [each.name for each in check_module(read_module(ncp), installed(radio))] == []
    assert write_segments([Segment(0, ncp)])
