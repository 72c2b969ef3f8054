"""Tokens and OAuth clients."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from emulator.cloud import CloudSettings, Kind, Storage, otp
from emulator.cloud.customers import Customer
from emulator.cloud.errors import (
    ClientUnknown,
    Invalid,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    PermissionDenied,
    ScopeRefused,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    UnauthorizedClient,
)
from emulator.cloud.records import ClientType, OAuthClient

DAY = 86_400.0


def log_in(world, client="particle", secret="particle", **more):
    world.cloud.accounts.find("u1@example.com") or world.cloud.accounts.create("u1@example.com", "secret")
    return world.cloud.tokens.password_grant(client, secret, "U1@Example.com", "secret", **more)


@pytest.mark.parametrize("client", ["particle", "particle-api", "particle-cli"])
def test_programs_log_in_with_the_client_they_carry(world, client):
    token = log_in(world, client, client)
    who = world.cloud.tokens.principal(token.token)
    assert (who.kind, who.username, who.client_id) == (Kind.USER, "u1@example.com", client)
    now = world.cloud.core.now()
    assert (token.username, token.created_at, token.refresh_expires_at) == ("u1@example.com", now, now + 14 * DAY)
    assert len(token.token) == len(token.refresh_token) == 40


def test_a_client_that_is_known_from_the_start_stays_as_it_was_first(make_world, tmp_path):
    for secret in ("first", "second"):
        world = make_world(CloudSettings(known_clients=(("tool", secret),)), Storage(tmp_path / "s.db"))
        assert world.cloud.clients.by_id("tool") == OAuthClient("tool", "first", "tool")
        world.cloud.close()


def test_another_client_is_refused(world):
    for pair in (("particle", "wrong"), ("nobody", "particle"), (None, None), ("particle", None)):
        with pytest.raises(InvalidClient):
            log_in(world, *pair)


def test_wrong_or_missing_credentials(world):
    world.user("u1")
    grant = world.cloud.tokens.password_grant
    for username, password in (("u1@example.com", "wrong"), ("nobody@example.com", "secret")):
        with pytest.raises(InvalidGrant, match="User credentials are invalid"):
            grant("particle", "particle", username, password)
    for username, password in ((None, "secret"), ("u1@example.com", None), ("", "")):
        with pytest.raises(InvalidRequest):
            grant("particle", "particle", username, password)
    with pytest.raises(InvalidRequest):
        log_in(world, expires_in=-1)


def test_a_token_lives_ninety_days_unless_told(world):
    tokens = world.cloud.tokens
    usual, short, for_ever = log_in(world), log_in(world, expires_in=60), log_in(world, expires_in=0)
    until = log_in(world, expires_at=world.cloud.core.now() + 120)
    assert usual.expires_at == world.cloud.core.now() + 90 * DAY
    assert for_ever.expires_at is None
    world.pass_time(59)
    tokens.principal(short.token)
    world.pass_time(1)
    with pytest.raises(TokenExpired):
        tokens.principal(short.token)
    tokens.principal(until.token)
    world.pass_time(60)
    with pytest.raises(TokenExpired):
        tokens.principal(until.token)
    world.pass_time(90 * DAY)
    with pytest.raises(TokenExpired):
        tokens.principal(usual.token)
    assert tokens.principal(for_ever.token).username == "u1@example.com"


def test_a_caller_is_named_without_its_token(app):
    assert str(app.o) == "user o@example.com"
    assert str(app.customer(app.o, app.p)) == f"customer c@customers.example of product {app.p.id}"


def test_no_token_and_a_wrong_token(world):
    for nothing in (None, ""):
        with pytest.raises(TokenMissing):
            world.cloud.tokens.principal(nothing)
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal("0" * 40)


def test_tokens_are_listed_newest_first_and_revoked_one_by_one_or_all(world):
    made = [log_in(world) for _ in range(3)]
    user = world.cloud.accounts.find("u1@example.com")
    tokens = world.cloud.tokens
    assert tokens.list(user) == made[::-1]
    tokens.revoke(made[1].token)
    tokens.revoke(made[1].token)
    assert tokens.list(user) == [made[2], made[0]]
    tokens.revoke_account(user.id, keep=made[0].token)
    assert tokens.list(user) == [made[0]]
    tokens.revoke_all(tokens.principal(made[0].token))
    assert tokens.list(user) == []


@pytest.fixture
def app(world):
    """`world` with a product of `o` and two clients of it: `full` and `signup`."""
    world.o = world.user("o")
    world.p = world.product(world.o)
    world.full = world.cloud.clients.create(world.o, "My App", "web", redirect_uri="https://x.example", product=world.p.id)
    world.signup = world.cloud.clients.create(world.o, "sign-up", scope="customers:create", product=world.p.id)
    return world


def test_a_products_client_gives_a_token_that_acts_as_the_product(app):
    token = app.cloud.tokens.client_grant(app.full.id, app.full.secret)
    who = app.cloud.tokens.principal(token.token)
    assert (who.kind, who.product_id, token.refresh_token, token.refresh_expires_at) == (Kind.PRODUCT, app.p.id, None, None)
    device = app.member(app.o, app.p)
    assert [each.id for each in app.cloud.devices.list(who)] == [device.id]
    assert app.cloud.devices.reach(who, device.id, "devices:get").id == device.id
    other = app.product(app.o)
    with pytest.raises(PermissionDenied):
        app.cloud.products.get(who, other.id)
    with pytest.raises(PermissionDenied):
        app.cloud.products.create(who, "another", 6)


def test_every_grant_gives_a_token_as_long_a_life_as_it_was_asked_for(app):
    cloud, client = app.cloud, (app.full.id, app.full.secret)
    cloud.customers.create(*client, app.p.id, "c@customers.example", "secret")
    user = app.cloud.accounts.of(app.o)
    offer = cloud.accounts.mfa_begin(app.o)
    now = cloud.core.now()
    cloud.accounts.mfa_enable(app.o, offer.mfa_token, otp.code_at(offer.secret, now))

    def second_step(**life):
        challenge = cloud.accounts.mfa_challenge(user)
        return cloud.tokens.otp_grant("particle", "particle", challenge, otp.code_at(offer.secret, now), **life)

    grants = [
        second_step,
        lambda **life: cloud.tokens.password_grant(*client, "c@customers.example", "secret", **life),
        lambda **life: cloud.tokens.client_grant(*client, **life),
        lambda **life: cloud.tokens.client_grant(*client, customer="c@customers.example", **life),
    ]
    for grant in grants:
        assert grant().expires_at == now + 90 * DAY
        assert grant(expires_in=60).expires_at == now + 60
        assert grant(expires_in=0).expires_at is None
        assert grant(expires_at=now + 5).expires_at == now + 5


def test_a_products_token_tells_the_client_it_was_made_with(app):
    token = app.cloud.tokens.client_grant(app.signup.id, app.signup.secret)
    assert (token.account, token.username, token.client_id) == (app.signup.id, "sign-up", app.signup.id)
    assert (token.created_at, token.scopes) == (app.cloud.core.now(), frozenset({"customers:create"}))


def test_a_client_for_signing_up_does_that_and_no_more(app):
    who = app.cloud.tokens.principal(app.cloud.tokens.client_grant(app.signup.id, app.signup.secret).token)
    device = app.member(app.o, app.p)
    with pytest.raises(ScopeRefused):
        app.cloud.fleet.list(who, app.p.id)
    with pytest.raises(ScopeRefused):
        app.cloud.devices.list(who)
    with pytest.raises(UnauthorizedClient):
        app.cloud.customers.create_as(app.o, app.p.id, "d@customers.example")
    assert app.cloud.customers.create_as(who, app.p.id, "c@customers.example").kind is Kind.CUSTOMER
    app.cloud.customers.create_as(who, app.p.id, "d@customers.example", "secret")
    assert app.cloud.tokens.password_grant(app.full.id, app.full.secret, "d@customers.example", "secret").kind is Kind.CUSTOMER
    assert app.owner(device) is None


def test_a_customer_without_a_password_is_kept_without_one_and_logged_in(app):
    now = app.cloud.core.now()
    token = app.cloud.customers.create(app.full.id, app.full.secret, app.p.id, "C@customers.example")
    assert (token.username, token.client_id, token.expires_at) == ("c@customers.example", app.full.id, now + 90 * DAY)
    assert app.cloud.customers.list(app.o, app.p.id) == [Customer(token.account, app.p.id, "c@customers.example", now)]


def test_client_credentials_are_for_clients_of_products(app):
    mine = app.cloud.clients.create(app.o, "mine")
    for client in (("particle", "particle"), (mine.id, mine.secret)):
        with pytest.raises(UnauthorizedClient):
            app.cloud.tokens.client_grant(*client)


def test_a_renewed_pair_may_do_no_more_than_the_old_one(app):
    app.cloud.customers.create(app.full.id, app.full.secret, app.p.id, "c@customers.example", "secret")
    first = app.cloud.tokens.password_grant(app.full.id, app.full.secret, "c@customers.example", "secret")
    narrow = replace(first, scopes=frozenset({"devices:get"}))
    with app.cloud.core.state.change():
        app.cloud.core.state.tables["tokens"].put(narrow)
    assert app.cloud.tokens.refresh_grant(app.full.id, app.full.secret, narrow.refresh_token).scopes == narrow.scopes


def test_a_pair_of_a_products_client_is_renewed_once_within_its_life(app):
    app.cloud.customers.create(app.full.id, app.full.secret, app.p.id, "c@customers.example", "secret")
    tokens = app.cloud.tokens
    first = tokens.password_grant(app.full.id, app.full.secret, "c@customers.example", "secret", expires_in=60)
    app.pass_time(DAY)
    second = tokens.refresh_grant(app.full.id, app.full.secret, first.refresh_token)
    now = app.cloud.core.now()
    new = {"token": second.token, "refresh_token": second.refresh_token, "serial": first.serial + 1, "created_at": now}
    assert second == replace(first, **new, expires_at=now + 90 * DAY, refresh_expires_at=now + 14 * DAY)
    assert tokens.principal(second.token).account == first.account
    with pytest.raises(TokenInvalid):
        tokens.principal(first.token)
    for wrong in (first.refresh_token, "made up"):
        with pytest.raises(InvalidGrant):
            tokens.refresh_grant(app.full.id, app.full.secret, wrong)
    with pytest.raises(InvalidRequest):
        tokens.refresh_grant(app.full.id, app.full.secret, None)
    with pytest.raises(InvalidGrant):
        tokens.refresh_grant(app.signup.id, app.signup.secret, second.refresh_token)
    app.pass_time(14 * DAY)
    with pytest.raises(InvalidGrant, match="expired"):
        tokens.refresh_grant(app.full.id, app.full.secret, second.refresh_token)


def test_a_developers_own_login_is_not_renewed(world):
    token = log_in(world)
    with pytest.raises(InvalidGrant):
        world.cloud.tokens.refresh_grant("particle", "particle", token.refresh_token)


def test_clients_are_listed_changed_and_ended_where_they_belong(app):
    clients = app.cloud.clients
    mine = clients.create(app.o, "mine")
    assert (mine.type, mine.scope, mine.product_id) == (ClientType.INSTALLED, "*:*", None)
    assert (app.full.type, app.full.redirect_uri, app.full.id.startswith("my-app-")) == (ClientType.WEB, "https://x.example", True)
    assert clients.list(app.o) == [mine]
    assert clients.list(app.o, app.p.id) == [app.full, app.signup]
    changed = clients.update(app.o, app.full.id, name="Renamed", product=app.p.id)
    assert (changed.name, changed.scope, changed.secret) == ("Renamed", "*:*", app.full.secret)
    assert clients.update(app.o, app.full.id, scope="customers:create", product=app.p.id).scope == "customers:create"
    for call in (
        lambda: clients.update(app.o, mine.id, product=app.p.id),
        lambda: clients.delete(app.o, app.full.id),
        lambda: clients.delete(app.user("stranger"), mine.id),
        lambda: clients.delete(app.o, "particle"),
    ):
        with pytest.raises(ClientUnknown):
            call()
    token = log_in(app, mine.id, mine.secret)
    clients.delete(app.o, mine.id)
    assert clients.list(app.o) == []
    with pytest.raises(TokenInvalid):
        app.cloud.tokens.principal(token.token)


def test_a_clients_id_is_made_of_its_name(app):
    client = app.cloud.clients.create(app.o, "My näme's " + "x" * 50)
    assert re.fullmatch("my-n-me-s-x{30}-[0-9a-f]{4}", client.id)


def test_a_client_must_make_sense(app):
    for wrong in ({"name": ""}, {"name": "x", "kind": "desktop"}, {"name": "x", "kind": "web"}, {"name": "x", "scope": "devices:list"}):
        with pytest.raises(Invalid):
            app.cloud.clients.create(app.o, **wrong)
    with pytest.raises(Invalid):
        app.cloud.clients.update(app.o, app.full.id, scope="nothing", product=app.p.id)
    with pytest.raises(ScopeRefused):
        app.cloud.clients.create(app.api_user(app.o, app.p, "clients:list"), "x")
