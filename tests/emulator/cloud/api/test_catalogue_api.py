"""What is the same for everybody: build targets, Device OS, libraries; and what this cloud does not do."""

from __future__ import annotations

import io
import tarfile

import pytest

from emulator.cloud.libraries import MAX_ARCHIVE
from firmware_images.build import build_module
from firmware_images.fields import Dependency, ModuleFunction


def test_build_targets_and_releases_are_for_everybody(rest):
    targets = rest.anonymous.get("/v1/build_targets").json()
    assert targets["platforms"]["Photon"] == 6
    assert targets["default_versions"]["6"] == "3.3.1"
    newest = rest.anonymous.get("/v1/device-os/versions", params={"platformId": 6, "perPage": 2}).json()
    assert [each["version"] for each in newest["versions"]] == ["3.3.1", "3.3.0"]
    release = rest.anonymous.get("/v1/device-os/versions/2.3.1", params={"platform_id": 6}).json()
    assert (release["internal_version"], release["platform_id"]) == (2302, 6)
    assert 13 in release["platforms"]
    for version, platform in (("9.9.9", 6), ("6.2.0", 6)):
        assert rest.anonymous.get(f"/v1/device-os/versions/{version}", params={"platform_id": platform}).status_code == 404


def test_a_release_is_found_by_its_number_or_as_the_latest(rest):
    def version(given, **query):
        return rest.anonymous.get(f"/v1/device-os/versions/{given}", params=query).json()["version"]

    assert (version("v2.3.1"), version("2302"), version("latest", platform_id=6)) == ("2.3.1", "2.3.1", "3.3.1")


def test_the_modules_of_a_release_can_be_downloaded_as_far_as_the_library_has_them(world, rest):
    boot = [build_module(6, ModuleFunction.BOOTLOADER, 0, version) for version in (500, 1003)]
    needed = Dependency(ModuleFunction.BOOTLOADER, 0, 1000)
    part1 = build_module(6, ModuleFunction.SYSTEM_PART, 1, 2302, dependencies=[needed])
    part2 = build_module(6, ModuleFunction.SYSTEM_PART, 2, 2302, dependencies=[Dependency(ModuleFunction.SYSTEM_PART, 1, 2302)])
    for image in (
        *boot,
        part1,
        part2,
        build_module(6, ModuleFunction.SYSTEM_PART, 1, 3302),
        build_module(13, ModuleFunction.SYSTEM_PART, 1, 2302),
    ):
        world.cloud.library.add(image)
    release = rest.anonymous.get("/v1/device-os/versions/2.3.1", params={"platform_id": 6}).json()
    assert [each["filename"] for each in release["modules"]] == [
        "photon-bootloader0@1003.bin",
        "photon-system-part1@2302.bin",
        "photon-system-part2@2302.bin",
    ]
    assert release["modules"][0]["prefixInfo"]["moduleFunction"] == "bootloader"
    assert release["modules"][1]["crc"]["storedCrc"] == part1[-4:].hex()
    files = [rest.anonymous.get(f"{release['base_url']}/{each['filename']}") for each in release["modules"]]
    assert [file.content for file in files] == [boot[1], part1, part2]
    for wrong in ("6/2.3.1/x.bin", "6/9.9.9/photon-system-part1@2302.bin", "x/2.3.1/photon-system-part1@2302.bin"):
        assert rest.anonymous.get(f"/emulator/device_os/{wrong}").status_code == 404


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
    for other in (u2, rest.anonymous):
        assert names(other) == []
        assert other.get("/v1/libraries/lamp").json() == {"ok": False, "errors": ["Library not found"]}
    assert u1.patch("/v1/libraries/LAMP", json={"visibility": "private"}).status_code == 400
    assert u1.patch("/v1/libraries/LAMP", json={"visibility": "public"}).json()["data"]["attributes"]["visibility"] == "public"
    seen = u2.get("/v1/libraries/Lamp").json()["data"]
    assert (seen["id"], seen["attributes"]["mine"]) == ("lamp", False)
    assert rest.anonymous.get(seen["links"]["download"]).content == data
    assert u2.get("/v1/libraries/lamp").json()["data"]["attributes"]["installs"] == 1
    assert rest.anonymous.get("/emulator/libraries/none").status_code == 404
    assert u1.patch("/v1/libraries/lamp", json={"visibility": "public"}).status_code == 404
    assert contribute(u1, data).status_code == 409
    assert contribute(u2, archive(version="2.0.0")).status_code == 403


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
    for wrong in ({"scope": "theirs"}, {"excludeScopes": "theirs"}, {"sort": "luck"}, {"limit": 0}):
        assert u1.get("/v1/libraries", params=wrong).status_code == 400


def test_a_library_is_deleted_by_its_owner_and_a_public_one_only_by_force(u1, u2):
    contribute(u1, archive())
    u1.patch("/v1/libraries/lamp", json={"visibility": "public"})
    contribute(u1, archive(version="1.1.0"))
    assert u2.delete("/v1/libraries/lamp").status_code == 404
    assert u1.delete("/v1/libraries/lamp").status_code == 204
    assert u1.get("/v1/libraries/lamp").json()["data"]["attributes"]["version"] == "1.0.0"
    assert u1.delete("/v1/libraries/lamp").status_code == 409
    assert u1.request("DELETE", "/v1/libraries/lamp", json={"force": True}).status_code == 204
    assert names(u1) == []


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
    assert answer.json()["ok"] is False
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
