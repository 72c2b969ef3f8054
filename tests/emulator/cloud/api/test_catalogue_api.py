"""What is the same for everybody: build targets, Device OS, libraries; and what this cloud does not do."""

from __future__ import annotations

import io
import tarfile

import pytest

from emulator.cloud.libraries import MAX_ARCHIVE
from emulator.factory import device_os_release
from firmware_images.module import read_module
from firmware_images.stand_in import is_stand_in
from particle_protocol.platforms import platform_by_name

PHOTON = platform_by_name("photon")


@pytest.fixture
def hold(world, as_real):
    """Puts releases into the cloud's library, as real ones would be."""

    def put(*versions):
        for version in versions:
            for module in device_os_release(PHOTON, version):
                world.cloud.library.add(as_real(module))

    return put


def test_build_targets_are_the_releases_that_each_platform_had(rest):
    targets = rest.anonymous.get("/v1/build_targets").json()
    assert targets["platforms"]["Photon"] == 6
    assert (targets["default_versions"]["6"], targets["default_versions"]["14"]) == ("3.3.1", "1.5.2")
    had = {each["version"]: each["platforms"] for each in targets["targets"]}
    assert (had["0.9.0"], had["0.6.4"], had["1.0.0"]) == ([12, 13, 14], [10], [0, 6, 8, 10])
    assert had["6.1.1"] == [12, 13, 15, 23, 25, 26]


def test_a_release_that_the_library_does_not_hold_is_not_found_and_not_listed(rest, hold):
    def ask(version, **query):
        return rest.anonymous.get(f"/v1/device-os/versions{version}", params=query)

    for version in ("/2.3.1", "/2302", "/latest", "/9.9.9", "/6.2.0"):
        for query in ({}, {"platform_id": 6}):
            answer = ask(version, **query)
            assert (answer.status_code, answer.json()["error"]) == (404, f"Device OS {version[1:]} not found")
    assert ask("").json()["versions"] == []
    hold("2.1.0", "2.2.0")
    assert [each["version"] for each in ask("", platformId=6).json()["versions"]] == ["2.2.0", "2.1.0"]
    assert [each["version"] for each in ask("", perPage=1).json()["versions"]] == ["2.2.0"]
    assert [each["version"] for each in ask("", internal_version=2101).json()["versions"]] == ["2.1.0"]
    assert ask("", platform_id=13).json()["versions"] == ask("", platform_id=99).json()["versions"] == []
    assert {ask(f"/{given}", platform_id=6).json()["version"] for given in ("v2.2.0", "2202", "latest")} == {"2.2.0"}
    release = ask("/2.2.0", platform_id=6).json()
    assert (release["internal_version"], release["platform_id"]) == (2202, 6)
    assert release["platforms"] == [6, 8, 10, 12, 13, 23, 25, 26], "those that had it"
    for version, query in (("/2.3.0", {"platform_id": 6}), ("/2.2.0", {"platform_id": 8}), ("/2.2.0", {"platform_id": 99})):
        assert ask(version, **query).status_code == 404


def test_the_modules_of_a_release_can_be_downloaded(world, rest, hold):
    hold("1.5.2", "2.2.0", "3.3.1")
    release = rest.anonymous.get("/v1/device-os/versions/2.2.0", params={"platform_id": 6}).json()
    assert [each["filename"] for each in release["modules"]] == [
        "photon-system-part1@2202.bin",
        "photon-system-part2@2202.bin",
        "photon-bootloader0@1006.bin",
    ]
    assert release["modules"][2]["prefixInfo"]["moduleFunction"] == "bootloader"
    files = [rest.anonymous.get(f"{release['base_url']}/{each['filename']}").content for each in release["modules"]]
    assert [each["crc"]["storedCrc"] for each in release["modules"]] == [file[-4:].hex() for file in files]
    assert [read_module(file).prefix.version for file in files] == [2202, 2202, 1006]
    assert not any(is_stand_in(read_module(file).prefix) for file in files)
    for wrong in ("6/2.2.0/x.bin", "6/9.9.9/photon-system-part1@2202.bin", "x/2.2.0/photon-system-part1@2202.bin", "99/2.2.0/x.bin"):
        assert rest.anonymous.get(f"/emulator/device_os/{wrong}").status_code == 404


def test_stand_ins_are_handed_out_only_when_asked_for_and_then_called_so(world, rest, caplog):
    for module in device_os_release(PHOTON, "2.3.1"):
        world.cloud.library.add(module)
    file = "/emulator/device_os/6/2.3.1/photon-system-part1@2302.bin"
    one = "/v1/device-os/versions/2.3.1"
    assert [rest.anonymous.get(path, params={"platform_id": 6}).status_code for path in (one, file)] == [404, 404]
    world.cloud.library.hands_out_stand_ins = True
    words = "stand-ins: for emulated boards only"
    assert rest.anonymous.get(one, params={"platform_id": 6}).json()["notice"] == words
    assert rest.anonymous.get("/v1/device-os/versions").json()["versions"][0]["notice"] == words
    assert is_stand_in(read_module(rest.anonymous.get(file).content).prefix)
    assert [record.getMessage() for record in caplog.records] == [
        f"photon-system-part1@2302.bin of Device OS 2.3.1 was handed out; {words}"
    ]


