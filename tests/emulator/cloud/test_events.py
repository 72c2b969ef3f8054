"""Who hears which event."""

from __future__ import annotations

import pytest

from emulator.cloud import CloudSettings
from emulator.cloud.devices import owner_of
from emulator.cloud.errors import AccountPaused, DeviceForbidden, DeviceNotInProduct, Invalid, PermissionDenied, ScopeRefused


@pytest.fixture
def town(world):
    """`world` with developers `u1` and `u2`, a product of `u1`, a claimed device `d1` of each sort and their sessions."""
    world.u1, world.u2 = world.user("u1"), world.user("u2")
    world.p = world.product(world.u1)
    world.d1, world.s1 = world.claimed(world.u1, subscriptions=("news",))
    world.d2, world.s2 = world.claimed(world.u2, subscriptions=("news",))
    world.m = world.member(world.u1, world.p)
    world.sm = world.connect(world.m, subscriptions=("news",))
    return world


def test_an_event_reaches_owner_device_and_public_streams_and_nobody_else(town):
    mine, other = town.hear(town.u1), town.hear(town.u2)
    device = town.hear(town.u1, device=town.d1.id)
    public = town.hear(town.u2, "te", public=True)
    product = town.hear(town.u1, product=town.p.id)
    town.s1.event("temp", "1")
    town.s1.event("temp", "2", public=True)
    assert mine == device == [("temp", "1"), ("temp", "2")]
    assert public == [("temp", "2")]
    assert other == product == []


def test_a_members_event_reaches_the_products_streams(town):
    product = town.hear(town.u1, product=town.p.id)
    one = town.hear(town.u1, product=town.p.id, device=town.m.id)
    mine = town.hear(town.u1)
    town.sm.event("temp", "1")
    assert product == one == [("temp", "1")]
    assert mine == []
    t = town.teammate(town.u1, town.p)
    town.cloud.claims.claim(t, town.m.id)
    theirs = town.hear(t)
    town.sm.event("temp", "2")
    assert product[1:] == theirs == [("temp", "2")]
    assert mine == []


def test_the_public_stream_has_own_private_events_too_each_once(town):
    heard = town.hear(town.u1, "temp", public=True)
    town.s1.event("temp", "private")
    town.s1.event("temp", "public", public=True)
    town.s2.event("temp", "private")
    town.s2.event("temp", "public", public=True)
    assert [data for _, data in heard] == ["private", "public", "public"]
    with pytest.raises(Invalid):
        town.hear(town.u1, public=True)


def test_prefixes_match_the_beginning(town):
    heard = town.hear(town.u1, "temp/in")
    for name in ("temp", "temp/in", "temp/indoor", "temp/out", "x/temp/in"):
        town.s1.event(name)
    assert [name for name, _ in heard] == ["temp/in", "temp/indoor"]


def test_a_stream_ends_when_told(town):
    heard = []
    end = town.cloud.events.subscribe(town.u1, heard.append)
    town.s1.event("one")
    end()
    end()
    town.s1.event("two")
    assert [event.name for event in heard] == ["one"]


def test_a_devices_stream_is_silent_once_the_device_is_somebody_elses(town):
    heard = town.hear(town.u1, device=town.d1.id)
    town.cloud.claims.unclaim(town.u1, town.d1.id)
    town.cloud.claims.claim(town.u2, town.d1.id)
    heard.clear()
    town.s1.event("secret")
    assert heard == []


def test_a_team_hears_a_members_own_stream_whoever_owns_it_and_as_long_as_it_is_one(town):
    t = town.teammate(town.u1, town.p)
    heard = town.hear(town.u1, device=town.m.id)
    town.sm.event("temp", "1")
    town.cloud.claims.claim(t, town.m.id)
    town.sm.event("temp", "2")
    assert heard == [("temp", "1"), ("temp", "2")]
    town.cloud.members.remove(town.u1, town.p.id, town.m.id)
    town.sm.event("temp", "3")
    assert heard[2:] == []


