"""What a browser makes of a served cloud: its requests as it sends them, and who gets in."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

PUBLISHED = "a long enough secret"
"""The Wi-Fi password of every Lab, which stands in the documentation."""


def from_a_page(origin, host):
    """The headers that Firefox 128 sends with `fetch(url, {method: "POST", mode: "no-cors", body: "..."})` of a page of `origin`."""
    return {
        "Host": host,
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Accept": "*/*",
        "Accept-Language": "en-US,en;q=0.5",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Content-Type": "text/plain;charset=UTF-8",
        "Origin": origin,
        "Referer": f"{origin}/",
        "Connection": "keep-alive",
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Site": "cross-site",
    }


def grant(told, headers, password):
    body = f"grant_type=password&client_id=particle&client_secret=particle&username={told['username']}&password={password}"
    return httpx.post(f"{told['api']}/oauth/token", content=body, headers=headers)


def test_a_web_page_cannot_use_the_served_cloud_even_with_a_token(served, login):
    with served() as told, login(told) as client:
        host, token = told["api"].removeprefix("http://"), client.headers["authorization"].split()[1]
        stranger = from_a_page("https://evil.example", host)
        assert grant(told, stranger, told["password"]).status_code == 403
        hook = f'{{"event":"x","url":"http://127.0.0.1:9/","access_token":"{token}"}}'
        assert httpx.post(f"{told['api']}/v1/webhooks", content=hook, headers=stranger).status_code == 403
        assert client.get("/v1/webhooks").json() == []
        rebound = from_a_page("http://rebound.example", "rebound.example")
        assert grant(told, rebound, told["password"]).status_code == 403
        assert httpx.get(f"{told['api']}/v1/devices", headers={"Host": "rebound.example"}).status_code == 403


def test_who_is_named_gets_in(served):
    with served("--allow-host", "host.docker.internal", "--cors", "http://localhost:3000") as told:
        port = told["api"].rpartition(":")[2]
        page = from_a_page("http://localhost:3000", f"host.docker.internal:{port}")
        answer = grant(told, page, told["password"])
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "http://localhost:3000")


def test_the_password_is_another_one_at_each_start_and_not_the_published_one(served, tmp_path):
    state = ("--state", str(tmp_path / "cloud.db"))
    passwords = []
    for _ in range(2):
        with served(*state) as told:
            passwords.append(told["password"])
            assert grant(told, {"Content-Type": "application/x-www-form-urlencoded"}, told["password"]).status_code == 200
            for old in [PUBLISHED, *passwords[:-1]]:
                assert grant(told, {"Content-Type": "application/x-www-form-urlencoded"}, old).status_code == 400
    assert len({*passwords, PUBLISHED}) == 3


def test_a_password_that_the_user_fixes_counts(served, login, tmp_path):
    state = ("--state", str(tmp_path / "cloud.db"))
    with served(*state, "--password", "fixed") as told, login(told) as client:
        assert told["password"] == "fixed"
        assert client.put("/v1/user", json={"current_password": "fixed", "password": "changed"}).status_code == 200
    with served(*state) as told:
        assert told["password"] is None
    with served(*state, "--password", "again") as told, login(told):
        assert told["password"] == "again"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--allow-host", "http://x"], "is no host name"),
        (["--cors", "localhost:3000"], "is no origin of a web page"),
        (["--password", ""], "password: must have 1 to 1024 characters"),
    ],
)
def test_what_makes_no_sense_is_refused(refused, arguments, said):
    status, text = refused("--device-port", "0", *arguments)
    assert (status, said in text, len(text.splitlines())) == (2, True, 1), text


def test_a_program_that_is_run_is_logged_in(program):
    command = [*program, "run", "--board", "emu:photon?mode=off", "--", sys.executable, "-c", ASKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["200", "200", "tester@example.com"], done.stderr


ASKS = """
import os, json, urllib.request, urllib.parse
cloud, user, password, token = (os.environ["PARTICLE_HIL_" + name] for name in ("CLOUD", "USER", "PASSWORD", "TOKEN"))
asked = urllib.request.Request(cloud + "/v1/user", headers={"Authorization": "Bearer " + token})
with urllib.request.urlopen(asked) as answer:
    print(answer.status)
    name = json.load(answer)["username"]
form = {"grant_type": "password", "client_id": "particle", "client_secret": "particle", "username": user, "password": password}
with urllib.request.urlopen(cloud + "/oauth/token", urllib.parse.urlencode(form).encode()) as answer:
    print(answer.status, name)
"""
