"""Devices of products, groups and firmware over REST."""

import pytest

from firmware_images.bundle import make_bundle


@pytest.fixture
def product(world, owner):
    return world.product(owner)


@pytest.fixture
def base(product):
    return f"/v1/products/{product.id}"


def not_for_this_product(answer):
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "error": "Device not found for this product"})


@pytest.mark.rule("R106")
def test_a_file_of_devices_is_judged_entry_by_entry(world, o, owner, product, base):
    new, serial = world.device(), world.device(serial_number="P046AF45X000123")
    present, boron = world.member(owner, product), world.device(13)
    foreign, _ = world.claimed(world.user("u2"))
    elsewhere = world.member(world.user("p"), world.product(world.user("p")))
    lines = ["WAT", "NOPE", "NOPE", "LOL", new.id.upper(), "", " p046af45x000123 ", present.id, boron.id, foreign.id, elsewhere.id]
    answer = o.post(f"{base}/devices", files={"file": ("file", "\r\n".join(lines).encode())})
    assert answer.status_code == 200
    assert answer.json() == {
        "updated": 2,
        "updatedDeviceIds": [new.id, serial.id],
        "existingDeviceIds": [present.id],
        "nonmemberDeviceIds": [foreign.id],
        "invalidDeviceIds": ["WAT", "NOPE", "NOPE", "LOL", boron.id, elsewhere.id],
        "protectedDeviceIds": [],
    }


def test_devices_are_added_one_by_one_or_as_a_list_in_any_encoding(world, o, base):
    first, second, third, fourth = (world.device().id for _ in range(4))
    assert o.post(f"{base}/devices", json={"id": first}).json()["updatedDeviceIds"] == [first]
    assert o.post(f"{base}/devices", json={"ids": [second]}).json()["updatedDeviceIds"] == [second]
    assert o.post(f"{base}/devices", data={"ids[]": [third, fourth]}).json()["updatedDeviceIds"] == [third, fourth]
    assert o.post(f"{base}/devices", data={"id": first}).json()["existingDeviceIds"] == [first]
    nothing = o.post(f"{base}/devices", json={})
    assert nothing.status_code == 400
    assert nothing.json()["code"] == 400


@pytest.mark.rule("R49")
def test_devices_are_claimed_while_they_are_imported_and_offline(world, o, owner, base):
    device = world.device()
    assert o.post(f"{base}/devices", data={"id": device.id, "claim_user": "o@example.com"}).json()["updated"] == 1
    assert o.get(f"/v1/devices/{device.id}").json()["owner"] == "o@example.com"
    assert o.post(f"{base}/devices", data={"id": world.device().id, "claim_user": "u1@example.com"}).status_code == 400


@pytest.mark.rule("R19")
def test_a_member_is_claimed_while_offline(world, owner, o, product):
    device = world.member(owner, product)
    answer = o.post("/v1/devices", json={"id": device.id})
    assert answer.status_code == 200
    assert answer.json()["connected"] is False


def test_a_member_is_shown_with_what_it_is_in_the_product(world, owner, o, product, base):
    device = world.member(owner, product, serial_number="P046AF45X000001", mobile_secret="ABCDEFGHIJKLMNO")
    body = o.get(f"{base}/devices/{device.id.upper()}").json()
    expected = {
        "product_id": product.id,
        "owner": None,
        "development": False,
        "quarantined": False,
        "denied": False,
        "groups": [],
        "firmware_product_id": None,
        "targeted_firmware_release_version": None,
        "desired_firmware_version": None,
        "serial_number": "P046AF45X000001",
        "mobile_secret": "ABCDEFGHIJKLMNO",
    }
    assert body == body | expected
    assert o.get(f"/v1/devices/{device.id}").json()["product_id"] == product.id
    not_for_this_product(o.get(f"{base}/devices/{'f' * 24}"))
    not_for_this_product(o.get(f"{base}/devices/{world.device().id}"))


