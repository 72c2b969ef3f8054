"""Rules about kinds of boards that are not emulated yet, as programs see them: other platforms, Device OS 4. Connections are scripted."""

from __future__ import annotations

import random

import pytest

from emulator.cloud.errors import Conflict, Invalid
from particle_protocol.identifiers import DataMatrix, make_iccid, make_imei, make_local_mac_address, make_mac_address
from particle_protocol.platforms import platform_by_id

PHOTON, P1, ELECTRON, ARGON, BORON, BSOM, B5SOM, TRACKER = 6, 8, 10, 12, 13, 23, 25, 26
OS_3_3, OS_4 = 3302, 4003
IMEI = "353162070000014"
numbers = random.Random(9)


class Fleet:
    """A product through the API, as its owner uses it."""

    def __init__(self, world, sign_in, platform_id, **facts):
        self.world = world
        owner = world.user("owner")
        self.owner = sign_in(world, owner)
        self.product = world.product(owner, platform_id, **facts)
        self.path = f"/v1/products/{self.product.id}"

    def add(self, *devices):
        """Import by file, as an order's list is; the answer, in which every id stands in its list."""
        text = "\n".join(device if isinstance(device, str) else device.id for device in devices)
        answer = self.owner.post(f"{self.path}/devices", files={"file": ("order.txt", text.encode())})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def listed(self):
        return {each["id"]: each for each in self.owner.get(f"{self.path}/devices").json()["devices"]}


@pytest.fixture
def open_fleet(world, sign_in):
    return lambda platform_id, **facts: Fleet(world, sign_in, platform_id, **facts)


@pytest.mark.rule("R73", "R75", "R76", "R77")
@pytest.mark.parametrize(
    ("home", "foreign"),
    [
        (ARGON, BORON),
        (BORON, ARGON),
        (BORON, BSOM),
        (BSOM, BORON),
        (BORON, B5SOM),
        (BSOM, B5SOM),
        (B5SOM, BSOM),
        (PHOTON, P1),
        (P1, PHOTON),
    ],
)
def test_an_import_takes_the_products_platform_only(world, open_fleet, home, foreign):
    fleet = open_fleet(home)
    good, bad = world.device(home), world.device(foreign)
    answer = fleet.add(good, bad)
    assert (answer["updatedDeviceIds"], answer["invalidDeviceIds"]) == ([good.id], [bad.id])
    assert set(fleet.listed()) == {good.id}
    assert fleet.owner.get(f"{fleet.path}/devices/{bad.id}").status_code == 404


@pytest.mark.parametrize(
    ("platform_id", "skus"),
    [
        pytest.param(ELECTRON, ("ELC314TY", "ELC402TY", "E404KIT", "E260KIT", "E404XTRAY50"), id="Electron and E-Series"),
        pytest.param(TRACKER, ("T404MEA", "T524MEA", "ONE404MEA", "ONE523MEA"), id="Tracker SoM and Tracker One"),
        pytest.param(TRACKER, ("ONE404MEA", "MON404E01C01KIT", "MON524E01C01KIT"), id="Monitor One and Tracker"),
    ],
)
@pytest.mark.rule("R74", "R78", "R79")
def test_kinds_of_one_platform_share_a_product_and_its_firmware(world, open_fleet, platform_id, skus):
    fleet = open_fleet(platform_id)
    devices = [world.device(sku=sku, iccid=make_iccid(numbers)) for sku in skus]
    assert fleet.add(*devices)["updatedDeviceIds"] == [device.id for device in devices]
    assert {each["platform_id"] for each in fleet.listed().values()} == {platform_id}
    image = world.image(fleet.product, 2)
    files, data = {"file": ("app.bin", image)}, {"version": "2", "title": "two"}
    assert fleet.owner.post(f"{fleet.path}/firmware", files=files, data=data).status_code == 201
    assert fleet.owner.post(f"{fleet.path}/sims", json={"sims": [device.iccid for device in devices]}).status_code == 202
    world.pass_time(86_400)
    for device in devices:
        session = world.connect(device)
        lock = {"desired_firmware_version": 2, "flash": True}
        assert fleet.owner.put(f"{fleet.path}/devices/{device.id}", json=lock).status_code == 200
        assert session.flashed == [image], "whichever of them it is"


@pytest.mark.rule("R55", "R110")
@pytest.mark.parametrize(("system", "standing"), [(OS_3_3, "denied"), (OS_4, "nothing")])
def test_what_a_removed_device_is_depends_on_its_device_os(world, open_fleet, system, standing):
    fleet = open_fleet(ARGON)
    device = world.device(ARGON)
    fleet.add(device)
    world.runs(device, fleet.product, 1, system_version=system)
    assert fleet.owner.post("/v1/devices", json={"id": device.id}).status_code == 200
    assert fleet.owner.delete(f"{fleet.path}/devices/{device.id}").status_code == 204
    world.runs(device, fleet.product, 1, system_version=system)
    shown = fleet.listed().get(device.id)
    assert ("nothing" if shown is None else "denied" if shown["denied"] else "member") == standing
    mine = fleet.owner.get(f"/v1/devices/{device.id}").json()
    assert (mine["product_id"], mine["online"]) == (ARGON, True), "a developer device, whatever the list says"


