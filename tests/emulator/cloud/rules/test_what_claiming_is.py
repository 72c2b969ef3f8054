"""R1-R4: an owner, and nothing else."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import DeviceForbidden, DeviceUnknown, Invalid
from emulator.cloud.records import OwnerKind
from emulator.cloud.sim_records import SimStatus

ELECTRON = 10
ICCID = "8934076500002589174"


@pytest.mark.rule("R1")
def test_a_claim_makes_a_developer_the_owner(world):
    u1 = world.user()
    device, _ = world.online()
    world.cloud.claims.claim(u1, device.id)
    owner = world.now(device).owner
    assert (owner.kind, owner.id) == (OwnerKind.USER, u1.account)
    assert world.cloud.views.of(world.now(device)).owner == "u1@example.com"


@pytest.mark.rule("R1")
def test_a_claim_makes_a_customer_the_owner(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    device = world.member(o, product)
    world.connect(device)
    world.cloud.claims.claim(c, device.id)
    owner = world.now(device).owner
    assert (owner.kind, owner.id) == (OwnerKind.CUSTOMER, c.account)
    assert world.owner(device) == "c@customers.example"


@pytest.mark.rule("R2")
def test_claiming_leaves_product_and_sim_alone(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    sim = world.cloud.sims.by_iccid(ICCID)
    assert sim.status is SimStatus.ACTIVE
    world.cloud.claims.claim(o, device.id)
    assert world.now(device).product_id == product.id
    assert world.cloud.sims.by_iccid(ICCID) == sim
    world.cloud.claims.unclaim(o, device.id)
    assert world.now(device).product_id == product.id
    assert world.cloud.sims.by_iccid(ICCID) == sim


@pytest.mark.rule("R2")
def test_adding_to_and_removing_from_a_product_leaves_the_owner_alone(world):
    o = world.user("o")
    product = world.product(o)
    device, _ = world.claimed(o)
    world.cloud.members.add(o, product.id, [device.id])
    assert (world.owner(device), world.now(device).product_id) == ("o@example.com", product.id)
    world.cloud.members.remove(o, product.id, device.id)
    assert (world.owner(device), world.now(device).product_id) == ("o@example.com", None)


@pytest.mark.rule("R2")
def test_deactivating_the_sim_leaves_owner_and_product_alone(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    world.cloud.claims.claim(o, device.id)
    world.cloud.sims.deactivate(o, ICCID, product=product.id)
    world.pass_time(60)
    assert world.cloud.sims.by_iccid(ICCID).status is SimStatus.DEACTIVATED
    assert (world.owner(device), world.now(device).product_id) == ("o@example.com", product.id)


@pytest.mark.rule("R2a")
def test_removing_a_customers_device_from_the_product_also_unclaims_it(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    device = world.member(o, product)
    world.connect(device)
    world.cloud.claims.claim(c, device.id)
    world.cloud.members.remove(o, product.id, device.id)
    assert world.owner(device) is None


@pytest.mark.rule("R3")
def test_a_device_keeps_its_id_through_everything(world):
    u1, u2 = world.user("u1"), world.user("u2")
    product = world.product(u1)
    device, _ = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    world.cloud.transfers.accept(u1, transfer.id)
    world.cloud.claims.unclaim(u2, device.id)
    world.cloud.members.add(u1, product.id, [device.id])
    world.cloud.claims.claim(u1, device.id)
    assert world.cloud.devices.list(u1)[0].id == device.id
    assert len(device.id) == 24


@pytest.mark.rule("R3", "R143")
def test_nothing_that_can_be_changed_about_a_device_is_its_id(world):
    u1 = world.user()
    device, _ = world.claimed(u1)
    with pytest.raises(TypeError):
        world.cloud.device_settings.update(u1, device.id, id="0" * 24)
    assert world.now(device).id == device.id


@pytest.mark.rule("R4")
@pytest.mark.parametrize("wrong", ["1234567890", "3f002a00174734373334000", "3f002a0017473437333400000", "zf002a001747343733340000"])
def test_what_is_not_24_hex_digits_is_no_device(world, wrong):
    u1 = world.user()
    world.online()
    with pytest.raises(DeviceUnknown):
        world.cloud.claims.claim(u1, wrong)
    with pytest.raises(DeviceForbidden):
        world.cloud.devices.reach(u1, wrong, "devices:get")
    with pytest.raises(Invalid):
        world.cloud.factory.manufacture(wrong, 6)


@pytest.mark.rule("R4")
def test_every_digit_of_an_id_counts_and_its_case_does_not(world):
    u1, u2 = world.user("u1"), world.user("u2")
    world.cloud.factory.manufacture("3F002A001747343733340ABC", 6)
    world.cloud.factory.manufacture("3f002a001747343733340abd", 6)
    world.connect("3f002a001747343733340abc")
    world.connect("3f002a001747343733340abd")
    world.cloud.claims.claim(u1, "3f002A001747343733340aBC")
    world.cloud.claims.claim(u2, "3f002a001747343733340abd")
    assert world.owner("3f002a001747343733340abc") == "u1@example.com"
    assert world.owner("3f002a001747343733340abd") == "u2@example.com"
    with pytest.raises(DeviceForbidden):
        world.cloud.devices.reach(u1, "3f002a0017473437", "devices:get")
