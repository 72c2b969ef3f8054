"""Corners that the rules do not name, found by the mutation run."""

from __future__ import annotations

import pytest

from emulator.cloud.devices import owner_of
from emulator.cloud.errors import (
    DeviceForbidden,
    DeviceLimitReached,
    DeviceNotInProduct,
    Invalid,
    NameTaken,
    OrganizationUnknown,
    PermissionDenied,
)
from emulator.cloud.members import parse_entries
from emulator.cloud.settings import CloudSettings
from emulator.cloud.storage import Storage

CODE = "spark/device/claim/code"
P1, BORON = 8, 13


@pytest.fixture
def shop(world):
    world.o = world.user("o")
    world.p = world.product(world.o)
    world.c = world.customer(world.o, world.p)
    return world


def test_removing_a_quarantined_device_deletes_its_entry_until_it_is_back(shop):
    device = shop.device()
    shop.runs(device, shop.p, 1).leave()
    shop.cloud.members.remove(shop.o, shop.p.id, device.id)
    assert shop.standing(device, shop.p) == "nothing"
    shop.runs(device, shop.p, 1)
    assert shop.standing(device, shop.p) == "quarantined"


def test_an_entry_knows_since_when_and_denying_keeps_that(shop):
    device = shop.device()
    shop.runs(device, shop.p, 1)
    since = shop.cloud.core.now()
    shop.pass_time(100)
    shop.cloud.members.deny(shop.o, shop.p.id, device.id)
    entry = shop.cloud.quarantine.entry(shop.p.id, device.id)
    assert (entry.since, entry.denied, entry.device_id, entry.product_id) == (since, True, device.id, shop.p.id)


def test_a_removed_device_leaves_no_entry_in_any_list(shop):
    other = shop.product(shop.o)
    device = shop.member(shop.o, shop.p)
    shop.runs(device, other, 1)
    shop.cloud.members.remove(shop.o, shop.p.id, device.id)
    assert [entry.product_id for entry in shop.cloud.quarantine.entries(device.id)] == [other.id]


@pytest.mark.parametrize("product_id", [None, 0xFFFF])
def test_firmware_that_names_no_product_clears_a_removed_device(shop, product_id):
    device, other = shop.member(shop.o, shop.p), shop.member(shop.o, shop.p)
    for each in (device, other):
        shop.cloud.members.remove(shop.o, shop.p.id, each.id)
    shop.connect(device, product_id=product_id, product_version=1).leave()
    for each, standing in ((device, "quarantined"), (other, "denied")):
        shop.runs(each, shop.p, 1)
        assert shop.standing(each, shop.p) == standing


def test_nothing_is_held_against_a_removed_device_once_the_team_deleted_its_entry(shop):
    device = shop.member(shop.o, shop.p)
    for standing in ("denied", "quarantined"):
        shop.cloud.members.remove(shop.o, shop.p.id, device.id)
        shop.runs(device, shop.p, 1).leave()
        assert shop.standing(device, shop.p) == standing


@pytest.mark.parametrize("denied", [False, True])
def test_a_customers_code_does_not_approve_what_waits_for_the_team(shop, denied):
    device = shop.device()
    session = shop.runs(device, shop.p, 1)
    if denied:
        shop.cloud.members.deny(shop.o, shop.p.id, device.id)
    session.event(CODE, shop.cloud.claim_codes.create(shop.c, product=shop.p.id).code)
    assert (shop.owner(device), shop.standing(device, shop.p)) == (None, "denied" if denied else "quarantined")


def test_a_device_that_is_denied_without_waiting_is_named(shop):
    device = shop.member(shop.o, shop.p)
    with pytest.raises(DeviceNotInProduct) as refused:
        shop.cloud.members.deny(shop.o, shop.p.id, device.id)
    assert (refused.value.given, refused.value.product_id) == (device.id, shop.p.id)


def test_a_full_plan_is_told_with_whose_it_is(make_world):
    world = make_world(CloudSettings(device_limit=1))
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    world.member(o, product)

    def add():
        with pytest.raises(DeviceLimitReached) as refused:
            world.cloud.members.add(t, product.id, [world.device().id])
        return refused.value.username, refused.value.limit, str(refused.value)

    assert add() == ("o@example.com", 1, "o@example.com has reached the device limit of 1")
    world.cloud.accounts.delete(o, "secret")
    assert add() == (o.account, 1, f"{o.account} has reached the device limit of 1")


