"""What a webhook sends, made from its configuration and an event."""

from __future__ import annotations

import json

import pytest

from emulator.cloud.events import Event
from emulator.cloud.hook_requests import compose, render_topic, template_values

EVENT = Event("temp", '{"value":21.5,"tags":["a","b"],"name":"<x>"}', published_at=0.0, coreid="ab" * 12, device_id="ab" * 12)
SILENT = Event("temp", None, published_at=5.0, coreid="api", device_id=None)
URL = {"event": "temp", "url": "http://x.example/p"}


def test_json_query_headers_and_authentication():
    request = compose("id", {**URL, "json": {"v": "{{value}}", "who": "{{PARTICLE_DEVICE_ID}}"}, "noDefaults": True}, EVENT)
    assert json.loads(request.body) == {"v": "21.5", "who": "ab" * 12}
    assert dict(request.headers)["Content-Type"] == "application/json"
    with_defaults = compose("id", {**URL, "json": {"event": "mine", "n": 1}}, SILENT).body
    assert with_defaults == b'{"event":"mine","data":"","coreid":"api","published_at":"1970-01-01T00:00:05.000Z","n":1}'
    assert json.loads(compose("id", {**URL, "json": '{"v": {{value}}}', "noDefaults": True}, EVENT).body) == {"v": 21.5}
    request = compose("id", {**URL, "requestType": "get", "query": {"v": "{{value}}"}, "noDefaults": "true"}, EVENT)
    assert (request.method, request.url, request.body) == ("GET", "http://x.example/p?v=21.5", b"")
    assert "event=temp" in compose("id", {**URL, "requestType": "GET"}, EVENT).url
    assert compose("id", {**URL, "url": "http://x.example/p?a=1", "query": {"b": 2}}, EVENT).url == "http://x.example/p?a=1&b=2"
    request = compose("id", {**URL, "body": "{{{PARTICLE_EVENT_VALUE}}}", "headers": {"X": "{{name}}"}}, EVENT)
    assert (request.body.decode(), dict(request.headers)) == (EVENT.data, {"X": "&lt;x&gt;"})
    request = compose("id", {**URL, "auth": {"username": "u", "password": "p"}, "rejectUnauthorized": False}, EVENT)
    assert (request.username, request.password, request.verify) == ("u", "p", False)
    assert compose("id", {**URL, "rejectUnauthorized": True}, EVENT).verify is True
    assert compose("id", {**URL, "form": {"t": "{{tags.1}}"}, "noDefaults": True}, EVENT).body == b"t=b"


@pytest.mark.parametrize(
    ("auth", "login", "header"),
    [
        ({"username": "me", "password": "x"}, ("me", "x"), None),
        ({"user": "me", "pass": "x"}, ("me", "x"), None),
        ({"bearer": "{{data}}"}, (None, None), "Bearer 5"),
        ({"username": None}, (None, None), None),
        ("nonsense", (None, None), None),
    ],
)
def test_a_webhook_logs_in_as_its_clients_spell_it(auth, login, header):
    event = Event("temp", '{"data": 5}', published_at=0.0, coreid="x", device_id=None)
    request = compose("h", {"url": "http://x.example/", "auth": auth}, event)
    assert (request.username, request.password) == login
    assert dict(request.headers).get("Authorization") == header


def test_templates_may_name_the_members_of_the_data_and_the_facts_of_the_event():
    facts = {"PARTICLE_DEVICE_ID": "ab" * 12, "PARTICLE_EVENT_NAME": "temp", "PARTICLE_PUBLISHED_AT": "1970-01-01T00:00:00.000Z"}
    members = {"value": 21.5, "tags": ["a", "b"], "name": "<x>"}
    assert template_values(EVENT) == {**members, **facts, "PARTICLE_EVENT_VALUE": EVENT.data}
    told = Event("temp", '["a"]', published_at=0.0, coreid="particle-internal", device_id="ab" * 12)
    assert template_values(told) == {**facts, "PARTICLE_EVENT_VALUE": '["a"]'}


def test_an_event_of_no_device_says_in_its_place_who_published_it_and_without_data_nothing():
    assert template_values(SILENT) == {
        "PARTICLE_DEVICE_ID": "api",
        "PARTICLE_EVENT_NAME": "temp",
        "PARTICLE_EVENT_VALUE": "",
        "PARTICLE_PUBLISHED_AT": "1970-01-01T00:00:05.000Z",
    }


def test_half_a_surrogate_pair_is_sent_as_what_stands_for_no_letter():
    event = Event("temp", r'{"half":"\ud83d","whole":"\ud83d\ude00"}', published_at=0.0, coreid="x", device_id=None)
    config = {**URL, "url": "http://x.example/{{half}}", "headers": {"X": "{{half}}"}, "body": "{{half}} {{whole}}"}
    request = compose("id", config, event)
    assert (request.url, request.headers) == ("http://x.example/\ufffd", (("X", "\ufffd"),))
    assert request.body.decode() == "\ufffd \U0001f600"


@pytest.mark.parametrize("template", [None, "", 5, {"a": "b"}])
def test_what_is_no_text_names_no_event(template):
    assert render_topic(template, EVENT) is None
    assert render_topic("{{name}}/done", EVENT) == "&lt;x&gt;/done"
