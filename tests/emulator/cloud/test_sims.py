"""What a SIM's network says, and who may ask it."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import ScopeRefused, SimUnknown

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
