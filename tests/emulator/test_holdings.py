"""What came and went leaves nothing behind: what a Lab and its service hold is counted before and after."""

from __future__ import annotations

import socket

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings, RateLimits
from emulator.cloud.api import Api, InlineTransport
from emulator.factory import user_part
from emulator.holdings import held, overdue
from emulator.lab import Lab
from emulator.serving import Service
from particle_protocol.platforms import platform_by_name

HOME = StoredNetwork("lab", 3, "secret123")
USER = {"username": "me@example.com", "password": "passw0rd"}
FORM = {"grant_type": "password", "client_id": "particle", "client_secret": "particle", **USER}


class Bench:
    """A Lab with a board that is off, and a client of its cloud."""

    def __init__(self, lab, service=None):
        self.lab, self.service = lab, service
        lab.driver.call(lab.network.access_point, "lab", "secret123")
        self.board = lab.add_board(BoardSpec(networks=(HOME,), mode="off"))
        lab.driver.call(lab.cloud.accounts.create, USER["username"], USER["password"])
        transport = InlineTransport(Api(lab.cloud), lab.driver) if service is None else None
        self.client = httpx.Client(transport=transport, base_url="http://cloud.test" if service is None else service.url, timeout=60)
        self.client.headers["Authorization"] = "Bearer " + self.client.post("/oauth/token", data=FORM).json()["access_token"]
        self.before = self.held()

    def held(self):
        return self.lab.driver.call(held, self.lab, self.service)

    def go_online(self):
        self.lab.driver.call(self.board.power_on)
        self.wait(lambda: self.lab.cloud.connections.online(self.board.device_id) and self.board.led.describe() == "breathing cyan")
        self.client.post("/v1/devices", data={"id": self.board.device_id})

    def wait(self, ready):
        """Let time pass until something is so."""
        for _ in range(1000):
            if self.lab.driver.call(ready):
                return
            self.lab.driver.sleep(0.05 if self.service is not None else 1.0)
        pytest.fail("it did not happen")

    def let_go(self):
        """All that is held is what was held before."""
        self.wait(lambda: held(self.lab, self.service) == self.before)

    def close(self):
        self.client.close()
        if self.service is not None:
            self.service.close()
        self.lab.close()


@pytest.fixture(params=["inline", "served"])
def bench(request):
    lab = Lab(served=request.param == "served", cloud_settings=CloudSettings(rate_limits=RateLimits()))
    made = Bench(lab, Service(lab, webhooks=["127.0.0.1"]) if request.param == "served" else None)
    yield made
    made.close()


def test_a_board_that_comes_and_goes(bench):
    bench.go_online()
    online = bench.held()
    assert (online["lines of devices"], online["connected devices"]) == (1, 1)
    bench.lab.driver.call(bench.board.power_off)
    bench.let_go()


def test_a_device_that_is_asked_and_answers_or_does_not(bench):
    bench.go_online()
    online = bench.held()
    assert bench.client.put(f"/v1/devices/{bench.board.device_id}/ping").json()["online"] is True
    assert bench.client.post(f"/v1/devices/{bench.board.device_id}/digitalread", data={"arg": "D7"}).status_code == 200
    assert bench.held() == online


def update(bench):
    """Have the board updated over the air, and wait until that is over."""
    files = {"file": ("app.bin", user_part(platform_by_name("photon"), "2.3.1"))}
    assert bench.client.put(f"/v1/devices/{bench.board.device_id}", files=files).status_code == 200
    bench.wait(lambda: bench.lab.cloud.updates.under_way == 0)
    bench.wait(lambda: not any(session.updating for session in bench.lab.device_service.sessions))


def test_an_update_that_ends_well(bench):
    bench.go_online()
    online = bench.held()
    update(bench)
    bench.wait(lambda: held(bench.lab, bench.service) == online)


def get_lost(monkeypatch):
    """What the cloud sends of an update does not arrive; all else does."""
    monkeypatch.setattr("emulator.cloud.device_service.session.Session.send", lambda session, message: True)


@pytest.mark.parametrize("bench", ["inline"], indirect=True)
def test_an_update_that_the_device_does_not_hear_of(bench, monkeypatch):
    bench.go_online()
    online = bench.held()
    get_lost(monkeypatch)
    update(bench)
    assert bench.held() == online


@pytest.mark.parametrize("bench", ["served"], indirect=True)
def test_a_stream_that_is_read_and_left(bench):
    for _ in range(3):
        with bench.client.stream("GET", "/v1/devices/events") as stream:
            said = stream.iter_raw()
            assert next(said).startswith(b":ok")
            reading = bench.held()
            assert (reading["HTTP streams"], reading["hearers of events"], reading["open event streams"]) == (1, 1, 1)
        bench.let_go()


@pytest.mark.parametrize("bench", ["served"], indirect=True)
def test_webhooks_whose_server_answers_badly(bench):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        bench.client.post("/v1/integrations", json={"integration_type": "Webhook", "event": "temp", "url": url})
        for _ in range(3):
            bench.client.post("/v1/devices/events", json={"name": "temp"})
        bench.wait(lambda: bench.service.hooks.under_way == 3)
        for _ in range(3):
            silent.accept()[0].close()
        bench.let_go()


def forget(monkeypatch, what):
    monkeypatch.setattr(what, lambda *arguments: None)


def test_what_is_over_and_held_is_found(monkeypatch):
    """The watch of all tests sees what was forgotten: a line, a question, a connection."""
    bench = Bench(Lab())
    bench.go_online()
    with monkeypatch.context() as broken:
        get_lost(broken)
        forget(broken, "emulator.cloud.device_service.session.Session.end_question")
        update(bench)
    (text,) = overdue(bench.lab.device_service)
    assert "holds 1 questions without an end, with 0 updates under way" in text
    (port,) = [port for port in bench.lab.device_service.ports if port.lines]
    (line,) = port.lines
    with monkeypatch.context() as broken:
        forget(broken, "emulator.cloud.connections.Connections.remove")
        bench.lab.driver.call(line.close, "so it shall be")
    port.lines.add(line)
    assert any("is held, though it is over" in text for text in overdue(bench.lab.device_service))
    assert any("is connected, though its session is over" in text for text in overdue(bench.lab.cloud))
    port.lines.clear()
    bench.lab.cloud.connections.clear()
    bench.close()
