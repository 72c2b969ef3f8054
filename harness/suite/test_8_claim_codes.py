"""Claim codes: whoever made the code owns the board that brings it, a user or a customer, whichever way the board was given it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.board import Board, By
from harness.cloud import Account, WifiNetwork
from harness.errors import CapabilityMissing
from harness.follow_ups import CLAIM_TIMEOUT
from harness.kit import Customer, Product
from harness.modes import Capability, Mode
from particle_protocol.platforms import Feature

pytestmark = [pytest.mark.needs(capability="cloud"), pytest.mark.start(mode=Mode.LISTENING, claimed=False)]

BY_PHONE, OVER_USB, OVER_SERIAL = "by phone", "over USB", "over serial"

WAYS = (
    pytest.param(BY_PHONE, marks=pytest.mark.needs(capability="softap")),
    pytest.param(OVER_USB, marks=pytest.mark.needs(capability="usb")),
    pytest.param(OVER_SERIAL, marks=pytest.mark.needs(capability="serial")),
)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the board is given its code."""
    return str(request.param)


@pytest.fixture
def set_up(board: Board, network: WifiNetwork | None, way: str) -> Callable[[str], None]:
    """`set_up(code)`: give the board a code, and a network to bring it along; ends when the board is online.

    Over UDP a board that was online goes on with its session, in which it sends no code; it has forgotten that when it had no power.
    """
    keeps_sessions = board.platform.has(Feature.UDP)
    if keeps_sessions:
        _ = board.power
    if way == BY_PHONE and not board.softap.reachable:
        raise CapabilityMissing(Capability.SOFTAP, board=board.label, remedy="No program joins this computer to the board's network")

    def give(code: str) -> None:
        if way == BY_PHONE:
            board.softap.set_claim_code(code)
        elif way == OVER_USB:
            board.set_claim_code(code)
        else:
            board.console.set_claim_code(code)
        if way == BY_PHONE and network is not None:
            board.softap.set_wifi(network.ssid, network.password, security=network.security)
            board.softap.connect()
        else:
            board.network.join(network)
        if keeps_sessions:
            board.reset(By.POWER)
        board.wait_for(Mode.ONLINE)

    return give


def is_owned_by(board: Board, who: Account) -> None:
    """Let time pass until somebody owns the board, and the board knows that it was claimed."""

    def owned() -> bool:
        found = who.find(board.device_id)
        return found is not None and found.owner == who.username and board.claim_bit()

    def seen() -> str:
        found = who.find(board.device_id)
        return f"in the cloud its owner is {'nobody they may see' if found is None else found.owner}, its claim bit is {board.claim_bit()}"

    board.until(owned, timeout=CLAIM_TIMEOUT, awaited=f"{who.username} to own it", seen=seen)


def test_the_code_of_a_user_claims_it(board: Board, account: Account, set_up: Callable[[str], None]) -> None:
    """The board that brings a user's code is the user's."""
    set_up(account.claim_code())
    is_owned_by(board, account)
    assert board.device_id in [device.id for device in account.devices()]
    account.unclaim(board.device_id)


def test_the_code_of_a_user_claims_a_member_of_a_product(
    board: Board, set_up: Callable[[str], None], account: Account, product: Product
) -> None:
    """A member that brings the code of somebody of the team is theirs, and stays in the product."""
    product.add_devices(board.device_id)
    set_up(account.claim_code())
    is_owned_by(board, account)
    member = product.device(board.device_id)
    assert (member.owner, member.product_id) == (account.username, product.id)
    product.unclaim(board.device_id)


@pytest.mark.parametrize("added", [True, False], ids=["added before", "brought in by the code"])
def test_the_code_of_a_customer_claims_it(
    board: Board, set_up: Callable[[str], None], product: Product, customer: Customer, added: bool
) -> None:
    """The board that brings a customer's code is the customer's, and in the product."""
    if added:
        product.add_devices(board.device_id)
    set_up(customer.claim_code())
    is_owned_by(board, customer.account)
    member = product.device(board.device_id)
    assert (member.owner, member.product_id) == (customer.email, product.id)
    assert [device.id for device in customer.account.devices()] == [board.device_id]
    product.remove_device(board.device_id)
    assert customer.account.devices() == [], "who takes a customer's board out of the product takes it from the customer"
