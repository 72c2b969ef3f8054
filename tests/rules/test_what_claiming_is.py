"""What claiming is: an owner, and nothing else."""

import pytest


@pytest.mark.rule("R1")
def test_a_claim_makes_a_developer_the_owner_of_a_board(bench, u1):
    board = bench.online()
    assert u1.claim(board).json()["ok"] is True
    assert u1.device(board)["owner"] == u1.username
    assert u1.owned() == {board.device_id}


@pytest.mark.rule("R1", "R48")
def test_a_claim_code_makes_a_customer_the_owner_of_the_board_that_brings_it(bench, fleet):
    customer = bench.customer(fleet, "c1")
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    code = customer.post(f"{fleet.path}/device_claims").json()["claim_code"]
    bench.set_up(board, code)
    assert customer.owned() == {board.device_id}
    assert fleet.device(board)["owner"] == customer.username


@pytest.mark.rule("R1")
def test_the_owner_of_a_member_is_told_as_a_developer_or_as_a_customer(bench, fleet, mate):
    customer = bench.customer(fleet, "c1")
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    for person, kind, other in ((customer, "customer_id", "user_id"), (mate, "user_id", "customer_id")):
        claimed = person.claim(board).json()
        device = fleet.device(board)
        assert (device["owner"], device[kind]) == (person.username, claimed["user_id"])
        assert other not in device
        fleet.release_owner(board)
    assert fleet.device(board)["owner"] is None
    assert not {"user_id", "customer_id"} & set(fleet.device(board))


@pytest.mark.rule("R2")
def test_claims_leave_membership_alone_and_membership_leaves_the_owner_alone(bench, fleet):
    owner = fleet.owner
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    for change in (owner.claim, owner.unclaim):
        assert change(board).status_code == 200
        assert (fleet.standing(board), fleet.device(board)["product_id"]) == ("member", fleet.id)
    owner.claim(board)
    assert fleet.remove(board).status_code == 204
    assert owner.device(board)["owner"] == owner.username
    fleet.add(board)
    assert owner.device(board)["owner"] == owner.username
    assert board.led.describe() == "breathing cyan"


@pytest.mark.rule("R2", "R57", "R128")
def test_owner_product_and_sim_of_a_cellular_board_change_one_at_a_time(bench):
    fleet = bench.fleet(bench.developer("owner"), platform_id=13)
    owner = fleet.owner
    board = bench.cellular()

    def facts():
        sims = {sim["iccid"]: sim["status"] for sim in owner.get("/v1/sims").json()["sims"]} | fleet.sims()
        return board.device_id in owner.owned(), fleet.standing(board), sims.get(board.sim)

    assert facts() == (False, "nothing", None)
    owner.order("activate", board)
    bench.settle(board)
    session, shown = bench.session(board), len(board.led.timeline)
    assert facts() == (False, "nothing", "active")
    for change, after in (
        (owner.claim, (True, "nothing", "active")),
        (owner.unclaim, (False, "nothing", "active")),
        (owner.claim, (True, "nothing", "active")),
        (fleet.add, (True, "member", "active")),
        (fleet.release_owner, (False, "member", "active")),
        (owner.claim, (True, "member", "active")),
        (fleet.remove, (True, "nothing", "active")),
        (fleet.add, (True, "member", "active")),
    ):
        change(board)
        bench.sleep(60)
        assert facts() == after, change
    assert bench.session(board) is session
    assert len(board.led.timeline) == shown, "and the board has seen nothing of it"
    assert owner.order("deactivate", board, f"{fleet.path}/sims").status_code == 202
    bench.sleep(60)
    assert facts() == (True, "member", "inactive_user_deactivated")
    assert owner.device(board)["online"] is False
    bench.stays(board, "blinking green", 3600)


@pytest.mark.rule("R2a")
def test_a_board_of_a_customer_that_leaves_the_product_is_nobodys(bench, fleet):
    customer = bench.customer(fleet, "c1")
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    assert customer.claim(board).status_code == 200
    fleet.remove(board)
    assert customer.owned() == set()
    assert bench.owner(board) is None


@pytest.mark.rule("R3")
def test_a_board_says_the_same_device_id_whoever_owns_it_and_wherever_it_belongs(bench, fleet, u1, u2):
    board = bench.online()
    hands = bench.hands(board)
    said = [hands.identify().device_id]
    for change in (
        lambda: u1.claim(board),
        lambda: u1.unclaim(board),
        lambda: u2.claim(board),
        lambda: u2.put(f"/v1/devices/{board.device_id}", json={"name": "lamp", "id": "0" * 24}),
        lambda: u1.claim(board, request_transfer=True),
        lambda: bench.answer(u2.mails()[0][1], accept=True),
        lambda: u1.unclaim(board),
        lambda: fleet.add(board),
        lambda: fleet.remove(board),
    ):
        assert getattr(change(), "is_success", True)
        bench.reboot(board)
        said.append(hands.identify().device_id)
        assert bench.session(board).device_id == board.device_id
    assert set(said) == {board.device_id}
    assert u1.claim("0" * 24).json()["errors"] == ["device not found"]


@pytest.mark.rule("R4", "R143")
def test_boards_whose_ids_differ_in_one_digit_are_two_boards(bench, u1, u2):
    one = bench.online(device_id="3e0036000747363339343631")
    other = bench.online(device_id="3e0036000747363339343632")
    assert u1.claim(one.device_id.upper()).json()["id"] == one.device_id
    assert u2.claim(other).status_code == 200
    assert (u1.owned(), u2.owned()) == ({one.device_id}, {other.device_id})
    assert u1.get(f"/v1/devices/{one.device_id.upper()}").json()["id"] == one.device_id
    for wrong in (one.device_id[:23], one.device_id + "0", one.device_id[:23] + "g"):
        refused = u1.claim(wrong)
        assert (refused.status_code, refused.json()["errors"]) == (404, ["device not found"])
        assert u1.get(f"/v1/devices/{wrong}").status_code == 403, "no part of an id stands for it"
