"""A board that has nothing but its connection to the cloud, made by a kind of this test: an emulated one whose USB was taken away."""

import importlib.metadata
import json

import pytest
from click.testing import CliRunner

from firmware_images.build import build_module
from harness.board import Board, By
from harness.boards import ENTRY_POINTS, Kind, Moniker, OpenOptions, Rig, emu, open_boards
from harness.capabilities import Extras
from harness.cli.check import check
from harness.cloud import Cloud
from harness.errors import Blame, CapabilityMissing, NotReached
from harness.modes import Capability, Mode
from harness.starting import Start
from particle_protocol.platforms import ModuleFunction

HAS = {"power": "1: a program can switch its power", "led": "1: a program can see its LED"}


def open_unplugged(monikers, options):
    """Boards that are online by themselves, as somebody else left them; a test sees them in the cloud."""
    rig = emu.KIND.open([Moniker.parse(f"emu:{each.name}?mode=online") for each in monikers], options)
    for place, moniker in enumerate(monikers):
        full, has = rig.boards[place], moniker.options
        extras = Extras(
            usb=False,
            serial=False,
            power=full.power if "power" in has else None,
            led=full.led if "led" in has else None,
        )
        rig.boards[place] = Board(full.host, full.platform, full.device_id, moniker=moniker.text, allow_changes=True, extras=extras)
    return Rig(rig.boards, cloud=rig.cloud, close=rig.close)


KIND = Kind(open_unplugged, HAS)


@pytest.fixture(autouse=True)
def kind(monkeypatch):
    monkeypatch.setattr("harness.boards.kind_of_test", KIND, raising=False)
    point = importlib.metadata.EntryPoint("far", "harness.boards:kind_of_test", ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **wanted: [point] if wanted.get("name", "far") == "far" else [])


@pytest.fixture
def opened():
    """`opened(moniker)`: the board, and the account that can see it once it owns it."""
    rigs, clouds = [], []

    def open_one(moniker):
        (rig,) = open_boards([moniker])
        rigs.append(rig)
        clouds.append(Cloud(rig.cloud))
        (board,) = rig.boards
        board.account = clouds[-1].own_account()
        return board

    yield open_one
    for each in (*clouds, *rigs):
        each.close()


def run_check(*arguments):
    result = CliRunner().invoke(check, [*arguments, "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    return json.loads(result.output)["checks"]


@pytest.mark.parametrize("moniker", ["far:photon", "far:photon?power=1"])
def test_it_passes_the_cloud_part_of_the_suite(moniker):
    checks = run_check("--board", moniker, "-k", "test_5_cloud")
    assert [(each["name"], each["reason"]) for each in checks if each["outcome"] == "failed"] == []
    assert len(checks) == 7
    skipped = [each["reason"] for each in checks if each["outcome"] == "skipped"]
    assert [reason for reason in skipped if "There are these ways to a reset: request, button, power" not in reason] == []
    assert len(skipped) == (0 if "power" in moniker else 1)


def test_the_rest_of_the_suite_is_skipped_before_anything_is_touched():
    checks = run_check("--board", "far:photon", "-k", "not test_5_cloud")
    assert {each["outcome"] for each in checks} <= {"passed", "skipped"}
    reasons = [each["reason"] for each in checks if each["outcome"] == "skipped"]
    assert len(reasons) > 15
    told = ("this board has no", "what this test needs is not there")
    assert [reason for reason in reasons if not any(words in reason for words in told)] == []
    assert ("test_an_application_is_sent_over_the_air", "passed") in [(each["name"].partition("[")[0], each["outcome"]) for each in checks]


def test_a_marker_brings_it_online_and_claimed(opened):
    board = opened("far:photon")
    Start(Mode.ONLINE, claimed=True).bring(board, None)
    assert board.account.device(board.device_id).owner == board.account.username
    assert board.mode() is Mode.ONLINE
    assert str(board.identify()) == f"Photon {board.device_id}, seen in the cloud only, Device OS 2.3.1"
    assert board.os_version() == "2.3.1"


def test_what_it_lacks_is_told_as_such(opened):
    board = opened("far:photon")
    assert board.capabilities == {Capability.NETWORK, Capability.CLOUD, Capability.SOFTAP}
    for use, capability in (
        (lambda: board.usb, Capability.USB),
        (lambda: board.requests, Capability.USB),
        (lambda: board.console, Capability.SERIAL),
        (board.enter_listening, Capability.USB),
        (lambda: board.enter_dfu(By.BUTTON), Capability.BUTTONS),
        (board.reset, Capability.USB),
        (board.identify, Capability.USB),
        (lambda: board.network.join(None), Capability.SERIAL),
        (board.leave_dfu, Capability.USB),
    ):
        with pytest.raises(CapabilityMissing) as caught:
            use()
        assert caught.value.capability is capability
        assert board.device_id in str(caught.value)


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.DFU, Mode.LISTENING, Mode.OFFLINE, Mode.CONNECTING_CLOUD])
def test_modes_that_only_others_see_are_not_waited_for(opened, mode):
    board = opened("far:photon")
    with pytest.raises(CapabilityMissing, match=f"nobody can witness {mode}"):
        board.wait_for(mode)


