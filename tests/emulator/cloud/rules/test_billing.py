"""R25-R32: what counts where."""

from __future__ import annotations

import pytest

from emulator.cloud.agreements import GRACE
from emulator.cloud.errors import DeviceLimitReached
from emulator.cloud.records import Plan
from emulator.cloud.settings import CloudSettings

BORON = 13
ICCID = "8934076500002589174"


def count(world, who):
    return world.cloud.agreements.of(who).devices


@pytest.fixture
def small(make_world):
    """A world whose free plan takes five devices."""
    return make_world(CloudSettings(device_limit=5))


@pytest.mark.rule("R25")
def test_the_free_plan_takes_a_hundred_devices_and_not_one_more(world):
    u1 = world.user()
    devices = world.fill(u1, 100)
    assert world.cloud.agreements.of(u1).device_limit_reached
    one_more, _ = world.online()
    with pytest.raises(DeviceLimitReached) as refused:
        world.cloud.claims.claim(u1, one_more.id)
    assert refused.value.limit == 100
    assert world.owner(one_more) is None
    world.cloud.claims.unclaim(u1, devices[0].id)
    world.cloud.claims.claim(u1, one_more.id)
    assert count(world, u1) == 100


@pytest.mark.rule("R25")
def test_the_limit_can_be_lifted(make_world):
    world = make_world(CloudSettings(device_limit=None))
    u1 = world.user()
    world.fill(u1, 120)
    assert count(world, u1) == 120
    assert not world.cloud.agreements.of(u1).device_limit_reached


@pytest.mark.rule("R26")
def test_a_device_counts_for_whoever_claimed_it(small):
    u1, u2 = small.user("u1"), small.user("u2")
    device, *_ = small.fill(u1, 3)
    small.fill(u2, 4)
    assert (count(small, u1), count(small, u2)) == (3, 4)
    transfer = small.cloud.claims.claim(u2, device.id, request_transfer=True)
    small.cloud.transfers.accept(u1, transfer.id)
    assert (count(small, u1), count(small, u2)) == (2, 5)


@pytest.mark.rule("R26")
def test_a_transfer_into_a_full_plan_does_not_happen(small):
    u1, u2 = small.user("u1"), small.user("u2")
    device, *_ = small.fill(u1, 1)
    small.fill(u2, 5)
    transfer = small.cloud.claims.claim(u2, device.id, request_transfer=True)
    with pytest.raises(DeviceLimitReached):
        small.cloud.transfers.accept(u1, transfer.id)
    assert small.owner(device) == "u1@example.com"
    assert small.cloud.transfers.of(device.id) == [transfer]


@pytest.mark.rule("R27")
def test_in_a_paid_product_members_count_and_claims_do_not(small):
    o = small.user("o")
    product = small.paid_product(o)
    devices = [small.member(o, product) for _ in range(7)]
    for device in devices:
        small.connect(device)
    paid = small.cloud.agreements.of(o, small.cloud.products.organizations(o)[0].slug)
    assert (paid.devices, paid.plan) == (7, Plan.GROWTH)
    assert count(small, o) == 0
    small.cloud.claims.claim(o, devices[0].id)
    small.cloud.claims.unclaim(o, devices[0].id)
    organization = small.cloud.products.organizations(o)[0].slug
    assert small.cloud.agreements.of(o, organization).devices == 7
    small.cloud.members.remove(o, product.id, devices[0].id)
    assert small.cloud.agreements.of(o, organization).devices == 6


@pytest.mark.rule("R28")
def test_a_claimed_member_of_a_paid_product_is_listed_and_not_counted(small):
    u1 = small.user("u1")
    small.fill(u1, 5)
    product = small.paid_product(u1)
    device = small.member(u1, product)
    small.cloud.claims.claim(u1, device.id)
    assert len(small.cloud.devices.list(u1)) == 6
    assert count(small, u1) == 5


@pytest.mark.rule("R29")
def test_every_member_of_a_free_product_counts_for_its_owner_listed_or_not(small):
    o = small.user("o")
    product = small.product(o)
    for _ in range(3):
        small.member(o, product)
    small.fill(o, 2)
    assert count(small, o) == 5
    assert len(small.cloud.devices.list(o)) == 2
    device, _ = small.online()
    with pytest.raises(DeviceLimitReached):
        small.cloud.claims.claim(o, device.id)
    with pytest.raises(DeviceLimitReached):
        small.cloud.members.add(o, product.id, [device.id])
    assert small.owner(device) is None
    assert small.standing(device, product) == "nothing"


