"""What boards cost: whose hundred they count for, and when."""

import pytest

from emulator.cloud import CloudSettings
from emulator.cloud.records import Plan

DAY = 86_400.0


@pytest.fixture
def small(make_bench):
    """A world in which the free plan takes three devices."""
    return make_bench(cloud_settings=CloudSettings(device_limit=3))


def full(answer):
    return answer.status_code == 403 and "device limit" in answer.text


@pytest.mark.rule("R25")
def test_the_hundred_and_first_board_on_the_desk_is_not_claimed(bench, u1):
    boards = [bench.board() for _ in range(101)]
    for board in boards:
        bench.until(lambda board=board: board.led.describe() == "breathing cyan", "breathing cyan")
    *first, last = boards
    assert {u1.claim(board).status_code for board in first} == {200}
    assert u1.usage()["devices"] == 100
    assert u1.usage()["device_limit_reached"] is True
    assert full(u1.claim(last))
    assert bench.owner(last) is None
    assert last.led.describe() == "breathing cyan"
    u1.unclaim(first[0])
    assert u1.claim(last).status_code == 200
    assert full(u1.claim(first[0]))


@pytest.mark.rule("R25", "R66")
def test_a_claim_code_does_not_get_a_board_into_a_full_plan(small):
    u1 = small.developer("u1")
    for _ in range(3):
        u1.claim(small.online())
    board = small.board(networks=[])
    small.settle(board, "blinking dark blue")
    small.set_up(board, u1.post("/v1/device_claims").json()["claim_code"])
    assert len(u1.owned()) == 3
    assert not small.claimed_bit(board)


@pytest.mark.rule("R26")
def test_a_board_counts_for_who_claimed_it_and_a_transfer_takes_the_count_along(small):
    u1, u2 = small.developer("u1"), small.developer("u2")
    boards = [small.online() for _ in range(3)]
    for board in boards:
        u1.claim(board)
    assert (u1.usage()["devices"], u2.usage()["devices"]) == (3, 0)
    u2.claim(boards[0], request_transfer=True)
    assert (u1.usage()["devices"], u2.usage()["devices"]) == (3, 0)
    small.answer(u1.mails()[0][1], accept=True)
    assert (u1.usage()["devices"], u2.usage()["devices"]) == (2, 1)
    assert u1.claim(small.online()).status_code == 200


@pytest.fixture
def paid(small):
    """A product on a paid plan, of an organization of its owner."""
    owner = small.developer("owner")
    return small.fleet(owner, organization=small.organization(owner, "lamps inc"))


@pytest.mark.rule("R27", "R32")
def test_a_paid_product_counts_its_members_once_they_were_online_and_no_claims(small, paid):
    boards = [small.board(mode="off", user=paid.firmware(1)) for _ in range(3)]
    paid.add(*boards)

    def counted():
        return paid.owner.usage("lamps-inc")["devices"]

    assert counted() == 0
    for number, board in enumerate(boards, 1):
        board.power_on()
        small.settle(board)
        assert counted() == number
    paid.owner.claim(boards[0])
    assert counted() == 3
    paid.owner.unclaim(boards[0])
    assert counted() == 3
    paid.remove(boards[0])
    assert counted() == 2
    assert paid.owner.usage()["devices"] == 0, "and nothing of it in the developer's own plan"


@pytest.mark.rule("R32")
def test_an_enterprise_plan_gives_a_board_six_months_from_its_first_time_online(small):
    owner = small.developer("owner")
    fleet = small.fleet(owner, organization=small.organization(owner, "lamps inc", Plan.ENTERPRISE))
    early, late = (small.board(mode="off", user=fleet.firmware(1)) for _ in range(2))
    fleet.add(early, late)
    early.power_on()
    small.settle(early)
    early.power_off()
    small.sleep(170 * DAY)
    late.power_on()
    small.settle(late)
    late.power_off()
    for days, counted in ((0, 0), (20, 1), (155, 1), (10, 2)):
        small.sleep(days * DAY)
        assert small.logged_in(owner.username).usage("lamps-inc")["devices"] == counted


