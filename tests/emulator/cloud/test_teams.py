"""Teams, roles, API users, organizations."""

from __future__ import annotations

import pytest

from emulator.cloud import Kind, otp
from emulator.cloud.access import SCOPES, Principal, Role, is_scope, role_has
from emulator.cloud.errors import (
    Conflict,
    Invalid,
    MemberUnknown,
    OrganizationUnknown,
    OwnerStays,
    PermissionDenied,
    RoleTooLow,
    ScopeRefused,
    TokenInvalid,
)
from emulator.cloud.records import Plan


def test_roles_are_a_ladder():
    for scope in SCOPES:
        allowed = [role_has(role, scope) for role in Role]
        assert allowed == sorted(allowed)
        assert allowed[-1]


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.VIEW_ONLY, "devices:list events:get", "devices:ping devices.function:call sims:update"),
        (Role.SUPPORT, "devices:ping devices.function:call devices.variable:get sims:update", "devices:import devices:update events:send"),
        (
            Role.DEVELOPER,
            (
                "devices:import devices:remove devices:release devices:update firmware:create firmware:release groups:create "
                "integrations:create clients:create customers:create sims:import sims:remove events:send"
            ),
            "teams.users:invite products:update",
        ),
        (Role.ADMINISTRATOR, "teams.users:invite teams.users:remove products:update", "products:remove"),
        (Role.OWNER, "products:remove", ""),
    ],
)
def test_what_each_role_may_do_and_what_not(role, may, may_not):
    assert all(role_has(role, scope) for scope in may.split())
    assert not any(role_has(role, scope) for scope in may_not.split())


def test_a_scope_that_there_is_not_is_nobodys_but_the_owners():
    assert not role_has(Role.ADMINISTRATOR, "nothing:nothing")


def test_stars_cover_scopes():
    def allows(*scopes):
        who = Principal(Kind.API_USER, "x", "x", scopes=frozenset(scopes))
        return [who.allows(each) for each in ("devices:list", "devices.function:call", "sims:list")]

    assert allows("devices:list") == [True, False, False]
    assert allows("devices:*") == [True, False, False]
    assert allows("*:*") == [True, True, True]
    assert allows() == [False, False, False]
    assert [is_scope(each) for each in ("devices:list", "devices:*", "*:*", "devices:dance", "dance:*", "")] == [True] * 3 + [False] * 3


def test_roles_by_name():
    assert Role.named("view-only") is Role.named("View only") is Role.named("VIEW_ONLY") is Role.VIEW_ONLY
    assert Role.named("Administrator") is Role.ADMINISTRATOR
    assert Role.named("owner") is None


def test_a_team_is_listed_with_its_owner_first(world):
    o = world.user("o")
    product = world.product(o)
    world.teammate(o, product, "a", "Support")
    world.cloud.teams.invite(o, "nobody@example.com", "View-only", product=product.id)
    made = world.cloud.teams.create_api_user(o, "Line 1", ["devices:import"], product=product.id)
    lines = world.cloud.teams.list(o, product=product.id)
    assert [(line.username, line.role) for line in lines[:3]] == [
        ("o@example.com", Role.OWNER),
        ("a@example.com", Role.SUPPORT),
        ("nobody@example.com", Role.VIEW_ONLY),
    ]
    program = lines[3]
    assert (program.programmatic, program.friendly_name, program.scopes) == (True, "Line 1", frozenset({"devices:import"}))
    assert program.username == made.member.username
    assert program.username.startswith("line-1+")
    assert program.username.endswith("@api.particle.io")


