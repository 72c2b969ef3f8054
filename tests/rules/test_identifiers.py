"""What boards are known by: ids, serial numbers, names, MAC addresses."""

import pytest

from emulator.board.otp import MOBILE_SECRET, SERIAL_NUMBER
from harness.errors import HarnessError
from particle_protocol.control_requests import calls
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.control_requests.generated import cellular_pb2, network_pb2
from particle_protocol.control_requests.host import request
from particle_protocol.identifiers import DataMatrix, MacAddress
from particle_protocol.platforms import platform_by_name


@pytest.mark.rule("R143")
def test_the_id_that_a_board_tells_is_what_the_api_knows_it_by(bench, u1):
    board = bench.online(user=bench.lamp(1))
    told = bench.hands(board).identify().device_id
    u1.claim(told)
    for answer in (
        u1.get(f"/v1/devices/{told}"),
        u1.get(f"/v1/devices/{told.upper()}"),
        u1.put(f"/v1/devices/{told}/ping", json={}),
        u1.get(f"/v1/devices/{told}/brightness"),
        u1.post(f"/v1/devices/{told}/version"),
    ):
        assert answer.status_code == 200


@pytest.mark.rule("R144", "R145")
def test_the_serial_number_that_a_board_tells_finds_it_and_imports_it(bench, fleet):
    board = bench.online(user=fleet.firmware(1))
    serial = bench.hands(board).requests.ask("GET_SERIAL_NUMBER", calls.get_serial_number())
    assert serial == board.identity.serial_number
    assert (len(serial), serial[0], serial[1:4].isdigit()) == (15, "P", True)
    assert fleet.owner.get(f"/v1/serial_numbers/{serial}").json()["device_id"] == board.device_id
    assert fleet.add(serial)["updatedDeviceIds"] == [board.device_id]
    assert fleet.standing(board) == "member"


@pytest.mark.rule("R147")
def test_a_board_without_a_serial_number_is_a_board_like_any_other(bench, fleet):
    board = bench.online(user=fleet.firmware(1), serial_number=False)
    with pytest.raises(HarnessError, match="GET_SERIAL_NUMBER"):
        bench.hands(board).requests.ask("GET_SERIAL_NUMBER", calls.get_serial_number())
    assert bench.hands(board).identify().device_id == board.device_id
    fleet.add(board)
    assert fleet.owner.claim(board).status_code == 200
    assert fleet.device(board)["serial_number"] is None
    assert fleet.owner.get("/v1/serial_numbers/P006AF451234567").status_code == 404
    assert fleet.add("P006AF451234567")["invalidDeviceIds"] == ["P006AF451234567"]
    assert fleet.owner.call(board, "version") == 1


@pytest.mark.rule("R148", "R149")
def test_the_label_of_a_photon_says_the_serial_number_that_the_board_tells_and_no_more(bench, fleet):
    board = bench.online(user=fleet.firmware(1))
    scanned = DataMatrix.parse(board.label)
    told = bench.hands(board).requests.ask("GET_SERIAL_NUMBER", calls.get_serial_number())
    assert (scanned.serial_number, scanned.mobile_secret, scanned.imei) == (told, None, None)
    assert fleet.add(board.label)["updatedDeviceIds"] == [board.device_id]


@pytest.mark.rule("R148", "R149")
@pytest.mark.parametrize("bench", ["argon", "boron", "tracker"], indirect=True)
def test_the_label_of_a_gen_3_board_says_its_mobile_secret_after_a_blank(bench, fleet):
    board = bench.online(os="3.3.1", user=fleet.firmware(1, os="3.3.1"))
    serial, secret = board.label.split(" ")
    hands = bench.hands(board)
    assert hands.requests.ask("GET_SERIAL_NUMBER", calls.get_serial_number()) == serial
    hands.enter_listening()
    told = hands.console.identify()
    assert (told.serial_number, told.mobile_secret, len(secret)) == (serial, secret, 15)
    assert fleet.add(serial)["updatedDeviceIds"] == [board.device_id]
    assert (fleet.device(board)["serial_number"], fleet.device(board)["mobile_secret"]) == (serial, secret)


