"""SIMs: a cellular board is online when the mobile network lets its SIM in, and only then, whatever became of its owner or its product.

A SIM that was active once can take days to be active again, and one that is in a product leaves it by being released only. So what would
take a SIM off the network, or into a product, is checked only where everything can be brought back afterwards; on other boards a SIM that
nobody has activated yet is activated for the account.
"""

from __future__ import annotations

import pytest

from harness.board import Board
from harness.cloud import Account
from harness.errors import CloudRefused, NotReached, RequestRefused
from harness.follow_ups import claim_when_online
from harness.host import HostClock
from harness.kit import Network, Product
from harness.modes import Mode
from harness.networks import SIM_TIMEOUT
from harness.provisioning import SimActivation, SimWay
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.control_requests.generated import cellular_pb2
from particle_protocol.control_requests.host import request as control_request

pytestmark = pytest.mark.needs(network="cellular", capability=["usb", "serial", "cloud"])

SNAPSHOT = pytest.mark.needs(capability="snapshot")

NOT_LET_IN = 150.0
"""Seconds in which a board that the mobile network turns down has shown so: it asks every 15 s, and notices that it is lost before that."""


@pytest.fixture
def sim(board: Board, account: Account) -> str:
    """The number of its SIM, which can be activated: nobody has it, or the account, and it is not active."""
    if board.requests.has_ethernet():
        pytest.skip("it has Ethernet, and is online by that whatever becomes of its SIM")
    iccid = board.iccid()
    if not account.sims.can_be_activated(iccid):
        pytest.skip(f"its SIM {iccid} cannot be activated: it is active, or somebody else's")
    return iccid


@pytest.fixture
def serial_number(board: Board) -> str:
    """Its serial number."""
    try:
        return board.requests.serial_number()
    except RequestRefused as error:
        pytest.skip(f"it tells no serial number: {error}")


@pytest.fixture
def built_in(account: Account, sim: str, serial_number: str) -> bool:
    """Whether its SIM is built in: only then the cloud knows it by the board's serial number."""
    return account.sims.of_serial_number(serial_number) == sim


@pytest.fixture
def online(board: Board, account: Account, sim: str) -> Board:
    """The board, online with its SIM, which is the account's, and claimed."""
    SimActivation(board, account).run().raise_if_failed()
    claim_when_online(board, account)
    return board


def is_lost(board: Board, account: Account) -> None:
    """The board looks for a network again, and the cloud knows that it is gone."""
    board.wait_for(Mode.CONNECTING_NETWORK, timeout=NOT_LET_IN)
    assert not account.device(board.device_id).online


def is_back(board: Board, account: Account, sim: str) -> None:
    """Its SIM is active again, and the board online by itself. Some SIMs take up to days for that, which nobody waits for here."""
    try:
        board.until(
            lambda: account.sims.is_active(sim),
            timeout=SIM_TIMEOUT,
            awaited=f"its SIM {sim} to be active again",
            seen=lambda: account.sims.status(sim),
        )
    except NotReached:
        pytest.skip(f"its SIM {sim} takes longer than {SIM_TIMEOUT:g} s to be active again, as those of some models do")
    board.wait_for(Mode.ONLINE)


@pytest.mark.parametrize("by", [pytest.param(way, id=way.name.lower(), marks=[SNAPSHOT] if way.into_product else []) for way in SimWay])
def test_its_sim_is_activated(request: pytest.FixtureRequest, board: Board, account: Account, sim: str, by: SimWay) -> None:
    """With its SIM activated it comes online by itself: by the SIM's number, by the serial number, by import, by joining a product."""
    if by in (SimWay.SERIAL_NUMBER, SimWay.MEMBERSHIP) and not request.getfixturevalue("built_in"):
        pytest.skip("its SIM is a card, which is activated by its own number only")
    product = request.getfixturevalue("product") if by.into_product else None
    flow = SimActivation(board, account, by, product=product)
    flow.run().raise_if_failed()
    found = flow.sims.find(sim)
    assert found is not None
    assert (found.active, found.product_id) == (True, None if product is None else product.id)
    if product is None:
        assert account.find(board.device_id) is None, "activating a SIM claims no board"
    else:
        member = product.device(board.device_id)
        assert (member.online, member.owner) == (True, None)


