"""An account is deleted, a customer ends: nothing of theirs is left, and nothing of others is lost."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from emulator.cloud.documents import DocumentKind, Place
from emulator.cloud.errors import DeviceForbidden, PermissionDenied, TokenInvalid, TransferUnknown
from emulator.cloud.sim_records import SimAction, SimStatus

ICCIDS = ("89314404000111111116", "89314404000222222222", "89314404000333333339")
STAYS = {"mails", "products", "organizations"}
"""Where something of somebody who left may be: letters are out, and products go on with their teams."""


def archive(name):
    """A library of that name."""
    properties = f"name={name}\nversion=1.0.0\nauthor=somebody\nsentence=does things\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("library.properties")
        info.size = len(properties)
        tar.addfile(info, io.BytesIO(properties))
    return gzip.compress(packed.getvalue())


def furnish(world, who):
    """Make one of everything that an account can have, but for products."""
    cloud, user = world.cloud, Place.of_user(who.account)
    world.claimed(who)
    cloud.claim_codes.create(who)
    cloud.clients.create(who, "app")
    cloud.webhooks.create(who, {"event": "temp", "url": "http://hook.example/"})
    cloud.documents.put("me", DocumentKind.SECRET, user, "KEY", {"value": "x"})
    cloud.ledgers.create("me", user, "lamps", "Device", "Upstream", "")
    for number in range(2):
        cloud.ledgers.set("me", user, "lamps", "x", {"n": number})
    cloud.libraries.contribute(who, archive(f"lib-{who.account[:8]}"))


def traces(world, *words):
    """The tables in which one of the words stands."""
    told = {name: repr(rows) for name, rows in world.cloud.snapshot().tables.items()}
    return {name for name, text in told.items() if any(word in text for word in words)}


def sizes(world):
    """How many rows each table has."""
    return {name: len(rows) for name, rows in world.cloud.snapshot().tables.items()}


def test_nothing_of_a_deleted_account_is_left(world):
    u1, u2 = world.user("u1"), world.user("u2")
    product = world.product(u2)
    world.teammate(u2, product, "u1")
    foreign, _ = world.claimed(u2)
    for who in (u1, u2):
        furnish(world, who)
    world.cloud.claims.claim(u1, foreign.id, request_transfer=True)
    before = sizes(world)
    world.cloud.accounts.delete(u1, "secret")
    assert traces(world, u1.account, "u1@example.com") <= STAYS
    after = {name: len(rows) for name, rows in world.cloud.snapshot().tables.items()}
    lost = {name: before[name] - after[name] for name in before if before[name] != after[name]}
    one_each = (
        "users",
        "claim_codes",
        "oauth_clients",
        "webhooks",
        "ledger_versions",
        "libraries",
        "library_archives",
        "members",
        "transfers",
    )
    assert lost == dict.fromkeys(one_each, 1) | {"documents": 3, "tokens": 2}, "what others have is there"


def test_who_takes_the_name_of_a_deleted_account_is_a_stranger(world):
    o = world.user("o")
    product = world.product(o)
    organization = world.cloud.products.create_organization(world.cloud.accounts.of(o), "company")
    world.teammate(o, product, "t")
    world.cloud.teams.invite(o, "t@example.com", "Developer", organization=organization.slug)
    world.cloud.accounts.delete(world.user("t"), "secret")
    again = world.user("t")
    assert world.cloud.registry.reachable_products(world.cloud.accounts.of(again)) == []
    with pytest.raises(PermissionDenied):
        world.cloud.products.get(again, product.id)


def test_a_product_goes_on_with_its_team_when_its_owner_leaves(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    hook = world.cloud.webhooks.create(o, {"event": "temp", "url": "http://hook.example/"}, product.id)
    client = world.cloud.clients.create(o, "app", product=product.id)
    world.cloud.accounts.delete(o, "secret")
    assert world.cloud.webhooks.list(t, product.id) == [hook]
    assert world.cloud.clients.list(t, product.id) == [client]
    device = world.member(t, product)
    assert world.standing(device, product) == "member"


def test_a_client_of_a_deleted_account_lets_nobody_in_any_more(world):
    u1 = world.user("u1")
    client = world.cloud.clients.create(u1, "app")
    world.user("u2")
    token = world.cloud.tokens.password_grant(client.id, client.secret, "u2@example.com", "secret")
    world.cloud.accounts.delete(u1, "secret")
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(token.token)


def test_a_published_library_outlives_its_author(world):
    u1 = world.user("u1")
    world.cloud.libraries.contribute(u1, archive("lamp"))
    published = world.cloud.libraries.publish(u1, "lamp")
    world.cloud.accounts.delete(u1, "secret")
    assert world.cloud.libraries.download(published.token) == archive("lamp")


def test_the_sims_of_a_deleted_account_are_released_whatever_the_network_was_asked_to_do(world):
    u1, u2, sims = world.user("u1"), world.user("u2"), world.cloud.sims
    active, waiting, stopped = ICCIDS
    for iccid in ICCIDS:
        sims.make(iccid)
    for iccid in (active, stopped):
        sims.activate(u1, iccid)
    world.pass_time(1000)
    sims.deactivate(u1, stopped)
    world.pass_time(1000)
    sims.activate(u1, waiting)
    world.cloud.accounts.delete(u1, "secret")
    world.pass_time(1000)
    for iccid in ICCIDS:
        sim = sims.by_iccid(iccid)
        assert (sim.status, sim.user_id, sim.pending) == (SimStatus.DEACTIVATED, None, None)
        assert sim.last_status_change_action is SimAction.RELEASE
        assert (sim.first_activated_on is None) is (iccid == waiting), "one was never active"
        assert sims.activate(u2, iccid).user_id == u2.account


@pytest.mark.rule("R68")
def test_who_is_gone_gets_no_device(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    transfer = world.cloud.claims.claim(u2, device.id, request_transfer=True)
    world.cloud.accounts.delete(u2, "secret")
    with pytest.raises(TransferUnknown):
        world.cloud.transfers.accept(u1, transfer.id)
    assert world.owner(device) == "u1@example.com"


def test_a_claim_code_of_a_deleted_account_claims_nothing(world):
    u1 = world.user("u1")
    device, session = world.online()
    code = world.cloud.claim_codes.create(u1).code
    world.cloud.accounts.delete(u1, "secret")
    session.event("spark/device/claim/code", code)
    assert world.now(device).owner is None


@pytest.mark.rule("R68")
def test_a_customer_who_ended_gets_no_device(fleet):
    c = fleet.customer(fleet.o, fleet.p)
    device = fleet.member(fleet.o, fleet.p)
    fleet.cloud.claims.claim(fleet.o, device.id)
    transfer = fleet.cloud.claims.claim(c, device.id, request_transfer=True)
    fleet.cloud.customers.delete(fleet.o, fleet.p.id, "c@customers.example")
    with pytest.raises(TransferUnknown):
        fleet.cloud.transfers.accept(fleet.o, transfer.id)
    assert fleet.owner(device) == "o@example.com"


@pytest.mark.rule("R68")
def test_a_customer_asks_for_devices_of_its_product_only(fleet):
    c, u1 = fleet.customer(fleet.o, fleet.p), fleet.user("u1")
    device, _ = fleet.claimed(u1)
    said = fleet.refusal(lambda: fleet.cloud.claims.claim(c, device.id, request_transfer=True))
    assert said.startswith(DeviceForbidden.__name__)
    inside = fleet.member(fleet.o, fleet.p)
    fleet.cloud.claims.claim(fleet.o, inside.id)
    transfer = fleet.cloud.claims.claim(c, inside.id, request_transfer=True)
    fleet.cloud.transfers.accept(fleet.o, transfer.id)
    assert fleet.owner(inside) == "c@customers.example"


@pytest.mark.rule("R68")
def test_a_customer_asks_no_more_for_a_device_that_left_its_product(fleet):
    c, t = fleet.customer(fleet.o, fleet.p), fleet.teammate(fleet.o, fleet.p)
    device = fleet.member(fleet.o, fleet.p)
    fleet.cloud.claims.claim(fleet.o, device.id)
    fleet.cloud.claims.claim(c, device.id, request_transfer=True)
    colleague = fleet.cloud.claims.claim(t, device.id, request_transfer=True)
    fleet.cloud.members.remove(fleet.o, fleet.p.id, device.id)
    assert fleet.cloud.transfers.of(device.id) == [colleague]
    assert fleet.owner(device) == "o@example.com"
