"""Corners that the rules do not name, found by the mutation run."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import DeviceNotInProduct, Invalid, NameTaken
from emulator.cloud.members import parse_entries

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
    assert (shop.owner(wrong), shop.standing(wrong, shop.p)) == ("c@customers.example", "nothing")


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
