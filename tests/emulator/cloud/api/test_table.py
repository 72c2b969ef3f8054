"""The table: routing, and that its rows make sense."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.cloud.api.app import Api
from emulator.cloud.api.messages import Request
from emulator.cloud.api.openapi import openapi
from emulator.cloud.api.route import ANYONE, Auth, Route
from emulator.cloud.api.router import MAX_SEGMENT, Router
from emulator.cloud.api.routes import ROOMS, ROUTES


def route(method, path):
    return Route(method, path, lambda call: None, "a test")


TABLE = [
    route("GET", "/v1/devices"),
    route("GET", "/v1/devices/{device}"),
    route("GET", "/v1/devices/events"),
    route("GET", "/v1/devices/{device}/events"),
    route("GET", "/v1/devices/{device}/{variable}"),
    route("POST", "/v1/devices/events"),
    route("POST", "/v1/devices/{device}/{function}"),
    route("PUT", "/v1/devices/{device}/ping"),
]


@pytest.mark.parametrize(
    ("method", "path", "expected", "values"),
    [
        ("GET", "/v1/devices", "/v1/devices", {}),
        ("GET", "/v1/devices/", "/v1/devices", {}),
        ("GET", "/v1/devices/events", "/v1/devices/events", {}),
        ("GET", "/v1/devices/lamp", "/v1/devices/{device}", {"device": "lamp"}),
        ("GET", "/v1/devices/a%2Fb%20c", "/v1/devices/{device}", {"device": "a/b c"}),
        ("GET", "/v1/devices/events/events", "/v1/devices/{device}/events", {"device": "events"}),
        ("GET", "/v1/devices/events/count", "/v1/devices/{device}/{variable}", {"device": "events", "variable": "count"}),
        ("POST", "/v1/devices/lamp/events", "/v1/devices/{device}/{function}", {"device": "lamp", "function": "events"}),
    ],
)
def test_a_path_finds_its_route(method, path, expected, values):
    found = Router(TABLE).find(method, path)
    assert (found[0].path, found[1]) == (expected, values)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/v1",
        "/v1/device",
        "/v1//devices",
        "/v1/devices//events",
        "//v1/devices",
        "/v1/devices/a/b/c",
        "/v1/devices/" + "x" * (MAX_SEGMENT + 1),
    ],
)
def test_other_paths_find_nothing(path):
    assert Router(TABLE).find("GET", path) == frozenset()


def test_another_method_finds_what_there_is_instead():
    assert Router(TABLE).find("DELETE", "/v1/devices/lamp/ping") == {"GET", "POST", "PUT"}


def test_a_table_with_a_route_twice_is_an_error():
    with pytest.raises(ValueError, match="twice"):
        Router([route("GET", "/a/{b}"), route("GET", "/a/{c}")])


@given(st.text(max_size=60))
def test_any_path_finds_something_or_nothing(path):
    Router(TABLE).find("GET", path)


def test_every_route_of_the_table_is_found_by_its_own_path():
    router = Router(ROUTES)
    for each in ROUTES:
        found = router.find(each.method, re.sub(r"\{\w+\}", "zz", each.path))
        assert found[0] is each, f"{each} is hidden by {found[0]}"


def test_names_of_routes_are_unique():
    names = [each.name for each in ROUTES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("each", ROUTES, ids=str)
def test_a_row_makes_sense(each):
    assert each.about[0].isupper()
    assert not each.about.endswith(".")
    assert each.answer is not None or each.status == 204
    assert len({field.name for field in each.fields}) == len(each.fields)
    if each.auth not in (Auth.TOKEN, Auth.OPTIONAL):
        assert not each.scope
    if "{product}" in each.path and each.auth is Auth.TOKEN:
        assert each.callers != ANYONE, "a product's routes are for its team or its customers, not for both"


def test_the_document_names_every_route_once():
    document = openapi(ROOMS, server="http://127.0.0.1:1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len([each for each in ROUTES if not each.alias])
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert document["servers"] == [{"url": "http://127.0.0.1:1"}]


def test_no_such_path_and_no_such_method_are_told_in_json(rest):
    missing = rest.anonymous.get("/v2/devices")
    assert missing.status_code == 404
    assert missing.json()["error"] == "not_found"
    wrong = rest.anonymous.patch("/v1/devices")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "GET, OPTIONS, POST"


def test_a_browser_may_ask_what_is_allowed(rest):
    answer = rest.anonymous.options("/v1/devices")
    assert answer.status_code == 204
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"], "an asterisk alone does not stand for it"


def test_what_nobody_foresaw_is_a_500_in_json_and_is_logged(world, caplog):
    def broken(self, token):
        raise ZeroDivisionError

    world.cloud.tokens = type("Broken", (), {"principal": broken})()
    answer = Api(world.cloud).answer(Request("GET", "/v1/user", headers={"authorization": "Bearer x"}))
    assert answer.status == 500
    assert b"server_error" in answer.body
    assert "GET /v1/user failed" in caplog.text