def archive(name="lamp", version="1.0.0", folder="", more="", **files):
    """A library as a .tar.gz."""
    out = io.BytesIO()
    properties = f"# a library\nname={name}\nversion={version}\n{more}"
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in {f"{folder}src/lamp.h": "", f"{folder}library.properties": properties, **files}.items():
            info = tarfile.TarInfo(path)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def contribute(client, data):
    return client.post("/v1/libraries", files={"file": ("archive.tar.gz", data)})


def names(client, **query):
    return [each["id"] for each in client.get("/v1/libraries", params=query).json()["data"]]


def test_a_library_is_private_until_it_is_published(rest, u1, u2):
    data = archive(more="author=Ada\nsentence=Lights = on\narchitectures=photon, *\n")
    made = contribute(u1, data)
    assert made.status_code == 201
    attributes = made.json()["data"]["attributes"]
    assert (attributes["author"], attributes["sentence"], attributes["architectures"]) == ("Ada", "Lights = on", ["photon"])
    assert (attributes["visibility"], attributes["mine"], attributes["installs"]) == ("private", True, 0)
    assert names(u2) == []
    unknown = u2.get("/v1/libraries/lamp")
    assert (unknown.status_code, unknown.json()) == (404, {"errors": [{"message": "Library lamp not found"}]})
    assert u1.patch("/v1/libraries/LAMP", json={"visibility": "private"}).status_code == 400
    assert u1.patch("/v1/libraries/LAMP", json={"visibility": "public"}).json()["data"]["attributes"]["visibility"] == "public"
    seen = u2.get("/v1/libraries/Lamp").json()["data"]
    assert (seen["id"], seen["attributes"]["mine"]) == ("lamp", False)
    assert rest.anonymous.get(seen["links"]["download"]).content == data
    assert u2.get("/v1/libraries/lamp").json()["data"]["attributes"]["installs"] == 1
    assert rest.anonymous.get("/emulator/libraries/none").status_code == 404
    assert u1.patch("/v1/libraries/lamp", json={"visibility": "public"}).status_code == 404
    again, foreign = contribute(u1, data), contribute(u2, archive(version="2.0.0"))
    assert (again.status_code, again.json()) == (409, {"errors": [{"message": "version 1.0.0 of library lamp is public"}]})
    assert (foreign.status_code, foreign.json()) == (
        403,
        {"errors": [{"message": "Permission denied: the library belongs to another account"}]},
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/libraries"),
        ("POST", "/v1/libraries"),
        ("GET", "/v1/libraries/lamp"),
        ("PATCH", "/v1/libraries/lamp"),
        ("DELETE", "/v1/libraries/lamp"),
        ("GET", "/v1/libraries/lamp/versions"),
    ],
)
def test_who_is_signed_out_is_shown_no_library(rest, u1, method, path):
    contribute(u1, archive())
    u1.patch("/v1/libraries/lamp", json={"visibility": "public"})
    refused = rest.anonymous.request(method, path)
    assert (refused.status_code, refused.json()["error_description"]) == (400, "The access token was not found")


def test_the_newest_version_counts_unless_another_is_asked_for(u1):
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        contribute(u1, archive(version=version, folder="lamp-1/"))
    shown = [each["attributes"]["version"] for each in u1.get("/v1/libraries/lamp/versions").json()["data"]]
    assert shown == ["1.9.0", "1.10.0-rc.1", "1.10.0"]
    for query, expected in (({}, "1.10.0"), ({"version": "latest"}, "1.10.0"), ({"version": "1.9.0"}, "1.9.0")):
        assert u1.get("/v1/libraries/lamp", params=query).json()["data"]["attributes"]["version"] == expected
    assert u1.get("/v1/libraries/lamp", params={"version": "3.0.0"}).status_code == 404
    u1.patch("/v1/libraries/lamp", json={"visibility": "public"})
    assert u1.get("/v1/libraries/lamp", params={"scope": "private"}).json()["data"]["attributes"]["version"] == "1.10.0-rc.1"


