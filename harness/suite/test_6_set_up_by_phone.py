"""Set-up by phone, over the network that a board opens itself: credentials, a claim code, and the claim bit that tells of it."""

from __future__ import annotations

import pytest

from harness.board import Board
from harness.cloud import Account, WifiNetwork
from harness.errors import CapabilityMissing
from harness.modes import Capability, Mode


@pytest.mark.start(mode=Mode.LISTENING, claimed=False)
@pytest.mark.parametrize("protocol", ["TCP", "HTTP"])
def test_it_is_set_up_by_phone(board: Board, account: Account, wifi: WifiNetwork, protocol: str) -> None:
    """Set up over its own network and claimed by code; its claim bit is set then, and stays when it is unclaimed."""
    if not board.softap.reachable:
        raise CapabilityMissing(Capability.SOFTAP, board=board.label, remedy="No program joins this computer to the board's network")
    board.softap.over_http = protocol == "HTTP"
    assert board.softap.device_info().device_id == board.device_id
    assert wifi.ssid.encode() in {network.ssid for network in board.softap.scan()}
    board.softap.set_claim_code(account.claim_code())
    board.softap.set_wifi(wifi.ssid, wifi.password, security=wifi.security)
    board.softap.connect()
    board.wait_for(Mode.ONLINE)
    board.wait_for_code_used()
    assert account.device(board.device_id).owner == account.username
    assert board.claim_bit()
    account.unclaim(board.device_id)
    board.enter_listening()
    assert board.softap.device_info().claimed, "only the cloud knows that it is nobody's again"