@SNAPSHOT
def test_a_plastic_sim_waits_for_its_own_number(
    board: Board, account: Account, product: Product, sim: str, serial_number: str, built_in: bool, clock: HostClock
) -> None:
    """A plastic SIM is not activated by the serial number of its board, nor by the product that this joins, but by its own number."""
    if built_in:
        pytest.skip("its SIM is built in")
    with pytest.raises(CloudRefused):
        account.sims.activate(serial_number)
    product.add_devices(board.device_id)
    clock.sleep(30)
    assert product.sims.all() == []
    assert account.sims.can_be_activated(sim)
    SimActivation(board, account, SimWay.IMPORT, product=product).run().raise_if_failed()


@SNAPSHOT
@pytest.mark.parametrize("brought", ["sim", "board"])
def test_its_sim_moves_into_a_product_while_it_is_online(
    online: Board, account: Account, product: Product, sim: str, brought: str, built_in: bool, clock: HostClock
) -> None:
    """A SIM that somebody of the team has moves into the product with its board, which does not leave the network for that."""
    if brought == "board" and not built_in:
        pytest.skip("its SIM is a card, which does not come along with its board")
    online.wait_for(Mode.ONLINE)
    before = account.device(online.device_id)
    with account.events("spark/status") as events:
        if brought == "sim":
            product.import_sims(sim)
        else:
            product.add_devices(online.device_id)
        clock.sleep(30)
        assert [event.data for event in events.poll("spark/status") if event.device_id == online.device_id] == []
    moved = product.sims.find(sim)
    assert moved is not None
    assert (moved.active, moved.product_id) == (True, product.id)
    assert sim not in [each.iccid for each in account.sims.all()]
    after = account.device(online.device_id)
    assert (after.online, after.product_id, after.owner) == (True, product.id, account.username)
    assert after.last_handshake_at == before.last_handshake_at
    online.wait_for(Mode.ONLINE)


@SNAPSHOT
def test_its_sim_is_deactivated_while_it_is_online(online: Board, account: Account, sim: str) -> None:
    """With its SIM deactivated it loses the network; with the SIM reactivated it is online again by itself, and still claimed."""
    account.sims.deactivate(sim)
    is_lost(online, account)
    assert account.sims.status(sim) == "inactive_user_deactivated"
    account.sims.reactivate(sim)
    is_back(online, account, sim)
    assert account.device(online.device_id).owner == account.username


@SNAPSHOT
def test_its_sim_is_released_while_it_is_online(online: Board, account: Account, sim: str) -> None:
    """With its SIM released it loses the network, stays claimed, and anybody may activate the SIM again."""
    account.sims.release(sim)
    is_lost(online, account)
    assert account.sims.find(sim) is None
    assert account.device(online.device_id).owner == account.username
    account.sims.activate(sim)
    is_back(online, account, sim)


@SNAPSHOT
def test_unclaiming_leaves_its_sim_active(online: Board, account: Account, sim: str) -> None:
    """Unclaimed, it stays online, and its SIM stays active and the account's."""
    account.unclaim(online.device_id)
    assert account.sims.is_active(sim)
    online.wait_for(Mode.ONLINE)


@pytest.mark.needs(capability=["snapshot", "sim_slot"], os=">=2.0")  # earlier ones go on with their session, and tell of no other SIM
def test_another_sim_is_put_in(online: Board, account: Account, sim: str) -> None:
    """With another SIM in its slot it waits for that one to be activated, and is the same device with the same modem then."""
    online.enter_listening()
    imei = online.console.identify().imei
    card = online.sim_slot.insert()
    if online.platform.generation > 2:
        wanted = cellular_pb2.CellularSetActiveSimRequest(sim_type=cellular_pb2.EXTERNAL_SIM).SerializeToString()
        online.requests.ask("the other SIM", control_request(RequestType.CELLULAR_SET_ACTIVE_SIM, wanted))
    online.reset()
    assert account.sims.can_be_activated(card)
    SimActivation(online, account).run().raise_if_failed()
    seen = account.device(online.device_id)
    assert (seen.online, seen.raw["iccid"], seen.raw["last_iccid"], seen.raw["imei"]) == (True, card, sim, imei)


@pytest.mark.needs(capability="air")
def test_its_modem_is_banned(online: Board, account: Account, sim: str) -> None:
    """With its modem banned it loses the network, although its SIM is active; when the ban is lifted it is online again."""
    cell = Network(lambda: (online,), lambda: online, None).cell()
    cell.ban(online)
    is_lost(online, account)
    assert account.sims.is_active(sim)
    cell.lift_ban(online)
    online.wait_for(Mode.ONLINE)
