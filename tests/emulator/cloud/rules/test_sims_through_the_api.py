"""R23-R24, R57, R121-R135 and R152: SIMs as programs see them. Devices are from the factory, and their connections scripted."""

from __future__ import annotations

import random

import pytest

from emulator.cloud.settings import CloudSettings
from emulator.cloud.sim_records import DAY
from particle_protocol.identifiers import make_iccid

ELECTRON, BORON, BSOM, B5SOM, TRACKER = 10, 13, 23, 25, 26
PLASTIC = ("ASSET2GV2", "E260KIT", "E270KIT", "E350KIT", "ELC314TY")
"""SKUs of the Electrons G350, U260, U270 and ELC314, and of the kits around them, whose SIM is a card."""
BUILT_IN = (
    (BORON, "BRN404X"),
    (BSOM, "B404XMEA"),
    (B5SOM, "B524MEA"),
    (ELECTRON, "E404XTRAY50"),
    (TRACKER, "ONE404MEA"),
    (ELECTRON, "ELC402TY"),
)
"""A Boron, B-Series SoMs, an E-Series, a Tracker, an Electron LTE."""
numbers = random.Random(5)


def cellular(world, platform_id=BORON, sku="BRN404X", **facts):
    """A device with a SIM of its SKU, fresh from the factory."""
    serial = f"P{platform_id:03d}AF{numbers.randrange(10**9):09d}"
    return world.device(platform_id, sku=sku, iccid=make_iccid(numbers), serial_number=serial, **facts)


def status(client, device, path="/v1/sims"):
    answer = client.get(f"{path}/{device.iccid}")
    assert answer.status_code == 200, answer.text
    return answer.json()["sim"]["status"]


def order(client, sim, action, path="/v1/sims"):
    """Ask for something to be done to a SIM; the network takes its time."""
    return client.put(f"{path}/{sim}", json={"action": action})


def claim(client, device):
    return client.post("/v1/devices", json={"id": device.id})


@pytest.mark.rule("R23", "R24", "R131", "R135")
def test_a_cellular_device_is_online_and_can_be_claimed_once_its_sim_is_active(world, sign_in):
    u1 = sign_in(world, "u1")
    device = cellular(world)
    refused = world.connect(device)
    assert (refused.closed, claim(u1, device).status_code) == (True, 404)
    assert order(u1, device.iccid, "activate").status_code == 202
    told = u1.get(f"/v1/sims/{device.iccid}/status").json()
    assert (told["meta"]["state"], told["sim_status"]["status_code"]) == ("pending", None)
    assert status(u1, device) == "never_before_activated"
    assert world.connect(device).closed, "while it is under way the SIM is not active"
    assert claim(u1, device).json()["errors"] == [["Core isn't online", 404]]
    world.pass_time(60)
    told = u1.get(f"/v1/sims/{device.iccid}/status").json()
    assert (told["meta"]["state"], told["sim_status"]["status_code"]) == ("complete", "active")
    assert claim(u1, device).status_code == 404, "active, but not online yet"
    assert not world.connect(device).closed
    assert claim(u1, device).json()["connected"] is True
    shown = u1.get(f"/v1/devices/{device.id}").json()
    assert (shown["online"], shown["cellular"], shown["iccid"]) == (True, True, device.iccid)


@pytest.mark.rule("R2", "R57", "R128")
def test_owner_product_and_sim_change_one_at_a_time(world, sign_in):
    owner = world.user("o")
    product = world.product(owner, BORON)
    o = sign_in(world, owner)
    path = f"/v1/products/{product.id}"
    device = cellular(world)

    def facts():
        mine = [each["id"] for each in o.get("/v1/devices").json()] == [device.id]
        inside = o.get(f"{path}/devices/{device.id}").status_code == 200
        sims = {sim["iccid"]: sim["status"] for base in ("", path.removeprefix("/v1")) for sim in o.get(f"/v1{base}/sims").json()["sims"]}
        return mine, inside, sims.get(device.iccid)

    order(o, device.iccid, "activate")
    world.pass_time(60)
    session = world.connect(device)
    assert facts() == (False, False, "active")
    claim(o, device)
    assert facts() == (True, False, "active")
    o.delete(f"/v1/devices/{device.id}")
    assert facts() == (False, False, "active")
    claim(o, device)
    assert o.post(f"{path}/devices", json={"id": device.id}).json()["updated"] == 1
    assert facts() == (True, True, "active")
    assert o.delete(f"{path}/devices/{device.id}/owner").status_code == 200
    assert facts() == (False, True, "active")
    assert not session.closed, "all that without leaving the network"
    claim(o, device)
    assert o.delete(f"{path}/devices/{device.id}").status_code == 204
    assert facts() == (True, False, "active")
    o.post(f"{path}/devices", json={"id": device.id})
    assert order(o, device.iccid, "deactivate", f"{path}/sims").status_code == 202
    world.pass_time(60)
    assert facts() == (True, True, "inactive_user_deactivated")
    assert session.closed


