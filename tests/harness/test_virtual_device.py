"""Virtual devices: launched, seen online, and put through the cloud part of the suite, with a stand-in that has their command line.

With a real one as well, if PARTICLE_HIL_VDEV names it.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.boards import Moniker, OpenOptions, open_boards
from harness.boards.virtual_device import HOW_TO_GET_ONE, KIND, free_address, read, server_key_file
from harness.cli.check import check
from harness.cloud import Cloud
from harness.device_server import DeviceServer
from harness.errors import BoardNotAvailable, CapabilityMissing, CloudUnreachable, NotReached, Unavailable
from harness.kit import Faults
from harness.modes import Capability, Mode
from harness.starting import Start
from particle_protocol import dtls
from particle_protocol.dct import ServerAddress
from particle_protocol.lightssl import DeviceKey, lab_server_key

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("virtual_device_worker.py")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="virtual devices are programs for Linux")


BODY = f"import runpy, sys\nsys.path.insert(0, {str(ROOT)!r})\nrunpy.run_path({str(WORKER)!r}, run_name='__main__')\n"


def program(folder, body, name="vdev"):
    made = folder / name
    made.write_text(f"#!{sys.executable}\n{body}")
    made.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """The program to name in monikers."""
    return program(tmp_path_factory.mktemp("stand-in"), BODY)


@pytest.fixture(scope="module")
def opened():
    """`opened(moniker)`: the board, watched by its account, which owns nothing yet."""
    rigs, clouds = [], []

    def open_one(moniker, **options):
        (rig,) = open_boards([str(moniker)], OpenOptions(**options))
        rigs.append(rig)
        clouds.append(Cloud(rig.cloud))
        (board,) = rig.boards
        board.account = clouds[-1].own_account()
        return board

    yield open_one
    for each in (*clouds, *rigs):
        each.close()


@pytest.fixture(scope="module")
def board(opened, stand_in, tmp_path_factory):
    """One that is online and claimed, with every option, while the environment has a variable that it would end at."""
    describe = tmp_path_factory.mktemp("options") / "modules.json"
    describe.write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VDEV_NOBODY_KNOWS", "1")
        board = opened(f"vdev:{stand_in}?id=0123456789abcdef01234567&product_version=7&protocol=tcp&platform_id=13&describe={describe}")
    Start(Mode.ONLINE, claimed=True).bring(board, None)
    return board


def folder_of(board):
    return Path(board.account.read(board.device_id, "where"))


def run_check(*arguments):
    result = CliRunner().invoke(check, [*arguments, "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    return json.loads(result.output)["checks"]


def outcomes(checks):
    return {each["outcome"] for each in checks}, [(each["name"], each["reason"]) for each in checks if each["outcome"] != "passed"]


@pytest.mark.parametrize("options", ["", "?platform_id=13"])
def test_the_cloud_part_of_the_suite_passes(stand_in, options):
    """Over TCP; and over UDP as a Boron, which speaks that."""
    checks = run_check("--board", f"vdev:{stand_in}{options}", "-k", "test_5_cloud")
    assert outcomes(checks) == ({"passed"}, [])
    assert len(checks) == 7


@pytest.mark.tool("PARTICLE_HIL_VDEV")
def test_the_cloud_part_of_the_suite_passes_on_a_real_one():
    real = os.environ.get("PARTICLE_HIL_VDEV")
    if not real:
        pytest.skip(f"PARTICLE_HIL_VDEV names no virtual device. {HOW_TO_GET_ONE}")
    checks = run_check("--board", f"vdev:{real}", "-k", "test_5_cloud")
    assert "failed" not in outcomes(checks)[0], outcomes(checks)[1]


def test_what_it_has_and_what_it_is(board):
    assert board.capabilities == {Capability.POWER, Capability.NETWORK, Capability.CLOUD, Capability.CLOUD_FAULTS}
    assert str(board) == f"virtual device {board.device_id}"
    assert board.network.join() is None
    with pytest.raises(CapabilityMissing):
        _ = board.usb
    account = board.account
    assert (account.read(board.device_id, "armed"), account.read(board.device_id, "level")) == (True, 2.5)


def test_faults_of_its_cloud_reach_it_and_others_are_needs_that_are_not_met(board):
    faults = Faults(lambda: [board])
    with faults(outage="cloud"), pytest.raises(CloudUnreachable):
        board.account.devices()
    assert board.account.ping(board.device_id)
    for words in ({"loss": 0.1}, {"power_cut": 1}):
        with pytest.raises(CapabilityMissing), faults(**words):
            pytest.fail("it has begun")


def test_it_runs_in_a_folder_of_its_own_with_keys_that_nobody_else_may_read(board):
    folder = folder_of(board)
    assert folder != Path.cwd()
    assert (folder / "device_key.der").stat().st_mode & 0o077 == 0


def test_its_log_is_gathered_line_by_line_as_it_is_written(board):
    begun = board.host.clock.now()
    board.account.call(board.device_id, "digitalread", "D3")
    board.until(
        lambda: any("function digitalread(D3)" in line.text for line in board.log(begun) if line.source == "virtual device"),
        timeout=10,
        awaited="the line",
        seen=lambda: str(board.log(0)),
    )


def test_a_reset_is_a_new_process_in_the_same_folder(board):
    starts = board.account.read(board.device_id, "starts")
    board.reset()
    assert board.account.read(board.device_id, "starts") == starts + 1


def test_one_that_aborts_is_started_again_and_its_log_says_why(board, monkeypatch):
    monkeypatch.setattr("harness.boards.vdev_process.RESTART_DELAY", 0.01)
    begun, starts = board.host.clock.now(), board.account.read(board.device_id, "starts")
    board.begin_epoch("it was made to abort", ends_session=board.cloud_session())
    board._power._process.send_signal(signal.SIGABRT)
    board.wait_for(Mode.ONLINE)
    assert any("SIGABRT; it is started again, for it aborts when its cloud is away" in line.text for line in board.log(begun))
    assert board.account.read(board.device_id, "starts") == starts + 1


def test_when_it_does_not_run_the_wait_says_how_it_ended(board):
    board.power.off()
    with pytest.raises(NotReached, match=r"seen: switched off \(SIGTERM\), its log ends with .*, the cloud says offline"):
        board.wait_for(Mode.ONLINE, timeout=1)
    board.power.on()
    board.wait_for(Mode.ONLINE)


def test_failures_show_its_log_in_the_journal(board):
    board.begin_epoch("a test")
    board.account.call(board.device_id, "digitalread", "D4")
    board.power.off()
    with pytest.raises(NotReached):
        board.wait_for(Mode.ONLINE, timeout=1)
    assert "virtual device: " in str(board.journal)
    assert "function digitalread(D4)" in str(board.journal)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("import sys; sys.exit('no such luck')", "it ended: status 1, its log ends with 'no such luck'? ?.*nothing in the cloud's log"),
        ("import os, sys; sys.stdout.write('half a line'); sys.stdout.flush(); os.kill(os.getpid(), 9)", "SIGKILL.*half a line"),
        ("raise SystemExit(0)", "more than 5 times in a minute; it is not started again"),
    ],
)
def test_one_that_ends_at_once_is_told_with_its_last_words(tmp_path, body, seen, monkeypatch):
    monkeypatch.setattr("harness.boards.vdev_process.RESTART_DELAY", 0.01)
    begun = time.monotonic()
    with pytest.raises(NotReached, match=rf"waited for it to come online, but nothing more can happen; seen: .*{seen}") as caught:
        open_boards([f"vdev:{program(tmp_path, body)}"])
    assert "pool.ntp.org" in caught.value.remedy
    assert time.monotonic() - begun < 30


def test_a_refusal_of_the_cloud_is_told(tmp_path):
    """It holds another key than the cloud knows, and gives up after one try: what it says of that itself is a number."""
    other = tmp_path / "other.der"
    other.write_bytes(DeviceKey.generate().der)
    body = f"""import runpy, shutil, sys, time
