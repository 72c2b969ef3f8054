"""The gate: who has a part in a product or an organization, and who has none."""

from __future__ import annotations

import pytest

from emulator.cloud.errors import OrganizationUnknown


@pytest.fixture
def town(world):
    """`world` with `o`, who owns two organizations with a product in each, and one of her own."""
    world.o = world.user("o")
    owner = world.cloud.accounts.of(world.o)
    world.first, world.second = (world.cloud.products.create_organization(owner, name) for name in ("first", "second"))
    world.its, world.others = (world.product(world.o, organization=each.slug) for each in (world.first, world.second))
    world.own = world.product(world.o)
    return world


def test_a_program_of_an_organization_works_in_its_products_and_no_others(town):
    made = town.cloud.teams.create_api_user(town.o, "line", ["devices:list"], organization=town.first.slug)
    program = town.cloud.tokens.principal(made.token.token)
    assert [town.cloud.access.may(program, product, "devices:list") for product in (town.its, town.others, town.own)] == [
        True,
        False,
        False,
    ]


def test_whoever_deleted_the_account_has_no_part_in_anything_any_more(town):
    gate = town.cloud.access
    mate = town.teammate(town.o, town.own)
    town.cloud.teams.invite(town.o, "t@example.com", organization=town.first.slug)
    assert gate.may(mate, town.own, "devices:list")
    assert gate.in_team(mate.account, town.own)
    assert gate.organization(mate, "first", "devices:list") == town.first
    town.cloud.accounts.delete(mate, "secret")
    assert not gate.may(mate, town.own, "devices:list")
    assert not gate.in_team(mate.account, town.own)
    with pytest.raises(OrganizationUnknown) as refused:
        gate.organization(mate, "first", "devices:list")
    assert str(refused.value) == "no organization 'first'"