def test_a_fleet_is_filtered_sorted_and_paged(world, owner, o, product, base):
    devices = [world.member(owner, product, serial_number=f"P046AF45X00000{number}", name=f"lamp {number}") for number in range(5)]
    ids = [device.id for device in devices]
    o.put(f"{base}/devices/{ids[1]}", json={"groups": ["red", "blue"]})

    def listed(**params):
        return [each["id"] for each in o.get(f"{base}/devices", params=params).json()["devices"]]

    assert sorted(listed()) == sorted(ids)
    assert listed(sortAttr="deviceName", sortDir="asc") == ids
    assert listed(sortAttr="deviceName", sortDir="desc", perPage=2, page=2) == [ids[2], ids[1]]
    assert listed(deviceName="LAMP 3") == listed(serialNumber="x000003") == listed(deviceId=ids[3][-3:]) == [ids[3]]
    assert listed(groups="green,red") == [ids[1]]
    assert listed(quarantined="true") == []
    page = o.get(f"{base}/devices", params={"per_page": 2}).json()
    assert len(page["devices"]) == 2
    assert page["meta"]["total_pages"] == 3
    for params in ({"page": 0}, {"perPage": 0}, {"perPage": "many"}, {"sortAttr": "color"}, {"sortDir": "up"}):
        assert o.get(f"{base}/devices", params=params).status_code == 400


def test_a_quarantined_device_is_approved_or_denied(world, o, product, base):
    first, second = world.device(), world.device()
    for device in (first, second):
        world.runs(device, product, 1)
    body = o.get(f"{base}/devices", params={"quarantined": True}).json()
    assert {each["id"]: each["quarantined"] for each in body["devices"]} == {first.id: True, second.id: True}
    assert o.post(f"{base}/devices", json={"id": first.id}).json()["updated"] == 1
    assert o.request("DELETE", f"{base}/devices/{second.id}", json={"deny": True}).status_code == 204
    shown = o.get(f"{base}/devices/{second.id}").json()
    assert (shown["quarantined"], shown["denied"]) == (False, True)
    not_for_this_product(o.request("DELETE", f"{base}/devices/{first.id}", json={"deny": True}))


@pytest.mark.rule("R111")
def test_a_device_that_waits_is_shown_with_nothing_of_the_product_that_it_is_in(world, o, product, base):
    stranger = world.user("stranger")
    home = world.product(stranger)
    device = world.member(stranger, home)
    world.upload(stranger, home, 2)
    world.cloud.device_settings.update_member(stranger, home.id, device.id, groups=["alpha"], desired_firmware_version=2)
    world.runs(device, product, 1)
    customer = world.customer(stranger, home)
    world.cloud.claims.claim(customer, device.id)
    told = {
        "product_id": product.id,
        "quarantined": True,
        "denied": False,
        "groups": [],
        "development": False,
        "desired_firmware_version": None,
        "targeted_firmware_release_version": None,
    }
    listed = o.get(f"{base}/devices").json()
    assert listed["customers"] == []
    for shown in (o.get(f"{base}/devices/{device.id}").json(), *listed["devices"]):
        assert {key: shown[key] for key in told} == told
    assert o.get(f"{base}/devices", params={"groups": "alpha"}).json()["devices"] == []


@pytest.mark.rule("R53")
def test_a_device_is_removed_and_unclaimed_by_its_product(world, owner, o, product, base):
    device = world.member(owner, product)
    o.post("/v1/devices", json={"id": device.id})
    assert o.delete(f"{base}/devices/{device.id}/owner").json() == {"ok": True}
    assert o.get(f"{base}/devices/{device.id}").json()["owner"] is None
    removed = o.request("DELETE", f"{base}/devices/{device.id}", json={})
    assert (removed.status_code, removed.content) == (204, b"")
    not_for_this_product(o.get(f"{base}/devices/{device.id}"))
    not_for_this_product(o.delete(f"{base}/devices/{device.id}"))
    not_for_this_product(o.delete(f"{base}/devices/{device.id}/owner"))


