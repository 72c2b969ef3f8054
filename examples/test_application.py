"""The lamp's own firmware."""

import pytest
from lamp import Lamp

from particle_hil import Mode


@pytest.mark.needs(capability="application")
@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_a_lamp_is_dimmed_from_afar(board, account):
    board.flash(board.build(Lamp))
    board.wait_for(Mode.ONLINE)

    with account.events("lamp/") as events:
        assert account.call(board.device_id, "dim", "40") == 40
        assert account.read(board.device_id, "brightness") == 40
        assert events.wait_for("lamp/level", timeout=90).data == "40"
