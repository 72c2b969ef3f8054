"""What an error quotes and a journal shows is of this board, this epoch, this test."""

import pytest

from emulator.factory import user_part
from harness.boards import OpenOptions
from harness.errors import NotReached
from harness.journal import Kind
from harness.meanwhile import whole_story
from harness.modes import Mode
from harness.pool.pool import Pool, Wanted
from harness.pytest_plugin.bench import Bench
from particle_protocol.dct import DctField
from particle_protocol.lightssl import ServerKey


@pytest.fixture(scope="module")
def other_key():
    return ServerKey.generate().public.der


def emulated(board):
    return board.host.boards[board.usb.port]


def with_wrong_key(board, key):
    emulated(board).settings.write(DctField.SERVER_PUBLIC_KEY.offset, key)
    board.reset()


def why_not_online(board, **options):
    with pytest.raises(NotReached) as caught:
        board.wait_for(Mode.ONLINE, **options)
    return str(caught.value)


def test_a_refusal_is_quoted_for_the_board_that_was_refused_and_for_no_other(open_rig, other_key):
    rig = open_rig("emu:photon", "emu:photon")
    wrong_key, wrong_password = rig.boards
    with_wrong_key(wrong_key, other_key)
    wrong_key.wait_for(Mode.LISTENING)
    wrong_key.set_wifi(rig.wifi.ssid, rig.wifi.password)
    wrong_password.set_wifi(rig.wifi.ssid, "not the password")
    theirs = why_not_online(wrong_password)
    assert "Check the network's name and password" in theirs
    assert "cloud's log" not in theirs
    mine = why_not_online(wrong_key)
    assert "in the cloud's log" in mine
    assert "device unknown" in mine, "the cloud cannot tell whose message it could not read; the lab can"


def test_a_refusal_of_an_earlier_epoch_is_not_quoted(open_rig, other_key):
    rig = open_rig("emu:photon?mode=online")
    (board,) = rig.boards
    with_wrong_key(board, other_key)
    assert "in the cloud's log" in why_not_online(board, timeout=30)
    rig.boards[0].host.lab.network.access_points[0].switch_off()
    board.reset()
    assert "in the cloud's log" not in why_not_online(board, timeout=30)


def test_a_refusal_of_the_test_before_is_not_quoted(open_rig, other_key):
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    state = rig.snapshot()
    with_wrong_key(board, other_key)
    board.wait_for(Mode.LISTENING)
    board.set_wifi(rig.wifi.ssid, rig.wifi.password)
    why_not_online(board)
    rig.restore(state)
    board.set_wifi(rig.wifi.ssid, "not the password")
    assert "in the cloud's log" not in why_not_online(board)


def test_what_healing_lacks_is_quoted_only_of_a_session_of_this_epoch(open_rig):
    rig = open_rig("emu:photon?os=2.1.0&mode=online", device_os=("none",))
    (board,) = rig.boards
    board.flash(user_part(board.platform, "2.3.1"))
    assert "which is not in the cloud's library" in why_not_online(board, timeout=20)
    emulated(board).host = None
    board.power.off()
    board.begin_epoch("the power was cut; the cloud has not noticed")
    assert "library" not in why_not_online(board, timeout=1)


def test_the_journal_of_a_failed_wait_tells_what_happened_meanwhile(open_rig, other_key):
    rig = open_rig("emu:photon", "emu:photon")
    board, other = rig.boards
    with_wrong_key(board, other_key)
    board.wait_for(Mode.LISTENING)
    other.set_wifi(rig.wifi.ssid, rig.wifi.password)
    board.set_wifi(rig.wifi.ssid, rig.wifi.password)
    why_not_online(board, timeout=20)
    logs = [entry for entry in board.journal.entries if entry.kind is Kind.LOG]
    told = "\n".join(entry.text for entry in logs)
    assert [entry.at for entry in logs] == sorted(entry.at for entry in logs)
    assert "LED: blinking green" in told
    assert "LED: fast blinking cyan" in told
    assert "console: SSID: particle-hil" in told
    assert "cloud: 203.0.113.1:" in told
    assert rig.wifi.password not in str(board.journal)
    assert "***" in told
    assert other.device_id not in told
    assert ": connected" not in told, "the other board has"
    assert board.journal.entries[-1].text.startswith("not connected to the cloud")


def test_what_comes_and_goes_is_in_the_journal_too(open_rig):
    (board,) = open_rig("emu:photon?mode=online").boards
    board.begin_epoch("for once")
    board.power.off()
    board.host.clock.sleep(1)
    board.power.on()
    with pytest.raises(NotReached):
        board.wait_for(Mode.DFU, timeout=120)
    told = "\n".join(entry.text for entry in board.journal.entries)
    assert "USB: usb 1-1: USB disconnect, device number" in told
    assert f"device {board.device_id}: connected" in told
    assert f"device {board.device_id}: disconnected: replaced by a later connection of the same device" in told


def test_a_wait_for_the_bus_and_one_for_a_claim_tell_it_as_well(open_rig):
    (board,) = open_rig("emu:photon").boards
    before = board.usb.present()
    board.begin_epoch("something that does not happen", ends=before)
    with pytest.raises(NotReached):
        board.wait_for_usb(before.state, timeout=5)
    assert board.journal.entries[-1].text.startswith("not normal-mode USB after something that does not happen")


def test_of_a_long_failure_the_middle_is_left_out(open_rig):
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    board.set_wifi(rig.wifi.ssid, rig.wifi.password)
    rig.boards[0].host.lab.network.names.clear()
    why_not_online(board, timeout=3600)
    logs = [entry for entry in board.journal.entries if entry.kind is Kind.LOG]
    assert len(logs) < 100
    assert logs[0].text == "console: SSID: particle-hil"
    assert any(" more ..." in entry.text for entry in logs)
    assert logs[-1].at > 3400


def test_what_a_real_board_was_refused_in_the_test_before_is_not_quoted(open_rig, other_key, monkeypatch):
    """A kind that cannot bring its boards back hands them out as they are; the test is another one all the same."""
    rig = open_rig("emu:photon?mode=online")
    rig.snapshot = rig.restore = None
    monkeypatch.setattr("harness.pool.pool.open_boards", lambda *_: [rig])
    bench = Bench(Pool(["emu:photon?mode=online"], OpenOptions()))
    (board,) = bench.hand_out(Wanted())
    with_wrong_key(board, other_key)
    assert "in the cloud's log" in why_not_online(board, timeout=20)
    bench.take_back()
    emulated(board).settings.write(DctField.SERVER_PUBLIC_KEY.offset, rig.boards[0].host.lab.server_key.public.der)
    board.host.lab.network.access_points[0].switch_off()
    board.host.clock.sleep(5)
    (board,) = bench.hand_out(Wanted())
    assert board.journal.entries == []
    assert "in the cloud's log" not in why_not_online(board, timeout=20)
    assert "DECRYPTION" not in str(board.journal)


def test_what_a_source_noted_at_one_moment_stays_in_its_order(open_rig):
    rig = open_rig("emu:argon")
    (board,) = rig.boards
    board.set_wifi(rig.wifi.ssid, "not the password")
    with pytest.raises(NotReached):
        board.wait_for(Mode.ONLINE)
    story = whole_story(board)
    assert story.index("LED: breathing dark blue") < story.index("LED: blinking green")
    assert story.count("log  LED: blinking green") == 1
