"""Products, groups, and the list of a product's devices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.cloud.errors import (
    Conflict,
    DeviceNotInProduct,
    GroupExists,
    GroupUnknown,
    Invalid,
    PermissionDenied,
    ProductNameTaken,
    ScopeRefused,
)
from emulator.cloud.fleet import FleetQuery, SortBy
from emulator.cloud.groups import Group
from emulator.cloud.records import Product
from particle_protocol.platforms import UnknownPlatform, platform_by_id

PHOTON = 6


def test_a_product_has_a_number_a_slug_and_a_name_of_its_own(world):
    u1, u2 = world.user("u1"), world.user("u2")
    first = world.product(u1, name="My Lamp!", description="bright")
    assert (first.id, first.slug, first.name, first.description, first.quarantine) == (10_001, "my-lamp", "My Lamp!", "bright", True)
    with pytest.raises(ProductNameTaken):
        world.product(u2, name="my LAMP!")
    second = world.product(u2, name="My Lamp?")
    assert (second.id, second.slug) == (10_002, "my-lamp-2")
    assert world.cloud.products.get(u1, first.id) == world.cloud.products.get(u1, "10001") == world.cloud.products.get(u1, "My-Lamp")
    assert world.product(u1, name="1234").slug == "product-1234"


def test_a_number_can_be_chosen_if_it_is_free_and_no_platforms(world):
    u1 = world.user()
    assert world.product(u1, product_id=1234).id == 1234
    with pytest.raises(Conflict) as taken:
        world.product(u1, product_id=1234)
    assert (taken.value.what, str(taken.value)) == (1234, "product 1234 exists")
    for wrong in (6, 255, -1, 0xFFFF):
        with pytest.raises(Invalid):
            world.product(u1, product_id=wrong)
    for possible in (256, 0xFFFE):
        assert world.product(u1, product_id=possible).id == possible
    with pytest.raises(Invalid):
        world.product(u1, name="no number is left")


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_name_has_some_length(world, name):
    with pytest.raises(Invalid):
        world.product(world.user(), name=name)
    assert world.product(world.user(), name="x" * 100)


def test_a_name_without_a_letter_makes_a_slug_all_the_same(world):
    assert [world.product(world.user(), name=name).slug for name in ("!!!", "?", "-X-")] == ["product", "product-2", "x"]


def test_a_product_is_for_a_platform_that_there_is(world):
    with pytest.raises(UnknownPlatform) as unknown:
        platform_by_id(99)
    with pytest.raises(Invalid) as refused:
        world.product(world.user(), 99)
    assert (refused.value.field, refused.value.value) == ("platform_id", 99)
    assert str(refused.value) == f"platform_id=99: {unknown.value}"


def test_what_a_product_is_when_it_is_made_and_when_it_changes(world):
    u1 = world.user()
    made_at = world.cloud.core.now()
    product = world.product(u1, name="Lamp")
    assert product == Product(10_001, "lamp", "Lamp", PHOTON, u1.account, created_at=made_at, updated_at=made_at)
    world.pass_time(10)
    changed = world.cloud.products.update(u1, product.id, description="bright")
    assert changed == replace(product, description="bright", updated_at=made_at + 10)


def test_what_can_change_about_a_product(world):
    u1 = world.user()
    product = world.product(u1, name="lamp")
    world.product(u1, name="bulb")
    with pytest.raises(ProductNameTaken):
        world.cloud.products.update(u1, product.id, name="Bulb")
    changed = world.cloud.products.update(u1, product.id, name=" Lamp ", description="d", quarantine=False, location_opt_in=True)
    assert (changed.name, changed.slug, changed.description, changed.quarantine, changed.location_opt_in) == (
        "Lamp",
        "lamp",
        "d",
        False,
        True,
    )
    changed = world.cloud.products.update(u1, product.id, known_application_opt_in=True, requires_activation_codes=True)
    assert (changed.name, changed.known_application_opt_in, changed.requires_activation_codes) == ("Lamp", True, True)


def test_unknown_and_foreign_products_look_the_same(world):
    stranger = world.user("stranger")
    product = world.product(world.user("o"))
    texts = set()
    for given in (product.slug, "no-such-product"):
        with pytest.raises(PermissionDenied) as refused:
            world.cloud.products.get(stranger, given)
        texts.add(str(refused.value).replace(given, "X"))
    assert len(texts) == 1


def test_products_are_listed_for_whoever_has_a_part_in_them(world):
    o, stranger = world.user("o"), world.user("stranger")
    product, other = world.product(o), world.product(o)
    assert world.cloud.products.list(o) == [product, other]
    assert world.cloud.products.list(stranger) == []
    assert world.cloud.products.list(world.teammate(o, other)) == [other]
    assert world.cloud.products.list(world.api_user(o, other, "products:list")) == [other]
    with pytest.raises(ScopeRefused):
        world.cloud.products.list(world.api_user(o, other, "devices:list"))


def test_groups_come_change_and_go(fleet):
    groups, p = fleet.cloud.groups, fleet.p.id
    groups.create(fleet.o, p, "beta", description="brave ones", color="#ff0000")
    groups.create(fleet.o, p, "alpha")
    assert [group.name for group in groups.list(fleet.o, p)] == ["alpha", "beta"]
    assert [group.name for group in groups.list(fleet.o, p, prefix="be")] == ["beta"]
    got = groups.get(fleet.o, p, "beta")
    now = fleet.cloud.core.now()
    assert got == Group(p, "beta", now, "brave ones", "#ff0000")
    assert groups.get(fleet.o, p, "alpha") == Group(p, "alpha", now, "", "#00AEEF")
    with pytest.raises(GroupExists):
        groups.create(fleet.o, p, "beta")
    fleet.pass_time(1)
    assert groups.update(fleet.o, p, "beta", color="#0f0") == Group(p, "beta", now, "brave ones", "#0f0")
    assert groups.update(fleet.o, p, "beta", description="") == Group(p, "beta", now, "", "#0f0")
    groups.delete(fleet.o, p, "alpha")
    for gone in ("alpha", "never"):
        with pytest.raises(GroupUnknown):
            groups.get(fleet.o, p, gone)
        with pytest.raises(GroupUnknown):
            groups.delete(fleet.o, p, gone)
    other = fleet.product(fleet.o)
    with pytest.raises(GroupUnknown):
        groups.get(fleet.o, other.id, "beta")


@pytest.mark.parametrize("name", ["", "Upper", "sp ace", "x" * 65, "ä", "a/b"])
def test_a_groups_name_has_its_letters(fleet, name):
    with pytest.raises(Invalid):
        fleet.cloud.groups.create(fleet.o, fleet.p.id, name)
    device = fleet.member(fleet.o, fleet.p)
    with pytest.raises(Invalid):
        fleet.cloud.device_settings.update_member(fleet.o, fleet.p.id, device.id, groups=["ok", name])
    assert fleet.cloud.groups.list(fleet.o, fleet.p.id) == []
    assert fleet.now(device).groups == ()


def test_a_group_that_a_device_is_put_into_is_made_where_it_is_missing(fleet):
    device = fleet.member(fleet.o, fleet.p)
    fleet.cloud.device_settings.update_member(fleet.o, fleet.p.id, device.id, groups=["new"])
    assert fleet.cloud.groups.list(fleet.o, fleet.p.id) == [Group(fleet.p.id, "new", fleet.cloud.core.now(), "", "#00AEEF")]


def test_a_group_is_changed_in_something_that_makes_sense(fleet):
    fleet.cloud.groups.create(fleet.o, fleet.p.id, "a")
    fleet.cloud.groups.create(fleet.o, fleet.p.id, "b")
    with pytest.raises(Invalid):
        fleet.cloud.groups.update(fleet.o, fleet.p.id, "a")
    with pytest.raises(Invalid):
        fleet.cloud.groups.update(fleet.o, fleet.p.id, "a", color="blue-ish")
    with pytest.raises(GroupExists):
        fleet.cloud.groups.update(fleet.o, fleet.p.id, "a", new_name="b")


def test_devices_and_releases_follow_a_group(fleet):
    fleet.upload(fleet.o, fleet.p, 3)
    device, other = fleet.member(fleet.o, fleet.p), fleet.member(fleet.o, fleet.p)
    update = fleet.cloud.device_settings.update_member
    update(fleet.o, fleet.p.id, device.id, groups=["a", "b", "a"])
    update(fleet.o, fleet.p.id, other.id, groups=["b"])
    assert fleet.now(device).groups == ("a", "b")
    fleet.release(fleet.o, fleet.p, 3, "a")
    fleet.cloud.groups.update(fleet.o, fleet.p.id, "a", new_name="c")
    assert (fleet.now(device).groups, fleet.now(other).groups) == (("c", "b"), ("b",))
    assert fleet.cloud.releases.get(fleet.o, fleet.p.id, 3).groups == ("c",)
    fleet.upload(fleet.o, fleet.p, 4)
    for group in ("b", "c"):
        fleet.release(fleet.o, fleet.p, 4, group)
    fleet.cloud.groups.update(fleet.o, fleet.p.id, "b", new_name="d")
    assert fleet.cloud.releases.get(fleet.o, fleet.p.id, 4).groups == ("d", "c"), "the other group keeps its name"
    fleet.cloud.groups.update(fleet.o, fleet.p.id, "d", new_name="b")
    fleet.release(fleet.o, fleet.p, 3, "c")
    fleet.cloud.groups.delete(fleet.o, fleet.p.id, "c")
    assert fleet.now(device).groups == ("b",)
    assert fleet.cloud.releases.get(fleet.o, fleet.p.id, 3).groups == ()


def test_many_devices_change_groups_together_or_not_at_all(fleet):
    a, b = fleet.member(fleet.o, fleet.p), fleet.member(fleet.o, fleet.p)
    outside = fleet.device()
    edit = fleet.cloud.members.edit_groups
    edit(fleet.o, fleet.p.id, [a.id, b.id], add=["x", "y"])
    edit(fleet.o, fleet.p.id, [b.id], add=["z", "y"], remove=["x"])
    assert (fleet.now(a).groups, fleet.now(b).groups) == (("x", "y"), ("y", "z"))
    with pytest.raises(DeviceNotInProduct):
        edit(fleet.o, fleet.p.id, [a.id, outside.id], remove=["x"])
    assert fleet.now(a).groups == ("x", "y")


def test_the_list_of_devices_is_filtered_sorted_and_cut_into_pages(fleet):
    devices = [fleet.member(fleet.o, fleet.p) for _ in range(5)]
    for number, device in enumerate(devices):
        fleet.cloud.device_settings.update(fleet.o, device.id, product=fleet.p.id, name=f"Lamp {9 - number}")
        fleet.cloud.device_settings.update_member(fleet.o, fleet.p.id, device.id, groups=["even" if number % 2 == 0 else "odd"])
    fleet.runs(devices[2], fleet.p, 7)
    fleet.pass_time(10)
    fleet.runs(devices[1], fleet.p, 5)
    ids = [device.id for device in devices]

    def listed(**query):
        return [ids.index(each) for each in fleet.listed(fleet.o, fleet.p, **query)]

    assert listed()[:2] == [1, 2]
    assert listed(sort_by=SortBy.ID, descending=False) == [0, 1, 2, 3, 4]
    assert listed(sort_by=SortBy.NAME, descending=False) == [4, 3, 2, 1, 0]
    assert listed(sort_by=SortBy.FIRMWARE)[:2] == [2, 1]
    assert listed(name="lamp 7") == [2]
    for text in (ids[3], ids[3].upper()):
        assert listed(device_id=text) == [3]
    assert sorted(listed(groups=("odd",))) == [1, 3]
    assert sorted(listed(groups=("odd", "even"))) == [0, 1, 2, 3, 4]
    assert listed(serial_number="P046") == listed(serial_number="x") == []
    page = fleet.cloud.fleet.list(fleet.o, fleet.p.id, FleetQuery(per_page=2, page=3, sort_by=SortBy.ID, descending=False))
    assert ([device.id for device in page.devices], page.total, page.total_pages) == ([ids[4]], 5, 3)
    beyond = fleet.cloud.fleet.list(fleet.o, fleet.p.id, FleetQuery(page=9))
    assert (beyond.devices, beyond.total, beyond.total_pages) == ([], 5, 1)
    single = fleet.cloud.fleet.list(fleet.o, fleet.p.id, FleetQuery(per_page=1))
    assert ([device.id for device in single.devices], single.total_pages) == ([ids[1]], 5)
    for wrong in (FleetQuery(page=0), FleetQuery(per_page=0), FleetQuery(per_page=101)):
        with pytest.raises(Invalid):
            fleet.cloud.fleet.list(fleet.o, fleet.p.id, wrong)


def test_a_device_without_a_name_is_found_by_no_name(fleet):
    unnamed = fleet.member(fleet.o, fleet.p)
    assert fleet.listed(fleet.o, fleet.p, name="x") == []
    assert fleet.listed(fleet.o, fleet.p) == [unnamed.id]


def test_the_list_of_no_devices_has_one_page(fleet):
    page = fleet.cloud.fleet.list(fleet.o, fleet.p.id)
    assert (page.product, page.devices, page.total, page.total_pages) == (fleet.p, [], 0, 1)


def test_notes_and_forced_updates_of_a_device(fleet):
    device = fleet.member(fleet.o, fleet.p)
    update = fleet.cloud.device_settings.update
    changed = update(fleet.o, device.id, notes="in the cellar", firmware_updates_forced=True)
    assert (changed.notes, changed.firmware_updates_forced, changed.name) == ("in the cellar", True, None)
    assert changed.updated_at == fleet.cloud.core.now()
    assert update(fleet.o, device.id, notes=None).notes is None
    with pytest.raises(Invalid):
        update(fleet.o, device.id, name="fine", notes="x" * 10_001)
    assert fleet.now(device).name is None, "all of a change, or nothing"
    for wrong in ("", " ", "x" * 129, device.id):
        with pytest.raises(Invalid):
            update(fleet.o, device.id, name=wrong)
