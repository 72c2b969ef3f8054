"""R144-R158: the identifiers that the cloud keeps: serial numbers, SIM and modem numbers, names."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import Conflict, NameTaken, SerialUnknown
from particle_protocol.skus import SimForm

ELECTRON, BORON = 10, 13
OLD, NEW = "8934076500002589174", "8934076500002589182"


@pytest.mark.rule("R144")
def test_a_serial_number_is_unique_and_finds_its_device(world):
    device = world.device(BORON, serial_number="P046AB2345ABCDE", iccid=OLD)
    found = world.cloud.devices.by_serial_number("p046ab2345abcde")
    assert (found.id, found.iccid, found.platform_id) == (device.id, OLD, BORON)
    with pytest.raises(Conflict):
        world.device(BORON, serial_number="P046AB2345ABCDE")


@pytest.mark.rule("R146")
def test_a_serial_number_is_set_at_the_factory_and_never_again(world):
    u1 = world.user()
    device, _ = world.claimed(u1)
    with pytest.raises(TypeError):
        world.cloud.device_settings.update(u1, device.id, serial_number="P046AB2345ABCDE")
    assert world.now(device).serial_number is None


@pytest.mark.rule("R147")
def test_a_device_without_a_serial_number_is_a_device_like_any_other(world):
    u1 = world.user()
    device, _ = world.claimed(u1)
    assert world.now(device).serial_number is None
    with pytest.raises(SerialUnknown):
        world.cloud.devices.by_serial_number("P046AB2345ABCDE")


@pytest.mark.rule("R153")
def test_another_sim_changes_the_iccid_and_neither_modem_nor_device(world):
    u1 = world.user()
    for iccid in (OLD, NEW):
        world.cloud.sims.make(iccid)
        world.cloud.sims.activate(u1, iccid)
    world.pass_time(60)
    device = world.device(ELECTRON, iccid=OLD)
    session = world.connect(device, describe=False)
    session.describe(extra={"imei": "352753090041680", "iccid": OLD})
    assert (world.now(device).imei, world.now(device).last_iccid) == ("352753090041680", None)
    session.leave()
    session = world.connect(device, describe=False)
    session.describe(extra={"imei": "352753090041680", "iccid": NEW})
    now = world.now(device)
    assert (now.id, now.imei, now.iccid, now.last_iccid) == (device.id, "352753090041680", NEW, OLD)


@pytest.mark.rule("R153")
def test_an_older_electron_tells_its_sim_as_an_event(world):
    device, session = world.online(ELECTRON, iccid=OLD)
    session.event("spark/device/ident/0", NEW)
    assert (world.now(device).iccid, world.now(device).last_iccid) == (NEW, OLD)


@pytest.mark.rule("R153", "R131")
def test_a_sim_that_is_put_into_another_device_is_that_ones(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make(OLD, SimForm.PLASTIC)
    world.cloud.sims.activate(o, OLD)
    world.pass_time(60)
    before, after = world.device(ELECTRON, iccid=OLD), world.device(ELECTRON)
    world.connect(before).leave()
    session = world.connect(after, describe=False)
    session.describe(extra={"iccid": OLD})
    assert world.cloud.sims.device_of(OLD).id == after.id
    assert (world.now(before).iccid, world.now(before).last_iccid) == (None, OLD)
    world.cloud.sims.import_sims(o, product.id, [OLD])
    assert (world.standing(before, product), world.standing(after, product)) == ("nothing", "member")
    world.cloud.sims.deactivate(o, OLD, product=product.id)
    world.pass_time(60)
    assert session.closed
    assert not world.connect(before).closed, "with whatever SIM it has by now"


@pytest.mark.rule("R131", "R153")
@pytest.mark.parametrize("how", ["a description", "an event"])
def test_a_device_that_turns_out_to_have_an_inactive_sim_does_not_stay_online(world, how):
    u1 = world.user()
    for iccid in (OLD, NEW):
        world.cloud.sims.make(iccid)
    world.cloud.sims.activate(u1, OLD)
    world.pass_time(60)
    device = world.device(ELECTRON, iccid=OLD)
    session = world.connect(device, describe=False)
    if how == "a description":
        session.describe(extra={"iccid": NEW})
    else:
        session.event("spark/device/ident/0", NEW)
    assert (session.closed, session.close_reason) == (True, f"SIM {NEW} is not active")
    assert world.connect(device).closed
    world.cloud.sims.activate(u1, NEW)
    world.pass_time(60)
    assert not world.connect(device).closed


@pytest.mark.rule("R154")
def test_an_older_electron_is_imported_by_the_imei_of_its_sticker(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    device = world.device(ELECTRON, imei="353162070000014")
    assert world.cloud.members.add(o, product.id, ["353162070000014"]).updated == [device.id]


@pytest.mark.rule("R155")
def test_a_banned_modem_does_not_get_online_with_any_sim(world):
    u1 = world.user()
    for iccid in (OLD, NEW):
        world.cloud.sims.make(iccid)
        world.cloud.sims.activate(u1, iccid)
    world.pass_time(60)
    device = world.device(ELECTRON, iccid=OLD, imei="353162070000014")
    world.connect(device).leave()
    world.cloud.factory.ban_imei("353162070000014")
    session = world.connect(device)
    assert session.closed
    assert "IMEI" in session.close_reason
    world.cloud.devices.learn(world.now(device), iccid=NEW)
    assert world.connect(device).closed


@pytest.mark.rule("R156", "R41")
def test_a_claimed_device_needs_no_name(world):
    u1 = world.user()
    device, _ = world.claimed(u1)
    assert world.now(device).name is None
    world.cloud.device_settings.update(u1, device.id, name="lamp")
    assert world.now(device).name == "lamp"
    world.cloud.device_settings.update(u1, device.id, name=None)
    assert world.now(device).name is None


@pytest.mark.rule("R157")
def test_a_developer_has_one_device_of_a_name(world):
    u1 = world.user()
    first, _ = world.claimed(u1)
    second, _ = world.claimed(u1)
    rename = world.cloud.device_settings.update
    rename(u1, first.id, name="lamp")
    with pytest.raises(NameTaken):
        rename(u1, second.id, name="lamp")
    assert world.now(second).name is None
    rename(u1, first.id, name="lamp")
    rename(u1, first.id, name="bulb")
    rename(u1, second.id, name="lamp")
    world.cloud.claims.unclaim(u1, "lamp")
    rename(u1, first.id, name="lamp")
    assert world.cloud.devices.reach(u1, "lamp", "devices:get").id == first.id


@pytest.mark.rule("R157")
def test_names_of_different_developers_do_not_meet_until_a_device_changes_hands(world):
    u1, u2 = world.user("u1"), world.user("u2")
    first, _ = world.claimed(u1)
    second, session = world.claimed(u2)
    world.cloud.device_settings.update(u1, first.id, name="lamp")
    world.cloud.device_settings.update(u2, second.id, name="lamp")
    session.event("spark/device/claim/code", world.cloud.claim_codes.create(u1).code)
    assert (world.owner(second), world.now(first).name, world.now(second).name) == ("u1@example.com", "lamp", "lamp-2")


@pytest.mark.rule("R157")
def test_a_name_that_gets_a_number_stays_within_the_length_of_names(world):
    u1, u2 = world.user("u1"), world.user("u2")
    long = "n" * 128
    for who in (u1, u2):
        device, session = world.claimed(who)
        world.cloud.device_settings.update(who, device.id, name=long)
    session.event("spark/device/claim/code", world.cloud.claim_codes.create(u1).code)
    assert world.now(device).name == "n" * 126 + "-2"


@pytest.mark.rule("R158")
def test_in_a_product_names_are_unique_per_owner_only(world):
    o = world.user("o")
    product = world.product(o)
    c1, c2 = world.customer(o, product, "c1"), world.customer(o, product, "c2")
    a, b, c, free, unclaimed = (world.member(o, product) for _ in range(5))
    for device, owner in ((a, c1), (b, c2), (c, c2)):
        world.connect(device)
        world.cloud.claims.claim(owner, device.id)
    rename = world.cloud.device_settings.update
    rename(c1, a.id, name="lamp")
    rename(c2, b.id, name="lamp")
    with pytest.raises(NameTaken):
        rename(o, c.id, product=product.id, name="lamp")
    rename(o, free.id, product=product.id, name="lamp")
    rename(o, unclaimed.id, product=product.id, name="lamp")
    assert [world.now(device).name for device in (a, b, c, free, unclaimed)] == ["lamp", "lamp", None, "lamp", "lamp"]
