"""The product id in firmware, the wildcard, and adding boards ahead of time."""

import pytest

pytestmark = pytest.mark.any_board
from_device_os_4 = pytest.mark.parametrize(
    ("bench", "os"),
    [
        ("boron", "4.0.0"),
        ("argon", "6.2.0"),
        *[pytest.param(*each, marks=pytest.mark.soak) for each in (("boron", "6.2.0"), ("argon", "4.0.0"))],
    ],
    indirect=["bench"],
)


@pytest.mark.rule("R98")
@from_device_os_4
def test_from_device_os_4_on_a_product_id_in_the_firmware_counts_for_nothing(bench, fleet, os):
    other = bench.fleet(fleet.owner, "bells")
    fleet.prove(2, os=os)
    fleet.release(2)
    board = bench.board(os=os, user=other.firmware(3, os=os), mode="off")
    fleet.add(board)
    board.power_on()
    fleet.reaches(board, 2)
    assert bench.session(board).hello.product_id == bench.platform.id, "whatever its firmware was built with"
    fleet.remove(board)
    assert other.add(board)["updatedDeviceIds"] == [board.device_id]
    bench.reboot(board)
    assert (fleet.standing(board), other.standing(board)) == ("nothing", "member")
    assert other.call(board, "version") == 2


@pytest.mark.rule("R99")
@from_device_os_4
def test_from_device_os_4_on_a_board_is_nothing_to_the_product_until_it_is_added(bench, fleet, u1, os):
    fleet.prove(2, os=os)
    fleet.release(2, intelligent=True)
    heard = fleet.owner.listen(f"{fleet.path}/events")
    board = bench.online(os=os, user=fleet.firmware(1, os=os))
    board.firmware.application.publish("said", "early")
    bench.reboot(board)
    bench.sleep(300)
    assert (fleet.standing(board), board.firmware.application.version) == ("nothing", 1)
    assert [event for event in heard.heard() if event.device_id == board.device_id] == []
    assert fleet.owner.post(f"{fleet.path}/devices/{board.device_id}/version").status_code == 404
    assert u1.claim(board).status_code == 200, "a developer device"
    assert (u1.call(board, "version"), u1.unclaim(board).status_code) == (1, 200)
    fleet.add(board)
    fleet.reaches(board, 2)
    board.firmware.application.publish("said", "late")
    bench.sleep(5)
    assert heard.said("said") == [("said", "late")]


@pytest.mark.rule("R100", "R118")
@from_device_os_4
@pytest.mark.parametrize("auto_approve", [False, True])
def test_from_device_os_4_on_no_board_is_quarantined_denied_or_approved_by_itself(bench, u1, os, auto_approve):
    fleet = bench.fleet(u1, quarantine=not auto_approve)
    board = bench.online(os=os, user=fleet.firmware(1, os=os))
    assert fleet.standing(board) == "nothing"
    u1.claim(board)
    bench.reboot(board)
    assert fleet.standing(board) == "nothing", "nor if it is the team's"
    fleet.add(board)
    fleet.remove(board)
    bench.reboot(board)
    assert fleet.standing(board) == "nothing"


@pytest.mark.rule("R101")
@pytest.mark.parametrize(
    ("bench", "os"),
    [*[("photon", os) for os in ("0.7.0", "1.5.2", "2.3.1", "3.3.1")], ("argon", "1.5.2"), ("boron", "3.3.1")],
    indirect=["bench"],
)
def test_the_firmware_on_a_board_names_its_product_by_number(bench, fleet, os):
    board = bench.online(os=os, user=fleet.firmware(7, os=os))
    fleet.add(board)
    device = fleet.device(board)
    assert (device["firmware_product_id"], device["firmware_version"], device["product_id"]) == (fleet.id, 7, fleet.id)


@pytest.mark.rule("R102", "R105", "R108")
@pytest.mark.parametrize(
    ("bench", "os"),
    [*[("photon", os) for os in ("1.5.2", "2.3.1", "3.3.1")], ("argon", "3.3.1"), ("boron", "1.5.2")],
    indirect=["bench"],
)
def test_a_wildcard_belongs_where_its_board_was_added_and_nowhere_else(bench, fleet, u1, os):
    image = fleet.firmware(3, os=os, product_id=bench.platform.id)
    added, stray = (bench.board(os=os, user=image, mode="off") for _ in range(2))
    fleet.add(added)
    for board in (added, stray):
        board.power_on()
        bench.settle(board)
    assert (fleet.standing(added), fleet.standing(stray)) == ("member", "nothing")
    assert (fleet.device(added)["firmware_version"], fleet.call(added, "version")) == (3, 3)
    assert u1.claim(stray).status_code == 200, "a developer device"
    assert u1.device(stray)["product_id"] == bench.platform.id


