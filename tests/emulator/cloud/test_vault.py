"""Secrets: webhooks use them, nobody sees them, and what is in use stays."""

from __future__ import annotations

import json

import pytest

from emulator.cloud.documents import DocumentKind, DocumentUnknown, Place
from emulator.cloud.errors import Invalid
from emulator.cloud.hook_logs import KEPT, HookLogs
from emulator.cloud.hook_requests import HookRequest, HookResponse
from emulator.cloud.vault import SecretInUse


@pytest.fixture
def hooked(world):
    """`world` with `u1`, a claimed device with its session, and a gateway that answers with what it was sent."""
    world.u1 = world.user("u1")
    world.d, world.s = world.claimed(world.u1)
    world.place = Place.of_user(world.u1.account)
    world.sent = []

    def gateway(request):
        world.sent.append(request)
        reply = world.driver.reply()
        reply.resolve(HookResponse(200, request.body))
        return reply

    world.cloud.webhooks.gateway = gateway
    return world


def keep(world, name, value, place=None):
    return world.cloud.vault.put(world.u1, place or world.place, name, value)


def create(world, **config):
    return world.cloud.webhooks.create(world.u1, {"event": "temp", "url": "https://hook.example/", **config})


def test_a_webhook_says_a_secret_where_its_template_names_it(hooked):
    keep(hooked, "AUTH_KEY", "hush")
    create(
        hooked,
        url="https://hook.example/{{{AUTH_KEY}}}",
        headers={"Authorization": "Key {{AUTH_KEY}}"},
        auth={"username": "me", "password": "{{{ AUTH_KEY }}}"},
        body="{{{AUTH_KEY}}} and {{{OTHER}}}",
    )
    hooked.s.event("temp", '{"AUTH_KEY": "forged", "OTHER": "x"}')
    [request] = hooked.sent
    assert request.url == "https://hook.example/hush"
    assert dict(request.headers)["Authorization"] == "Key hush"
    assert request.password == "hush"
    assert request.body == b"hush and x"


@pytest.mark.parametrize(
    "template", ["{{{\nAUTH_KEY\n}}}", "{{&\tAUTH_KEY}}", "{{#AUTH_KEY}}{{.}}{{/AUTH_KEY}}", "{{^AUTH_KEY}}?{{/AUTH_KEY}}hush"]
)
def test_a_tag_of_any_form_names_a_secret(hooked, template):
    keep(hooked, "AUTH_KEY", "hush")
    create(hooked, headers={"X": "y"}, body=template)
    hooked.s.event("temp", '{"AUTH_KEY": "forged"}')
    assert hooked.sent[0].body == b"hush"
    with pytest.raises(SecretInUse):
        hooked.cloud.vault.remove(hooked.place, "AUTH_KEY")


@pytest.mark.parametrize("template", ["{{!AUTH_KEY}}", "{{/AUTH_KEY}}", "AUTH_KEY", "{{AUTH_KEY.length}}"])
def test_what_asks_for_no_value_names_no_secret(hooked, template):
    keep(hooked, "AUTH_KEY", "hush")
    create(hooked, body=template)
    hooked.cloud.vault.remove(hooked.place, "AUTH_KEY")


def test_a_secret_that_no_template_names_is_not_opened(hooked):
    keep(hooked, "AUTH_KEY", "hush")
    create(hooked, json={"a": "AUTH_KEY"})
    hooked.s.event("temp")
    assert b"hush" not in hooked.sent[0].body
    assert hooked.cloud.documents.get(DocumentKind.SECRET, hooked.place, "AUTH_KEY").accessed_at is None


def test_using_a_secret_is_noted_and_putting_another_value_counts_at_once(hooked):
    keep(hooked, "AUTH_KEY", "old")
    create(hooked, body="{{{AUTH_KEY}}}")
    hooked.pass_time(60)
    hooked.s.event("temp")
    used = hooked.cloud.core.now()
    hooked.pass_time(60)
    changed = keep(hooked, "AUTH_KEY", "new")
    assert (changed.accessed_at, changed.updated_at) == (used, used + 60)
    hooked.s.event("temp")
    assert [request.body for request in hooked.sent] == [b"old", b"new"]


