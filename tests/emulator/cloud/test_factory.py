"""What a device is from the factory on."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import Conflict
from emulator.cloud.records import Device

ID = "3f002a001747343733340abc"
BORON = 13
ICCID = "8934076500002589174"
FACTS = {
    "name": "lamp",
    "serial_number": "B402AB123456789",
    "mobile_secret": "ABCDEFGHIJKLMNO",
    "iccid": ICCID,
    "imei": "352753090041680",
    "sku": "BRN402",
    "public_key": b"key",
}


def test_a_device_is_what_it_was_made_as(world):
    made = world.cloud.factory.manufacture(ID.upper(), BORON, **FACTS)
    assert made == world.now(ID) == Device(ID, BORON, world.cloud.core.now(), **FACTS)
    assert world.cloud.sims.by_iccid(ICCID) is not None


def test_a_sim_that_there_is_already_goes_into_the_device_as_it_is(world):
    world.cloud.sims.make(ICCID)
    before = world.cloud.sims.by_iccid(ICCID)
    world.cloud.factory.manufacture(ID, BORON, **FACTS)
    assert world.cloud.sims.by_iccid(ICCID) == before


@pytest.mark.parametrize(("other", "facts", "what"), [(ID, {}, ID), ("0" * 24, FACTS, "B402AB123456789")], ids=["id", "serial_number"])
def test_what_is_taken_already_is_named(world, other, facts, what):
    world.cloud.factory.manufacture(ID, BORON, **FACTS)
    with pytest.raises(Conflict) as refused:
        world.cloud.factory.manufacture(other, BORON, **facts)
    assert refused.value.what == what
