"""What may be wrong with a network."""

import pytest

from particle_hil import Blame, Mode, NotReached


@pytest.mark.needs(network="wifi", capability="led")
@pytest.mark.start(mode=Mode.LISTENING)
def test_a_wrong_password_is_noticed_and_can_be_put_right(board, wifi):
    board.set_wifi(wifi.ssid, "not its password")
    with pytest.raises(NotReached) as caught:
        board.wait_for(Mode.ONLINE)
    assert caught.value.blame is Blame.NETWORK

    board.enter_listening()
    board.set_wifi(wifi.ssid, wifi.password)
    board.wait_for(Mode.ONLINE)


@pytest.mark.needs(capability="air")
@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_a_lamp_outlives_an_outage_of_the_network(board, account, network, clock):
    with network.outage():
        board.wait_for(Mode.CONNECTING_NETWORK)
        clock.sleep(3600)
    board.wait_for(Mode.ONLINE)
    assert account.ping(board.device_id)


@pytest.mark.needs(capability="cloud_faults")
@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_a_lamp_outlives_an_outage_of_the_cloud(board, account, faults, clock):
    with faults(outage="cloud"):
        clock.sleep(600)
    board.wait_for(Mode.ONLINE)
    assert account.call(board.device_id, "digitalwrite", "D7 HIGH") == 1
