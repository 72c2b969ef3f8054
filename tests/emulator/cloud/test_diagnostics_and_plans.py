"""Device vitals, service agreements, usage reports, the outbox."""

from __future__ import annotations

import json

import pytest

from emulator.cloud import CloudSettings, Storage
from emulator.cloud.agreements import GRACE, ReportState
from emulator.cloud.basics import iso, month_of
from emulator.cloud.errors import (
    DeviceForbidden,
    DeviceNotInProduct,
    DeviceOffline,
    Invalid,
    NoDiagnostics,
    OrganizationUnknown,
    ReportUnknown,
    ScopeRefused,
)
from emulator.cloud.records import Plan
from emulator.cloud.sessions import Refused
from emulator.cloud.sim_records import SimStatus
from particle_protocol.vitals import VitalError

BORON = 13
ICCID = "8934076500002589174"
VITALS = "spark/device/diagnostics/update"


def uptimes(world, who, device, **when):
    return [vitals.values["device"]["system"]["uptime"] for vitals in world.cloud.diagnostics.history(who, device.id, **when)]


def test_vitals_are_asked_for_kept_and_told(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    heard = world.hear(u1, VITALS)
    with pytest.raises(NoDiagnostics):
        world.cloud.diagnostics.last(u1, device.id)
    session.measures = {6: 1, 8: 4, 25: VitalError(-100)}
    world.cloud.diagnostics.request(u1, device.id)
    assert session.asked_for_vitals == 1
    world.pass_time(100)
    session.report(sys_uptime=2)
    assert len(heard) == 2
    last = world.cloud.diagnostics.last(u1, device.id)
    assert (last.updated_at, last.device_id) == (world.cloud.core.now(), device.id)
    assert last.values == {
        "device": {"system": {"uptime": 2}},
        "service": {"device": {"status": "ok"}, "cloud": {"uptime": 100, "publish": {"sent": 0}}, "coap": {"round_trip": 0}},
    }
    assert [json.loads(data) for _, data in heard] == [each.values for each in world.cloud.diagnostics.history(u1, device.id)]
    assert json.loads(heard[0][1])["device"] == {
        "network": {"connection": {"status": "connected"}},
        "system": {"uptime": 1, "memory": {"total": {"err": -100}}},
    }
    now = world.cloud.core.now()
    assert uptimes(world, u1, device, start=now - 50) == [2]
    assert uptimes(world, u1, device, start=now - 200, end=now - 50) == [1]
    with pytest.raises(Invalid):
        world.cloud.diagnostics.history(u1, device.id, start=now, end=now - 1)
    session.leave()
    with pytest.raises(DeviceOffline):
        world.cloud.diagnostics.request(u1, device.id)
    with pytest.raises(DeviceForbidden):
        world.cloud.diagnostics.last(world.user("u2"), device.id)
    product = world.product(u1)
    for attempt in (world.cloud.diagnostics.last, world.cloud.diagnostics.history, world.cloud.diagnostics.request):
        with pytest.raises(DeviceNotInProduct):
            attempt(u1, device.id, product=product.id)


def test_how_long_a_device_takes_to_answer_is_measured_when_it_is_asked(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    session.report(sys_uptime=1)
    assert "coap" not in world.cloud.diagnostics.last(u1, device.id).values["service"]
    reply = world.driver.reply()
    session.vitals = lambda: reply
    world.driver.clock.call_later(1.25, reply.resolve, {6: 2})
    world.cloud.diagnostics.request(u1, device.id)
    world.pass_time(2)
    assert uptimes(world, u1, device) == [1, 2]
    assert world.cloud.diagnostics.last(u1, device.id).values["service"]["coap"] == {"round_trip": 1250}


@pytest.mark.parametrize("how", ["silent", "refuses"])
def test_a_device_that_does_not_answer_has_no_new_vitals(world, how):
    u1 = world.user()
    device, session = world.claimed(u1)
    setattr(session, how, Refused("no") if how == "refuses" else True)
    world.cloud.diagnostics.request(u1, device.id)
    world.pass_time(20)
    assert world.cloud.diagnostics.history(u1, device.id) == []


def test_vitals_of_a_connection_that_is_over_do_not_count(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    world.connect(device)
    session.report(sys_uptime=1)
    assert world.cloud.diagnostics.history(u1, device.id) == []


def test_an_event_of_that_name_is_an_event_like_any_other(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    heard = world.hear(u1, VITALS)
    session.event(VITALS, '{"device":{}}')
    assert (heard, world.cloud.diagnostics.history(u1, device.id)) == ([(VITALS, '{"device":{}}')], [])


def test_vitals_of_the_first_and_the_last_moment_of_a_time_are_in_it(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    session.report(sys_uptime=1)
    first = world.cloud.core.now()
    world.pass_time(31 * 86_400)
    session.report(sys_uptime=2)
    last = world.cloud.core.now()
    times = ({}, {"start": first}, {"start": first, "end": first}, {"start": last})
    assert [uptimes(world, u1, device, **when) for when in times] == [[1, 2], [1, 2], [1], [2]]


def test_vitals_are_numbered_on_when_the_state_is_opened_again(make_world, tmp_path):
    for expected in ([1, 2], [1, 2, 3, 4]):
        world = make_world(CloudSettings(), Storage(tmp_path / "s.db"))
        u1 = world.user()
        device = next(iter(world.cloud.devices.table), None) or world.claimed(u1)[0]
        for _ in range(2):
            world.cloud.diagnostics.received(device, {})
        assert [vitals.id for vitals in world.cloud.diagnostics.history(u1, device.id)] == expected
        world.cloud.close()


def test_vitals_are_kept_with_what_the_cloud_sees_of_the_device(world):
    u1 = world.user()
    device, session = world.claimed(u1)
    world.pass_time(90)
    session.event("hello")
    session.report(sys_uptime=90)
    seen = world.cloud.diagnostics.last(u1, device.id).values["service"]
    assert seen == {"device": {"status": "ok"}, "cloud": {"uptime": 90, "publish": {"sent": 1}}}
    session.leave()
    world.cloud.diagnostics.received(world.now(device), {6: 91})
    last = world.cloud.diagnostics.last(u1, device.id)
    assert (last.payload, last.values["service"]) == (
        '{"device":{"system":{"uptime":91}},"service":{"device":{"status":"offline"}}}',
        {"device": {"status": "offline"}},
    )


def test_old_vitals_and_too_many_go(make_world):
    world = make_world(CloudSettings(max_diagnostics=3))
    u1 = world.user()
    device, session = world.claimed(u1)
    for number in range(5):
        session.report(sys_uptime=number)
    assert uptimes(world, u1, device) == [2, 3, 4]
    world.pass_time(32 * 86400)
    assert world.cloud.diagnostics.history(u1, device.id) == []
    session.report(sys_uptime=9)
    assert len(world.cloud.core.state.tables["vitals"]) == 1


def test_an_agreement_says_what_is_used_of_what(world):
    u1 = world.user()
    world.fill(u1, 2)
    agreement = world.cloud.agreements.of(u1)
    assert (agreement.plan, agreement.devices, agreement.max_devices, agreement.max_operations) == (Plan.FREE, 2, 100, 100_000)
    assert not agreement.device_limit_reached


def test_an_organizations_agreement_counts_in_blocks(world):
    o = world.user("o")
    product = world.paid_product(o)
    slug = world.cloud.products.organizations(o)[0].slug
    agreement = world.cloud.agreements.of(o, slug)
    assert (agreement.plan, agreement.devices, agreement.max_devices) == (Plan.GROWTH, 0, 100)
    for _ in range(101):
        world.connect(world.member(o, product), describe=False)
    agreement = world.cloud.agreements.of(o, slug)
    assert (agreement.devices, agreement.max_devices) == (101, 200)
    with pytest.raises(OrganizationUnknown):
        world.cloud.agreements.of(world.user("stranger"), slug)


def test_usage_reports_are_ordered_and_fetched_by_whom_they_concern(world):
    u1, u2 = world.user("u1"), world.user("u2")
    agreements = world.cloud.agreements
    mine = agreements.of(u1).id
    report = agreements.request_report(u1, mine, "devices", "2026-01-01", "2026-01-31")
    assert agreements.report(u1, report.id) == report
    assert agreements.state(report) is ReportState.PENDING
    with pytest.raises(ReportUnknown):
        agreements.report(u2, report.id)
    with pytest.raises(ReportUnknown):
        agreements.report(u1, "nonsense")
    for wrong in (
        ("nonsense", "devices", "2026-01-01", "2026-01-31"),
        (mine, "dances", "2026-01-01", "2026-01-31"),
        (mine, "devices", "soon", "2026-01-31"),
        (mine, "products", "2026-02-01", "2026-01-31"),
    ):
        with pytest.raises(Invalid):
            agreements.request_report(u1, *wrong)
    with pytest.raises(ScopeRefused):
        agreements.of(world.api_user(u1, world.product(u1), "*:*"))


def test_a_report_tells_what_was_ordered_and_an_organization_has_its_own(world):
    o = world.user("o")
    world.paid_product(o)
    slug = world.cloud.products.organizations(o)[0].slug
    agreements = world.cloud.agreements
    mine, theirs = agreements.of(o).id, agreements.of(o, slug).id
    report = agreements.request_report(o, theirs, "products", "2026-01-31", "2026-01-31T23:59:59Z", slug)
    ordered = (report.agreement_id, report.report_type, report.date_period_start, report.date_period_end, report.created_at)
    assert ordered == (theirs, "products", "2026-01-31", "2026-01-31T23:59:59Z", world.cloud.core.now())
    assert agreements.report(o, report.id, slug) == report
    with pytest.raises(ReportUnknown):
        agreements.report(o, report.id)
    with pytest.raises(Invalid):
        agreements.request_report(o, mine, "products", "2026-01-01", "2026-01-31", slug)


def test_mails_wait_in_the_outbox_in_their_order(world):
    sent = [world.cloud.mail.send(f"{name}@example.com", "hello", {"n": str(n), "equals": "a=b"}) for n, name in enumerate("aba")]
    assert world.cloud.mail.all() == sent
    assert [mail.id for mail in sent] == [1, 2, 3]
    assert [mail["n"] for mail in world.cloud.mail.to("a@example.com")] == ["0", "2"]
    assert sent[0]["equals"] == "a=b"
    assert sent[0].sent_at == world.cloud.core.now()


def test_a_report_is_ready_after_a_while_and_not_for_ever(world):
    u1 = world.user("u1")
    agreements = world.cloud.agreements
    report = agreements.request_report(u1, agreements.of(u1).id, "devices", "2026-01-01", "2026-01-31")
    with pytest.raises(ReportUnknown):
        agreements.file(report.token)
    world.pass_time(10)
    assert agreements.state(report) is ReportState.AVAILABLE
    assert agreements.file(report.token)[0] == report
    world.pass_time(7 * 86_400)
    assert agreements.state(report) is ReportState.EXPIRED
    for token in (report.token, "", "none"):
        with pytest.raises(ReportUnknown):
            agreements.file(token)


def test_a_report_has_a_line_for_each_device_of_the_plan(world):
    o = world.user("o")
    product, other = world.product(o), world.product(o, 13)
    member = world.member(o, product)
    world.member(world.user("p"), world.product(world.user("p")))
    own, _ = world.claimed(o)
    inside = world.member(o, other)

    def lines(kind="devices", **chosen):
        agreements = world.cloud.agreements
        report = agreements.request_report(o, agreements.of(o).id, kind, "2026-01-01", "2026-01-31", **chosen)
        world.pass_time(10)
        return [line[0] for line in agreements.file(report.token)[1][1:]]

    assert sorted(lines()) == sorted([member.id, own.id, inside.id])
    assert lines(devices=[own.id.upper(), "f" * 24]) == [own.id]
    assert lines(products=[product.slug]) == [member.id]
    assert lines("products") == [product.id, other.id]
    assert lines("products", products=[str(other.id)]) == [other.id]


def test_a_report_of_an_organization_says_what_its_plan_counts(world):
    o = world.user("o")
    product = world.paid_product(o)
    slug = world.cloud.products.organizations(o)[0].slug
    idle, used = world.member(o, product), world.member(o, product)
    world.connect(used).event("a")
    agreements = world.cloud.agreements
    report = agreements.request_report(o, agreements.of(o, slug).id, "devices", "2026-01-01", "2026-01-31", slug)
    products = agreements.request_report(o, agreements.of(o, slug).id, "products", "2026-01-01", "2026-01-31", slug)
    world.pass_time(10)
    assert {line[0]: line[4] for line in agreements.file(report.token)[1][1:]} == {idle.id: False, used.id: True}
    assert agreements.file(products.token)[1][1][3:] == (2, 1, 3)


def test_a_line_of_a_report_says_when_a_device_was_online_first_and_last(world):
    o = world.user("o")
    product = world.product(o)
    device, never = world.member(o, product), world.member(o, product)
    moments = []
    for _ in range(2):
        moments.append(iso(world.cloud.core.now()))
        world.connect(device).leave()
        world.pass_time(100)
    agreements = world.cloud.agreements
    report = agreements.request_report(o, agreements.of(o).id, "devices", "2026-01-01", "2026-01-31")
    world.pass_time(10)
    lines = {line[0]: line[1:] for line in agreements.file(report.token)[1][1:]}
    assert lines == {
        device.id: (device.name, product.id, 6, True, *moments),
        never.id: (never.name, product.id, 6, True, None, None),
    }


def test_a_report_of_an_enterprise_plan_counts_no_device_in_its_first_six_months(world):
    o = world.user("o")
    product = world.paid_product(o, plan=Plan.ENTERPRISE)
    slug = world.cloud.products.organizations(o)[0].slug
    device = world.member(o, product)
    world.connect(device).leave()
    agreements = world.cloud.agreements
    for counts in (False, True):
        report = agreements.request_report(o, agreements.of(o, slug).id, "devices", "2026-01-01", "2026-01-31", slug)
        world.pass_time(10)
        assert [line[4] for line in agreements.file(report.token)[1][1:]] == [counts]
        world.pass_time(GRACE)


@pytest.mark.parametrize(("before", "counted"), [(1.0, 0), (0.0, 1)])
def test_a_sim_that_stopped_as_the_month_began_counts_for_that_month(world, before, counted):
    o = world.user("o")
    product = world.paid_product(o, BORON)
    slug = world.cloud.products.organizations(o)[0].slug
    world.cloud.sims.make(ICCID)
    device = world.member(o, product, iccid=ICCID)
    world.pass_time(60)
    world.connect(device)
    _, month = month_of(world.cloud.core.now())
    world.pass_time(month - before - world.cloud.core.now())
    world.cloud.sims.suspend(ICCID, SimStatus.DATA_LIMIT)
    world.pass_time(60)
    assert world.cloud.agreements.of(o, slug).devices == counted


def test_an_agreement_counts_devices_by_sort_and_operations_by_month(world):
    u1 = world.user()
    for platform in (6, 26, 26):
        world.claimed(u1, platform)[1].event("hello")
    agreement = world.cloud.agreements.of(u1)
    assert {name: count.owned for name, count in agreement.sorts.items()} == {"wifi": 1, "cellular": 0, "asset_tracker": 2}
    assert agreement.operations == 3
    world.pass_time(27 * 86_400)
    later = world.cloud.agreements.of(u1)
    assert later.operations == 0
    assert later.period[0] == agreement.period[1] == world.cloud.core.now() - 9 * 3600
