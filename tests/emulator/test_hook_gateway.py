"""The way out for webhooks, with servers that answer well, badly, for ever, and not at all."""

from __future__ import annotations

import gzip
import http.server
import socket
import threading
from contextlib import contextmanager

import pytest

from emulator.cloud import CloudSettings
from emulator.cloud.hook_requests import HookRequest
from emulator.destinations import Destinations
from emulator.drivers.served import ServedDriver
from emulator.hook_gateway import HttpGateway


def wait(driver, reply):
    driver.wait(lambda: reply.done, [reply.settled], timeout=30, awaited="the answer of a server")
    return reply.result()


def request_to(url, method="POST", headers=(), body=b"", **more):
    return HookRequest("hook", method, url, tuple(headers), body, **more)


class Out:
    """A gateway on a driver of its own."""

    def __init__(self, opened=("127.0.0.1",), **settings):
        self.driver = ServedDriver()
        self.gateway = HttpGateway(self.driver, CloudSettings(**settings), Destinations(opened))

    def submit(self, request):
        return self.driver.call(self.gateway, request)

    def send(self, request):
        return wait(self.driver, self.submit(request))

    def close(self):
        self.gateway.close()
        self.driver.close()


@pytest.fixture
def out():
    """`out(**settings)` makes a gateway; `opened` is where it may go."""
    made = []

    def make(*arguments, **settings):
        made.append(Out(*arguments, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_POST(self):
        self.server.asked.append((self.path, dict(self.headers), self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        self.server.answer(self)

    def do_GET(self):
        self.do_POST()

    def log_message(self, *arguments):
        pass


def says(status, body=b"", **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def serving(answer):
    """A server; gives it and its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.answer = [], answer
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def listening(handle):
    """A server of bare sockets: `handle(socket)` for each connection, in a thread. `ended` is set in the end."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    peer = listener.accept()[0]
                except OSError:
                    return
                if ended.is_set():
                    peer.close()
                    return
                threads.append(threading.Thread(target=run, args=(peer,)))
                threads[-1].start()

        def run(peer):
            with peer:
                try:
                    handle(peer, ended)
                except OSError:
                    pass

        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            ended.set()
            with socket.create_connection(listener.getsockname()):
                pass
            for thread in tuple(threads):
                thread.join()


def test_a_request_goes_out_over_http(out):
    with serving(says(201, b"done")) as (server, url):
        request = request_to(f"{url}/in?a=1", headers=[("X-Test", "yes"), ("Host", "other.test")], body=b"body", username="u", password="p")
        response = out().send(request)
    assert (response.status, response.text) == (201, "done")
    ((path, headers, body),) = server.asked
    assert (path, headers["X-Test"], headers["Host"], body) == ("/in?a=1", "yes", "other.test", b"body")
    assert (headers["Authorization"], headers["Accept-Encoding"]) == ("Basic dTpw", "identity")


def test_a_login_can_stand_in_the_url(out):
    with serving(says(200)) as (server, url):
        out().send(request_to(url.replace("://", "://u%40x:p@"), "GET"))
    assert server.asked[0][1]["Authorization"] == "Basic dUB4OnA="


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nowhere.invalid/", "http://[::1", "ftp://127.0.0.1/", "http:///x", "x", ""])
@pytest.mark.parametrize("verify", [True, False])
def test_what_cannot_be_reached_is_a_failed_connection(out, url, verify):
    with pytest.raises(OSError, match=r".+"):
        out().send(request_to(url, verify=verify))


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("a b", "c"), ("", "x"), ("X", "\0")])
def test_a_header_that_cannot_be_one_fails_and_nothing_else(out, header):
    with serving(says(200)) as (server, url):
        gateway = out()
        with pytest.raises(OSError, match=r".+"):
            gateway.send(request_to(url, headers=[header]))
        assert server.asked == []
        assert gateway.send(request_to(url)).status == 200


def test_a_webhook_does_not_say_how_the_connection_is_used(out):
    smuggled = [("Transfer-Encoding", "chunked"), ("Content-Length", "99"), ("Connection", "upgrade"), ("Accept-Encoding", "gzip, br")]
    with serving(says(200)) as (server, url):
        out().send(request_to(url, headers=smuggled, body=b"xyz"))
    ((_, headers, body),) = server.asked
    assert (headers["Accept-Encoding"], headers["Content-Length"], body) == ("identity", "3", b"xyz")
    assert not {"Transfer-Encoding", "Connection"} & set(headers)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://127.1:{port}/"]
)
def test_a_service_of_this_computer_is_not_reached_unless_it_was_opened(out, url):
    with serving(says(200)) as (server, base):
        port = base.rpartition(":")[2]
        with pytest.raises(PermissionError, match=r"is no public address; `--allow-webhook .+` opens it"):
            out(opened=()).send(request_to(url.format(port=port)))
        with pytest.raises(PermissionError, match="--allow-webhook"):
            out(opened=["127.0.0.1:1"]).send(request_to(base))
        assert server.asked == []
        assert out(opened=[f"127.0.0.1:{port}"]).send(request_to(base)).status == 200


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(out, monkeypatch):
    """A name whose owner lets it mean a public address first, and this computer the next time."""
    asked = []

    def getaddrinfo(host, port, *arguments, **more):
        asked.append(host)
        address = "203.0.113.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []
    monkeypatch.setattr("emulator.destinations.is_public", lambda address: not address.is_loopback)
    monkeypatch.setattr("emulator.destinations.socket.getaddrinfo", getaddrinfo)
    gateway = out(opened=(), hook_timeout=2)

    async def connect_tcp(self, host, *arguments, **more):
        connected.append(host)
        raise ConnectionError("far away")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect_tcp)
    with pytest.raises(ConnectionError, match="far away"):
        gateway.send(request_to("http://rebound.test/"))
    assert (asked, connected) == (["rebound.test"], ["203.0.113.1"])


def test_a_redirect_leads_nowhere_and_no_cookie_is_kept(out):
    with serving(says(302, Location="/elsewhere", Set_Cookie="id=1")) as (server, url):
        gateway = out()
        assert [gateway.send(request_to(f"{url}/in")).status for _ in range(2)] == [302, 302]
    assert [(path, "Cookie" in headers) for path, headers, _ in server.asked] == [("/in", False)] * 2


def test_no_proxy_of_the_user_is_used(out, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with serving(says(200)) as (_, url):
        assert out().send(request_to(url)).status == 200


def test_an_answer_that_unfolds_is_not_unfolded(out):
    bomb = gzip.compress(bytes(10_000_000))
    answer = says(200, bomb, Content_Encoding="gzip", Content_Length=str(len(bomb)))
    with serving(answer) as (_, url), pytest.raises(ConnectionError, match="packed as 'gzip', which was not asked for"):
        out().send(request_to(url))


def test_of_a_long_answer_so_much_is_read_and_no_more(out):
    sent = []

    def flood(peer, ended):
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not ended.is_set():
            peer.sendall(bytes(65536))
            sent.append(65536)

    with listening(flood) as url:
        assert len(out().send(request_to(url)).body) == 100 * 1024
    assert sum(sent) < 20_000_000, "the connection was closed, what the kernel buffers aside"


@pytest.mark.parametrize("opening", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_server_that_drips_has_so_long_from_beginning_to_end(out, opening):
    def drip(peer, ended):
        peer.sendall(opening)
        while not ended.wait(0.02):
            peer.sendall(b"x")

    with listening(drip) as url:
        gateway = out(hook_timeout=0.3, hooks_at_once=2)
        replies = [gateway.submit(request_to(url)) for _ in range(6)]
        for reply in replies:
            with pytest.raises(TimeoutError, match=r"no whole answer within 0\.3 s"):
                wait(gateway.driver, reply)
        assert gateway.driver.call(lambda: gateway.gateway.under_way) == 0


def test_a_server_that_hangs_makes_so_many_requests_wait_and_no_more(out):
    gateway = out(hooks_at_once=1, hooks_waiting=2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        request = request_to(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        under_way = [gateway.submit(request) for _ in range(2)]
        with pytest.raises(ConnectionError, match="2 requests wait for an answer already"):
            gateway.send(request)
        assert not any(reply.done for reply in under_way)
        silent.accept()[0].close()
        with pytest.raises(ConnectionError):
            wait(gateway.driver, under_way[0])
        again = gateway.submit(request)
        for reply in (under_way[1], again):
            silent.accept()[0].close()
            with pytest.raises(ConnectionError):
                wait(gateway.driver, reply)


def test_what_is_under_way_is_abandoned_when_the_server_stops(out):
    with listening(lambda peer, ended: ended.wait(60)) as url:
        gateway = out(hooks_at_once=2)
        replies = [gateway.submit(request_to(url)) for _ in range(4)]
        gateway.gateway.close()
        assert all(reply.done for reply in replies)
        for reply in (*replies, gateway.submit(request_to(url))):
            with pytest.raises(ConnectionError, match="the server stops"):
                wait(gateway.driver, reply)


def test_a_name_server_that_takes_its_time_holds_up_nothing(out, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr("emulator.destinations.socket.getaddrinfo", lambda *arguments, **more: ended.wait(60) and [])
    gateway = out(hook_timeout=0.2)
    with pytest.raises(TimeoutError):
        gateway.send(request_to("http://slow.test/"))
    reply = gateway.submit(request_to("http://slow.test/"))
    gateway.gateway.close()
    ended.set()
    with pytest.raises(OSError, match=r".+"):
        wait(gateway.driver, reply)
