"""Tokens and accounts over REST."""

import base64

import pytest

from emulator.cloud import otp

U1 = {"username": "u1@example.com", "password": "secret"}
CLI = {"client_id": "particle-cli", "client_secret": "particle-cli"}


def basic(name, password):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def login(rest, **fields):
    return rest.anonymous.post("/oauth/token", data={"grant_type": "password", **CLI, **U1, **fields})


@pytest.fixture
def user(world):
    return world.user()


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("client", "secret"),
    [("particle", "particle"), ("particle-api", "particle-api"), ("particle-cli", "particle-cli"), ("spark", "spark"), ("Spark", "Spark")],
)
def test_a_developer_logs_in_with_any_of_the_clients_programs_carry(rest, client, secret):
    fields = {"grant_type": "password", **U1}
    by_fields = rest.anonymous.post("/oauth/token", data={**fields, "client_id": client, "client_secret": secret})
    by_header = rest.anonymous.post("/oauth/token", data=fields, headers=basic(client, secret))
    for answer in (by_fields, by_header):
        assert answer.status_code == 200
        body = answer.json()
        assert body["token_type"] == "bearer"
        assert body["expires_in"] == 7_776_000
        assert len(body["access_token"]) == len(body["refresh_token"]) == 40
        assert rest.client(body["access_token"]).get("/v1/user").json()["username"] == "u1@example.com"


@pytest.mark.usefixtures("user")
def test_a_login_may_come_as_json_or_multipart_too(rest):
    fields = {"grant_type": "password", **CLI, **U1}
    assert rest.anonymous.post("/oauth/token", json=fields).status_code == 200
    assert rest.anonymous.post("/oauth/token", files={name: (None, value) for name, value in fields.items()}).status_code == 200


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"password": "wrong"}, "invalid_grant", "User credentials are invalid"),
        ({"username": "nobody@example.com"}, "invalid_grant", "User credentials are invalid"),
        ({"client_id": "nobody"}, "invalid_client", "Client credentials are invalid"),
        ({"client_secret": "wrong"}, "invalid_client", "Client credentials are invalid"),
        ({"grant_type": ""}, "invalid_request", "Invalid or missing grant_type parameter"),
        ({"grant_type": "magic"}, "unsupported_grant_type", "Invalid or missing grant_type parameter"),
    ],
)
def test_a_refused_login_says_why_in_the_words_of_oauth(rest, fields, error, text):
    answer = login(rest, **fields)
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": text}


@pytest.mark.usefixtures("user")
def test_a_token_that_never_expires_says_0_and_null(rest):
    body = login(rest, expires_in=0).json()
    assert body["expires_in"] == 0
    client = rest.client(body["access_token"])
    assert client.get("/v1/access_tokens/current").json()["expires_at"] is None
    [entry, *_] = rest.anonymous.get("/v1/access_tokens", headers=basic(*U1.values())).json()
    assert entry == {"token": body["access_token"], "expires_at": None, "client": "particle-cli"}


@pytest.mark.usefixtures("user")
def test_a_token_ends_when_it_was_told_to(rest, world):
    short = rest.client(login(rest, expires_in=60).json()["access_token"])
    dated = rest.client(login(rest, expires_at="2026-01-05T09:02:00.000Z").json()["access_token"])
    world.pass_time(61)
    answer = short.get("/v1/user")
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_token", "error_description": "The access token provided has expired."}
    assert dated.get("/v1/user").status_code == 200
    world.pass_time(61)
    assert dated.get("/v1/user").status_code == 401


