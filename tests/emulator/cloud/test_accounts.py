"""Accounts: names, passwords, second factors."""

from __future__ import annotations

import base64
import random
from dataclasses import replace

import pytest

from emulator.cloud import otp
from emulator.cloud.accounts import PendingSecret
from emulator.cloud.basics import hash_password, password_fits
from emulator.cloud.errors import (
    DeviceForbidden,
    Invalid,
    InvalidGrant,
    MfaRequired,
    OtpWrong,
    PasswordWrong,
    PermissionDenied,
    TokenInvalid,
    UsernameTaken,
    UserUnknown,
)
from emulator.cloud.records import Owner, OwnerKind, User
from emulator.cloud.settings import CloudSettings, RateLimits


def test_a_password_is_kept_as_a_hash_with_a_salt_of_its_own(world):
    world.user("u1")
    world.user("u2")
    hashes = {user.password_hash for user in world.cloud.core.state.tables["users"]}
    assert len(hashes) == 2
    assert not any("secret" in each for each in hashes)


def test_a_hash_fits_its_password_only_at_whatever_cost():
    for cost in (1, 4):
        hashed = hash_password("secret", b"0123456789abcdef", cost)
        assert hashed.startswith(f"{cost}$")
        assert password_fits("secret", hashed)
        assert not password_fits("Secret", hashed)
    assert not password_fits("", "")
    limits = RateLimits(requests=5)
    for serving, limited in ((CloudSettings.serving(), None), (CloudSettings.serving(rate_limits=limits), limits)):
        assert (serving.password_cost, serving.register_unknown_devices, serving.rate_limits) == (14, True, limited)


def test_a_name_is_an_address_in_lower_case_and_taken_once(world):
    told = {"first_name": "Me", "last_name": "Myself", "company_name": "Us", "business_account": True}
    user = world.cloud.accounts.create(" Me@Example.COM ", "secret", **told)
    assert user == User(user.id, "me@example.com", user.password_hash, world.cloud.core.now(), **told)
    assert world.cloud.accounts.find("ME@example.com") == user
    with pytest.raises(UsernameTaken):
        world.cloud.accounts.create("me@EXAMPLE.com", "other")


def test_an_account_of_which_nothing_is_told_says_nothing(world):
    user = world.cloud.accounts.create("me@example.com", "secret")
    assert user == User(user.id, "me@example.com", user.password_hash, world.cloud.core.now())


def test_a_name_and_a_password_may_be_as_long_as_they_may(world):
    name, password = "x" * 242 + "@example.com", "x" * 1024
    world.cloud.accounts.create(name, password)
    assert world.cloud.accounts.authenticate(name, password).username == name
    with pytest.raises(Invalid):
        world.cloud.accounts.create("x" + name, password)


@pytest.mark.parametrize("wrong", ["", "me", "me@", "@x", "a b@c", "x" * 250 + "@example.com"])
def test_what_is_no_address_is_no_name(world, wrong):
    with pytest.raises(Invalid):
        world.cloud.accounts.create(wrong, "secret")


@pytest.mark.parametrize("wrong", ["", "x" * 1025])
def test_a_password_has_some_length(world, wrong):
    with pytest.raises(Invalid):
        world.cloud.accounts.create("me@example.com", wrong)
    assert world.cloud.accounts.find("me@example.com") is None


def test_authentication_says_which_half_is_wrong(world):
    world.user("u1")
    accounts = world.cloud.accounts
    assert accounts.authenticate("U1@example.com", "secret").username == "u1@example.com"
    with pytest.raises(UserUnknown):
        accounts.authenticate("u2@example.com", "secret")
    with pytest.raises(PasswordWrong):
        accounts.authenticate("u1@example.com", "wrong")


def test_what_is_said_of_the_holder_can_be_changed(world):
    u1 = world.user()
    user = world.cloud.accounts.update(u1, first_name="A", business_account=True)
    user = world.cloud.accounts.update(u1, last_name="B", company_name="C")
    assert (user.first_name, user.last_name, user.company_name, user.business_account) == ("A", "B", "C", True)
    assert world.cloud.accounts.update(u1, business_account=False) == replace(user, business_account=False), "what is not given stays"


