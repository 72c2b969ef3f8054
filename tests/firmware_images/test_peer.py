"""Beside the npm library binary-version-reader: the same fields, the same bytes; and right where it is known to be wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from firmware_images.assets import asset_content, asset_dependencies, build_asset, dependency_on
from firmware_images.build import build_module
from firmware_images.bundle import check_bundle, make_bundle, read_bundle
from firmware_images.checks import check_module
from firmware_images.combine import combine, split
from firmware_images.compress import compress_module, inflate_module
from firmware_images.draft import Draft
from firmware_images.edit import Changes, edit_module, protect, remove_extensions, set_assets
from firmware_images.env import OLD_ENV_ASSET, build_env_asset, encode_env
from firmware_images.errors import BundleError, EditRefused, EnvError, NotAModule
from firmware_images.extensions import ExtensionType
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction, Prefix
from firmware_images.findings import FindingName, is_sound
from firmware_images.image import check_image, read_image
from firmware_images.module import Module, ShaRule, read_module
from harness.firmware_store import NOT_MODULES

pytestmark = pytest.mark.tool("binary-version-reader")
BOOTLOADER, SYSTEM, USER, RADIO = (
    ModuleFunction.BOOTLOADER,
    ModuleFunction.SYSTEM_PART,
    ModuleFunction.USER_PART,
    ModuleFunction.RADIO_STACK,
)
ASSETS = {"logo.png": b"logo" * 100, "font.bin": bytes(range(256))}
GIVEN = [{"name": name, "content": base64.b64encode(content).decode()} for name, content in ASSETS.items()]
BORON = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application" * 9)
P2 = build_module(32, USER, 1, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application" * 9)


class PeerLibrary(Protocol):
    def run(self, jobs: list[dict[str, Any]]) -> list[Any]: ...

    def bytes(self, **job: Any) -> bytes: ...


@pytest.fixture(scope="module")
def real(real_images: list[Path]) -> list[bytes]:
    """Each distinct real module once."""
    contents = {hashlib.sha256(data).digest(): data for path in real_images if path.name not in NOT_MODULES and (data := path.read_bytes())}
    return list(contents.values())


def as_the_peer_tells(module: Module) -> dict[str, Any]:
    """A module of ours in the words of the peer."""
    prefix, suffix = module.prefix, module.suffix
    assert suffix is not None
    first, second = prefix.dependency, prefix.dependency2
    return {
        "crc": {"ok": module.crc_ok, "storedCrc": f"{module.stored_crc:08x}", "actualCrc": f"{module.computed_crc:08x}"},
        "prefixInfo": {
            "moduleStartAddy": f"{prefix.start_address:x}",
            "moduleEndAddy": f"{prefix.end_address:x}",
            "reserved": prefix.mcu_target,
            "moduleFlags": int(prefix.flags),
            "moduleVersion": prefix.version,
            "platformID": prefix.platform_id,
            "moduleFunction": int(prefix.function),
            "moduleIndex": prefix.index,
            "depModuleFunction": int(first.function),
            "depModuleIndex": first.index,
            "depModuleVersion": first.version,
            "dep2ModuleFunction": int(second.function),
            "dep2ModuleIndex": second.index,
            "dep2ModuleVersion": second.version,
            "prefixSize": 24 + module.prefix_extensions.size,
            "prefixOffset": module.prefix_offset,
        },
        "suffixInfo": {
            "productId": -1 if suffix.product_id is None else suffix.product_id,
            "productVersion": -1 if suffix.product_version is None else suffix.product_version,
            "fwUniqueId": suffix.sha256.hex(),
            "reserved": suffix.reserved,
            "suffixSize": suffix.size,
            "crcBlock": f"{module.stored_crc:08x}",
        },
    }


def without_extensions(told: dict[str, Any]) -> dict[str, Any]:
    return {
        part: {name: value for name, value in values.items() if name != "extensions"} if isinstance(values, dict) else values
        for part, values in told.items()
        if part in ("crc", "prefixInfo", "suffixInfo")
    }


def test_every_real_image_has_the_same_fields(peer: PeerLibrary, real: list[bytes]) -> None:
    for batch in (real[at : at + 40] for at in range(0, len(real), 40)):
        for data, told in zip(batch, peer.run([{"op": "parse", "data": data} for data in batch]), strict=True):
            module = read_module(data)
            assert without_extensions(told) == as_the_peer_tells(module)
            for where, found in (("prefixInfo", module.prefix_extensions), ("suffixInfo", module.suffix_extensions)):
                theirs = told[where].get("extensions", [])
                assert [(int(item.type), item.size) for item in found.items] == [(each["type"], each["length"]) for each in theirs]


def random_edits(real: list[bytes], count: int) -> Iterator[tuple[bytes, Changes, dict[str, Any]]]:
    """Edits of real modules, and the same as jobs for the peer. The peer signs every module whole: others are left out, and those that have
    no product fields, into which it writes all the same."""
    choose = random.Random(20_251_123)
    small = [data for data in real if read_module(data).sha_rule is ShaRule.WHOLE and len(data) < 300_000]
    eligible = [data for data in small if (suffix := read_module(data).suffix) is not None and suffix.product_id is not None]
    for _ in range(count):
        data = choose.choice(eligible)
        needs = tuple(Dependency(choose.choice([SYSTEM, BOOTLOADER]), choose.randrange(4), choose.randrange(0x10000)) for _ in range(2))
        numbers = [choose.randrange(0x10000) for _ in range(3)]
        changes = Changes(product_id=numbers[0], product_version=numbers[1], version=numbers[2], dependencies=needs)
        prefix = {"moduleVersion": numbers[2]}
        for name, need in zip(("dep", "dep2"), needs, strict=True):
            prefix |= {f"{name}ModuleFunction": int(need.function), f"{name}ModuleIndex": need.index, f"{name}ModuleVersion": need.version}
        suffix = {"productId": numbers[0], "productVersion": numbers[1]}
        yield data, changes, {"op": "edit", "data": data, "prefix": prefix, "suffix": suffix, "whole": True}


def test_random_edits_give_the_same_bytes(peer: PeerLibrary, real: list[bytes]) -> None:
    edits = list(random_edits(real, 120))
    for (data, changes, _), theirs in zip(edits, peer.run([job for _, _, job in edits]), strict=True):
        assert edit_module(read_module(data), changes) == base64.b64decode(theirs)


@pytest.mark.parametrize("application", [BORON, P2], ids=["boron", "p2"])
def test_new_assets_give_the_same_bytes(peer: PeerLibrary, application: bytes) -> None:
    ours = set_assets(read_module(application), [dependency_on(name, content) for name, content in ASSETS.items()])
    assert ours == peer.bytes(op="assets", data=application, assets=GIVEN)


def test_real_applications_get_the_same_assets(peer: PeerLibrary, real: list[bytes]) -> None:
    applications = [data for data in real if read_module(data).prefix.function is USER and read_module(data).prefix.platform_id >= 12]
    jobs = [{"op": "assets", "data": data, "assets": GIVEN} for data in applications]
    for data, theirs in zip(applications, peer.run(jobs), strict=True):
        assets = [dependency_on(name, content) for name, content in ASSETS.items()]
        assert set_assets(read_module(data), assets) == base64.b64decode(theirs)


@pytest.mark.parametrize("certificate", [b"", b"certificate" * 20], ids=["bare", "certificate"])
@pytest.mark.parametrize("platform", [13, 26, 32])
def test_protected_bootloaders_are_the_same_bytes(peer: PeerLibrary, platform: int, certificate: bytes) -> None:
    bootloader = build_module(platform, BOOTLOADER, 0, 3100, body=b"boot" * 50)
    assert protect(read_module(bootloader), certificate) == peer.bytes(op="protect", data=bootloader, certificate=certificate)


def test_each_inflates_what_the_other_compressed(peer: PeerLibrary) -> None:
    for data in (BORON, P2, build_module(13, SYSTEM, 1, 5501, body=b"code" * 999)):
        assert peer.bytes(op="decompress", data=compress_module(read_module(data))) == data
        assert inflate_module(read_module(peer.bytes(op="compress", data=data))) == data


def test_combined_files_are_the_same_bytes(peer: PeerLibrary) -> None:
    parts = [BORON, build_module(13, SYSTEM, 1, 5501), P2]
    ours = combine([read_module(part) for part in parts])
    (theirs, apart) = peer.run([{"op": "combine", "parts": parts}, {"op": "split", "data": ours}])
    assert ours == base64.b64decode(theirs)
    assert [base64.b64decode(part) for part in apart] == parts == split(read_module(ours))


def test_asset_modules_are_the_same(peer: PeerLibrary) -> None:
    content = b"hello world hello world"
    assert build_asset("h.txt", content, compress=False) == peer.bytes(op="asset", name="h.txt", content=content, compress=False)
    assert peer.bytes(op="unwrap", data=build_asset("h.txt", content)) == content
    assert asset_content(read_module(peer.bytes(op="asset", name="h.txt", content=content, compress=True))) == content


def test_each_unpacks_the_bundles_of_the_other(peer: PeerLibrary) -> None:
    ours = make_bundle(BORON, ASSETS)
    theirs = peer.bytes(op="bundle", data=BORON, assets=GIVEN)
    assert read_bundle(theirs) == read_bundle(ours)
    (unpacked,) = peer.run([{"op": "unpack", "data": ours}])
    assert base64.b64decode(unpacked["application"]) == read_bundle(ours).application
    assert {name: base64.b64decode(content) for name, content in unpacked["assets"]} == ASSETS


VARIABLES = {"SERVER": "https://example.com", "_DEBUG1": "", "PLACE": "Büro 3"}


def test_environment_variables_are_the_same_bytes(peer: PeerLibrary) -> None:
    """Version 3 of the peer has another name for the asset than version 4 and we."""
    assert encode_env(VARIABLES) == peer.bytes(op="env", vars=VARIABLES)
    assert build_env_asset(VARIABLES, name=OLD_ENV_ASSET) == peer.bytes(op="envModule", vars=VARIABLES)
    bundle = read_bundle(peer.bytes(op="bundle", data=BORON, assets=GIVEN, vars=VARIABLES))
    assert bundle.variables == VARIABLES
    application = read_module(bundle.application)
    assert check_bundle(bundle, application) == []
    contents = ASSETS | {OLD_ENV_ASSET: encode_env(VARIABLES)}
    assert set_assets(read_module(BORON), [dependency_on(name, content) for name, content in contents.items()]) == bundle.application


@pytest.mark.parametrize("variables", [{"lower": ""}, {"1": ""}, {"A" * 129: ""}, {"A": 5}, {"A": "x" * 16384}, {"A\n": ""}])
def test_environment_variables_are_refused_by_both(peer: PeerLibrary, variables: dict[str, Any]) -> None:
    (theirs,) = peer.run([{"op": "env", "vars": variables}])
    assert isinstance(theirs, Exception)
    with pytest.raises(EnvError):
        encode_env(variables)


class TestFaults:
    """Where the peer is known to be wrong, it still is, and we are right."""

    def test_padding_is_no_crc_error(self, peer: PeerLibrary) -> None:
        padded = BORON + b"\xff" * 100
        (told,) = peer.run([{"op": "parse", "data": padded}])
        assert isinstance(told, Exception) or told["crc"]["ok"] is False
        image = read_image(padded)
        assert image.modules[0].crc_ok
        assert [finding.name for finding in check_image(image)] == [FindingName.PADDING]

    def test_a_combined_file_is_no_crc_error(self, peer: PeerLibrary) -> None:
        both = combine([read_module(BORON), read_module(P2)])
        (told,) = peer.run([{"op": "parse", "data": both}])
        assert told["crc"]["ok"] is False
        assert is_sound(check_image(read_image(both)))

    def test_a_wrong_sha_is_seen(self, peer: PeerLibrary) -> None:
        module = read_module(BORON)
        draft = Draft.of(module)
        wrong = Draft(b"", draft.prefix, (), draft.body, (), draft.gap, 0, None, bytes(32)).encode()
        (told,) = peer.run([{"op": "parse", "data": wrong}])
        assert told["crc"]["ok"] is True
        assert [finding.name for finding in check_module(read_module(wrong))] == [FindingName.SHA_MISMATCH]

    def test_what_is_no_module_is_not_given_fields(self, peer: PeerLibrary) -> None:
        page = b"<!DOCTYPE html><html><head><title>Not found</title></head><body>" + b"<p>Nothing here.</p>" * 40
        (told, short) = peer.run([{"op": "parse", "data": page}, {"op": "parse", "data": b"short"}])
        assert isinstance(told, Exception) or "platformID" in told["prefixInfo"]
        assert isinstance(short, Exception)
        for data in (page, b"short"):
            with pytest.raises(NotAModule):
                read_module(data)

    def test_new_assets_of_a_module_with_records_in_its_prefix_are_not_lost(self, peer: PeerLibrary) -> None:
        once = peer.bytes(op="assets", data=P2, assets=GIVEN)
        twice = peer.bytes(op="assets", data=once, assets=GIVEN[:1])
        assert asset_dependencies(read_module(twice)) == ()
        wanted = dependency_on("logo.png", ASSETS["logo.png"])
        ours = read_module(set_assets(read_module(once), [wanted]))
        assert asset_dependencies(ours) == (wanted,)
        (told,) = peer.run([{"op": "parse", "data": bytes(ours.data)}])
        assert [asset["name"] for asset in told["assets"]] == ["logo.png"]

    @pytest.mark.parametrize("application", [BORON, P2], ids=["boron", "p2"])
    def test_removing_the_last_asset_restores_the_original(self, peer: PeerLibrary, application: bytes) -> None:
        with_assets = peer.bytes(op="assets", data=application, assets=GIVEN)
        (theirs,) = peer.run([{"op": "remove", "data": with_assets, "types": [0x12]}])
        assert isinstance(theirs, Exception) or base64.b64decode(theirs) != application
        assert remove_extensions(read_module(with_assets), {ExtensionType.ASSET_DEPENDENCY}) == application

    def test_removing_what_is_not_there_is_refused_in_a_sentence(self, peer: PeerLibrary) -> None:
        (theirs,) = peer.run([{"op": "remove", "data": BORON, "types": [0x12]}])
        assert "TypeError" in str(theirs)
        with pytest.raises(EditRefused, match="no record of type asset dependency"):
            remove_extensions(read_module(BORON), {ExtensionType.ASSET_DEPENDENCY})

    def test_a_bundle_with_two_applications_is_refused_in_a_sentence(self, doomed_peer: PeerLibrary) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a.bin", BORON)
            archive.writestr("b.bin", P2)
        with pytest.raises(AssertionError, match="ended with status"):
            doomed_peer.run([{"op": "unpack", "data": out.getvalue()}])
        with pytest.raises(BundleError, match=r"has 2: a\.bin, b\.bin"):
            read_bundle(out.getvalue())

    def test_a_radio_stack_survives_compression_and_combination(self, peer: PeerLibrary) -> None:
        stack = build_module(13, RADIO, 0, 202, body=b"softdevice" * 50, flags=ModuleFlag.DROP_MODULE_INFO)
        packed = peer.bytes(op="compress", data=stack)
        assert peer.bytes(op="decompress", data=packed) != stack
        assert inflate_module(read_module(packed)) == stack
        both = peer.bytes(op="combine", parts=[stack, BORON])
        (apart,) = peer.run([{"op": "split", "data": both}])
        assert base64.b64decode(apart[0]) != stack
        assert split(read_module(combine([read_module(stack), read_module(BORON)]))) == [stack, BORON]

    def test_the_product_of_a_suffix_with_records_is_written_where_it_is_read(self, peer: PeerLibrary) -> None:
        job = {"op": "edit", "data": P2, "prefix": {}, "suffix": {"productId": 1234, "productVersion": 7}, "whole": False}
        (theirs,) = peer.run([job])
        told = read_module(base64.b64decode(theirs)).suffix
        assert told is None or (told.product_id, told.product_version) != (1234, 7)
        ours = read_module(edit_module(read_module(P2), Changes(product_id=1234, product_version=7)))
        assert ours.suffix is not None
        assert (ours.suffix.product_id, ours.suffix.product_version) == (1234, 7)

    def test_a_module_without_product_fields_can_carry_assets(self, peer: PeerLibrary) -> None:
        prefix = Prefix(0xB4000, 0, 0, ModuleFlag(0), 6, 13, USER, 2)
        old = Draft(header=b"", prefix=prefix, body=b"application").encode()
        (theirs,) = peer.run([{"op": "assets", "data": old, "assets": GIVEN}])
        assert isinstance(theirs, Exception)
        ours = set_assets(read_module(old), [dependency_on(name, content) for name, content in ASSETS.items()])
        (told,) = peer.run([{"op": "parse", "data": ours}])
        assert [asset["name"] for asset in told["assets"]] == list(ASSETS)
        assert told["crc"]["ok"]
        assert (told["suffixInfo"]["productId"], told["suffixInfo"]["productVersion"]) == (0xFFFF, 0xFFFF)
        assert set_assets(read_module(ours), []) == old

    def test_a_32_bit_product_id_is_read_and_written(self, peer: PeerLibrary) -> None:
        prefix = Prefix(0x080A0000, 0, 0, ModuleFlag(0), 6, 6, USER, 1)
        long = Draft(header=b"", prefix=prefix, body=b"application", gap=struct.pack("<IH", 100_000, 7)).encode()
        (told,) = peer.run([{"op": "parse", "data": long}])
        assert told["suffixInfo"]["productId"] != 100_000
        suffix = read_module(long).suffix
        assert suffix is not None
        assert (suffix.product_id, suffix.product_version) == (100_000, 7)
