"""Board, network and cloud together: from credentials to breathing cyan, and everything that can be in the way."""

import itertools
import random

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.api import Api, InlineTransport
from emulator.device_os.application import Application, every, function, variable
from emulator.factory import user_part
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.control_requests.generated import config_pb2
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.lightssl import DeviceKey, ServerKey
from particle_protocol.platforms import platform_by_name

PHOTON = platform_by_name("photon")
HOME = StoredNetwork("lab", 3, "secret123")


@pytest.fixture
def point(bench):
    return bench.lab.network.access_point("lab", "secret123")


@pytest.fixture
def online(bench, point):
    def make(**more):
        board = bench.board(networks=[HOME], **more)
        bench.wait_led(board, "breathing cyan")
        return board

    return make


@pytest.fixture
def rest(bench):
    """A client of the REST API with an account's token."""
    cloud = bench.lab.cloud
    cloud.accounts.create("me@example.com", "passw0rd")
    with httpx.Client(transport=InlineTransport(Api(cloud), bench.lab.driver), base_url="http://cloud.example") as client:
        form = {
            "username": "me@example.com",
            "password": "passw0rd",
            "grant_type": "password",
            "client_id": "particle",
            "client_secret": "particle",
        }
        token = client.post("/oauth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def colours(board):
    return [str(change.status) for change in board.led.timeline]


def test_the_led_tells_the_way_online(online):
    assert colours(online()) == [
        "breathing white",
        "breathing dark blue",
        "blinking green",
        "fast blinking green",
        "breathing green",
        "blinking cyan",
        "fast blinking cyan",
        "breathing cyan",
    ]


@pytest.mark.rule("R18")
def test_a_developer_device_is_claimed_only_while_online(bench, online, rest):
    board = online()
    other = bench.board()
    bench.sleep(1)
    refused = rest.post("/v1/devices", data={"id": other.device_id})
    assert refused.status_code == 404
    assert rest.post("/v1/devices", data={"id": board.device_id}).json()["ok"] is True
    assert [device["id"] for device in rest.get("/v1/devices").json()] == [board.device_id]


def test_rename_and_unclaim_work_while_the_device_is_off(bench, online, rest):
    board = online()
    rest.post("/v1/devices", data={"id": board.device_id})
    board.power_off()
    bench.sleep(60)
    assert rest.get(f"/v1/devices/{board.device_id}").json()["connected"] is False
    assert rest.put(f"/v1/devices/{board.device_id}", data={"name": "lamp"}).json()["name"] == "lamp"
    assert rest.delete(f"/v1/devices/{board.device_id}").json()["ok"] is True
    board.power_on()
    bench.wait_led(board, "breathing cyan")


def test_tinker_is_called_over_the_cloud(online, rest):
    board = online()
    rest.post("/v1/devices", data={"id": board.device_id})
    called = rest.post(f"/v1/devices/{board.device_id}/digitalwrite", data={"arg": "D7,HIGH"}).json()
    assert called["return_value"] == 1


class Thermometer(Application):
    limit = 30

    @function("setLimit")
    def set_limit(self, argument: str) -> int:
        self.limit = int(argument)
        return self.limit

    @variable("limit")
    def read_limit(self) -> int:
        return self.limit

    @every(10.0)
    def tick(self) -> None:
        self.publish("temperature", "21.5")


def test_an_application_is_a_python_class(bench, online, rest):
    bench.lab.applications["thermometer"] = Thermometer
    board = online(application="thermometer")
    rest.post("/v1/devices", data={"id": board.device_id})
    seen = []
    bench.lab.driver.call(lambda: bench.lab.cloud.events.subscribe(_principal(bench, rest), seen.append, prefix="temperature"))
    assert rest.post(f"/v1/devices/{board.device_id}/setLimit", data={"arg": "12"}).json()["return_value"] == 12
    assert rest.get(f"/v1/devices/{board.device_id}/limit").json()["result"] == 12
    bench.sleep(25)
    assert [(event.name, event.data, event.coreid) for event in seen] == [("temperature", "21.5", board.device_id)] * 2


def test_an_argument_that_is_too_long_for_the_board_is_named_as_such(bench, online, rest):
    bench.lab.applications["thermometer"] = Thermometer
    board = online(application="thermometer")
    rest.post("/v1/devices", data={"id": board.device_id})
    for length, why in ((700, "is longer than the device takes"), (900, "is longer than fits into a message")):
        answer = rest.post(f"/v1/devices/{board.device_id}/setLimit", data={"arg": "1" * length})
        assert answer.status_code == 400
        assert why in answer.text
    assert rest.get(f"/v1/devices/{board.device_id}/limit").json()["result"] == (10**622 // 9 + 2**31) % 2**32 - 2**31


class Patient(Application):
    def setup(self):
        self.publish_vitals(60)


@pytest.mark.parametrize("version", ["1.5.2", "2.3.1", "3.3.1"])
def test_vitals_come_when_they_are_asked_for_and_when_the_board_sends_them(bench, online, point, rest, version):
    bench.lab.applications["patient"] = Patient
    bench.sleep(3)
    board = online(application="patient", os=version)
    rest.post("/v1/devices", data={"id": board.device_id})
    posts = version != "1.5.2"
    bench.sleep(61)
    reports = rest.get(f"/v1/diagnostics/{board.device_id}").json()["diagnostics"]
    assert len(reports) == 2 * posts, "one at its start, one after a minute; before 2.0.0 none"
    point.switch_off()
    bench.sleep(5)
    point.switch_on()
    bench.wait_led(board, "breathing cyan")
    assert rest.post(f"/v1/diagnostics/{board.device_id}/update").status_code == 202
    bench.sleep(1)
    told = rest.get(f"/v1/diagnostics/{board.device_id}/last").json()["diagnostics"]["payload"]
    device = told["device"]
    assert told["service"]["coap"]["round_trip"] > 0
    assert (device["network"]["signal"]["strengthv"], device["network"]["signal"]["strength"]) == (-52, 96)
    network = {"status": "connected", "error": 0, "disconnects": 1, "attempts": 3, "disconnect_reason": "error"}
    assert device["network"]["connection"] == network
    assert device["cloud"]["connection"] == {
        "status": "connected",
        "error": 0,
        "attempts": 1,
        "disconnects": 1,
        "disconnect_reason": "network_disconnect",
    }
    assert device["system"]["uptime"] == int(board.firmware.diagnostics()[6]) - 1


class Counting(Application):
    runs = 0

    def setup(self):
        Counting.runs += 1


def test_an_application_runs_once_the_board_is_connected_and_once_a_boot(bench, point):
    Counting.runs = 0
    bench.lab.applications["counting"] = Counting
    point.switch_off()
    board = bench.board(application="counting", networks=[HOME])
    bench.sleep(10)
    assert Counting.runs == 0
    point.switch_on()
    bench.wait_led(board, "breathing cyan")
    point.switch_off()
    bench.sleep(5)
    point.switch_on()
    bench.wait_led(board, "breathing cyan")
    assert Counting.runs == 1


def _principal(bench, rest):
    return bench.lab.cloud.tokens.principal(rest.headers["Authorization"].removeprefix("Bearer "))


def test_an_unmet_dependency_ends_in_breathing_magenta(bench, point):
    board = bench.board(os="2.1.0", modules=[user_part(PHOTON, "2.2.0")], networks=[HOME])
    bench.wait_led(board, "breathing magenta")
    assert bench.lab.device_service.sessions[0].device_id == board.device_id


def test_a_wrong_password_keeps_blinking_green(bench, point):
    board = bench.board(networks=[StoredNetwork("lab", 3, "wrong password")])
    bench.sleep(30)
    assert board.led.describe() == "blinking green"
    assert "refused the password" in board.firmware.interfaces.wifi.failure


def test_a_wrong_server_key_on_the_board_is_named_on_both_sides(bench, point):
    board = bench.board(networks=[HOME], mode="off")
    board.settings.put(DctField.SERVER_PUBLIC_KEY, ServerKey.generate().public.der)
    board.power_on()
    bench.sleep(20)
    assert board.led.describe() in ("blinking cyan", "fast blinking cyan", "solid red")
    assert "breathing cyan" not in colours(board)
    assert "solid red" in colours(board)
    assert bench.lab.device_service.refusals


def test_an_unknown_device_key_is_refused_with_its_reason(bench, point):
    board = bench.board(networks=[HOME], mode="off")
    board.settings.put(DctField.DEVICE_PRIVATE_KEY, DeviceKey.generate().der)
    board.power_on()
    bench.sleep(20)
    assert "breathing cyan" not in colours(board)
    refusal = bench.lab.device_service.refusals[0]
    assert refusal.device_id == board.device_id
    assert "key" in refusal.why


def test_without_internet_the_led_blinks_orange_and_the_board_backs_off(bench, point):
    point.internet = False
    board = bench.board(networks=[HOME])
    bench.sleep(60)
    assert "blinking orange" in colours(board)
    point.internet = True
    bench.wait_led(board, "breathing cyan", timeout=200)


def shown(board, text):
    """For how many seconds each time the LED showed something, but for what it shows now."""
    timeline = board.led.timeline
    return {round(after.time - change.time, 3) for change, after in itertools.pairwise(timeline) if str(change.status) == text}


def test_the_led_blinks_orange_twice_without_internet_and_three_times_with_it(bench, point):
    point.internet = False
    board = bench.board(networks=[HOME])
    bench.sleep(20)
    assert shown(board, "blinking orange") == {1.0}
    point.internet = True
    board = bench.board(networks=[HOME], server=ServerAddress("198.51.100.9", 5683))
    bench.sleep(20)
    assert shown(board, "blinking orange") == {1.5}
    assert "refused the connection" in board.firmware.cloud.last_error


@pytest.mark.parametrize(("version", "colour"), [("0.7.0", "orange"), ("1.5.2", "orange"), ("2.0.1", "red"), ("3.3.1", "red")])
def test_a_wrong_device_key_is_orange_up_to_1_x(bench, point, version, colour):
    board = bench.board(networks=[HOME], mode="off", os=version)
    board.settings.put(DctField.DEVICE_PRIVATE_KEY, DeviceKey.generate().der)
    board.power_on()
    bench.sleep(20)
    assert shown(board, f"solid {colour}") == {0.25}
    assert {each for each in colours(board) if each.startswith("solid")} == {f"solid {colour}"}


def test_a_lost_network_is_joined_again(bench, online, point):
    board = online()
    point.switch_off()
    bench.sleep(10)
    assert board.led.describe() == "blinking green"
    point.switch_on()
    bench.wait_led(board, "breathing cyan")


def test_an_outage_of_the_link_is_noticed_by_both(bench, online, point):
    board = online()
    point.link.fail()
    bench.sleep(60)
    assert board.led.describe() != "breathing cyan"
    assert bench.lab.device_service.sessions == []
    point.link.restore()
    bench.wait_led(board, "breathing cyan", timeout=300)


def test_pings_keep_an_idle_connection(bench, online):
    board = online()
    bench.sleep(3600)
    assert board.led.describe() == "breathing cyan"
    assert len(bench.lab.device_service.sessions) == 1
    assert colours(board).count("breathing cyan") == 1


def test_listening_mode_hangs_up(bench, online):
    board = online()
    bench.request(board, RequestType.START_LISTENING)
    bench.sleep(1)
    assert board.led.describe() == "blinking dark blue"
    assert bench.lab.device_service.sessions == []


def test_a_claim_code_claims_at_the_next_handshake_and_sets_the_claimed_bit(bench, point, rest):
    code = rest.post("/v1/device_claims").json()["claim_code"]
    board = bench.board(networks=[])
    bench.sleep(1)
    bench.request(board, RequestType.SET_CLAIM_CODE, config_pb2.SetClaimCodeRequest(code=code).SerializeToString())
    board.networks.add(HOME)
    bench.request(board, RequestType.STOP_LISTENING)
    bench.wait_led(board, "breathing cyan")
    bench.sleep(2)
    assert [device["id"] for device in rest.get("/v1/devices").json()] == [board.device_id]
    assert board.settings.get(DctField.CLAIMED) == b"1"
    assert board.settings.get(DctField.CLAIM_CODE)[0] == 0
    rest.delete(f"/v1/devices/{board.device_id}")
    assert board.settings.get(DctField.CLAIMED) == b"1"


def test_the_cloud_can_send_a_board_into_dfu_mode(bench, online):
    board = online()
    bench.sleep(1)
    bench.lab.device_service.sessions[0].publish("spark/device/reset", "dfu")
    bench.sleep(2)
    assert board.led.describe() == "blinking yellow"


def test_a_server_in_the_dct_is_where_the_board_goes(bench, point):
    board = bench.board(networks=[HOME], mode="off")
    board.settings.put(DctField.SERVER_ADDRESS, ServerAddress("other.example", 5999).encode())
    seen = []
    bench.lab.network.names["other.example"] = "192.0.2.9"
    bench.lab.network.listen("192.0.2.9", 5999, seen.append)
    board.power_on()
    bench.sleep(5)
    assert len(seen) == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_server_that_speaks_nonsense_never_wedges_a_board(bench, point, seed):
    rng = random.Random(seed)
    board = bench.board(networks=[HOME])

    def nonsense(stream):
        stream.write(rng.randbytes(rng.choice([1, 39, 40, 41, 424, 600, 2000])))
        if rng.random() < 0.5:
            stream.close()

    bench.lab.network.listen("192.0.2.1", 5683, nonsense)
    bench.sleep(120)
    assert "breathing cyan" not in colours(board)
    bench.lab.network.listen("192.0.2.1", 5683, bench.lab.ports[0].accept)
    bench.wait_led(board, "breathing cyan", timeout=600)


@pytest.mark.parametrize("version", ["0.7.0", "1.5.2", "2.0.0", "2.1.0", "2.2.0", "2.3.1", "3.0.0", "3.3.1"])
def test_every_release_for_the_photon_gets_online(bench, online, rest, version):
    board = online(os=version)
    bench.sleep(2)
    assert rest.post("/v1/devices", data={"id": board.device_id}).status_code == 200
    assert rest.get(f"/v1/devices/{board.device_id}").json()["functions"] == ["digitalread", "digitalwrite", "analogread", "analogwrite"]


def test_a_webhook_ends_in_the_lab(bench, online, rest):
    board = online()
    rest.post("/v1/devices", data={"id": board.device_id})
    made = rest.post(
        "/v1/integrations",
        json={"integration_type": "Webhook", "event": "temperature", "url": "http://hooks.example/in", "requestType": "POST"},
    )
    assert made.status_code < 300, made.text
    board.firmware.cloud.publish("temperature", "21.5", ttl=60, public=False, with_ack=False)
    bench.sleep(2)
    assert [request.url for request in bench.lab.hooks.requests] == ["http://hooks.example/in"]
