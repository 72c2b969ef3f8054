"""R72-R80a: who may be in a product."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import Invalid, PermissionDenied, ScopeRefused, WrongPlatform
from emulator.cloud.members import parse_entries
from firmware_images.build import build_module
from firmware_images.fields import ModuleFunction

ELECTRONS = ("Electron", "E-Series", "Asset Tracker")
"""The kits called Asset Tracker are Electrons with a shield."""
TRACKERS = ("Tracker One", "Tracker SoM")
PHOTON, P1, ELECTRON, ARGON, BORON, BSOM, B5SOM, TRACKER = 6, 8, 10, 12, 13, 23, 25, 26


@pytest.mark.rule("R72")
def test_only_the_team_adds_and_approves(world):
    o = world.user("o")
    product = world.product(o)
    device = world.device()
    world.runs(device, product, 1)
    outsiders = [world.user("stranger"), world.customer(o, product), world.teammate(o, product, "support", "Support")]
    for caller in outsiders:
        with pytest.raises(PermissionDenied):
            world.cloud.members.add(caller, product.id, [device.id])
    with pytest.raises(ScopeRefused):
        world.cloud.members.add(world.api_user(o, product, "devices:list"), product.id, [device.id])
    assert world.standing(device, product) == "quarantined"
    world.cloud.members.add(world.api_user(o, product, "devices:import"), product.id, [device.id])
    assert world.standing(device, product) == "member"
    assert world.cloud.agreements.of(o).devices == 1


@pytest.mark.rule("R72")
def test_every_entry_of_a_list_is_judged_by_itself(world):
    o, stranger = world.user("o"), world.user("stranger")
    product, other = world.product(o), world.product(o)
    fresh, present = world.device(), world.member(o, product)
    foreign, _ = world.claimed(stranger)
    elsewhere, wrong = world.member(o, other), world.device(P1)
    entries = [fresh.id.upper(), "WAT", "NOPE", "NOPE", present.id, foreign.id, elsewhere.id, wrong.id]
    imported = world.cloud.members.add(o, product.id, entries)
    assert imported.updated == [fresh.id]
    assert imported.existing == [present.id]
    assert imported.nonmember == [foreign.id]
    assert imported.invalid == ["WAT", "NOPE", "NOPE", elsewhere.id, wrong.id]
    assert sorted(world.listed(o, product)) == sorted([fresh.id, present.id])
    assert world.cloud.members.add(o, product.id, [fresh.id]).existing == [fresh.id]


@pytest.mark.rule("R72")
def test_a_list_may_name_devices_by_serial_number_imei_and_iccid(world):
    o = world.user("o")
    product = world.product(o, BORON)
    devices = [
        world.device(BORON, serial_number="P046AB2345ABCDE"),
        world.device(BORON, imei="352753090041680"),
        world.device(BORON, iccid="8934076500002589174"),
    ]
    text = "\ufeffp046ab2345abcde\r\n\r\n 352753090041680 \r\n8934076500002589174"
    assert world.cloud.members.add(o, product.id, parse_entries(text)).updated == [device.id for device in devices]


@pytest.mark.rule("R73", "R75", "R76", "R77")
@pytest.mark.parametrize(
    ("home", "foreign"),
    [(ARGON, BORON), (BORON, ARGON), (BORON, BSOM), (BORON, B5SOM), (BSOM, B5SOM), (B5SOM, BSOM), (PHOTON, P1), (P1, PHOTON)],
)
def test_devices_of_another_platform_are_invalid(world, home, foreign):
    o = world.user("o")
    product = world.product(o, home)
    good, bad = world.device(home), world.device(foreign)
    imported = world.cloud.members.add(o, product.id, [good.id, bad.id])
    assert (imported.updated, imported.invalid) == ([good.id], [bad.id])
    assert world.standing(bad, product) == "nothing"


@pytest.mark.rule("R73")
def test_a_products_platform_is_chosen_once(world):
    o = world.user("o")
    product = world.product(o, ARGON)
    with pytest.raises(TypeError):
        world.cloud.products.update(o, product.id, platform_id=BORON)
    with pytest.raises(Invalid):
        world.product(o, 999)


def of_kind(sku_rows, *kinds):
    """The SKUs of the guide whose device is of one of these kinds."""
    return [row.sku for row in sku_rows if row.device.startswith(kinds)]


def sorted_out(world, platform_id, skus):
    """The SKUs whose devices, one of each, a product of this platform takes in; the platform of a device is its SKU's to say."""
    o = world.user("o")
    product = world.product(o, platform_id)
    made = {world.device(sku=sku).id: sku for sku in skus}
    imported = world.cloud.members.add(o, product.id, made)
    assert sorted([*imported.updated, *imported.invalid]) == sorted(made)
    assert sorted(world.listed(o, product)) == sorted(imported.updated)
    return [made[device_id] for device_id in imported.updated]


