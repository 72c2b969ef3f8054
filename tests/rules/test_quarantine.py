"""Quarantine and automatic approval: boards whose firmware says that they belong."""

import pytest

from emulator.factory import device_os_release

pytestmark = pytest.mark.any_board


@pytest.mark.rule("R110", "R111")
@pytest.mark.parametrize(
    ("bench", "os"),
    [*[("photon", os) for os in ("0.7.0", "1.5.2", "2.3.1", "3.3.1")], ("argon", "1.5.2"), ("boron", "3.3.1")],
    indirect=["bench"],
)
def test_a_board_that_nobody_added_is_quarantined(bench, fleet, os):
    board = bench.online(os=os, user=fleet.firmware(1, os=os))
    assert fleet.standing(board) == "quarantined"
    assert fleet.device(board)["online"] is True
    assert board.led.describe() == "breathing cyan"


@pytest.mark.rule("R110", "R118")
@pytest.mark.parametrize("bench", ["argon", "boron"], indirect=True)
@pytest.mark.parametrize("listed", ["quarantined", "denied"])
def test_quarantine_and_approval_by_itself_end_with_device_os_3_on_one_and_the_same_board(bench, u1, listed):
    fleet = bench.fleet(u1, quarantine=listed == "quarantined")
    board = bench.online(os="3.3.1", user=fleet.firmware(1, os="3.3.1"))
    if listed != "quarantined":
        assert fleet.standing(board) == "member"
        fleet.remove(board)
    bench.reboot(board)
    assert fleet.standing(board) == listed
    bench.hands(board).update_device_os(device_os_release(bench.platform, "4.0.0"))
    bench.settle(board)
    assert bench.hands(board).requests.system_version() == "4.0.0"
    assert (fleet.standing(board), board.firmware.application.version) == ("nothing", 1)


@pytest.mark.rule("R111")
@pytest.mark.any_board("boron")
def test_a_quarantined_board_gets_nothing_of_the_product_and_gives_it_nothing(bench, fleet):
    fleet.prove(2)
    fleet.release(2, intelligent=True)
    fleet.owner.hook(f"{fleet.path}/integrations")
    customer = bench.customer(fleet, "c1")
    heard = fleet.owner.listen(f"{fleet.path}/events")
    board = bench.online(user=fleet.firmware(1))
    board.firmware.application.publish("said", "hello")
    fleet.owner.post(f"{fleet.path}/events", json={"name": "alarm/fire", "data": "now"})
    bench.sleep(300)
    assert [event for event in heard.heard() if event.device_id == board.device_id] == []
    assert (bench.hooked, bench.heard(board), board.firmware.application.version) == ([], [], 1)
    one = f"{fleet.path}/devices/{board.device_id}"
    for refused in (
        fleet.owner.post(f"{one}/version"),
        fleet.owner.get(f"{one}/brightness"),
        fleet.owner.put(f"{one}/ping", json={}),
        fleet.owner.put(one, json={"signal": "1"}),
        fleet.owner.put(one, json={"name": "lamp"}),
        fleet.owner.flash(board, fleet.firmware(2), f"{fleet.path}/devices"),
    ):
        assert refused.status_code == 404, refused.request.url
    assert customer.claim(board).status_code == 403
    bench.reboot(board)
    bench.sleep(60)
    assert (board.firmware.application.version, fleet.standing(board)) == (1, "quarantined")


@pytest.mark.rule("R112")
def test_who_knows_a_products_number_gets_no_board_into_it(bench, fleet, u1):
    board = bench.online(user=fleet.firmware(1))
    u1.claim(board)
    for _ in range(3):
        bench.reboot(board)
        assert fleet.standing(board) == "quarantined"
    assert u1.device(board)["product_id"] == board.platform.id
    assert fleet.owner.get(f"/v1/devices/{board.device_id}").status_code == 403, "nor does it get the product into the board"


@pytest.mark.rule("R113")
@pytest.mark.any_board("argon")
def test_an_approved_board_is_a_member_and_updated_at_once(bench, fleet, mate):
    fleet.prove(2)
    fleet.release(2)
    board = bench.online(user=fleet.firmware(1))
    bench.sleep(300)
    assert (fleet.device(board)["quarantined"], board.firmware.application.version) == (True, 1)
    approved = mate.post(f"{fleet.path}/devices", json={"id": board.device_id})
    assert approved.json()["updatedDeviceIds"] == [board.device_id]
    assert (fleet.standing(board), fleet.device(board)["quarantined"]) == ("member", False)
    fleet.reaches(board, 2)


