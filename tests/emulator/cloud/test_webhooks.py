"""Webhooks: when they fire, what they send, and what is told of it."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from emulator.cloud.errors import Invalid, OrganizationUnknown, PermissionDenied, ScopeRefused, WebhookUnknown
from emulator.cloud.hook_requests import HookResponse


@pytest.fixture
def hooks(world):
    """`world` with `u1`, a claimed device with its session, and a gateway whose answer is `world.answer`."""
    world.u1 = world.user("u1")
    world.d, world.s = world.claimed(world.u1)
    world.sent = []
    world.answer = HookResponse(200, b"fine")

    def gateway(request):
        world.sent.append(request)
        reply = world.driver.reply()
        if isinstance(world.answer, Exception):
            reply.fail(world.answer)
        elif world.answer is not None:
            reply.resolve(world.answer)
        world.reply = reply
        return reply

    world.cloud.webhooks.gateway = gateway
    world.told = world.hear(world.u1, "hook-")
    return world


def create(world, **config):
    return world.cloud.webhooks.create(world.u1, {"event": "temp", "url": "https://example.com/in", **config})


def test_a_webhook_has_a_name_and_keeps_all_that_was_said(hooks):
    hook = create(hooks, headers={"X": "1"}, access_token="secret", id="mine", unknown=[1, 2])
    assert hook.name == "temp for example.com"
    assert len(hook.id) > 10
    assert hook.settings == {"event": "temp", "url": "https://example.com/in", "headers": {"X": "1"}, "unknown": [1, 2]}
    named = create(hooks, name="Lämpchen")
    assert (named.name, named.config) == ("Lämpchen", '{"event":"temp","url":"https://example.com/in","name":"Lämpchen"}')


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": ""},
        {"event": None},
        {"event": 5},
        {"url": "ftp://example.com"},
        {"url": "nonsense"},
        {"url": "http://[::1"},
        {"url": None},
        {"requestType": "DANCE"},
        {"requestType": 5},
        {"body": object()},
    ],
)
def test_a_webhook_must_make_sense(hooks, wrong):
    with pytest.raises(Invalid):
        create(hooks, **wrong)
    assert hooks.cloud.webhooks.list(hooks.u1) == []


def test_webhooks_are_kept_apart_by_owner(hooks):
    u2 = hooks.user("u2")
    product = hooks.product(hooks.u1)
    webhooks = hooks.cloud.webhooks
    mine = create(hooks)
    its = webhooks.create(hooks.u1, {"event": "x", "url": "http://y.example"}, product.id)
    assert webhooks.list(hooks.u1) == [mine]
    assert webhooks.list(hooks.u1, product.id) == [its]
    assert webhooks.get(hooks.u1, mine.id) == mine
    for attempt in (
        lambda: webhooks.get(u2, mine.id),
        lambda: webhooks.get(hooks.u1, its.id),
        lambda: webhooks.get(hooks.u1, mine.id, product.id),
        lambda: webhooks.delete(u2, mine.id),
        lambda: webhooks.update(u2, mine.id, {"event": "x", "url": "http://y.example"}),
        lambda: webhooks.test(u2, mine.id),
        lambda: webhooks.get(hooks.u1, "nonsense"),
    ):
        with pytest.raises(WebhookUnknown):
            attempt()
    with pytest.raises(PermissionDenied):
        webhooks.list(u2, product.id)
    with pytest.raises(ScopeRefused):
        webhooks.list(hooks.api_user(hooks.u1, product, "devices:list"), product.id)
    webhooks.delete(hooks.u1, mine.id)
    assert webhooks.list(hooks.u1) == []


def test_what_a_webhook_did_is_told_as_of_the_device_that_caused_it(hooks):
    product = hooks.product(hooks.u1)
    device = hooks.member(hooks.u1, product)
    session = hooks.runs(device, product, 5)
    hooks.cloud.webhooks.create(hooks.u1, {"event": "temp", "url": "http://y.example"}, product.id)
    told = []
    hooks.cloud.events.subscribe(hooks.u1, told.append, "hook-", product=product.id)
    one = hooks.hear(hooks.u1, "hook-", product=product.id, device=device.id)
    hooks.pass_time(5)
    session.event("temp", "1")
    assert [(event.coreid, event.device_id, event.version) for event in told] == [("particle-internal", device.id, 5)] * 2
    assert {event.published_at for event in told} == {hooks.cloud.core.now()}
    assert [name for name, _ in one] == ["hook-sent/temp", "hook-response/temp/0"]


def test_a_change_replaces_the_whole_configuration(hooks):
    hook = create(hooks, headers={"X": "1"})
    changed = hooks.cloud.webhooks.update(hooks.u1, hook.id, {"event": "other", "url": "http://y.example", "disabled": "true"})
    assert (changed.id, changed.event, changed.disabled, changed.created_at) == (hook.id, "other", True, hook.created_at)
    assert "headers" not in changed.settings
    hooks.s.event("other", "1")
    assert hooks.sent == []


def test_what_fires_and_what_does_not(hooks):
    create(hooks)
    hooks.s.event("temp", "1")
    hooks.s.event("temperature", "2")
    hooks.s.event("other", "3")
    hooks.cloud.events.publish(hooks.u1, "temp", "4")
    assert len(hooks.sent) == 3
    create(hooks, event="hook-")
    hooks.s.event("temp", "5")
    assert len(hooks.sent) == 4, "a webhook's own events fire none"


def test_a_webhook_can_be_for_one_device(hooks):
    create(hooks, deviceID=hooks.d.id.upper())
    other, session = hooks.claimed(hooks.u1)
    session.event("temp")
    hooks.s.event("temp")
    assert len(hooks.sent) == 1
    assert hooks.owner(other) == "u1@example.com"


def test_the_request_carries_the_event_as_a_form_unless_told(hooks):
    create(hooks)
    hooks.s.event("temp", "21 C")
    (request,) = hooks.sent
    assert (request.method, request.url, request.verify) == ("POST", "https://example.com/in", True)
    assert dict(request.headers) == {"Content-Type": "application/x-www-form-urlencoded"}
    assert parse_qs(request.body.decode()) == {
        "event": ["temp"],
        "data": ["21 C"],
        "coreid": [hooks.d.id],
        "published_at": ["2026-01-05T09:00:00.000Z"],
    }


def test_the_answer_comes_back_in_chunks(hooks):
    create(hooks)
    hooks.answer = HookResponse(201, b"x" * 1200)
    hooks.s.event("temp")
    assert hooks.told[0] == ("hook-sent/temp", None)
    assert [(name, len(data)) for name, data in hooks.told[1:]] == [
        ("hook-response/temp/0", 512),
        ("hook-response/temp/1", 512),
        ("hook-response/temp/2", 176),
    ]


def test_an_answer_has_a_limit_and_may_be_empty(hooks):
    create(hooks)
    hooks.answer = HookResponse(200, b"x" * 200_000)
    hooks.s.event("temp")
    assert sum(len(data or "") for _, data in hooks.told) == 100 * 1024
    hooks.told.clear()
    hooks.answer = HookResponse(204)
    hooks.s.event("temp")
    assert hooks.told == [("hook-sent/temp", None)]


def test_answers_can_have_a_template_and_topics_of_their_own(hooks):
    create(hooks, responseTopic="{{PARTICLE_DEVICE_ID}}/done/{{PARTICLE_EVENT_NAME}}", responseTemplate="{{a.b}}!", errorResponseTopic="oh")
    told = hooks.hear(hooks.u1)
    hooks.answer = HookResponse(200, b'{"a":{"b":7}}')
    hooks.s.event("temp")
    assert (f"{hooks.d.id}/done/temp/0", "7!") in told
    hooks.answer = HookResponse(500)
    hooks.s.event("temp")
    assert told[-1][0] == "oh/0"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (HookResponse(404, b"no"), "error status 404 from example.com"),
        (TimeoutError("slow"), "error occurred while sending the request: slow"),
        (ConnectionError("closed"), "error occurred while sending the request: closed"),
    ],
)
def test_a_failure_is_told(hooks, failure, told):
    create(hooks)
    hooks.answer = failure
    hooks.s.event("temp")
    assert hooks.told == [("hook-sent/temp", None), ("hook-error/temp/0", told)]


def test_an_answer_may_come_later(hooks):
    create(hooks)
    hooks.answer = None
    hooks.s.event("temp")
    assert [name for name, _ in hooks.told] == ["hook-sent/temp"]
    hooks.reply.resolve(HookResponse(200, b"late"))
    assert hooks.told[-1] == ("hook-response/temp/0", "late")


def test_without_a_gateway_every_webhook_fails(hooks):
    create(hooks)
    hooks.cloud.webhooks.gateway = None
    hooks.s.event("temp")
    assert hooks.told[-1] == ("hook-error/temp/0", "this cloud has no way out: its lab has no gateway for webhooks")


def test_a_trial_tells_how_it_went(hooks):
    hook = create(hooks)
    result = hooks.wait(hooks.cloud.webhooks.test(hooks.u1, hook.id, "hello"))
    assert (result.passed, result.data, result.error) == (True, "fine", None)
    sent = parse_qs(hooks.sent[0].body.decode())
    assert (sent["event"], sent["data"], sent["coreid"]) == (["temp"], ["hello"], ["api"])
    hooks.answer = HookResponse(500)
    result = hooks.wait(hooks.cloud.webhooks.test(hooks.u1, hook.id))
    assert (result.passed, result.data, result.error) == (False, None, "error status 500 from example.com")
    assert hooks.told == []


def test_a_webhook_of_an_organization_fires_for_the_members_of_all_its_products(hooks):
    u1, cloud = hooks.u1, hooks.cloud
    company = cloud.products.create_organization(cloud.accounts.of(u1), "company")
    inside = [hooks.product(u1, organization=company.slug) for _ in range(2)]
    hook = cloud.webhooks.create(u1, {"event": "temp", "url": "http://hook.example/"}, organization=company.slug)
    sessions = [hooks.connect(hooks.member(u1, product)) for product in (*inside, hooks.product(u1))]
    for session in (*sessions, hooks.s):
        session.event("temp", session.device_id)
    assert [parse_qs(request.body.decode())["data"][0] for request in hooks.sent] == [session.device_id for session in sessions[:2]]
    assert cloud.webhooks.list(u1, organization=company.slug) == [hook]
    assert cloud.webhooks.list(u1) == []
    with pytest.raises(WebhookUnknown):
        cloud.webhooks.get(u1, hook.id)
    with pytest.raises(OrganizationUnknown):
        cloud.webhooks.list(hooks.user("u2"), organization=company.slug)


@pytest.mark.parametrize("field", ["deviceID", "deviceid", "deviceId"])
def test_a_webhook_may_be_for_one_device_by_its_id_or_its_name(hooks, field):
    other, session = hooks.claimed(hooks.u1)
    hooks.cloud.device_settings.update(hooks.u1, other.id, name="lamp")
    create(hooks, **{field: other.id.upper()})
    create(hooks, **{field: "lamp"})
    hooks.s.event("temp")
    session.event("temp")
    hooks.cloud.events.publish(hooks.u1, "temp")
    assert len(hooks.sent) == 2


TEN = "[0,1,2,3,4,5,6,7,8,9]"
NESTED = "".join(f"{{{{#{name}}}}}" for name in "abcdefgh") + "{{.}}" + "".join(f"{{{{/{name}}}}}" for name in "hgfedcba")
TENS = "{" + ",".join(f'"{name}":{TEN}' for name in "abcdefgh") + "}"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"body": NESTED}, "its templates take more than 100,000 steps"),
        ({"headers": {"X": NESTED}}, "its templates take more than 100,000 steps"),
        ({"url": "https://example.com/{{{a}}}", "json": NESTED}, "its templates take more than 100,000 steps"),
        ({"form": {str(number): "{{#a}}{{PARTICLE_EVENT_VALUE}}{{/a}}" for number in range(10_000)}}, "its templates"),
        ({"body": "{{#a}}{{#b}}{{#c}}{{PARTICLE_EVENT_VALUE}}{{PARTICLE_EVENT_VALUE}}" * 20}, "more than 1,048,576 characters"),
    ],
)
def test_templates_that_cost_too_much_are_an_error_of_their_webhook(hooks, config, said):
    create(hooks, **config)
    hooks.s.event("temp", TENS)
    assert [name for name, _ in hooks.told] == ["hook-sent/temp", "hook-error/temp/0"]
    assert said in hooks.told[1][1]
    assert (hooks.sent, hooks.s.closed) == ([], False)


def test_a_template_of_the_answer_or_of_a_topic_may_cost_too_much_as_well(hooks):
    create(hooks, responseTemplate=NESTED)
    create(hooks, event="tem", responseTopic=NESTED)
    create(hooks, event="te", errorResponseTopic=NESTED)
    hooks.answer = HookResponse(200, TENS.encode())
    hooks.s.event("temp", TENS)
    told = [(name, data) for name, data in hooks.told if "sent" not in name]
    assert told[:2] == [("hook-error/temp/0", "its templates take more than 100,000 steps")] * 2
    hooks.answer = HookResponse(500)
    hooks.s.event("temp", TENS)
    assert hooks.told[-1] == ("hook-error/temp/0", "error status 500 from example.com")


def test_a_place_in_a_list_may_be_written_with_any_number_of_digits(hooks):
    create(hooks, body="{{a." + "1" * 5_000 + "}}|{{a.000000001}}")
    hooks.s.event("temp", '{"a":[1,2]}')
    assert [request.body for request in hooks.sent] == [b"|2"]
    assert hooks.s.closed is False