def test_libraries_are_listed_by_scope_name_architecture_and_page(world, u1, u2):
    for client, name, more in ((u1, "beta", ""), (u2, "Alpha", "architectures=argon"), (u1, "gamma", "architectures=photon")):
        contribute(client, archive(name, more=more))
        client.patch(f"/v1/libraries/{name}", json={"visibility": "public"})
        world.pass_time(60)
    contribute(u1, archive("delta"))
    assert names(u1, sort="name") == ["Alpha", "beta", "delta", "gamma"]
    assert names(u1, sort="-name", limit=2, page=2) == ["beta", "Alpha"]
    assert names(u1, scope="mine", sort="created") == ["gamma", "beta"]
    assert names(u1, scope="private") == ["delta"]
    assert names(u1, scope="official") == []
    assert names(u1, excludeScopes="mine,private") == ["Alpha"]
    assert names(u2, filter="A", architectures="photon") == ["beta", "gamma"]
    assert names(u1, scope="mine,private", sort="name") == names(u1, scope=["mine", "private"], sort="name") == ["beta", "delta", "gamma"]
    assert names(u1, excludeScope="mine,private") == names(u1, excludeScope=["private", "mine"]) == ["Alpha"]
    assert names(u1, scope="verified,featured,official") == []
    for wrong in (
        {"scope": "theirs"},
        {"scope": "all,theirs"},
        {"excludeScopes": "theirs"},
        {"sort": "luck"},
        {"sort": "name,luck"},
        {"limit": 0},
    ):
        refused = u1.get("/v1/libraries", params=wrong)
        assert (refused.status_code, list(refused.json())) == (400, ["errors"])
        assert next(iter(wrong)) in refused.json()["errors"][0]["message"]


def test_libraries_are_sorted_by_several_things_the_first_first(rest, world, u1):
    for name, installs in (("beta", 2), ("alpha", 2), ("gamma", 0), ("delta", 3)):
        contribute(u1, archive(name))
        link = u1.patch(f"/v1/libraries/{name}", json={"visibility": "public"}).json()["data"]["links"]["download"]
        for _ in range(installs):
            rest.anonymous.get(link)
        world.pass_time(60)
    assert names(u1, sort="official,verified,popularity,name") == ["delta", "alpha", "beta", "gamma"]
    assert names(u1, sort="popularity,-name") == ["delta", "beta", "alpha", "gamma"]
    assert names(u1, sort="-popularity,name") == ["gamma", "alpha", "beta", "delta"]
    assert names(u1, sort="name,popularity") == ["alpha", "beta", "delta", "gamma"]
    assert names(u1, sort="-date") == names(u1, sort="created") == ["delta", "gamma", "alpha", "beta"]
    assert names(u1, sort="date") == ["beta", "alpha", "gamma", "delta"]


def test_versions_come_in_pages_where_that_is_asked_for(u1):
    for number in range(12):
        contribute(u1, archive(version=f"1.{number}.0"))

    def shown(**query):
        return [each["attributes"]["version"] for each in u1.get("/v1/libraries/lamp/versions", params=query).json()["data"]]

    assert len(shown()) == 12
    assert shown(page=2, limit=5) == [f"1.{number}.0" for number in range(5, 10)]
    assert shown(page=3, limit=5) == ["1.10.0", "1.11.0"]
    assert shown(page=2) == []


def test_a_library_is_deleted_by_its_owner_and_a_public_one_only_by_force(u1, u2):
    contribute(u1, archive())
    u1.patch("/v1/libraries/lamp", json={"visibility": "public"})
    contribute(u1, archive(version="1.1.0"))
    assert u2.delete("/v1/libraries/lamp").status_code == 404
    assert u1.delete("/v1/libraries/lamp").status_code == 204
    assert u1.get("/v1/libraries/lamp").json()["data"]["attributes"]["version"] == "1.0.0"
    for force in (None, {}, {"force": False}, {"force": "false"}, {"force": ""}):
        assert u1.request("DELETE", "/v1/libraries/lamp", json=force).status_code == 409
    assert u1.request("DELETE", "/v1/libraries/lamp", json={"force": True}).status_code == 204
    assert names(u1) == []
    contribute(u1, archive())
    u1.patch("/v1/libraries/lamp", json={"visibility": "public"})
    assert u1.request("DELETE", "/v1/libraries/lamp", data={"force": "the password that particle-cli has been given"}).status_code == 204


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        archive()[:-20],
        archive(name=""),
        archive(name="../up"),
        archive(version="new"),
        archive(folder="a/b/"),
        bytes(MAX_ARCHIVE + 1),
        archive(big="\0" * 17_000_000),
    ],
    ids=["empty", "junk", "cut", "no name", "path", "no version", "deep", "large", "bomb"],
)
def test_what_is_no_library_is_refused(u1, data):
    answer = contribute(u1, data)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(("archive ", "library.properties ", "Send the archive"))
    assert names(u1) == []


def test_what_this_cloud_does_not_do_is_told_in_json(rest, world):
    owner = world.user("o")
    o, product = rest.client(owner), world.product(owner)
    compiled = o.post("/v1/binaries", files={"file": ("a.ino", b"void setup() {}")})
    assert compiled.status_code == 406
    assert compiled.json()["ok"] is False
    device = world.member(owner, product)
    assert o.put(f"/v1/devices/{device.id}/backup_files").status_code == 404
    assert rest.client("u2").put(f"/v1/devices/{device.id}/backup_files").status_code == 403
    for method, path in (
        ("POST", f"/v1/products/{product.id}/registration_code"),
        ("PUT", f"/v1/products/{product.id}/devices/{device.id}/target_profile"),
        ("GET", f"/v1/products/{product.id}/devices/{device.id}/docs/x"),
    ):
        answer = rest.anonymous.request(method, path)
        assert (answer.status_code, answer.json()["ok"]) == (404, False)
