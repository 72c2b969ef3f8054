"""Faults of a lab file: read, around boards that are served, run and tested."""

import json
import socket
import sys
from textwrap import dedent

import httpx
import pytest
from click.testing import CliRunner

from harness.cli.lab_watch import LabWatch
from harness.cli.main import cli
from harness.cloud import Cloud
from harness.errors import CloudUnreachable
from harness.fault_plan import WORDS, FaultPlan, WrongFault
from harness.kit.faults import StandingFaults
from harness.rack.lab_building import read_lab
from harness.rack.lab_errors import LabFileWrong
from harness.rack.lab_schema import lab_schema

BOARD = "[[board]]\nname = 'lamp'\nmoniker = 'emu:photon?mode=online&claimed=1'\n"

VALUES = [0, 1, -1, 3, 0.3, 0.95, 1.5, -0.5, 1e9, 404, 503, 600, "any", "network", "cloud", "moon", True, False]
VALUES += [[3, "middle"], [3, "noon"], ["any", "end"], [0, "start"], [0.1, 2.0], [2.0, 0.1], [503, 0.3], [503, 0], [500, 2], ["any", 0.5]]
VALUES += [["network", "cloud"], ["network", "moon"], [1, 2, 3], {"a": 1}]


@pytest.fixture
def lab(tmp_path):
    def write(text):
        (tmp_path / "lab.toml").write_text(dedent(text))
        return read_lab(tmp_path / "lab.toml")

    return write


def test_the_schema_has_every_word():
    assert set(lab_schema()["properties"]["faults"]["properties"]) == {*WORDS, "seed"}


@pytest.mark.parametrize("word", WORDS)
def test_a_lab_file_takes_what_a_test_takes_and_no_more(lab, word):
    for value in VALUES:
        try:
            plan = FaultPlan.read({word: value}, 3)
        except WrongFault:
            plan = None
        text = f"[faults]\n{word} = {json.dumps(value) if not isinstance(value, dict) else '{ a = 1 }'}\n"
        if plan is not None:
            assert lab(text).faults.plan(3) == plan, value
            continue
        with pytest.raises(LabFileWrong) as caught:
            lab(text)
        (problem,) = caught.value.problems
        assert (problem.place.line, problem.what.startswith(word)) == (2, True), value
        assert problem.remedy, value


def test_an_unknown_fault_is_told_by_its_line(lab):
    with pytest.raises(LabFileWrong, match=r"lab.toml:2: unknown key 'los'. Did you mean 'loss'\?"):
        lab("[faults]\nlos = 0.1\n")


def test_on_real_sockets_the_same_goes_wrong(open_rig, lab):
    """The boards' way to their cloud leads through sockets of this computer there, and so does everybody's to the REST API."""
    rig = open_rig("emu:photon?mode=online&claimed=1", served=True)
    (board,) = rig.boards
    cloud = Cloud(rig.cloud)
    account = cloud.own_account()
    faults = StandingFaults(0)
    began = board.host.clock.now()
    assert account.ping(board.device_id)
    usual = board.host.clock.now() - began
    faults.follow(lab("[faults]\ndelay = 0.5\n"), rig)
    began = board.host.clock.now()
    assert account.ping(board.device_id)
    assert board.host.clock.now() - began >= usual + 0.9
    faults.follow(lab("[faults]\noutage = 'cloud'\n"), rig)
    with pytest.raises(CloudUnreachable):
        account.devices()
    visitor = socket.create_connection(rig.service.device_address)
    visitor.settimeout(0.2)
    with pytest.raises(TimeoutError):
        visitor.recv(100)
    assert httpx.get(f"{rig.cloud.url}/emulator/boards", headers={"authorization": f"Bearer {account.token}"}).status_code == 200
    faults.follow(lab(""), rig)
    visitor.settimeout(20)
    assert len(visitor.recv(100)) == 40, "the nonce that a handshake begins with"
    visitor.close()
    assert account.ping(board.device_id)
    cloud.close()


