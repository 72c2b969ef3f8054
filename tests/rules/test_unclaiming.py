"""Unclaiming: in the cloud only, by the owner or by the product's team."""

import pytest

from particle_protocol.dct import DctField


@pytest.mark.rule("R51", "R58", "R60")
@pytest.mark.parametrize("online", [True, False])
def test_a_developer_unclaims_a_board_that_hears_nothing_of_it(bench, u1, online):
    board = bench.online(user=bench.lamp(1))
    u1.claim(board)
    if not online:
        board.power_off()
        bench.sleep(60)
    bit, shown = board.settings.get(DctField.CLAIMED), len(board.led.timeline)
    assert u1.unclaim(board).json() == {"ok": True}
    bench.sleep(60)
    assert (u1.owned(), bench.owner(board)) == (set(), None)
    assert (board.settings.get(DctField.CLAIMED), len(board.led.timeline)) == (bit, shown)
    if online:
        assert bench.heard(board) == []


@pytest.mark.rule("R52", "R69", "R61")
@pytest.mark.parametrize("kind", ["owner", "team member", "customer"])
def test_the_team_takes_any_owner_off_a_member(bench, fleet, mate, u1, u2, kind):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    bench.join_team(fleet, u2)
    person = {"owner": fleet.owner, "team member": u2, "customer": bench.customer(fleet, "c1")}[kind]
    assert person.claim(board).status_code == 200
    path = f"{fleet.path}/devices/{board.device_id}/owner"
    assert u1.delete(path).status_code == 403, "somebody who is not in the team"
    assert fleet.device(board)["owner"] == person.username
    assert mate.delete(path).status_code == 200
    assert (fleet.device(board)["owner"], fleet.standing(board), person.owned()) == (None, "member", set())
    assert fleet.call(board, "version") == 1


@pytest.mark.rule("R61")
def test_the_product_unclaims_with_a_scope_and_the_developer_as_owner(bench, fleet, u2):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    u2.claim(board)

    def program(*scopes):
        answer = fleet.owner.post(f"{fleet.path}/team", json={"friendly_name": "line", "scopes": list(scopes)})
        return bench.person("line", answer.json()["created"]["tokens"][0]["token"])

    path = f"{fleet.path}/devices/{board.device_id}/owner"
    assert program("devices:list").delete(path).status_code in (400, 403)
    assert fleet.owner.unclaim(board).status_code == 403, "the product's owner does not own this device"
    assert bench.owner(board) == u2.username
    assert program("devices:release").delete(path).status_code == 200
    assert bench.owner(board) is None


@pytest.mark.rule("R53")
def test_a_removed_board_is_not_the_products_any_more(bench, fleet):
    board = bench.online(user=bench.lamp(1))
    fleet.add(board)
    fleet.owner.claim(board)
    assert fleet.owner.device(board)["product_id"] == fleet.id
    assert fleet.remove(board).status_code == 204
    assert fleet.get(board).status_code == 404
    assert fleet.owner.device(board)["product_id"] == board.platform.id
    assert fleet.owner.call(board, "version") == 1


@pytest.mark.rule("R54", "R120")
@pytest.mark.parametrize("auto_approve", [False, True])
def test_a_removed_board_comes_back_as_denied_until_it_is_online_with_tinker(bench, u1, auto_approve):
    fleet = bench.fleet(u1, quarantine=not auto_approve)
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    u1.claim(board)
    fleet.remove(board)
    assert fleet.standing(board) == "nothing"
    bench.reboot(board)
    assert fleet.standing(board) == "denied"
    assert u1.flash(board, bench.tinker).json()["status"] == "Update started"
    bench.until(lambda: board.led.describe() == "breathing cyan" and bench.runs_tinker(board), "Tinker on the board")
    bench.sleep(3)
    assert fleet.standing(board) == "nothing"
    assert u1.call(board, "digitalwrite", "D7,HIGH") == 1


@pytest.mark.rule("R55")
@pytest.mark.parametrize(("bench", "os"), [("boron", "4.0.0"), ("argon", "6.2.0")], indirect=["bench"])
@pytest.mark.parametrize("auto_approve", [False, True])
def test_from_device_os_4_on_a_removed_board_is_just_its_owners(bench, u1, u2, os, auto_approve):
    fleet = bench.fleet(u1, quarantine=not auto_approve)
    board = bench.online(os=os, user=fleet.firmware(1, os=os))
    fleet.add(board)
    u2.claim(board)
    fleet.remove(board)
    bench.reboot(board)
    assert (fleet.standing(board), bench.owner(board)) == ("nothing", u2.username)
    assert (u2.device(board)["product_id"], u2.call(board, "version")) == (board.platform.id, 1)


@pytest.mark.rule("R56")
def test_who_removes_before_unclaiming_cannot_unclaim_through_the_product_any_more(bench, fleet, u2):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    u2.claim(board)
    fleet.remove(board)
    assert board.device_id not in [each["id"] for each in fleet.owner.get(f"{fleet.path}/devices").json()["devices"]]
    assert fleet.release_owner(board).status_code == 404
    assert fleet.owner.unclaim(board).status_code == 403
    assert u2.device(board)["owner"] == u2.username
    assert u2.unclaim(board).json() == {"ok": True}
    assert bench.owner(board) is None


@pytest.mark.rule("R57", "R128")
@pytest.mark.parametrize("online", [True, False])
def test_unclaiming_a_board_leaves_its_sim_active(bench, u1, u2, online):
    board = bench.cellular()
    u1.order("activate", board)
    bench.settle(board)
    u1.claim(board)
    if not online:
        board.power_off()
        bench.sleep(60)
    assert u1.unclaim(board).json() == {"ok": True}
    bench.sleep(3600)
    sim = u1.sim(board)
    assert (sim["status"], sim["owner"], sim["deactivations_count"]) == ("active", u1.username, 0), "and goes on being paid"
    if online:
        assert board.led.describe() == "breathing cyan"
    else:
        board.power_on()
        bench.settle(board)
    assert u2.claim(board).status_code == 200
    assert u2.order("deactivate", board).status_code == 403, "the SIM did not come along"


@pytest.mark.rule("R59")
def test_only_the_owner_unclaims_a_board_on_or_off(bench, u1, u2):
    board = bench.online()
    u1.claim(board)
    for power in (lambda: None, board.power_off):
        power()
        bench.sleep(60)
        refused = u2.unclaim(board)
        assert (refused.status_code, refused.json()["error"]) == (403, "Permission Denied")
        assert bench.owner(board) == u1.username
    assert u1.unclaim(board).status_code == 200
