"""Every "no" of what the cloud keeps for people (documents, ledgers, libraries), and of its gate, in its own words."""

from __future__ import annotations

import pytest

from emulator.cloud.documents import Place

HERE = Place.of_user("u")
LIBRARY_TOKEN = "0" * 40


@pytest.fixture(scope="module")
def town(make_world):
    """People with a product, an organization, a ledger. One for all, as a refusal changes nothing."""
    world = make_world()
    cloud = world.cloud
    world.o = world.user("o")
    cloud.products.create_organization(cloud.accounts.of(world.o), "Makers")
    cloud.teams.invite(world.o, "v@example.com", "View-only", organization="makers")
    world.v = world.user("v")
    made = cloud.teams.create_api_user(world.o, "line", ["devices:list"], organization="makers")
    world.program = cloud.tokens.principal(made.token.token)
    world.p = world.product(world.o)
    world.c = world.customer(world.o, world.p)
    cloud.ledgers.create("ada", HERE, "lamps", "Device", "Upstream", "all lamps")
    return world


KEY = "has upper-case letters, digits and underscores, and does not begin with a digit"
CASES = [
    (
        "document: role",
        lambda w, c: c.documents.place(w.v, "secrets:update", organization="makers"),
        "RoleTooLow: not permitted: role View-only does not include secrets:update",
    ),
    (
        "document: scope",
        lambda w, c: c.documents.place(w.program, "env:get", organization="makers"),
        "ScopeRefused: scope env:get was not granted",
    ),
    (
        "document: a customer",
        lambda w, c: c.documents.place(w.c, "env:get", organization="makers"),
        "OrganizationUnknown: no organization 'makers'",
    ),
    ("gate: a customer", lambda w, c: c.products.get(w.c, w.p.id), "PermissionDenied: not permitted: product product-1"),
    (
        "gate: the product of somebody else's organization",
        lambda w, c: c.events.subscribe(w.o, print, product=w.p.id, organization="makers"),
        "OrganizationUnknown: no organization 'makers'",
    ),
    (
        "variables: many",
        lambda w, c: c.environment.change(w.o, HERE, [("A", "1")] * 51),
        "Invalid: ops=51: must be at most 50",
    ),
    ("variables: name", lambda w, c: c.environment.change(w.o, HERE, [("A", "1"), ("1A", "1")]), f"Invalid: key='1A': {KEY}"),
    (
        "ledger: scope",
        lambda w, c: c.ledgers.create("ada", HERE, "doors", "World", "Upstream", ""),
        "Invalid: scope='World': must be one of Owner, Device, Product",
    ),
    (
        "ledger: direction",
        lambda w, c: c.ledgers.create("ada", HERE, "doors", "Owner", "Sideways", ""),
        "Invalid: direction='Sideways': must be one of Upstream, Downstream",
    ),
    (
        "ledger: name",
        lambda w, c: c.ledgers.create("ada", HERE, "doors/inner", "Owner", "Upstream", ""),
        "Invalid: name='doors/inner': must not hold a slash",
    ),
    ("ledger: instance", lambda w, c: c.ledgers.instance(HERE, "lamps", "x"), "DocumentUnknown: no ledger instance 'lamps/x'"),
    ("ledger: unknown", lambda w, c: c.ledgers.set("ada", HERE, "doors", "x", {}), "DocumentUnknown: no ledger 'doors'"),
    ("library: unknown", lambda w, c: c.libraries.get(w.o, "Lamp"), "LibraryUnknown: no library 'Lamp'"),
    ("library: link", lambda w, c: c.libraries.download(LIBRARY_TOKEN), f"LibraryUnknown: no library '{LIBRARY_TOKEN}'"),
]


@pytest.mark.parametrize(("attempt", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_refusal_says(town, attempt, said):
    assert town.refusal(lambda: attempt(town, town.cloud)) == said
