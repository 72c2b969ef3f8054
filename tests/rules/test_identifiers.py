"""What boards are known by: ids, serial numbers, names, MAC addresses."""

import pytest

from emulator.board.otp import SERIAL_NUMBER
from harness.errors import HarnessError
from particle_protocol.control_requests import calls
from particle_protocol.identifiers import DataMatrix


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
def test_the_mac_address_is_that_of_the_wifi_radio_and_the_cloud_knows_it(bench, u1):
    board = bench.online()
    u1.claim(board)
    known = u1.device(board)["mac_wifi"]
    bench.hands(board).enter_listening()
    bench.sleep(1)
    told = bench.hands(board).mac()
    assert told.replace(":", "") == known
    assert (len(known), int(known, 16) >> 40 & 0x02) == (12, 0), "48 bits, not made up locally"