def test_a_device_has_the_facts_it_has(world):
    device = world.device()
    assert device.but(**vars(device)) == device
    with pytest.raises(TypeError, match=r"^a device has no colour, weight$"):
        device.but(weight=1, name="lamp", colour="red")


def test_a_device_that_is_nobodys_cannot_be_asked_for(world):
    device, u1 = world.device(), world.user()
    with pytest.raises(ValueError, match=rf"^device {device.id} has no owner to ask$"):
        world.cloud.transfers.request(device, owner_of(u1), u1.username)


def test_own_devices_are_listed_by_their_last_handshake(world):
    u1 = world.user()
    devices = []
    for _ in range(3):
        devices.append(world.claimed(u1)[0].id)
        world.pass_time(10)
    product = world.product(u1)
    never = world.member(u1, product)
    world.cloud.claims.claim(u1, never.id)
    assert [device.id for device in world.cloud.devices.list(u1)] == [*devices[::-1], never.id]


def test_names_and_notes_may_be_as_long_as_they_may(world):
    u1 = world.user()
    device, _ = world.claimed(u1)
    update = world.cloud.device_settings.update
    assert update(u1, device.id, name="x" * 128, notes="y" * 10_000).name == "x" * 128
    with pytest.raises(Invalid) as refused:
        update(u1, device.id, name="x" * 129)
    assert (refused.value.field, refused.value.value) == ("name", "x" * 129)
    with pytest.raises(Invalid) as refused:
        update(u1, device.id, notes="y" * 10_001)
    assert (refused.value.field, refused.value.value) == ("notes", "y" * 20)
    other, _ = world.claimed(u1)
    with pytest.raises(NameTaken) as taken:
        update(u1, other.id, name="x" * 128)
    assert taken.value.what == "x" * 128


def test_a_customers_code_brings_only_what_fits_the_product(shop):
    codes = shop.cloud.claim_codes
    other = shop.product(shop.o)
    elsewhere, wrong = shop.member(shop.o, other), shop.device(P1)
    session = shop.connect(elsewhere)
    session.event(CODE, codes.create(shop.c, product=shop.p.id).code)
    assert (shop.owner(elsewhere), shop.standing(elsewhere, other)) == (None, "member")
    session = shop.connect(wrong)
    session.event(CODE, codes.create(shop.c, product=shop.p.id).code)
    assert (shop.owner(wrong), shop.standing(wrong, shop.p)) == (None, "nothing")


def test_a_device_that_a_customers_code_brings_gets_its_products_firmware_at_once(shop):
    image = shop.upload(shop.o, shop.p, 2)
    shop.release(shop.o, shop.p, 2)
    _, session = shop.online()
    session.event(CODE, shop.cloud.claim_codes.create(shop.c, product=shop.p.id).code)
    assert session.flashed == [image]


def test_a_developers_code_claims_an_unowned_member_and_leaves_it_where_it_is(shop):
    u = shop.user("u")
    device = shop.member(shop.o, shop.p)
    shop.connect(device).event(CODE, shop.cloud.claim_codes.create(u).code)
    assert (shop.owner(device), shop.standing(device, shop.p)) == ("u@example.com", "member")
    free, session = shop.online()
    session.event(CODE, shop.cloud.claim_codes.create(u).code)
    assert (shop.owner(free), shop.standing(free, shop.p)) == ("u@example.com", "nothing")


