"""What can be told of a board without an LED, as every real one on USB: an emulated board, seen by a kind that has nothing else."""

from dataclasses import replace

import pytest

from firmware_images.build import build_module
from firmware_images.fields import Dependency
from harness.board import Board
from harness.cloud import Cloud
from harness.errors import CapabilityMissing, NotReached, RequestRefused
from harness.modes import Capability, CloudStatus, Mode
from harness.starting import Start
from harness.witness import Boot, CloudView, Witnesses
from particle_protocol.platforms import ModuleFunction


@pytest.fixture
def rig(open_rig):
    return open_rig("emu:photon?mode=online&claimed=1")


@pytest.fixture
def real(rig):
    """The board as a kind sees it that has USB and serial only, just opened."""
    (board,) = rig.boards
    return Board(board.host, board.platform, board.device_id, moniker="usb:x", port=board.usb.port, allow_changes=True)


@pytest.fixture
def account(rig):
    cloud = Cloud(rig.cloud)
    yield cloud.login(rig.cloud.username, rig.cloud.password)
    cloud.close()


@pytest.fixture
def watched(real, account):
    """The same, with its owner's account to watch it."""
    real.account = account
    return real


def led(rig):
    return rig.boards[0].led.describe()


def boots(rig):
    return rig.boards[0].host.boards["1-1"].boots


def test_a_board_in_safe_mode_is_not_online(watched):
    watched.wait_for(Mode.ONLINE)
    watched.enter_safe_mode()
    with pytest.raises(NotReached, match="the cloud says online in safe mode") as caught:
        watched.wait_for(Mode.ONLINE)
    assert "reset it" in caught.value.remedy
    watched.wait_for(Mode.SAFE)
    assert watched.mode() is Mode.SAFE


def test_a_board_is_online_only_after_the_cloud_had_time_to_hear_of_safe_mode(rig, watched):
    """Looked at right when the board has connected: at that moment the cloud still says what it said of the boot before."""
    emulated = rig.boards[0].host.boards["1-1"]
    shown = []
    emulated.changed.subscribe(lambda: shown.append(emulated.led.describe()))
    watched.enter_safe_mode()
    watched.host.clock.sleep(1)
    while shown[-1] != "breathing magenta":
        watched.host.rest(10, port="1-1")
        assert not watched.witnesses.look(Mode.ONLINE, watched.epoch)[0]


def test_safe_mode_of_an_earlier_session_is_none_of_this_one(rig, watched):
    watched.enter_safe_mode()
    watched.wait_for(Mode.SAFE)
    rig.boards[0].power.off()
    watched.host.clock.sleep(1)
    assert watched.account.device(watched.device_id).in_safe_mode
    rig.boards[0].power.on()
    watched.begin_epoch("it got its power back", boot=Boot.NORMAL)
    with pytest.raises(NotReached):
        watched.wait_for(Mode.SAFE, timeout=20)
    watched.wait_for(Mode.ONLINE)


def test_a_test_that_starts_online_does_not_start_in_safe_mode(rig, watched):
    watched.enter_safe_mode()
    Start(Mode.ONLINE).bring(watched, rig.wifi)
    assert led(rig) == "breathing cyan"


@pytest.mark.parametrize("mode", [Mode.LISTENING, Mode.RUNNING])
@pytest.mark.parametrize("seen", [False, True])
def test_a_defined_state_is_none_of_safe_mode(rig, real, account, mode, seen):
    """Listening mode in safe mode looks the same; what follows it would not."""
    real.account = account if seen else None
    rig.boards[0].enter_safe_mode()
    Start(mode).bring(real, rig.wifi)
    if mode is Mode.LISTENING:
        real.leave_listening()
    rig.boards[0].wait_for(Mode.ONLINE)


def test_safe_mode_is_not_waited_for_where_nobody_can_see_it(rig, real):
    before = boots(rig)
    for wait in (lambda: real.wait_for(Mode.SAFE), lambda: Start(Mode.SAFE).bring(real, rig.wifi), lambda: real.wait_for("safe")):
        with pytest.raises(CapabilityMissing, match="safe mode looks the same") as caught:
            wait()
        assert caught.value.capability is Capability.LED
    assert boots(rig) == before


def test_an_account_that_may_not_see_the_board_witnesses_nothing(rig, watched):
    watched.account.unclaim(watched.device_id)
    before = boots(rig)
    with pytest.raises(CapabilityMissing):
        Start(Mode.SAFE).bring(watched, rig.wifi)
    with pytest.raises(CapabilityMissing):
        watched.wait_for(Mode.SAFE)
    assert boots(rig) == before
    with pytest.raises(CapabilityMissing, match=r"reset\(\) it first"):
        watched.wait_for(Mode.ONLINE)
    watched.reset()
    watched.wait_for(Mode.ONLINE)


def test_safe_mode_is_started_in_with_an_account_that_owns_the_board(rig, watched):
    Start(Mode.SAFE).bring(watched, rig.wifi)
    assert led(rig) == "breathing magenta"


def test_without_a_cloud_a_board_is_online_only_in_a_boot_that_is_known_to_be_normal(rig, real):
    with pytest.raises(CapabilityMissing, match=r"reset\(\) it first"):
        real.wait_for(Mode.ONLINE)
    real.reset()
    real.wait_for(Mode.ONLINE)
    real.enter_safe_mode()
    with pytest.raises(CapabilityMissing):
        real.wait_for(Mode.ONLINE)
    Start(Mode.ONLINE).bring(real, rig.wifi)
    assert led(rig) == "breathing cyan"