@pytest.mark.rule("R150")
@pytest.mark.parametrize("bench", ["argon", "boron"], indirect=True)
def test_two_boards_may_have_one_mobile_secret_and_their_serial_numbers_tell_them_apart(bench, fleet):
    """Set-up over Bluetooth, which the pair is for, is not emulated: what it needs is on label, board and cloud alike."""
    first, second = (bench.online(mobile_secret="ABCDEFGHJK12345") for _ in range(2))
    labels = [DataMatrix.parse(board.label) for board in (first, second)]
    assert [label.mobile_secret for label in labels] == ["ABCDEFGHJK12345"] * 2
    assert labels[0].serial_number != labels[1].serial_number
    assert fleet.add("ABCDEFGHJK12345")["invalidDeviceIds"] == ["ABCDEFGHJK12345"], "the secret alone names none"
    assert fleet.add(labels[1].serial_number)["updatedDeviceIds"] == [second.device_id]
    assert (fleet.standing(first), fleet.standing(second)) == ("nothing", "member")
    assert {board.otp.text(*MOBILE_SECRET) for board in (first, second)} == {"ABCDEFGHJK12345"}


@pytest.mark.rule("R146")
def test_a_serial_number_is_burnt_in_and_nothing_changes_it(bench, u1):
    board = bench.online()
    u1.claim(board)
    serial = board.identity.serial_number
    u1.put(f"/v1/devices/{board.device_id}", json={"serial_number": "P006XXXXXXXXXXX", "name": "lamp"})
    assert u1.device(board)["serial_number"] == serial
    hands = bench.hands(board)
    hands.enter_dfu()
    hands.flash(bench.lamp(1))
    hands.enter_dfu()
    board.settings.wipe()
    hands.leave_dfu()
    bench.sleep(5)
    assert hands.requests.ask("GET_SERIAL_NUMBER", calls.get_serial_number()) == serial, "whatever the rest of its flash holds"


@pytest.mark.rule("R146")
def test_who_programs_the_serial_number_again_clears_bits_and_gets_no_other_number(bench, u1):
    board = bench.online()
    u1.claim(board)
    first, second = board.identity.serial_number, "P006XXXXXXXXXXX"
    board.otp.program(SERIAL_NUMBER[0], b"\xff" * len(first))

    def told():
        bench.reboot(board)
        return bench.hands(board).requests.ask("GET_SERIAL_NUMBER", calls.get_serial_number())

    assert told() == first, "all bits set: nothing to clear"
    board.otp.program(SERIAL_NUMBER[0], second.encode())
    mixed = bytes(one & two for one, two in zip(first.encode(), second.encode(), strict=True)).decode()
    assert told() == mixed not in (first, second)
    assert u1.device(board)["serial_number"] == first, "what the factory told the cloud stays"


@pytest.mark.rule("R152", "R144")
def test_the_number_of_a_sim_that_the_board_tells_is_the_one_to_activate_and_to_import(bench, u1):
    fleet = bench.fleet(u1, "meters", platform_id=10)
    mine, ours = bench.cellular("electron"), bench.cellular("electron")
    told = []
    for board in (mine, ours):
        bench.settle(board, "blinking green")
        bench.hands(board).enter_listening()
        told.append(bench.hands(board).console.identify().iccid)
        bench.hands(board).leave_listening()
    assert told == [mine.sim, ours.sim]
    assert u1.order("activate", told[0]).status_code == 202
    assert fleet.add(told[1], import_sims=True)["updatedDeviceIds"] == [ours.device_id], "a list of devices takes it, too"
    assert fleet.import_sims(told[1]).status_code == 202
    for board in (mine, ours):
        bench.settle(board)


@pytest.mark.rule("R153", "R131")
def test_another_sim_is_another_iccid_in_the_same_modem_of_the_same_device(bench, u1):
    board = bench.cellular("electron", user=bench.lamp(1, platform=platform_by_name("electron")))
    first = board.sim
    u1.order("activate", first)
    bench.settle(board)
    u1.claim(board)
    before = u1.device(board)
    assert (before["iccid"], before["imei"]) == (first, board.identity.imei)
    board.power_off()
    second = bench.lab.insert_sim(board.device_id)
    board.power_on()
    bench.settle(board, "blinking green")
    bench.stays(board, "blinking green", 3600)
    assert u1.order("activate", second).status_code == 202
    bench.settle(board)
    after = u1.device(board)
    assert (after["iccid"], after["last_iccid"]) == (second, first)
    for each in (before, after):
        assert (each["id"], each["imei"], each["owner"]) == (board.device_id, board.identity.imei, u1.username)
    assert u1.call(board, "version") == 1
    assert u1.sim(first)["last_device_id"] is None


