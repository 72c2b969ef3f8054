"""Customers: people with an app, and boards of their own."""

import pytest


@pytest.fixture
def shop(bench, fleet):
    """The product of `fleet`, with two customers, `first` and `second`, who each set a member of it up with a claim code."""
    bench.first, bench.second = bench.customer(fleet, "c1"), bench.customer(fleet, "c2")
    bench.boards = {}
    for person in (bench.first, bench.second):
        board = bench.board(networks=[], user=fleet.firmware(1))
        bench.settle(board, "blinking dark blue")
        fleet.add(board)
        bench.set_up(board, person.post(f"{fleet.path}/device_claims").json()["claim_code"])
        bench.boards[person.username] = board
    return bench


@pytest.mark.rule("R139", "R141")
def test_a_product_needs_no_customers(bench, fleet):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    assert fleet.owner.get(f"{fleet.path}/customers").json()["customers"] == []
    assert fleet.call(board, "version") == 1


@pytest.mark.rule("R139", "R140")
def test_customers_have_the_boards_that_they_set_up_and_no_others(shop, fleet):
    for person, other in ((shop.first, shop.second), (shop.second, shop.first)):
        assert person.owned() == {shop.boards[person.username].device_id}
        assert person.call(shop.boards[person.username], "version") == 1
        theirs = f"/v1/devices/{shop.boards[other.username].device_id}"
        for refused in (person.get(theirs), person.post(f"{theirs}/version"), person.get(f"{theirs}/brightness"), person.delete(theirs)):
            assert refused.status_code == 403, refused.request.url
    listed = fleet.owner.get(f"{fleet.path}/customers").json()["customers"]
    assert {each["username"]: each["devices"] for each in listed} == {name: [board.device_id] for name, board in shop.boards.items()}


@pytest.mark.rule("R140")
def test_a_customers_claim_code_is_of_its_product_only(shop, fleet):
    other = shop.fleet(fleet.owner, "bells")
    assert shop.first.post("/v1/device_claims").status_code == 403
    assert shop.first.post(f"{other.path}/device_claims").status_code == 403
    foreign = shop.customer(other, "c3").post(f"{other.path}/device_claims").json()["claim_code"]
    board = shop.online(user=fleet.firmware(1))
    fleet.add(board)
    shop.set_up(board, foreign)
    assert (shop.owner(board), fleet.standing(board)) == (None, "member")


@pytest.mark.rule("R142")
def test_a_customer_uses_functions_variables_and_events_of_its_board(shop):
    person = shop.first
    board = shop.boards[person.username]
    mine = person.listen()
    assert person.call(board, "say", "said") == 1
    assert person.get(f"/v1/devices/{board.device_id}/brightness").json()["result"] == 7
    person.say("alarm/fire", "now")
    shop.sleep(2)
    assert mine.said("said") == [("said", "said")]
    assert shop.heard(board) == [("alarm/fire", "now")]
    assert shop.heard(shop.boards[shop.second.username]) == []


@pytest.mark.rule("R142")
def test_a_customer_neither_flashes_a_board_nor_enters_the_product(shop, fleet):
    person = shop.first
    board = shop.boards[person.username]
    assert person.flash(board, fleet.firmware(2)).status_code == 403
    assert person.flash(board, fleet.firmware(2), f"{fleet.path}/devices").status_code == 403
    one = f"{fleet.path}/devices/{board.device_id}"
    for answer in (
        person.get(fleet.path),
        person.get(f"{fleet.path}/devices"),
        person.get(one),
        person.put(one, json={"development": True}),
        person.delete(one),
        person.delete(f"{one}/owner"),
        person.get(f"{fleet.path}/firmware"),
        person.get(f"{fleet.path}/events"),
        person.get(f"{fleet.path}/customers"),
        person.post(f"{fleet.path}/events", json={"name": "alarm/fire"}),
        person.post(f"{fleet.path}/devices", json={"id": board.device_id}),
    ):
        assert answer.status_code == 403, answer.request.url
    shop.sleep(60)
    assert board.firmware.application.version == 1


@pytest.mark.rule("R142")
def test_boards_of_a_customer_who_is_deleted_are_nobodys_and_stay_members(shop, fleet):
    board = shop.boards[shop.first.username]
    assert fleet.owner.delete(f"{fleet.path}/customers/{shop.first.username}").json() == {"ok": True}
    assert shop.first.get("/v1/devices").status_code == 401
    assert (shop.owner(board), fleet.standing(board), fleet.call(board, "version")) == (None, "member", 1)