def test_the_log_of_a_webhook_hides_its_secrets_and_keeps_the_last_requests(hooked):
    keep(hooked, "AUTH_KEY", "hush")
    hook = create(hooked, body='{"key": "{{{AUTH_KEY}}}"}', headers={"X-Key": "{{AUTH_KEY}}"}, url="https://hook.example/{{AUTH_KEY}}")
    for number in range(KEPT + 1):
        hooked.s.event(f"temp/{number}")
    runs = hooked.cloud.webhooks.logs.of(hook.id)
    assert [run.event for run in runs] == [f"temp/{number}" for number in range(KEPT, 0, -1)]
    assert "hush" not in repr(runs)
    assert (runs[0].body, runs[0].status, runs[0].response) == ('{"key": "[[SENSITIVE]]"}', 200, '{"key": "[[SENSITIVE]]"}')
    hooked.cloud.webhooks.delete(hooked.u1, hook.id)
    assert hooked.cloud.webhooks.logs.of(hook.id) == ()


def test_the_log_tells_what_went_wrong(hooked):
    hook = create(hooked)
    hooked.cloud.webhooks.gateway = None
    hooked.s.event("temp")
    [run] = hooked.cloud.webhooks.logs.of(hook.id)
    assert run.status is None
    assert "no way out" in run.error


def test_a_secret_in_use_cannot_be_deleted(hooked):
    keep(hooked, "AUTH_KEY", "hush")
    hook = create(hooked, query={"key": "{{AUTH_KEY}}"})
    create(hooked, query={"key": "{{OTHER_KEY}}"})
    vault = hooked.cloud.vault
    assert [each.id for each in vault.users(hooked.place, "AUTH_KEY")] == [hook.id]
    with pytest.raises(SecretInUse) as refused:
        vault.remove(hooked.place, "AUTH_KEY")
    assert (refused.value.what, str(refused.value)) == ("AUTH_KEY", "secret AUTH_KEY is in use and cannot be deleted")
    hooked.cloud.webhooks.delete(hooked.u1, hook.id)
    vault.remove(hooked.place, "AUTH_KEY")
    with pytest.raises(DocumentUnknown):
        vault.remove(hooked.place, "AUTH_KEY")


def test_webhooks_of_a_product_and_an_organization_use_the_secrets_of_where_they_belong(hooked):
    u1, cloud = hooked.u1, hooked.cloud
    own = hooked.product(u1)
    company = cloud.products.create_organization(cloud.accounts.of(u1), "company")
    its = hooked.product(u1, organization=company.slug)
    keep(hooked, "KEY", "mine")
    keep(hooked, "KEY", "ours", Place.of_organization(company.id))
    config = {"event": "temp", "url": "http://hook.example/", "json": {"key": "{{{KEY}}}"}}
    cloud.webhooks.create(u1, config, own.id)
    cloud.webhooks.create(u1, config, its.id)
    cloud.webhooks.create(u1, config, organization=company.slug)
    for product in (own, its):
        hooked.connect(hooked.member(u1, product)).event("temp")
    assert [json.loads(request.body)["key"] for request in hooked.sent] == ["mine", "ours", "ours"]


def test_who_put_a_secret_is_noted(hooked):
    made = keep(hooked, "AUTH_KEY", "hush")
    assert (made.created_by, made.updated_by) == ("u1@example.com", "u1@example.com")


@pytest.mark.parametrize("name", ["lower", "1A", "", "A" * 129])
def test_a_secret_must_have_a_name_that_can_be_one(hooked, name):
    with pytest.raises(Invalid) as refused:
        keep(hooked, name, "x")
    assert str(refused.value) == f"name={name!r}: has upper-case letters, digits and underscores, and does not begin with a digit"


def test_a_secret_must_have_a_value(hooked):
    with pytest.raises(Invalid) as refused:
        keep(hooked, "A", "")
    assert str(refused.value) == "value='': must not be empty"


def test_the_log_hides_the_longest_secret_first_because_one_may_be_part_of_another(hooked):
    for name, value in (("A", "hush"), ("B", "hush-hush"), ("C", "a-hush")):
        keep(hooked, name, value)
    hook = create(hooked, body="{{{A}}} {{{B}}} {{{C}}}", url="https://hook.example/{{{B}}}")
    hooked.s.event("temp")
    [run] = hooked.cloud.webhooks.logs.of(hook.id)
    assert run.body == "[[SENSITIVE]] [[SENSITIVE]] [[SENSITIVE]]"
    assert run.url == "https://hook.example/[[SENSITIVE]]"


def test_the_log_shows_what_is_no_text_as_far_as_it_is():
    logs = HookLogs()
    logs.note("temp", 0.0, HookRequest("hook", "POST", "https://hook.example/", body=b"a\xffb"), None, None, ())
    assert logs.of("hook")[0].body == "a\ufffdb"
