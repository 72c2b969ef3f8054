"""R110-R120: devices that say they belong to a product."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import DeviceForbidden, DeviceNotInProduct
from emulator.cloud.hook_requests import HookResponse

PHOTON, BORON = 6, 13


def explicit(world, device, product, system=None, version=1):
    return world.connect(device, product_id=product.id, product_version=version, system_version=system)


@pytest.mark.rule("R110")
@pytest.mark.parametrize(
    ("system", "standing"), [(1404, "quarantined"), (2302, "quarantined"), (3302, "quarantined"), (4000, "nothing"), (4003, "nothing")]
)
def test_there_is_a_quarantine_up_to_device_os_3(world, system, standing):
    o = world.user("o")
    product = world.product(o)
    device = world.device()
    explicit(world, device, product, system)
    assert world.standing(device, product) == standing


@pytest.mark.rule("R111")
def test_a_device_that_was_not_added_waits_in_quarantine_and_gets_nothing_of_the_product(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    sent = []

    def gateway(request):
        sent.append(request)
        reply = world.driver.reply()
        reply.resolve(HookResponse(200))
        return reply

    world.cloud.webhooks.gateway = gateway
    world.cloud.webhooks.create(o, {"event": "temp", "url": "http://example.com/"}, product.id)
    world.upload(o, product, 3)
    world.release(o, product, 3)
    heard = world.hear(o, product=product.id)
    device = world.device()
    session = world.runs(device, product, 1)
    session.event("temp", "1")
    assert world.standing(device, product) == "quarantined"
    assert world.listed(o, product, quarantined=True) == [device.id]
    assert world.listed(o, product, quarantined=False) == []
    assert (session.flashed, heard, sent) == ([], [], [])
    with pytest.raises(DeviceForbidden):
        world.cloud.claims.claim(c, device.id)
    assert not session.closed


@pytest.mark.rule("R111")
def test_a_member_of_one_product_that_says_another_is_quarantined_there(world):
    o = world.user("o")
    home, other = world.product(o), world.product(o)
    world.upload(o, home, 3)
    world.release(o, home, 3)
    device = world.member(o, home)
    session = world.runs(device, other, 1)
    assert world.standing(device, other) == "quarantined"
    assert world.standing(device, home) == "member"
    assert session.flashed == [], "a quarantined device is not flashed"


@pytest.mark.rule("R111")
def test_a_product_that_is_not_there_or_of_another_platform_quarantines_nobody(world):
    o = world.user("o")
    boron = world.product(o, BORON)
    device = world.device()
    world.connect(device, product_id=boron.id, product_version=1)
    world.connect(device, product_id=54321, product_version=1)
    assert world.standing(device, boron) == "nothing"


@pytest.mark.rule("R112")
def test_knowing_a_products_number_is_not_enough_to_join(world):
    o, stranger = world.user("o"), world.user("stranger")
    product = world.product(o)
    device = world.device()
    for _ in range(3):
        explicit(world, device, product).leave()
    explicit(world, device, product)
    world.cloud.claims.claim(stranger, device.id)
    assert world.standing(device, product) == "quarantined"
    assert world.now(device).product_id is None


@pytest.mark.rule("R113")
def test_an_approved_device_is_a_member_and_gets_its_firmware_at_once(world):
    o = world.user("o")
    product = world.product(o)
    image = world.upload(o, product, 3)
    world.release(o, product, 3)
    device = world.device()
    session = explicit(world, device, product)
    assert world.cloud.members.add(o, product.id, [device.id]).updated == [device.id]
    assert world.standing(device, product) == "member"
    assert session.flashed == [image]
    assert world.listed(o, product, quarantined=True) == []


@pytest.mark.rule("R72", "R113", "R117")
@pytest.mark.parametrize("deny", [False, True])
def test_a_waiting_device_that_a_stranger_claimed_meanwhile_is_approved_once_it_is_given_up(world, deny):
    o, stranger = world.user("o"), world.user("stranger")
    product = world.product(o)
    image = world.upload(o, product, 3)
    world.release(o, product, 3)
    device = world.device()
    session = explicit(world, device, product)
    if deny:
        world.cloud.members.deny(o, product.id, device.id)
    world.cloud.claims.claim(stranger, device.id)
    standing = world.standing(device, product)
    assert world.cloud.members.add(o, product.id, [device.id]).nonmember == [device.id]
    assert (world.standing(device, product), world.owner(device)) == (standing, "stranger@example.com")
    world.cloud.claims.unclaim(stranger, device.id)
    assert (world.standing(device, product), session.flashed) == (standing, []), "which approves nothing"
    assert world.cloud.members.add(o, product.id, [device.id]).updated == [device.id]
    assert (world.standing(device, product), world.owner(device), session.flashed) == ("member", None, [image])


@pytest.mark.rule("R113", "R2")
def test_a_waiting_device_that_one_of_the_team_claimed_meanwhile_is_approved_and_stays_theirs(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    device = world.device()
    explicit(world, device, product)
    world.cloud.claims.claim(t, device.id)
    assert world.cloud.members.add(o, product.id, [device.id]).updated == [device.id]
    assert (world.standing(device, product), world.owner(device)) == ("member", "t@example.com")


@pytest.mark.rule("R114")
def test_quarantined_and_denied_devices_are_both_listed_each_as_what_it_is(world):
    o = world.user("o")
    product = world.product(o)
    waiting, denied = world.device(), world.device()
    explicit(world, waiting, product)
    explicit(world, denied, product)
    world.cloud.members.deny(o, product.id, denied.id)
    assert sorted(world.listed(o, product, quarantined=True)) == sorted([waiting.id, denied.id])
    assert (world.standing(waiting, product), world.standing(denied, product)) == ("quarantined", "denied")


@pytest.mark.rule("R115", "R116")
def test_a_device_leaves_the_list_when_it_is_online_with_other_firmware_and_not_before(world):
    o = world.user("o")
    product, other = world.product(o), world.product(o)
    device = world.device()
    explicit(world, device, product).leave()
    world.pass_time(30 * 86400)
    assert world.standing(device, product) == "quarantined", "it may have been flashed meanwhile, but was not online"
    world.connect(device).leave()
    assert world.standing(device, product) == "nothing"
    explicit(world, device, product).leave()
    explicit(world, device, other).leave()
    assert (world.standing(device, product), world.standing(device, other)) == ("nothing", "quarantined")


@pytest.mark.rule("R117")
def test_a_denied_device_stays_denied_until_approved(world):
    o = world.user("o")
    product = world.product(o)
    device = world.device()
    explicit(world, device, product).leave()
    world.cloud.members.deny(o, product.id, device.id)
    explicit(world, device, product).leave()
    assert world.standing(device, product) == "denied"
    world.cloud.members.add(o, product.id, [device.id])
    assert world.standing(device, product) == "member"
    explicit(world, device, product)
    assert world.standing(device, product) == "member"


@pytest.mark.rule("R115", "R117")
def test_a_denied_device_that_was_online_with_tinker_asks_as_a_new_one(world):
    o = world.user("o")
    product = world.product(o)
    device = world.device()
    explicit(world, device, product).leave()
    world.cloud.members.deny(o, product.id, device.id)
    world.connect(device).leave()
    assert world.standing(device, product) == "nothing"
    explicit(world, device, product)
    assert world.standing(device, product) == "quarantined"


@pytest.mark.rule("R117")
def test_only_a_device_on_the_list_can_be_denied(world):
    o = world.user("o")
    product = world.product(o)
    member, unknown = world.member(o, product), world.device()
    for device in (member, unknown):
        with pytest.raises(DeviceNotInProduct):
            world.cloud.members.deny(o, product.id, device.id)
    assert world.standing(member, product) == "member"


@pytest.mark.rule("R119")
def test_auto_approval_lets_devices_in_that_are_nobodys_or_the_teams(world):
    o = world.user("o")
    product = world.product(o)
    world.cloud.products.update(o, product.id, quarantine=False)
    t = world.teammate(o, product)
    free, ours, theirs, customers = (world.device() for _ in range(4))
    for device, owner in ((ours, t), (theirs, world.user("stranger"))):
        world.connect(device)
        world.cloud.claims.claim(owner, device.id)
    other = world.product(o, name="other")
    c = world.customer(o, other)
    world.cloud.members.add(o, other.id, [customers.id])
    world.connect(customers)
    world.cloud.claims.claim(c, customers.id)
    for device in (free, ours, theirs, customers):
        explicit(world, device, product)
    found = [world.standing(device, product) for device in (free, ours, theirs, customers)]
    assert found == ["member", "member", "quarantined", "quarantined"]


@pytest.mark.rule("R119")
def test_turning_auto_approval_on_approves_who_waits_at_the_next_connection(world):
    o = world.user("o")
    product = world.product(o)
    device = world.device()
    explicit(world, device, product).leave()
    world.cloud.products.update(o, product.id, quarantine=False)
    assert world.standing(device, product) == "quarantined"
    explicit(world, device, product)
    assert world.standing(device, product) == "member"


@pytest.mark.rule("R120")
def test_auto_approval_does_not_take_a_removed_device_back(world):
    o = world.user("o")
    product = world.product(o, quarantine=False)
    device = world.device()
    explicit(world, device, product).leave()
    assert world.standing(device, product) == "member"
    world.cloud.members.remove(o, product.id, device.id)
    explicit(world, device, product).leave()
    assert world.standing(device, product) == "denied"
    explicit(world, device, product).leave()
    assert world.standing(device, product) == "denied"
    world.cloud.members.add(o, product.id, [device.id])
    explicit(world, device, product)
    assert world.standing(device, product) == "member"


@pytest.mark.rule("R117")
@pytest.mark.parametrize(("deny", "standing"), [(False, "member"), (True, "denied")])
def test_importing_its_sim_brings_a_waiting_device_in_and_no_denied_one(world, deny, standing):
    o = world.user("o")
    product = world.product(o, BORON)
    iccid = "8934076500002589174"
    device = world.device(BORON, iccid=iccid)
    explicit(world, device, product)
    world.cloud.sims.make(iccid)
    if deny:
        world.cloud.members.deny(o, product.id, device.id)
    world.cloud.sims.import_sims(o, product.id, [iccid])
    assert world.standing(device, product) == standing
    world.cloud.members.add(o, product.id, [device.id])
    assert world.standing(device, product) == "member"


@pytest.mark.rule("R120", "R111")
def test_a_customers_code_brings_no_removed_device_back_before_it_is_on_the_list(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    device = world.member(o, product)
    session = world.runs(device, product, 1)
    world.cloud.members.remove(o, product.id, device.id)
    code = world.cloud.claim_codes.create(c, product=product.id).code
    for standing in ("nothing", "denied"):
        session.event("spark/device/claim/code", code)
        assert (world.owner(device), world.standing(device, product)) == (None, standing)
        session.leave()
        session = world.runs(device, product, 1)
    session.leave()
    world.connect(device).event("spark/device/claim/code", code)
    assert (world.owner(device), world.standing(device, product)) == ("c@customers.example", "member"), "with firmware of no product"
