"""Rate limits over REST: what is counted, what a refusal looks like, and that nothing is limited unless it is switched on."""

from __future__ import annotations

import pytest

from emulator.cloud import CloudSettings, RateLimits, otp
from emulator.cloud.api import streams
from emulator.cloud.api.routes import ROUTES
from emulator.cloud.rates import Bucket

GRANT = {"grant_type": "password", "client_id": "particle", "client_secret": "particle", "username": "u1@example.com"}


@pytest.fixture
def limited(make_rest):
    """A REST API that is limited as told: `limited(requests=...)`."""
    return lambda **limits: make_rest(CloudSettings(rate_limits=RateLimits(**limits)))


def login(rest, password="secret"):
    return rest.anonymous.post("/oauth/token", data={**GRANT, "password": password})


def test_too_many_requests_of_any_kind_are_refused_until_the_window_is_over(limited):
    rest = limited(requests=3)
    u1 = rest.client("u1")
    assert [u1.get(path).status_code for path in ("/v1/devices", "/v1/user", "/nowhere", "/v1/devices")] == [200, 200, 404, 429]
    rest.world.pass_time(100)
    refused = u1.get("/v1/devices")
    assert refused.json() == {"ok": False, "error": "Too many requests, try again later"}
    assert refused.headers["retry-after"] == "200"
    assert u1.get("/nowhere").json()["error"] == "too_many_requests"
    rest.world.pass_time(200)
    assert u1.get("/v1/devices").status_code == 200


def test_logins_are_counted_and_refused_in_their_own_body(limited):
    rest = limited(logins=2)
    rest.world.user("u1")
    assert [login(rest).status_code for _ in range(3)] == [200, 200, 429]
    assert login(rest).json() == {"error": "too_many_requests", "error_description": "Too many logins, try again later"}


def test_ten_wrong_passwords_in_a_row_lock_the_address_out_for_half_an_hour(limited):
    rest = limited()
    rest.world.user("u1")
    for password in [*9 * ["wrong"], "secret", *10 * ["wrong"]]:
        assert login(rest, password).status_code == (200 if password == "secret" else 400)
    refused = login(rest)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1800")
    rest.world.pass_time(1800)
    assert login(rest).status_code == 200


def test_a_second_factor_that_is_asked_for_is_no_failure(limited):
    rest = limited(failed_logins=2)
    world = rest.world
    who = world.user("u1")
    offer = world.cloud.accounts.mfa_begin(who)
    world.cloud.accounts.mfa_enable(who, offer.mfa_token, otp.code_at(offer.secret, world.cloud.core.now()))
    assert [login(rest).status_code for _ in range(3)] == [403, 403, 403]


@pytest.mark.parametrize(
    ("limits", "method", "path"),
    [
        ({"tokens": 2}, "GET", "/v1/access_tokens/current"),
        ({"accounts": 2}, "GET", "/v1/user"),
        ({"password_resets": 2}, "POST", "/v1/user/password-reset"),
        ({"streams": 2}, "GET", "/v1/devices/events"),
        ({"serial_numbers": 2}, "GET", "/v1/serial_numbers/x"),
    ],
)
def test_each_kind_of_request_has_a_count_of_its_own(limited, limits, method, path):
    rest = limited(**limits)
    u1 = rest.client("u1")

    def ask(client):
        with client.stream(method, path, **({"json": {"username": "a@example.com"}} if method == "POST" else {})) as answer:
            return answer.status_code

    assert [ask(u1) == 429 for _ in range(3)] == [False, False, True]
    assert u1.get("/v1/devices").status_code == 200


def test_serial_numbers_are_counted_by_account_and_not_by_address(limited):
    rest = limited(serial_numbers=1)
    u1, again, u2 = rest.client("u1"), rest.client("u1"), rest.client("u2")
    assert [client.get("/v1/serial_numbers/x").status_code for client in (u1, u2, again)] == [404, 404, 429]
    rest.world.pass_time(3600)
    assert u1.get("/v1/serial_numbers/x").status_code == 404


def test_streams_that_are_open_are_counted_until_they_end(limited):
    rest = limited(open_streams=1)
    u1 = rest.client("u1")
    with u1.stream("GET", "/v1/devices/events") as first:
        assert first.status_code == 200
        with u1.stream("GET", "/v1/devices/events") as second:
            assert second.status_code == 429
            assert "retry-after" not in second.headers
    assert u1.get("/v1/devices/none/events").status_code == 403
    with u1.stream("GET", "/v1/devices/events") as third:
        assert third.status_code == 200


def test_a_stream_that_was_dropped_is_open_no_more(limited, monkeypatch):
    monkeypatch.setattr(streams, "MAX_WAITING", 100)
    rest = limited(open_streams=1)
    world, u1 = rest.world, rest.client("u1")
    _, session = world.claimed(world.user("u1"))
    with u1.stream("GET", "/v1/devices/events"):
        session.event("temp", "x" * 200)
        with u1.stream("GET", "/v1/devices/events") as other:
            assert other.status_code == 200


def test_what_is_counted_stands_in_the_table():
    counted = {str(route): route.bucket for route in ROUTES if route.bucket is not None}
    assert counted["POST /oauth/token"] is Bucket.GRANTS
    assert counted["POST /v1/users"] is Bucket.ACCOUNTS
    for route in ROUTES:
        assert (route.content_type == "text/event-stream") == (route.bucket is Bucket.STREAMS)
        assert ("password-reset" in route.path) == (route.bucket is Bucket.PASSWORDS)
        assert ("access_tokens" in route.path) == (route.bucket is Bucket.TOKENS)


def test_nothing_is_limited_in_a_lab(rest, world):
    world.user("u1")
    assert not world.cloud.rates.on
    assert {login(rest, "wrong").status_code for _ in range(120)} == {400}