@pytest.mark.rule("R121")
@pytest.mark.parametrize(("platform_id", "sku"), BUILT_IN)
def test_a_built_in_sim_is_activated_by_the_serial_number_on_the_device(world, sign_in, platform_id, sku):
    u1 = sign_in(world, "u1")
    device = cellular(world, platform_id, sku)
    found = u1.get(f"/v1/serial_numbers/{device.serial_number.lower()}").json()
    assert (found["device_id"], found["iccid"]) == (device.id, device.iccid)
    answer = order(u1, device.serial_number, "activate")
    assert (answer.status_code, answer.json()["sim"]["iccid"]) == (202, device.iccid)
    world.pass_time(DAY)
    assert status(u1, device) == "active"
    assert order(u1, "P013AF451239999", "activate").status_code == 404


@pytest.mark.rule("R122", "R152")
@pytest.mark.parametrize("sku", PLASTIC)
def test_a_plastic_sim_is_activated_by_the_number_on_its_card_alone(world, sign_in, sku):
    u1 = sign_in(world, "u1")
    device = cellular(world, ELECTRON, sku)
    assert "iccid" not in u1.get(f"/v1/serial_numbers/{device.serial_number}").json(), "which card is in it, the serial number cannot say"
    refused = order(u1, device.serial_number, "activate")
    assert (refused.status_code, "plastic" in refused.text) == (409, True)
    assert u1.get("/v1/sims").json()["sims"] == []
    assert order(u1, device.iccid, "activate").status_code == 202
    world.pass_time(DAY)
    assert status(u1, device) == "active"


@pytest.mark.rule("R123")
@pytest.mark.parametrize(("platform_id", "sku"), BUILT_IN)
def test_a_device_with_a_built_in_sim_brings_it_active_into_the_product(world, sign_in, platform_id, sku):
    owner = world.user("o")
    product = world.product(owner, platform_id)
    o = sign_in(world, owner)
    device = cellular(world, platform_id, sku)
    o.post(f"/v1/products/{product.id}/devices", json={"id": device.id})
    world.pass_time(DAY)
    sim = o.get(f"/v1/products/{product.id}/sims/{device.iccid}").json()["sim"]
    assert (sim["product_id"], sim["status"], sim["last_device_id"]) == (product.id, "active", device.id)
    assert not world.connect(device).closed


@pytest.mark.rule("R124", "R126", "R152")
@pytest.mark.parametrize("sku", PLASTIC)
def test_a_plastic_sim_stays_inactive_until_it_is_imported_itself(world, sign_in, sku):
    owner = world.user("o")
    product = world.product(owner, ELECTRON)
    o = sign_in(world, owner)
    path = f"/v1/products/{product.id}"
    device = cellular(world, ELECTRON, sku)
    assert o.post(f"{path}/devices", json={"id": device.id}).json()["updated"] == 1
    world.pass_time(DAY)
    assert o.get(f"{path}/sims").json()["sims"] == []
    assert world.connect(device).closed
    assert o.post(f"{path}/sims", json={"sims": [device.iccid]}).status_code == 202
    world.pass_time(DAY)
    assert status(o, device, f"{path}/sims") == "active"
    assert not world.connect(device).closed


