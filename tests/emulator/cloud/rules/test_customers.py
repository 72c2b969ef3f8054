"""R139-R142: end users of a product, who are optional."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import (
    CustomerExists,
    CustomerUnknown,
    DeviceForbidden,
    InvalidGrant,
    PermissionDenied,
    TokenInvalid,
    UnauthorizedClient,
)


@pytest.fixture
def shop(world):
    """`world` with a product of `o`, a customer `c` who owns the connected `device`, and another device."""
    world.o = world.user("o")
    world.p = world.product(world.o)
    world.c = world.customer(world.o, world.p)
    world.own = world.member(world.o, world.p)
    world.session = world.connect(world.own, functions={"led": len}, variables={"t": 1})
    world.cloud.claims.claim(world.c, world.own.id)
    world.other = world.member(world.o, world.p)
    world.connect(world.other, functions={"led": len})
    return world


@pytest.mark.rule("R139")
def test_a_product_works_without_customers(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.connect(device, functions={"led": len})
    assert world.cloud.customers.list(o, product.id) == []
    assert world.wait(world.cloud.operations.call(o, device.id, "led", "x", product=product.id)).value == 1


@pytest.mark.rule("R139")
def test_a_customer_sees_own_devices_only(shop):
    assert [device.id for device in shop.cloud.devices.list(shop.c)] == [shop.own.id]
    with pytest.raises(DeviceForbidden):
        shop.cloud.devices.reach(shop.c, shop.other.id, "devices:get")


@pytest.mark.rule("R140")
def test_the_claim_code_of_a_customer_comes_from_its_product(shop):
    with pytest.raises(PermissionDenied):
        shop.cloud.claim_codes.create(shop.c)
    other = shop.product(shop.o)
    with pytest.raises(PermissionDenied):
        shop.cloud.claim_codes.create(shop.c, product=other.id)
    with pytest.raises(PermissionDenied):
        shop.cloud.claim_codes.create(shop.o, product=shop.p.id)
    assert shop.cloud.claim_codes.create(shop.c, product=shop.p.slug).device_ids == (shop.own.id,)


@pytest.mark.rule("R141")
def test_no_other_rule_needs_customers(world):
    o = world.user("o")
    product = world.product(o)
    device = world.member(o, product)
    world.cloud.claims.claim(o, device.id)
    world.cloud.claims.release(o, product.id, device.id)
    world.cloud.members.remove(o, product.id, device.id)
    assert world.cloud.core.state.tables["customers"].rows() == {}


@pytest.mark.rule("R142")
def test_a_customer_uses_own_devices(shop):
    heard = shop.hear(shop.c)
    assert shop.wait(shop.cloud.operations.call(shop.c, shop.own.id, "led", "on")).value == 2
    assert shop.wait(shop.cloud.operations.read(shop.c, shop.own.id, "t")).value == 1
    shop.session.event("temp", "20")
    assert ("temp", "20") in heard


@pytest.mark.rule("R142")
def test_a_customer_neither_flashes_nor_enters_the_product(shop):
    with pytest.raises(PermissionDenied):
        shop.cloud.operations.flash(shop.c, shop.own.id, shop.image(shop.p, 1))
    product = shop.p.id
    for entry in (
        lambda: shop.cloud.products.get(shop.c, product),
        lambda: shop.cloud.fleet.list(shop.c, product),
        lambda: shop.cloud.members.add(shop.c, product, [shop.other.id]),
        lambda: shop.cloud.claims.release(shop.c, product, shop.own.id),
        lambda: shop.cloud.operations.call(shop.c, shop.own.id, "led", product=product),
        lambda: shop.cloud.events.subscribe(shop.c, lambda event: None, product=product),
        lambda: shop.cloud.customers.list(shop.c, product),
        lambda: shop.cloud.products.create(shop.c, "mine", 6),
    ):
        with pytest.raises(PermissionDenied):
            entry()
    assert shop.session.flashed == []


@pytest.mark.rule("R142")
def test_a_customers_tokens_come_from_clients_of_its_product(shop):
    client = shop.cloud.clients.create(shop.o, "app", product=shop.p.id)
    other = shop.product(shop.o)
    stranger = shop.cloud.clients.create(shop.o, "other app", product=other.id)
    grant = shop.cloud.tokens.password_grant
    token = grant(client.id, client.secret, "C@customers.example", "secret")
    assert shop.cloud.tokens.principal(token.token).account == shop.c.account
    for wrong in ((stranger.id, stranger.secret), ("particle", "particle")):
        with pytest.raises(InvalidGrant):
            grant(*wrong, "c@customers.example", "secret")
    scoped = shop.cloud.tokens.client_grant(client.id, client.secret, customer="c@customers.example")
    assert shop.cloud.tokens.principal(scoped.token).account == shop.c.account
    with pytest.raises(InvalidGrant):
        shop.cloud.tokens.client_grant(client.id, client.secret, customer="nobody@customers.example")
    with pytest.raises(UnauthorizedClient):
        shop.cloud.customers.create(stranger.id, stranger.secret, shop.p.id, "d@customers.example", "x")
    signup = shop.cloud.clients.create(shop.o, "sign-up", scope="customers:create", product=shop.p.id)
    with pytest.raises(UnauthorizedClient):
        shop.cloud.tokens.client_grant(signup.id, signup.secret, customer="c@customers.example")
    assert shop.cloud.customers.create(signup.id, signup.secret, shop.p.id, "d@customers.example").product_id == shop.p.id
    with pytest.raises(CustomerExists):
        shop.cloud.customers.create(signup.id, signup.secret, shop.p.id, "D@customers.example")
    with pytest.raises(InvalidGrant):
        grant(client.id, client.secret, "d@customers.example", "x")


@pytest.mark.rule("R142")
def test_a_customers_new_password_ends_its_tokens(shop):
    shop.cloud.customers.reset_password(shop.o, shop.p.id, "c@customers.example", "fresh")
    with pytest.raises(TokenInvalid):
        shop.cloud.tokens.principal(shop.c.token)
    client = shop.cloud.clients.create(shop.o, "app", product=shop.p.id)
    assert shop.cloud.tokens.password_grant(client.id, client.secret, "c@customers.example", "fresh").account == shop.c.account


@pytest.mark.rule("R142")
def test_a_customer_who_goes_takes_claims_codes_and_tokens_along(shop):
    code = shop.cloud.claim_codes.create(shop.c, product=shop.p.id).code
    shop.cloud.customers.delete(shop.o, shop.p.id, "c@customers.example")
    assert shop.owner(shop.own) is None
    assert shop.standing(shop.own, shop.p) == "member"
    with pytest.raises(TokenInvalid):
        shop.cloud.tokens.principal(shop.c.token)
    shop.session.event("spark/device/claim/code", code)
    assert shop.owner(shop.own) is None
    with pytest.raises(CustomerUnknown):
        shop.cloud.customers.delete(shop.o, shop.p.id, "c@customers.example")