def test_only_who_may_look_may_listen(town):
    o2 = town.user("o2")
    for where in ({"device": town.d1.id}, {"device": "0" * 24}, {"device": town.m.id}):
        with pytest.raises(DeviceForbidden):
            town.hear(o2, **where)
    with pytest.raises(PermissionDenied):
        town.hear(o2, product=town.p.id)
    with pytest.raises(DeviceNotInProduct):
        town.hear(town.u1, product=town.p.id, device=town.d1.id)
    with pytest.raises(ScopeRefused):
        town.hear(town.api_user(town.u1, town.p, "devices:list"))
    heard = town.hear(town.api_user(town.u1, town.p, "events:get"))
    town.sm.event("temp", "1")
    assert heard == [("temp", "1")]


def test_what_an_event_carries(town):
    heard = []
    town.cloud.events.subscribe(town.u1, heard.append, product=town.p.id)
    town.sm.leave()
    town.sm = town.runs(town.m, town.p, 4)
    heard.clear()
    town.sm.event("temp", "1", ttl=30)
    (event,) = heard
    assert (event.name, event.data, event.ttl, event.coreid, event.public) == ("temp", "1", 30, town.m.id, False)
    assert (event.published_at, event.product_id, event.version, event.device_id) == (town.cloud.core.now(), town.p.id, 4, town.m.id)
    assert str(event) == f"temp='1' from {town.m.id}"


def test_everybody_hears_the_very_same_object(town):
    heard = []
    for _ in range(3):
        town.cloud.events.subscribe(town.u1, heard.append)
    town.s1.event("temp")
    assert len({id(event) for event in heard}) == 1
    assert len(heard) == 3


def test_publishing_reaches_own_streams_and_own_devices(town):
    mine, other = town.hear(town.u1), town.hear(town.u2)
    event = town.cloud.events.publish(town.u1, "news", "x")
    assert (event.coreid, event.public, event.ttl) == ("api", False, 60)
    assert mine == [("news", "x")]
    assert other == []
    assert (town.s1.sent, town.s2.sent, town.sm.sent) == ([("news", "x")], [], [])
    town.cloud.events.publish(town.u1, "other news", "x", private=False, ttl=5)
    assert town.s1.sent == [("news", "x")]


def test_publishing_to_a_product(town):
    product = town.hear(town.u1, product=town.p.id)
    publish = town.cloud.events.publish
    publish(town.u1, "news", "x", product=town.p.id)
    assert product == [("news", "x")]
    assert town.sm.sent == [("news", "x")]
    for wrong in (town.d1.id, "0" * 24):
        with pytest.raises(DeviceNotInProduct):
            publish(town.u1, "news", product=town.p.id, as_device_id=wrong)
    with pytest.raises(PermissionDenied):
        publish(town.u2, "news", product=town.p.id)
    with pytest.raises(PermissionDenied):
        publish(town.teammate(town.u1, town.p, "s", "Support"), "news", product=town.p.id)
    program = town.api_user(town.u1, town.p, "events:send")
    assert publish(program, "news", product=town.p.id)
    with pytest.raises(ScopeRefused):
        publish(program, "news")
    client = town.cloud.clients.create(town.u1, "app", product=town.p.id)
    server = town.cloud.tokens.principal(town.cloud.tokens.client_grant(client.id, client.secret).token)
    with pytest.raises(PermissionDenied):
        publish(server, "news")


def test_publishing_as_a_member_is_as_if_the_member_had(town):
    t = town.teammate(town.u1, town.p)
    town.cloud.claims.claim(t, town.m.id)
    streams = [town.hear(t), town.hear(town.u1, product=town.p.id), town.hear(t, device=town.m.id)]
    publish = town.cloud.events.publish
    event = publish(town.u1, "temp", "1", product=town.p.id, as_device_id=town.m.id.upper(), private=False, ttl=5)
    assert (event.coreid, event.device_id, event.public, event.ttl) == (town.m.id, town.m.id, True, 5)
    assert streams == [[("temp", "1")]] * 3
    assert not publish(town.u1, "temp", "2", product=town.p.id, as_device_id=town.m.id).public