def test_a_login_with_a_second_factor_takes_two_steps(rest, world, user):
    offer = world.cloud.accounts.mfa_begin(user)
    world.cloud.accounts.mfa_enable(user, offer.mfa_token, otp.code_at(offer.secret, world.cloud.core.now()))
    first = login(rest)
    assert first.status_code == 403
    body = first.json()
    assert (body["error"], body["error_description"]) == ("mfa_required", "Multifactor authentication required")
    second = {"grant_type": "urn:custom:mfa-otp", **CLI, "mfa_token": body["mfa_token"]}
    assert rest.anonymous.post("/oauth/token", data={**second, "otp": "000000"}).json()["error"] == "invalid_grant"
    right = otp.code_at(offer.secret, world.cloud.core.now())
    assert rest.anonymous.post("/oauth/token", data={**second, "otp": right}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({}, 400, {"error": "invalid_request", "error_description": "The access token was not found"}),
        ({"authorization": "Bearer x"}, 401, {"error": "invalid_token", "error_description": "The access token provided is invalid."}),
        ({"authorization": "Bearer "}, 400, {"error": "invalid_request", "error_description": "The access token was not found"}),
        ({"authorization": "Basic eDp5"}, 400, {"error": "invalid_request", "error_description": "The access token was not found"}),
    ],
)
def test_a_request_without_a_good_token_is_refused_in_the_words_clients_know(rest, headers, status, body):
    answer = rest.anonymous.get("/v1/devices", headers=headers)
    assert (answer.status_code, answer.json()) == (status, body)


def test_a_token_may_stand_in_the_query_of_a_get_and_in_the_body_of_others(rest, user):
    assert rest.anonymous.get("/v1/user", params={"access_token": user.token}).status_code == 200
    renamed = rest.anonymous.put("/v1/user", data={"access_token": user.token, "account_info[first_name]": "Ada"})
    assert renamed.status_code == 200
    assert rest.anonymous.put("/v1/user", params={"access_token": user.token}).status_code == 400


@pytest.mark.usefixtures("user")
def test_tokens_are_listed_newest_first_for_whoever_knows_the_password(rest):
    newest = login(rest).json()["access_token"]
    answer = rest.anonymous.get("/v1/access_tokens", headers=basic(*U1.values()))
    assert answer.status_code == 200
    assert answer.json()[0]["token"] == newest
    wrong = rest.anonymous.get("/v1/access_tokens", headers=basic("u1@example.com", "wrong"))
    assert (wrong.status_code, wrong.json()) == (401, {"ok": False, "errors": ["Bad password"]})
    unknown = rest.anonymous.get("/v1/access_tokens", headers=basic("x@example.com", "wrong"))
    assert (unknown.status_code, unknown.json()) == (400, {"ok": False, "errors": ["Unknown user"]})
    assert rest.anonymous.get("/v1/access_tokens").status_code == 400


def test_knowing_a_token_is_enough_to_revoke_it_and_revoking_twice_is_no_error(rest, user):
    for _ in range(2):
        answer = rest.anonymous.delete(f"/v1/access_tokens/{user.token}")
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert rest.client(user).get("/v1/user").status_code == 401


def test_all_tokens_or_the_current_one_are_revoked(rest, world):
    first, second, third = (rest.client(world.user()) for _ in range(3))
    assert third.delete("/v1/access_tokens/current").json() == {"ok": True}
    assert third.get("/v1/user").status_code == 401
    assert first.get("/v1/user").status_code == 200
    assert second.delete("/v1/access_tokens").json() == {"ok": True}
    assert first.get("/v1/user").status_code == 401


def test_the_current_token_describes_itself(u1):
    body = u1.get("/v1/access_tokens/current").json()
    assert body == {
        "expires_at": "2026-04-05T09:00:00.000Z",
        "client": "particle-cli",
        "client_id": "particle-cli",
        "scopes": ["*:*"],
        "orgs": [],
    }