@pytest.mark.rule("R102")
@pytest.mark.parametrize("auto_approve", [False, True])
@pytest.mark.any_board("argon")
def test_a_wildcard_is_neither_quarantined_nor_approved_by_itself(bench, u1, auto_approve):
    fleet = bench.fleet(u1, quarantine=not auto_approve)
    board = bench.online(user=fleet.firmware(3, product_id=bench.platform.id))
    assert fleet.standing(board) == "nothing"
    fleet.add(board)
    fleet.remove(board)
    bench.reboot(board)
    assert fleet.standing(board) == "nothing", "not denied either"


@pytest.mark.rule("R103")
@pytest.mark.parametrize(("os", "runs"), [("1.4.4", 4), ("1.5.2", 40)])
def test_before_device_os_1_5_the_version_of_a_wildcard_says_nothing_about_the_product(bench, fleet, os, runs):
    fleet.prove(4, os=os)
    fleet.release(4)
    board = bench.board(os=os, user=bench.lamp(40, os=os, product=(bench.platform.id, 4)), mode="off")
    fleet.add(board)
    board.power_on()
    bench.sleep(120)
    assert fleet.call(board, "version") == runs


@pytest.mark.rule("R103")
def test_a_board_that_cannot_say_that_it_has_the_version_does_not_get_it_for_ever(bench, fleet):
    fleet.upload(3, fleet.firmware(3, os="1.4.4", product_id=bench.platform.id))
    board = bench.board(os="1.4.4", user=fleet.firmware(1, os="1.4.4"), mode="off")
    fleet.add(board)
    fleet.put(board, desired_firmware_version=3)
    board.power_on()
    bench.sleep(600)
    assert (board.boots, fleet.call(board, "version")) == (2, 3)


@pytest.mark.rule("R104")
@pytest.mark.any_board("boron")
def test_one_binary_serves_boards_of_two_products(bench, fleet):
    other = bench.fleet(fleet.owner, "bells")
    image = fleet.firmware(3, product_id=bench.platform.id)
    for product in (fleet, other):
        assert product.upload(3, image).status_code == 201
        board = bench.board(user=product.firmware(1), mode="off")
        product.add(board)
        product.put(board, desired_firmware_version=3)
        board.power_on()
        product.reaches(board, 3)
        assert product.standing(board) == "member"


@pytest.mark.rule("R106")
def test_the_list_that_comes_with_an_order_is_imported_as_a_file_before_the_boards_are_on(bench, fleet):
    boards = [bench.board(user=fleet.firmware(1), mode="off") for _ in range(6)]
    lines = [board.device_id for board in boards[:3]]
    lines += [boards[3].device_id.upper(), f"  {boards[4].device_id}  ", boards[5].identity.serial_number, "", "WAT"]
    text = "\r\n".join(lines) + "\r\n"
    answer = fleet.owner.post(f"{fleet.path}/devices", files={"file": ("order.txt", text.encode())}).json()
    assert (set(answer["updatedDeviceIds"]), answer["invalidDeviceIds"]) == ({board.device_id for board in boards}, ["WAT"])
    for board in boards:
        board.power_on()
        bench.settle(board)
        assert (fleet.standing(board), fleet.call(board, "version")) == ("member", 1)


@pytest.mark.rule("R107")
@pytest.mark.parametrize("bench", ["photon", "argon"], indirect=True)
def test_a_production_line_adds_the_board_that_it_has_on_its_cable(bench, fleet):
    answer = fleet.owner.post(f"{fleet.path}/team", json={"friendly_name": "line", "scopes": ["devices:import"]})
    line = bench.person("line", answer.json()["created"]["tokens"][0]["token"])
    for _ in range(3):
        board = bench.board(networks=[], user=fleet.firmware(1))
        bench.settle(board, "blinking dark blue")
        device_id = bench.hands(board).identify().device_id
        assert line.post(f"{fleet.path}/devices", json={"id": device_id}).json()["updatedDeviceIds"] == [board.device_id]
        bench.hands(board).set_wifi("lab", "secret123")
        bench.settle(board)
        assert fleet.standing(board) == "member"
    assert line.get(f"{fleet.path}/devices").status_code in (400, 403), "and may do nothing else"
