"""R98-R109: what the firmware says of its product, and why devices are added before."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import FirmwareNeverRun
from emulator.cloud.members import parse_entries
from particle_protocol.describe import DescribedModule, ModuleFunction

PHOTON, BORON = 6, 13
OS_1_4, OS_1_5, OS_2_3, OS_3_3, OS_4 = 1404, 1512, 2302, 3302, 4003


def arrive(world, device, product_id, version, system):
    """Connect with a Device OS: before 3.0, Hello does not tell it, so the device was seen with it before."""
    world.cloud.devices.learn(world.now(device), system_version=system)
    told = system if system >= 3000 else None
    return world.connect(device, product_id=product_id, product_version=version, system_version=told)


@pytest.mark.rule("R98")
@pytest.mark.parametrize("explicit", [False, True])
def test_from_device_os_4_on_every_firmware_is_a_wildcard(world, explicit):
    o = world.user("o")
    product, other = world.product(o, BORON), world.product(o, BORON)
    device = world.member(o, product)
    said = other.id if explicit else BORON
    arrive(world, device, said, 3, OS_4)
    assert world.standing(device, product) == "member"
    assert world.standing(device, other) == "nothing"


@pytest.mark.rule("R99", "R108")
def test_an_unlisted_device_of_device_os_4_is_none_of_the_products_business_until_added(world):
    o = world.user("o")
    product = world.product(o, BORON)
    image = world.upload(o, product, 3, needs=4003, product_id=BORON)
    world.release(o, product, 3)
    heard = world.hear(o, product=product.id)
    device = world.device(BORON)
    session = arrive(world, device, BORON, 1, OS_4)
    session.event("temp", "1")
    assert world.standing(device, product) == "nothing"
    assert (session.flashed, heard) == ([], [])
    world.cloud.members.add(o, product.id, [device.id])
    assert session.flashed == [image]
    session.event("temp", "2")
    assert ("temp", "2") in heard


@pytest.mark.rule("R100", "R118")
@pytest.mark.parametrize("quarantine", [True, False])
@pytest.mark.parametrize("explicit", [True, False])
def test_from_device_os_4_on_nothing_is_quarantined_or_approved_by_itself(world, quarantine, explicit):
    o = world.user("o")
    product = world.product(o, BORON, quarantine=quarantine)
    device = world.device(BORON)
    arrive(world, device, product.id if explicit else BORON, 3, OS_4)
    assert world.standing(device, product) == "nothing"
    assert world.listed(o, product) == []


@pytest.mark.rule("R101")
def test_up_to_device_os_3_the_firmware_names_its_product(world):
    o = world.user("o")
    product = world.product(o, product_id=1234)
    device = world.member(o, product)
    arrive(world, device, 1234, 3, OS_2_3)
    assert (world.now(device).firmware_product_id, world.now(device).firmware_version) == (1234, 3)


@pytest.mark.rule("R102", "R105", "R108")
@pytest.mark.parametrize("system", [OS_1_5, OS_2_3, OS_3_3])
def test_a_wildcard_belongs_where_its_device_was_added_and_nowhere_else(world, system):
    o = world.user("o")
    product = world.product(o)
    added, stray = world.member(o, product), world.device()
    arrive(world, added, PHOTON, 3, system)
    arrive(world, stray, PHOTON, 3, system)
    assert world.standing(added, product) == "member"
    assert world.standing(stray, product) == "nothing"
    assert world.listed(o, product) == [added.id]


@pytest.mark.rule("R103")
@pytest.mark.parametrize(("system", "flashed"), [(OS_1_4, 1), (1500, 0), (OS_1_5, 0)])
def test_before_device_os_1_5_a_wildcard_is_just_generic_firmware(world, system, flashed):
    o = world.user("o")
    product = world.product(o)
    world.upload(o, product, 3)
    world.release(o, product, 3)
    device = world.member(o, product)
    world.cloud.devices.learn(world.now(device), system_version=system)
    session = world.connect(device, product_version=3, describe=False)

    session.describe(DescribedModule(1 << 18, function=ModuleFunction.SYSTEM_PART, index=1, version=system))
    assert len(session.flashed) == flashed, "its version is no product version, so the product's firmware is sent"


@pytest.mark.rule("R103", "R97")
@pytest.mark.parametrize(("system", "releasable"), [(OS_1_4, False), (OS_1_5, True)])
def test_which_wildcard_a_version_was_run_with_is_known_once_the_device_tells_its_device_os(world, system, releasable):
    o = world.user("o")
    product = world.product(o)
    world.upload(o, product, 3, has_run=False)
    session = world.connect(world.member(o, product), product_version=3, describe=False)
    with pytest.raises(FirmwareNeverRun):
        world.release(o, product, 3)
    session.describe(DescribedModule(1 << 18, function=ModuleFunction.SYSTEM_PART, index=1, version=system))
    if releasable:
        world.release(o, product, 3)
    else:
        with pytest.raises(FirmwareNeverRun):
            world.release(o, product, 3)


@pytest.mark.rule("R104")
def test_one_wildcard_binary_serves_several_products(world):
    o = world.user("o")
    first, second = world.product(o), world.product(o)
    image = world.image(first, 3, product_id=PHOTON)
    for product in (first, second):
        world.cloud.releases.upload(o, product.id, 3, image)
    a, b = world.member(o, first), world.member(o, second)
    for device, product in ((a, first), (b, second)):
        arrive(world, device, PHOTON, 3, OS_2_3)
        assert world.standing(device, product) == "member"


@pytest.mark.rule("R106")
def test_the_list_that_comes_with_an_order_is_imported_as_a_file(world):
    o = world.user("o")
    product = world.paid_product(o)
    devices = [world.device() for _ in range(50)]
    text = "".join(f"{device.id}\r\n" for device in devices)
    assert len(world.cloud.members.add(o, product.id, parse_entries(text)).updated) == 50
    assert sorted(world.listed(o, product)) == [device.id for device in devices]


@pytest.mark.rule("R107")
def test_a_production_line_adds_devices_one_by_one(world):
    o = world.user("o")
    product = world.product(o)
    line = world.api_user(o, product, "devices:import")
    for _ in range(3):
        device = world.device()
        assert world.cloud.members.add(line, product.id, [device.id]).updated == [device.id]
        assert world.standing(device, product) == "member"


@pytest.mark.rule("R107", "R49")
def test_a_production_line_adds_and_claims_in_one_go(world):
    o = world.user("o")
    product = world.product(o)
    world.teammate(o, product)
    devices = [world.device() for _ in range(3)]
    world.cloud.members.add(o, product.id, [device.id for device in devices], claim_user="T@example.com")
    assert {world.owner(device) for device in devices} == {"t@example.com"}


@pytest.mark.rule("R109")
def test_adding_ahead_of_time_counts_as_membership_does(world):
    o = world.user("o")
    product = world.product(o)
    world.member(o, product)
    assert world.cloud.agreements.of(o).devices == 1