@pytest.mark.rule("R98")
@pytest.mark.parametrize("says", ["the wildcard", "its own product", "another product"])
def test_from_device_os_4_on_it_does_not_matter_what_product_the_firmware_names(world, open_fleet, says):
    fleet, other = open_fleet(BORON), open_fleet(BORON)
    image = world.upload(world.user("owner"), fleet.product, 4, product_id=BORON)
    device = world.device(BORON)
    fleet.add(device)
    named = {"the wildcard": BORON, "its own product": fleet.product.id, "another product": other.product.id}[says]
    session = world.connect(device, product_id=named, product_version=3, system_version=OS_4)
    assert (set(fleet.listed()), other.listed()) == ({device.id}, {})
    shown = fleet.listed()[device.id]
    assert (shown["product_id"], shown["firmware_version"], shown["quarantined"]) == (fleet.product.id, 3, False)
    lock = {"desired_firmware_version": 4, "flash": True}
    assert fleet.owner.put(f"{fleet.path}/devices/{device.id}", json=lock).status_code == 200
    assert session.flashed == [image]
    session.leave()
    assert world.connect(device, product_id=named, product_version=4, system_version=OS_4).flashed == []


@pytest.mark.rule("R99", "R100", "R118", "R110", "R108")
@pytest.mark.parametrize("quarantine", [True, False])
@pytest.mark.parametrize("says", ["the wildcard", "the product"])
def test_from_device_os_4_on_only_the_list_of_ids_lets_a_device_in(world, open_fleet, quarantine, says):
    fleet = open_fleet(BORON)
    answer = fleet.owner.put(fleet.path, json={"product": {"settings": {"quarantine": quarantine}}})
    assert answer.json()["product"]["settings"]["quarantine"] is quarantine
    image = world.upload(world.user("owner"), fleet.product, 3, product_id=BORON)
    release = {"version": 3, "product_default": True, "intelligent": True}
    assert fleet.owner.put(f"{fleet.path}/firmware/release", json=release).status_code == 200
    heard = world.hear(world.user("owner"), product=fleet.product.id)
    device = world.device(BORON)
    named = BORON if says == "the wildcard" else fleet.product.id
    session = world.connect(device, product_id=named, product_version=1, system_version=OS_4)
    session.event("temp", "1")
    assert (fleet.listed(), session.flashed, heard) == ({}, [], [])
    assert fleet.owner.post(f"{fleet.path}/devices/{device.id}/led", json={}).status_code == 404
    assert fleet.add(device)["updatedDeviceIds"] == [device.id]
    assert session.flashed == [image]
    session.event("temp", "2")
    assert ("temp", "2") in heard


@pytest.mark.rule("R144", "R145")
def test_a_serial_number_finds_its_device_and_is_unique(world, open_fleet):
    fleet = open_fleet(ELECTRON)
    newer = world.device(ELECTRON, serial_number="P046AB2345ABCDE")
    older = world.device(ELECTRON, serial_number="E310KMA12345678")
    for device in (newer, older):
        answer = fleet.owner.get(f"/v1/serial_numbers/{device.serial_number.lower()}").json()
        assert (answer["device_id"], answer["platform_id"]) == (device.id, ELECTRON)
    assert fleet.owner.get("/v1/serial_numbers/E310KMA12345679").status_code == 404
    with pytest.raises(Conflict):
        world.device(ELECTRON, serial_number="p046ab2345abcde")
    answer = fleet.add("P046AB2345ABCDE", "e310kma12345678", "E310KMA12345679")
    assert (answer["updatedDeviceIds"], answer["invalidDeviceIds"]) == ([newer.id, older.id], ["E310KMA12345679"])


@pytest.mark.rule("R151")
@pytest.mark.parametrize("wrong", ["8834076500002589174", "893407650000258917", "8934076500002589174123", "893407650000258917X", "123"])
def test_what_is_no_iccid_is_refused_wherever_one_is_given(world, open_fleet, wrong):
    fleet = open_fleet(BORON)
    refused = fleet.owner.post("/v1/device_claims", json={"iccid": wrong})
    assert (refused.status_code, "89" in refused.text) == (400, True)
    assert fleet.owner.post(f"{fleet.path}/sims", json={"sims": [wrong]}).status_code == 404
    assert fleet.owner.put(f"/v1/sims/{wrong}", json={"action": "activate"}).status_code == 404
    assert fleet.add(wrong)["invalidDeviceIds"] == [wrong]
    for make in (lambda: world.device(BORON, iccid=wrong), lambda: world.cloud.sims.make(wrong)):
        with pytest.raises(Invalid, match="89"):
            make()


