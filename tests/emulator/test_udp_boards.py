"""Boards that speak UDP, with network and cloud: online, away, moved, back, and over TCP where they are told to."""

import pytest

from emulator.cloud.device_service import DatagramPort, StreamPort
from emulator.cloud.sim_records import SimStatus
from emulator.factory import user_part
from emulator.network import Link
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField
from particle_protocol.platforms import platform_by_name

ELECTRON = platform_by_name("electron")
SILENCE = 1430 + 100
"""After so many seconds without a word the cloud takes a cellular board for gone."""


@pytest.fixture
def online(bench):
    def make(**more):
        board = bench.board(platform="electron", sim_status=SimStatus.ACTIVE, **more)
        bench.wait_led(board, "breathing cyan", timeout=120)
        bench.sleep(1)
        return board

    return make


def port_of(bench, transport):
    return next(each for each in bench.lab.ports if each.transport is transport)


def sessions(bench, transport=Transport.UDP):
    return list(port_of(bench, transport).sessions())


def ends(bench):
    """The sessions of DTLS that the cloud has, in use or not."""
    return [end.cid or end.client_random for end in port_of(bench, Transport.UDP).listener]


def is_online(bench, board):
    return bench.lab.cloud.connections.online(board.device_id)


def ask(bench, reply):
    bench.lab.driver.wait(lambda: reply.done, [reply.settled], timeout=60, awaited="the device's answer")
    return reply.result()


@pytest.mark.parametrize("os", ["0.7.0", "1.5.2", "2.3.1", "3.3.1"])
def test_an_electron_is_online_over_udp_and_does_what_it_is_asked(bench, online, os):
    board = online(os=os)
    (session,) = sessions(bench)
    assert (session.device_id, session.hello.platform_id) == (board.device_id, 10)
    assert sessions(bench, Transport.TCP) == []
    assert list(bench.lab.device_service.refusals) == []
    assert ask(bench, session.call("digitalwrite", "D7,HIGH")) == 1
    assert ask(bench, session.ping()) is None
    functions = bench.lab.cloud.connections.presence(board.device_id).functions
    assert "digitalwrite" in functions


def test_a_reset_board_goes_on_with_its_session(bench, online):
    board = online()
    before = ends(bench)
    board.buttons.press_reset()
    bench.sleep(0.1)
    board.buttons.release_reset()
    bench.sleep(60)
    assert is_online(bench, board)
    assert ends(bench) == before, "no other handshake"
    (session,) = sessions(bench)
    assert ask(bench, session.call("digitalwrite", "D7,HIGH")) == 1


def test_a_board_without_power_is_offline_after_its_silence_and_back_with_it(bench, online):
    board = online()
    board.power_off()
    bench.sleep(SILENCE)
    assert not is_online(bench, board)
    board.power_on()
    bench.wait_led(board, "breathing cyan", timeout=120)
    bench.sleep(1)
    assert is_online(bench, board)
    (session,) = sessions(bench)
    assert ask(bench, session.call("digitalwrite", "D7,HIGH")) == 1


def test_an_outage_of_its_cell_costs_a_board_nothing_but_the_time(bench, online):
    board = online()
    before = ends(bench)
    (cell,) = bench.lab.network.cells
    cell.switch_off()
    bench.sleep(600)
    cell.switch_on()
    bench.sleep(120)
    assert board.led.describe() == "breathing cyan"
    assert is_online(bench, board)
    assert ends(bench) == before
    (session,) = sessions(bench)
    assert ask(bench, session.ping()) is None


def test_a_board_whose_session_the_cloud_has_lost_makes_another_one(bench, online):
    board = online()
    before = ends(bench)
    bench.lab.device_service.close("the cloud is started anew")
    assert not is_online(bench, board)
    bench.sleep(60)
    assert is_online(bench, board)
    assert ends(bench) != before


def test_a_board_is_online_over_a_bad_network_too(bench):
    (cell,) = bench.lab.network.cells
    cell.link = Link(latency=0.1, jitter=0.3, loss=0.08, duplication=0.1, reordering=0.1)
    board = bench.board(platform="electron", sim_status=SimStatus.ACTIVE)
    bench.wait_led(board, "breathing cyan", timeout=600)
    bench.sleep(30)
    assert is_online(bench, board)


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_an_update_over_the_air_arrives_by_datagrams(bench, online, loss):
    board = online()
    (cell,) = bench.lab.network.cells
    cell.link.loss = loss
    (session,) = sessions(bench)
    image = user_part(ELECTRON, board.hardware.device_os, None, (7, 3))
    reply = session.flash(image)
    bench.lab.driver.wait(lambda: reply.done, [reply.settled], timeout=600, awaited="the update")
    assert reply.result() is None
    cell.link.loss = 0.0
    bench.sleep(90)
    (session,) = sessions(bench)
    assert (session.hello.product_id, session.hello.product_version) == (7, 3)


def test_a_sim_that_is_deactivated_takes_its_board_offline(bench, online):
    board = bench.board(platform="electron")
    cloud = bench.lab.cloud
    user = cloud.accounts.create("me@example.com", "secret")
    client = cloud.tokens.client(*cloud.settings.known_clients[0])
    who = cloud.tokens.principal(cloud.tokens.issue_user(client, user, expires_at=None).token)
    cloud.sims.activate(who, board.sim)
    bench.wait_led(board, "breathing cyan", timeout=600)
    bench.sleep(1)
    assert is_online(bench, board)
    cloud.sims.deactivate(who, board.sim)
    bench.sleep(60)
    assert not is_online(bench, board)
    assert sessions(bench) == []


def test_an_electron_that_is_told_to_speaks_tcp_and_is_the_same_device(bench, online):
    board = online()
    board.settings.put(DctField.CLOUD_TRANSPORT, b"\x00")
    board.buttons.press_reset()
    bench.sleep(0.1)
    board.buttons.release_reset()
    bench.sleep(60)
    assert is_online(bench, board)
    (session,) = sessions(bench, Transport.TCP)
    assert session.device_id == board.device_id
    assert sessions(bench) == []
    assert isinstance(bench.lab.ports[0], StreamPort) and isinstance(bench.lab.ports[1], DatagramPort)
    assert ask(bench, session.call("digitalwrite", "D7,HIGH")) == 1
