"""What is known of a SIM, what its network says, and who may ask it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.cloud.errors import ScopeRefused, SimUnknown
from emulator.cloud.settings import CloudSettings
from emulator.cloud.sim_records import Deactivator, Sim, SimAction, SimStatus

BORON = 13
ICCID = "8934076500002589174"


@pytest.fixture
def shop(world):
    """`world` with `o`, two of its products, and a SIM in the first of them."""
    world.o = world.user("o")
    world.p, world.other = world.product(world.o, BORON), world.product(world.o, BORON)
    world.cloud.sims.make(ICCID)
    world.cloud.sims.import_sims(world.o, world.p.id, [ICCID])
    world.pass_time(60)
    return world


def test_a_product_asks_only_for_its_own_sims(shop):
    ask = shop.cloud.sims.network_status
    assert ask(shop.o, ICCID, shop.p.id)[0].iccid == ICCID
    with pytest.raises(SimUnknown):
        ask(shop.o, ICCID, shop.other.id)


def test_asking_the_network_needs_a_scope_of_its_own(shop):
    ask = shop.cloud.sims.network_status
    assert ask(shop.api_user(shop.o, shop.p, "sims.status:get"), ICCID, shop.p.id)[0].iccid == ICCID
    with pytest.raises(ScopeRefused) as refused:
        ask(shop.api_user(shop.o, shop.p, "sims:get"), ICCID, shop.p.id)
    assert str(refused.value) == "scope sims.status:get was not granted"


def test_asking_for_a_sim_needs_the_scope_for_it(shop):
    with pytest.raises(ScopeRefused, match=r"^scope sims:get was not granted$"):
        shop.cloud.sims.get(shop.api_user(shop.o, shop.p, "sims:get"), ICCID)


def test_what_is_known_of_a_sim_through_its_life(world):
    sims, u1, u2, now = world.cloud.sims, world.user("u1"), world.user("u2"), world.cloud.core.now
    sim = sims.make(ICCID)
    assert sim == Sim(ICCID, updated_at=now())

    def order(do, who, action, **changes):
        """What is known once it is ordered, and once it is done."""
        world.pass_time(5)
        ordered = do(who, ICCID, **changes.pop("wishes", {}))
        assert 1 <= ordered.due_at - now() <= 10
        expected = replace(sim, pending=action, last_status_change_action=action, due_at=ordered.due_at, updated_at=now(), **changes)
        assert ordered == sims.by_iccid(ICCID) == expected
        world.pass_time(100)
        return replace(ordered, pending=None, due_at=None, updated_at=ordered.due_at), ordered.due_at

    changes = {"user_id": u1.account, "last_activated_via": "sandbox", "mb_limit": 20, "base_country_code": "DE"}
    after, when = order(sims.activate, u1, SimAction.ACTIVATE, wishes={"mb_limit": 20, "country": "DE"}, **changes)
    sim = sims.by_iccid(ICCID)
    assert sim == replace(after, status=SimStatus.ACTIVE, activations_count=1, first_activated_on=when, last_activated_on=when)

    after, when = order(sims.deactivate, u1, SimAction.DEACTIVATE, deactivated_by=Deactivator.OWNER)
    sim = sims.by_iccid(ICCID)
    assert sim == replace(after, status=SimStatus.DEACTIVATED, deactivations_count=1, deactivated_on=when)

    after, when = order(sims.reactivate, u1, SimAction.REACTIVATE, deactivated_by=None)
    sim = sims.by_iccid(ICCID)
    assert sim == replace(after, status=SimStatus.ACTIVE, activations_count=2, last_activated_on=when, deactivated_on=None)

    after, when = order(sims.release, u1, SimAction.RELEASE, user_id=None)
    sim = sims.by_iccid(ICCID)
    assert sim == replace(after, status=SimStatus.DEACTIVATED, deactivations_count=2, deactivated_on=when)

    order(sims.activate, u2, SimAction.ACTIVATE, user_id=u2.account)


def test_what_is_known_of_a_sim_of_a_product(shop):
    sims, now = shop.cloud.sims, shop.cloud.core.now
    sim = sims.by_iccid(ICCID)
    assert (sim.product_id, sim.user_id, sim.last_activated_via, sim.updated_at) == (shop.p.id, None, "product", sim.last_activated_on)
    assert sims.import_sims(shop.o, shop.p.id, [ICCID]) == [replace(sim, updated_at=now())]
    sims.deactivate(shop.o, ICCID, product=shop.p.id)
    shop.pass_time(60)
    released = replace(
        sims.by_iccid(ICCID), product_id=None, deactivated_by=None, last_status_change_action=SimAction.RELEASE, updated_at=now()
    )
    assert sims.release(shop.o, ICCID, product=shop.p.id) == released
    sims.activate(shop.o, ICCID)
    shop.pass_time(60)
    assert sims.by_iccid(ICCID).last_activated_via == "sandbox"
    sims.release(shop.o, ICCID)
    shop.pass_time(60)
    (again,) = sims.import_sims(shop.o, shop.p.id, [ICCID])
    assert (again.pending, again.last_activated_via) == (SimAction.ACTIVATE, "product")


def test_an_own_sim_that_was_deactivated_is_reactivated_by_activating_it(world):
    sims, u1 = world.cloud.sims, world.user()
    sims.make(ICCID)
    sims.activate(u1, ICCID)
    world.pass_time(60)
    sims.deactivate(u1, ICCID)
    world.pass_time(60)
    assert sims.activate(u1, ICCID).pending is SimAction.REACTIVATE


def test_a_network_that_takes_no_time_has_a_sim_active_at_once(make_world):
    world = make_world(CloudSettings(activation_speed=0))
    world.cloud.sims.make(ICCID)
    world.cloud.sims.activate(world.user(), ICCID)
    world.pass_time(0.5)
    assert world.cloud.sims.by_iccid(ICCID).active


def test_what_was_ordered_in_a_future_that_was_taken_back_does_not_happen(world):
    sims, u1 = world.cloud.sims, world.user()
    nothing = world.cloud.snapshot()
    sims.make(ICCID)
    made = world.cloud.snapshot()
    taken_back = sims.activate(u1, ICCID).due_at
    world.cloud.restore(made)
    world.pass_time(taken_back - 0.5 - world.cloud.core.now())
    assert sims.activate(u1, ICCID).due_at > taken_back + 0.1
    world.pass_time(0.6)
    assert not sims.by_iccid(ICCID).active
    world.cloud.restore(nothing)
    world.pass_time(60)
    assert sims.by_iccid(ICCID) is None
