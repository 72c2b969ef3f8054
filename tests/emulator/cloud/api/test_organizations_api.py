"""What organizations have of their own over REST: webhooks, events, devices, claim codes; and the product that stands beside them."""

from __future__ import annotations

import json

import httpx
import pytest

from emulator.cloud.hook_requests import HookResponse


@pytest.fixture
def company(world, owner):
    return world.cloud.products.create_organization(world.cloud.accounts.of(owner), "company")


@pytest.fixture
def product(world, owner, company):
    return world.product(owner, organization=company.slug)


@pytest.fixture
def other(world, owner):
    """A product of the same owner, in no organization."""
    return world.product(owner)


HOOK = {"event": "temp", "url": "https://hook.example/"}


@pytest.mark.parametrize("base", ["/v1/orgs/company/integrations", "/v1/orgs/company/webhooks"])
def test_webhooks_of_an_organization_are_made_changed_and_deleted(o, company, base):
    made = o.post(base, json=HOOK)
    assert made.status_code == 201
    hook = made.json()["id"]
    assert made.json()["hookUrl"] == f"/v1/orgs/company/integrations/{hook}"
    assert [each["id"] for each in o.get(base).json()] == [hook]
    assert o.put(f"{base}/{hook}", json={**HOOK, "event": "other"}).json()["integration"]["event"] == "other"
    assert o.post(f"{base}/{hook}/test", json={"data": {"a": 1}}).json()["pass"] is False
    [run] = o.get(f"{base}/{hook}").json()["integration"]["logs"]
    assert (run["request"]["method"], run["response"], "no way out" in run["error"]) == ("POST", None, True)
    assert o.get("/v1/integrations").json() == []
    assert o.get(f"/v1/integrations/{hook}").status_code == 404
    assert o.delete(f"{base}/{hook}").status_code == 204
    assert o.get(f"{base}/{hook}").json() == {"ok": False, "error": "Webhook not found"}


def next_event(answer):
    lines = answer.iter_lines()
    [name, data] = [line for line in (next(lines) for _ in range(4)) if line.startswith(("event: ", "data: "))]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orgs/company/events",
        "/v1/orgs/{org}/events/temp",
        "/v1/orgs/company/devices/events",
        "/v1/orgs/company/devices/{device}/events",
        "/v1/orgs/company/products/{product}/events",
        "/v1/orgs/company/products/{product}/events/temp",
        "/v1/orgs/company/products/{product}/devices/events",
        "/v1/orgs/company/products/{product}/devices/{device}/events/t",
    ],
)
def test_each_stream_of_an_organization_hears_its_members_as_products_do(world, owner, o, company, product, path):
    session = world.connect(world.member(owner, product))
    with o.stream("GET", path.format(org=company.id, device=session.device_id.upper(), product=product.slug)) as answer:
        world.driver.clock.call_later(1, session.event, "temp", "1")
        name, body = next_event(answer)
    assert name == "temp"
    assert (body["coreid"], body["productID"], body["userid"]) == (session.device_id, product.id, None)


def test_the_stream_of_an_organization_hears_nobody_else(world, owner, o, company, product, other):
    stranger = world.connect(world.member(owner, other))
    _, own = world.claimed(owner)
    with o.stream("GET", "/v1/orgs/company/events", timeout=3) as answer:
        for session in (stranger, own):
            world.driver.clock.call_later(1, session.event, "temp")
        with pytest.raises(httpx.ReadTimeout):
            next_event(answer)


def test_a_device_that_leaves_the_organization_is_not_heard_there_any_more(world, owner, o, company, product):
    device = world.member(owner, product)
    session = world.connect(device)
    with o.stream("GET", f"/v1/orgs/company/devices/{device.id}/events", timeout=3) as answer:
        world.cloud.members.remove(owner, product.id, device.id)
        world.cloud.claims.claim(owner, device.id)
        world.driver.clock.call_later(1, session.event, "temp")
        with pytest.raises(httpx.ReadTimeout):
            next_event(answer)


def test_a_path_that_names_a_product_beside_an_organization_means_its_own(world, rest, owner, o, company, product, other):
    customer = rest.client(world.customer(owner, other))
    own_customer = rest.client(world.customer(owner, product, "d"))
    assert own_customer.post(f"/v1/orgs/company/products/{product.id}/device_claims").status_code == 200
    wrong = [
        customer.post(f"/v1/orgs/company/products/{other.id}/device_claims"),
        o.get(f"/v1/orgs/company/products/{other.id}/events"),
        o.get(f"/v1/orgs/nobody/products/{product.id}/events"),
    ]
    assert [answer.status_code for answer in wrong] == [404, 404, 404]