@pytest.mark.rule("R125", "R152")
def test_the_list_of_a_pack_of_fifty_is_imported_as_a_file(world, sign_in):
    owner = world.user("o")
    product = world.product(owner, ELECTRON)
    o = sign_in(world, owner)
    pack = [cellular(world, ELECTRON, "E260KIT").iccid for _ in range(50)]
    path = f"/v1/products/{product.id}/sims"
    unknown = o.post(path, files={"file": ("sims.txt", "\n".join([*pack, make_iccid(numbers)]).encode())})
    assert unknown.status_code == 404
    assert o.get(path).json()["sims"] == [], "one unknown number, and none is imported"
    assert o.post(path, files={"file": ("sims.txt", ("\r\n".join(pack) + "\r\n").encode())}).status_code == 202
    world.pass_time(DAY)
    listed = o.get(path, params={"per_page": 100}).json()["sims"]
    assert {sim["iccid"]: sim["status"] for sim in listed} == dict.fromkeys(pack, "active")


@pytest.mark.rule("R126", "R127", "R45")
@pytest.mark.parametrize(("platform_id", "sku"), [(ELECTRON, "E260KIT"), (BORON, "BRN404X")], ids=["plastic", "built in"])
def test_a_single_sim_is_activated_for_a_developer_outside_any_product(world, sign_in, platform_id, sku):
    u1 = sign_in(world, "u1")
    device = cellular(world, platform_id, sku)
    assert u1.head(f"/v1/sims/{device.iccid}").status_code == 204, "nobody has it"
    assert order(u1, device.iccid, "activate").status_code == 202
    world.pass_time(DAY)
    (sim,) = u1.get("/v1/sims").json()["sims"]
    assert (sim["owner"], sim["product_id"], sim["status"]) == ("u1@example.com", None, "active")
    assert u1.get("/v1/devices").json() == [], "which claims nothing"
    assert sign_in(world, "u2").head(f"/v1/sims/{device.iccid}").status_code == 403


@pytest.mark.rule("R43", "R44", "R45")
@pytest.mark.parametrize(("platform_id", "sku"), [(BORON, "BRN404X"), (TRACKER, "ONE404MEA"), (TRACKER, "T524MEA")])
def test_guided_set_up_activates_the_sim_then_claims_and_names_the_device(world, sign_in, platform_id, sku):
    u1 = sign_in(world, "u1")
    device = cellular(world, platform_id, sku)
    order(u1, device.serial_number, "activate")
    assert claim(u1, device).status_code == 404
    world.pass_time(DAY)
    world.connect(device)
    assert claim(u1, device).status_code == 200
    u1.put(f"/v1/devices/{device.id}", json={"name": "lamp"})
    mine = u1.get("/v1/devices/lamp").json()
    assert (mine["id"], mine["owner"], mine["platform_id"], mine["product_id"]) == (device.id, "u1@example.com", platform_id, platform_id)
    assert u1.get(f"/v1/sims/{device.iccid}").json()["sim"]["last_device_name"] == "lamp"


@pytest.mark.rule("R130")
@pytest.mark.parametrize("way", ["the sim", "its device"])
def test_a_team_members_sim_moves_into_the_product_and_its_device_stays_online(world, sign_in, way):
    owner, mate, stranger = (world.user(name) for name in ("o", "mate", "stranger"))
    product = world.product(owner, BORON)
    world.teammate(owner, product, "mate")
    o = sign_in(world, owner)
    path = f"/v1/products/{product.id}"
    devices = [cellular(world), cellular(world)]
    for who, device in zip((mate, stranger), devices, strict=True):
        order(sign_in(world, who), device.iccid, "activate")
    world.pass_time(60)
    ours, theirs = (world.connect(device) for device in devices)

    def bring(device):
        if way == "the sim":
            return o.post(f"{path}/sims", json={"sims": [device.iccid]})
        return o.post(f"{path}/devices", json={"id": device.id})

    assert bring(devices[0]).is_success
    assert bring(devices[1]).status_code == (403 if way == "the sim" else 200)
    world.pass_time(DAY)
    (moved,) = o.get(f"{path}/sims").json()["sims"]
    assert (moved["iccid"], moved["product_id"], moved["owner"]) == (devices[0].iccid, product.id, None)
    assert (moved["status"], moved["activations_count"], moved["deactivations_count"]) == ("active", 1, 0)
    assert status(sign_in(world, stranger), devices[1]) == "active", "a stranger's SIM stays the stranger's"
    assert not ours.closed
    assert not theirs.closed