def test_the_owners_own_code_is_used_up_too_and_confirmed(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    code = world.cloud.claim_codes.create(u1).code
    session.event(CODE, code)
    assert session.sent == [("spark/device/claim/success", device.id)]
    world.cloud.claims.unclaim(u1, device.id)
    session.event(CODE, code)
    assert world.owner(device) is None


@pytest.mark.parametrize(("subscribed_after", "told"), [(0.4, True), (60.0, True), (63.6, False)])
def test_a_claim_is_confirmed_again_and_again_until_the_device_listens(world, subscribed_after, told):
    device, session = world.online()
    session.subscriptions.clear()
    tries = []
    publish = session.publish
    session.publish = lambda name, data, **more: tries.append(world.cloud.core.clock.now) or publish(name, data, **more)
    began = world.cloud.core.clock.now
    session.event(CODE, world.cloud.claim_codes.create(world.user()).code)
    world.pass_time(subscribed_after)
    session.subscriptions.append("spark/device/claim/")
    world.pass_time(300)
    assert session.sent == ([("spark/device/claim/success", device.id)] if told else [])
    waits = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5]
    expected = waits if subscribed_after > 32 else waits[:2]
    assert [each - began for each in tries] == pytest.approx(expected)


def test_an_old_code_is_forgotten(world):
    u1 = world.user()
    _, session = world.online()
    code = world.cloud.claim_codes.create(u1).code
    world.pass_time(86_400)
    session.event(CODE, code)
    assert len(world.cloud.core.state.tables["claim_codes"]) == 0


def test_codes_that_nobody_made_do_nothing(world):
    device, session = world.online()
    for text in ("", "x" * 63, None):
        session.event(CODE, text)
    assert world.owner(device) is None
    assert session.sent == []


@pytest.mark.parametrize("field", ["iccid", "imei"])
def test_a_cellular_device_is_claimed_by_the_number_of_its_sim_or_modem(world, field):
    u1 = world.user()
    numbers = {"iccid": "8934076500002589174", "imei": "352753090041680"}
    offer = world.cloud.claim_codes.create(u1, **{field: numbers[field]})
    assert offer.code == numbers[field]
    device = world.device(BORON, **numbers)
    world.connect(device)
    assert world.owner(device) == "u1@example.com"


def test_a_number_is_looked_at_once_the_device_is_online(world):
    u1 = world.user()
    device = world.device(BORON, imei="352753090041680")
    world.cloud.claim_codes.create(u1, imei="352753090041680")
    assert world.owner(device) is None
    world.connect(device)
    assert world.owner(device) == "u1@example.com"


def test_a_list_may_begin_with_a_byte_order_mark_and_nothing_else_is_taken_away():
    assert parse_entries("\ufeffXa\n\n  b\t\r\nc") == ["Xa", "b", "c"]
    assert parse_entries("") == []


def test_groups_of_a_stranger_device_are_not_edited(shop):
    device = shop.device()
    with pytest.raises(DeviceNotInProduct) as refused:
        shop.cloud.members.edit_groups(shop.o, shop.p.id, [device.id], add=["x"])
    assert (refused.value.given, refused.value.product_id) == (device.id, shop.p.id)


@pytest.mark.parametrize(("limit", "standings"), [(2, ["member", "quarantined"]), (3, ["member", "member"]), (None, ["member", "member"])])
def test_a_full_plan_approves_nobody_by_itself(make_world, limit, standings):
    world = make_world(CloudSettings(device_limit=limit))
    o = world.user("o")
    product = world.product(o, quarantine=False)
    world.member(o, product)
    devices = [world.device() for _ in standings]
    for device in devices:
        world.runs(device, product, 1)
    assert [world.standing(device, product) for device in devices] == standings


def test_a_paid_product_approves_by_itself_beyond_the_free_plan(make_world):
    world = make_world(CloudSettings(device_limit=0))
    o = world.user("o")
    product = world.paid_product(o)
    world.cloud.products.update(o, product.id, quarantine=False)
    device = world.device()
    world.runs(device, product, 1)
    assert world.standing(device, product) == "member"


def test_a_customers_code_claims_nothing_for_a_product_whose_plan_is_full(make_world):
    world = make_world(CloudSettings(device_limit=1))
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    for owner, standing in (("c@customers.example", "member"), (None, "nothing")):
        device, session = world.online()
        session.event(CODE, world.cloud.claim_codes.create(c, product=product.id).code)
        assert (world.owner(device), world.standing(device, product)) == (owner, standing)


def test_an_import_into_a_plan_that_is_over_full_already_is_judged_by_what_it_adds(make_world):
    world = make_world(CloudSettings(device_limit=1))
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    assert world.cloud.members.add(o, product.id, [device.id]).existing == [device.id]
    with pytest.raises(DeviceLimitReached):
        world.cloud.members.add(o, product.id, [world.device().id])


