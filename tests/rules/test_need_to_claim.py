"""Whether a board must be claimed: outside products for everything, inside for next to nothing."""

import pytest

from emulator.cloud import CloudSettings


def everything(person, board, path="/v1/devices"):
    """The answers to a call, a read, a ping and an update of a board."""
    one = f"{path}/{board.device_id}"
    return [
        person.post(f"{one}/version"),
        person.get(f"{one}/brightness"),
        person.put(f"{one}/ping", json={}),
        person.put(one, json={"signal": "1"}),
    ]


@pytest.mark.rule("R5", "R11")
def test_nobody_can_use_an_unclaimed_board_outside_products(bench, u1, u2):
    board, claimed = bench.online(user=bench.lamp(1)), bench.online(user=bench.lamp(1))
    u1.claim(claimed)
    u1.hook()
    u1.hook(event="alarm")
    mine, public = u1.listen(), u1.listen("/v1/events/said")
    for person in (u1, u2):
        for refused in (
            *everything(person, board),
            person.flash(board, bench.lamp(2)),
            person.get(f"/v1/devices/{board.device_id}"),
            person.get(f"/v1/devices/{board.device_id}/events"),
        ):
            assert (refused.status_code, refused.json()["error"]) == (403, "Permission Denied"), refused.request.url
    for name in ("said", "alarm/loud"):
        assert board.firmware.application.publish(name, "hello", public=True), "the board itself sees nothing wrong"
    bench.sleep(60)
    assert (mine.said("said"), public.said("said"), bench.hooked) == ([], [], [])
    assert bench.heard(claimed) == [], "no other device hears it either"
    u1.say("alarm/fire")
    bench.sleep(60)
    assert (bench.heard(claimed), bench.heard(board)) == ([("alarm/fire", "x")], [])
    assert (board.firmware.application.version, board.led.describe()) == (1, "breathing cyan")


@pytest.mark.rule("R6")
def test_its_owner_uses_all_of_a_claimed_board(bench, u1):
    board = bench.online(user=bench.lamp(1))
    u1.claim(board)
    mine = u1.listen()
    assert [answer.status_code for answer in everything(u1, board)] == [200] * 4
    assert u1.call(board, "say", "said") == 1
    u1.say("alarm/fire", "now")
    bench.sleep(2)
    assert mine.said("said") == [("said", "said")]
    assert bench.heard(board) == [("alarm/fire", "now")]
    assert u1.flash(board, bench.lamp(2)).json()["status"] == "Update started"
    bench.until(lambda: board.led.describe() == "breathing cyan" and board.firmware.application.version == 2, "the new application")
    bench.sleep(3)
    assert u1.call(board, "version") == 2


@pytest.mark.rule("R5", "R6")
def test_what_a_board_can_do_ends_with_its_claim_while_it_stays_online(bench, u1):
    board = bench.online(user=bench.lamp(1))
    u1.claim(board)
    mine = u1.listen()
    u1.unclaim(board)
    assert {answer.status_code for answer in everything(u1, board)} == {403}
    board.firmware.application.publish("said", "hello")
    u1.say("alarm/fire")
    bench.sleep(5)
    assert (mine.said("said"), bench.heard(board)) == ([], [])


@pytest.mark.rule("R7")
def test_the_team_uses_an_unclaimed_member_through_the_product(bench, fleet, mate, u1):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    mate.hook(f"{fleet.path}/integrations")
    heard = mate.listen(f"{fleet.path}/events")
    assert [answer.status_code for answer in everything(mate, board, f"{fleet.path}/devices")] == [200] * 4
    assert {answer.status_code for answer in everything(u1, board, f"{fleet.path}/devices")} == {403}, "who is not in the team"
    assert fleet.call(board, "say", "said") == 1
    bench.sleep(2)
    assert (heard.said("said"), len(bench.hooked)) == ([("said", "said")], 1)
    assert fleet.put(board, development=True).status_code == 200
    assert mate.flash(board, fleet.firmware(2), f"{fleet.path}/devices").json()["status"] == "Update started"
    fleet.reaches(board, 2)
    assert fleet.device(board)["owner"] is None