@pytest.mark.rule("R153")
def test_a_gen_3_board_changes_over_to_the_sim_in_its_slot_when_it_is_asked(bench, u1):
    board = bench.cellular("boron", os="6.2.0")
    own = board.sim
    u1.order("activate", own)
    bench.settle(board)
    u1.claim(board)
    card = bench.lab.insert_sim(board.device_id)
    assert u1.order("activate", card).status_code == 202
    bench.reboot(board)
    assert u1.device(board)["iccid"] == own
    wanted = cellular_pb2.CellularSetActiveSimRequest(sim_type=cellular_pb2.EXTERNAL_SIM).SerializeToString()
    bench.hands(board).requests.ask("CELLULAR_SET_ACTIVE_SIM", request(RequestType.CELLULAR_SET_ACTIVE_SIM, wanted))
    bench.reboot(board)
    shown = u1.device(board)
    assert (shown["iccid"], shown["last_iccid"], shown["imei"]) == (card, own, board.identity.imei)


@pytest.mark.rule("R154", "R147")
def test_the_label_of_an_older_electron_says_its_imei_by_which_it_is_imported(bench, u1):
    fleet = bench.fleet(u1, "meters", platform_id=10)
    board = bench.cellular("electron", serial_number=False, user=fleet.firmware(1))
    bench.settle(board, "blinking green")
    bench.hands(board).enter_listening()
    scanned = DataMatrix.parse(board.label)
    assert (scanned.serial_number, scanned.imei) == (None, bench.hands(board).console.identify().imei)
    bench.hands(board).leave_listening()
    assert fleet.add(board.label)["updatedDeviceIds"] == [board.device_id]
    fleet.import_sims(board)
    bench.settle(board)
    assert fleet.call(board, "version") == 1
    assert fleet.device(board)["imei"] == board.label


@pytest.mark.rule("R155", "R153")
def test_a_banned_modem_blinks_green_with_every_sim_and_its_sim_works_in_another_modem(bench, u1):
    board, other = bench.cellular("electron"), bench.cellular("electron")
    own, spare = board.sim, other.sim
    for each in (board, other):
        u1.order("activate", each)
        bench.settle(each)
    u1.claim(board)
    bench.cloud.factory.ban_imei(board.identity.imei)
    bench.settle(board, "blinking green")
    bench.lab.remove_sim(other.device_id)
    bench.lab.insert_sim(board.device_id, spare)
    board.power_off()
    board.power_on()
    bench.settle(board, "blinking green")
    bench.stays(board, "blinking green", 86_400)
    assert u1.device(board)["online"] is False
    assert [u1.sim(each)["status"] for each in (own, spare)] == ["active", "active"]
    bench.lab.insert_sim(other.device_id, own)
    bench.settle(other)
    bench.cloud.factory.ban_imei(board.identity.imei, banned=False)
    bench.settle(board)


@pytest.mark.rule("R156", "R157")
def test_a_name_is_optional_unique_in_an_account_and_free_again_later(bench, u1, u2):
    one, two, theirs = (bench.online(user=bench.lamp(number)) for number in (1, 2, 3))
    u1.claim(one)
    u1.claim(two)
    u2.claim(theirs)
    assert u1.device(one)["name"] is None

    def name(person, board, text):
        return person.put(f"/v1/devices/{board.device_id}", json={"name": text})

    assert name(u1, one, "lamp").status_code == 200
    assert name(u2, theirs, "lamp").status_code == 200
    refused = name(u1, two, "lamp")
    assert (refused.status_code, refused.json()["errors"]) == (403, ["Name already in use"])
    assert u1.post("/v1/devices/lamp/version").json()["return_value"] == 1
    assert name(u1, one, "bell").status_code == 200
    assert name(u1, two, "lamp").status_code == 200
    assert u1.post("/v1/devices/lamp/version").json()["return_value"] == 2
    u1.unclaim(two)
    assert name(u1, one, "lamp").status_code == 200
    assert u2.post("/v1/devices/lamp/version").json()["return_value"] == 3


