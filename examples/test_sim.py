"""A lamp with a SIM."""

import pytest

from particle_hil import Mode


@pytest.mark.needs(network="cellular")
@pytest.mark.start(mode=Mode.ONLINE)
def test_a_lamp_is_online_while_its_sim_is_active(board, account):
    (sim,) = account.sims.all()
    assert sim.active

    account.sims.deactivate(sim.iccid)
    board.wait_for(Mode.CONNECTING_NETWORK)

    account.sims.reactivate(sim.iccid)
    board.wait_for(Mode.ONLINE)
