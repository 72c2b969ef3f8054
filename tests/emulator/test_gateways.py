"""The ways out of a Lab."""

import http.server
import socket
import threading

import pytest

from emulator.cloud.hook_requests import HookRequest, HookResponse
from emulator.drivers.inline import InlineDriver
from emulator.drivers.served import ServedDriver
from emulator.gateways import HookSink, HttpGateway


def wait(driver, reply):
    driver.wait(lambda: reply.done, [reply.settled], timeout=30, awaited="the answer of a server")
    return reply.result()


def test_a_sink_keeps_what_came_and_answers_as_told():
    driver = InlineDriver()
    sink = HookSink(driver)
    request = HookRequest("hook", "POST", "http://x.example/", body=b"hi")
    assert wait(driver, sink(request)) == HookResponse(200)
    sink.answer = lambda request: HookResponse(201, request.body.upper())
    assert wait(driver, sink(request)).text == "HI"
    assert sink.requests == [request, request]


def test_a_sink_can_take_its_time_and_fail():
    driver = InlineDriver()

    def refuse(request):
        raise ConnectionError("refused")

    sink = HookSink(driver, refuse, delay=5.0)
    reply = sink(HookRequest("hook", "GET", "http://x.example/"))
    assert not reply.done
    with pytest.raises(ConnectionError, match="refused"):
        wait(driver, reply)
    assert driver.clock.now == 5.0


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = f"{self.path} {self.headers['X-Test']} {self.headers['Authorization']} {body.decode()}"
        self.send_response(201)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def served():
    driver = ServedDriver()
    gateway = HttpGateway(driver, timeout=5)
    yield driver, gateway
    gateway.close()
    driver.close()


def test_a_request_goes_out_over_http(served):
    driver, gateway = served
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/in?a=1"
        request = HookRequest("hook", "POST", url, (("X-Test", "yes"),), b"body", "u", "p")
        response = wait(driver, driver.call(gateway, request))
        server.shutdown()
        thread.join()
    assert (response.status, response.text) == (201, "/in?a=1 yes Basic dTpw body")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nowhere.invalid/", "http://[::1"])
@pytest.mark.parametrize("verify", [True, False])
def test_what_cannot_be_reached_is_a_failed_connection(served, url, verify):
    driver, gateway = served
    with pytest.raises(OSError, match=r".+"):
        wait(driver, driver.call(gateway, HookRequest("hook", "POST", url, verify=verify)))


def test_a_server_that_hangs_makes_so_many_requests_wait_and_no_more():
    driver = ServedDriver()
    gateway = HttpGateway(driver, timeout=30, at_once=1, max_waiting=2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        request = HookRequest("hook", "GET", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        under_way = [driver.call(gateway, request) for _ in range(2)]
        with pytest.raises(ConnectionError, match="2 requests wait for an answer already"):
            wait(driver, driver.call(gateway, request))
        assert not any(reply.done for reply in under_way)
        silent.accept()[0].close()
        with pytest.raises(ConnectionError):
            wait(driver, under_way[0])
        again = driver.call(gateway, request)
        for reply in (under_way[1], again):
            silent.accept()[0].close()
            with pytest.raises(ConnectionError):
                wait(driver, reply)
    gateway.close()
    driver.close()