@pytest.mark.rule("R131a", "R131")
def test_a_deactivated_sim_waits_for_its_reactivation_and_a_released_one_is_anybodys(world, sign_in):
    u1, u2 = sign_in(world, "u1"), sign_in(world, "u2")
    device = cellular(world)
    order(u1, device.iccid, "activate")
    world.pass_time(60)
    session = world.connect(device)
    assert order(u1, device.iccid, "deactivate").status_code == 202
    world.pass_time(60)
    assert (status(u1, device), session.closed) == ("inactive_user_deactivated", True)
    world.pass_time(30 * DAY)
    assert world.connect(device).closed
    assert order(u2, device.iccid, "activate").status_code == 403, "it is still the other's"
    assert order(u1, device.iccid, "reactivate").status_code == 202
    world.pass_time(60)
    assert status(u1, device) == "active"
    session = world.connect(device)
    assert u1.delete(f"/v1/sims/{device.iccid}").status_code == 202
    world.pass_time(60)
    assert session.closed
    assert u1.get("/v1/sims").json()["sims"] == []
    assert order(u2, device.iccid, "activate").status_code == 202
    world.pass_time(60)
    assert status(u2, device) == "active"
    assert not world.connect(device).closed


COUNT = 60
SECONDS = (1, 10, 60, 600, DAY, 3 * DAY)


def active_by(world, client, ordered):
    """How many of the SIMs that were ordered now are active after each of `SECONDS`."""
    for answer in ordered:
        assert answer.status_code == 202, answer.text
    counts, passed = [], 0.0
    for seconds in SECONDS:
        world.pass_time(seconds - passed - 0.001)
        passed = seconds - 0.001
        sims = client.get("/v1/sims", params={"per_page": COUNT}).json()["sims"]
        counts.append(sum(sim["status"] == "active" for sim in sims))
    return counts


@pytest.mark.parametrize(
    ("sku", "platform_id", "first", "again"),
    [
        pytest.param("BRN404X", BORON, (0, COUNT), (0, COUNT), id="fast"),
        pytest.param("E260KIT", ELECTRON, (0, None, COUNT), (0, None, COUNT), id="generally fast"),
        pytest.param("BRN402", BORON, (0, COUNT), (0, 0, 0, 0, None, COUNT), id="sometimes slow"),
    ],
)
@pytest.mark.rule("R129", "R132", "R133", "R134")
@pytest.mark.parametrize("end", ["deactivated", "released"])
def test_how_long_activations_take_the_first_time_and_again(make_world, sign_in, sku, platform_id, first, again, end):
    world = make_world(CloudSettings(sim_rare_delay_chance=0))
    u1 = sign_in(world, "u1")
    sims = [cellular(world, platform_id, sku).iccid for _ in range(COUNT)]
    seen = [active_by(world, u1, [order(u1, sim, "activate") for sim in sims])]
    for sim in sims:
        order(u1, sim, "deactivate") if end == "deactivated" else u1.delete(f"/v1/sims/{sim}")
    world.pass_time(60)
    action = "reactivate" if end == "deactivated" else "activate"
    seen.append(active_by(world, u1, [order(u1, sim, action) for sim in sims]))
    for counts, expected in zip(seen, (first, again), strict=True):
        for count, wanted in zip(counts, expected, strict=False):
            assert 0 < count < COUNT if wanted is None else count == wanted, counts


@pytest.mark.rule("R133")
@pytest.mark.parametrize(("sku", "platform_id", "late"), [("E260KIT", ELECTRON, True), ("BRN404X", BORON, False), ("BRN402", BORON, False)])
def test_only_a_first_activation_of_the_class_generally_fast_now_and_then_takes_up_to_a_day(make_world, sign_in, sku, platform_id, late):
    world = make_world(CloudSettings(sim_rare_delay_chance=0.5))
    u1 = sign_in(world, "u1")
    sims = [cellular(world, platform_id, sku).iccid for _ in range(COUNT)]
    *_, minute, _, day, _ = active_by(world, u1, [order(u1, sim, "activate") for sim in sims])
    assert (0 < minute < COUNT) is late
    assert day == COUNT
