"""Cellular boards and what the mobile network thinks of their SIMs and modems."""

import pytest

from emulator.cloud.sim_records import SimStatus
from particle_protocol.skus import SimForm


def online(bench, **more):
    board = bench.board(sim_status=SimStatus.ACTIVE, **{"platform": "electron", **more})
    bench.wait_led(board, "breathing cyan", timeout=120)
    return board


def test_a_modem_that_is_banned_loses_its_network_and_gets_no_further_than_blinking_green(bench):
    board = online(bench)
    bench.lab.cloud.factory.ban_imei(board.identity.imei)
    bench.wait_led(board, "blinking green")
    bench.sleep(3600)
    assert board.led.describe() == "blinking green"
    assert not bench.lab.cloud.connections.online(board.device_id)
    bench.lab.cloud.factory.ban_imei(board.identity.imei, banned=False)
    bench.wait_led(board, "breathing cyan")


def test_another_sim_is_used_as_soon_as_it_is_in_the_slot(bench):
    board = online(bench)
    before = board.sim
    after = bench.lab.insert_sim(board.device_id)
    assert (board.sim, bench.lab.cloud.sims.by_iccid(after).form) == (after, SimForm.PLASTIC)
    bench.wait_led(board, "blinking green")
    bench.sleep(120)
    assert board.led.describe() == "blinking green", "nobody has activated it"
    bench.lab.insert_sim(board.device_id, before)
    bench.wait_led(board, "breathing cyan")


def test_a_sim_that_is_taken_out_leaves_its_board_without_network(bench):
    board = online(bench)
    bench.lab.remove_sim(board.device_id)
    bench.wait_led(board, "blinking green")
    board.power_off()
    board.power_on()
    bench.wait_led(board, "blinking dark blue", timeout=120)


def test_a_gen_3_board_keeps_its_own_sim_beside_the_one_in_its_slot(bench):
    board = online(bench, platform="boron", os="6.2.0")
    own, other = board.sim, bench.lab.insert_sim(board.device_id)
    assert board.sim == own
    board.sims.choose(external=True)
    assert board.sim == other


def test_a_board_without_a_slot_takes_no_sim(bench):
    for facts in ({}, {"platform": "electron", "sku": "E404KIT"}):
        board = bench.board(**facts, mode="off")
        with pytest.raises(ValueError, match=f"{board.device_id} has no slot"):
            bench.lab.insert_sim(board.device_id)


def test_a_sim_is_in_one_board_at_a_time(bench):
    first, second = (bench.board(platform="electron", mode="off") for _ in range(2))
    with pytest.raises(ValueError, match=first.device_id):
        bench.lab.insert_sim(second.device_id, first.sim)
    taken = first.sim
    bench.lab.remove_sim(first.device_id)
    assert bench.lab.insert_sim(second.device_id, taken) == second.sim


def test_the_label_of_an_older_electron_says_the_imei_of_its_modem(bench):
    old, new = (bench.board(platform="electron", mode="off", serial_number=has) for has in (False, True))
    assert old.label == old.identity.imei
    assert new.label == new.identity.serial_number
    assert bench.board(serial_number=False, mode="off").label == ""
