"""The life of a lamp in a product: from the tray to the rubbish."""

import pytest

from particle_hil import CloudRefused, Mode


@pytest.mark.start(mode=Mode.LISTENING, claimed=False)
def test_a_lamp_from_the_tray_to_the_rubbish(board, account, product, wifi):
    # It is known by its number, and has an owner, before it was ever online.
    product.add_devices(board.device_id)
    account.claim(board.device_id)
    assert not product.device(board.device_id).online

    board.network.join(wifi)
    board.wait_for(Mode.ONLINE)

    for version in (1, 2):
        product.upload(product.firmware(board.releases.application(), version), version)
    with board.updating():
        product.lock(board.device_id, 2, flash=True)
    board.wait_for(Mode.ONLINE)
    assert product.device(board.device_id).firmware_version == 2

    product.unclaim(board.device_id)
    assert product.device(board.device_id).owner is None
    product.remove_device(board.device_id)
    with pytest.raises(CloudRefused):
        product.device(board.device_id)
