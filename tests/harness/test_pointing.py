"""A board is taken to another cloud for a while, and gets its own back: after a test, after a failed one, after a run that was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import serial.tools.list_ports
import usb.backend.libusb1

from emulator.doors.serial_url import comports
from emulator.doors.umockdev import PreloadMissing, find_preload
from harness import pointing
from harness.board import Board
from harness.boards import Serving, emu, open_boards
from harness.cloud import Cloud
from harness.device_server import DeviceServer
from harness.errors import CapabilityMissing, ChangesNotAllowed, HarnessError, NotReached
from harness.host import RealHost
from harness.modes import Capability, Mode, UsbState
from particle_protocol import dtls
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.lightssl import DeviceKey, lab_server_key

ROOT = Path(__file__).parents[2]
real_time = pytest.mark.slow("takes a quarter of a minute of real time")
OTHER_KEY = bytes(byte ^ (each in range(40, 280)) for each, byte in enumerate(lab_server_key().public.der))
"""The key of no server that there is."""
ELSEWHERE = DeviceServer(ServerAddress("192.0.2.77", 5999), OTHER_KEY)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Where what boards are to get back is kept."""
    monkeypatch.setenv("PARTICLE_HIL_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def dct(board, port="1-1"):
    """What the board's own flash holds."""
    settings = board.host.boards[port].settings
    return settings.read(0, 8391)


def lasting(board, **changes):
    """The same board as a kind sees it whose boards outlive the run."""
    return Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1", allow_changes=True, **changes)


@pytest.mark.parametrize("over", ["dfu", "request"])
def test_key_address_and_port_are_written_and_the_old_ones_put_back(board, over):
    before = dct(board)
    with board.point_at(ELSEWHERE, over=over):
        settings = board.host.boards["1-1"].settings
        assert settings.get(DctField.SERVER_PUBLIC_KEY)[:294] == ELSEWHERE.key
        assert ServerAddress.decode(settings.get(DctField.SERVER_ADDRESS)) == ELSEWHERE.address
        assert board.usb.state() is UsbState.NORMAL
        inside = dct(board)
        record = slice(DctField.SERVER_PUBLIC_KEY.offset, DctField.SERVER_PUBLIC_KEY.offset + 512)
        assert inside[: record.start] + inside[record.stop :] == before[: record.start] + before[record.stop :], "nothing else"
    assert dct(board) == before
    assert board.usb.state() is UsbState.NORMAL


def test_the_record_is_what_host_tools_write():
    """particle-cli writes 512 bytes from 2082 on for TCP, 320 from 3298 on for UDP: the key, and the address at 384 or 192."""
    record = ELSEWHERE.record()
    assert (ELSEWHERE.offset, len(record)) == (2082, 512)
    assert record[384:390].hex() == "0004c000024d"
    assert record[384 + 66 : 384 + 68] == (5999).to_bytes(2, "big")
    datagrams = DeviceServer(ServerAddress("udp.example", 5684), dtls.PrivateKey.generate().public_der)
    assert (datagrams.offset, len(datagrams.record())) == (3298, 320)
    assert datagrams.record()[91:192] == b"\xff" * 101
    assert datagrams.record()[192:205] == b"\x01\x0budp.example"
    assert str(datagrams) == "udp.example:5684 (UDP)"


def test_a_new_key_of_its_own_goes_the_same_way(board):
    before = dct(board)
    with board.point_at(ELSEWHERE, new_key=True):
        made = DeviceKey.from_der(board.host.boards["1-1"].settings.get(DctField.DEVICE_PRIVATE_KEY))
        assert made.is_walkable
        assert made.public_der != DeviceKey.from_der(DctField.DEVICE_PRIVATE_KEY.read(before)).public_der
    assert dct(board) == before


def test_a_failed_test_leaves_no_board_pointed_elsewhere(board):
    before = dct(board)
    with pytest.raises(ZeroDivisionError), board.point_at(ELSEWHERE):
        _ = 1 / (board.enter_listening() or 0)
    assert dct(board) == before


def test_an_account_watches_it_only_where_it_is_a_user(board):
    mine, theirs = object(), object()
    board.account = mine
    with board.point_at(ELSEWHERE, theirs):
        assert board.account is theirs
        board.account = None
    assert board.account is mine


@pytest.mark.parametrize("platform", ["electron", "boron"])
def test_a_udp_server_is_written_behind_one_another(open_rig, platform):
    (board,) = open_rig(f"emu:{platform}").boards
    before = dct(board)
    server = DeviceServer(ServerAddress("192.0.2.78"), dtls.PrivateKey.generate().public_der)
    with board.point_at(server, new_key=True):
        settings = board.host.boards["1-1"].settings
        assert settings.get(DctField.ALT_SERVER_PUBLIC_KEY)[:91] == server.key
        assert ServerAddress.decode(settings.get(DctField.ALT_SERVER_ADDRESS)) == server.address
        assert dtls.PrivateKey.from_der(settings.get(DctField.ALT_DEVICE_PRIVATE_KEY))
    assert dct(board) == before


@pytest.mark.parametrize("over", ["dfu", "request"])
def test_an_electron_is_told_to_use_tcp_and_its_own_way_again(open_rig, over):
    (board,) = open_rig("emu:electron").boards
    before = dct(board)
    with board.point_at(ELSEWHERE, over=over):
        assert board.host.boards["1-1"].settings.get(DctField.CLOUD_TRANSPORT) == b"\0"
    assert dct(board) == before


@pytest.mark.parametrize(
    ("platform", "server", "over", "said"),
    [
        ("photon", DeviceServer(ServerAddress("x"), dtls.PrivateKey.generate().public_der), "dfu", "a Photon reaches its cloud over TCP"),
        ("boron", ELSEWHERE, "dfu", "a Boron reaches its cloud over UDP, so not the one at 192.0.2.77:5999"),
        ("boron", DeviceServer(ServerAddress("x"), dtls.PrivateKey.generate().public_der), "request", "those of Gen 2 do, over TCP"),
        ("photon", DeviceServer(ServerAddress("x"), b"no key"), "dfu", "a server key is RSA of 2048 bits, or on P-256"),
        ("photon", DeviceServer(ServerAddress("x" * 65), ELSEWHERE.key), "dfu", "does not fit a server address"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_board_is_touched(open_rig, platform, server, over, said):
    (board,) = open_rig(f"emu:{platform}").boards
    boots = board.host.boards["1-1"].boots
    with pytest.raises(HarnessError, match=said), board.point_at(server, over=over):
        pytest.fail("it was pointed there")
    assert board.host.boards["1-1"].boots == boots


def test_a_way_that_there_is_not_is_refused_with_those_there_are(board):
    with pytest.raises(ValueError, match="no way to the DCT: 'radio'; there are: dfu, request"), board.point_at(ELSEWHERE, over="radio"):
        pytest.fail("it was pointed there")


def test_a_real_board_is_not_pointed_anywhere_unless_allowed(board):
    real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1")
    with pytest.raises(ChangesNotAllowed, match=r"refused to point it at the cloud at 192.0.2.77:5999"), real.point_at(ELSEWHERE):
        pytest.fail("it was pointed there")


def test_a_board_without_usb_cannot_be_pointed_anywhere(board):
    from harness.capabilities import Extras

    real = lasting(board, extras=Extras(usb=False, serial=False))
    with pytest.raises(CapabilityMissing) as caught, real.point_at(ELSEWHERE):
        pytest.fail("it was pointed there")
    assert caught.value.capability is Capability.USB


@pytest.fixture
def computer(open_rig, monkeypatch, tmp_path):
    """`computer()`: opens the emulated Photon in this computer's USB port as the kind `usb:` does."""
    emulated = open_rig("emu:photon").boards[0]
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda *_, **__: emulated.host.backend)
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda *_, **__: comports(emulated.host.usb_host))
    monkeypatch.setattr("harness.boards.usb.RealHost", lambda: RealHost(emulated.host.clock))
    opened = []

    def open_one():
        while opened:
            opened.pop().close()
        (rig,) = open_boards([f"usb:{emulated.device_id}"], allowing())
        opened.append(rig)
        return rig.boards[0]

    open_one.emulated = emulated
    yield open_one
    for rig in opened:
        rig.close()


def allowing():
    from harness.boards import OpenOptions

    return OpenOptions(allow_changes=True)


def test_what_a_run_left_that_was_killed_the_next_one_puts_back(computer, state):
    before = dct(computer.emulated)
    context = computer().point_at(ELSEWHERE)
    context.__enter__()  # and never leaves it
    (file,) = state.iterdir()
    assert json.loads(file.read_text())["pointed_at"] == "192.0.2.77:5999 (TCP)"
    assert file.stat().st_mode & 0o077 == 0
    assert dct(computer.emulated) != before
    board = computer()
    assert dct(computer.emulated) == before
    assert not list(state.iterdir())
    assert "put back what an earlier run left in it" in str(board.journal)
    assert board.usb.state() is UsbState.NORMAL


def test_a_run_that_was_killed_in_the_middle_of_writing_is_put_back_too(computer, state, monkeypatch):
    before = dct(computer.emulated)
    board = computer()
    written = pointing.write_settings

    def half(usb, offset, data):
        written(usb, offset, data[: len(data) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(pointing, "write_settings", half)
    monkeypatch.setattr(pointing, "_bring_back", lambda *_: None)
    with pytest.raises(KeyboardInterrupt), board.point_at(ELSEWHERE):
        pytest.fail("it was pointed there")
    monkeypatch.undo()
    monkeypatch.setenv("PARTICLE_HIL_STATE", str(state))
    assert dct(computer.emulated) != before
    real = lasting(computer.emulated)
    assert pointing.put_back_left(real)
    assert dct(computer.emulated) == before


def test_what_somebody_else_changed_since_stays_as_it_is(computer, state):
    context = computer().point_at(ELSEWHERE)
    context.__enter__()  # and never leaves it
    settings = computer.emulated.host.boards["1-1"].settings
    computer.emulated.host.driver.call(settings.write, DctField.SERVER_PUBLIC_KEY.offset, b"a key of somebody else's")
    changed = dct(computer.emulated)
    board = computer()
    assert dct(computer.emulated) == changed
    assert not list(state.iterdir())
    assert "changed by somebody else meanwhile" in str(board.journal)


def test_a_board_that_is_gone_in_the_end_is_put_back_when_it_is_opened_next(computer, state):
    before = dct(computer.emulated)
    board = computer()
    with pytest.raises(HarnessError, match=r"the next run that opens it puts back what is kept in .*pointed-"), board.point_at(ELSEWHERE):
        computer.emulated.power.off()
    assert list(state.iterdir())
    computer.emulated.power.on()
    computer.emulated.host.clock.sleep(2)
    computer()
    assert dct(computer.emulated) == before


def test_nothing_is_written_where_nothing_can_be_kept(computer, state):
    before = dct(computer.emulated)
    state.write_text("a file in its place")
    with pytest.raises(HarnessError, match=r"so nothing was changed.*PARTICLE_HIL_STATE"), computer().point_at(ELSEWHERE):
        pytest.fail("it was pointed there")
    assert dct(computer.emulated) == before


def test_a_file_that_cannot_be_read_is_told_with_what_to_do(computer, state):
    state.mkdir()
    pointing.file_of(computer.emulated.device_id).write_text("{")
    with pytest.raises(HarnessError, match=r"cannot be read: .*remove that file"):
        computer()


def test_emulated_boards_leave_no_file(board, state):
    with board.point_at(ELSEWHERE):
        assert not state.exists()


@real_time
@pytest.mark.parametrize(
    ("platform", "transport"), [("photon", Transport.TCP), pytest.param("boron", Transport.UDP, marks=pytest.mark.soak)]
)
def test_a_board_goes_to_a_second_served_cloud_and_back(open_rig, platform, transport):
    rig = open_rig(f"emu:{platform}?mode=online&claimed=1", served=True)
    other = emu.KIND.open([], allowing_served())
    clouds = [Cloud(rig.cloud), Cloud(other.cloud)]
    try:
        (board,), (mine, theirs) = rig.boards, [cloud.own_account() for cloud in clouds]
        board.account = mine
        with board.point_at(DeviceServer.of(other.service, transport), theirs):
            board.wait_for(Mode.ONLINE)
            theirs.claim(board.device_id)
            assert theirs.call(board.device_id, "digitalread", "D0") in (0, 1)
        board.wait_for(Mode.ONLINE)
        assert mine.call(board.device_id, "digitalread", "D0") in (0, 1)
        assert not theirs.ping(board.device_id)
    finally:
        for each in (*clouds, other):
            each.close()


@real_time
def test_a_board_that_holds_no_key_of_the_other_cloud_is_told_as_such(open_rig):
    (board,) = open_rig("emu:photon?mode=online", served=True).boards
    other = emu.KIND.open([], allowing_served())
    try:
        server = DeviceServer(ServerAddress(*other.service.device_address), OTHER_KEY)
        with board.point_at(server), pytest.raises(NotReached, match="the server key and address in the board"):
            board.wait_for(Mode.ONLINE, timeout=5)
    finally:
        other.close()


def allowing_served():
    from harness.boards import OpenOptions

    return OpenOptions(served=True, seed=7, serving=Serving())


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from harness.boards import OpenOptions, open_boards
from harness.device_server import DeviceServer
from particle_protocol.dct import ServerAddress
from particle_protocol.lightssl import lab_server_key
from harness.usb.dfu import SETTINGS, read_memory

(rig,) = open_boards(["usb:" + sys.argv[2]], OpenOptions(allow_changes=True))
(board,) = rig.boards
if sys.argv[3] == "point":
    context = board.point_at(DeviceServer(ServerAddress("192.0.2.77", 5999), lab_server_key().public.der))
    context.__enter__()
    board.enter_dfu()
    print(read_memory(board.usb, 2082, 512, alternate=SETTINGS).hex(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
board.enter_dfu()
print(read_memory(board.usb, 2082, 512, alternate=SETTINGS).hex(), flush=True)
rig.close()
"""


@real_time
@pytest.mark.tool("umockdev")
def test_a_run_that_is_really_killed_leaves_its_board_to_the_next(state, tmp_path):
    try:
        find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))
    if shutil.which("sh") is None:
        pytest.skip("needs a shell")
    script, device_id = tmp_path / "session.py", "0123456789abcdef01234567"
    script.write_text(KILLED)
    one = f"{sys.executable} {script} {ROOT} {device_id}"
    command = [sys.executable, "-c", "from particle_hil.command import main; main()", "run", "--board", f"emu:photon?id={device_id}", "--"]
    done = subprocess.run(
        [*command, "sh", "-c", f"{one} look; {one} point; echo $?; ls {state}; {one} look"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    before, inside, status, kept, after = done.stdout.split()
    assert (int(status), kept) == (128 + signal.SIGKILL, f"pointed-{device_id}.json"), done.stderr
    assert inside[768:780] == "0004c000024d"
    assert after == before != inside
    assert not list(state.iterdir())
