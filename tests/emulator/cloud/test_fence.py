"""What fails in a listener, a hook or a decoder reaches neither the connection of a device nor the answer to whoever published."""

from __future__ import annotations

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import Storage
from emulator.cloud.api import Api, InlineTransport
from emulator.cloud.hook_requests import HookResponse
from emulator.lab import Lab

pytestmark = pytest.mark.mishaps
HOME = StoredNetwork("lab", 3, "secret123")


class Boom(Exception):
    """What nobody foresaw."""


def boom(*arguments, **more):
    raise Boom


class Online:
    """A Lab with a board that is online, and a client of whoever owns it."""

    def __init__(self, make_board, storage=None):
        self.lab = Lab(storage=storage)
        self.cloud = self.lab.cloud
        self.lab.network.access_point("lab", "secret123")
        self.board = make_board(self.lab, HOME)
        self.cloud.accounts.create("me@example.com", "passw0rd")
        self.client = httpx.Client(transport=InlineTransport(Api(self.cloud), self.lab.driver), base_url="http://cloud.test", timeout=60)
        form = {"grant_type": "password", "client_id": "particle", "client_secret": "particle"}
        token = self.client.post("/oauth/token", data={**form, "username": "me@example.com", "password": "passw0rd"}).json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.lab.driver.wait(self.breathes_cyan, [self.board.changed], timeout=60, awaited="breathing cyan")
        assert self.client.post("/v1/devices", data={"id": self.board.device_id}).status_code == 200

    def breathes_cyan(self):
        return self.board.led.describe() == "breathing cyan"

    def publish(self, name="temp", data="x"):
        return self.client.post("/v1/devices/events", json={"name": name, "data": data})

    def still_online(self):
        """Some time later the same session is there, and the device is reached in it."""
        (session,) = self.lab.device_service.sessions
        self.lab.driver.sleep(60)
        assert self.lab.device_service.sessions == [session]
        assert self.client.put(f"/v1/devices/{self.board.device_id}/ping").json()["online"] is True

    @property
    def mishaps(self):
        return set(self.cloud.core.mishaps.counted)

    def close(self):
        self.client.close()
        self.lab.close()


@pytest.fixture
def online(make_board):
    made = Online(make_board)
    yield made
    made.close()


@pytest.fixture
def make_board():
    def make(lab, network):
        return lab.add_board(BoardSpec(networks=(network,)))

    return make


def test_a_listener_that_fails_harms_nobody_else(online):
    heard = []
    who = online.cloud.tokens.principal(online.client.headers["authorization"].split()[1])
    for listener in (boom, heard.append, boom):
        online.cloud.events.subscribe(who, listener)
    online.cloud.events.taps.insert(0, boom)
    assert online.publish().status_code == 200
    assert [event.name for event in heard] == ["temp"]
    assert online.mishaps == {"a listener of events: Boom", "what an event sets off: Boom"}
    online.still_online()


def test_a_device_that_cannot_be_reached_with_an_event_harms_nobody_else(online, monkeypatch):
    monkeypatch.setattr("emulator.cloud.device_service.session.Session.publish", boom)
    assert online.publish().status_code == 200
    assert online.mishaps == {"an event for a device: Boom"}
    online.still_online()


@pytest.mark.parametrize("what", ["emulator.cloud.webhooks.compose", "emulator.cloud.vault.Vault.open_for"])
def test_a_hook_that_fails_before_it_is_sent(online, monkeypatch, what):
    facts = {"integration_type": "Webhook", "event": "temp", "url": "http://x.example"}
    assert online.client.post("/v1/integrations", json=facts).status_code == 201
    if "Vault" in what:
        online.cloud.webhooks.secrets = boom
    else:
        monkeypatch.setattr(what, boom)
    assert online.publish().status_code == 200
    assert online.mishaps == {"a webhook: Boom"}
    online.still_online()


@pytest.mark.parametrize("delay", [0, 5])
def test_a_hook_whose_way_out_fails_tells_so_and_goes_on(online, delay):
    told = []
    who = online.cloud.tokens.principal(online.client.headers["authorization"].split()[1])
    online.cloud.events.subscribe(who, told.append, "hook-")
    facts = {"integration_type": "Webhook", "event": "temp", "url": "http://x.example"}
    hook = online.client.post("/v1/integrations", json=facts).json()["id"]
    online.lab.hooks.answer, online.lab.hooks.delay = boom, delay
    assert online.publish().status_code == 200
    online.lab.driver.sleep(10)
    assert [event.name for event in told] == ["hook-sent/temp", "hook-error/temp/0"]
    assert "error occurred" in online.client.post(f"/v1/integrations/{hook}/test").text
    assert online.mishaps == {"sending a webhook's request: Boom"}
    online.still_online()


