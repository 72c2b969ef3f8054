"""The same API over real HTTP on loopback, at real time."""

import json
import threading

import pytest

from emulator.cloud.api import Api, InlineTransport


@pytest.fixture
def u1(served):
    return served.rest.client(served.driver.call(served.user))


@pytest.fixture
def board(served):
    device, session = served.driver.call(lambda: served.claimed(served.user(), functions={"led": len}, variables={"count": 7}))
    return device, session


def test_a_developers_day_over_http(served, board, u1):
    device, _ = board
    assert u1.get("/v1/devices").json()[0]["id"] == device.id
    assert u1.put(f"/v1/devices/{device.id}", json={"name": "lamp"}).json()["name"] == "lamp"
    assert u1.post("/v1/devices/lamp/led", data={"arg": "abc"}).json()["return_value"] == 3
    assert u1.get("/v1/devices/lamp/count").json()["result"] == 7
    assert u1.put("/v1/devices/lamp/ping").json() == {"online": True, "ok": True}
    assert u1.delete("/v1/devices/lamp").json() == {"ok": True}
    assert u1.get("/v1/devices").json() == []


def test_a_device_that_answers_later_is_waited_for(served, board, u1):
    device, session = board
    reply = served.driver.reply()
    session.call = lambda name, argument: reply
    results = []
    asker = threading.Thread(target=lambda: results.append(u1.post(f"/v1/devices/{device.id}/led").json()))
    asker.start()
    served.driver.sleep(0.02)
    served.driver.call(reply.resolve, 9)
    asker.join(20)
    assert results[0]["return_value"] == 9


def test_events_are_streamed(served, board, u1):
    _, session = board
    with u1.stream("GET", "/v1/devices/events") as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == [":ok", ""]
        served.driver.call(session.event, "temperature", "21.5")
        name, data = next(lines), next(lines)
    assert name == "event: temperature"
    assert json.loads(data.removeprefix("data: "))["data"] == "21.5"


def test_a_stream_that_cannot_be_opened_says_so_in_json(u1):
    answer = u1.get("/v1/devices/" + "f" * 24 + "/events")
    assert answer.status_code == 403
    assert answer.json()["error"] == "Permission Denied"


def test_in_process_clients_work_on_a_served_cloud_too(served, board):
    rest = type(served.rest)(served, InlineTransport(Api(served.cloud), served.driver))
    client = rest.client(served.driver.call(served.user))
    assert client.post(f"/v1/devices/{board[0].id}/led", data={"arg": "ab"}).json()["return_value"] == 2
    rest.close()
