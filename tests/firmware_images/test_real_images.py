"""Every real image that can be had: read, judged, taken apart and put together, compressed, combined, turned into HEX and back."""

from __future__ import annotations

import collections
import hashlib
from pathlib import Path

import pytest

from firmware_images.checks import check_module
from firmware_images.close_checks import check_closely
from firmware_images.combine import combine, split
from firmware_images.compress import compress_module, inflate_module
from firmware_images.draft import Draft
from firmware_images.edit import Changes, edit_module, set_assets
from firmware_images.extension_contents import AssetDependency
from firmware_images.fields import ModuleFunction
from firmware_images.findings import FindingName, is_sound
from firmware_images.hexfile import Segment, read_hex, write_hex
from firmware_images.image import ImageKind, check_image, read_image
from firmware_images.locate import family_of
from firmware_images.module import Module, ShaRule, read_module
from firmware_images.softdevice import build_radio_stack
from harness.firmware_store import NOT_MODULES

pytestmark = pytest.mark.tool("npm")


@pytest.fixture(scope="module")
def modules(real_images: list[Path]) -> dict[str, Module]:
    """Each distinct module once, by package and name."""
    seen: dict[bytes, tuple[str, Module]] = {}
    for path in real_images:
        if path.name not in NOT_MODULES:
            data = path.read_bytes()
            seen.setdefault(hashlib.sha256(data).digest(), (f"{path.parent.parent.name}/{path.name}", read_module(data)))
    return dict(seen.values())


def test_there_are_all_kinds_and_families(modules: dict[str, Module]) -> None:
    assert len(modules) >= 120
    kinds = collections.Counter(module.prefix.function for module in modules.values())
    assert set(kinds) == {
        ModuleFunction.BOOTLOADER,
        ModuleFunction.MONOLITHIC,
        ModuleFunction.SYSTEM_PART,
        ModuleFunction.USER_PART,
        ModuleFunction.RADIO_STACK,
    }
    assert {family.name for module in modules.values() if (family := family_of(module.prefix.platform_id))} >= {
        "STM32F1",
        "STM32F2",
        "nRF52840",
        "RTL872x",
    }


def test_every_module_is_sound(modules: dict[str, Module]) -> None:
    for name, module in modules.items():
        found = check_module(module)
        assert is_sound(found), (name, found)
        assert {finding.name for finding in found} <= {FindingName.PRODUCT_WILDCARD}, name
        assert found == check_closely(read_module(module.data))
        assert not module.trailing
        wrapped = module.prefix.function is ModuleFunction.RADIO_STACK
        assert module.sha_rule is (ShaRule.BODY if wrapped else ShaRule.WHOLE)


def test_every_module_is_found_where_its_device_looks(modules: dict[str, Module]) -> None:
    for name, module in modules.items():
        assert read_module(module.data, platform_id=module.prefix.platform_id).prefix_offset == module.prefix_offset, name


def test_files_that_are_no_modules_are_told_apart(real_images: list[Path]) -> None:
    strangers = [path for path in real_images if path.name in NOT_MODULES]
    assert strangers
    for path in strangers:
        image = read_image(path.read_bytes())
        assert image.kind is ImageKind.NOT_A_MODULE
        assert [finding.name for finding in image.findings] == [FindingName.NOT_A_MODULE]


def test_taking_apart_and_putting_together_changes_nothing(modules: dict[str, Module]) -> None:
    for name, module in modules.items():
        assert Draft.of(module).encode() == bytes(module.data), name
        assert edit_module(module, Changes()) == bytes(module.data), name


def test_products_can_be_changed_and_changed_back(modules: dict[str, Module]) -> None:
    for name, module in modules.items():
        if module.suffix is None or module.suffix.product_id is None:
            continue
        there = read_module(edit_module(module, Changes(product_id=1234, product_version=99)))
        back = Changes(product_id=module.suffix.product_id, product_version=module.suffix.product_version)
        assert there.crc_ok
        assert there.sha_ok
        assert edit_module(there, back) == bytes(module.data), name


def test_assets_can_be_added_and_taken_away(modules: dict[str, Module]) -> None:
    asset = AssetDependency("logo.png", hashlib.sha256(b"logo").digest())
    tried = 0
    for name, module in modules.items():
        if module.prefix.function is ModuleFunction.USER_PART:
            with_asset = read_module(set_assets(module, [asset]))
            assert is_sound(check_module(with_asset)), name
            assert set_assets(with_asset, []) == bytes(module.data), name
            tried += 1
    assert tried > 10


def test_compressing_and_inflating_gives_the_same_bytes(modules: dict[str, Module]) -> None:
    for name, module in modules.items():
        packed = read_module(compress_module(module, level=1))
        assert packed.crc_ok
        assert inflate_module(packed) == bytes(module.data), name


def test_combining_and_splitting_gives_the_same_bytes(modules: dict[str, Module]) -> None:
    names = list(modules)
    for one, other in zip(names[::2], names[1::2], strict=False):
        data = combine([modules[one], modules[other]])
        image = read_image(data)
        assert image.kind is ImageKind.COMBINED
        assert is_sound(check_image(image))
        assert split(read_module(data)) == [bytes(modules[one].data), bytes(modules[other].data)]


def test_hex_and_back_gives_the_same_bytes(modules: dict[str, Module]) -> None:
    smallest = sorted(modules.values(), key=lambda module: module.size)[:60]
    for module in smallest:
        text = write_hex(module.data, module.prefix.start_address)
        assert read_hex(text) == (Segment(module.prefix.start_address, bytes(module.data)),)


def test_a_real_softdevice_is_wrapped_as_its_maker_did(modules: dict[str, Module]) -> None:
    stacks = [module for module in modules.values() if module.prefix.function is ModuleFunction.RADIO_STACK]
    assert stacks
    for module in stacks:
        body = bytes(module.data[24 : module.module_length - 36])
        assert build_radio_stack(bytes(0x1000) + body, module.prefix.platform_id) == bytes(module.data)


def test_every_flipped_byte_of_a_real_module_is_noticed(modules: dict[str, Module]) -> None:
    for platform in (6, 12, 32):
        smallest = min((module for module in modules.values() if module.prefix.platform_id == platform), key=lambda module: module.size)
        whole = bytes(smallest.data)
        places = [*range(0x240), *range(0x240, len(whole) - 80, 97), *range(len(whole) - 80, len(whole))]
        for at in places:
            data = bytearray(whole)
            data[at] ^= 0x81
            image = read_image(data)
            assert not is_sound(check_image(image)), at
            assert image.kind is not ImageKind.NOT_A_MODULE, at


def test_every_truncation_of_a_real_module_is_noticed(modules: dict[str, Module]) -> None:
    for platform in (6, 12, 32):
        smallest = min((module for module in modules.values() if module.prefix.platform_id == platform), key=lambda module: module.size)
        whole = bytes(smallest.data)
        for length in [*range(0x240), *range(0x240, len(whole), 41), len(whole) - 1]:
            assert not is_sound(check_image(read_image(whole[:length]))), length
