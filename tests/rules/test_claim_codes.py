"""A claim code on its way: from a set-up program into the board, from there to the cloud, and the claim bit that stays of it."""

import pytest

from particle_protocol.dct import DctField
from particle_protocol.identifiers import CLAIM_CODE_LENGTH

CODE, BIT = DctField.CLAIM_CODE, DctField.CLAIMED


def give(bench, board, way, code):
    """Set-up with a claim code, over one of the three ways a program has; the board is online again afterwards."""
    hands = bench.hands(board)
    if way == "USB":
        hands.set_claim_code(code)
        hands.reset()
    else:
        hands.enter_listening()
        {"SoftAP": hands.softap, "serial": hands.console}[way].set_claim_code(code)
        hands.leave_listening()
    bench.settle(board)


@pytest.mark.rule("R62", "R63", "R66")
@pytest.mark.parametrize("way", ["SoftAP", "serial", "USB"])
def test_a_code_given_in_any_way_claims_and_is_forgotten_once_the_cloud_confirms_it(bench, u1, u2, way):
    board = bench.online(user=bench.lamp(1))
    assert not bench.claimed_bit(board)
    for person in (u1, u2):
        give(bench, board, way, person.post("/v1/device_claims").json()["claim_code"])
        assert person.owned() == {board.device_id}
        assert board.settings.get(CODE)[0] == 0, "the code is deleted"
        assert board.settings.get(BIT) == b"1"
    u2.unclaim(board)
    bench.reboot(board)
    assert u1.owned() == u2.owned() == set(), "a code that was used is not sent again"
    assert bench.claimed_bit(board), "and the bit is only a hint"
    assert u1.claim(board).status_code == 200


@pytest.mark.rule("R62", "R71")
@pytest.mark.parametrize("way", ["SoftAP", "serial", "USB"])
def test_a_code_that_the_cloud_does_not_confirm_stays_is_sent_again_and_sets_no_bit(bench, fleet, way):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    first, second = bench.customer(fleet, "c1"), bench.customer(fleet, "c2")
    first.claim(board)
    code = second.post(f"{fleet.path}/device_claims").json()["claim_code"]
    give(bench, board, way, code)
    bench.reboot(board)
    assert bench.owner(board) == first.username
    assert (board.settings.get(CODE), bench.claimed_bit(board)) == (code.encode(), False)
    fleet.release_owner(board)
    bench.reboot(board)
    assert second.owned() == {board.device_id}, "the next handshake brought it"
    assert bench.claimed_bit(board)


@pytest.mark.rule("R66")
def test_a_code_is_cut_to_its_63_characters_and_a_shorter_one_is_sent_as_it_is(bench, u1):
    board = bench.online(user=bench.lamp(1))
    code = u1.post("/v1/device_claims").json()["claim_code"]
    assert len(code) == CLAIM_CODE_LENGTH
    give(bench, board, "SoftAP", "short")
    assert board.settings.get(CODE) == b"short".ljust(CLAIM_CODE_LENGTH, b"\0")
    assert board.firmware.cloud.facts.gather().claim_code == b"short"
    assert not bench.claimed_bit(board), "nobody made such a code"
    give(bench, board, "SoftAP", code + "and more")
    assert u1.owned() == {board.device_id}


@pytest.mark.rule("R62", "R64")
def test_the_bit_is_the_same_by_phone_serial_request_and_dfu_and_is_cleared_by_no_transfer(bench, u1, u2):
    board = bench.online(user=bench.lamp(1))
    give(bench, board, "SoftAP", u1.post("/v1/device_claims").json()["claim_code"])
    u1.unclaim(board)
    u2.claim(board)
    u2.unclaim(board)
    hands = bench.hands(board)
    hands.enter_listening()
    assert hands.softap.device_info().claimed
    assert hands.console.is_claimed()
    assert hands.requests.is_claimed()
    assert board.settings.read(BIT.offset, 1) == b"1"


@pytest.mark.rule("R48")
@pytest.mark.parametrize("number", ["iccid", "imei"])
def test_a_cellular_board_is_claimed_by_the_number_of_its_sim_or_modem_in_place_of_a_code(bench, number):
    fleet = bench.fleet(bench.developer("owner"), platform_id=10)
    customer = bench.customer(fleet, "c1")
    board, other = (bench.cellular("electron", user=bench.lamp(1, platform=fleet.platform)) for _ in range(2))
    code = board.sim if number == "iccid" else board.identity.imei
    assert customer.post(f"{fleet.path}/device_claims", json={number: code}).json()["claim_code"] == code
    for each in (board, other):
        assert fleet.owner.order("activate", each).status_code == 202
        bench.settle(each)
    assert customer.owned() == {board.device_id}
    assert (fleet.standing(board), bench.owner(other)) == ("member", None)
    assert customer.call(board, "version") == 1
