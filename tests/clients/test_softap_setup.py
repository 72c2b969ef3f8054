"""The vendor's set-up client, unmodified, sets a served Photon up over TCP and HTTP, claims it by code, and reads its claim bit."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from harness.boards import Moniker, OpenOptions, Serving
from harness.boards.emu import KIND
from harness.modes import Mode

SCRIPT = Path(__file__).with_name("set_up.js")

pytestmark = pytest.mark.slow("fetches and starts the set-up client")


@pytest.fixture
def set_up(softap_setup, node):
    """Runs the client against an address; gives what it was answered."""

    def run(protocol, address, code="", ssid="", password=""):
        arguments = [protocol, address[0], str(address[1]), code, ssid, password, "wpa2_aes"]
        environment = {**os.environ, "NODE_NO_WARNINGS": "1"}
        done = subprocess.run(
            [node, SCRIPT, softap_setup, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


@contextmanager
def served(moniker):
    rig = KIND.open([Moniker.parse(moniker)], OpenOptions(served=True, serving=Serving(password="a long enough one")))
    try:
        yield rig
    finally:
        rig.close()


@pytest.mark.rule("R8", "R62", "R64")
@pytest.mark.parametrize(("platform", "protocol"), [("photon", "tcp"), ("photon", "http"), ("p1", "tcp")])
def test_a_board_is_set_up_claimed_by_code_and_its_claim_bit_read(set_up, platform, protocol):
    with served(f"emu:{platform}") as rig:
        (board,) = rig.boards
        address = getattr(rig.service.setup[board.device_id], protocol)
        with httpx.Client(base_url=rig.cloud.url) as cloud:
            form = {"grant_type": "password", "client_id": "particle", "client_secret": "particle"}
            token = cloud.post("/oauth/token", data={**form, "username": rig.cloud.username, "password": rig.cloud.password}).json()
            cloud.headers["Authorization"] = f"Bearer {token['access_token']}"
            code = cloud.post("/v1/device_claims").json()["claim_code"]
            first = set_up(protocol, address, code, rig.wifi.ssid, rig.wifi.password)
            assert first["version"] == {"v": 2}
            assert first["info"] == {"id": board.device_id, "claimed": False}
            assert {"ssid": rig.wifi.ssid, "rssi": -52, "sec": 0x400004, "ch": 6, "mdr": 54000} in first["scan"]
            assert first["key"].startswith("-----BEGIN PUBLIC KEY-----")
            assert (first["refused"], first["short"], first["corp"]) == ({"r": -2}, {"r": -4}, {"r": -2})
            assert first["configured"] == {"r": 0}
            board.wait_for(Mode.ONLINE)
            board.until(
                lambda: [each["id"] for each in cloud.get("/v1/devices").json()] == [board.device_id] and board.claim_bit(),
                timeout=20,
                awaited="it to show up among the devices of who asked for the code, and to know of it",
                seen=lambda: cloud.get("/v1/devices").text,
            )
            assert cloud.delete(f"/v1/devices/{board.device_id}").status_code == 200
        board.enter_listening()
        assert set_up(protocol, address)["info"] == {"id": board.device_id, "claimed": True}, "unclaiming does not clear it"


def test_nothing_of_the_client_was_changed(softap_setup):
    told = json.loads((softap_setup / "node_modules/@particle/softap-setup/package.json").read_text())
    assert (told["name"], told["version"]) == ("@particle/softap-setup", "4.1.2")
