"""R51-R64: giving a device up, and taking one out of a product."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import DeviceForbidden, DeviceNotInProduct, PermissionDenied, ScopeRefused
from emulator.cloud.sim_records import SimStatus

BORON = 13
ICCID = "8934076500002589174"


def cellular_member(world):
    """A product with version 2 of its firmware, and a member of it whose SIM is active by now; the owner first."""
    o = world.user("o")
    product = world.product(o, BORON)
    world.upload(o, product, 2)
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    return o, product, device


@pytest.mark.rule("R51", "R60")
def test_a_developer_unclaims_an_own_device(world):
    u1 = world.user()
    device, _ = world.claimed(u1)
    world.cloud.claims.unclaim(u1, device.id)
    assert world.owner(device) is None
    assert world.cloud.devices.list(u1) == []


@pytest.mark.rule("R52", "R69")
@pytest.mark.parametrize("kind", ["the product's owner", "a team member", "a customer"])
def test_the_team_unclaims_a_member_whoever_owns_it(world, kind):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    owner = {"the product's owner": o, "a team member": t}.get(kind) or world.customer(o, product)
    device = world.member(o, product)
    world.connect(device)
    world.cloud.claims.claim(owner, device.id)
    world.cloud.claims.release(t, product.id, device.id)
    assert world.owner(device) is None
    assert world.standing(device, product) == "member"


@pytest.mark.rule("R53")
def test_removing_takes_the_id_out_of_the_product(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.cloud.members.remove(o, product.id, device.id)
    with pytest.raises(DeviceNotInProduct):
        world.cloud.devices.reach(o, device.id, "devices:get", product.id)
    assert world.cloud.views.of(world.now(device)).product_id == device.platform_id
    with pytest.raises(DeviceNotInProduct):
        world.cloud.members.remove(o, product.id, device.id)


@pytest.mark.rule("R53")
def test_removing_leaves_nothing_of_the_product_on_the_device(world):
    o = world.user("o")
    product = world.product(o)
    world.upload(o, product, 2)
    device = world.member(o, product)
    update = world.cloud.device_settings.update_member
    update(o, product.id, device.id, groups=["a"], development=True, desired_firmware_version=2)
    world.cloud.members.remove(o, product.id, device.id)
    left = world.now(device)
    assert (left.groups, left.development, left.desired_firmware_version) == ((), False, None)


@pytest.mark.rule("R2", "R52", "R57")
@pytest.mark.parametrize("way", ["by its owner", "by the team"])
def test_unclaiming_leaves_a_member_what_it_is_in_its_product(world, way):
    o, product, device = cellular_member(world)
    world.cloud.device_settings.update_member(o, product.id, device.id, groups=["a"], development=True, desired_firmware_version=2)
    world.cloud.claims.claim(o, device.id)
    session = world.connect(device)
    sim = world.cloud.sims.by_iccid(ICCID)
    if way == "by its owner":
        world.cloud.claims.unclaim(o, device.id)
    else:
        world.cloud.claims.release(o, product.id, device.id)
    left = world.now(device)
    assert (left.owner, left.product_id) == (None, product.id)
    assert (left.groups, left.development, left.desired_firmware_version) == (("a",), True, 2)
    assert (world.cloud.sims.by_iccid(ICCID), session.closed) == (sim, False)


@pytest.mark.rule("R2", "R53", "R128")
def test_removing_a_claimed_member_leaves_its_owner_its_sim_and_its_connection(world):
    o, product, device = cellular_member(world)
    world.cloud.claims.claim(o, device.id)
    session = world.runs(device, product, 1, functions={"led": len})
    world.cloud.device_settings.update_member(o, product.id, device.id, desired_firmware_version=2)
    sim = world.cloud.sims.by_iccid(ICCID)
    world.cloud.members.remove(o, product.id, device.id)
    assert world.owner(device) == "o@example.com"
    assert (world.cloud.sims.by_iccid(ICCID), sim.product_id, session.closed) == (sim, product.id, False)
    assert world.wait(world.cloud.operations.call(o, device.id, "led", "on")).value == 2, "a developer device of its owner now"
    session.leave()
    assert world.runs(device, product, 1).flashed == [], "nor does the lock outlive the membership"


@pytest.mark.rule("R54")
def test_a_removed_device_that_still_runs_the_firmware_is_denied_until_it_is_online_with_another(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    session = world.runs(device, product, 1)
    world.cloud.members.remove(o, product.id, device.id)
    assert world.standing(device, product) == "nothing"
    session.leave()
    world.runs(device, product, 1).leave()
    assert world.standing(device, product) == "denied"
    assert world.listed(o, product) == [device.id]
    world.connect(device)
    assert world.standing(device, product) == "nothing"
    assert world.listed(o, product) == []


@pytest.mark.rule("R55")
def test_from_device_os_4_on_a_removed_device_is_just_a_developer_device(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.runs(device, product, 1, system_version=4003)
    world.cloud.members.remove(o, product.id, device.id)
    for product_id in (product.id, product.platform_id):
        session = world.connect(device, product_id=product_id, product_version=1, system_version=4003)
        session.leave()
        assert world.standing(device, product) == "nothing"
        assert world.listed(o, product) == []


@pytest.mark.rule("R56")
def test_after_removal_only_the_owner_can_unclaim(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    device = world.member(o, product)
    world.cloud.claims.claim(t, device.id)
    world.cloud.members.remove(o, product.id, device.id)
    with pytest.raises(DeviceNotInProduct):
        world.cloud.claims.release(o, product.id, device.id)
    assert world.owner(device) == "t@example.com"
    world.cloud.claims.unclaim(t, device.id)
    assert world.owner(device) is None


@pytest.mark.rule("R57", "R128")
def test_unclaiming_does_not_touch_the_sim(world):
    u1 = world.user()
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(u1, ICCID)
    world.pass_time(60)
    device = world.device(BORON, iccid=ICCID)
    session = world.connect(device)
    world.cloud.claims.claim(u1, device.id)
    sim = world.cloud.sims.by_iccid(ICCID)
    world.cloud.claims.unclaim(u1, device.id)
    assert sim.status is SimStatus.ACTIVE
    assert world.cloud.sims.by_iccid(ICCID) == sim
    assert not session.closed


@pytest.mark.rule("R58")
def test_unclaiming_works_offline_and_says_nothing_to_the_device(world):
    o = world.user("o")
    product = world.product(o)
    device, session = world.claimed(o)
    session.leave()
    world.cloud.claims.unclaim(o, device.id)
    assert world.owner(device) is None
    member = world.member(o, product)
    world.cloud.claims.claim(o, member.id)
    world.cloud.claims.release(o, product.id, member.id)
    assert world.owner(member) is None
    online, session = world.claimed(o)
    session.sent.clear()
    world.cloud.claims.unclaim(o, online.id)
    assert session.sent == []
    assert not session.closed


@pytest.mark.rule("R59")
def test_nobody_but_the_owner_unclaims_at_the_user_level(world):
    u1, u2 = world.user("u1"), world.user("u2")
    product = world.product(u2)
    device, session = world.claimed(u1)
    session.leave()
    with pytest.raises(DeviceForbidden):
        world.cloud.claims.unclaim(u2, device.id)
    member = world.member(u2, product)
    world.teammate(u2, product, "u1")
    world.cloud.claims.claim(u1, member.id)
    with pytest.raises(DeviceForbidden):
        world.cloud.claims.unclaim(u2, member.id)
    unclaimed, _ = world.online()
    with pytest.raises(DeviceForbidden):
        world.cloud.claims.unclaim(u1, unclaimed.id)
    assert (world.owner(device), world.owner(member)) == ("u1@example.com",) * 2
    world.cloud.claims.unclaim(u1, device.id)
    assert world.owner(device) is None


@pytest.mark.rule("R61")
def test_the_product_endpoint_takes_the_scope_and_not_ownership(world):
    o, stranger = world.user("o"), world.user("stranger")
    product = world.product(o)
    device = world.member(o, product)
    world.cloud.claims.claim(o, device.id)
    with pytest.raises(ScopeRefused):
        world.cloud.claims.release(world.api_user(o, product, "devices:list"), product.id, device.id)
    for caller in (stranger, world.teammate(o, product, "support", "Support"), world.customer(o, product)):
        with pytest.raises(PermissionDenied):
            world.cloud.claims.release(caller, product.id, device.id)
    assert world.owner(device) == "o@example.com"
    world.cloud.claims.release(world.api_user(o, product, "devices:release"), product.id, device.id)
    assert world.owner(device) is None


@pytest.mark.rule("R61")
def test_a_device_that_is_only_quarantined_cannot_be_unclaimed_by_the_team(world):
    o, u1 = world.user("o"), world.user("u1")
    product = world.product(o)
    device = world.device()
    world.runs(device, product, 1)
    world.cloud.claims.claim(u1, device.id)
    assert world.standing(device, product) == "quarantined"
    with pytest.raises(DeviceNotInProduct):
        world.cloud.claims.release(o, product.id, device.id)
    assert world.owner(device) == "u1@example.com"


@pytest.mark.rule("R63")
def test_the_bit_on_the_device_means_nothing_to_the_cloud(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, session = world.online()
    session.event("spark/device/claim/code", world.cloud.claim_codes.create(u1).code)
    assert session.sent[-1][0].startswith("spark/device/claim/"), "the device now believes it is claimed"
    world.cloud.claims.unclaim(u1, device.id)
    world.cloud.claims.claim(u2, device.id)
    assert world.owner(device) == "u2@example.com"


@pytest.mark.rule("R51")
def test_a_program_of_the_product_cannot_unclaim_as_an_owner_does(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.cloud.claims.claim(o, device.id)
    with pytest.raises(ScopeRefused) as refused:
        world.cloud.claims.unclaim(world.api_user(o, product, "devices:list"), device.id)
    assert refused.value.scope == "devices:release"
    with pytest.raises(DeviceForbidden):
        world.cloud.claims.unclaim(world.api_user(o, product, "devices:release"), device.id)
    assert world.owner(device) == "o@example.com"
