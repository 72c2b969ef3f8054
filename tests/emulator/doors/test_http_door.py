"""The HTTP door on loopback, with clients that nobody here wrote, and a served one that answers whatever the test says."""

import json
import socket
import threading

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from emulator.cloud.api.asgi import CloudApp
from emulator.cloud.api.messages import BodyLimits, EventStream, Response
from emulator.doors.http import HttpDoor
from emulator.drivers.served import ServedDriver


class Source:
    """An event stream by hand."""

    def __init__(self):
        self.waiting = [b":ok\n\n"]
        self.closed = False
        self.opened = threading.Event()
        self.ended = threading.Event()

    def open(self, wake):
        self.wake = wake
        self.opened.set()
        wake()

    def take(self):
        data = b"".join(self.waiting)
        self.waiting.clear()
        return data

    def close(self):
        self.closed = True
        self.ended.set()

    def push(self, data):
        self.waiting.append(data)
        self.wake()


class App:
    """Answers by path."""

    def __init__(self, driver):
        self.driver = driver
        self.requests = []
        self.source = Source()
        self.reply = driver.reply()

    def __call__(self, request):
        self.requests.append(request)
        if request.path == "/stream":
            return EventStream(self.source)
        if request.path == "/later":
            return self.later()
        if request.path == "/none":
            return Response(204)
        return Response.of({"method": request.method, "path": request.path, "query": request.query, "size": len(request.body)})

    async def later(self):
        return Response.of({"late": await self.reply})


@pytest.fixture
def driver():
    made = ServedDriver()
    yield made
    made.close()


@pytest.fixture
def app(driver):
    return App(driver)


async def extra(request):
    return PlainTextResponse("extra")


@pytest.fixture
def door(driver, app):
    served = CloudApp(app, driver, [Route("/extra", extra)], BodyLimits(upload=1000, text=1000))
    made = HttpDoor(driver, served, before_close=served.end_streams)
    made.open()
    yield made
    made.close()


@pytest.fixture
def client(door):
    with httpx.Client(base_url=door.url, timeout=20) as made:
        yield made


def connect(door):
    peer = socket.create_connection((door.host, door.port), timeout=20)
    peer.settimeout(20)
    return peer


def read_all(peer):
    data = b""
    try:
        while part := peer.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def test_port_0_becomes_a_real_port(door):
    assert door.port > 0
    assert door.url == f"http://127.0.0.1:{door.port}"


def test_requests_are_answered_one_after_the_other(client):
    for number in range(5):
        assert client.get(f"/a?n={number}").json()["query"] == f"n={number}"


def test_a_body_arrives_whole_in_either_framing(client):
    assert client.put("/a", content=b"x" * 900).json()["size"] == 900
    assert client.put("/a", content=iter([b"x" * 300, b"y" * 300])).json()["size"] == 600


def test_an_answer_without_body_leaves_the_connection_usable(client):
    assert client.get("/none").status_code == 204
    assert client.get("/a").json()["path"] == "/a"


def test_head_tells_the_length_and_sends_no_body(client):
    answer = client.head("/a")
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0


def test_an_answer_that_comes_later_holds_up_only_its_own_connection(driver, app, client, door):
    with connect(door) as peer:
        peer.sendall(b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\nGET /after HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.get("/a").status_code == 200
        driver.call(app.reply.resolve, 42)
        answers = read_all(peer)
    assert answers.index(b'{"late":42}') < answers.index(b'"/after"')


def test_too_large_a_body_is_refused_before_it_is_sent(door):
    with connect(door) as peer:
        peer.sendall(b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n")
        answer = read_all(peer)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (
        json.loads(answer.partition(b"\r\n\r\n")[2])["error_description"] == "The request body is too large: at most 1000 bytes are taken."
    )


def test_a_client_that_sends_too_large_a_body_without_looking_still_reads_the_answer(client):
    assert client.post("/a", content=b"x" * 500_000).status_code == 413


def test_a_body_in_chunks_that_grows_too_large_is_refused(client):
    assert client.post("/a", content=iter([b"x" * 600, b"y" * 600])).status_code == 413


def test_what_is_not_http_is_refused(door):
    with connect(door) as peer:
        peer.sendall(b"\x16\x03\x01\x02\x00\r\n\r\n")
        assert read_all(peer).startswith(b"HTTP/1.1 400 ")


def test_paths_beside_the_table_are_starlettes(client):
    assert client.get("/extra").text == "extra"


def test_expect_continue_is_answered(door):
    with connect(door) as peer:
        peer.sendall(b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.sendall(b"abc")
        assert b'"size":3' in read_all(peer)


def test_a_stream_is_written_as_events_come(driver, app, client):
    with client.stream("GET", "/stream") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        assert next(lines) == ":ok"
        driver.call(app.source.push, b"event: a\n")
        driver.call(app.source.push, b"data: 1\n\n")
        assert [next(lines) for _ in range(3)] == ["", "event: a", "data: 1"]


def test_a_reader_that_leaves_closes_its_stream(app, door):
    peer = connect(door)
    peer.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert app.source.opened.wait(20)
    peer.close()
    assert app.source.ended.wait(20)


def test_what_came_in_one_turn_is_sent_once(driver, app, door):
    with connect(door) as peer:
        peer.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert app.source.opened.wait(20)
        while b":ok" not in peer.recv(1000):
            pass

        def burst():
            for _ in range(100):
                app.source.push(b"x")

        driver.call(burst)
        driver.call(app.source.close)
        driver.call(app.source.wake)
        assert read_all(peer).startswith(b"64\r\n" + b"x" * 100 + b"\r\n")


def test_closing_the_door_ends_streams_properly(app, door):
    with connect(door) as peer:
        peer.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert app.source.opened.wait(20)
        door.close()
        assert read_all(peer).endswith(b"0\r\n\r\n")
        assert app.source.closed
    with pytest.raises(OSError):
        connect(door)


def test_a_stream_that_gave_up_on_a_slow_reader_is_cut_while_others_go_on(driver, app, client, door):
    with connect(door) as slow:
        slow.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert app.source.opened.wait(20)
        for _ in range(100):
            driver.call(app.source.push, b"x" * 100_000)
        assert client.get("/a").status_code == 200
        driver.call(app.source.close)
        driver.call(app.source.wake)
        assert not read_all(slow).endswith(b"0\r\n\r\n")


def test_answers_are_not_held_back_by_nagles_delay(door):
    """asyncio turns the delay off only for sockets that say they are TCP."""
    door.port = 0
    with door._listener() as listener:
        assert listener.proto == socket.IPPROTO_TCP
