"""Who may come in by the HTTP door."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.doors.http import HttpDoor
from emulator.doors.visitors import Visitors, is_loopback_name
from emulator.drivers.served import ServedDriver


def judge(visitors, host=None, origin=None, version="1.1"):
    pairs = [(b"host", host), (b"accept", "*/*"), (b"origin", origin)]
    return visitors.judge(
        version, [(name, value if isinstance(value, bytes) else value.encode()) for name, value in pairs if value is not None]
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "a.localhost:1", "[::1]:8080", "127.9.9.9", "localhost.:8080", "served.test:8080"],
)
def test_a_program_that_means_this_server_comes_in(host):
    verdict = judge(Visitors(["Served.test"]), host)
    assert (verdict.why, verdict.origin) == ("", "")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("rebound.example", 403),
        ("127.0.0.1.rebound.example:8080", 403),
        ("localhost.rebound.example", 403),
        ("notlocalhost", 403),
        ("10.0.0.1:8080", 403),
        ("0.0.0.0:8080", 403),
        ("127.1", 403),
        ("[::2]:8080", 403),
        ("", 400),
        (":8080", 400),
        ("localhost:", 400),
        ("localhost:80x", 400),
        ("localhost:999999", 400),
        ("[::1", 400),
        ("[localhost]", 400),
        ("user@localhost", 400),
        ("localhost/x", 400),
        ("localhost, rebound.example", 400),
        ("a b", 400),
        (b"\xff\x00", 400),
    ],
)
def test_whoever_means_another_server_is_refused(host, status):
    verdict = judge(Visitors(), host)
    assert verdict.status == status
    assert verdict.why


@pytest.mark.parametrize(
    ("version", "headers", "why"),
    [
        ("1.1", [], "has a Host header"),
        ("1.1", [(b"host", b"localhost"), (b"host", b"localhost")], "has one Host header"),
        ("1.1", [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"null")], "at most one Origin"),
        ("1.0", [(b"origin", b"http://localhost")], "has a Host header"),
    ],
)
def test_each_header_stands_once(version, headers, why):
    verdict = Visitors().judge(version, headers)
    assert (verdict.status, why in verdict.why) == (400, True)


def test_a_program_of_the_old_days_sends_no_host():
    assert not Visitors().judge("1.0", []).why


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost:3001", "https://localhost:3000", "http://127.0.0.1:3000", "http://localhost:3000.evil.example",
     "file://", "http://evil.example:8080", "http://page.test:8081", "http://page.test.evil.example", "chrome-extension://abc", "http://localhost:8080@evil.example",
     "http://localhost:8080/x", "http://"],
)  # fmt: skip
def test_a_web_page_that_nobody_named_is_refused(origin):
    visitors = Visitors(origins=["http://localhost:3000", "https://page.test"])
    verdict = judge(visitors, "127.0.0.1:8080", origin)
    assert (verdict.status, verdict.origin) == (403, "")
    assert "--cors" in verdict.why


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "http://localhost:3000"),
        ("127.0.0.1:8080", "https://page.test"),
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("localhost:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("named.test", "http://named.test"),
        ("named.test", "http://named.test:80"),
        ("named.test:443", "https://named.test"),
    ],
)
def test_the_servers_own_pages_and_those_that_were_named_may_read_the_answers(host, origin):
    visitors = Visitors(["named.test"], ["http://LOCALHOST:3000/", "https://page.test:443"])
    assert judge(visitors, host, origin) == judge(visitors, host, origin)
    assert judge(visitors, host, origin).origin == origin


def test_every_page_may_come_where_the_user_says_so_but_under_a_known_name_only():
    visitors = Visitors(origins=["*"])
    assert judge(visitors, "localhost", "https://anything.example").origin == "https://anything.example"
    assert judge(visitors, "rebound.example", "https://anything.example").status == 403


@pytest.mark.parametrize("name", ["http://x", "x:80", "", "*", "a b", "[::1]:80"])
def test_what_is_no_host_name_is_refused(name):
    with pytest.raises(ValueError, match="is no host name"):
        Visitors(hosts=[name])


def test_an_ipv6_address_can_be_a_name_of_the_server():
    assert not judge(Visitors(hosts=["fd00::1"]), "[fd00::1]:80").why


@pytest.mark.parametrize(
    "origin", ["localhost:3000", "ftp://x", "http://x/page", "http://x?y", "null", "", "http://[", "http://*.x", "http://x:port"]
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ValueError, match="is no origin"):
        Visitors(origins=[origin])


HEADERS = st.one_of(
    st.text(alphabet="localhst:127.0[]/@ evx\x00\xff", max_size=30).map(lambda text: text.encode("latin-1")), st.binary(max_size=30)
)


def never_lets_a_stranger_in(host, origin):
    verdict = judge(Visitors(), host, origin)
    if verdict.why:
        assert verdict.status in (400, 403)
        return
    name = host.decode("latin-1").lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    assert is_loopback_name(name.removesuffix("."))
    assert origin is None or verdict.origin.split("://")[0] in ("http", "https")
    if origin is not None:
        place = origin.decode("latin-1").partition("://")[2].lower()
        place = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
        assert is_loopback_name(place.removesuffix("."))


@given(HEADERS, st.none() | HEADERS | HEADERS.map(lambda rest: b"http://" + rest))
def test_no_header_lets_a_stranger_in(host, origin):
    never_lets_a_stranger_in(host, origin)


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-test", b"1")]})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def door():
    driver = ServedDriver()
    made = HttpDoor(driver, hello, visitors=Visitors(origins=["http://localhost:3000"]))
    made.open()
    yield made
    made.close()
    driver.close()


def test_the_door_asks_before_the_application_sees_anything(door, caplog):
    with httpx.Client(base_url=door.url) as client:
        plain = client.get("/")
        assert (plain.text, "access-control-allow-origin" in plain.headers) == ("hello", False)
        named = client.get("/", headers={"Origin": "http://localhost:3000"})
        assert (named.text, named.headers["access-control-allow-origin"], named.headers["vary"]) == (
            "hello",
            "http://localhost:3000",
            "Origin",
        )
        for _ in range(3):
            refused = client.post("/", headers={"Origin": "https://evil.example", "Content-Type": "text/plain"}, content="x" * 1000)
            assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
            assert "access-control-allow-origin" not in refused.headers
    assert len([record for record in caplog.records if "evil.example" in record.getMessage()]) == 1, "a page that asks again is not news"


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(HEADERS, st.none() | HEADERS | HEADERS.map(lambda rest: b"http://" + rest))
def test_no_header_lets_a_stranger_in_in_full(host, origin):
    never_lets_a_stranger_in(host, origin)
