"""Versions of a product's firmware: what is known of them, whom they are released to, and when they are sent."""

from __future__ import annotations

import re

import pytest

from emulator.cloud.images import read_image
from emulator.cloud.releases import Firmware


def test_what_is_known_of_a_version_when_it_is_uploaded(fleet):
    image, now = fleet.image(fleet.p, 3), fleet.cloud.core.now()
    firmware = fleet.cloud.releases.upload(fleet.o, fleet.p.id, 3, image)
    assert re.fullmatch("[0-9a-f]{24}", firmware.id)
    assert firmware == Firmware(
        id=firmware.id,
        product_id=fleet.p.id,
        version=3,
        title="v3",
        description="",
        file_name="firmware.bin",
        size=len(image),
        sha256=read_image(image).sha256,
        uploaded_on=now,
        uploaded_by="o@example.com",
        updated_at=now,
    )
    assert fleet.cloud.releases.upload(fleet.o, fleet.p.id, 4, fleet.image(fleet.p, 4), mandatory=True).mandatory


def test_what_is_said_of_a_version_changes_alone(fleet):
    fleet.upload(fleet.o, fleet.p, 3)
    update = fleet.cloud.releases.update
    assert update(fleet.o, fleet.p.id, 3, title="third", description="of all", mandatory=True).mandatory
    fleet.pass_time(10)
    changed = [update(fleet.o, fleet.p.id, 3), update(fleet.o, fleet.p.id, 3, title="3"), update(fleet.o, fleet.p.id, 3, mandatory=False)]
    assert [(each.title, each.description, each.mandatory) for each in changed] == [
        ("third", "of all", True),
        ("3", "of all", True),
        ("3", "of all", False),
    ]
    assert changed[0].updated_at == fleet.cloud.core.now()


def test_nothing_is_left_of_a_version_that_was_deleted(fleet):
    fleet.upload(fleet.o, fleet.p, 3)
    fleet.cloud.releases.delete(fleet.o, fleet.p.id, 3)
    assert [len(fleet.cloud.core.state.tables[name]) for name in ("firmware", "binaries")] == [0, 0]


@pytest.mark.parametrize("intelligent", [True, False])
@pytest.mark.parametrize("way", ["many", "one"])
def test_another_group_brings_its_version_as_it_was_released(fleet, intelligent, way):
    image = fleet.upload(fleet.o, fleet.p, 3)
    fleet.cloud.groups.create(fleet.o, fleet.p.id, "beta")
    fleet.release(fleet.o, fleet.p, 3, "beta", intelligent=intelligent)
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    if way == "many":
        fleet.cloud.members.edit_groups(fleet.o, fleet.p.id, [device.id], add=["beta"])
    else:
        fleet.cloud.device_settings.update_member(fleet.o, fleet.p.id, device.id, groups=["beta"])
    assert session.flashed == ([image] if intelligent else []), "a standard release waits for the next connection"
    session.leave()
    assert fleet.runs(device, fleet.p, 1).flashed == [image]


@pytest.mark.parametrize(("before", "sent"), [(True, 1), (False, 0)])
def test_only_the_end_of_development_brings_what_was_released(fleet, before, sent):
    device = fleet.member(fleet.o, fleet.p)
    update = fleet.cloud.device_settings.update_member
    update(fleet.o, fleet.p.id, device.id, development=before)
    session = fleet.runs(device, fleet.p, 1)
    fleet.upload(fleet.o, fleet.p, 3)
    fleet.release(fleet.o, fleet.p, 3)
    update(fleet.o, fleet.p.id, device.id, groups=["x"])
    assert session.flashed == []
    assert not update(fleet.o, fleet.p.id, device.id, development=False).development
    assert len(session.flashed) == sent


def test_a_device_gets_its_version_only_once_it_has_described_itself(fleet):
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1, describe=False)
    image = fleet.upload(fleet.o, fleet.p, 3)
    fleet.release(fleet.o, fleet.p, 3, intelligent=True)
    assert session.flashed == []
    session.describe()
    assert session.flashed == [image]