def on_the_network(world, client, *iccids):
    """Make SIMs, and have them activated."""
    for iccid in iccids:
        world.cloud.sims.make(iccid)
        assert client.put(f"/v1/sims/{iccid}", json={"action": "activate"}).status_code == 202
    world.pass_time(60)


@pytest.mark.rule("R153")
@pytest.mark.parametrize("platform_id", [ELECTRON, BORON])
def test_another_sim_changes_the_iccid_alone(world, sign_in, platform_id):
    u1 = sign_in(world, "u1")
    old, new = make_iccid(numbers), make_iccid(numbers)
    on_the_network(world, u1, old, new)
    device = world.device(platform_id, iccid=old)
    for iccid in (old, new):
        session = world.connect(device, describe=False)
        session.describe(extra={"imei": IMEI, "iccid": iccid})
        u1.post("/v1/devices", json={"id": device.id})
        session.leave()
    shown = u1.get(f"/v1/devices/{device.id}").json()
    assert (shown["id"], shown["imei"], shown["iccid"], shown["last_iccid"]) == (device.id, IMEI, new, old)
    assert u1.get(f"/v1/sims/{new}").json()["sim"]["last_device_id"] == device.id
    assert u1.get(f"/v1/sims/{old}").json()["sim"]["last_device_id"] is None


@pytest.mark.rule("R154")
def test_the_code_on_an_older_electron_is_its_imei_which_imports_it(world, open_fleet):
    fleet = open_fleet(ELECTRON)
    device = world.device(ELECTRON, imei=IMEI)
    scanned = DataMatrix.parse(f"{IMEI}\n")
    assert (scanned.imei, scanned.serial_number) == (IMEI, None)
    assert fleet.add(scanned.imei, make_imei(numbers))["updatedDeviceIds"] == [device.id]


@pytest.mark.rule("R155")
def test_with_a_banned_modem_no_sim_helps(world, sign_in):
    u1 = sign_in(world, "u1")
    old, new = make_iccid(numbers), make_iccid(numbers)
    on_the_network(world, u1, old, new)
    device, other = world.device(ELECTRON, iccid=old, imei=IMEI), world.device(ELECTRON, imei=make_imei(numbers))
    world.connect(device).leave()
    u1.post("/v1/devices", json={"id": device.id})
    world.cloud.factory.ban_imei(IMEI)
    for iccid in (old, new):
        world.cloud.devices.learn(world.now(device), iccid=iccid)
        assert world.connect(device).closed
        assert u1.post("/v1/devices", json={"id": device.id}).status_code == 404
    world.cloud.devices.learn(world.now(device), iccid=old)
    world.cloud.devices.learn(world.now(other), iccid=new)
    assert not world.connect(other).closed, "the same SIM in another modem"
    world.cloud.factory.ban_imei(IMEI, banned=False)
    assert not world.connect(device).closed


@pytest.mark.rule("R150")
def test_two_devices_may_share_a_mobile_secret_and_are_two_all_the_same(world, open_fleet):
    fleet = open_fleet(ARGON)
    secret = "ABCDEFGHIJ12345"
    devices = [world.device(ARGON, serial_number=f"P012AF45123456{digit}", mobile_secret=secret) for digit in (7, 8)]
    labels = [DataMatrix(device.serial_number, device.mobile_secret) for device in devices]
    assert len({str(label) for label in labels}) == 2, "serial number and secret together tell them apart"
    assert fleet.add(*(label.serial_number for label in labels))["updatedDeviceIds"] == [device.id for device in devices]
    assert {each["mobile_secret"] for each in fleet.listed().values()} == {secret}
    assert fleet.add(secret)["invalidDeviceIds"] == [secret], "the secret alone names none"


@pytest.mark.rule("R159", "R160")
def test_a_mac_address_is_of_a_wifi_radio_and_that_of_the_featherwing_is_none(world, open_fleet):
    for platform_id in (PHOTON, P1, ARGON, TRACKER):
        fleet = open_fleet(platform_id)
        mac = make_mac_address(numbers, platform_by_id(platform_id))
        device = world.device(platform_id, mac_wifi=str(mac).upper())
        fleet.add(device)
        assert fleet.listed()[device.id]["mac_wifi"] == mac.raw.hex()
    for platform_id in (ELECTRON, BORON, BSOM, B5SOM):
        fleet = open_fleet(platform_id)
        device = world.device(platform_id)
        fleet.add(device)
        assert fleet.listed()[device.id]["mac_wifi"] is None
        with pytest.raises(Invalid, match="Wi-Fi"):
            world.device(platform_id, mac_wifi=make_local_mac_address(numbers).raw.hex())
    with pytest.raises(Invalid, match="12 hexadecimal digits"):
        world.device(PHOTON, mac_wifi="e04f4312345")