def test_a_member_is_changed_by_its_product(world, owner, o, product, base):
    device = world.member(owner, product)
    path = f"{base}/devices/{device.id}"
    assert o.put(path, json={"development": "true"}).json()["development"] is True
    both = o.put(path, json={"name": "lamp", "groups": ["red"]}).json()
    assert (both["name"], both["groups"]) == ("lamp", ["red"])
    unknown = o.put(path, json={"desired_firmware_version": 9})
    assert unknown.status_code == 404
    world.upload(owner, product, 3)
    assert o.put(path, json={"desired_firmware_version": 3}).json()["desired_firmware_version"] == 3
    assert o.put(path, json={"desired_firmware_version": None}).json()["desired_firmware_version"] is None
    offline = o.put(path, json={"desired_firmware_version": 3, "flash": True})
    assert offline.status_code == 408
    assert o.get(path).json()["desired_firmware_version"] is None
    assert o.put(path, json={}).status_code == 400


def test_nothing_of_a_request_is_done_when_a_part_of_it_cannot_be(world, owner, o, product, base):
    device = world.member(owner, product)
    path = f"{base}/devices/{device.id}"
    assert o.put(path, json={"name": "lamp", "desired_firmware_version": 9}).status_code == 404
    assert o.get(path).json()["name"] is None


def test_groups_are_made_changed_listed_and_ended(world, owner, o, product, base):
    made = o.post(f"{base}/groups", json={"name": "red", "description": "the red ones", "color": "#ff0000"})
    assert made.status_code == 201
    assert made.json()["group"] == {"name": "red", "description": "the red ones", "color": "#ff0000", "device_count": 0}
    assert o.post(f"{base}/groups", json={"name": "red"}).status_code == 409
    assert o.post(f"{base}/groups", json={"name": "Not a name"}).status_code == 400
    devices = [world.member(owner, product).id for _ in range(3)]
    edit = {"action": "groups", "devices": devices, "metadata": {"add": ["red", "blue"]}}
    assert o.put(f"{base}/devices", json=edit).json() == {"ok": True}
    form = {"action": "groups", "devices[]": devices[:1], "metadata[remove][]": ["red"]}
    assert o.put(f"{base}/devices", data=form).json() == {"ok": True}
    assert [(each["name"], each["device_count"]) for each in o.get(f"{base}/groups").json()["groups"]] == [("blue", 3), ("red", 2)]
    assert [each["name"] for each in o.get(f"{base}/groups", params={"name": "r"}).json()["groups"]] == ["red"]
    assert o.put(f"{base}/groups/red", json={"name": "crimson"}).json()["group"]["name"] == "crimson"
    assert o.get(f"{base}/devices/{devices[1]}").json()["groups"] == ["crimson", "blue"]
    assert o.put(f"{base}/groups/blue", json={}).status_code == 400
    assert o.delete(f"{base}/groups/blue").status_code == 204
    assert o.get(f"{base}/groups/blue").status_code == 404
    assert o.get(f"{base}/devices/{devices[0]}").json()["groups"] == []


def upload(client, base, image, **fields):
    return client.post(f"{base}/firmware", data=fields, files={"file": ("lib/app v1.bin", image)})


def test_a_version_is_uploaded_listed_changed_and_downloaded(world, o, product, base):
    image = world.image(product, 7)
    made = upload(o, base, image, version="7", title="first", description="of all")
    assert made.status_code == 201
    body = made.json()
    expected = {"version": 7, "title": "first", "description": "of all", "name": "app v1.bin", "size": len(image), "product_default": False}
    assert body == body | expected
    assert [each["version"] for each in o.get(f"{base}/firmware").json()] == [7]
    assert o.put(f"{base}/firmware/7", json={"title": "best"}).json()["title"] == "best"
    assert o.get(f"{base}/firmware/7").json()["title"] == "best"
    binary = o.get(f"{base}/firmware/7/binary")
    assert binary.headers["content-type"] == "application/octet-stream"
    assert binary.content == image
    assert upload(o, base, image, version="7").status_code == 409
    assert o.delete(f"{base}/firmware/7").status_code == 204
    for version in ("7", "8", "x", "-1", "²", "9" * 50):
        assert o.get(f"{base}/firmware/{version}").status_code == 404