def test_a_quarantined_device_cannot_be_published_as(town):
    device = town.device()
    town.runs(device, town.p, 1)
    assert town.standing(device, town.p) == "quarantined"
    with pytest.raises(DeviceNotInProduct):
        town.cloud.events.publish(town.u1, "news", product=town.p.id, as_device_id=device.id)


def test_names_and_data_have_a_length(town):
    publish = town.cloud.events.publish
    publish(town.u1, "n" * 64, "d" * 1024)
    for name, data in (("", None), ("n" * 65, None), ("ä" * 33, None), ("x", "d" * 1025), ("x", "ä" * 513)):
        with pytest.raises(Invalid):
            publish(town.u1, name, data)


def test_an_event_of_a_device_reaches_its_owners_other_devices(town):
    other, session = town.claimed(town.u1, subscriptions=("temp",))
    town.s1.event("temp", "1")
    town.s2.event("temp", "2")
    assert session.sent == [("temp", "1")]
    assert town.owner(other) == "u1@example.com"


def test_orders_of_the_cloud_cannot_be_given_by_publishing(town):
    town.cloud.events.publish(town.u1, "spark/device/reset", "dfu")
    town.s1.event("particle/device/anything", "x")
    assert town.s1.sent == []


def test_an_account_pauses_when_its_operations_are_used_up_until_the_next_month(make_world):
    world = make_world(CloudSettings(operations_limit=4))
    u1, u2 = world.user("u1"), world.user("u2")
    device, session = world.claimed(u1, functions={"led": len}, variables={"count": 7})
    heard, theirs = world.hear(u1, "temp"), world.hear(u2, "temp")
    for _ in range(6):
        session.event("temp")
    assert len(heard) == 4
    world.cloud.events.publish(u2, "temp")
    assert len(theirs) == 1
    assert world.cloud.agreements.of(u1).paused
    for attempt in (
        lambda: world.cloud.events.publish(u1, "temp"),
        lambda: world.cloud.operations.call(u1, device.id, "led"),
        lambda: world.cloud.operations.read(u1, device.id, "count"),
    ):
        with pytest.raises(AccountPaused):
            attempt()
    world.pass_time(27 * 86_400)
    session.event("temp")
    assert len(heard) == 5
    assert not world.cloud.agreements.of(u1).paused


def test_products_of_a_free_plan_count_for_their_owner_and_paid_ones_for_nobody(make_world):
    world = make_world(CloudSettings(operations_limit=3))
    o, t = world.user("o"), world.user("t")
    free, paid = world.product(o), world.paid_product(o)
    member, other = world.connect(world.member(o, free)), world.connect(world.member(o, paid))
    heard, also = world.hear(o, "temp", product=free.id), world.hear(o, "temp", product=paid.id)
    for session in (member, other) * 5:
        session.event("temp")
    assert (len(heard), len(also)) == (1, 5), "to go online and the digest of the application were the first two operations"
    with pytest.raises(AccountPaused):
        world.cloud.events.publish(o, "temp", product=free.id)
    world.cloud.events.publish(o, "temp", product=paid.id)
    world.cloud.events.publish(t, "temp")


def carried(event):
    return {name: getattr(event, name) for name in event.__slots__}


@pytest.mark.parametrize(("asked", "got"), [({}, (60, False)), ({"ttl": 5, "private": False}, (5, True))])
def test_what_an_event_published_through_the_api_carries(town, asked, got):
    publish = town.cloud.events.publish
    said = {"name": "news", "data": "x", "published_at": town.cloud.core.now(), "coreid": "api", "ttl": got[0], "public": got[1]}
    said |= {**dict.fromkeys(("device_id", "owner", "product_id", "version", "organization_id")), "passed_on": False}
    assert carried(publish(town.u1, "news", "x", **asked)) == said | {"owner": owner_of(town.u1)}
    assert carried(publish(town.u1, "news", "x", product=town.p.id, **asked)) == said | {"product_id": town.p.id}
    assert (town.s1.sent_with, town.sm.sent_with) == ([got], [got])