@pytest.mark.rule("R8", "R43")
def test_wifi_set_up_with_a_claim_code_ends_with_the_board_in_the_list(bench, u1):
    board = bench.board(networks=[])
    bench.settle(board, "blinking dark blue")
    offer = u1.post("/v1/device_claims").json()
    bench.set_up(board, offer["claim_code"])
    assert u1.owned() - set(offer["device_ids"]) == {board.device_id}
    assert u1.put(f"/v1/devices/{board.device_id}", json={"name": "lamp"}).json()["name"] == "lamp"
    assert u1.get("/v1/devices/lamp").json()["online"] is True


@pytest.mark.rule("R8")
def test_wifi_set_up_without_a_claim_code_ends_with_a_board_that_is_online_and_nobodys(bench, u1):
    board = bench.board(networks=[])
    bench.settle(board, "blinking dark blue")
    u1.post("/v1/device_claims")
    bench.hands(board).set_wifi("lab", "secret123")
    bench.settle(board)
    assert (u1.owned(), bench.owner(board)) == (set(), None)


def fires(bench, board):
    """Whether something the board publishes makes a webhook fire."""
    before = len(bench.hooked)
    bench.sleep(2)
    assert board.firmware.application.publish("said", "hello")
    bench.sleep(2)
    return len(bench.hooked) > before


@pytest.mark.rule("R9")
def test_the_webhook_of_a_sandbox_fires_for_its_owners_boards_only(bench, fleet, u2):
    owner = fleet.owner
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    bench.join_team(fleet, u2)
    owner.hook()
    assert not fires(bench, board)
    owner.claim(board)
    assert fires(bench, board)
    owner.unclaim(board)
    u2.claim(board)
    assert not fires(bench, board)


@pytest.mark.rule("R10")
def test_the_webhook_of_a_product_fires_for_members_whoever_owns_them(bench, fleet):
    customer = bench.customer(fleet, "c1")
    board = bench.online(user=fleet.firmware(1))
    fleet.owner.hook(f"{fleet.path}/integrations")
    assert not fires(bench, board)
    fleet.add(board)
    assert fires(bench, board)
    customer.claim(board)
    assert fires(bench, board)


@pytest.mark.rule("R12", "R17")
def test_a_fleet_claimed_to_one_account_while_it_lay_on_the_shelf_works_as_a_product(bench, fleet):
    boards = [bench.board(user=fleet.firmware(1), mode="off") for _ in range(5)]
    fleet.add(*boards)
    for board in boards:
        assert fleet.owner.claim(board).json()["connected"] is False
    for board in boards:
        board.power_on()
    for board in boards:
        bench.settle(board)
        assert fleet.standing(board) == "member"
        assert fleet.device(board)["owner"] == fleet.owner.username
        assert (fleet.call(board, "version"), fleet.owner.call(board, "version")) == (1, 1)
    assert fleet.owner.owned() == {board.device_id for board in boards}


@pytest.mark.rule("R11", "R7", "R124")
def test_an_unclaimed_cellular_board_works_once_its_sim_is_active_and_it_is_a_member_and_not_before(bench, u1):
    fleet = bench.fleet(u1, "meters", platform_id=10)
    board = bench.cellular("electron", user=bench.lamp(1, platform=fleet.platform))
    fleet.add(board)
    bench.sleep(60)
    assert board.led.describe() == "blinking green", "a member, without an active SIM"
    assert u1.post(f"{fleet.path}/devices/{board.device_id}/version", json={"arg": ""}).status_code == 408
    fleet.import_sims(board)
    bench.settle(board)
    assert fleet.call(board, "version") == 1
    fleet.remove(board)
    assert {refused.status_code for refused in everything(u1, board)} == {403}, "an active SIM, and no member"
    assert board.led.describe() == "breathing cyan"


