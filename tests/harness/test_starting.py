"""Bringing boards to a state: by moniker, and by the marker `start(...)`."""

import pytest

from harness.cloud import Cloud
from harness.errors import CapabilityMissing, HarnessError
from harness.modes import Mode
from harness.starting import Start


@pytest.fixture
def account_of():
    clouds = []

    def log_in(rig):
        clouds.append(Cloud(rig.cloud))
        return clouds[-1].login(rig.cloud.username, rig.cloud.password)

    yield log_in
    for cloud in clouds:
        cloud.close()


@pytest.mark.parametrize(
    ("moniker", "mode"),
    [
        ("emu:photon?claimed=1", Mode.ONLINE),
        ("emu:photon?claimed=1&mode=dfu", Mode.DFU),
        ("emu:photon?claimed=1&mode=listening", Mode.LISTENING),
        ("emu:photon?claimed=1&mode=online&os=2.1.0", Mode.ONLINE),
    ],
)
def test_a_moniker_makes_a_board_that_is_claimed(open_rig, account_of, moniker, mode):
    rig = open_rig(moniker)
    (device,) = account_of(rig).devices()
    assert device.id == rig.boards[0].device_id
    assert rig.boards[0].mode() is mode


@pytest.mark.parametrize("mode", [Mode.ONLINE, Mode.SAFE])
def test_a_moniker_makes_a_board_that_knows_the_network(open_rig, mode):
    assert open_rig(f"emu:photon?mode={mode.name.lower()}").boards[0].mode() is mode


@pytest.mark.parametrize("first", ["listening", "dfu", "online", "safe", "off"])
@pytest.mark.parametrize("then", [Mode.LISTENING, Mode.DFU, Mode.ONLINE, Mode.SAFE, Mode.OFF])
def test_every_mode_is_reached_from_every_other(open_rig, first, then):
    rig = open_rig(f"emu:photon?mode={first}")
    board = rig.boards[0]
    if then is Mode.SAFE and first in ("listening", "dfu", "off"):
        Start(Mode.ONLINE).bring(board, rig.wifi)
    Start(then).bring(board, rig.wifi)
    assert board.mode() is then


def test_a_board_is_claimed_and_given_up(open_rig, account_of):
    rig = open_rig("emu:photon")
    board = rig.boards[0]
    board.account = account_of(rig)
    Start(claimed=True).bring(board, rig.wifi)
    assert board.account.device(board.device_id).owner == board.account.username
    Start(claimed=True, mode=Mode.DFU).bring(board, rig.wifi)
    assert board.mode() is Mode.DFU
    Start(claimed=False).bring(board, rig.wifi)
    assert board.account.find(board.device_id) is None


def test_device_os_is_installed_once(open_rig):
    board = open_rig("emu:photon?os=2.1.0").boards[0]
    Start(os="2.1.0").bring(board, None)
    assert board.journal.entries == []
    Start(os="2.2.0").bring(board, None)
    assert board.os_version() == "2.2.0"


def test_what_cannot_be_brought_about_is_told(open_rig):
    board = open_rig("emu:photon").boards[0]
    with pytest.raises(CapabilityMissing, match="no cloud"):
        Start(claimed=True).bring(board, None)
    with pytest.raises(CapabilityMissing, match="--wifi SSID:PASSWORD"):
        Start(Mode.ONLINE).bring(board, None)
    with pytest.raises(HarnessError, match="it passes quickly"):
        Start(Mode.CONNECTING_CLOUD).bring(board, None)


def test_an_older_device_os_stays_although_the_cloud_heals(open_rig, account_of):
    """The application there needs the newer one; left in place, it would have the cloud bring that back."""
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    board.account = account_of(rig)
    Start(Mode.ONLINE, claimed=True, os="2.2.0").bring(board, rig.wifi)
    board.host.clock.sleep(600)
    assert (board.mode(), board.os_version()) == (Mode.ONLINE, "2.2.0")