def test_an_event_that_the_cloud_makes_about_a_device_is_private_and_of_no_product_version(town):
    heard = []
    town.s1.leave()
    town.cloud.events.subscribe(town.u1, heard.append, device=town.d1.id)
    town.connect(town.d1, product_version=4, describe=False)
    (event,) = heard
    said = {"name": "spark/status", "data": "online", "published_at": town.cloud.core.now(), "coreid": town.d1.id, "ttl": 60}
    said |= {"public": False, "device_id": town.d1.id, "owner": owner_of(town.u1), "product_id": None, "version": None}
    said |= {"organization_id": None, "passed_on": False}
    assert (carried(event), town.now(town.d1).firmware_version) == (said, 4)


def test_what_a_webhook_makes_of_a_public_event_is_private(town):
    heard = []
    town.cloud.webhooks.create(town.u1, {"event": "temp", "url": "https://a.example"})
    town.cloud.events.subscribe(town.u1, heard.append, "hook-")
    town.s1.event("temp", "1", public=True, ttl=5)
    assert heard
    assert {(event.coreid, event.ttl, event.public) for event in heard} == {("particle-internal", 60, False)}


def test_a_device_out_of_the_product_is_named_when_it_is_published_as(town):
    device = town.device()
    town.runs(device, town.p, 1)
    with pytest.raises(DeviceNotInProduct) as refused:
        town.cloud.events.publish(town.u1, "news", product=town.p.id, as_device_id=device.id)
    assert (refused.value.given, refused.value.product_id) == (device.id, town.p.id)


def test_an_organizations_people_hear_a_member_of_its_products_and_no_other_device(town):
    company = town.cloud.products.create_organization(town.cloud.accounts.of(town.u1), "company")
    town.cloud.teams.invite(town.u1, "t@example.com", "View-only", organization=company.slug)
    member = town.member(town.u1, town.product(town.u1, organization=company.slug))
    heard = town.hear(town.user("t"), organization=company.slug, device=member.id)
    town.connect(member).event("temp", "1")
    assert heard[-1] == ("temp", "1")
    for outside in (town.d1, town.m):
        with pytest.raises(DeviceForbidden):
            town.hear(town.u1, organization=company.slug, device=outside.id)


def test_whoever_may_only_look_hears_a_members_own_stream(town):
    heard = town.hear(town.teammate(town.u1, town.p, role="View-only"), device=town.m.id)
    town.sm.event("temp", "1")
    assert heard == [("temp", "1")]


def test_other_members_do_not_hear_what_an_unclaimed_one_says(town):
    other = town.connect(town.member(town.u1, town.p), subscriptions=("news",))
    town.sm.event("news", "x")
    assert (town.sm.sent, other.sent) == ([("news", "x")], [])


def test_nothing_is_kept_of_streams_that_have_ended(town):
    heard = []
    ends = [town.cloud.events.subscribe(town.u1, heard.append, "te", public=True) for _ in range(2)]
    ends[0]()
    ends[0]()
    town.s1.event("temp")
    assert [event.name for event in heard] == ["temp"]
    ends[1]()
    assert town.cloud.events._streams == {}


def test_what_reaches_a_device_is_an_operation_too(town):
    def used():
        return town.cloud.agreements.of(town.u1).operations

    before = used()
    town.cloud.events.publish(town.u1, "news")
    assert used() == before + 2
    town.cloud.events.publish(town.u1, "other news")
    assert used() == before + 3, "nobody is subscribed to it"


def test_a_device_of_a_product_whose_account_is_paused_is_of_no_use_to_its_owner(make_world):
    world = make_world(CloudSettings(operations_limit=3))
    o = world.user("o")
    product = world.product(o)
    c, device = world.customer(o, product), world.member(o, product)
    session = world.connect(device, functions={"led": len})
    world.cloud.claims.claim(c, device.id)
    world.wait(world.cloud.operations.call(c, device.id, "led"))
    session.event("temp")
    with pytest.raises(AccountPaused):
        world.cloud.operations.call(c, device.id, "led")


def test_a_customer_has_no_plan_that_could_pause(make_world):
    world = make_world(CloudSettings(operations_limit=1))
    o = world.user("o")
    c = world.customer(o, world.product(o))
    heard = world.hear(c)
    for _ in range(3):
        world.cloud.events.publish(c, "temp")
    assert len(heard) == 3
