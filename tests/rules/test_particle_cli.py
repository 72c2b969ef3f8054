"""The claiming rules with unmodified particle-cli and an emulated board, both on the same served cloud."""

from __future__ import annotations

import json
import os
import subprocess

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud.api import Api
from emulator.cloud.api.asgi import CloudApp
from emulator.doors.http import HttpDoor
from emulator.factory import user_part
from emulator.lab import Lab
from particle_protocol.platforms import platform_by_name

pytestmark = [
    pytest.mark.tool("particle-cli"),
    pytest.mark.slow("starts particle-cli a dozen times, which takes a minute"),
]
PHOTON, OS = platform_by_name("photon"), "2.3.1"


class Served:
    """A Lab at real time with its REST API on loopback; `requests` is what came in, in order: method, path, body."""

    def __init__(self):
        self.lab = Lab(seed=1, served=True)
        self.requests: list[tuple[str, str, bytes]] = []
        api = Api(self.lab.cloud)

        def answer(request):
            self.requests.append((request.method, request.path, request.body))
            return api.answer(request)

        app = CloudApp(answer, self.lab.driver)
        self.door = HttpDoor(self.lab.driver, app, before_close=app.end_streams)
        self.door.open()
        self.lab.driver.call(self.lab.network.access_point, "lab", "secret123")

    def board(self, **more):
        return self.lab.add_board(BoardSpec(networks=[StoredNetwork("lab", 3, "secret123")], **more))

    def wait(self, board, ready, awaited):
        self.lab.driver.wait(ready, [board.changed], timeout=60, awaited=awaited)

    def switch_on(self, board):
        """Switch a board on, and wait until it breathes cyan."""
        self.lab.driver.call(board.power_on)
        self.settle(board)

    def settle(self, board):
        self.wait(board, lambda: board.led.describe() == "breathing cyan", "breathing cyan")

    def client(self, name):
        """Somebody who has signed up, over HTTP."""
        username = f"{name}@example.com"
        facts = {"username": username, "password": "secret"}
        httpx.post(f"{self.door.url}/v1/users", json=facts)
        form = {**facts, "grant_type": "password", "client_id": "particle", "client_secret": "particle"}
        token = httpx.post(f"{self.door.url}/oauth/token", data=form).json()["access_token"]
        made = httpx.Client(base_url=self.door.url, headers={"Authorization": f"Bearer {token}"})
        made.username = username
        return made

    def close(self):
        self.door.close()
        self.lab.close()


@pytest.fixture
def served():
    made = Served()
    yield made
    made.close()


@pytest.fixture
def log_in(served, clients, node, tmp_path):
    """`log_in(name)`: a new developer's REST client, and that developer's particle-cli, which gives what it printed."""
    program = clients / "node_modules/particle-cli/src/index.js"
    made = []

    def start(name):
        client = served.client(name)
        made.append(client)
        home = tmp_path / name
        (home / ".particle").mkdir(parents=True)
        (home / ".particle/profile.json").write_text('{"name":"particle"}')
        (home / ".particle/particle.config.json").write_text(json.dumps({"apiUrl": served.door.url}))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "NO_PROXY": "127.0.0.1",
            "FORCE_COLOR": "0",
            "PARTICLE_DISABLE_UPDATE": "1",
            "NODE_COMPILE_CACHE": str(clients / "compiled"),
        }
        how = {"env": environment, "cwd": home, "capture_output": True, "text": True, "timeout": 120, "check": False}

        def cli(*arguments, ok=True, answer=""):
            done = subprocess.run([node, program, *arguments], input=answer, **how)
            assert (done.returncode == 0) is ok, f"particle {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
            return done.stdout + done.stderr

        cli("login", "--username", client.username, "--password", "secret")
        return client, cli

    yield start
    for each in made:
        each.close()


def owned(client):
    return [device["id"] for device in client.get("/v1/devices").json()]


@pytest.mark.rule("R18", "R33", "R40", "R41", "R59", "R67", "R68")
def test_a_board_is_added_asked_for_and_removed(served, log_in):
    (mine, u1), (theirs, u2) = log_in("u1"), log_in("u2")
    board = served.board(mode="off")
    assert "Failed to claim device" in u1("device", "add", board.device_id, ok=False)
    assert owned(mine) == []
    served.switch_on(board)
    assert "device not found" in u1("device", "add", board.device_id[:-1], ok=False)
    assert f"Successfully claimed device {board.device_id}" in u1("device", "add", board.device_id)
    assert mine.get(f"/v1/devices/{board.device_id}").json()["name"] is None
    assert "lamp" in u1("device", "rename", board.device_id, "lamp")
    assert mine.get("/v1/devices/lamp").json()["id"] == board.device_id

    assert "belongs to someone else" in u2("device", "add", board.device_id, answer="n\n", ok=False)
    assert mine.get("/emulator/mails").json()["mails"] == []
    assert "Transfer requested" in u2("device", "add", board.device_id, answer="y\n")
    (mail,) = mine.get("/emulator/mails").json()["mails"]
    assert (mail["facts"]["requester"], owned(mine)) == (theirs.username, [board.device_id])

    u2("device", "remove", board.device_id, "--yes", ok=False)
    assert owned(mine) == [board.device_id]
    served.lab.driver.call(board.power_off)
    u1("device", "remove", "lamp", "--yes")
    assert (owned(mine), owned(theirs)) == ([], [])


@pytest.mark.rule("R16")
def test_flashing_through_a_product_marks_the_board_for_development_before_it_sends_the_file(served, log_in, tmp_path):
    mine, u1 = log_in("u1")
    made = mine.post("/v1/user/products", json={"product": {"name": "lamps", "platform_id": PHOTON.id}}).json()["product"]
    board = served.board(mode="off", modules=[user_part(PHOTON, OS, product=(made["id"], 1))])
    path = f"/v1/products/{made['id']}/devices"
    mine.post(path, json={"id": board.device_id})
    served.switch_on(board)
    (tmp_path / "two.bin").write_bytes(user_part(PHOTON, OS, product=(made["id"], 2)))
    served.requests.clear()
    u1("cloud", "flash", board.device_id, str(tmp_path / "two.bin"), "--product", str(made["id"]))
    mark, file = [body for method, asked, body in served.requests if (method, asked) == ("PUT", f"{path}/{board.device_id}")]
    assert json.loads(mark)["development"] is True
    assert (tmp_path / "two.bin").read_bytes() in file
    served.wait(board, lambda: getattr(board.firmware, "product", None) == (made["id"], 2), "version 2 on the board")
    served.settle(board)
    assert mine.get(f"{path}/{board.device_id}").json()["development"] is True