@pytest.mark.rule("R82", "R83")
@pytest.mark.parametrize("version", ["0", "65536", "-1", "a", "8", ""])
def test_a_version_that_cannot_be_is_refused(world, o, product, base, version):
    assert upload(o, base, world.image(product, 7), version=version).status_code == 400
    assert o.get(f"{base}/firmware").json() == []


def test_what_is_no_binary_of_this_platform_is_refused(world, owner, o, product, base):
    boron = world.image(world.product(owner, 13), 7)
    for content in (b"", b"x", b"\0" * 5000, boron, world.image(product, 7)[:-5]):
        answer = upload(o, base, content, version="7")
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert o.post(f"{base}/firmware", data={"version": "7"}).status_code == 400


def test_a_version_is_released_once_a_device_has_run_it(world, owner, o, product, base):
    upload(o, base, world.image(product, 7), version="7")
    release = {"version": 7, "product_default": True}
    never = o.put(f"{base}/firmware/release", json=release)
    assert never.status_code == 409
    device = world.member(owner, product)
    o.put(f"{base}/devices/{device.id}", json={"desired_firmware_version": 7})
    world.runs(device, product, 7)
    assert o.get(f"{base}/impact", params={"firmware_version": 7, "product_default": "true"}).json()["number_of_devices_updated"] == 0
    done = o.put(f"{base}/firmware/release", json=release).json()
    assert done["id"] == done["_id"]
    assert done["product_default"] is done["current"] is True
    assert o.get(f"{base}/devices/{device.id}").json()["targeted_firmware_release_version"] == 7
    assert o.get(f"{base}/firmware/7").json()["device_count"] == 1
    assert o.delete(f"{base}/firmware/7").status_code == 409
    for wrong in ({"version": 7}, {"version": 9, "product_default": True}, {"version": 7, "groups": ["none"]}):
        assert o.put(f"{base}/firmware/release", json=wrong).status_code in (400, 404)
    o.post(f"{base}/groups", json={"name": "red"})
    assert o.put(f"{base}/firmware/release", json={"version": 7, "groups": ["red"], "intelligent": True}).json()["groups"] == ["red"]
    assert o.get(f"{base}/groups/red").json()["group"]["fw_version"] == 7


def test_a_device_is_flashed_over_the_air(world, owner, o, product, base):
    device = world.member(owner, product)
    session = world.connect(device)
    image = world.image(product, 7)
    for path in (f"{base}/devices/{device.id}", f"/v1/devices/{device.id}"):
        answer = o.put(path, files={"file": ("app.bin", image), "file_type": (None, "binary")})
        assert (answer.status_code, answer.json()) == (200, {"id": device.id, "status": "Update started"})
    assert session.flashed == [image, image]
    session.leave()
    late = o.put(f"{base}/devices/{device.id}", files={"file": ("app.bin", image)})
    assert (late.status_code, late.json()) == (500, {"ok": False, "errors": ["Request Timed Out"], "code": 500})


def test_what_cannot_be_flashed_is_refused(world, owner, o, product, base):
    device = world.member(owner, product)
    world.connect(device)
    path = f"{base}/devices/{device.id}"
    boron = world.image(world.product(owner, 13), 7)
    for name, content in (("app.bin", b"junk"), ("app.bin", boron), ("app.bin", b"")):
        assert o.put(path, files={"file": (name, content)}).status_code == 400
    assert o.put(path, json={"app": "doctor"}).status_code == 404


def test_a_bundle_is_a_version_whose_application_the_devices_get(world, owner, o, product, base):
    image = world.image(product, 7)
    bundle = make_bundle(image, {})
    made = o.post(f"{base}/firmware", data={"version": "7"}, files={"file": ("app.zip", bundle)})
    assert (made.status_code, made.json()["name"], made.json()["size"]) == (201, "app.zip", len(bundle))
    assert o.get(f"{base}/firmware/7/binary").content == bundle
    world.cloud.releases.seen_running(product.id, 7)
    session = world.connect(world.member(owner, product))
    o.put(f"{base}/firmware/release", json={"version": 7, "product_default": True, "intelligent": True})
    assert session.flashed == [image]
