"""The claiming rules that are about boards, on an emulated Photon driven through the harness."""

import pytest

from harness.board import By
from harness.cloud import Cloud
from harness.errors import CloudRefused, HarnessError, NotReached
from harness.modes import Mode, UsbState
from harness.provisioning import DeveloperClaim
from harness.releases import release_files


@pytest.fixture
def rig(open_rig):
    return open_rig("emu:photon?os=2.1.0")


@pytest.fixture
def board(rig):
    return rig.boards[0]


@pytest.fixture
def account(rig, board):
    cloud = Cloud(rig.cloud)
    board.account = cloud.login(rig.cloud.username, rig.cloud.password)
    yield board.account
    board.account = None
    cloud.close()


@pytest.fixture
def other_account(rig):
    cloud = Cloud(rig.cloud)
    yield cloud.sign_up("other@example.com", "secret")
    cloud.close()


def go_online(board, wifi):
    """Give credentials; go on once the board has described itself to the cloud."""
    board.set_wifi(wifi.ssid, wifi.password, security=wifi.security)
    board.wait_for(Mode.ONLINE)
    board.host.clock.sleep(2)


@pytest.mark.rule("R33", "R40", "R47")
def test_a_board_is_added_by_its_whole_id_while_it_is_online(rig, board, account):
    with pytest.raises(CloudRefused, match="online"):
        account.claim(board.device_id)
    assert account.find(board.device_id) is None
    go_online(board, rig.wifi)
    for part in (board.device_id[:-1], f"{board.device_id}0"):
        with pytest.raises(CloudRefused, match="not found"):
            account.claim(part)
    account.claim(board.device_id)
    assert account.device(board.device_id).owner == account.username


@pytest.mark.rule("R34")
def test_the_whole_wifi_sequence_in_its_order(rig, board, account):
    assert board.identify().device_id == board.device_id
    board.enter_dfu()
    board.update_device_os(release_files(board, "2.2.0"))
    board.wait_for(Mode.LISTENING)
    go_online(board, rig.wifi)
    account.claim(board.device_id)
    account.rename(board.device_id, "lamp")
    board.setup_done()
    mine = account.device(board.device_id)
    assert (mine.name, mine.owner, mine.os_version) == ("lamp", account.username, "2.2.0")


@pytest.mark.rule("R35")
def test_a_new_board_listens_and_so_does_one_that_is_asked_to_or_whose_button_is_held(rig, board, account):
    assert board.mode() is Mode.LISTENING
    assert board.led.describe() == "blinking dark blue"
    for by in (By.REQUEST, By.BUTTON):
        go_online(board, rig.wifi)
        board.enter_listening(by)
        assert board.wait_for(Mode.LISTENING)
        assert board.led.describe() == "blinking dark blue"


@pytest.mark.rule("R36")
def test_identifying_a_board_gives_its_device_id(board):
    assert board.identify().device_id == board.device_id
    assert board.console.identify().device_id == board.device_id
    assert len(board.device_id) == 24


@pytest.mark.rule("R37")
@pytest.mark.parametrize("by", [By.REQUEST, By.BUTTON])
def test_dfu_mode_blinks_yellow_and_by_the_buttons_it_comes_after_magenta(board, by):
    before = len(board.led.timeline())
    board.enter_dfu(by)
    assert board.usb.state() is UsbState.DFU
    shown = [change.text for change in board.led.timeline()[before:]]
    assert shown[-1] == "blinking yellow"
    assert ("blinking magenta" in shown) is (by is By.BUTTON)


@pytest.mark.rule("R38")
def test_device_os_is_taken_up_and_down_on_request(rig, board, account):
    go_online(board, rig.wifi)
    account.claim(board.device_id)
    for version in ("2.2.0", "2.1.0"):
        board.update_device_os(release_files(board, version))
        board.wait_for(Mode.ONLINE)
        board.host.clock.sleep(2)
        assert account.device(board.device_id).os_version == version


@pytest.mark.rule("R39")
def test_wifi_credentials_given_over_serial_bring_a_board_online(rig, board, account):
    board.console.set_wifi(rig.wifi.ssid, "not the password", security=rig.wifi.security)
    with pytest.raises(NotReached):
        board.wait_for(Mode.ONLINE)
    board.enter_listening()
    board.console.set_wifi(rig.wifi.ssid, rig.wifi.password, security=rig.wifi.security)
    board.wait_for(Mode.ONLINE)
    board.reset()
    board.wait_for(Mode.ONLINE)


@pytest.mark.rule("R41")
def test_a_name_is_optional(rig, board, account):
    go_online(board, rig.wifi)
    account.claim(board.device_id)
    assert account.device(board.device_id).name is None
    account.rename(board.device_id, "lamp")
    assert account.device(board.device_id).name == "lamp"


@pytest.mark.rule("R34", "R42")
def test_a_photon_has_no_mark_that_says_it_is_set_up_and_is_not_asked_for_it(rig, board, account):
    DeveloperClaim(board, account, rig.wifi, name="lamp").run().raise_if_failed()
    before = board.host.lab.cloud.snapshot().tables
    entries = len(board.journal.entries)
    board.setup_done()
    assert len(board.journal.entries) == entries
    with pytest.raises(HarnessError, match="not supported"):
        board.requests.set_setup_done(done=True)
    assert board.host.lab.cloud.snapshot().tables == before


def set_up_by_phone(board, wifi, code=None):
    """Set-up over the board's own network, with a claim code or without one."""
    if code is not None:
        board.softap.set_claim_code(code)
    board.softap.set_wifi(wifi.ssid, wifi.password)
    board.softap.connect()
    board.wait_for(Mode.ONLINE)
    board.host.clock.sleep(5)


def claimed_by_code(rig, board, account):
    """A board whose claimed bit is set, in listening mode again."""
    set_up_by_phone(board, rig.wifi, account.claim_code())
    assert account.find(board.device_id) is not None
    board.enter_listening()


@pytest.mark.rule("R62")
def test_the_claimed_bit_on_the_board_outlives_the_claim(rig, board, account):
    assert not board.softap.device_info().claimed
    claimed_by_code(rig, board, account)
    assert board.softap.device_info().claimed
    account.unclaim(board.device_id)
    assert board.softap.device_info().claimed
    assert board.console.is_claimed()
    assert board.requests.is_claimed()
    set_up_by_phone(board, rig.wifi)
    board.enter_dfu()
    board.leave_dfu()
    board.wait_for(Mode.ONLINE)
    assert board.claim_bit(), "it is kept in the DCT"


@pytest.mark.rule("R63", "R64")
def test_a_program_near_the_board_sees_the_bit_only_and_the_cloud_decides(rig, board, account, other_account):
    claimed_by_code(rig, board, account)
    account.unclaim(board.device_id)
    assert board.softap.device_info().claimed, "all that set-up can ask while the board has no cloud"
    assert account.find(board.device_id) is None
    set_up_by_phone(board, rig.wifi)
    other_account.claim(board.device_id)
    assert other_account.device(board.device_id).owner == "other@example.com"


@pytest.mark.rule("R66")
def test_a_photon_changes_hands_by_a_claim_code(rig, board, account, other_account):
    claimed_by_code(rig, board, account)
    assert board.softap.device_info().claimed
    set_up_by_phone(board, rig.wifi, other_account.claim_code())
    assert account.find(board.device_id) is None
    assert other_account.device(board.device_id).owner == "other@example.com"