def test_a_new_username_needs_the_password_and_keeps_tokens_teams_and_devices(world):
    o, t = world.user("o"), None
    product = world.product(o)
    t = world.teammate(o, product)
    device = world.member(o, product)
    world.cloud.claims.claim(t, device.id)
    with pytest.raises(PasswordWrong):
        world.cloud.accounts.change_username(t, "new@example.com", "wrong")
    with pytest.raises(UsernameTaken):
        world.cloud.accounts.change_username(t, "o@example.com", "secret")
    world.cloud.accounts.change_username(t, "T@example.com", "secret")
    world.cloud.accounts.change_username(t, "New@example.com", "secret")
    assert world.cloud.tokens.principal(t.token).username == "new@example.com"
    assert world.cloud.products.get(t, product.id) == product
    assert world.owner(device) == "new@example.com"


@pytest.mark.parametrize(
    ("role", "invited", "left"), [("Support", "Developer", "Developer"), ("Administrator", "View-only", "Administrator")]
)
def test_a_new_username_that_the_team_knows_already_is_in_it_once(world, role, invited, left):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product, "t", role)
    other = world.product(o)
    world.cloud.teams.invite(o, "new@example.com", invited, product=product.id)
    world.cloud.teams.invite(o, "new@example.com", invited, product=other.id)
    world.cloud.accounts.change_username(t, "new@example.com", "secret")
    _, member = world.cloud.teams.list(o, product=product.id)
    assert (member.username, member.role.title) == ("new@example.com", left)
    assert [each.username for each in world.cloud.teams.list(o, product=other.id)][1:] == ["new@example.com"]


def test_a_new_password_needs_the_old_one(world):
    u1 = world.user()
    with pytest.raises(PasswordWrong):
        world.cloud.accounts.change_password(u1, "wrong", "fresh")
    world.cloud.accounts.change_password(u1, "secret", "fresh")
    assert world.cloud.accounts.authenticate("u1@example.com", "fresh")
    with pytest.raises(PasswordWrong):
        world.cloud.accounts.authenticate("u1@example.com", "secret")


def test_an_account_that_ends_leaves_unclaimed_devices_and_no_tokens(world):
    u1, u2 = world.user("u1"), world.user("u2")
    device, _ = world.claimed(u1)
    other, _ = world.claimed(u2)
    with pytest.raises(PasswordWrong):
        world.cloud.accounts.delete(u1, "wrong")
    world.cloud.accounts.delete(u1, "secret")
    assert world.owner(device) is None
    assert world.cloud.owner_name(Owner(OwnerKind.USER, u1.account)) == ""
    assert world.owner(other) == "u2@example.com"
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(u1.token)
    with pytest.raises(PermissionDenied):
        world.cloud.accounts.of(u1)
    with pytest.raises(DeviceForbidden):
        world.cloud.devices.reach(u1, device.id, "devices:get")


def test_a_password_is_reset_by_mail_once_and_in_time(world):
    world.user("u1")
    reset = world.cloud.accounts
    reset.request_password_reset("nobody@example.com")
    assert world.cloud.mail.all() == []
    reset.request_password_reset("u1@example.com")
    reset.request_password_reset("u1@example.com")
    assert [mail.subject for mail in world.cloud.mail.to("u1@example.com")] == ["password-reset"] * 2
    first, second = (mail["token"] for mail in world.cloud.mail.to("u1@example.com"))
    reset.reset_password(first, "fresh")
    assert reset.authenticate("u1@example.com", "fresh")
    for wrong in (first, "made up"):
        with pytest.raises(Invalid):
            reset.reset_password(wrong, "again")
    world.pass_time(3600)
    with pytest.raises(Invalid):
        reset.reset_password(second, "late")
    assert reset.authenticate("u1@example.com", "fresh")


def test_what_waits_for_its_second_step_is_kept_with_its_purpose_and_its_end(world):
    u1 = world.user()
    accounts, now = world.cloud.accounts, world.cloud.core.now()
    accounts.request_password_reset("u1@example.com")
    reset = world.cloud.mail.to("u1@example.com")[0]["token"]
    offer, challenge = accounts.mfa_begin(u1), accounts.mfa_challenge(accounts.of(u1))
    assert list(world.cloud.core.state.tables["pending_secrets"]) == [
        PendingSecret(reset, u1.account, "reset", now + 3600),
        PendingSecret(offer.mfa_token, u1.account, "enroll", now + 600, offer.secret),
        PendingSecret(challenge, u1.account, "login", now + 600),
    ]