def test_an_account_is_made_changed_and_ended(rest):
    made = rest.anonymous.post("/v1/users", json={"username": "New@Example.com", "password": "a", "account_info": {"first_name": "Ada"}})
    assert (made.status_code, made.json()) == (200, {"ok": True})
    again = rest.anonymous.post("/v1/users", json={"username": "new@example.com", "password": "a"})
    assert (again.status_code, again.json()) == (400, {"ok": False, "errors": ["username already in use"]})
    token = login(rest, username="new@example.com", password="a").json()["access_token"]
    client = rest.client(token)
    assert client.get("/v1/user").json()["account_info"]["first_name"] == "Ada"
    refused = client.put("/v1/user", json={"password": "b", "current_password": "wrong"})
    assert (refused.status_code, refused.json()) == (403, {"ok": False, "errors": ["Bad password"]})
    assert client.put("/v1/user", json={"username": "ada@example.com", "current_password": "a"}).status_code == 200
    changed = client.put("/v1/user", json={"password": "b", "current_password": "a", "invalidate_tokens": True})
    assert changed.json()["ok"] is True
    assert client.get("/v1/user").status_code == 401
    client = rest.client(login(rest, username="ada@example.com", password="b").json()["access_token"])
    assert client.request("DELETE", "/v1/user", json={"password": "b"}).json()["ok"] is True
    assert login(rest, username="ada@example.com", password="b").status_code == 400


def test_a_forgotten_password_is_reset_with_the_token_from_the_mail(rest, world, user):
    known, unknown = (rest.anonymous.post("/v1/user/password-reset", json={"username": name}) for name in (user.username, "no@example.com"))
    assert known.json() == unknown.json()
    assert known.json()["ok"] is True
    [mail] = world.cloud.mail.to(user.username)
    reset = {"token": mail["token"], "password": "fresh"}
    assert rest.anonymous.put("/v1/user/password-reset", json=reset).json() == {"ok": True}
    assert rest.anonymous.put("/v1/user/password-reset", json=reset).status_code == 400
    assert login(rest, password="fresh").status_code == 200


def test_a_second_factor_is_offered_turned_on_and_off(rest, world, u1):
    offer = u1.get("/v1/user/mfa-enable").json()
    assert offer["secret"] in offer["qr_url"]
    wrong = u1.post("/v1/user/mfa-enable", json={"mfa_token": offer["mfa_token"], "otp": "000000"})
    assert wrong.status_code == 400
    code = otp.code_at(offer["secret"], world.cloud.core.now())
    right = u1.post("/v1/user/mfa-enable", json={"mfa_token": offer["mfa_token"], "otp": code})
    assert right.json()["enrolled"] is True
    assert u1.get("/v1/user").json()["mfa"] == {"enabled": True}
    assert rest.anonymous.get("/v1/access_tokens", headers=basic(*U1.values())).status_code == 403
    assert rest.anonymous.get("/v1/access_tokens", params={"otp": code}, headers=basic(*U1.values())).status_code == 200
    assert u1.put("/v1/user/mfa-disable", json={"current_password": "secret"}).json() == {"ok": True}
    assert login(rest).status_code == 200


def test_who_am_i(u1, world):
    assert u1.get("/v1/user/identify", params={"tracking": 1}).json()["email"] == "u1@example.com"
    who = world.user()
    world.claimed(who)
    world.claimed(who, 13)
    body = u1.get("/v1/user").json()
    assert (body["wifi_device_count"], body["cellular_device_count"]) == (1, 1)


def test_a_change_of_an_account_happens_whole_or_not_at_all(rest, u1):
    before = u1.get("/v1/user").json()
    refused = u1.put("/v1/user", json={"account_info": {"first_name": "Ada"}, "username": "ada@example.com", "current_password": "wrong"})
    assert refused.status_code == 403
    assert u1.get("/v1/user").json() == before


def test_an_account_tells_the_teams_it_is_in(world, rest):
    owner = world.user("o")
    product = world.product(owner)
    mate = rest.client(world.teammate(owner, product, "t", "Support"))
    assert mate.get("/v1/user").json()["memberships"] == [{"product_id": product.id, "organization_id": None, "role": "Support"}]
