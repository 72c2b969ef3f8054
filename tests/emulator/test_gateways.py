"""Where webhooks go in virtual time."""

import pytest

from emulator.cloud.hook_requests import HookRequest, HookResponse
from emulator.drivers.inline import InlineDriver
from emulator.gateways import HookSink


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
