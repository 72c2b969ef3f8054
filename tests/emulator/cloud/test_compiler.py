"""Compiling sources that the lab knows."""

import pytest

from emulator.cloud.compiler import KEPT, BinaryUnknown, NotCompiled, Source, product_in
from emulator.cloud.errors import Invalid

SOURCE = Source("src/lamp.ino", b"PRODUCT_ID(20123);\nPRODUCT_VERSION( 4 );\n")


class Known:
    """A project of one file."""

    name = "lamp"

    def difference(self, sources):
        return "" if list(sources) == [SOURCE] else "another file"

    def build(self, platform, os, product):
        return f"{platform.name} {os} {product}".encode()


@pytest.fixture
def compiler(world):
    world.cloud.compiler.projects = [Known()]
    return world.cloud.compiler


@pytest.fixture
def anna(world):
    return world.user("anna")


def test_sources_that_are_known_give_a_binary(compiler, anna, world):
    made = compiler.compile(anna, [SOURCE], 6, "2.3.1")
    assert (made.image, made.os) == (b"photon 2.3.1 (20123, 4)", "2.3.1")
    assert compiler.binary(anna, made.id) == made
    with pytest.raises(BinaryUnknown):
        compiler.binary(world.user("ben"), made.id)
    assert compiler.compile(anna, [SOURCE], 6).os != "", "without a version it is for the newest"


def test_a_binary_goes_when_it_is_old_or_one_of_many(compiler, world, anna):
    first = compiler.compile(anna, [SOURCE], 6)
    for _ in range(KEPT - 1):
        last = compiler.compile(anna, [SOURCE], 6)
    assert compiler.binary(anna, first.id)
    compiler.compile(anna, [SOURCE], 6)
    with pytest.raises(BinaryUnknown):
        compiler.binary(anna, first.id)
    assert last.expires_at == world.cloud.core.now() + 86_400


def test_what_is_not_known_is_not_compiled(compiler, anna):
    with pytest.raises(NotCompiled, match="lamp: another file"):
        compiler.compile(anna, [SOURCE, SOURCE], 6)
    with pytest.raises(NotCompiled, match="No sources"):
        compiler.compile(anna, [], 6)
    with pytest.raises(Invalid, match="platform"):
        compiler.compile(anna, [SOURCE], 250)
    with pytest.raises(Invalid):
        compiler.compile(anna, [SOURCE], 6, "99.0.0")
    compiler.projects = ()
    with pytest.raises(NotCompiled, match="build the binary elsewhere"):
        compiler.compile(anna, [SOURCE], 6)


@pytest.mark.parametrize(
    ("texts", "product"),
    [
        ([b"PRODUCT_ID(1); PRODUCT_VERSION(2);"], (1, 2)),
        ([b"PRODUCT_VERSION (7)", b"// PRODUCT_ID( 300 )"], (300, 7)),
        ([b"PRODUCT_ID(1);"], None),
        ([b"PRODUCT_ID(99999); PRODUCT_VERSION(2);"], None),
        ([b"PRODUCT_ID(NAME); PRODUCT_VERSION(2);"], None),
        ([], None),
    ],
)
def test_the_product_that_sources_name(texts, product):
    assert product_in([Source("a.cpp", text) for text in texts]) == product
