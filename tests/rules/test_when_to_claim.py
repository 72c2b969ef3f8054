"""When a board can be claimed: while it breathes cyan, or once it is in a product."""

import pytest

from emulator.cloud import CloudSettings


def offline(answer):
    return (answer.status_code, answer.json()["errors"]) == (404, [["Core isn't online", 404]])


@pytest.mark.rule("R17a")
def test_the_checks_of_a_claim_come_in_their_order(make_bench):
    bench = make_bench()
    u1, u2 = bench.developer("u1"), bench.developer("u2")
    board, never = bench.online(), bench.board(mode="off")
    empty = u1.post("/v1/devices", json={})
    assert (empty.status_code, empty.json()["errors"]) == (400, ["arg.deviceID is empty"])
    assert u1.claim("1234567890").json()["errors"] == ["device not found"]
    assert u1.claim("0" * 24).status_code == 404
    assert offline(u1.claim(never))
    assert u1.claim(board).status_code == 200
    board.power_off()
    bench.sleep(60)
    assert u1.claim(board).json()["connected"] is False, "one's own again, even offline"
    foreign = u2.claim(board)
    assert foreign.status_code == 403, "somebody else's, even offline"
    assert "belongs to someone else" in foreign.json()["errors"][0]


@pytest.mark.rule("R17a")
def test_whether_the_plan_has_room_is_asked_last(make_bench):
    bench = make_bench(cloud_settings=CloudSettings(device_limit=1))
    u1, u2 = bench.developer("u1"), bench.developer("u2")
    fleet = bench.fleet(u2)
    mine, foreign, never = bench.online(), bench.online(), bench.board(mode="off")
    u1.claim(mine)
    assert u1.usage()["device_limit_reached"] is True
    assert u1.claim("0" * 24).json()["errors"] == ["device not found"]
    assert u1.claim(mine).json()["ok"] is True, "it is in the plan already"
    u2.claim(foreign)
    assert "belongs to someone else" in u1.claim(foreign).json()["errors"][0]
    assert offline(u1.claim(never))
    never.power_on()
    bench.settle(never)
    refused = u1.claim(never)
    assert (refused.status_code, "device limit" in refused.json()["errors"][0]) == (403, True)
    u2.unclaim(foreign)
    fleet.add(foreign)
    assert u1.claim(foreign).status_code == 200, "a product carries it"


@pytest.mark.rule("R18", "R46")
def test_a_board_in_listening_mode_is_claimed_after_it_got_online_and_not_before(bench, u1):
    board = bench.board(networks=[])
    bench.settle(board, "blinking dark blue")
    assert offline(u1.claim(board))
    assert bench.owner(board) is None
    bench.hands(board).set_wifi("lab", "secret123")
    bench.settle(board)
    answer = u1.claim(board).json()
    assert (answer["ok"], answer["id"], answer["connected"]) == (True, board.device_id, True)


@pytest.mark.rule("R18")
@pytest.mark.parametrize(("missing", "led"), [("network", "blinking green"), ("internet", "blinking cyan")])
def test_a_board_that_does_not_get_through_is_not_claimed_until_it_does(bench, u1, missing, led):
    if missing == "network":
        bench.point.switch_off()
    bench.point.internet = missing != "internet"
    board = bench.board()
    bench.until(lambda: board.led.describe() == led, led)
    assert offline(u1.claim(board))
    bench.point.switch_on()
    bench.point.internet = True
    bench.settle(board)
    assert u1.claim(board).status_code == 200


@pytest.mark.rule("R18")
def test_a_board_that_was_online_and_is_no_more_cannot_be_claimed(bench, u1):
    board = bench.online()
    bench.hands(board).enter_listening()
    bench.sleep(1)
    assert offline(u1.claim(board))
    bench.hands(board).leave_listening()
    bench.settle(board)
    board.power_off()
    bench.sleep(60)
    assert offline(u1.claim(board))
    assert u1.owned() == set()


@pytest.mark.rule("R18")
def test_a_board_in_safe_mode_is_online_and_can_be_claimed(bench, u1):
    board = bench.board(mode="safe")
    bench.settle(board, "breathing magenta")
    assert u1.claim(board).json()["connected"] is True


