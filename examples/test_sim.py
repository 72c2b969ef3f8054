"""A lamp with a SIM."""

import pytest

from particle_hil import Mode


@pytest.mark.needs(network="cellular")
@pytest.mark.start(mode=Mode.ONLINE)
def test_a_lamp_is_online_while_its_sim_is_active(board, account):
    (sim,) = account.request("GET", "/v1/sims")["sims"]
    assert sim["status"] == "active"

    account.request("PUT", f"/v1/sims/{sim['_id']}", json={"action": "deactivate"})
    board.wait_for(Mode.CONNECTING_NETWORK)

    account.request("PUT", f"/v1/sims/{sim['_id']}", json={"action": "reactivate"})
    board.wait_for(Mode.ONLINE)
