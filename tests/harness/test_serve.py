"""`particle-hil serve`: a cloud and boards for other programs, in a process of its own."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import httpx
import pytest


def eventually(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen within 30 s")


def test_who_asks_too_often_is_refused_if_that_is_wanted(served):
    form = {"username": "x", "password": "x", "grant_type": "password", "client_id": "particle", "client_secret": "particle"}
    with served("--rate-limits") as told:
        statuses = [httpx.post(f"{told['api']}/oauth/token", data=form).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]


def test_what_it_tells_is_true(served, login, tmp_path):
    with served("--board", "emu:photon?mode=online&claimed=1") as told:
        with login(told) as client:
            (device,) = client.get("/v1/devices").json()
            assert (device["id"], device["online"]) == (told["boards"][0]["device_id"], True)
        assert Path(told["server_key"]).read_bytes()[:2] == b"\x30\x82"
        assert Path(told["server_key_pem"]).read_text().startswith("-----BEGIN PUBLIC KEY-----")
        assert told["device_service_udp"].startswith("127.0.0.1:")
        assert len(Path(told["server_key_udp"]).read_bytes()) == 91, "P-256"
        assert Path(told["server_key_udp_pem"]).read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert not Path(told["server_key"]).exists()


def test_who_is_turned_away_is_told_and_listed(program, login):
    with subprocess.Popen(
        [*program, "serve", "--device-port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        told = json.loads(process.stdout.readline())
        host, _, port = told["device_service"].rpartition(":")
        with socket.create_connection((host, int(port))) as stranger:
            peer = "{}:{}".format(*stranger.getsockname())
            stranger.sendall(bytes(256))
            refused = json.loads(process.stdout.readline())["refused"]
        with login(told) as client:
            (listed,) = client.get("/emulator/refusals").json()["refused"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert (refused["peer"], refused["device_id"]) == (listed["peer"], listed["device_id"]) == (peer, None)
    assert refused["why"] == listed["why"]


def test_stand_ins_are_handed_out_only_when_asked_for_and_it_says_so(served):
    releases = "/v1/device-os/versions/2.3.1?platform_id=6"
    with served() as told:
        assert told["device_os"].startswith("none is handed out; --device-os cache gives")
        assert httpx.get(told["api"] + releases).status_code == 404
    words = "stand-ins: for emulated boards only"
    with served("--device-os", "built") as told:
        assert (told["device_os"], httpx.get(told["api"] + releases).json()["notice"]) == (words, words)


def test_the_state_is_there_again_after_a_restart(served, login, tmp_path):
    state = ("--state", str(tmp_path / "cloud.db"))
    with served("--board", "emu:photon?mode=online&claimed=1", *state) as told, login(told) as client:
        client.put(f"/v1/devices/{told['boards'][0]['device_id']}", data={"name": "lamp"})
    with served(*state) as told, login(told) as client:
        (device,) = client.get("/v1/devices").json()
        assert (device["name"], device["online"]) == ("lamp", False)


def test_a_board_goes_to_somebody_elses_cloud(served, login):
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
        (["--board", "emu:photon?server=nowhere:1&server_key=x&claimed=1"], "claim the board there"),
        (["--state", __file__], "is no state file"),
        (["--state", "/nowhere/state.db"], "check that its folder is there"),
        (["--state", "."], "is a directory"),
        (["--http-port", "99999"], "99999"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(refused, arguments, said):
    status, text = refused("--device-port", "0", *arguments)
    assert status == 2
    assert said in text


def test_a_port_that_is_taken_is_one_sentence_that_names_it(served, refused):
    with served() as told:
        taken = {
            "--device-port": told["device_service"],
            "--device-udp-port": told["device_service_udp"],
            "--http-port": told["api"],
        }
        for option, address in taken.items():
            port = address.rpartition(":")[2]
            status, text = refused("--device-port", "0", option, port)
            assert status == 3
            assert f"port {port} cannot be listened on" in text
            assert f"Choose another one with {option};" in text
            assert len(text.splitlines()) == 1


@pytest.fixture(scope="module")
def state(served, tmp_path_factory):
    """A state file that a server has left."""
    path = tmp_path_factory.mktemp("state") / "cloud.db"
    with served("--state", str(path)):
        pass
    return path


def database(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["PRAGMA application_id = 0", "CREATE TABLE other (x)"], "is a database of some other program"),
        (["PRAGMA user_version = 1000"], "use a later particle-hil"),
        (["UPDATE users SET body = '{}'"], "its table users holds what is no User"),
        (["UPDATE users SET body = 'nonsense'"], "its table users holds what is no User"),
        ([f"UPDATE users SET body = '{'[' * 1000 + ']' * 1000}'"], "its table users holds what is no User"),
    ],
)
def test_a_state_that_cannot_be_read_is_one_sentence_that_names_it(state, refused, tmp_path, statements, said):
    path = tmp_path / "cloud.db"
    shutil.copy(state, path)
    database(path, *statements)
    status, text = refused("--device-port", "0", "--state", str(path))
    assert (status, said in text, str(path) in text, len(text.splitlines())) == (2, True, True, 1), text


def test_a_state_that_is_in_use_is_left_to_whoever_uses_it(served, login, refused, tmp_path):
    path = str(tmp_path / "cloud.db")
    with served("--state", path) as told:
        status, text = refused("--device-port", "0", "--state", path)
        assert (status, "is in use" in text) == (2, True), text
        with login(told) as client:
            assert client.get("/v1/devices").json() == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_cleanly_when_it_is_told_to(served, tmp_path, number):
    state = str(tmp_path / "cloud.db")
    with served("--state", state, "--board", "emu:photon", ends_by=number) as told:
        key = Path(told["server_key"])
        assert key.exists()
    assert not key.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["cloud.db"], "nothing is left in the write-ahead log"


def test_it_can_be_interrupted_while_boards_come_up(program, served, tmp_path):
    """The board waits for a cloud that is not there."""
    with served() as theirs:
        shutil.copy(theirs["server_key"], tmp_path / "key.der")
    moniker = f"emu:photon?mode=online&server={theirs['device_service']}&server_key={tmp_path / 'key.der'}"
    state = tmp_path / "cloud.db"
    command = [*program, "serve", "--device-port", "0", "--state", str(state), "--board", moniker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        eventually(state.exists)
        process.send_signal(signal.SIGINT)
        out, text = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in text


def test_boards_come_back_to_their_claims(served, login, tmp_path):
    arguments = ("--state", str(tmp_path / "cloud.db"), "--board", "emu:photon?mode=online&claimed=1", "--board", "emu:photon?mode=online")
    ids = []
    for name in ("first", "second"):
        with served(*arguments) as told, login(told) as client:
            ids.append([board["device_id"] for board in told["boards"]])
            (device,) = client.get("/v1/devices").json()
            assert (device["id"], device["online"], device["name"]) == (ids[-1][0], True, None if name == "first" else "first")
            client.put(f"/v1/devices/{device['id']}", data={"name": name})
    assert ids[0] == ids[1]


def test_a_board_that_somebody_else_has_claimed_meanwhile_is_not_taken(served, login, refused, tmp_path):
    arguments = ("--state", str(tmp_path / "cloud.db"), "--board")
    somebody = {"username": "else@example.com", "password": "something"}
    with served(*arguments, "emu:photon?mode=online") as told:
        assert httpx.post(f"{told['api']}/v1/users", data=somebody).status_code == 200
        with login(told | somebody) as client:
            assert client.post("/v1/devices", data={"id": told["boards"][0]["device_id"]}).status_code == 200
    status, text = refused("--device-port", "0", *arguments, "emu:photon?claimed=1")
    assert (status, "tester@example.com cannot claim it; seen: the cloud says: That belongs to someone else" in text) == (2, True), text


def test_a_user_who_has_another_password_by_now_keeps_it(served, login, tmp_path):
    arguments = ("--state", str(tmp_path / "cloud.db"), "--board", "emu:photon?claimed=1")
    with served(*arguments) as told, login(told) as client:
        changed = client.put("/v1/user", json={"current_password": told["password"], "password": "better"})
        assert changed.status_code == 200
    with served(*arguments) as told:
        assert told["password"] is None
        with login(told | {"password": "better"}) as client:
            assert len(client.get("/v1/devices").json()) == 1


@pytest.mark.parametrize(
    ("arguments", "port"), [((), 5684), (("--device-port", "0"), 0), (("--device-udp-port", "0"), 0), (("--device-udp-port", "7"), 7)]
)
def test_the_udp_port_is_the_usual_one_unless_told_or_any_free_one_is_wanted(monkeypatch, arguments, port):
    from click.testing import CliRunner

    from harness.cli.main import cli

    opened = []

    class Kind:
        def open(self, monikers, options):
            opened.append(options.serving)
            raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.serve.KIND", Kind())
    CliRunner().invoke(cli, ["serve", *arguments])
    (serving,) = opened
    assert serving.device_udp_port == port