@pytest.mark.rule("R19", "R49")
def test_a_member_that_was_never_online_is_claimed(bench, fleet, mate):
    board = bench.board(mode="off", user=fleet.firmware(1))
    assert offline(mate.claim(board))
    fleet.add(board)
    answer = mate.claim(board).json()
    assert (answer["ok"], answer["id"], answer["connected"]) == (True, board.device_id, False)
    assert fleet.device(board)["last_handshake_at"] is None
    board.power_on()
    bench.settle(board)
    assert fleet.device(board)["owner"] == mate.username


@pytest.mark.rule("R49")
def test_an_import_claims_boards_for_somebody_of_the_team(bench, fleet, u2):
    bench.join_team(fleet, u2)
    boards = [bench.board(mode="off", user=fleet.firmware(1)) for _ in range(3)]
    assert fleet.add(*boards, claim_user=u2.username)["updated"] == 3
    boards[0].power_on()
    bench.settle(boards[0])
    assert u2.owned() == {board.device_id for board in boards}
    assert u2.call(boards[0], "version") == 1


@pytest.mark.rule("R20")
def test_a_member_that_is_online_is_claimed(bench, fleet, mate):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    assert mate.claim(board).json()["connected"] is True
    assert mate.owned() == {board.device_id}


@pytest.mark.rule("R21")
def test_a_stranger_claims_no_member_that_is_offline(bench, fleet, u1):
    board = bench.board(mode="off", user=fleet.firmware(1))
    fleet.add(board)
    customer = bench.customer(fleet, "c1")
    for person in (u1, customer):
        assert offline(person.claim(board))
    bench.join_team(fleet, u1, "Support")
    assert offline(u1.claim(board)), "this role may not"
    assert fleet.device(board)["owner"] is None
    bench.join_team(fleet, u1)
    assert u1.claim(board).status_code == 200


@pytest.mark.rule("R23", "R24", "R131", "R135")
@pytest.mark.parametrize("platform", ["electron", "boron", "tracker"])
def test_a_board_whose_sim_is_not_active_blinks_green_for_ever_and_cannot_be_claimed(bench, u1, platform):
    board = bench.cellular(platform)
    bench.until(lambda: board.led.describe() == "blinking green", "blinking green")
    bench.stays(board, "blinking green", 2 * 86_400)
    assert offline(u1.claim(board))
    assert bench.lab.device_service.sessions == []
    since = bench.lab.clock.now
    assert u1.order("activate", board).status_code == 202
    assert offline(u1.claim(board)), "the mobile network is at it"
    bench.settle(board)
    assert bench.comes_online(board, since) < 60, "by itself, with nothing pressed and nothing reset"
    assert board.boots == 1
    assert u1.claim(board).json()["connected"] is True
    assert u1.device(board)["online"] is True


@pytest.mark.rule("R24", "R19")
def test_a_member_whose_sim_is_not_active_can_be_claimed_all_the_same(bench, mate):
    fleet = bench.fleet(bench.developer("builder"), "meters", platform_id=10)
    bench.join_team(fleet, mate)
    board = bench.cellular("electron", user=fleet.firmware(1))
    assert fleet.add(board)["updatedDeviceIds"] == [board.device_id]
    bench.sleep(60)
    assert (board.led.describe(), fleet.sims()) == ("blinking green", {}), "its SIM is a card, which waits for its own number"
    assert mate.claim(board).json()["connected"] is False
    assert bench.owner(board) == mate.username


@pytest.mark.rule("R22")
def test_a_board_is_online_unclaimed_and_notices_no_claim(bench, u1, u2):
    board = bench.online()
    session, shown = bench.session(board), len(board.led.timeline)
    for person in (u1, u2):
        assert person.claim(board).status_code == 200
        assert person.device(board)["online"] is True
        bench.sleep(30)
        assert person.unclaim(board).json() == {"ok": True}
        bench.sleep(30)
    assert bench.session(board) is session
    assert len(board.led.timeline) == shown
