"""What a device is from the factory on."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import Conflict, Invalid
from emulator.cloud.records import Device
from particle_protocol.platforms import platforms
from particle_protocol.skus import skus

ID = "3f002a001747343733340abc"
PHOTON, BORON = 6, 13
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


UNIQUE = {"serial_number": "b402ab123456789", "iccid": "8934 0765 0000 2589 174", "imei": "35-275309-004168-0"}


@pytest.mark.parametrize(("fact", "again"), UNIQUE.items())
def test_a_number_that_is_another_devices_is_refused_however_it_is_written(world, fact, again):
    world.cloud.factory.manufacture(ID, BORON, **FACTS)
    with pytest.raises(Conflict) as refused:
        world.cloud.factory.manufacture("0" * 24, BORON, **{fact: again})
    assert refused.value.what == FACTS[fact]
    assert FACTS[fact] in str(refused.value)
    assert world.cloud.devices.by_id("0" * 24) is None


def test_an_id_is_taken_once_and_so_is_a_radios_address(world):
    world.cloud.factory.manufacture(ID, PHOTON, mac_wifi="e0:4f:43:12:34:56")
    with pytest.raises(Conflict, match=f"device {ID} exists"):
        world.cloud.factory.manufacture(ID.upper(), PHOTON)
    with pytest.raises(Conflict, match="MAC address e04f43123456 exists"):
        world.cloud.factory.manufacture("0" * 24, PHOTON, mac_wifi="E04F43123456")


def test_a_mobile_secret_need_not_be_unique(world):
    for device_id in (ID, "0" * 24):
        world.cloud.factory.manufacture(device_id, BORON, mobile_secret="abcdefghijklmno")
        assert world.now(device_id).mobile_secret == "ABCDEFGHIJKLMNO"


@pytest.mark.parametrize("secret", ["nope!", "", "ABCDEFGHIJKLMN", "ABCDEFGHIJKLMN!", "ABCDEFGHIJKLMNOP"])
def test_a_mobile_secret_is_fifteen_letters_and_digits(world, secret):
    with pytest.raises(Invalid, match="mobile_secret"):
        world.cloud.factory.manufacture(ID, BORON, mobile_secret=secret)


@pytest.mark.parametrize("name", ["", "  ", "x" * 129, ID])
def test_a_name_from_the_factory_is_one_that_its_owner_could_give(world, name):
    with pytest.raises(Invalid, match="must have 1 to 128 characters, and not look like a device id"):
        world.cloud.factory.manufacture(ID, BORON, name=name)


@pytest.mark.parametrize("platform_id", [1, 7, 99, -1, 65_535])
def test_a_platform_that_there_is_not_is_refused_with_those_that_there_are(world, platform_id):
    with pytest.raises(Invalid, match=rf"platform_id={platform_id}: no platform has id {platform_id}; known are .*6 photon"):
        world.cloud.factory.manufacture(ID, platform_id)


@pytest.mark.parametrize("address", ["01:00:5e:00:00:fb", "ff:ff:ff:ff:ff:ff"])
def test_the_address_of_a_group_of_radios_is_none_of_one(world, address):
    with pytest.raises(Invalid, match="is the address of a group of radios"):
        world.cloud.factory.manufacture(ID, PHOTON, mac_wifi=address)


def test_a_sku_says_the_platform_and_no_other_one_goes_with_it(world):
    ids = (f"{number:024x}" for number in range(1, 10_000))
    for sku in skus():
        device = world.cloud.factory.manufacture(next(ids), sku=sku.sku.lower())
        assert (device.platform_id, device.sku) == (sku.platform.id, sku.sku)
        for platform in platforms():
            if platform is sku.platform:
                assert world.cloud.factory.manufacture(next(ids), platform.id, sku=sku.sku).platform_id == platform.id
                continue
            with pytest.raises(Invalid) as refused:
                world.cloud.factory.manufacture(next(ids), platform.id, sku=sku.sku)
            assert (refused.value.field, refused.value.value) == ("sku", sku.sku)


def test_a_device_is_of_some_platform(world):
    with pytest.raises(Invalid, match="platform_id=None: give the platform, or a SKU that says it"):
        world.cloud.factory.manufacture(ID)