def enroll(world, who):
    offer = world.cloud.accounts.mfa_begin(who)
    world.cloud.accounts.mfa_enable(who, offer.mfa_token, otp.code_at(offer.secret, world.cloud.core.now()))
    return offer.secret


def log_in(world, **more):
    return world.cloud.tokens.password_grant("particle", "particle", "u1@example.com", "secret", **more)


def test_a_second_factor_counts_once_a_right_code_was_seen(world):
    u1, u2 = world.user("u1"), world.user("u2")
    offer = world.cloud.accounts.mfa_begin(u1)
    assert offer.qr_url == f"otpauth://totp/Particle%20%28u1%40example.com%29?secret={offer.secret}"
    with pytest.raises(OtpWrong):
        world.cloud.accounts.mfa_enable(u1, offer.mfa_token, "000000")
    code = otp.code_at(offer.secret, world.cloud.core.now())
    with pytest.raises(Invalid):
        world.cloud.accounts.mfa_enable(u2, offer.mfa_token, code)
    assert not world.cloud.accounts.of(u1).mfa
    assert log_in(world)
    assert world.cloud.accounts.mfa_enable(u1, offer.mfa_token, code).mfa
    with pytest.raises(Invalid):
        world.cloud.accounts.mfa_enable(u1, offer.mfa_token, code)


def test_a_login_with_a_second_factor_takes_two_steps(world):
    u1 = world.user("u1")
    secret = enroll(world, u1)
    with pytest.raises(MfaRequired) as asked:
        log_in(world)
    grant, challenge = world.cloud.tokens.otp_grant, asked.value.mfa_token
    with pytest.raises(InvalidGrant):
        grant("particle", "particle", challenge, "123")
    with pytest.raises(InvalidGrant):
        grant("particle", "particle", "made up", otp.code_at(secret, world.cloud.core.now()))
    token = grant("particle", "particle", challenge, otp.code_at(secret, world.cloud.core.now()))
    assert world.cloud.tokens.principal(token.token).account == u1.account
    with pytest.raises(InvalidGrant):
        grant("particle", "particle", challenge, otp.code_at(secret, world.cloud.core.now()))


def test_the_second_step_must_come_in_time(world):
    secret = enroll(world, world.user("u1"))
    with pytest.raises(MfaRequired) as asked:
        log_in(world)
    world.pass_time(600)
    with pytest.raises(InvalidGrant):
        world.cloud.tokens.otp_grant("particle", "particle", asked.value.mfa_token, otp.code_at(secret, world.cloud.core.now()))


def test_basic_authentication_takes_the_code_along(world):
    secret = enroll(world, world.user("u1"))
    now = world.cloud.core.now()
    assert world.cloud.accounts.authenticate("u1@example.com", "secret", otp.code_at(secret, now))
    with pytest.raises(OtpWrong):
        world.cloud.accounts.authenticate("u1@example.com", "secret", "000000")


def test_the_second_factor_goes_with_the_password(world):
    u1 = world.user("u1")
    enroll(world, u1)
    with pytest.raises(PasswordWrong):
        world.cloud.accounts.mfa_disable(u1, "wrong")
    without = world.cloud.accounts.mfa_disable(u1, "secret")
    assert (without.mfa, without.mfa_secret) == (False, "")
    assert log_in(world)


def test_one_time_passwords_are_those_of_rfc_6238():
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the RFC's "12345678901234567890" in base32
    expected = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}
    assert {when: otp.code_at(secret, when) for when in expected} == expected


def test_the_secret_of_an_authenticator_has_20_bytes():
    secrets = {otp.new_secret(random.Random(seed)) for seed in range(10)}
    assert len(secrets) == 10
    assert {(len(secret), len(base64.b32decode(secret))) for secret in secrets} == {(32, 20)}


def test_a_code_counts_a_step_early_and_a_step_late_and_no_further():
    secret, now = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1_000_000_000.0
    fitting = [skew for skew in range(-90, 91, 30) if otp.fits(secret, otp.code_at(secret, now + skew), now)]
    assert fitting == [-30, 0, 30]
    assert otp.fits(secret, otp.code_at(secret, 59.5), 59.5)
    assert not otp.fits("", "000000", now)
    assert not otp.fits("not base32!", "000000", now)
    assert not otp.fits(secret, "ünsinn", now)
