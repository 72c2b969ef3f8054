"""The power goes away in the middle of a write."""

import pytest

from particle_hil import HarnessError, Mode

pytestmark = pytest.mark.needs(capability=["power_cuts", "power"])


@pytest.mark.start(mode=Mode.ONLINE)
@pytest.mark.parametrize("phase", ["start", "middle", "end"])
@pytest.mark.parametrize("write", [1, 2])
def test_a_lamp_whose_power_is_cut_while_it_is_flashed_can_be_flashed_again(board, faults, write, phase):
    application = board.releases.application()
    with faults(power_cut=(write, phase)) as begun, pytest.raises(HarnessError):
        board.flash(application)
    assert begun.cut == [board]

    board.power.on()
    board.wait_for(Mode.RUNNING)
    board.flash(application)
    board.wait_for(Mode.ONLINE)


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_a_lamp_whose_power_is_cut_during_an_update_over_the_air_can_be_updated_again(board, account, faults):
    application = board.releases.application()
    with faults(power_cut=3) as begun:
        account.flash(board.device_id, application)
        board.wait_for(Mode.OFF)
    assert begun.cut == [board]

    board.power.on()
    board.wait_for(Mode.ONLINE)
    board.update_over_the_air(application)