def test_a_protected_device_is_named_as_such(shop):
    device = shop.device()
    shop.cloud.devices.learn(device, protected=True)
    assert shop.cloud.members.add(shop.o, shop.p.id, [device.id]).protected == [device.id]
    assert shop.standing(device, shop.p) == "nothing"


def test_an_approved_device_brings_its_built_in_sim(world):
    o = world.user("o")
    product = world.product(o, BORON, quarantine=False)
    world.cloud.sims.make("8934076500002589174")
    world.cloud.sims.activate(o, "8934076500002589174")
    world.pass_time(60)
    device = world.device(BORON, iccid="8934076500002589174")
    world.runs(device, product, 1)
    assert world.cloud.sims.by_iccid("8934076500002589174").product_id == product.id


@pytest.mark.parametrize(
    "attempt",
    [
        lambda shop, device: shop.cloud.claims.release(shop.o, shop.p.id, device),
        lambda shop, device: shop.cloud.device_settings.update(shop.o, device, product=shop.p.id, notes="x"),
        lambda shop, device: shop.cloud.device_settings.update_member(shop.o, shop.p.id, device),
    ],
    ids=["release", "update", "update_member"],
)
def test_a_quarantined_device_is_named_when_it_is_not_the_products_to_change(shop, attempt):
    device = shop.device()
    shop.runs(device, shop.p, 1)
    with pytest.raises(DeviceNotInProduct) as refused:
        attempt(shop, device.id)
    assert (refused.value.given, refused.value.product_id) == (device.id, shop.p.id)


def test_a_device_that_a_product_has_not_is_named_with_the_product(shop):
    for given in (shop.device().id, "0" * 24, "lamp"):
        with pytest.raises(DeviceNotInProduct) as refused:
            shop.cloud.devices.reach(shop.o, given, "devices:get", shop.p.id)
        assert (refused.value.given, refused.value.product_id) == (given, shop.p.id)


def test_a_product_of_another_organization_is_not_reached_through_the_one_that_is_named(shop):
    for name in ("Makers", "Takers"):
        shop.cloud.products.create_organization(shop.cloud.accounts.of(shop.o), name)
    product = shop.product(shop.o, organization="makers")
    device = shop.member(shop.o, product)
    reach = shop.cloud.devices.reach
    assert reach(shop.o, device.id, "devices:get", product.id, organization="makers") == device
    with pytest.raises(OrganizationUnknown):
        reach(shop.o, device.id, "devices:get", product.id, organization="takers")
    with pytest.raises(DeviceForbidden) as refused:
        reach(shop.o, device.id, "devices:get", organization="takers")
    assert refused.value.given == device.id


def test_a_plan_that_is_over_full_refuses_only_what_adds_to_it(make_world, tmp_path):
    path = tmp_path / "state.db"
    world = make_world(CloudSettings(), Storage(path))
    o = world.user("o")
    product = world.product(o)
    inside, spare = world.member(o, product), world.device()
    own, session = world.claimed(o)
    session.leave()
    world.cloud.close()
    lower = make_world(CloudSettings(device_limit=1), Storage(path))
    assert lower.cloud.members.add(o, product.id, [inside.id]).existing == [inside.id]
    assert lower.cloud.members.add(o, product.id, [own.id]).updated == [own.id]
    with pytest.raises(DeviceLimitReached):
        lower.cloud.members.add(o, product.id, [spare.id])
    lower.cloud.close()


def test_a_products_own_token_makes_no_claim_codes(shop):
    client = shop.cloud.clients.create(shop.o, "server", product=shop.p.id)
    server = shop.cloud.tokens.principal(shop.cloud.tokens.client_grant(client.id, client.secret).token)
    with pytest.raises(PermissionDenied):
        shop.cloud.claim_codes.create(server)


def test_a_device_out_of_reach_is_named_as_it_was_given(shop):
    stranger = shop.user("stranger")
    device = shop.member(shop.o, shop.p)
    with pytest.raises(DeviceForbidden) as refused:
        shop.cloud.devices.reach(stranger, device.id.upper(), "devices:get")
    assert refused.value.given == device.id.upper()
