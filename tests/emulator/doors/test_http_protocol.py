"""Requests that are too long, too slow, or do not come to an end."""

from __future__ import annotations

import select
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.doors.http import HttpDoor
from emulator.doors.http_protocol import HeadLimits
from emulator.drivers.served import ServedDriver

LIMITS = HeadLimits(size=2000, seconds=0.3)
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


async def echo(scope, receive, send):
    """Reads the body, and answers with its size."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        if message["type"] == "http.disconnect":
            return
    body = b"%d bytes" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def door():
    driver = ServedDriver()
    made = HttpDoor(driver, echo, limits=LIMITS)
    made.open()
    yield made
    made.close()
    driver.close()


def ask(door, *pieces, drop=0.0, end=False):
    """What is answered until the door hangs up. Pieces are sent one after the other, `drop` seconds apart; `end`: there are no more."""
    answer = b""
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as peer:
        try:
            for piece in pieces:
                peer.sendall(piece)
                if drop and select.select([peer], [], [], drop)[0]:
                    break
            if end:
                peer.shutdown(socket.SHUT_WR)
            while data := peer.recv(65536):
                answer += data
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
    return answer


CLOSE = b"Connection: close\r\n\r\n"


def test_a_request_within_the_limits_is_answered(door):
    assert ask(door, GET + b"X: " + b"y" * 1800 + b"\r\n" + CLOSE).startswith(b"HTTP/1.1 200 ")
    assert ask(door, GET, CLOSE).endswith(b"0 bytes")


@pytest.mark.parametrize(
    "head",
    [
        [GET + b"X: " + b"y" * 2000 + b"\r\n" + CLOSE],
        [GET] + [b"X: " + b"y" * 100 + b"\r\n"] * 30,
        [GET + b"X: "] + [b"y" * 500] * 100,
        [b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n" + CLOSE],
        [b"G" * 1] + [b"GET /"[1:]] + [b"x" * 1000] * 30,
        [GET + b"".join(b"X%d: y\r\n" % number for number in range(400)) + CLOSE],
    ],
    ids=["long", "many", "endless", "path", "endless path", "small ones"],
)
def test_a_head_that_is_too_long_is_refused(door, head):
    answer = ask(door, *head)
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b"", "where the peer goes on sending, the answer may be lost"
    if len(head) == 1:
        assert b"the head of a request has at most 2000 bytes" in answer


@pytest.mark.parametrize(
    "opening", [[], [b"GET"], [GET], [b"\r\n"] * 5, [GET + b"\r\n", b"\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\nX"]]
)
def test_a_head_that_does_not_come_ends_the_connection(door, opening):
    began = time.monotonic()
    answer = ask(door, *opening)
    assert answer.count(b"HTTP/1.1 408 ") == 1
    assert b"the head of a request comes within 0.3 s" in answer
    assert 0.25 < time.monotonic() - began < 20


def test_a_drop_now_and_then_is_no_head(door):
    answer = ask(door, *[b"X"] * 20, drop=0.05)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))


def chunked(*pieces):
    return [GET.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", *pieces]


def test_a_body_in_pieces_is_taken(door):
    assert ask(door, *chunked(b"1\r\nx\r\n" * 1000, b"0\r\n\r\n")).endswith(b"1000 bytes")
    assert ask(door, *chunked(b"1\r\nx\r\n0\r\nX: y\r\n\r\n")).endswith(b"1 bytes")


@pytest.mark.parametrize(
    "pieces",
    [
        [b"0\r\n" + b"".join(b"X%d: y\r\n" % number for number in range(400)) + b"\r\n"],
        [b"0\r\nX: "] + [b"y" * 500] * 30,
        [b"1;"] + [b"y" * 500] * 30,
    ],
    ids=["trailers", "endless trailer", "endless extension"],
)
def test_what_is_around_the_pieces_is_bounded(door, pieces):
    assert b"200 OK" not in ask(door, *chunked(*pieces))


def test_a_connection_that_rests_between_requests_is_kept(door):
    with socket.create_connection(("127.0.0.1", door.port), timeout=30) as peer:
        for _ in range(2):
            peer.sendall(GET + b"\r\n")
            answer = b""
            while not answer.endswith(b"0 bytes"):
                answer += peer.recv(65536)
            assert select.select([peer], [], [], 0.5)[0] == [], "it is not hung up on within the time of a head"


KNOWN = [
    GET,
    CLOSE,
    b"\r\n",
    b"POST / HTTP/1.1\r\n",
    b"Host: localhost\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"X: y\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"GET http://[::1 HTTP/1.1\r\n",
    b"GET /%zz?\xff HTTP/1.1\r\n",
]
PIECES = st.lists(st.sampled_from(KNOWN) | st.binary(max_size=20), max_size=8)


def never_hangs_and_never_fails(door, pieces):
    """However a request is put together, the connection ends in time, and the next one is answered."""
    mishaps = dict(door.driver.mishaps.counted)
    ask(door, *pieces, end=True)
    assert ask(door, GET, CLOSE).endswith(b"0 bytes")
    assert door.driver.mishaps.counted == mishaps


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES)
def test_no_request_hangs_or_breaks_the_door(door, pieces):
    never_hangs_and_never_fails(door, pieces)


@pytest.mark.soak
@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES)
def test_no_request_hangs_or_breaks_the_door_in_full(door, pieces):
    never_hangs_and_never_fails(door, pieces)
