"""How boards change hands."""

import pytest


@pytest.mark.rule("R65")
def test_one_gives_a_board_up_and_another_claims_it(bench, u1, u2):
    board = bench.online(user=bench.lamp(1))
    u1.claim(board)
    u1.unclaim(board)
    assert u2.claim(board).status_code == 200
    assert (u1.owned(), u2.call(board, "version")) == (set(), 1)
    assert u1.post(f"/v1/devices/{board.device_id}/version").status_code == 403


@pytest.mark.rule("R66")
def test_who_has_a_photon_in_hand_takes_it_over_by_a_claim_code(bench, u1, u2):
    board = bench.online(user=bench.lamp(1))
    u1.claim(board)
    bench.set_up(board, u2.post("/v1/device_claims").json()["claim_code"])
    assert (u1.owned(), u2.owned()) == (set(), {board.device_id})
    assert u1.mails() == [], "nobody asked the former owner"
    assert bench.claimed_bit(board)
    assert u2.call(board, "version") == 1


@pytest.mark.rule("R67", "R68")
@pytest.mark.parametrize("accept", [True, False])
def test_asking_for_a_board_is_up_to_its_owner_who_gets_a_mail(bench, u1, u2, accept):
    board = bench.online(user=bench.lamp(1))
    u1.claim(board)
    session = bench.session(board)
    refused = u2.claim(board)
    assert refused.status_code == 403
    assert "belongs to someone else" in refused.json()["errors"][0]
    assert u1.mails() == []
    first = u2.claim(board, request_transfer=True).json()["transfer_id"]
    again = u2.post("/v1/devices?request_transfer=true", json={"id": board.device_id}).json()["transfer_id"]
    assert first == again
    ((subject, mail),) = u1.mails()
    assert (subject, mail["transfer_id"], mail["device_id"]) == ("transfer-requested", first, board.device_id)
    assert mail["requester"] == u2.username
    assert u1.owned() == {board.device_id}, "not before the answer"
    assert bench.answer(mail, accept=accept).status_code == 200
    winner, loser = (u2, u1) if accept else (u1, u2)
    assert (winner.owned(), loser.owned()) == ({board.device_id}, set())
    assert [subject for subject, _ in u2.mails()] == ["transfer-accepted" if accept else "transfer-declined"]
    assert bench.answer(mail, accept=not accept).status_code == 404, "the link works once"
    assert winner.owned() == {board.device_id}
    assert (u2 if accept else u1).call(board, "version") == 1
    assert (u1 if accept else u2).post(f"/v1/devices/{board.device_id}/version").status_code == 403
    assert bench.session(board) is session, "the board notices nothing"


@pytest.mark.rule("R67")
def test_a_request_ends_when_the_board_changes_hands_another_way(bench, u1, u2):
    board = bench.online()
    u1.claim(board)
    u2.claim(board, request_transfer=True)
    u1.unclaim(board)
    u1.claim(board)
    ((_, mail),) = u1.mails()
    assert bench.answer(mail, accept=True).status_code == 404
    assert u1.owned() == {board.device_id}


@pytest.mark.rule("R69", "R70")
def test_a_member_that_was_unclaimed_stays_so_or_is_claimed_by_any_way(bench, fleet, u2):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    first, second = bench.customer(fleet, "c1"), bench.customer(fleet, "c2")
    first.claim(board)
    fleet.release_owner(board)
    bench.sleep(3600)
    bench.reboot(board)
    assert (bench.owner(board), fleet.call(board, "version")) == (None, 1)
    bench.set_up(board, second.post(f"{fleet.path}/device_claims").json()["claim_code"])
    assert second.owned() == {board.device_id}
    fleet.release_owner(board)
    board.power_off()
    bench.sleep(60)
    bench.join_team(fleet, u2)
    assert u2.claim(board).json()["connected"] is False


@pytest.mark.rule("R71")
@pytest.mark.parametrize("whose", ["customer", "developer"])
def test_a_claim_code_takes_no_member_away_from_its_owner(bench, fleet, u2, whose):
    board = bench.online(user=fleet.firmware(1))
    fleet.add(board)
    first, second = bench.customer(fleet, "c1"), bench.customer(fleet, "c2")
    first.claim(board)
    path = (second, f"{fleet.path}/device_claims") if whose == "customer" else (u2, "/v1/device_claims")
    bench.set_up(board, path[0].post(path[1]).json()["claim_code"])
    assert bench.owner(board) == first.username
    assert not bench.claimed_bit(board), "the code was not taken"
