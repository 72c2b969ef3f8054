"""R17a-R24: the order of the checks, and what being online has to do with a claim."""

from __future__ import annotations

import pytest

from emulator.cloud.claims import Claimed
from emulator.cloud.errors import ClaimIdMissing, DeviceForbidden, DeviceUnknown, NotOnline, OwnedByOther, PermissionDenied, ScopeRefused
from emulator.cloud.errors import DeviceLimitReached as LimitReached
from emulator.cloud.settings import CloudSettings

ELECTRON = 10
ICCID = "8934076500002589174"


@pytest.mark.rule("R17a")
def test_a_claim_without_an_id_comes_first(world):
    for nothing in (None, ""):
        with pytest.raises(ClaimIdMissing):
            world.cloud.claims.claim(world.user(), nothing)


@pytest.mark.rule("R17a")
@pytest.mark.parametrize("given", ["1234567890", "3f002a001747343733349999", "lamp"])
def test_an_unknown_device_comes_before_anything_about_its_state(world, given):
    with pytest.raises(DeviceUnknown):
        world.cloud.claims.claim(world.user(), given)


@pytest.mark.rule("R17a")
def test_the_owners_own_claim_succeeds_again_even_offline(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    session.leave()
    before = world.now(device)
    claimed = world.cloud.claims.claim(u1, device.id)
    assert isinstance(claimed, Claimed)
    assert claimed.connected is False
    assert claimed.device is before
    assert world.now(device) is before


@pytest.mark.rule("R17a")
def test_somebody_elses_device_is_refused_as_such_even_offline(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, session = world.claimed(u1)
    session.leave()
    with pytest.raises(OwnedByOther):
        world.cloud.claims.claim(u2, device.id)
    assert world.owner(device) == "u1@example.com"


@pytest.mark.rule("R17a")
def test_being_offline_comes_before_a_full_plan(make_world):
    world = make_world(CloudSettings(device_limit=0))
    device = world.device()
    with pytest.raises(NotOnline):
        world.cloud.claims.claim(world.user(), device.id)
    world.connect(device)
    with pytest.raises(LimitReached):
        world.cloud.claims.claim(world.user(), device.id)


@pytest.mark.rule("R17a")
def test_programs_cannot_claim(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.connect(device)
    with pytest.raises(ScopeRefused):
        world.cloud.claims.claim(world.api_user(o, product, "*:*"), device.id)
    client = world.cloud.clients.create(o, "server", product=product.id)
    token = world.cloud.tokens.client_grant(client.id, client.secret)
    with pytest.raises(PermissionDenied):
        world.cloud.claims.claim(world.cloud.tokens.principal(token.token), device.id)
    assert world.owner(device) is None


@pytest.mark.rule("R18", "R46")
def test_a_developer_device_must_be_online_to_be_claimed(world):
    u1 = world.user()
    device, session = world.online()
    session.leave()
    with pytest.raises(NotOnline):
        world.cloud.claims.claim(u1, device.id)
    assert world.owner(device) is None
    world.connect(device)
    assert world.cloud.claims.claim(u1, device.id).connected
    assert world.owner(device) == "u1@example.com"


@pytest.mark.rule("R19")
def test_a_member_that_was_never_online_can_be_claimed(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    device = world.member(o, product)
    claimed = world.cloud.claims.claim(t, device.id)
    assert not claimed.connected
    assert world.owner(device) == "t@example.com"


@pytest.mark.rule("R20")
def test_a_member_that_is_online_can_be_claimed(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.connect(device)
    assert world.cloud.claims.claim(o, device.id).connected
    assert world.owner(device) == "o@example.com"


@pytest.mark.rule("R21")
def test_a_stranger_cannot_claim_an_offline_member(world):
    o, stranger = world.user("o"), world.user("stranger")
    product = world.product(o)
    device = world.member(o, product)
    with pytest.raises(NotOnline):
        world.cloud.claims.claim(stranger, device.id)
    assert world.owner(device) is None


@pytest.mark.rule("R21")
@pytest.mark.parametrize(("role", "may"), [("View-only", False), ("Support", False), ("Developer", True), ("Administrator", True)])
def test_claiming_offline_takes_a_role_that_may_claim(world, role, may):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product, role=role)
    device = world.member(o, product)
    if may:
        world.cloud.claims.claim(t, device.id)
    else:
        with pytest.raises(NotOnline):
            world.cloud.claims.claim(t, device.id)
    assert (world.owner(device) is not None) is may


@pytest.mark.rule("R21")
def test_a_customer_claims_online_devices_of_its_product_only(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    inside, outside = world.member(o, product), world.device()
    with pytest.raises(NotOnline):
        world.cloud.claims.claim(c, inside.id)
    world.connect(outside)
    with pytest.raises(DeviceForbidden):
        world.cloud.claims.claim(c, outside.id)
    world.connect(inside)
    world.cloud.claims.claim(c, inside.id)
    assert world.owner(inside) == "c@customers.example"


@pytest.mark.rule("R22")
def test_being_online_has_nothing_to_do_with_being_claimed(world):
    u1 = world.user()
    device, session = world.online()
    online = world.cloud.connections.online
    assert online(device.id)
    assert world.owner(device) is None
    world.cloud.claims.claim(u1, device.id)
    assert online(device.id)
    world.cloud.claims.unclaim(u1, device.id)
    assert online(device.id)
    assert not session.closed


@pytest.mark.rule("R23", "R131")
def test_a_cellular_device_gets_online_with_an_active_sim_only(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    device = world.device(ELECTRON, iccid=ICCID)
    session = world.connect(device)
    assert session.closed
    assert ICCID in session.close_reason
    assert not world.cloud.connections.online(device.id)
    assert world.now(device).last_handshake_at is None
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    assert not world.connect(device).closed


@pytest.mark.rule("R24")
def test_so_a_developer_device_with_an_inactive_sim_cannot_be_claimed(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    device = world.device(ELECTRON, iccid=ICCID)
    world.connect(device)
    with pytest.raises(NotOnline):
        world.cloud.claims.claim(u1, device.id)
    assert world.owner(device) is None
