"""What an agreement says as a whole, and which devices its plan counts."""

from __future__ import annotations

import pytest

from emulator.cloud import CloudSettings
from emulator.cloud.agreements import GRACE, Agreement, DeviceCount
from emulator.cloud.basics import month_of
from emulator.cloud.errors import PermissionDenied
from emulator.cloud.records import Plan

ARGON, BORON, TRACKER = 12, 13, 26


def sorts(wifi=(0, 0), cellular=(0, 0), asset_tracker=(0, 0)):
    return {"wifi": DeviceCount(*wifi), "cellular": DeviceCount(*cellular), "asset_tracker": DeviceCount(*asset_tracker)}


@pytest.fixture
def company(world):
    """`world` with a user `o` whose company has nothing yet, a day after both came to be."""
    world.o = world.user("o")
    world.began = world.cloud.core.now()
    world.company = world.cloud.products.create_organization(world.cloud.accounts.of(world.o), "Makers", Plan.GROWTH)
    world.pass_time(86_400)
    return world


def test_the_free_plan_counts_own_devices_and_members_of_free_products(company):
    o, agreements = company.o, company.cloud.agreements
    for platform in (BORON, TRACKER):
        company.claimed(o, platform)[1].event("hello")
    company.member(o, company.product(o, BORON))
    company.member(o, company.product(o, ARGON))
    company.member(o, company.product(o, organization="makers"))
    assert agreements.of(o) == Agreement(
        id=o.account,
        plan=Plan.FREE,
        name="sandbox",
        devices=4,
        max_devices=100,
        operations=2,
        max_operations=100_000,
        data_limit_mb=100,
        owner_id=o.account,
        owner_type="individual",
        starts_on=company.began,
        period=month_of(company.began),
        sorts=sorts(wifi=(1, 1), cellular=(2, 2), asset_tracker=(1, 1)),
    )


def test_the_free_plan_is_as_large_as_the_cloud_says(make_world):
    world = make_world(CloudSettings(device_limit=2, operations_limit=5))
    u1 = world.user()
    agreement = world.cloud.agreements.of(u1)
    assert (agreement.max_devices, agreement.max_operations) == (2, 5)


def test_a_paid_plan_begins_with_its_first_product_and_counts_members_that_were_online(company):
    o, agreements = company.o, company.cloud.agreements
    first = company.product(o, organization="makers")
    since = company.cloud.core.now()
    company.pass_time(86_400)
    second = company.product(o, BORON, organization="makers")
    company.member(o, first)
    for product in (first, second):
        company.connect(company.member(o, product)).event("hello")
    assert agreements.of(o, "makers") == Agreement(
        id=company.company.id,
        plan=Plan.GROWTH,
        name="Makers",
        devices=2,
        max_devices=100,
        operations=6,
        max_operations=None,
        data_limit_mb=None,
        owner_id=company.company.id,
        owner_type="organization",
        starts_on=since,
        period=month_of(since),
        sorts=sorts(wifi=(2, 1), cellular=(1, 1)),
    )


def test_a_paid_plan_without_products_begins_now(company):
    agreement = company.cloud.agreements.of(company.o, "makers")
    assert (agreement.starts_on, agreement.devices, agreement.max_devices) == (company.cloud.core.now(), 0, 100)
    assert agreement.sorts == sorts()


def test_whoever_may_view_a_company_sees_its_agreement(company):
    company.cloud.teams.invite(company.o, "v@example.com", "View-only", organization="makers")
    assert company.cloud.agreements.of(company.user("v"), "makers").name == "Makers"


def test_an_account_that_ended_has_no_agreement(company):
    u1 = company.user()
    company.cloud.accounts.delete(u1, "secret")
    with pytest.raises(PermissionDenied):
        company.cloud.agreements.of(u1)


@pytest.mark.parametrize(("age", "counted"), [(GRACE - 1, 0), (GRACE, 1)])
def test_an_enterprise_plan_counts_a_device_from_the_end_of_its_six_months(world, age, counted):
    o = world.user("o")
    product = world.paid_product(o, plan=Plan.ENTERPRISE)
    world.connect(world.member(o, product)).leave()
    world.pass_time(age)
    slug = world.cloud.products.organizations(o)[0].slug
    assert world.cloud.agreements.of(o, slug).devices == counted


def test_a_report_of_the_free_plan_counts_members_that_were_never_online(world):
    u1 = world.user()
    product = world.product(u1)
    world.member(u1, product)
    agreements = world.cloud.agreements
    report = agreements.request_report(u1, u1.account, "products", "2026-01-01", "2026-01-31")
    world.pass_time(10)
    assert agreements.file(report.token)[1][1] == (product.id, product.name, product.platform_id, 1, 1, 0)