@pytest.mark.rule("R114", "R117")
def test_denied_boards_stay_listed_as_what_they_are_and_can_be_approved(bench, fleet):
    waits, denied = (bench.online(user=fleet.firmware(1)) for _ in range(2))
    assert fleet.remove(denied, deny=True).status_code == 204
    listed = fleet.owner.get(f"{fleet.path}/devices", params={"quarantined": "true"}).json()["devices"]
    assert {device["id"]: (device["quarantined"], device["denied"]) for device in listed} == {
        waits.device_id: (True, False),
        denied.device_id: (False, True),
    }
    bench.reboot(denied)
    assert fleet.standing(denied) == "denied"
    assert fleet.add(denied)["updated"] == 1
    bench.reboot(denied)
    assert (fleet.standing(denied), fleet.call(denied, "version")) == ("member", 1)


@pytest.mark.rule("R115", "R116")
@pytest.mark.parametrize("deny", [False, True])
@pytest.mark.any_board("boron")
def test_tinker_takes_a_board_off_the_list_when_it_is_online_with_it_and_not_before(bench, fleet, deny):
    board = bench.online(user=fleet.firmware(1))
    if deny:
        fleet.remove(board, deny=True)
    listed = fleet.standing(board)
    bench.take_networks_away()
    bench.hands(board).flash(bench.tinker)
    bench.sleep(3600)
    assert bench.runs_tinker(board)
    assert board.led.describe() == "blinking green"
    assert fleet.standing(board) == listed == ("denied" if deny else "quarantined")
    bench.give_networks_back()
    bench.settle(board)
    assert fleet.standing(board) == "nothing"


@pytest.mark.rule("R115")
def test_firmware_of_another_product_takes_a_board_off_the_list_as_well(bench, fleet):
    other = bench.fleet(fleet.owner, "bells")
    board = bench.online(user=fleet.firmware(1))
    bench.hands(board).flash(other.firmware(1))
    bench.settle(board)
    assert (fleet.standing(board), other.standing(board)) == ("nothing", "quarantined")


@pytest.mark.rule("R111", "R115")
def test_safe_mode_names_the_product_of_the_firmware_that_does_not_run(bench, fleet):
    board = bench.online(user=fleet.firmware(1))
    bench.hands(board).enter_safe_mode()
    bench.settle(board, "breathing magenta")
    assert fleet.standing(board) == "quarantined"


@pytest.mark.rule("R119")
@pytest.mark.any_board("argon")
def test_automatic_approval_lets_boards_in_that_are_nobodys_or_the_teams(bench, u1, u2):
    fleet = bench.fleet(u1, quarantine=True)
    stranger = bench.developer("stranger")
    bench.join_team(fleet, u2)
    _, ours, mates, strangers = boards = [bench.online(user=fleet.firmware(1)) for _ in range(4)]
    for person, board in ((u1, ours), (u2, mates), (stranger, strangers)):
        person.claim(board)
    assert {fleet.standing(board) for board in boards} == {"quarantined"}
    assert u1.put(fleet.path, json={"product": {"settings": {"quarantine": False}}}).status_code == 200
    assert {fleet.standing(board) for board in boards} == {"quarantined"}, "until they connect"
    for board in boards:
        bench.reboot(board)
    assert [fleet.standing(board) for board in boards] == ["member", "member", "member", "quarantined"]


@pytest.mark.rule("R119")
def test_a_board_that_was_let_in_by_itself_is_updated_at_once(bench, u1):
    fleet = bench.fleet(u1, quarantine=False)
    fleet.prove(2)
    fleet.release(2)
    board = bench.board(user=fleet.firmware(1))
    fleet.reaches(board, 2)


@pytest.mark.rule("R119")
@pytest.mark.parametrize(
    ("bench", "os"), [("photon", "0.7.0"), ("photon", "3.3.1"), ("argon", "0.9.0"), ("boron", "3.3.1")], indirect=["bench"]
)
def test_automatic_approval_works_from_the_oldest_release_to_the_newest_that_has_it(bench, u1, os):
    fleet = bench.fleet(u1, quarantine=False)
    board = bench.online(os=os, user=fleet.firmware(1, os=os))
    assert fleet.standing(board) == "member"


@pytest.mark.rule("R120")
@pytest.mark.any_board("boron")
def test_a_denied_board_is_not_let_in_by_itself(bench, u1):
    fleet = bench.fleet(u1, quarantine=False)
    board = bench.online(user=fleet.firmware(1))
    fleet.remove(board)
    for _ in range(2):
        bench.reboot(board)
        assert fleet.standing(board) == "denied"
    bench.hands(board).flash(bench.tinker)
    bench.settle(board)
    bench.hands(board).flash(fleet.firmware(1))
    bench.settle(board)
    assert fleet.standing(board) == "member", "it was off the list, and comes as a new one"