def test_a_teams_list_tells_who_has_no_second_factor(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    program = world.cloud.teams.create_api_user(o, "line", ["devices:list"], product=product.id).member
    world.cloud.teams.invite(o, "nobody@example.com", product=product.id)
    offer = world.cloud.accounts.mfa_begin(t)
    world.cloud.accounts.mfa_enable(t, offer.mfa_token, otp.code_at(offer.secret, world.cloud.core.now()))
    lines = world.cloud.teams.list(o, product=product.id)
    assert [line.no_mfa for line in lines] == [True, False, True, True]
    offer = world.cloud.accounts.mfa_begin(o)
    world.cloud.accounts.mfa_enable(o, offer.mfa_token, otp.code_at(offer.secret, world.cloud.core.now()))
    assert not world.cloud.teams.list(o, product=product.id)[0].no_mfa
    members = {member.username: member.id for member in world.cloud.core.state.tables["members"]}
    assert [line.id for line in lines] == [o.account, members["t@example.com"], program.id, members["nobody@example.com"]]
    world.cloud.accounts.delete(o, "secret")
    assert world.cloud.teams.list(t, product=product.id)[0].username == "t@example.com", "the owner is gone"


def test_an_invitation_is_mailed_and_a_second_one_changes_the_role(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product, "t", "Support")
    (mail,) = world.cloud.mail.to("t@example.com")
    assert (mail.subject, mail["team"], mail["role"]) == ("team-invitation", product.slug, "Support")
    with pytest.raises(RoleTooLow):
        world.cloud.groups.create(t, product.id, "a")
    world.cloud.teams.invite(o, "T@example.com", "Developer", product=product.id)
    world.cloud.groups.create(t, product.id, "a")
    assert len(world.cloud.mail.to("t@example.com")) == 1


def test_whoever_is_invited_before_signing_up_is_in_the_team_afterwards(world):
    o = world.user("o")
    product = world.product(o)
    world.cloud.teams.invite(o, "later@example.com", product=product.id)
    assert world.cloud.products.list(world.user("later")) == [product]


def test_who_is_removed_is_out_at_once(world):
    o = world.user("o")
    product = world.product(o)
    t = world.teammate(o, product)
    world.cloud.teams.remove(o, "T@example.com", product=product.id)
    with pytest.raises(PermissionDenied):
        world.cloud.products.get(t, product.id)
    with pytest.raises(MemberUnknown):
        world.cloud.teams.remove(o, "t@example.com", product=product.id)
    with pytest.raises(OwnerStays):
        world.cloud.teams.remove(o, "O@example.com", product=product.id)
    with pytest.raises(OwnerStays):
        world.cloud.teams.invite(o, "o@example.com", product=product.id)


def test_only_administrators_change_the_team(world):
    o = world.user("o")
    product = world.product(o)
    developer, admin = world.teammate(o, product, "d"), world.teammate(o, product, "a", "Administrator")
    with pytest.raises(RoleTooLow):
        world.cloud.teams.invite(developer, "x@example.com", product=product.id)
    with pytest.raises(RoleTooLow):
        world.cloud.products.update(developer, product.id, quarantine=False)
    world.cloud.teams.invite(admin, "x@example.com", product=product.id)
    assert not world.cloud.products.update(admin, product.id, quarantine=False).quarantine
    for wrong in (
        {"username": "x", "role": "Developer"},
        {"username": "x@example.com", "role": "King"},
        {"username": "x@y", "role": "Owner"},
    ):
        with pytest.raises(Invalid):
            world.cloud.teams.invite(o, **wrong, product=product.id)


def test_an_api_user_does_what_its_scopes_say_until_they_change(world):
    o = world.user("o")
    product, other = world.product(o), world.product(o)
    device = world.member(o, product)
    made = world.cloud.teams.create_api_user(o, "line", ["devices:list", "devices:get"], product=product.id)
    who = world.cloud.tokens.principal(made.token.token)
    assert (who.kind, who.username, who.client_id) == (Kind.API_USER, made.member.username, "api-user")
    assert (made.token.expires_at, made.token.refresh_token, made.token.refresh_expires_at) == (None, None, None)
    assert world.listed(who, product) == [device.id]
    assert world.cloud.devices.list(who) == [device]
    assert world.cloud.devices.reach(who, device.id, "devices:get") == device
    with pytest.raises(ScopeRefused):
        world.cloud.devices.reach(who, device.id, "devices:update")
    with pytest.raises(ScopeRefused):
        world.cloud.members.remove(who, product.id, device.id)
    with pytest.raises(PermissionDenied):
        world.listed(who, other)
    changed = world.cloud.teams.set_scopes(o, made.member.username, ["devices:remove"], product=product.id)
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(who.token)
    who = world.cloud.tokens.principal(changed.token.token)
    with pytest.raises(ScopeRefused):
        world.cloud.devices.list(who)
    world.cloud.members.remove(who, product.id, device.id)
    rotated = world.cloud.teams.rotate(o, made.member.username, product=product.id)
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(who.token)
    world.cloud.teams.remove(o, made.member.username, product=product.id)
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(rotated.token.token)


def test_an_api_user_must_make_sense(world):
    o = world.user("o")
    product = world.product(o)
    world.teammate(o, product)
    create = world.cloud.teams.create_api_user
    for name, scopes in ((" ", ["devices:list"]), ("x", []), ("x", ["devices:dance"])):
        with pytest.raises(Invalid):
            create(o, name, scopes, product=product.id)
    for username in ("t@example.com", "nobody@api.particle.io"):
        with pytest.raises(MemberUnknown):
            world.cloud.teams.rotate(o, username, product=product.id)
        with pytest.raises(MemberUnknown):
            world.cloud.teams.set_scopes(o, username, ["devices:list"], product=product.id)
    with pytest.raises(ValueError, match=r"^a team belongs to a product or an organization$"):
        create(o, "x", ["devices:list"])


def test_an_organization_owns_products_and_its_people_are_in_all_of_them(world):
    o, t, stranger = world.user("o"), world.user("t"), world.user("stranger")
    company = world.cloud.products.create_organization(world.cloud.accounts.of(o), "Big Co", Plan.BASIC)
    with pytest.raises(Conflict):
        world.cloud.products.create_organization(world.cloud.accounts.of(o), "big co")
    product = world.product(o, organization="big-co")
    own = world.product(o)
    assert (product.plan, product.organization_id, own.plan) == (Plan.BASIC, company.id, Plan.FREE)
    world.cloud.teams.invite(o, "t@example.com", "Developer", organization=company.id)
    assert world.cloud.products.get(t, product.slug) == product
    assert world.cloud.products.list(t) == [product]
    assert world.cloud.products.list(t, "big-co") == [product]
    assert world.cloud.products.list(o) == [product, own]
    assert world.cloud.registry.sandbox_products(o.account) == [own]
    assert [each.slug for each in world.cloud.products.organizations(t)] == ["big-co"]
    assert world.cloud.products.organizations(stranger) == []
    with pytest.raises(PermissionDenied):
        world.cloud.products.get(t, own.id)
    with pytest.raises(RoleTooLow):
        world.product(t, organization="big-co")
    for call in (
        lambda: world.cloud.products.list(stranger, "big-co"),
        lambda: world.cloud.products.list(o, "no-such-co"),
        lambda: world.cloud.teams.list(stranger, organization="big-co"),
    ):
        with pytest.raises(OrganizationUnknown):
            call()
    assert [line.username for line in world.cloud.teams.list(t, organization="big-co")] == ["o@example.com", "t@example.com"]


def test_an_organizations_api_user_acts_in_its_products(world):
    o = world.user("o")
    world.cloud.products.create_organization(world.cloud.accounts.of(o), "Big Co")
    product, own = world.product(o, organization="big-co"), world.product(o)
    made = world.cloud.teams.create_api_user(o, "line", ["devices:list", "products:list"], organization="big-co")
    who = world.cloud.tokens.principal(made.token.token)
    assert world.listed(who, product) == []
    assert world.cloud.products.list(who, "big-co") == [product]
    with pytest.raises(ScopeRefused):
        world.cloud.teams.list(who, organization="big-co")
    changed = world.cloud.teams.set_scopes(o, made.member.username, ["teams.users:list"], organization="big-co")
    assert world.cloud.teams.list(world.cloud.tokens.principal(changed.token.token), organization="big-co")
    with pytest.raises(PermissionDenied):
        world.listed(who, own)
    rotated = world.cloud.teams.rotate(o, made.member.username, organization="big-co")
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(changed.token.token)
    world.cloud.teams.remove(o, made.member.username, organization="big-co")
    with pytest.raises(TokenInvalid):
        world.cloud.tokens.principal(rotated.token.token)


@pytest.mark.parametrize(("friendly", "stem"), [("(Line 1)", "line-1"), ("!?", "api"), (" LINE -- Zwei ", "line-zwei")])
def test_an_api_user_is_called_after_its_friendly_name(world, friendly, stem):
    o = world.user("o")
    made = world.cloud.teams.create_api_user(o, friendly, ["devices:list"], product=world.product(o).id)
    name, _, domain = made.member.username.partition("+")
    assert (name, domain[10:], made.member.friendly_name) == (stem, "@api.particle.io", friendly.strip())


def test_organizations_and_their_products_are_listed_in_order(world):
    o = world.user("o")
    for name in ("Zett", "Acme", "Mitte"):
        world.cloud.products.create_organization(world.cloud.accounts.of(o), name)
    assert [each.name for each in world.cloud.products.organizations(o)] == ["Acme", "Mitte", "Zett"]
    numbers = [world.product(o, organization="acme", product_id=number).id for number in (3000, 1000, 2000)]
    assert [each.id for each in world.cloud.products.list(o, "acme")] == sorted(numbers)
    with pytest.raises(Conflict) as refused:
        world.cloud.products.create_organization(world.cloud.accounts.of(o), "ACME")
    assert (refused.value.what, str(refused.value)) == ("ACME", "organization 'ACME' exists")