@pytest.mark.rule("R29")
def test_an_import_that_does_not_fit_adds_nothing_at_all(small):
    o = small.user("o")
    product = small.product(o)
    devices = [small.device() for _ in range(6)]
    with pytest.raises(DeviceLimitReached):
        small.cloud.members.add(o, product.id, [device.id for device in devices])
    assert small.listed(o, product) == []
    small.cloud.members.add(o, product.id, [device.id for device in devices[:5]])
    assert len(small.listed(o, product)) == 5


@pytest.mark.rule("R29")
def test_an_own_device_that_joins_the_own_free_product_counts_once(small):
    o = small.user("o")
    product = small.product(o)
    device, *_ = small.fill(o, 5)
    small.cloud.members.add(o, product.id, [device.id])
    assert count(small, o) == 5


@pytest.mark.rule("R29", "R119")
@pytest.mark.parametrize("way", ["by itself", "by a customer's code", "with its SIM"])
def test_a_full_plan_lets_in_what_it_counts_already_and_nothing_else(small, way):
    o = small.user("o")
    product = small.product(o, BORON, quarantine=way != "by itself")
    c = small.customer(o, product)
    small.cloud.sims.make(ICCID)
    small.cloud.sims.activate(o, ICCID)
    small.pass_time(60)
    own, free = small.device(BORON), small.device(BORON)
    small.connect(own)
    small.cloud.claims.claim(o, own.id)
    small.fill(o, 4)
    for device, standing in ((free, "nothing"), (own, "member")):
        if way == "by itself":
            small.runs(device, product, 1)
            standing = {"nothing": "quarantined"}.get(standing, standing)
        elif way == "by a customer's code":
            small.connect(device).event("spark/device/claim/code", small.cloud.claim_codes.create(c, product=product.id).code)
        else:
            small.connect(device, describe=False).describe(extra={"iccid": ICCID})
            small.cloud.sims.import_sims(o, product.id, [ICCID])
        assert (small.standing(device, product), count(small, o)) == (standing, 5)


@pytest.mark.rule("R30")
def test_a_team_members_claim_counts_for_the_products_owner_only(small):
    o = small.user("o")
    product = small.product(o)
    t = small.teammate(o, product)
    device = small.member(o, product)
    assert (count(small, o), count(small, t)) == (1, 0)
    small.cloud.claims.claim(t, device.id)
    assert (count(small, o), count(small, t)) == (1, 0)


@pytest.mark.rule("R30")
def test_never_online_or_with_its_sim_deactivated_a_free_member_counts(small):
    o = small.user("o")
    product = small.product(o, BORON)
    small.cloud.sims.make(ICCID)
    small.member(o, product, iccid=ICCID)
    assert count(small, o) == 1
    small.pass_time(60)
    small.cloud.sims.deactivate(o, ICCID, product=product.id)
    small.pass_time(60)
    assert count(small, o) == 1


@pytest.mark.rule("R31")
def test_a_claimed_device_that_leaves_its_product_counts_for_its_owner(small):
    o, u1 = small.user("o"), small.user("u1")
    product = small.product(o)
    small.teammate(o, product, "u1")
    device = small.member(o, product)
    small.cloud.claims.claim(u1, device.id)
    assert (count(small, o), count(small, u1)) == (1, 0)
    small.cloud.members.remove(o, product.id, device.id)
    assert (count(small, o), count(small, u1)) == (0, 1)


@pytest.mark.rule("R32")
def test_a_paid_plan_counts_devices_from_their_first_time_online(world):
    o = world.user("o")
    product = world.paid_product(o)
    device = world.member(o, product)
    assert world.cloud.agreements.billable(product) == []
    world.connect(device).leave()
    assert [each.id for each in world.cloud.agreements.billable(product)] == [device.id]


@pytest.mark.rule("R32")
def test_a_paid_plan_does_not_count_a_month_without_the_sim(world):
    o = world.user("o")
    product = world.paid_product(o, BORON)
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    world.connect(device)
    billable = world.cloud.agreements.billable
    world.cloud.sims.deactivate(o, ICCID, product=product.id)
    world.pass_time(60)
    assert len(billable(product)) == 1, "deactivated within this month"
    world.pass_time(40 * 86400)
    assert billable(product) == []
    world.cloud.sims.reactivate(o, ICCID, product=product.id)
    world.pass_time(60)
    assert len(billable(product)) == 1


@pytest.mark.rule("R32")
def test_an_enterprise_plan_counts_a_device_after_six_months(world):
    o = world.user("o")
    product = world.paid_product(o, plan=Plan.ENTERPRISE)
    device = world.member(o, product)
    world.connect(device)
    world.pass_time(GRACE - 86400)
    assert world.cloud.agreements.billable(product) == []
    world.pass_time(2 * 86400)
    assert len(world.cloud.agreements.billable(product)) == 1