def test_serve_follows_the_faults_of_its_file(lab, open_rig, tmp_path):
    file = lab(BOARD + "[faults]\ncloud_error = 503\n")
    rig = open_rig("lamp", lab=file)
    cloud = Cloud(rig.cloud)
    token = cloud.own_account().token
    faults = StandingFaults(0)
    faults.follow(file, rig)
    watch = LabWatch(file, rig, faults)

    def status():
        with rig.cloud.transport() as transport:
            return httpx.Client(transport=transport, base_url=rig.cloud.url).get(f"/v1/devices?access_token={token}").status_code

    assert (status(), faults.told) == (503, "the cloud answers 503")
    for text, told, after in (("[faults]\ndelay = 1\n", "delay 1 s", 200), ("", "", 200)):
        (tmp_path / "lab.toml").write_text(BOARD + text)
        assert [*watch.poll(), *watch.poll()]
        assert (status(), faults.told) == (after, told)
    cloud.close()


def test_serve_says_what_goes_wrong(served, lab, tmp_path):
    """No board is needed for it."""
    lab("[faults]\noutage = 'cloud'\n")
    with served("--lab", str(tmp_path / "lab.toml")) as told:
        assert told["faults"] == "outage of the cloud"
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{told['api']}/v1/devices")
        assert httpx.get(f"{told['api']}/emulator/boards").status_code == 400, "who has no token is told so"


TESTS = """
    import pytest
    from particle_hil import CloudRefused

    @pytest.fixture
    def devices(account):
        return account.devices()

    def test_refused(board, account, devices):
        assert devices
        with pytest.raises(CloudRefused, match="503"):
            account.devices()

    def test_without_a_board(account, devices):
        with pytest.raises(CloudRefused, match="503"):
            account.devices()

    @pytest.mark.faults(cloud_delay=3)
    def test_both(board, account, clock):
        began = clock.now()
        with pytest.raises(CloudRefused, match="503"):
            account.devices()
        assert clock.now() == began + 3
"""


def test_in_pytest_every_test_has_them_once_its_fixtures_are_ready(lab, run_inside, tmp_path):
    lab(BOARD + "[faults]\ncloud_error = 503\n")
    status, output = run_inside(TESTS, "--lab", str(tmp_path / "lab.toml"))
    assert (status, "3 passed" in output) == (0, True), output


# --- run --lab


@pytest.fixture
def run(lab, tmp_path):
    """`run(text, *words)`: what came of `run --lab` on a file with this text."""

    def run_it(text, *words):
        lab(text)
        return CliRunner().invoke(cli, ["run", "--lab", str(tmp_path / "lab.toml"), *words])

    return run_it


REAL = "[[board]]\nname = 'real'\nmoniker = 'usb:1-1'\n"


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (BOARD, ["--board", "lamb", "--", "true"], "has no board 'lamb'. There are: lamp"),
        (REAL, ["--", "true"], "has no emulated boards; name one"),
        (BOARD + REAL, ["--board", "real", "--", "true"], "real is no emulated board. A real board needs no help"),
    ],
)
def test_run_refuses_what_it_cannot_show_to_a_program(run, text, words, said):
    done = run(text, *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_run_takes_a_lab_file(run, tmp_path, monkeypatch):
    from emulator.doors.umockdev import PreloadMissing, find_preload

    try:
        find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))
    monkeypatch.setenv("LAB_WIFI", "a long enough secret")
    program = "import json, os; print({k: v for k, v in os.environ.items() if k.startswith('PARTICLE_HIL')}, file=open('OUT', 'w'))"
    text = BOARD + "[wifi.lab]\nssid = 'workshop'\npassword_env = 'LAB_WIFI'\n[account.qa]\nuser = 'qa@example.com'\n"
    text += REAL + "[faults]\nloss = 0.1\n"
    done = run(text, "--", sys.executable, "-c", program.replace("OUT", str(tmp_path / "out")))
    assert (done.exit_code, "real is usb:1-1: not on the program's bus" in done.stderr) == (0, True), done.output
    seen = (tmp_path / "out").read_text()
    assert "'PARTICLE_HIL_USER': 'qa@example.com'" in seen
    assert "'PARTICLE_HIL_WIFI': 'workshop:a long enough secret'" in seen
