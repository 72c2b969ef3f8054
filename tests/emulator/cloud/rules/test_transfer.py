"""R65-R71: from one owner to the next."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import OwnedByOther, TransferUnknown
from emulator.cloud.settings import CloudSettings

BORON = 13


@pytest.mark.rule("R65")
def test_unclaim_and_claim_again_moves_a_device(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    world.cloud.claims.unclaim(u1, device.id)
    world.cloud.claims.claim(u2, device.id)
    assert world.owner(device) == "u2@example.com"


@pytest.mark.rule("R66")
def test_a_claim_code_moves_a_device_outside_products_at_once(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, session = world.claimed(u1)
    session.event("spark/device/claim/code", world.cloud.claim_codes.create(u2).code)
    assert world.owner(device) == "u2@example.com"
    assert world.cloud.mail.to("u1@example.com") == []


@pytest.mark.rule("R67")
def test_claiming_somebody_elses_device_offers_a_transfer(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    with pytest.raises(OwnedByOther):
        world.cloud.claims.claim(u2, device.id)
    assert world.cloud.mail.all() == []
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    assert transfer.device_id == device.id
    assert world.owner(device) == "u1@example.com"


@pytest.mark.rule("R68")
def test_the_owner_is_mailed_and_the_device_moves_when_the_owner_accepts(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    (mail,) = world.cloud.mail.to("u1@example.com")
    assert (mail.subject, mail["device_id"], mail["requester"]) == ("transfer-requested", device.id, "u2@example.com")
    assert mail["transfer_id"] == transfer.id
    world.cloud.transfers.answer(mail["token"], accept=True)
    assert world.owner(device) == "u2@example.com"
    assert [each.subject for each in world.cloud.mail.to("u2@example.com")] == ["transfer-accepted"]


@pytest.mark.rule("R68")
def test_the_owner_declines_and_the_requester_is_told(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    world.cloud.claims.claim(u2, device.id, request_transfer=True)
    token = world.cloud.mail.to("u1@example.com")[0]["token"]
    world.cloud.transfers.answer(token, accept=False)
    assert world.owner(device) == "u1@example.com"
    assert [each.subject for each in world.cloud.mail.to("u2@example.com")] == ["transfer-declined"]
    with pytest.raises(TransferUnknown):
        world.cloud.transfers.answer(token, accept=True)
    assert world.owner(device) == "u1@example.com"


@pytest.mark.rule("R68")
def test_asking_twice_is_asking_once(world):
    u1, u2, u3 = world.user("u1"), world.user("u2"), world.user("u3")
    device, _ = world.claimed(u1)
    first = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    assert world.cloud.claims.claim(u2, device.id, request_transfer=True) == first
    assert len(world.cloud.mail.all()) == 1
    assert world.cloud.claims.claim(u3, device.id, request_transfer=True) != first
    assert len(world.cloud.mail.to("u1@example.com")) == 2


@pytest.mark.rule("R68")
def test_only_the_owner_answers_and_any_other_change_of_owner_ends_the_request(world):
    u1, u2, u3 = world.user("u1"), world.user("u2"), world.user("u3")
    device, _ = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    for somebody in (u2, u3):
        with pytest.raises(TransferUnknown):
            world.cloud.transfers.accept(somebody, transfer.id)
        with pytest.raises(TransferUnknown):
            world.cloud.transfers.decline(somebody, transfer.id)
    world.cloud.claims.unclaim(u1, device.id)
    with pytest.raises(TransferUnknown):
        world.cloud.transfers.accept(u1, transfer.id)
    world.cloud.claims.claim(u3, device.id)
    assert world.cloud.transfers.of(device.id) == []


@pytest.mark.rule("R68")
def test_a_signed_in_owner_accepts_or_declines_as_well(world):
    u1, u2, u3 = world.user("u1"), world.user("u2"), world.user("u3")
    device, _ = world.claimed(u1)
    first = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    second = world.cloud.claims.claim(u3, device.id, request_transfer=True)
    assert first.requested_at == world.cloud.core.now()
    world.cloud.transfers.decline(u1, first.id)
    assert world.cloud.transfers.of(device.id) == [second]
    (mail,) = world.cloud.mail.to("u2@example.com")
    assert (mail.subject, mail["transfer_id"], mail["device_id"]) == ("transfer-declined", first.id, device.id)
    world.cloud.transfers.accept(u1, second.id)
    assert world.owner(device) == "u3@example.com"
    (mail,) = world.cloud.mail.to("u3@example.com")
    assert (mail.subject, mail["transfer_id"], mail["device_id"]) == ("transfer-accepted", second.id, device.id)


@pytest.mark.rule("R68")
@pytest.mark.parametrize("accept", [True, False])
def test_a_requester_who_took_another_address_is_told_there(world, accept):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    world.cloud.accounts.change_username(u2, "new@example.com", "secret")
    world.cloud.transfers.answer(transfer.answer_token, accept=accept)
    assert [mail.subject for mail in world.cloud.mail.to("new@example.com")] == ["transfer-accepted" if accept else "transfer-declined"]
    assert world.cloud.mail.to("u2@example.com") == []


@pytest.mark.rule("R2", "R68")
def test_a_request_outlives_a_change_of_product_and_ends_when_the_team_unclaims(world):
    u1, u2 = world.user("u1"), world.user("u2")
    product = world.product(u1)
    device, _ = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    world.cloud.members.add(u1, product.id, [device.id])
    world.cloud.members.remove(u1, product.id, device.id)
    world.cloud.members.add(u1, product.id, [device.id])
    assert world.cloud.transfers.of(device.id) == [transfer]
    world.cloud.transfers.accept(u1, transfer.id)
    assert (world.owner(device), world.now(device).product_id) == ("u2@example.com", product.id)
    back = world.cloud.claims.claim(u1, device.id, request_transfer=True)
    world.cloud.claims.release(u1, product.id, device.id)
    with pytest.raises(TransferUnknown):
        world.cloud.transfers.answer(back.answer_token, accept=True)
    assert world.owner(device) is None


@pytest.mark.rule("R66", "R68")
def test_a_device_that_moves_by_a_claim_code_ends_the_requests_for_it(world):
    u1, u2, u3 = world.user("u1"), world.user("u2"), world.user("u3")
    device, session = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    session.event("spark/device/claim/code", world.cloud.claim_codes.create(u3).code)
    assert world.owner(device) == "u3@example.com"
    assert world.cloud.transfers.of(device.id) == []
    with pytest.raises(TransferUnknown):
        world.cloud.transfers.answer(transfer.answer_token, accept=True)


@pytest.mark.rule("R66", "R68")
@pytest.mark.parametrize("known", [{"imei": "352753090041680"}, {"iccid": "8934076500002589174"}])
def test_who_merely_knows_the_number_of_a_modem_or_sim_takes_no_device_from_its_owner(world, known):
    u1, u2 = world.user("u1"), world.user("u2")
    device = world.device(BORON, **known)
    world.connect(device)
    world.cloud.claims.claim(u1, device.id)
    world.cloud.claim_codes.create(u2, **known)
    world.connect(device)
    assert world.owner(device) == "u1@example.com"
    world.cloud.claims.unclaim(u1, device.id)
    world.connect(device)
    assert world.owner(device) == "u2@example.com", "once it is nobody's, it claims it"


@pytest.mark.rule("R70")
def test_an_unclaimed_member_stays_unclaimed_until_somebody_claims_it_by_any_way(world):
    o = world.user("o")
    product = world.product(o)
    t, c = world.teammate(o, product), world.customer(o, product)
    device = world.member(o, product)
    world.cloud.claims.claim(o, device.id)
    world.cloud.claims.release(o, product.id, device.id)
    world.pass_time(400 * 86400)
    assert world.owner(device) is None
    t = world.user("t")
    world.cloud.claims.claim(t, device.id)
    assert world.owner(device) == "t@example.com"
    world.cloud.claims.release(t, product.id, device.id)
    session = world.connect(device)
    session.event("spark/device/claim/code", world.cloud.claim_codes.create(c, product=product.id).code)
    assert world.owner(device) == "c@customers.example"


@pytest.mark.rule("R71")
def test_a_claim_code_does_not_take_a_members_owner_away(world):
    o = world.user("o")
    product = world.product(o)
    c1, c2 = world.customer(o, product, "c1"), world.customer(o, product, "c2")
    device = world.member(o, product)
    session = world.connect(device)
    world.cloud.claims.claim(c1, device.id)
    session.sent.clear()
    for other in (world.cloud.claim_codes.create(c2, product=product.id), world.cloud.claim_codes.create(o)):
        session.event("spark/device/claim/code", other.code)
        assert world.owner(device) == "c1@customers.example"
    assert session.sent == []


@pytest.mark.rule("R71")
def test_a_code_is_used_up_by_its_first_claim_and_grows_old(make_world):
    world = make_world(CloudSettings(claim_code_lifetime=300))
    u1, u2 = world.user("u1"), world.user("u2")
    first, second = world.online(), world.online()
    code = world.cloud.claim_codes.create(u1).code
    first[1].event("spark/device/claim/code", code)
    second[1].event("spark/device/claim/code", code)
    assert (world.owner(first[0]), world.owner(second[0])) == ("u1@example.com", None)
    old = world.cloud.claim_codes.create(u2).code
    world.pass_time(300)
    second[1].event("spark/device/claim/code", old)
    assert world.owner(second[0]) is None