def test_a_device_is_shown_by_the_organization_that_has_it(world, owner, o, u2, company, product, other):
    inside, outside = world.member(owner, product), world.member(owner, other)
    assert o.get(f"/v1/orgs/company/devices/{inside.id.upper()}").json()["product_id"] == product.id
    for unknown in (outside.id, world.device().id, "f" * 24):
        answer = o.get(f"/v1/orgs/company/devices/{unknown}")
        assert (answer.status_code, answer.json()["error"]) == (403, "Permission Denied")
    assert u2.get(f"/v1/orgs/company/devices/{inside.id}").status_code == 404


def test_a_program_of_an_organization_acts_in_it_by_its_scopes(world, rest, owner, company, product):
    made = world.cloud.teams.create_api_user(owner, "line", ["events:get", "integrations:list"], organization="company")
    program = rest.client(made.token.token)
    with program.stream("GET", "/v1/orgs/company/events") as answer:
        assert answer.status_code == 200
    assert program.get("/v1/orgs/company/integrations").json() == []
    refused = program.post("/v1/orgs/company/integrations", json=HOOK)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized")


def test_a_secret_tells_what_uses_it(o, company):
    o.put("/v1/orgs/company/secrets/KEY", json={"secret": {"value": "x"}})
    hook = o.post("/v1/orgs/company/integrations", json={**HOOK, "name": "mine", "body": "{{{KEY}}}"}).json()["id"]
    secret = o.get("/v1/orgs/company/secrets/KEY").json()["secret"]
    assert secret["integrations"] == [{"id": hook, "name": "mine", "product_slug": None}]
    assert secret["last_accessed_at"] is None
    assert o.delete("/v1/orgs/company/secrets/KEY").status_code == 409
    o.post(f"/v1/orgs/company/integrations/{hook}/test")
    assert o.get("/v1/orgs/company/secrets").json()["secrets"][0]["last_accessed_at"] == "2026-01-05T09:00:00.000Z"


def test_what_is_published_to_an_organization_reaches_it_once_and_each_of_its_products(world, owner, o, company, product, other):
    homes = {"first": product, "second": world.product(owner, organization=company.slug), "other": other}
    sessions = {name: world.connect(world.member(owner, home), subscriptions=("alarm",)) for name, home in homes.items()}
    _, own = world.claimed(owner, subscriptions=("alarm",))
    heard = {name: world.hear(owner, "alarm", product=home.id) for name, home in homes.items()}
    heard |= {"company": world.hear(owner, "alarm", organization=company.id), "own": world.hear(owner, "alarm")}
    sent = []

    def gateway(request):
        sent.append(request.url)
        reply = world.driver.reply()
        reply.resolve(HookResponse(200, b"fine"))
        return reply

    world.cloud.webhooks.gateway = gateway
    for path in ("/v1/orgs/company", *(f"/v1/products/{home.id}" for home in homes.values()), "/v1"):
        o.post(f"{path}/integrations", json={"event": "alarm", "url": f"https://hook.example{path}"})

    def operations():
        return {name: world.cloud.meter.used(("product", home.id)) for name, home in homes.items()}

    before = operations()
    answer = o.post("/v1/orgs/company/events", json={"name": "alarm/fire", "data": "now", "ttl": 30})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    once = [("alarm/fire", "now")]
    assert heard == {"company": once, "first": once, "second": once, "other": [], "own": []}
    assert {name: session.sent for name, session in sessions.items()} == {"first": once, "second": once, "other": []}
    assert own.sent == []
    paths = ("/v1/orgs/company", f"/v1/products/{product.id}", f"/v1/products/{homes['second'].id}")
    assert sorted(sent) == sorted(f"https://hook.example{path}" for path in paths)
    used = {name: count - before[name] for name, count in operations().items()}
    assert used == {"first": 4, "second": 4, "other": 0}, "published, delivered, and two events of the webhook"


def test_publishing_to_an_organization_takes_a_part_in_it(world, rest, owner, o, u2, company):
    event = {"name": "alarm"}
    assert o.post(f"/v1/orgs/{company.id}/events", json=event).status_code == 200
    assert o.post("/v1/orgs/company/events", json={}).json()["error"] == "name is required"
    assert u2.post("/v1/orgs/company/events", json=event).status_code == 404
    assert o.post("/v1/orgs/nobody/events", json=event).status_code == 404
    for scope, status in (("events:send", 200), ("events:get", 400)):
        made = world.cloud.teams.create_api_user(owner, f"line {scope}", [scope], organization="company")
        assert rest.client(made.token.token).post("/v1/orgs/company/events", json=event).status_code == status


def test_a_public_event_of_an_organization_is_heard_once_by_everybody(world, owner, o, company, product):
    world.product(owner, organization=company.slug)
    heard = world.hear(world.user("stranger"), "alarm", public=True)
    o.post("/v1/orgs/company/events", json={"name": "alarm", "private": False})
    o.post("/v1/orgs/company/events", json={"name": "alarm"})
    assert heard == [("alarm", None)]