@pytest.mark.rule("R158")
def test_in_a_product_two_customers_may_have_boards_of_one_name_and_one_customer_may_not(bench, fleet):
    first, second = bench.customer(fleet, "c1"), bench.customer(fleet, "c2")
    boards = [bench.online(user=fleet.firmware(number)) for number in (1, 2, 3)]
    fleet.add(*boards)
    answers = []
    for person, board in zip((first, second, first), boards, strict=True):
        assert person.claim(board).status_code == 200
        answers.append(person.put(f"/v1/devices/{board.device_id}", json={"name": "lamp"}).status_code)
    assert answers == [200, 200, 403]
    assert [person.post("/v1/devices/lamp/version").json()["return_value"] for person in (first, second)] == [1, 2]
    unclaimed = [bench.online(user=fleet.firmware(4)) for _ in range(2)]
    fleet.add(*unclaimed)
    assert [fleet.put(board, name="lamp").status_code for board in unclaimed] == [200, 200]
    named = fleet.owner.get(f"{fleet.path}/devices", params={"deviceName": "lamp"}).json()["devices"]
    assert {device["id"] for device in named} == {board.device_id for board in (*boards[:2], *unclaimed)}


@pytest.mark.rule("R159")
@pytest.mark.parametrize("bench", ["photon", "p1", "argon"], indirect=True)
def test_the_mac_address_is_that_of_the_wifi_radio_and_the_cloud_knows_it(bench, u1):
    board = bench.online()
    u1.claim(board)
    known = u1.device(board)["mac_wifi"]
    bench.hands(board).enter_listening()
    bench.sleep(1)
    told = bench.hands(board).mac()
    assert told.replace(":", "") == known
    assert (len(known), int(known, 16) >> 40 & 0x02) == (12, 0), "48 bits, not made up locally"


@pytest.mark.rule("R160")
@pytest.mark.parametrize("bench", ["argon", "boron"], indirect=True)
def test_the_featherwings_address_is_made_up_by_the_board_and_two_may_have_the_same(bench, u1, monkeypatch):
    monkeypatch.setattr("emulator.lab.make_local_mac_address", lambda _: MacAddress(bytes.fromhex("0253aa3b9c01")))
    boards = [bench.online(os="4.2.0", ethernet=True, networks=[], sim_status=None) for _ in range(2)]
    told = []
    for board in boards:
        request = calls.call(RequestType.GET_INTERFACE, network_pb2.GetInterfaceRequest(index=3), network_pb2.GetInterfaceReply)
        told.append(MacAddress(bench.hands(board).requests.ask("GET_INTERFACE", request).interface.hw_address))
        assert u1.claim(board).status_code == 200, "nobody minds"
        assert u1.device(board)["mac_wifi"] == (None if board.identity.mac is None else board.identity.mac.hex()), "nor knows"
    assert told[0] == told[1] != MacAddress(boards[0].identity.mac or bytes(6))
    assert (told[0].locally_administered, told[0].multicast) == (True, False)


@pytest.mark.rule("R160")
def test_the_featherwings_address_is_drawn_by_chance(bench):
    boards = [bench.board(platform="argon", ethernet=True) for _ in range(2)]
    first, second = (MacAddress(board.identity.wire_mac) for board in boards)
    assert first != second
    assert first.locally_administered


@pytest.mark.rule("R159")
@pytest.mark.parametrize(("platform", "has_one"), [("tracker", True), ("boron", False), ("electron", False), ("b5som", False)])
def test_a_tracker_has_a_mac_address_to_look_around_with_and_other_cellular_boards_have_none(bench, u1, platform, has_one):
    board = bench.online(platform=platform)
    u1.claim(board)
    assert (u1.device(board)["mac_wifi"] is not None) is has_one
    bench.hands(board).enter_listening()
    assert bench.hands(board).mac() == "00:00:00:00:00:00", "the console has the address of what it connects by"