@pytest.mark.parametrize("delay", [0, 5])
def test_a_hook_that_fails_with_its_answer(online, monkeypatch, delay):
    facts = {"integration_type": "Webhook", "event": "temp", "url": "http://x.example"}
    assert online.client.post("/v1/integrations", json=facts).status_code == 201
    online.lab.hooks.answer, online.lab.hooks.delay = lambda request: HookResponse(200, b"fine"), delay
    monkeypatch.setattr(online.cloud.webhooks.logs, "note", boom)
    monkeypatch.setattr("emulator.cloud.webhooks.Webhooks._respond", boom)
    assert online.publish().status_code == 200
    online.lab.driver.sleep(10)
    assert "the log of a webhook: Boom" in online.mishaps
    assert online.mishaps & {"a webhook: Boom", "the answer to a webhook: Boom"}
    online.still_online()


DECODERS = [
    "emulator.cloud.device_service.session.Event.decode",
    "emulator.cloud.device_service.session.Subscription.decode",
    "emulator.cloud.device_service.session.Message.decode",
    "emulator.cloud.device_service.session.Kind.of",
]


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_that_fails_costs_the_message_alone(online, monkeypatch, decoder):
    (session,) = online.lab.device_service.sessions
    before = session.dropped
    with monkeypatch.context() as broken:
        broken.setattr(decoder, boom)
        session.received(bytes.fromhex("50021d58b1450474656d70ff31"))
        session.received(bytes.fromhex("40011d59b1650173"))
    assert session.dropped > before
    assert online.mishaps == {"reading a message of a device: Boom"}
    assert "it could not be taken in (Boom)" in online.cloud.device_log.dropped[-1].why
    online.still_online()


@pytest.mark.parametrize("listens", ["session_opened", "heard", "described", "event_received", "vitals_received", "session_closed"])
def test_what_the_cloud_fails_in_does_not_reach_the_connection(online, monkeypatch, listens):
    """Connected anew, with one of the cloud's ears broken: a board is only turned away where it cannot be taken in at all."""
    with monkeypatch.context() as broken:
        broken.setattr(online.cloud.arrivals, listens, boom)
        online.board.power_off()
        online.board.power_on()
        online.lab.driver.sleep(60)
        assert len(online.lab.device_service.sessions) == (0 if listens == "session_opened" else 1)
    online.lab.driver.wait(online.breathes_cyan, [online.board.changed], timeout=120, awaited="breathing cyan")
    online.lab.driver.sleep(60)
    if listens not in ("session_opened", "session_closed", "vitals_received"):
        online.still_online()
    assert all(kind.endswith("Boom") for kind in online.mishaps)


def test_an_answer_that_cannot_be_taken_in_is_an_answer_to_whoever_asked(online, monkeypatch, caplog):
    monkeypatch.setattr("emulator.cloud.device_service.session.decode_function_result", boom)
    answer = online.client.post(f"/v1/devices/{online.board.device_id}/digitalread", data={"arg": "D7"})
    assert answer.status_code == 500
    online.still_online()


def test_what_a_failed_listener_changed_is_undone_and_the_rest_is_kept(online):
    """Inside a transaction that others share."""
    users = online.cloud.core.state.tables["users"]
    (user,) = users

    def half(event):
        with online.cloud.core.change():
            users.remove(user.id)
            raise Boom

    online.cloud.events.taps.append(half)
    with online.cloud.core.change():
        made = online.cloud.accounts.create("two@example.com", "passw0rd")
        online.publish()
    assert {each.id for each in users} == {user.id, made.id}


def test_a_full_disk_harms_no_connection(make_board, tmp_path):
    storage = Storage(tmp_path / "s.db")
    made = Online(make_board, storage)
    (pages,) = storage._connection.execute("PRAGMA page_count").fetchone()
    storage._connection.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(1_100):
        assert made.publish().status_code == 200
    made.still_online()
    storage._connection.execute("PRAGMA max_page_count = 1000000")
    made.close()
