"""A board joins its network by its own interface: Wi-Fi with credentials, cellular with its SIM activated."""

import pytest

from harness.board import Board
from harness.cloud import Cloud
from harness.errors import CapabilityMissing, ChangesNotAllowed, HarnessError, NotReached
from harness.kit import Product
from harness.modes import Capability, Mode
from harness.networks import Cellular, FirstOf, Wifi
from harness.starting import Start
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.control_requests.generated import config_pb2
from particle_protocol.control_requests.host import request
from particle_protocol.platforms import platform_by_name


@pytest.fixture
def account(open_rig):
    """`account(rig)`: its user, who watches its boards."""
    clouds = []

    def log_in(rig):
        clouds.append(Cloud(rig.cloud))
        user = clouds[-1].own_account()
        for board in rig.boards:
            board.account = user
        return user

    yield log_in
    for cloud in clouds:
        cloud.close()


@pytest.fixture
def electron(open_rig, account):
    """An Electron out of its box that talks to its cloud over TCP, with an account that watches it."""
    rig = open_rig("emu:electron")
    account(rig)
    (board,) = rig.boards
    tcp = config_pb2.TCP_PROTOCOL
    address = config_pb2.SetServerAddressRequest(protocol=tcp, address="device.spark.io", port=5683)
    for kind, wanted in (
        (RequestType.SET_SERVER_PROTOCOL, config_pb2.SetServerProtocolRequest(protocol=tcp)),
        (RequestType.SET_SERVER_ADDRESS, address),
    ):
        board.requests.ask("TCP", request(kind, wanted.SerializeToString()))
    board.reset()
    return board


def sim_of(board):
    return board.host.boards["1-1"].sim


def test_an_electron_out_of_its_box_looks_for_a_network_that_lets_it_in(open_rig):
    (board,) = open_rig("emu:electron").boards
    assert board.mode() is Mode.CONNECTING_NETWORK


def test_without_a_sim_it_listens(open_rig, account):
    rig = open_rig("emu:electron?sim=none")
    account(rig)
    (board,) = rig.boards
    assert board.mode() is Mode.LISTENING
    with pytest.raises(HarnessError, match=r"it tells of no SIM; seen: no ICCID on its serial console\. Put one in"):
        board.network.join()


def test_its_console_names_modem_and_sim(electron):
    electron.enter_listening()
    told = electron.console.identify()
    assert told.iccid == sim_of(electron)
    assert told.imei == electron.host.boards["1-1"].identity.imei
    assert len(told.imei) == 15


def test_it_is_joined_by_having_its_sim_activated(electron):
    assert electron.account.sims.find(sim_of(electron)) is None
    assert electron.network.join() == f"SIM {sim_of(electron)} is active"
    assert electron.account.sims.is_active(sim_of(electron))
    electron.wait_for(Mode.ONLINE)
    assert electron.network.join() is None, "there is nothing to do"
    electron.wait_for(Mode.ONLINE)


def test_a_marker_brings_it_online_and_claimed_without_any_wifi(electron):
    Start(Mode.ONLINE, claimed=True).bring(electron, None)
    assert electron.account.device(electron.device_id).owner == electron.account.username


def test_a_sim_of_somebody_elses_is_told_with_what_to_do(electron, open_rig):
    other = electron.account.cloud.sign_up("other@example.com", "a long enough secret")
    other.sims.activate(sim_of(electron))
    with pytest.raises(HarnessError, match=r"its SIM 89.* cannot be activated; seen: .* belongs to another account") as caught:
        electron.network.join()
    assert "use that account" in caught.value.remedy


def test_a_sim_that_came_along_into_a_product_is_waited_for_and_not_asked_for(electron):
    product = Product.create(electron.account, "meters", "electron")
    product.import_sims(sim_of(electron))
    assert electron.network.join() == f"SIM {sim_of(electron)} is active"
    electron.wait_for(Mode.ONLINE)
    product.sims.deactivate(sim_of(electron))
    electron.wait_for(Mode.CONNECTING_NETWORK)
    with pytest.raises(NotReached, match=r"in the cloud it is inactive_user_deactivated\. Reactivate it in product"):
        electron.network.join()


def test_a_sim_that_is_active_and_nobodys_needs_nothing_done(open_rig, account):
    rig = open_rig("emu:electron?sim_state=active")
    user = account(rig)
    (board,) = rig.boards
    assert board.network.join() is None
    board.wait_for(Mode.ONLINE)
    assert user.sims.all() == []


def test_a_sim_that_is_not_activated_in_time_is_told(electron):
    account = electron.account
    account.sims.activate = lambda iccid: None
    with pytest.raises(NotReached, match=r"waited for its SIM .* to be active, but .*; seen: in the cloud it is unknown"):
        electron.network.join()


def test_the_sim_of_a_real_board_is_not_activated_unless_allowed(electron):
    real = Board(electron.host, electron.platform, electron.device_id, moniker="usb:x", port="1-1")
    real.account = electron.account
    with pytest.raises(ChangesNotAllowed, match="activate its SIM"):
        real.network.join()
    with pytest.raises(NotReached, match=r"Its SIM would have been activated, but for a missing --allow-changes"):
        Start(Mode.ONLINE).bring(real, None)
    assert electron.account.sims.find(sim_of(electron)) is None


def test_a_cellular_board_asks_for_an_account_and_a_wifi_board_for_a_network(open_rig):
    electron, photon = open_rig("emu:electron", "emu:photon").boards
    for board, capability in ((electron, Capability.CLOUD), (photon, Capability.WIFI)):
        with pytest.raises(CapabilityMissing) as caught:
            board.network.join()
        assert caught.value.capability is capability
        assert board.network.lacks(None).capability is capability


@pytest.mark.parametrize(
    ("name", "kind"), [("photon", "Wi-Fi"), ("p2", "Wi-Fi"), ("boron", "cellular"), ("msom", "Wi-Fi and cellular"), ("xenon", None)]
)
def test_a_board_has_the_interfaces_of_its_platform(board, name, kind):
    other = Board(board.host, platform_by_name(name), board.device_id, moniker="usb:x")
    if kind is None:
        with pytest.raises(CapabilityMissing, match="this board has no network interface that is known here"):
            _ = other.network
    else:
        assert other.network.kind == kind


def test_of_two_interfaces_the_one_is_joined_that_a_run_has_everything_for(board):
    both, wifi = FirstOf([Wifi(board), Cellular(board)]), object()
    assert both.lacks(None).capability is Capability.WIFI
    assert both.lacks(wifi) is None
    board.account = object()
    assert both.lacks(None) is None
    assert both.offer(None) == "Its SIM would have been activated"


def test_wifi_is_joined_from_any_mode(open_rig):
    rig = open_rig("emu:photon")
    (board,) = rig.boards
    board.enter_dfu()
    assert board.network.join(rig.wifi) == "the board took the credentials of 'particle-hil'"
    board.wait_for(Mode.ONLINE)
    board.network.join(rig.wifi)
    board.wait_for(Mode.ONLINE)
