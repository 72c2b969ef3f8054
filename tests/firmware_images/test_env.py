"""Environment variables in bundles, and as an asset of their own."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.assets import asset_content, asset_dependencies, asset_name, dependency_on
from firmware_images.build import build_module
from firmware_images.bundle import Bundle, check_bundle, make_bundle, read_bundle
from firmware_images.checks import check_module
from firmware_images.edit import set_assets
from firmware_images.env import MAX_SIZE, build_env_asset, check_env, decode_env, encode_env, read_env, write_env
from firmware_images.errors import BundleError, EnvError
from firmware_images.extension_contents import AssetType, content_of
from firmware_images.fields import Dependency, ModuleFlag, ModuleFunction
from firmware_images.image import check_image, read_image
from firmware_images.module import read_module

APPLICATION = build_module(
    13, ModuleFunction.USER_PART, 2, 6, dependencies=[Dependency(ModuleFunction.SYSTEM_PART, 1, 6100)], body=b"application"
)
VARIABLES = {"SERVER": "https://example.com", "_DEBUG1": "", "NAME": "Büro 3"}
names = st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,20}\Z")
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(variables=st.dictionaries(names, values, max_size=10))
def test_variables_come_back_from_both_forms(variables: dict[str, str]) -> None:
    assert decode_env(encode_env(variables)) == variables
    assert read_env(write_env(variables)) == variables


def test_the_message_is_that_of_its_description() -> None:
    assert encode_env({"A": "x", "B": ""}) == bytes.fromhex("0a06 0a0141 120178  0a05 0a0142 1200".replace(" ", ""))


def test_the_module_says_what_it_is_and_is_not_deflated() -> None:
    module = read_module(build_env_asset(VARIABLES))
    assert asset_name(module) == "env"
    assert decode_env(asset_content(module)) == VARIABLES
    assert module.prefix.flags == ModuleFlag.DROP_MODULE_INFO
    assert AssetType(1) in [content_of(item) for item in module.suffix_extensions.items]
    assert check_module(module) == ()


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"lower": "x"}, "'lower' cannot be the name"),
        ({"1ST": "x"}, "'1ST' cannot be the name"),
        ({"": "x"}, "'' cannot be the name"),
        ({"A\n": "x"}, "cannot be the name"),
        ({"Ä": "x"}, "cannot be the name"),
        ({"A" * 129: "x"}, "has 129 characters, more than 128"),
        ({"A": 5}, "A is not a string; put it in quotes"),
        ({"A": None}, "A is not a string"),
        ({"A": "\ud800"}, "half a character"),
        ({f"A{number}": "" for number in range(101)}, "there are 101 environment variables, more than 100"),
        ({"A": "x" * MAX_SIZE}, "more than 16384"),
    ],
)
def test_what_no_device_takes_is_refused(variables: dict[str, Any], reason: str) -> None:
    with pytest.raises(EnvError, match=reason):
        encode_env(variables)


def test_the_limits_themselves_are_allowed() -> None:
    many = {f"A{number}": "" for number in range(99)} | {"B" * 128: "x"}
    assert check_env(many) == many
    as_text, as_message = ({"A": "x" * (MAX_SIZE - more)} for more in (len('{"A":""}'), 9))
    assert check_env(as_text) == as_text
    assert decode_env(encode_env(as_message)) == as_message
    assert len(encode_env(as_message)) == MAX_SIZE
    with pytest.raises(EnvError, match="take 16385 bytes as JSON"):
        check_env({"A": as_text["A"] + "x"})
    with pytest.raises(EnvError, match="take 16385 bytes, more"):
        encode_env({"A": as_message["A"] + "x"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"A=1", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not one JSON object"),
        (b'{"A": "1", "A": "2"}', "'A' is there twice"),
        (b'{"A": {"B": "C"}}', "not a string"),
    ],
)
def test_texts_that_are_no_variables_are_refused(text: bytes, reason: str) -> None:
    with pytest.raises(EnvError, match=reason):
        read_env(text)


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x05ab", bytes.fromhex("0a050a01ff1200"), encode_env({"A": "1"}) * 2])
def test_content_that_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(EnvError):
        decode_env(data)


@given(data=st.binary(max_size=60))
def test_random_content_is_refused_or_decoded(data: bytes) -> None:
    try:
        decode_env(data)
    except EnvError:
        return


def test_a_bundle_carries_them_as_an_asset_and_as_text() -> None:
    data = make_bundle(APPLICATION, {"logo": b"content"}, env=VARIABLES)
    bundle = read_bundle(data)
    assert bundle.variables == VARIABLES
    assert bundle.env is not None
    assert json.loads(bundle.env) == VARIABLES
    assert bundle.assets == {"logo": b"content", "env": encode_env(VARIABLES)}
    assert [asset.name for asset in asset_dependencies(read_module(bundle.application))] == ["logo", "env"]
    assert check_image(read_image(data)) == ()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["application.bin", "assets/logo", "assets/env", "env.json"]


def test_what_was_unpacked_can_be_packed_again() -> None:
    bundle = read_bundle(make_bundle(APPLICATION, {}, env=VARIABLES))
    again = read_bundle(make_bundle(bundle.application, bundle.assets))
    assert again == bundle
    assert read_bundle(make_bundle(bundle.application, bundle.assets, env=VARIABLES)) == bundle
    with pytest.raises(BundleError, match="it holds others"):
        make_bundle(bundle.application, bundle.assets, env={"OTHER": "x"})
    with pytest.raises(BundleError, match="cannot be decoded"):
        make_bundle(APPLICATION, {"env": b"\x0a"})


def with_env(assets: dict[str, bytes], env: bytes | None) -> list[str]:
    application = set_assets(read_module(APPLICATION), [dependency_on(name, content) for name, content in assets.items()])
    bundle = Bundle("application.bin", application, assets, env)
    return [finding.name.value for finding in check_bundle(bundle, read_module(application))]


def test_variables_that_do_not_fit_together_are_found() -> None:
    encoded, text = encode_env(VARIABLES), write_env(VARIABLES)
    assert with_env({"env": encoded}, text) == []
    assert with_env({"env-vars": encoded}, text) == []
    assert with_env({"env-vars": b"any file"}, None) == []
    assert with_env({}, text) == ["env-malformed"]
    assert with_env({"env": encoded}, None) == ["env-malformed"]
    assert with_env({"env": encoded}, b'{"SERVER": "other"}') == ["env-malformed"]
    assert with_env({"env": encoded}, b"{") == ["env-malformed"]
    assert with_env({"env": b"\x0a"}, text) == ["env-malformed"]


def test_two_texts_with_variables_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (("a.bin", APPLICATION), ("env.json", b"{}"), ("env/env-vars.json", b"{}")):
            archive.writestr(name, content)
    with pytest.raises(BundleError, match="second file with environment variables"):
        read_bundle(out.getvalue())
