"""Whose a lamp is."""

import pytest

from particle_hil import Mode


@pytest.mark.start(mode=Mode.LISTENING, claimed=False)
def test_a_lamp_remembers_that_it_was_claimed_once(board, account, wifi):
    assert not board.claim_bit()

    board.set_claim_code(account.claim_code())
    board.network.join(wifi)
    board.wait_for(Mode.ONLINE)
    board.wait_for_code_used()
    assert account.device(board.device_id).owner == account.username

    account.unclaim(board.device_id)
    board.enter_listening()
    assert board.claim_bit()


@pytest.mark.start(mode=Mode.LISTENING, claimed=False)
def test_a_customer_sets_a_lamp_up(board, account, product, customer, wifi):
    product.add_devices(board.device_id)
    board.set_claim_code(customer.claim_code())
    board.network.join(wifi)
    board.wait_for(Mode.ONLINE)
    board.wait_for_code_used()
    assert [device.id for device in customer.account.devices()] == [board.device_id]
    assert product.device(board.device_id).owner == customer.email
    assert account.devices() == []
