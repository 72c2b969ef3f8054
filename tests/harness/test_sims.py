"""SIMs from the harness's side: the SIMs of an account and a product, the flow that has one activated, the slot of a board."""

import pytest

from harness.cloud import Cloud
from harness.errors import ChangesNotAllowed, CloudRefused, HarnessError, NotReached
from harness.kit import Network, Product
from harness.modes import Mode
from harness.provisioning import SimActivation, SimWay


@pytest.fixture
def account(open_rig):
    """`account(moniker)`: a board by moniker, and the run's user, who watches it."""
    clouds = []

    def open_board(moniker):
        rig = open_rig(moniker)
        clouds.append(Cloud(rig.cloud))
        (board,) = rig.boards
        board.account = clouds[-1].own_account()
        return board, board.account

    yield open_board
    for cloud in clouds:
        cloud.close()


def test_the_sims_of_an_account_by_what_is_done_to_them(account):
    board, user = account("emu:boron")
    sim = board.iccid()
    assert (user.sims.all(), user.sims.find(sim), user.sims.status(sim), user.sims.can_be_activated(sim)) == ([], None, "unknown", True)
    user.sims.activate(sim)
    board.host.clock.sleep(15)
    assert not user.sims.can_be_activated(sim)
    (found,) = user.sims.all()
    assert (found.iccid, found.active, found.owner, found.device_id) == (sim, True, user.username, board.device_id)
    with pytest.raises(CloudRefused) as refused:
        user.sims.activate(sim)
    assert refused.value.status == 409
    user.sims.deactivate(sim)
    board.host.clock.sleep(15)
    assert user.sims.status(sim) == "inactive_user_deactivated"
    user.sims.reactivate(sim)
    board.host.clock.sleep(15)
    assert user.sims.is_active(sim)
    user.sims.release(sim)
    assert user.sims.all() == []


def test_more_sims_than_one_page_are_all_told(account):
    board, user = account("emu:electron")
    product = Product.create(user, "meters", "electron")
    lab = board.host.lab
    pack = [lab.cloud.sims.make(f"893407650000258{number:04d}").iccid for number in range(120)]
    product.import_sims(*pack)
    assert [sim.iccid for sim in product.sims.all()] == pack
    assert product.sims.find(board.iccid()) is None


@pytest.mark.parametrize(("moniker", "by"), [("emu:electron", SimWay.ICCID), ("emu:boron?os=6.2.0", SimWay.SERIAL_NUMBER)])
def test_the_flow_tells_its_steps_and_does_only_what_is_needed(account, moniker, by):
    board, user = account(moniker)
    verdict = SimActivation(board, user, by).run().raise_if_failed()
    assert [step.name for step in verdict.steps] == [
        "read the number of its SIM",
        "look for the mobile network",
        f"activate its SIM {by.value}",
        "wait for the mobile network",
        "connect to the cloud",
    ]
    assert board.led_since_epoch()[-1] == "breathing cyan"
    assert board.mode() is Mode.ONLINE
    again = SimActivation(board, user, by).run().raise_if_failed()
    assert str(again.steps[2]) == f"activate its SIM {by.value}: not needed"


def test_a_sim_that_did_not_come_along_into_a_product_is_told_with_what_to_do(account):
    board, user = account("emu:electron")
    verdict = SimActivation(board, user, SimWay.MEMBERSHIP, product=Product.create(user, "meters", "electron")).run()
    assert verdict.steps[-1].name == "activate its SIM by adding its board to a product"
    assert "did not come along into product meters" in verdict.reason
    assert "by its own number" in verdict.remedy


def test_a_sim_that_takes_long_is_told_and_waited_for_longer_when_asked(account):
    board, user = account("emu:boron?sku=BRN402")
    SimActivation(board, user).run().raise_if_failed()
    sim = board.iccid()
    user.sims.release(sim)
    board.host.clock.sleep(60)
    verdict = SimActivation(board, user).run()
    assert isinstance(verdict.error, NotReached)
    assert f"waited for its SIM {sim} to be active" in verdict.reason
    assert "longer timeout" in verdict.remedy
    board.power.off()
    board.host.clock.sleep(3 * 86_400)
    board.power.on()
    board.wait_for(Mode.ONLINE)
    assert str(SimActivation(board, user).run().raise_if_failed().steps[2]) == "activate its SIM by its number: not needed"


@pytest.mark.parametrize(("by", "product"), [(SimWay.IMPORT, None), (SimWay.ICCID, object())])
def test_a_way_into_a_product_needs_one_and_no_other_does(account, by, product):
    board, user = account("emu:boron")
    with pytest.raises(ValueError, match=f"{by.value} (needs|has no use for) a product"):
        SimActivation(board, user, by, product=product)


def test_the_sim_of_a_real_board_is_activated_only_where_that_is_allowed(account):
    board, user = account("emu:boron")
    board.allow_changes = False
    verdict = SimActivation(board, user).run()
    assert isinstance(verdict.error, ChangesNotAllowed)
    assert user.sims.all() == []


def test_a_card_is_put_into_a_slot_and_taken_out(account):
    board, user = account("emu:electron")
    SimActivation(board, user).run().raise_if_failed()
    sim = board.iccid()
    board.leave_listening()
    board.wait_for(Mode.ONLINE)
    card = board.sim_slot.insert()
    board.wait_for(Mode.CONNECTING_NETWORK)
    assert board.iccid() == card
    board.sim_slot.remove()
    with pytest.raises(HarnessError, match="tells of no SIM"):
        board.iccid()
    board.sim_slot.insert(sim)
    board.leave_listening()
    board.wait_for(Mode.ONLINE)


def test_a_modem_is_banned_and_let_in_again(account):
    board, user = account("emu:boron")
    SimActivation(board, user).run().raise_if_failed()
    cell = Network(lambda: (board,), lambda: board, None).cell()
    cell.ban(board)
    board.wait_for(Mode.CONNECTING_NETWORK)
    assert "banned the modem of" in str(board.journal.entries[-2].text)
    cell.lift_ban(board)
    board.wait_for(Mode.ONLINE)


def test_a_board_without_a_modem_has_no_sim_and_none_to_be_banned(account):
    board, user = account("emu:photon")
    verdict = SimActivation(board, user).run()
    assert "it has no SIM; seen: boards of its platform have no modem" in verdict.reason
    with pytest.raises(HarnessError, match="no modem that could be banned"):
        Network(lambda: (board,), lambda: board, None).cell().ban(board)
