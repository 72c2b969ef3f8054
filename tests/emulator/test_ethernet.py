"""An Ethernet FeatherWing on a Gen 3 board: looked for on request, preferred to other networks, left for them when its cable is dead."""

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.sim_records import SimStatus
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.errors import RequestError
from particle_protocol.control_requests.generated import network_pb2, system_pb2
from particle_protocol.dct import DctField
from particle_protocol.listening.wifi import WifiSecurity

HOME = StoredNetwork("home", WifiSecurity.WPA2, "secret123")
FEATURE = system_pb2.ETHERNET_DETECTION
ENABLE, DISABLE = (system_pb2.SetFeatureRequest(feature=FEATURE, enabled=on).SerializeToString() for on in (True, False))
ASK = system_pb2.GetFeatureRequest(feature=FEATURE).SerializeToString()


@pytest.fixture
def outlet(bench):
    (only,) = bench.lab.network.outlets
    return only


def interface(bench, board, index):
    reply = network_pb2.GetInterfaceReply()
    reply.ParseFromString(bench.request(board, RequestType.GET_INTERFACE, network_pb2.GetInterfaceRequest(index=index).SerializeToString()))
    return reply.interface


def comes_from(bench, board):
    """What the cloud sees a board come from."""
    (peer,) = (each.peer for each in bench.lab.device_service.sessions if each.device_id == board.device_id)
    return peer.rpartition(":")[0]


def names(bench, board):
    reply = network_pb2.GetInterfaceListReply()
    reply.ParseFromString(bench.request(board, RequestType.GET_INTERFACE_LIST))
    return {each.index: each.name for each in reply.interfaces}


@pytest.mark.parametrize("platform", ["argon", "boron"])
def test_a_board_with_the_featherwing_comes_online_by_cable_alone_and_does_not_listen(bench, outlet, platform):
    board = bench.board(platform=platform, os="6.2.0", ethernet=True)
    bench.wait_led(board, "breathing cyan", timeout=20)
    assert board.firmware.interfaces.path is outlet
    assert comes_from(bench, board) == outlet.address
    assert names(bench, board)[3] == "en2"
    found = interface(bench, board, 3)
    assert (found.type, found.hw_address, found.flags & 0x41) == (network_pb2.ETHERNET, board.identity.wire_mac, 0x41)


def test_it_is_looked_for_from_the_boot_on_after_somebody_asked_and_until_somebody_asks_otherwise(bench, outlet):
    board = bench.board(platform="argon", os="6.2.0", ethernet=True, mode="off")
    board.settings.put(DctField.FEATURE_FLAGS, b"")
    board.power_on()
    bench.wait_led(board, "blinking dark blue")
    assert (bench.request(board, RequestType.GET_FEATURE, ASK), names(bench, board)) == (b"", {1: "lo0", 4: "wl3"})
    for wanted, told, led in ((ENABLE, b"\x08\x01", "breathing cyan"), (DISABLE, b"", "blinking dark blue")):
        bench.request(board, RequestType.SET_FEATURE, wanted)
        assert bench.request(board, RequestType.GET_FEATURE, ASK) == told
        board.reset(board.reset_reason)
        bench.wait_led(board, led)


def test_without_the_featherwing_the_feature_finds_nothing(bench):
    board = bench.board(platform="argon", os="6.2.0")
    bench.sleep(1)
    bench.request(board, RequestType.SET_FEATURE, ENABLE)
    board.reset(board.reset_reason)
    bench.sleep(1)
    assert (board.led.describe(), names(bench, board)) == ("blinking dark blue", {1: "lo0", 4: "wl3"})
    photon = bench.board()
    bench.sleep(1)
    with pytest.raises(RequestError) as caught:
        bench.request(photon, RequestType.SET_FEATURE, ENABLE)
    assert caught.value.result == -1
    with pytest.raises(RequestError) as caught:
        bench.request(board, RequestType.SET_FEATURE)
    assert caught.value.result == Result.NOT_SUPPORTED
    with pytest.raises(ValueError, match="takes no Ethernet FeatherWing"):
        bench.board(ethernet=True)


def test_a_dead_cable_leaves_wifi_and_a_live_one_is_taken_at_the_next_connection(bench, outlet):
    home = bench.lab.network.access_point("home", "secret123")
    board = bench.board(platform="argon", os="6.2.0", ethernet=True, networks=[HOME])
    bench.wait_led(board, "breathing cyan")
    bench.sleep(5)
    assert board.firmware.interfaces.path is outlet
    outlet.switch_off()
    bench.sleep(5)
    assert board.led.describe() == "breathing cyan"
    assert (board.firmware.interfaces.path, comes_from(bench, board)) == (home, home.address)
    outlet.switch_on()
    bench.sleep(10)
    assert (board.firmware.interfaces.path, comes_from(bench, board)) == (outlet, home.address), "what holds is kept"
    home.switch_off()
    bench.sleep(10)
    assert board.led.describe() == "breathing cyan"
    assert comes_from(bench, board) == outlet.address


def test_a_modem_that_nobody_lets_in_is_not_seen_while_the_cable_carries(bench, outlet):
    board = bench.board(platform="boron", os="6.2.0", ethernet=True)
    bench.wait_led(board, "breathing cyan")
    start = bench.lab.clock.now
    bench.sleep(700)
    assert {str(change.status) for change in board.led.timeline if change.time > start} == set()
    outlet.switch_off()
    bench.sleep(5)
    assert board.led.describe() == "blinking green"
    bench.lab.cloud.sims.set_up(board.sim, SimStatus.ACTIVE)
    bench.wait_led(board, "breathing cyan")
