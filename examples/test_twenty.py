"""A tray of twenty lamps at once."""

import pytest

from particle_hil import Mode, Product


@pytest.mark.needs(count=20)
@pytest.mark.start(mode=Mode.LISTENING, claimed=False)
def test_a_tray_of_twenty_lamps(boards, account, wifi):
    product = Product.create(account, "Tray", boards[0].platform.name)
    product.add_devices(*[board.device_id for board in boards])
    for board in boards:
        board.network.join(wifi)
    for board in boards:
        board.wait_for(Mode.ONLINE)
        account.claim(board.device_id)
    assert {device.id for device in product.devices() if device.online} == {board.device_id for board in boards}