sys.path.insert(0, {str(ROOT)!r})
shutil.copy({str(other)!r}, "device_key.der")
time.sleep = lambda seconds: sys.exit("no more")
runpy.run_path({str(WORKER)!r}, run_name="__main__")
"""
    with pytest.raises(NotReached, match=r"Cloud connection failed.*no more.*, and in the cloud's log: .*key"):
        open_boards([f"vdev:{program(tmp_path, body)}"])


def test_options_are_handed_on_as_its_command_line_has_them(board):
    assert board.device_id == "0123456789abcdef01234567"
    assert board.platform.name == "gcc", "over TCP it names platform 3, whatever it was told"
    assert board.account.device(board.device_id).platform_id == 3
    (line, *_) = [line.text for line in board.log(0) if "arguments" in line.text]
    assert "'-p', 'tcp', '--platform_id', '13', '--product_version', '7', '--describe', '/" in line


def test_two_share_a_cloud_and_each_has_its_own_folder(stand_in):
    (rig,) = open_boards([f"vdev:{stand_in}", f"vdev:{stand_in}"])
    try:
        one, other = rig.boards
        assert one.device_id != other.device_id
        cloud = Cloud(rig.cloud)
        for board in rig.boards:
            board.account = cloud.own_account()
            Start(Mode.ONLINE, claimed=True).bring(board, None)
        folders = folder_of(one), folder_of(other)
        assert folders[0] != folders[1]
        cloud.close()
    finally:
        rig.close()
    assert not any(folder.exists() for folder in folders)


def test_an_address_is_taken_on_which_nobody_listens():
    first = free_address()
    with socket.create_server((first, 5683)):
        assert free_address() != first


def test_it_ends_when_the_harness_is_killed(stand_in, tmp_path):
    import subprocess

    script = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from harness.boards import open_boards\n"
        "(rig,) = open_boards([sys.argv[2]])\n"
        "print(rig.boards[0]._power._process.pid, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(ROOT), f"vdev:{stand_in}"], stdout=subprocess.PIPE, text=True) as harness:
        pid = int(harness.stdout.readline())
        harness.kill()
        harness.wait()
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < end, "it outlived the harness"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("moniker", "reason", "said"),
    [
        ("vdev:", Unavailable.BAD_MONIKER, r"names no program\. Write vdev: and the path .* PLATFORM=gcc \(docs/virtual-devices.md\)"),
        ("vdev:/no/such/program", Unavailable.NOT_FOUND, "no file /no/such/program. Write vdev: and the path"),
        ("vdev:{text}", Unavailable.NO_PERMISSION, "may not be executed. Run: chmod"),
        ("vdev:{program}?protocol=smoke", Unavailable.BAD_MONIKER, "Write protocol=tcp or protocol=udp"),
        ("vdev:{program}?platform_id=300", Unavailable.BAD_MONIKER, "no platform has id 300"),
        ("vdev:{program}?platform_id=boron", Unavailable.BAD_MONIKER, "boron"),
        ("vdev:{program}?id=12", Unavailable.BAD_MONIKER, "12"),
        ("vdev:{program}?describe=/no/such/file", Unavailable.BAD_MONIKER, "is no file"),
        ("vdev:{program}?mode=dfu", Unavailable.BAD_MONIKER, "has the option 'mode'. There are: describe, id, "),
    ],
)
def test_what_cannot_be_started_is_refused_with_a_remedy(tmp_path, moniker, reason, said):
    text = tmp_path / "text"
    text.write_text("no program")
    with pytest.raises(BoardNotAvailable, match=said) as caught:
        open_boards([moniker.format(text=text, program=program(tmp_path, ""))])
    assert caught.value.reason is reason


def test_a_file_that_is_no_program_is_told(tmp_path):
    garbage = tmp_path / "vdev"
    garbage.write_bytes(b"\x7fELF and no more")
    garbage.chmod(0o755)
    with pytest.raises(NotReached, match=r"it ended: status 1, its log ends with .*Exec format error"):
        open_boards([f"vdev:{garbage}"])


def test_a_cloud_of_somebody_elses_is_refused(stand_in):
    from harness.cloud import CloudTarget
    from harness.host import WallClock

    with pytest.raises(BoardNotAvailable, match="virtual devices have a cloud of their own"):
        KIND.open([Moniker.parse(f"vdev:{stand_in}")], OpenOptions(cloud=CloudTarget("http://elsewhere", WallClock())))


def test_the_key_files_are_what_the_programs_were_seen_to_read():
    """Key at 0, address type and length at 384 (UDP: 192), the address behind them; all else is 0xFF or of no meaning."""
    rsa, p256 = lab_server_key().public.der, dtls.PrivateKey.generate().public_der
    for key, at in ((rsa, 384), (p256, 192)):
        record = server_key_file(DeviceServer(ServerAddress("127.0.0.9"), key))
        assert len(record) == 1024
        assert record[: len(key)] == key
        assert set(record[len(key) : at]) == {0xFF}
        assert record[at : at + 6].hex() == "00047f000009"


@pytest.mark.parametrize(
    ("options", "arguments", "platform"),
    [
        ("", ("-p", "tcp"), "gcc"),
        ("?protocol=udp", ("-p", "udp"), "gcc"),
        ("?platform_id=6", ("-p", "tcp", "--platform_id", "6"), "gcc"),
        ("?platform_id=13", ("-p", "udp", "--platform_id", "13"), "boron"),
        ("?platform_id=13&protocol=tcp", ("-p", "tcp", "--platform_id", "13"), "gcc"),
    ],
)
def test_the_protocol_is_that_of_the_platform_unless_told(options, arguments, platform):
    wanted = read(Moniker.parse(f"vdev:{sys.executable}{options}"))
    assert (wanted.arguments, wanted.platform.name) == (arguments, platform)