@pytest.mark.rule("R13")
@pytest.mark.parametrize("legacy", [False, True])
def test_an_unclaimed_member_hears_what_it_subscribed_to_since_march_2023(make_bench, legacy):
    bench = make_bench(cloud_settings=CloudSettings(legacy_subscriptions=legacy))
    fleet = bench.fleet(bench.developer("owner"))
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    assert fleet.owner.post(f"{fleet.path}/events", json={"name": "alarm/fire", "data": "now"}).status_code == 200
    bench.sleep(2)
    assert bench.heard(board) == ([] if legacy else [("alarm/fire", "now")])
    fleet.owner.claim(board)
    fleet.owner.post(f"{fleet.path}/events", json={"name": "alarm/over", "data": "now"})
    bench.sleep(2)
    assert bench.heard(board)[-1] == ("alarm/over", "now"), "claimed, it heard them then, too"


@pytest.mark.rule("R13")
def test_an_unclaimed_member_hears_what_a_webhook_answers_to_it(bench, fleet):
    asks, bystander = bench.online(user=fleet.firmware(1)), bench.online(user=fleet.firmware(1))
    fleet.add(asks, bystander)
    fleet.owner.hook(f"{fleet.path}/integrations")
    fleet.call(asks, "say", "said")
    bench.sleep(2)
    assert bench.heard(asks) == [("hook-response/said/0", "thanks")]
    assert bench.heard(bystander) == []


@pytest.mark.rule("R14")
def test_every_event_of_a_board_and_every_one_it_gets_is_a_data_operation(bench, fleet):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    bench.sleep(5)

    def used():
        return fleet.owner.usage()["connectivity"]["all"]["device_messages"]

    before = used()
    board.firmware.application.publish("said", "hello")
    bench.sleep(2)
    assert used() == before + 1
    fleet.owner.post(f"{fleet.path}/events", json={"name": "news", "data": "now"})
    bench.sleep(2)
    assert used() == before + 2, "nobody subscribed to it"
    other, deaf = bench.online(user=fleet.firmware(1)), bench.online()
    fleet.add(other, deaf)
    bench.sleep(5)
    before = used()
    fleet.owner.post(f"{fleet.path}/events", json={"name": "alarm/fire", "data": "now"})
    bench.sleep(2)
    assert bench.heard(board) == bench.heard(other) == [("alarm/fire", "now")]
    assert used() == before + 3, "the publish, and its two deliveries"


@pytest.mark.rule("R15")
def test_a_development_board_is_flashed_by_its_owner_and_keeps_what_it_got(bench, fleet):
    fleet.prove(1)
    fleet.release(1)
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    fleet.owner.claim(board)
    fleet.put(board, development=True)
    assert fleet.owner.flash(board, bench.lamp(9)).json()["status"] == "Update started"
    bench.until(lambda: board.led.describe() == "breathing cyan" and board.firmware.application.version == 9, "the developer's build")
    bench.reboot(board)
    bench.sleep(120)
    assert board.firmware.application.version == 9
    fleet.put(board, development=False)
    fleet.reaches(board, 1)


@pytest.mark.rule("R16")
def test_a_member_that_is_flashed_without_the_mark_is_taken_back_and_with_it_is_not(bench, fleet):
    fleet.prove(1)
    fleet.release(1)
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    fleet.owner.flash(board, fleet.firmware(2), f"{fleet.path}/devices")
    bench.until(lambda: board.firmware and getattr(board.firmware, "product", None) == (fleet.id, 2), "version 2")
    fleet.reaches(board, 1)
    fleet.put(board, development=True)
    fleet.owner.flash(board, fleet.firmware(2), f"{fleet.path}/devices")
    fleet.reaches(board, 2)
    bench.reboot(board)
    bench.sleep(120)
    assert fleet.runs(board, 2)