@pytest.mark.rule("R74")
def test_electrons_and_e_series_share_a_product(world, sku_rows):
    skus = of_kind(sku_rows, *ELECTRONS)
    assert len(skus) == 29
    assert sorted_out(world, ELECTRON, skus) == skus


@pytest.mark.rule("R75")
@pytest.mark.parametrize("platform_id", [BORON, BSOM, B5SOM])
def test_borons_and_b_series_share_none(world, sku_rows, platform_id):
    borons, b_series = of_kind(sku_rows, "Boron"), of_kind(sku_rows, "B-Series")
    assert (len(borons), len(b_series)) == (14, 14)
    inside = sorted_out(world, platform_id, [*borons, *b_series])
    assert inside == borons if platform_id == BORON else set(inside) < set(b_series)
    assert inside


@pytest.mark.rule("R76")
@pytest.mark.parametrize(("platform_id", "model"), [(BSOM, "B4"), (B5SOM, "B5")])
def test_b4xx_and_b5xx_share_none(world, sku_rows, platform_id, model):
    skus = of_kind(sku_rows, "B-Series")
    assert sorted_out(world, platform_id, skus) == [sku for sku in skus if sku.startswith(model)]


@pytest.mark.rule("R78", "R44")
def test_all_trackers_share_a_product(world, sku_rows):
    skus = of_kind(sku_rows, *TRACKERS)
    assert len(skus) == 20
    assert {sku[:4] for sku in skus} == {"ONE4", "ONE5", "T402", "T404", "T523", "T524"}
    assert sorted_out(world, TRACKER, skus) == skus


@pytest.mark.rule("R79")
def test_monitor_one_and_trackers_share_a_product(world, sku_rows):
    monitors, trackers = of_kind(sku_rows, "Monitor One"), of_kind(sku_rows, *TRACKERS)
    assert len(monitors) == 3
    assert sorted_out(world, TRACKER, [*trackers, *monitors]) == [*trackers, *monitors]


@pytest.mark.rule("R74", "R78", "R79")
def test_nothing_else_of_the_table_is_an_electron_or_a_tracker(world, sku_rows):
    every = [row.sku for row in sku_rows]
    for platform_id, kinds in ((ELECTRON, ELECTRONS), (TRACKER, (*TRACKERS, "Monitor One"))):
        assert sorted_out(world, platform_id, every) == of_kind(sku_rows, *kinds)


@pytest.mark.rule("R80")
def test_a_member_of_one_product_is_not_moved_to_another(world):
    o = world.user("o")
    first, second = world.product(o), world.product(o)
    device = world.member(o, first)
    assert world.cloud.members.add(o, second.id, [device.id]).invalid == [device.id]
    assert world.standing(device, first) == "member"
    assert world.standing(device, second) == "nothing"


@pytest.mark.rule("R80a")
def test_firmware_for_another_platform_is_refused(world):
    o = world.user("o")
    product = world.product(o)
    image = build_module(P1, ModuleFunction.USER_PART, version=6, product_id=product.id, product_version=1)
    with pytest.raises(WrongPlatform):
        world.cloud.releases.upload(o, product.id, 1, image)
    assert world.cloud.releases.list(o, product.id) == []