@pytest.mark.parametrize("mode", [Mode.ONLINE, Mode.RUNNING, Mode.SAFE])
def test_without_an_account_that_owns_it_nobody_can_tell_anything(opened, mode):
    board = opened("far:photon")
    with pytest.raises(CapabilityMissing, match="use an account that owns the board"):
        board.wait_for(mode)
    with pytest.raises(CapabilityMissing, match="use an account that owns the board"):
        Start(mode).bring(board, None)


def test_a_board_that_the_cloud_does_not_see_is_told_as_such(opened):
    board = opened("far:photon?power=1")
    Start(Mode.ONLINE, claimed=True).bring(board, None)
    board.power.off()
    with pytest.raises(NotReached, match=r"seen: the cloud says offline\. Only the cloud can see it: check its power") as caught:
        board.wait_for(Mode.ONLINE, timeout=30)
    assert caught.value.blame is Blame.BOARD


def test_after_a_reset_a_session_from_before_counts_no_more(opened):
    board = opened("far:photon?power=1")
    Start(Mode.ONLINE, claimed=True).bring(board, None)
    before = board.account.device(board.device_id).last_handshake_at
    board.reset()
    assert board.account.device(board.device_id).last_handshake_at > before
    assert board.journal.entries[-2].text == "took its power away, and gave it back"


def test_an_led_is_witness_enough(opened):
    board = opened("far:photon?led=1&power=1")
    board.account = None
    board.wait_for(Mode.ONLINE)
    assert board.mode() is Mode.ONLINE
    board.reset()
    board.begin_epoch("it was reset")
    assert board.mode() is not Mode.ONLINE
    board.wait_for(Mode.CONNECTING_CLOUD)
    board.wait_for("online")


def test_an_led_and_the_cloud_must_agree(opened):
    board = opened("far:photon?led=1")
    Start(Mode.ONLINE, claimed=True).bring(board, None)
    board.host.lab.network.access_points[0].link.fail()
    with pytest.raises(NotReached, match=r"LED breathing cyan, the cloud says offline\. The board says that it is connected") as caught:
        board.wait_for(Mode.ONLINE, timeout=5)
    assert caught.value.blame is Blame.CLOUD


def test_it_takes_no_option_of_another_kind():
    from harness.errors import BoardNotAvailable

    with pytest.raises(BoardNotAvailable, match=r"has the option 'mode'\. There are: led, power"):
        open_boards(["far:photon?mode=dfu"], OpenOptions())


def test_it_is_flashed_over_the_air_also_after_the_connection_was_lost(opened):
    """Without a word which way: there is no other. Its new session with the cloud shows that it has restarted."""
    board = opened("far:photon")
    Start(Mode.ONLINE, claimed=True).bring(board, None)
    lab, before, lost = board.host.lab, board.cloud_session(), []
    emulated = board.host.boards["1-1"]
    boots = emulated.boots

    def lose(entry):
        if entry.text.startswith("had the cloud send") and not lost:
            lost.append(entry)
            lab.clock.call_later(0.01, lab.network.access_points[0].switch_off)
            lab.clock.call_later(20.0, lab.network.access_points[0].switch_on)

    with board.journal.listen(lose):
        board.flash(build_module(6, ModuleFunction.USER_PART, 1, 6, body=bytes(120000)))
    assert [entry.text for entry in board.journal.entries if "asked for again" in entry.text]
    assert emulated.boots == boots + 1, "a session that is new because the connection was lost is no sign of an update"
    assert board.cloud_session() != before
    with pytest.raises(CapabilityMissing, match="USB connection"):
        board.flash(build_module(6, ModuleFunction.USER_PART, 1, 6, body=bytes(64)), by="dfu")