def test_the_impact_of_a_release_is_told_before(fleet):
    fleet.upload(fleet.o, fleet.p, 3)
    update, impact = fleet.cloud.device_settings.update_member, fleet.cloud.releases.impact
    a, b, c, d = (fleet.member(fleet.o, fleet.p) for _ in range(4))
    update(fleet.o, fleet.p.id, a.id, groups=["x"])
    update(fleet.o, fleet.p.id, b.id, groups=["x"], development=True)
    update(fleet.o, fleet.p.id, c.id, desired_firmware_version=3)
    fleet.runs(d, fleet.p, 3)
    assert impact(fleet.o, fleet.p.id, 3, product_default=True) == 1
    assert impact(fleet.o, fleet.p.id, 3, groups=["x"]) == 1
    assert impact(fleet.o, fleet.p.id, 3, groups=["y"]) == 0
    update(fleet.o, fleet.p.id, b.id, development=False)
    assert impact(fleet.o, fleet.p.id, 3, groups=["x"]) == 2, "no longer a development device"
    update(fleet.o, fleet.p.id, b.id, development=True)
    assert fleet.cloud.releases.devices_on(fleet.p) == {3: 1}
    fleet.runs(b, fleet.p, 3)
    fleet.runs(c, fleet.p, 4)
    assert fleet.cloud.releases.devices_on(fleet.p) == {3: 2, 4: 1}
    fleet.runs(b, fleet.p, 1)
    fleet.upload(fleet.o, fleet.p, 5)
    fleet.release(fleet.o, fleet.p, 5, "x")
    assert impact(fleet.o, fleet.p.id, 3, product_default=True) == 0, "the group's version comes first"
    assert impact(fleet.o, fleet.p.id, 3, groups=["x"]) == 1, "a group has one version: it would be this one"
    update(fleet.o, fleet.p.id, a.id, groups=["x", "y"])
    assert impact(fleet.o, fleet.p.id, 3, groups=["y"]) == 0, "of several groups, the highest version counts"


def test_a_release_waits_for_the_next_connection_unless_it_is_told_not_to(fleet):
    fleet.upload(fleet.o, fleet.p, 3)
    session = fleet.runs(fleet.member(fleet.o, fleet.p), fleet.p, 1)
    assert not fleet.cloud.releases.release(fleet.o, fleet.p.id, 3, product_default=True).intelligent
    assert session.flashed == []


def test_a_device_that_is_being_updated_gets_nothing_else_meanwhile(fleet):
    fleet.upload(fleet.o, fleet.p, 3)
    by_hand = fleet.image(fleet.p, 9)
    device = fleet.member(fleet.o, fleet.p)
    session = fleet.runs(device, fleet.p, 1)
    session.silent = True
    fleet.cloud.operations.flash(fleet.o, device.id, by_hand)
    fleet.release(fleet.o, fleet.p, 3, intelligent=True)
    assert session.flashed == [by_hand]


def test_a_device_gets_its_products_firmware_once_it_has_described_itself(fleet):
    image = fleet.upload(fleet.o, fleet.p, 3)
    fleet.release(fleet.o, fleet.p, 3)
    device = fleet.device()
    session = fleet.runs(device, fleet.p, 1, describe=False)
    fleet.cloud.members.add(fleet.o, fleet.p.id, [device.id])
    assert session.flashed == []
    session.describe()
    assert session.flashed == [image]


def test_a_version_beside_no_product_at_all_is_no_product_version(fleet):
    image = fleet.upload(fleet.o, fleet.p, 3, has_run=False)
    device = fleet.member(fleet.o, fleet.p)
    fleet.connect(device, product_id=0xFFFF, product_version=3)
    assert not fleet.cloud.releases.get(fleet.o, fleet.p.id, 3).has_run
    fleet.cloud.releases.seen_running(fleet.p.id, 3)
    fleet.release(fleet.o, fleet.p, 3)
    assert fleet.connect(device, product_id=0xFFFF, product_version=3).flashed == [image]
