"""Product membership: which boards a product takes, and who decides."""

import pytest

from emulator.factory import user_part
from particle_protocol.platforms import platform_by_name

PHOTON, P1, ARGON = (platform_by_name(name) for name in ("photon", "p1", "argon"))


@pytest.mark.rule("R72", "R112")
def test_nobody_but_the_team_gets_a_board_into_a_product(bench, fleet, u1):
    board = bench.online(user=fleet.firmware(1))
    u1.claim(board)
    for role in (None, "View-only", "Support"):
        if role is not None:
            bench.join_team(fleet, u1, role)
        refused = u1.post(f"{fleet.path}/devices", json={"id": board.device_id})
        assert refused.status_code == 403, role
    fleet.owner.delete(f"{fleet.path}/team/{u1.username}")
    assert fleet.standing(board) == "quarantined"
    assert fleet.owner.usage()["devices"] == 0
    assert fleet.add(board)["nonmemberDeviceIds"] == [board.device_id], "its owner is not of the team"
    bench.join_team(fleet, u1)
    assert u1.post(f"{fleet.path}/devices", json={"id": board.device_id}).json()["updated"] == 1
    assert (fleet.standing(board), fleet.owner.usage()["devices"]) == ("member", 1)


@pytest.mark.rule("R73", "R77")
@pytest.mark.parametrize("platform", [P1, ARGON], ids=str)
def test_a_photon_is_no_device_for_a_product_of_another_platform(bench, u1, platform):
    fleet = bench.fleet(u1, platform_id=platform.id)
    board = bench.online(user=bench.lamp(1, product=(fleet.id, 1)))
    assert fleet.standing(board) == "nothing", "though its firmware names this product"
    added = fleet.add(board)
    assert (added["updated"], added["invalidDeviceIds"]) == (0, [board.device_id])
    assert u1.claim(board).status_code == 200, "it is a developer device"
    assert u1.device(board)["product_id"] == board.platform.id


@pytest.mark.rule("R73")
def test_the_platform_of_a_product_never_changes(bench, fleet):
    fleet.owner.put(fleet.path, json={"product": {"name": "lamps", "platform_id": ARGON.id}})
    assert fleet.owner.get(fleet.path).json()["product"]["platform_id"] == PHOTON.id
    board = bench.online(user=fleet.firmware(1))
    assert fleet.add(board)["updated"] == 1


@pytest.mark.rule("R80")
def test_a_board_of_one_product_is_not_moved_into_another(bench, fleet):
    other = bench.fleet(fleet.owner, "bells")
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    assert other.add(board)["invalidDeviceIds"] == [board.device_id]
    assert (fleet.standing(board), other.standing(board)) == ("member", "nothing")
    fleet.remove(board)
    assert other.add(board)["updatedDeviceIds"] == [board.device_id]


@pytest.mark.rule("R80", "R111")
def test_a_member_that_runs_the_firmware_of_another_product_waits_in_that_ones_quarantine(bench, fleet):
    other = bench.fleet(fleet.owner, "bells")
    fleet.prove(2)
    fleet.release(2)
    board = bench.board(user=other.firmware(1), mode="off")
    fleet.add(board)
    board.power_on()
    bench.settle(board)
    assert (fleet.standing(board), other.standing(board)) == ("member", "quarantined")
    bench.sleep(300)
    assert fleet.call(board, "version") == 1, "no product flashes a board that waits in quarantine"
    other.remove(board, deny=True)
    fleet.owner.flash(board, fleet.firmware(1), f"{fleet.path}/devices")
    fleet.reaches(board, 2)
    assert (fleet.standing(board), other.standing(board)) == ("member", "nothing")


@pytest.mark.rule("R80a")
def test_what_is_built_for_another_platform_reaches_no_board(bench, fleet):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    foreign = user_part(P1, "2.3.1", product=(fleet.id, 2))
    refused = fleet.upload(2, foreign)
    assert refused.status_code == 400
    assert "platform" in refused.text
    assert fleet.owner.flash(board, foreign, f"{fleet.path}/devices").status_code == 400
    bench.sleep(60)
    assert fleet.runs(board, 1)
