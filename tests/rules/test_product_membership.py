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


@pytest.mark.rule("R74", "R78", "R79")
@pytest.mark.parametrize(
    ("platform", "skus"),
    [
        pytest.param("electron", ["E260KIT", "ELC402TY", "ELC314TY", "E404KIT", "E310KIT"], id="Electrons and E-Series"),
        pytest.param("tracker", ["T404MEA", "T524MEA", "ONE404MEA", "ONE523MEA"], id="Tracker SoMs and Tracker Ones"),
        pytest.param("tracker", ["ONE404MEA", "MON404E01C01KIT", "MON524E01C01KIT"], id="Tracker and Monitor One"),
    ],
)
def test_all_boards_of_one_platform_share_a_product_and_its_firmware(bench, u1, platform, skus):
    fleet = bench.fleet(u1, platform_id=platform_by_name(platform).id)
    boards = [bench.cellular(platform, sku=sku, active=True, user=fleet.firmware(1)) for sku in skus]
    assert fleet.add(*boards)["updatedDeviceIds"] == [board.device_id for board in boards]
    for board in boards:
        bench.settle(board)
        assert fleet.runs(board, 1)
    assert fleet.upload(2).status_code == 201
    for board in boards:
        assert fleet.put(board, desired_firmware_version=2, flash=True).status_code == 200
    for board in boards:
        fleet.reaches(board, 2)


@pytest.mark.rule("R73", "R75", "R76")
@pytest.mark.parametrize(
    ("home", "foreign"),
    [
        ("boron", "bsom"),
        ("boron", "b5som"),
        ("bsom", "boron"),
        ("bsom", "b5som"),
        ("b5som", "bsom"),
        ("argon", "boron"),
        ("electron", "boron"),
    ],
)
def test_a_cellular_board_is_no_device_for_a_product_of_another_platform(bench, u1, home, foreign):
    fleet = bench.fleet(u1, platform_id=platform_by_name(home).id)
    board = bench.cellular(foreign, sku={"boron": "BRN404X", "bsom": "B404XMEA", "b5som": "B524MEA"}[foreign])
    assert fleet.add(board)["invalidDeviceIds"] == [board.device_id]
    assert (fleet.standing(board), fleet.sims()) == ("nothing", {})
    bench.sleep(60)
    assert board.led.describe() == "blinking green", "and its SIM was not activated either"
    assert u1.order("activate", board).status_code == 202
    bench.settle(board)
    assert u1.claim(board).status_code == 200, "it is a developer device"
    refused = fleet.upload(2, bench.lamp(2, product=(fleet.id, 2), platform=board.platform))
    assert (refused.status_code, "platform" in refused.text) == (400, True)
    assert fleet.standing(board) == "nothing"


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
