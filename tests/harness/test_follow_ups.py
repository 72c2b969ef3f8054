"""Waits for what follows a connection: claimed, claim code used, updated."""

import pytest

from emulator.factory import user_part
from harness.board import Board
from harness.cloud import Cloud
from harness.errors import CapabilityMissing, ChangesNotAllowed, HarnessError, ImageRefused, NotReached, Refusal
from harness.modes import Mode


@pytest.fixture
def account(request):
    clouds = []

    def log_in(rig):
        clouds.append(Cloud(rig.cloud))
        return clouds[-1].login(rig.cloud.username, rig.cloud.password)

    yield log_in
    for cloud in clouds:
        cloud.close()


@pytest.fixture
def rig(open_rig):
    return open_rig("emu:photon")


@pytest.fixture
def board(rig, account):
    (board,) = rig.boards
    board.account = account(rig)
    return board


def connect(rig, board):
    board.set_wifi(rig.wifi.ssid, rig.wifi.password)
    board.wait_for(Mode.ONLINE)


@pytest.mark.parametrize("way", ["request", "console"])
def test_the_use_of_a_claim_code_is_waited_for(rig, board, way):
    (board.set_claim_code if way == "request" else board.console.set_claim_code)(board.account.claim_code())
    connect(rig, board)
    board.wait_for_code_used()
    assert board.requests.is_claimed()
    assert board.wait_for_claim().owner == board.account.username


def test_a_claim_code_that_is_nobodys_is_not_used(rig, board):
    board.set_claim_code("A" * 63)
    connect(rig, board)
    with pytest.raises(NotReached, match=r"its claim code to be used.*it says that it is not claimed, the account may not see it"):
        board.wait_for_code_used(timeout=20)
    with pytest.raises(NotReached, match=r"the account to own it.*the account may not see it in the cloud"):
        board.wait_for_claim(timeout=5)


def test_a_second_code_is_seen_by_the_cloud_alone_for_the_board_remembers_the_first(rig, board):
    board.set_claim_code(board.account.claim_code())
    connect(rig, board)
    board.wait_for_code_used()
    board.account.unclaim(board.device_id)
    board.set_claim_code(board.account.claim_code())
    assert board.requests.is_claimed(), "this must not be taken for the use of the second code"
    with pytest.raises(NotReached):
        board.wait_for_code_used(timeout=5)
    board.reset()
    board.wait_for(Mode.ONLINE)
    board.wait_for_code_used()
    assert board.account.find(board.device_id) is not None


def test_where_nobody_can_tell_nothing_is_called_used(rig, board):
    with pytest.raises(HarnessError, match="it was given no claim code"):
        board.wait_for_code_used()
    board.set_claim_code(board.account.claim_code())
    connect(rig, board)
    board.wait_for_code_used()
    board.set_claim_code(board.account.claim_code())
    with pytest.raises(HarnessError, match=r"nobody can tell.*was the account's own"):
        board.wait_for_code_used()
    board.account = None
    board.set_claim_code("A" * 63)
    with pytest.raises(HarnessError, match=r"nobody can tell.*no account watched it"):
        board.wait_for_code_used()
    with pytest.raises(CapabilityMissing):
        board.wait_for_claim()


def test_a_claim_by_the_account_is_waited_for(rig, board):
    connect(rig, board)
    found, _ = board.host.driver.gather([board.wait_for_claim, lambda: claim_later(board)])
    assert found.id == board.device_id


def claim_later(board):
    board.host.clock.sleep(7)
    board.account.claim(board.device_id)


@pytest.fixture
def claimed(open_rig, account):
    rig = open_rig("emu:photon?claimed=1")
    (board,) = rig.boards
    board.account = account(rig)
    return board


def test_an_update_over_the_air_is_waited_for(claimed):
    image = user_part(claimed.platform, "0.6.0")
    boots = claimed.host.boards["1-1"].boots
    claimed.update_over_the_air(image)
    assert claimed.host.boards["1-1"].boots == boots + 1
    claimed.wait_for(Mode.ONLINE)
    assert str(claimed.requests.modules()[-1]).startswith("user part 1 version 4")


def test_the_same_application_again_is_an_update_too(claimed):
    """What was installed before must not be taken for what is sent now."""
    image = claimed.releases.application()
    with pytest.raises(NotReached, match="it has not reset since the update was begun"), claimed.updating(image, timeout=60):
        pass
    boots = claimed.host.boards["1-1"].boots
    with claimed.updating(image):
        claimed.account.flash(claimed.device_id, image)
    assert claimed.host.boards["1-1"].boots == boots + 1


def test_another_update_than_the_one_awaited_is_none(claimed):
    with (
        pytest.raises(NotReached, match=r"to be installed over the air.*seen: .*user part 1 version"),
        claimed.updating(user_part(claimed.platform, "2.3.1"), timeout=60),
    ):
        claimed.account.flash(claimed.device_id, user_part(claimed.platform, "0.6.0"))


def test_an_update_that_cannot_be_sent_is_told(claimed):
    claimed.host.lab.network.access_points[0].switch_off()
    with pytest.raises(NotReached, match=r"the cloud to see it online.*seen: the cloud says offline.*flash it by USB"):
        claimed.update_over_the_air(claimed.releases.application())


def test_nothing_goes_over_the_air_that_would_not_go_over_usb(claimed):
    image = claimed.releases.application()
    real = Board(claimed.host, claimed.platform, claimed.device_id, moniker="usb:x", port="1-1")
    with pytest.raises(CapabilityMissing):
        real.update_over_the_air(image)
    real.account = claimed.account
    with pytest.raises(ImageRefused) as caught:
        real.update_over_the_air(claimed.releases.device_os("2.3.1")[-1])
    assert caught.value.reason is Refusal.STAND_IN
    with pytest.raises((ChangesNotAllowed, ImageRefused)):
        real.update_over_the_air(image)
