"""`particle-hil serve`: a cloud and boards for other programs, in a process of its own."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "import sys; sys.argv[0] = 'particle-hil'; from particle_hil.command import main; main()"]


@contextlib.contextmanager
def served(*arguments):
    command = [*PROGRAM, "serve", "--device-port", "0", "--json", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline()
            assert said, process.stderr.read()
            yield json.loads(said)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0


def login(told):
    form = {
        "username": told["username"],
        "password": told["password"],
        "grant_type": "password",
        "client_id": "particle",
        "client_secret": "particle",
    }
    token = httpx.post(f"{told['api']}/oauth/token", data=form).json()["access_token"]
    return httpx.Client(base_url=told["api"], headers={"Authorization": f"Bearer {token}"})


def eventually(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within 30 s")


def refused(*arguments):
    done = subprocess.run([*PROGRAM, "serve", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_who_asks_too_often_is_refused_if_that_is_wanted():
    form = {"username": "x", "password": "x", "grant_type": "password", "client_id": "particle", "client_secret": "particle"}
    with served("--rate-limits") as told:
        statuses = [httpx.post(f"{told['api']}/oauth/token", data=form).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]


def test_what_it_tells_is_true(tmp_path):
    with served("--board", "emu:photon?mode=online&claimed=1") as told:
        with login(told) as client:
            (device,) = client.get("/v1/devices").json()
            assert (device["id"], device["online"]) == (told["boards"][0]["device_id"], True)
        assert Path(told["server_key"]).read_bytes()[:2] == b"\x30\x82"
        assert Path(told["server_key_pem"]).read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert not Path(told["server_key"]).exists()


def test_the_state_is_there_again_after_a_restart(tmp_path):
    state = ("--state", str(tmp_path / "cloud.db"))
    with served("--board", "emu:photon?mode=online&claimed=1", *state) as told, login(told) as client:
        client.put(f"/v1/devices/{told['boards'][0]['device_id']}", data={"name": "lamp"})
    with served(*state) as told, login(told) as client:
        (device,) = client.get("/v1/devices").json()
        assert (device["name"], device["online"]) == ("lamp", False)


def test_a_board_goes_to_somebody_elses_cloud():
    with served() as theirs:
        moniker = f"emu:photon?server={theirs['device_service']}&server_key={theirs['server_key']}"
        with served("--seed", "7", "--board", moniker) as ours, login(theirs) as client:
            device_id = ours["boards"][0]["device_id"]
            eventually(lambda: client.post("/v1/devices", data={"id": device_id}).status_code == 200)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--board", "usb:0123456789abcdef01234567"], "only emulated boards can be served"),
        (["--board", "emu:photon?server=nowhere"], "go together"),
        (["--board", "emu:photon?server=nowhere&server_key=/does/not/exist"], "is no HOST:PORT"),
        (["--board", "emu:photon?server=nowhere:1&server_key=/does/not/exist"], "No such file"),
        (["--board", f"emu:photon?server=nowhere:1&server_key={__file__}"], "holds no RSA public key"),
        (["--state", __file__], "not a usable state file"),
        (["--http-port", "99999"], "99999"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(arguments, said):
    status, text = refused("--device-port", "0", *arguments)
    assert status != 0
    assert said in text


def test_a_port_that_is_taken_is_one_sentence():
    with served() as told:
        status, text = refused("--device-port", told["device_service"].rpartition(":")[2])
    assert status == 3
    assert "--device-port" in text