def test_an_unmet_dependency_is_safe_mode(rig, real):
    needs = Dependency(ModuleFunction.SYSTEM_PART, 1, 0xFFFE)
    real.flash(build_module(real.platform.id, ModuleFunction.USER_PART, 1, 6, dependencies=(needs,), body=b"unmet"))
    real.wait_for(Mode.SAFE)
    assert real.mode() is Mode.SAFE
    with pytest.raises(NotReached, match="unmet dependency of user part 1"):
        real.wait_for(Mode.ONLINE, timeout=60)
    Start(Mode.SAFE).bring(real, rig.wifi)


@pytest.mark.parametrize("account_watches", [False, True])
@pytest.mark.parametrize("left_in", ["dfu", "just reset", "running", "wrong credentials"])
def test_a_board_without_good_credentials_is_brought_online(open_rig, left_in, account_watches):
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1", allow_changes=True)
    cloud = Cloud(rig.cloud)
    if account_watches:
        real.account = cloud.login(rig.cloud.username, rig.cloud.password)
    if left_in == "dfu":
        real.enter_dfu()
    elif left_in == "just reset":
        real.reset()
    elif left_in == "running":
        real.leave_listening()
    else:
        real.set_wifi(rig.wifi.ssid, "not the password")
        with pytest.raises(NotReached):
            board.wait_for(Mode.ONLINE)
    Start(Mode.ONLINE).bring(real, rig.wifi)
    assert led(rig) == "breathing cyan"
    cloud.close()


def test_wrong_credentials_are_replaced_on_a_board_with_an_led_too(open_rig):
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    board.set_wifi(rig.wifi.ssid, "not the password")
    board.host.clock.sleep(10)
    Start(Mode.ONLINE).bring(board, rig.wifi)
    assert led(rig) == "breathing cyan"


def test_wrong_credentials_stay_where_changes_are_not_allowed(open_rig):
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    board.set_wifi(rig.wifi.ssid, "not the password")
    real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port="1-1")
    with pytest.raises(NotReached, match="--allow-changes"):
        Start(Mode.ONLINE).bring(real, rig.wifi)
    assert board.host.boards["1-1"].networks.all[0].password == "not the password"


def test_a_board_that_waits_for_a_missing_cloud_keeps_its_credentials(open_rig):
    rig = open_rig("emu:photon?mode=online")
    (board,) = rig.boards
    board.host.lab.network.names.clear()
    board.reset()
    with pytest.raises(NotReached):
        Start(Mode.ONLINE).bring(board, rig.wifi)
    assert all("gave it the credentials" not in entry.text for entry in board.journal.entries)


def old_device_os():
    raise RequestRefused("control request 300", -120, "not supported")


WITNESSES = Witnesses(
    usb=lambda: Entry(),
    usb_text=lambda: "normal-mode USB",
    led=None,
    device_mode=None,
    cloud_status=old_device_os,
    cloud=None,
    unmet_dependency=lambda: "",
)


class Entry:
    from harness.modes import UsbState

    state = UsbState.NORMAL


@pytest.mark.parametrize("mode", [Mode.ONLINE, Mode.OFFLINE])
def test_nobody_answering_is_no_agreement(real, mode):
    """Device OS before 0.9 does not know request 300: then USB alone would say yes to both."""
    epoch = replace(real.epoch, boot=Boot.NORMAL)
    agreed, seen = WITNESSES.look(mode, epoch)
    assert (agreed, seen.missing) == (False, Capability.LED)


@pytest.mark.parametrize(
    ("status", "cloud", "online"),
    [
        (CloudStatus.CONNECTED, None, True),
        (CloudStatus.CONNECTED, CloudView(online=True), True),
        (CloudStatus.CONNECTED, CloudView(online=True, safe_mode=True), False),
        (CloudStatus.CONNECTED, CloudView(online=False), False),
        (CloudStatus.CONNECTING, CloudView(online=True), False),
    ],
)
def test_board_and_cloud_must_agree(real, status, cloud, online):
    witnesses = replace(WITNESSES, cloud_status=lambda: status, cloud=lambda: cloud)
    assert witnesses.look(Mode.ONLINE, replace(real.epoch, boot=Boot.NORMAL))[0] is online


def test_an_old_board_does_not_tell_that_it_listens_and_all_else_goes_on(open_rig):
    """Device OS before 1.1.0 on Gen 2 does not know control request 72."""
    rig = open_rig("emu:photon?mode=online&claimed=1&os=0.7.0")
    (board,) = rig.boards
    real = Board(board.host, board.platform, board.device_id, moniker="usb:x", port=board.usb.port, allow_changes=True)
    real.account = board.account
    with pytest.raises(RequestRefused, match="-120"):
        real.requests.device_mode()
    with pytest.raises(CapabilityMissing, match="LED"):
        real.wait_for(Mode.LISTENING)
    real.enter_dfu()
    real.leave_dfu()
    real.wait_for(Mode.RUNNING)
    board.enter_listening()
    assert board.mode() is Mode.LISTENING
    assert board.claim_bit() is False
