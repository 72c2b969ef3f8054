"""A served Lab: the same boards and cloud, on real sockets, for programs outside."""

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.lab import Lab
from emulator.serving import Service


@pytest.fixture
def lab():
    with Lab(seed=1, served=True) as made:
        made.driver.call(made.network.access_point, "lab", "secret123")
        yield made


def test_only_a_served_lab_can_be_served():
    with Lab() as lab, pytest.raises(TypeError, match=r"Lab\(served=True\)"):
        Service(lab)


def test_a_board_is_claimed_over_http_and_tcp(lab):
    with Service(lab) as service, httpx.Client(base_url=service.url) as client:
        lab.driver.call(lab.cloud.accounts.create, "me@example.com", "passw0rd")
        form = {
            "username": "me@example.com",
            "password": "passw0rd",
            "grant_type": "password",
            "client_id": "particle",
            "client_secret": "particle",
        }
        client.headers["Authorization"] = "Bearer " + client.post("/oauth/token", data=form).json()["access_token"]
        board = lab.add_board(BoardSpec(networks=[StoredNetwork("lab", 3, "secret123")]))
        lab.driver.wait(lambda: board.led.describe() == "breathing cyan", [board.changed], timeout=30, awaited="breathing cyan")
        lab.driver.sleep(0.5)
        assert lab.driver.call(lambda: lab.device_service.sessions[0].peer).startswith("127.0.0.1:")
        assert client.post("/v1/devices", data={"id": board.device_id}).json()["ok"] is True
        assert client.post(f"/v1/devices/{board.device_id}/digitalwrite", data={"arg": "D7,HIGH"}).json()["return_value"] == 1


def test_a_taken_port_leaves_nothing_behind(lab):
    with Service(lab) as service:
        port = service.device_address[1]
        with pytest.raises(OSError, match="in use"):
            Service(lab, device_port=port)
