"""How much a request may bring, at every door of the REST API, and that whatever was taken in can be read again by anybody."""

from __future__ import annotations

import json

import pytest

from emulator.cloud import CloudSettings
from emulator.cloud.api.messages import to_json
from emulator.cloud.api.routes import ROUTES

NESTED = '{"a":' * 974 + "1" + "}" * 974
"""974 levels can be read, and could be stored, but not be put into an answer that has some more of its own."""
MIB = 1024 * 1024
WITH_BODY = [(route.method, route.path) for route in ROUTES if route.method in ("POST", "PUT", "PATCH")]
JSON = {"content-type": "application/json"}


def strictly(text):
    """JSON as a browser reads it."""

    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("value", [NESTED, "1e999", "NaN", "-Infinity", "1" * 400], ids=["nested", "1e999", "NaN", "-Infinity", "digits"])
def test_no_route_takes_json_that_cannot_be_passed_on(rest, value):
    for method, path in WITH_BODY:
        answer = rest.anonymous.request(method, path.replace("{", "").replace("}", ""), content=f'{{"x":{value}}}', headers=JSON)
        assert answer.status_code == 400, (method, path, answer.text)
        assert "the body" in answer.text, (method, path, answer.text)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "application/x+json", ""])
def test_no_route_takes_more_text_than_so_much(rest, content_type):
    headers = {"content-type": content_type} if content_type else {}
    for method, path in WITH_BODY[:5]:
        answer = rest.anonymous.request(method, path, content=b'{"x":"' + b"y" * MIB + b'"}', headers=headers)
        assert (answer.status_code, "at most 1048576 bytes are taken" in answer.text) == (413, True), (method, path)


def test_an_upload_may_be_longer(rest):
    answer = rest.anonymous.post("/v1/products/1/firmware", files={"binary": ("x.bin", b"x" * 2 * MIB)})
    assert answer.status_code == 400, "no token: the upload itself was read"
    assert rest.anonymous.post("/v1/products/1/firmware", files={"binary": ("x.bin", b"x" * 17 * MIB)}).status_code == 413


def test_the_limits_are_settings(make_rest):
    rest = make_rest(CloudSettings(max_json=100, max_json_depth=2, max_upload=1000))
    assert rest.anonymous.post("/v1/users", json={"x": "y" * 100}).status_code == 413
    assert "nested more than 2 deep" in rest.anonymous.post("/v1/users", json={"x": [[]]}).text
    assert rest.anonymous.post("/v1/users", files={"x": ("x", b"y" * 1000)}).status_code == 413


def test_what_was_refused_leaves_every_list_readable(rest):
    client = rest.client("u1")
    for value in (NESTED, "1e999", "NaN"):
        body = f'{{"integration_type":"Webhook","event":"x","url":"http://x.example","json":{{"x":{value}}}}}'
        assert client.post("/v1/integrations", content=body, headers=JSON).status_code == 400
    kept = {"integration_type": "Webhook", "event": "x", "url": "http://x.example", "json": {"x": [1.5]}}
    assert client.post("/v1/integrations", json=kept).status_code == 201
    assert [each["json"] for each in strictly(client.get("/v1/integrations").content)] == [{"x": [1.5]}]


def test_a_number_of_a_device_that_is_not_finite_is_null():
    assert to_json({"result": float("nan"), "list": [float("inf"), 1.5]}) == b'{"result":null,"list":[null,1.5]}'
