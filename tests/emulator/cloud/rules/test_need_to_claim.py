"""R5-R17: what an unclaimed device can do, in a product and outside."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import DeviceForbidden
from emulator.cloud.hook_requests import HookResponse
from emulator.cloud.settings import CloudSettings

ELECTRON = 10


def hooked(world):
    """A gateway that answers everything with 200, and the list of what it was sent."""
    sent = []

    def gateway(request):
        sent.append(request)
        reply = world.driver.reply()
        reply.resolve(HookResponse(200, b"ok"))
        return reply

    world.cloud.webhooks.gateway = gateway
    return sent


@pytest.mark.rule("R5")
def test_an_unclaimed_developer_device_answers_nobody(world):
    u1 = world.user()
    product = world.product(u1)
    device, session = world.online(functions={"led": len}, variables={"t": 1})
    for reach in (
        lambda: world.cloud.operations.call(u1, device.id, "led"),
        lambda: world.cloud.operations.read(u1, device.id, "t"),
        lambda: world.cloud.operations.flash(u1, device.id, world.image(product, 1)),
    ):
        with pytest.raises(DeviceForbidden):
            reach()
    assert session.flashed == []


@pytest.mark.rule("R5")
def test_an_unclaimed_developer_device_publishes_into_the_void_and_hears_nothing(world):
    u1 = world.user()
    sent = hooked(world)
    world.cloud.webhooks.create(u1, {"event": "temp", "url": "http://example.com/"})
    heard, everybody = world.hear(u1), world.hear(u1, "temp", public=True)
    _, session = world.online(subscriptions=("news",))
    session.event("temp", "20", public=True)
    world.cloud.events.publish(u1, "news", "x")
    assert ("temp", "20") not in heard
    assert everybody == []
    assert sent == []
    assert session.sent == []
    assert not session.closed


@pytest.mark.rule("R6")
def test_a_claimed_developer_device_does_all_five(world):
    u1 = world.user()
    product = world.product(u1)
    heard = world.hear(u1)
    device, session = world.claimed(u1, functions={"led": len}, variables={"t": 1}, subscriptions=("news",))
    assert world.wait(world.cloud.operations.call(u1, device.id, "led", "on")).value == 2
    assert world.wait(world.cloud.operations.read(u1, device.id, "t")).value == 1
    image = world.image(product, 1)
    world.wait(world.cloud.operations.flash(u1, device.id, image))
    session.event("temp", "20")
    world.cloud.events.publish(u1, "news", "x")
    assert session.flashed == [image]
    assert ("temp", "20") in heard
    assert session.sent == [("news", "x")]


@pytest.mark.rule("R7")
def test_an_unclaimed_member_works_through_the_product(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    sent = hooked(world)
    world.cloud.webhooks.create(o, {"event": "temp", "url": "http://example.com/"}, product.id)
    heard = world.hear(t, product=product.id)
    device = world.member(o, product)
    session = world.connect(device, functions={"led": len}, variables={"t": 1})
    where = {"product": product.id}
    assert world.wait(world.cloud.operations.call(t, device.id, "led", "on", **where)).value == 2
    assert world.wait(world.cloud.operations.read(t, device.id, "t", **where)).value == 1
    world.wait(world.cloud.operations.flash(t, device.id, world.image(product, 1), **where))
    session.event("temp", "20")
    assert len(session.flashed) == 1
    assert ("temp", "20") in heard
    assert len(sent) == 1
    assert world.owner(device) is None


@pytest.mark.rule("R8", "R48", "R140")
def test_wifi_setup_ends_with_the_device_in_the_list_of_whoever_asked_for_the_code(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    offer = world.cloud.claim_codes.create(c, product=product.id)
    assert len(offer.code) == 63
    assert offer.device_ids == ()
    device, session = world.online()
    session.event("spark/device/claim/code", offer.code)
    assert [each.id for each in world.cloud.devices.list(c)] == [device.id]
    assert world.owner(device) == "c@customers.example"
    assert world.now(device).product_id == product.id
    assert world.cloud.claim_codes.create(c, product=product.id).device_ids == (device.id,)


@pytest.mark.rule("R8")
def test_wifi_setup_by_a_developer(world):
    u1 = world.user()
    offer = world.cloud.claim_codes.create(u1)
    device, session = world.online()
    session.event("spark/device/claim/code", offer.code)
    assert [each.id for each in world.cloud.devices.list(u1)] == [device.id]
    assert world.now(device).product_id is None


@pytest.mark.rule("R9")
def test_a_sandbox_webhook_fires_for_devices_claimed_to_its_user_only(world):
    u1, u2 = world.user("u1"), world.user("u2")
    product = world.product(u1)
    world.teammate(u1, product, "u2")
    sent = hooked(world)
    world.cloud.webhooks.create(u1, {"event": "temp", "url": "http://example.com/"})
    device = world.member(u1, product)
    session = world.connect(device)
    session.event("temp", "unclaimed")
    assert sent == []
    world.cloud.claims.claim(u1, device.id)
    session.event("temp", "mine")
    assert len(sent) == 1
    world.cloud.claims.unclaim(u1, device.id)
    world.cloud.claims.claim(u2, device.id)
    session.event("temp", "theirs")
    assert len(sent) == 1


@pytest.mark.rule("R10")
def test_a_product_webhook_needs_no_claim(world):
    o = world.user("o")
    product = world.product(o)
    c = world.customer(o, product)
    sent = hooked(world)
    world.cloud.webhooks.create(o, {"event": "temp", "url": "http://example.com/"}, product.id)
    device = world.member(o, product)
    session = world.connect(device)
    session.event("temperature", "1")
    world.cloud.claims.claim(c, device.id)
    session.event("temperature", "2")
    assert [b"data=1" in request.body for request in sent] == [True, False]
    assert len(sent) == 2


@pytest.mark.rule("R11")
def test_going_without_a_claim_spares_neither_membership_nor_sim(world):
    o = world.user("o")
    product = world.product(o, ELECTRON)
    world.cloud.sims.make("8934076500002589174")
    device = world.device(ELECTRON, iccid="8934076500002589174")
    assert world.connect(device).closed
    world.cloud.sims.activate(o, "8934076500002589174")
    world.pass_time(60)
    session = world.connect(device, functions={"led": len})
    assert not session.closed
    with pytest.raises(DeviceForbidden):
        world.cloud.operations.call(o, device.id, "led")
    world.cloud.members.add(o, product.id, [device.id])
    assert world.wait(world.cloud.operations.call(o, device.id, "led", product=product.id)).value == 0


@pytest.mark.rule("R12")
def test_claiming_a_whole_fleet_to_one_account_still_works(world):
    o = world.user("o")
    product = world.product(o)
    devices = [world.member(o, product) for _ in range(5)]
    for device in devices:
        world.cloud.claims.claim(o, device.id)
    assert {world.owner(device) for device in devices} == {"o@example.com"}
    assert {world.standing(device, product) for device in devices} == {"member"}
    session = world.connect(devices[0], functions={"led": len})
    heard = world.hear(o, product=product.id)
    session.event("temp", "1")
    assert ("temp", "1") in heard


@pytest.mark.rule("R13")
def test_an_unclaimed_member_hears_what_is_published_to_the_product_and_what_its_webhooks_answer(world):
    o = world.user("o")
    product = world.product(o)
    hooked(world)
    world.cloud.webhooks.create(o, {"event": "temp", "url": "http://example.com/"}, product.id)
    device = world.member(o, product)
    session = world.connect(device, subscriptions=("news", "hook-response/temp"))
    world.cloud.events.publish(o, "news", "x", product=product.id)
    session.event("temp", "20")
    assert session.sent == [("news", "x"), ("hook-response/temp/0", "ok")]


@pytest.mark.rule("R13")
def test_before_march_2023_an_unclaimed_device_heard_nothing(make_world):
    world = make_world(CloudSettings(legacy_subscriptions=True))
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    session = world.connect(device, subscriptions=("news",))
    world.cloud.events.publish(o, "news", "x", product=product.id)
    assert session.sent == []
    world.cloud.claims.claim(o, device.id)
    world.cloud.events.publish(o, "news", "y", product=product.id)
    assert session.sent == [("news", "y")]


@pytest.mark.rule("R14")
def test_each_event_published_and_each_one_delivered_is_a_data_operation(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    session = world.connect(device, subscriptions=("news",))
    other = world.member(o, product)
    world.connect(other)
    before = world.cloud.agreements.of(o).operations
    session.event("temp", "20")
    assert world.cloud.agreements.of(o).operations == before + 1
    world.cloud.events.publish(o, "news", "x", product=product.id)
    assert session.sent == [("news", "x")]
    assert world.cloud.agreements.of(o).operations == before + 3


@pytest.mark.rule("R15")
def test_a_claimed_development_device_is_flashed_by_its_owner_and_keeps_what_it_got(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    world.upload(o, product, 3)
    world.release(o, product, 3)
    device = world.member(o, product)
    world.cloud.device_settings.update_member(o, product.id, device.id, development=True)
    world.cloud.claims.claim(t, device.id)
    session = world.runs(device, product, 1)
    own = world.image(product, 9)
    world.wait(world.cloud.operations.flash(t, device.id, own))
    assert session.flashed == [own]
    session.leave()
    assert world.runs(device, product, 9).flashed == []


@pytest.mark.rule("R16")
def test_a_tool_marks_a_device_for_development_and_then_flashes_it_through_the_product(world):
    o = world.user("o")
    product = world.product(o)
    world.upload(o, product, 3)
    world.release(o, product, 3)
    device = world.member(o, product)
    session = world.runs(device, product, 3)
    world.cloud.device_settings.update_member(o, product.id, device.id, development=True)
    image = world.image(product, 4)
    world.wait(world.cloud.operations.flash(o, device.id, image, product=product.id))
    assert session.flashed == [image]
    session.leave()
    assert world.runs(device, product, 4).flashed == []


@pytest.mark.rule("R17")
def test_claiming_a_member_is_allowed_without_a_word_against_it(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    claimed = world.cloud.claims.claim(o, device.id)
    assert (claimed.device.id, claimed.connected) == (device.id, False)
