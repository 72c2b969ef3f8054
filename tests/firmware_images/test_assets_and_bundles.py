"""Asset modules, and bundles of an application with its assets."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.assets import (
    asset_content,
    asset_dependencies,
    asset_digest,
    asset_name,
    build_asset,
    dependency_on,
    limit_problems,
    storage_needed,
)
from firmware_images.build import build_module
from firmware_images.bundle import MAX_ENTRIES, MAX_ENTRY, Bundle, check_bundle, make_bundle, read_bundle
from firmware_images.checks import check_module
from firmware_images.errors import BuildRefused, BundleError
from firmware_images.extension_contents import AssetType, content_of
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.module import read_module

USER, SYSTEM = ModuleFunction.USER_PART, ModuleFunction.SYSTEM_PART
APPLICATION = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 5501)], body=b"application")
ASSETS = {"logo.png": b"logo" * 500, "font.bin": bytes(range(256))}


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("compress", [True, False])
@given(
    content=st.binary(max_size=500),
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20),
)
def test_an_asset_comes_back_from_its_module(compress: bool, content: bytes, name: str) -> None:
    module = read_module(build_asset(name, content, compress=compress))
    assert module.prefix.function is ModuleFunction.ASSET
    assert bool(module.prefix.flags & ModuleFlag.COMPRESSED) is compress
    assert (module.prefix.start_address, module.prefix.platform_id, module.prefix.version) == (0, 0, 0)
    assert asset_name(module) == name
    assert asset_digest(module) == hashlib.sha256(content).digest()
    assert asset_content(module) == content
    assert check_module(module) == ()


def test_the_size_of_a_known_asset_module_is_as_the_vendors_tools_make_it() -> None:
    assert len(build_asset("h.txt", b"hello world hello world")) == 145


def test_an_asset_may_say_its_type() -> None:
    module = read_module(build_asset("env", b"x", compress=False, asset_type=1))
    assert AssetType(1) in [content_of(item) for item in module.suffix_extensions.items]


@pytest.mark.parametrize("name", ["", "a/b", "a\0b", "n" * 70_000, "\udcff.txt"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(BuildRefused, match="cannot be the name"):
        build_asset(name, b"")
    with pytest.raises(BuildRefused, match="cannot be the name"):
        dependency_on(name, b"")


def test_what_is_no_asset_has_no_content() -> None:
    with pytest.raises(BuildRefused, match="user part"):
        asset_content(read_module(APPLICATION))
    assert asset_name(read_module(APPLICATION)) is None


def test_storage_is_counted_in_blocks() -> None:
    assert storage_needed(1) == storage_needed(4088) == 4096
    assert storage_needed(4089) == 8192
    assert list(limit_problems(13, [("a", 606208)])) == []
    assert list(limit_problems(13, [("a", 606209)])) == ["asset 'a' takes 606209 bytes as a module, 1 too many"]
    assert "too many" in next(limit_problems(13, [("a", 606208), ("b", 606208)]))
    assert list(limit_problems(6, [])) == ["platform 6 has no storage for assets"]


def test_a_bundle_comes_back_and_its_application_knows_the_assets() -> None:
    data = make_bundle(APPLICATION, ASSETS, name="tinker.bin")
    bundle = read_bundle(data)
    assert bundle.name == "tinker.bin"
    assert bundle.assets == ASSETS
    application = read_module(bundle.application)
    assert {asset.name: asset.digest for asset in asset_dependencies(application)} == {
        name: hashlib.sha256(content).digest() for name, content in ASSETS.items()
    }
    assert check_module(application) == ()
    assert check_bundle(bundle, application) == []
    assert make_bundle(APPLICATION, ASSETS, name="tinker.bin") == data


def test_a_bundle_without_assets_leaves_the_application_alone() -> None:
    assert read_bundle(make_bundle(APPLICATION, {})) == Bundle("application.bin", APPLICATION, {})


def test_an_application_asks_for_the_assets_of_its_new_bundle_alone() -> None:
    before = read_bundle(make_bundle(APPLICATION, ASSETS)).application
    assert read_bundle(make_bundle(before, {})).application == APPLICATION
    after = read_module(read_bundle(make_bundle(before, {"new": b"x"})).application)
    assert [asset.name for asset in asset_dependencies(after)] == ["new"]


def test_what_a_bundle_cannot_carry_is_refused() -> None:
    with pytest.raises(BundleError, match="not a module"):
        make_bundle(b"no", {})
    with pytest.raises(BundleError, match="no storage"):
        make_bundle(build_module(6, USER), ASSETS)
    with pytest.raises(BundleError, match="cannot be the name"):
        make_bundle(APPLICATION, {"../x": b""})
    for name in ("../x.bin", ".x.bin", "\udcff.bin"):
        with pytest.raises(BundleError, match="cannot be the name"):
            make_bundle(APPLICATION, {}, name=name)
    for name in (".DS_Store", "Thumbs.db", "\udcff"):
        with pytest.raises(BundleError, match="cannot be the name"):
            make_bundle(APPLICATION, {name: b""})
    with pytest.raises(BundleError, match=r"is a \.bin, not"):
        make_bundle(APPLICATION, {}, name="app.hex")
    with pytest.raises(BundleError, match="this is a system part"):
        make_bundle(build_module(13, SYSTEM, 1), {})


def test_what_does_not_belong_together_is_found() -> None:
    application = read_bundle(make_bundle(APPLICATION, ASSETS)).application
    module = read_module(application)
    wrong = Bundle("a.bin", application, {"logo.png": b"other", "extra": b""})
    assert [finding.name.value for finding in check_bundle(wrong, module)] == ["asset-malformed", "bundle-malformed", "bundle-malformed"]
    assert [finding.name.value for finding in check_bundle(wrong, None)] == ["bundle-malformed"]
    old = build_module(13, USER, 2, 6, dependencies=[Dependency(SYSTEM, 1, 4200)])
    told = read_bundle(make_bundle(old, ASSETS))
    assert [finding.name.value for finding in check_bundle(told, read_module(told.application))] == ["dependency-too-old"]


def test_what_is_none_of_ours_in_a_bundle_is_left_alone() -> None:
    data = archive(
        {
            "app.bin": APPLICATION,
            "assets/a": b"1",
            "assets/.DS_Store": b"2",
            "assets/deep/b": b"3",
            "__MACOSX/._app.bin": b"4",
            "README.md": b"5",
            "env/env-vars.json": b"{}",
        }
    )
    bundle = read_bundle(data)
    assert bundle.assets == {"a": b"1"}
    assert bundle.env == b"{}"
    assert set(bundle.ignored) == {"assets/.DS_Store", "assets/deep/b", "__MACOSX/._app.bin", "README.md"}


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"assets/a": b""}, "has 0: none"),
        ({"a.bin": b"", "b.bin": b""}, "has 2: a.bin, b.bin"),
        ({"a.bin": b"", "../evil": b""}, "dangerous"),
        ({"a.bin": b"", "/etc/passwd": b""}, "dangerous"),
        ({"a.bin": b"", "assets/../../evil": b""}, "dangerous"),
        ({"a.bin": b"", "assets\\..\\evil": b""}, "dangerous"),
        ({"a.bin": b"", "C:/evil": b""}, "dangerous"),
        ({"a.bin": b"", "assets//x": b""}, "dangerous"),
        ({f"assets/{number}": b"" for number in range(MAX_ENTRIES + 1)}, "more than 1000"),
        ({"a.bin": bytes(MAX_ENTRY + 1)}, "more than any board"),
        ({"a.bin": b"", **{f"assets/{number}": bytes(MAX_ENTRY) for number in range(5)}}, "more than any board"),
    ],
    ids=[
        "no application",
        "two applications",
        "parent",
        "absolute",
        "deep parent",
        "backslash",
        "drive",
        "empty part",
        "many",
        "bomb",
        "bombs",
    ],
)
def test_dangerous_bundles_are_refused(entries: dict[str, bytes], reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        read_bundle(archive(entries))


def test_a_bundle_that_lies_about_its_sizes_is_not_believed() -> None:
    data = bytearray(archive({"a.bin": bytes(1_000_000)}))
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = (100).to_bytes(4, "little")
    data[22:26] = (100).to_bytes(4, "little")
    with pytest.raises(BundleError):
        read_bundle(bytes(data))


def test_names_that_are_there_twice_and_encryption_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.bin", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a.bin", b"2")
    with pytest.raises(BundleError, match="twice"):
        read_bundle(out.getvalue())
    data = bytearray(archive({"a.bin": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    with pytest.raises(BundleError, match="encrypted"):
        read_bundle(bytes(data))


@given(changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8), cut=st.integers(0, 200))
def test_damaged_archives_are_refused_or_read(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(make_bundle(APPLICATION, {"a": b"content" * 20}))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        read_bundle(bytes(data[: len(data) - cut]))
    except BundleError:
        return


@given(data=st.binary(max_size=300))
def test_random_bytes_are_no_bundle(data: bytes) -> None:
    with pytest.raises(BundleError):
        read_bundle(b"PK\x03\x04" + data)