@pytest.mark.rule("R28")
def test_a_claimed_member_of_a_paid_product_is_listed_and_not_counted(small, paid):
    owner = paid.owner
    for _ in range(3):
        assert owner.claim(small.online()).status_code == 200
    member = small.online(user=paid.firmware(1))
    paid.add(member)
    assert owner.claim(member).status_code == 200
    assert len(owner.owned()) == 4
    assert owner.usage()["devices"] == 3
    assert full(owner.claim(small.online()))


@pytest.mark.rule("R29", "R30", "R109")
def test_members_of_a_free_product_count_for_its_owner_listed_or_not(small):
    owner, mate = small.developer("owner"), small.developer("mate")
    fleet = small.fleet(owner)
    small.join_team(fleet, mate)
    never, online = small.board(mode="off"), small.online(user=fleet.firmware(1))
    fleet.add(never, online)
    mate.claim(online)
    owner.claim(small.online())
    assert len(owner.owned()) == 1
    assert mate.owned() == {online.device_id}
    assert (owner.usage()["devices"], mate.usage()["devices"]) == (3, 0)
    another = small.online()
    assert full(owner.claim(another))
    refused = owner.post(f"{fleet.path}/devices", json={"id": another.device_id})
    assert full(refused)
    assert fleet.standing(another) == "nothing"
    assert mate.claim(another).status_code == 200


@pytest.mark.rule("R30", "R29")
def test_a_free_product_counts_cellular_members_whatever_becomes_of_their_sims(small):
    owner, mate = small.developer("owner"), small.developer("mate")
    fleet = small.fleet(owner, platform_id=10)
    small.join_team(fleet, mate)
    boards = [small.cellular("electron") for _ in range(3)]
    _, off, claimed = boards
    fleet.add(*boards)
    assert fleet.import_sims(off, claimed).status_code == 202
    small.settle(claimed)
    mate.claim(claimed)
    owner.order("deactivate", off, f"{fleet.path}/sims")
    small.sleep(60)
    assert [board.led.describe() for board in boards] == ["blinking green", "blinking green", "breathing cyan"]
    for board in boards:
        board.power_off()
    small.sleep(62 * DAY)
    owner, mate = (small.logged_in(each.username) for each in (owner, mate))
    assert (owner.usage()["devices"], mate.usage()["devices"]) == (3, 0)
    another = small.cellular("electron", active=True)
    small.settle(another)
    assert full(owner.claim(another))


@pytest.mark.rule("R32", "R30")
@pytest.mark.parametrize("plan", [Plan.BASIC, Plan.GROWTH])
def test_a_paid_plan_leaves_a_cellular_board_out_whose_sim_was_off_all_month(small, plan):
    owner = small.developer("owner")
    fleet = small.fleet(owner, platform_id=13, organization=small.organization(owner, "meters inc", plan))
    on, off = small.cellular(), small.cellular()
    fleet.add(on, off)
    for board in (on, off):
        small.settle(board)

    def counted():
        return small.logged_in(owner.username).usage("meters-inc")["devices"]

    assert counted() == 2
    owner.order("deactivate", off, f"{fleet.path}/sims")
    small.until(lambda: off.led.describe() == "blinking green", "blinking green")
    assert counted() == 2, "it was on for a part of the month"
    for board in (on, off):
        board.power_off()
    small.sleep(62 * DAY)
    assert counted() == 1
    owner = small.logged_in(owner.username)
    assert owner.order("reactivate", off, f"{fleet.path}/sims").status_code == 202
    off.power_on()
    small.settle(off)
    assert counted() == 2


@pytest.mark.rule("R29", "R119")
def test_a_full_plan_lets_no_board_in_by_itself(small):
    owner = small.developer("owner")
    fleet = small.fleet(owner, quarantine=False)
    boards = [small.online(user=fleet.firmware(1)) for _ in range(4)]
    assert [fleet.standing(board) for board in boards] == ["member"] * 3 + ["quarantined"]


@pytest.mark.rule("R31")
def test_a_claimed_board_that_leaves_its_product_counts_for_its_owner(small, paid):
    owner, mate = paid.owner, small.developer("mate")
    small.join_team(paid, mate)
    member = small.online(user=paid.firmware(1))
    paid.add(member)
    mate.claim(member)
    assert (owner.usage()["devices"], mate.usage()["devices"]) == (0, 0)
    paid.remove(member)
    assert (owner.usage()["devices"], mate.usage()["devices"]) == (0, 1)
    assert member.led.describe() == "breathing cyan"
