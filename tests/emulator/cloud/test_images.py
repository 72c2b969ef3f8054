"""What the cloud reads in a module, and takes from a bundle."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib

import pytest

from emulator.cloud.errors import BadImage
from emulator.cloud.images import ImageFacts, application_of, read_image
from firmware_images.build import build_module
from firmware_images.bundle import make_bundle
from firmware_images.fields import Dependency, ModuleFunction

PHOTON, ARGON = 6, 12
PRODUCT = 10_001
USER, RADIO = ModuleFunction.USER_PART, ModuleFunction.RADIO_STACK
ASSETS = {"a.txt": b"first", "b.txt": b"second"}


def with_padding_for_a_suffix(image):
    """The module with a suffix whose size says 0xFFFF, as of a build without one; its CRC is right."""
    content = image[:-6] + b"\xff\xff"
    return content + zlib.crc32(content).to_bytes(4, "big")


def digest(image):
    """The SHA-256 of a normal build: of all up to where it stands itself."""
    return hashlib.sha256(image[:-38]).hexdigest()


def test_the_facts_of_an_application_are_what_was_compiled_in():
    needed = (Dependency(ModuleFunction.SYSTEM_PART, 1, 2302),)
    image = build_module(PHOTON, USER, version=6, dependencies=needed, product_id=PRODUCT, product_version=3, body=b"code")
    assert read_image(image) == ImageFacts(PHOTON, USER, 1, 6, needed, PRODUCT, 3, digest(image), len(image), stand_in=False)
    assert read_image(image + b"what follows").size == len(image)


@pytest.mark.parametrize(
    ("facts", "meant"),
    [
        ({}, (None, None)),
        ({"product_version": 7}, (None, 7)),
        ({"product_id": PHOTON}, (PHOTON, None)),
        ({"product_id": PRODUCT}, (PRODUCT, 0xFFFF)),
        ({"product_id": PHOTON, "product_version": 7}, (PHOTON, 7)),
    ],
)
def test_a_product_version_left_unset_is_the_highest_one_where_a_product_stands_beside_it(facts, meant):
    found = read_image(build_module(PHOTON, USER, version=6, **facts))
    assert (found.product_id, found.product_version) == meant


def test_a_module_without_product_fields_is_of_no_product():
    image = build_module(ARGON, RADIO, version=202)
    assert read_image(image) == ImageFacts(
        ARGON, RADIO, 0, 202, (), None, None, hashlib.sha256(b"").hexdigest(), len(image), stand_in=False
    )


def test_a_module_without_a_suffix_has_neither_product_nor_digest():
    image = with_padding_for_a_suffix(build_module(PHOTON, USER, version=6, product_id=PRODUCT, product_version=3))
    assert read_image(image) == ImageFacts(PHOTON, USER, 1, 6, (), None, None, "", len(image), stand_in=False)


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.fixture(scope="module")
def application():
    """An application that asks for ASSETS."""
    needed = Dependency(ModuleFunction.SYSTEM_PART, 1, 5500)
    whole = make_bundle(build_module(ARGON, USER, version=6, dependencies=[needed]), ASSETS)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return archive.read("application.bin")


def test_an_asset_that_nobody_asked_for_spoils_no_bundle(application):
    files = {"application.bin": application, **{f"assets/{name}": content for name, content in ASSETS.items()}}
    assert application_of(packed(files)) == application
    assert application_of(packed({**files, "assets/c.txt": b"third"})) == application


def test_all_that_is_wrong_with_a_bundle_is_said(application):
    with pytest.raises(BadImage) as refused:
        application_of(packed({"application.bin": application, "assets/a.txt": b"other"}))
    assert str(refused.value) == (
        "error asset-malformed: asset 'a.txt' has another content than the application asks for"
        f" (expected {hashlib.sha256(b'first').hexdigest()}); "
        "error bundle-malformed: the application needs asset 'b.txt', which is not in the bundle"
    )
