"""Libraries: what an archive must be, who may do what with a library, and the words of each refusal."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zlib

import pytest

from emulator.cloud.errors import Invalid, PermissionDenied, ScopeRefused
from emulator.cloud.libraries import MAX_ARCHIVE, MAX_CONTENT, MAX_PROPERTIES, LibraryPublished, LibraryUnknown, read_properties

PROPERTIES = b"name=lamp\nversion=1.0.0\n"
NO_ARCHIVE = "archive=None: must be a whole .tar.gz"
TOO_MUCH = "archive=None: must hold at most 16777216 bytes"


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def library(properties: bytes = PROPERTIES, path: str = "library.properties") -> bytes:
    return gzip.compress(tar({path: properties}))


def refusal(archive: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read_properties(archive)
    return str(refused.value)


@pytest.fixture
def shelf(world):
    """`world` with the developers `u1` and `u2`, and an API user of a product of `u1`."""
    world.u1, world.u2 = world.user("u1"), world.user("u2")
    world.program = world.api_user(world.u1, world.product(world.u1), "devices:list")
    return world


def test_properties_are_what_is_said_and_not_what_is_commented_out():
    text = b"# a comment\n#version=0.1\n  # name=other\nname = lamp\nversion=1.0.0\nnonsense\nsentence=a = b\n"
    assert read_properties(library(text)) == {"name": "lamp", "version": "1.0.0", "sentence": "a = b"}


@pytest.mark.parametrize(
    "path",
    ["library.properties", "./library.properties", "lamp/library.properties", "./lamp/library.properties", "lamp//library.properties"],
)
def test_properties_are_in_the_root_or_in_a_folder_however_the_path_is_written(path):
    assert read_properties(library(path=path))["name"] == "lamp"


def test_a_letter_that_is_no_utf_8_is_replaced():
    assert read_properties(library(PROPERTIES + b"author=Jos\xe9\n"))["author"] == "Jos\ufffd"


def test_an_archive_may_be_as_large_as_it_may():
    archive = library().ljust(MAX_ARCHIVE, b"\0")
    assert read_properties(archive)["name"] == "lamp"
    assert refusal(archive + b"\0") == "archive=None: must have at most 2097152 bytes"


def test_what_an_archive_holds_may_be_as_large_as_it_may():
    content = tar({"library.properties": PROPERTIES}).ljust(MAX_CONTENT, b"\0")
    assert read_properties(gzip.compress(content, 1))["name"] == "lamp"
    assert refusal(gzip.compress(content + b"\0", 1)) == TOO_MUCH


def test_what_holds_too_much_is_not_inflated_to_its_end():
    archive = gzip.compress(bytes(5 * MAX_CONTENT), 1)
    tracemalloc.start()
    try:
        assert refusal(archive) == TOO_MUCH
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_CONTENT
    finally:
        tracemalloc.stop()


def test_properties_may_be_as_large_as_they_may():
    text = PROPERTIES.ljust(MAX_PROPERTIES, b"\n")
    assert read_properties(library(text))["version"] == "1.0.0"
    assert refusal(library(text + b"\n")) == "library.properties=None: must have at most 65536 bytes"


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"junk",
        library()[:-20],
        zlib.compress(tar({"library.properties": PROPERTIES})),
        gzip.compress(library()),
        gzip.compress(b"x" * 600),
    ],
    ids=["empty", "junk", "cut", "zlib", "twice", "no tar"],
)
def test_what_is_no_tar_gz_is_refused_as_such(archive):
    assert refusal(archive) == NO_ARCHIVE


@pytest.mark.parametrize("path", ["lamp.properties", "a/b/library.properties"])
def test_an_archive_without_properties_is_refused(path):
    assert refusal(library(path=path)) == "archive=None: must hold library.properties"


def test_a_folder_of_that_name_holds_no_properties():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        folder = tarfile.TarInfo("library.properties")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    assert refusal(out.getvalue()) == "archive=None: must hold library.properties"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (b"version=1.0.0", "library.properties=None: must say a name that can be one"),
        (b"name=../up\nversion=1.0.0", "library.properties='../up': must say a name that can be one"),
        (b"name=lamp", "library.properties=None: must say a version that can be one"),
        (b"name=lamp\nversion=new", "library.properties='new': must say a version that can be one"),
    ],
)
def test_a_name_or_a_version_that_cannot_be_is_said(properties, message):
    assert refusal(library(properties)) == message


def test_libraries_are_for_developers_and_each_refusal_names_its_scope(shelf):
    libraries = shelf.cloud.libraries
    libraries.contribute(shelf.u1, library())
    for scope, attempt in (
        ("libraries:create", lambda: libraries.contribute(shelf.program, library())),
        ("libraries:update", lambda: libraries.publish(shelf.program, "lamp")),
        ("libraries:remove", lambda: libraries.delete(shelf.program, "lamp")),
    ):
        with pytest.raises(ScopeRefused) as refused:
            attempt()
        assert str(refused.value) == f"scope {scope} was not granted"


def test_the_name_of_a_library_is_its_first_contributors(shelf):
    libraries = shelf.cloud.libraries
    libraries.contribute(shelf.u1, library())
    with pytest.raises(PermissionDenied) as refused:
        libraries.contribute(shelf.u2, library(b"name=Lamp\nversion=2.0.0"))
    assert str(refused.value) == "not permitted: library Lamp"
    for attempt in (libraries.publish, libraries.delete):
        with pytest.raises(LibraryUnknown) as unknown:
            attempt(shelf.u2, "lamp")
        assert str(unknown.value) == "no library 'lamp'"


def test_a_public_version_is_neither_replaced_nor_deleted_without_force(shelf):
    libraries = shelf.cloud.libraries
    libraries.contribute(shelf.u1, library())
    libraries.publish(shelf.u1, "lamp")
    for attempt in (lambda: libraries.contribute(shelf.u1, library()), lambda: libraries.delete(shelf.u1, "lamp")):
        with pytest.raises(LibraryPublished) as refused:
            attempt()
        assert (refused.value.what, str(refused.value)) == ("lamp", "version 1.0.0 of library lamp is public")
    assert libraries.get(shelf.u2, "lamp").public


def test_a_deleted_library_leaves_no_archive_behind(shelf):
    libraries, tables = shelf.cloud.libraries, shelf.cloud.core.state.tables
    libraries.contribute(shelf.u1, library())
    libraries.publish(shelf.u1, "lamp")
    libraries.contribute(shelf.u1, library(b"name=lamp\nversion=1.1.0"))
    libraries.delete(shelf.u1, "lamp")
    assert [archive.key for archive in tables["library_archives"]] == ["lamp@1.0.0"]
    libraries.delete(shelf.u1, "lamp", force=True)
    assert (len(tables["libraries"]), len(tables["library_archives"])) == (0, 0)


def test_the_newest_version_is_listed_in_whatever_order_they_came(shelf):
    libraries = shelf.cloud.libraries
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1", "1.2.0"):
        libraries.contribute(shelf.u1, library(b"name=Lamp\nversion=" + version.encode()))
    libraries.contribute(shelf.u1, library(b"name=door\nversion=0.1.0"))
    assert [(each.name, each.version) for each in libraries.list(shelf.u1)] == [("door", "0.1.0"), ("Lamp", "1.10.0")]
    assert [each.name for each in libraries.list(shelf.u1, text="LA")] == ["Lamp"]
    assert libraries.list(shelf.u2) == []
    assert [each.version for each in libraries.versions(shelf.u1, "lamp")] == ["1.2.0", "1.9.0", "1.10.0-rc.1", "1.10.0"]
    with pytest.raises(LibraryUnknown) as unknown:
        libraries.get(shelf.u1, "lamp", "3.0.0")
    assert str(unknown.value) == "no library 'lamp@3.0.0'"
