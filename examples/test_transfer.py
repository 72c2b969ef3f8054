"""A lamp changes hands."""

import pytest

from particle_hil import CloudRefused, Mode


@pytest.mark.needs(capability="mails")
@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_a_lamp_is_handed_over_once_its_owner_agrees(board, account, cloud):
    buyer = cloud.sign_up("buyer@example.com", "a long enough secret")
    with pytest.raises(CloudRefused):
        buyer.claim(board.device_id)

    buyer.claim(board.device_id, request_transfer=True)
    mail = account.mails.wait_for("transfer")
    assert account.device(board.device_id).owner == account.username, "until its owner has agreed"

    cloud.request("POST", f"/emulator/transfers/{mail['token']}", json={"accept": True})
    assert buyer.device(board.device_id).owner == buyer.username
    assert account.find(board.device_id) is None
