"""Safe mode: asked for, and because something is missing."""

import pytest

from particle_hil import Mode, images


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
def test_into_safe_mode_and_back(board, account):
    board.enter_safe_mode()
    board.wait_for(Mode.SAFE)
    assert account.ping(board.device_id), "in safe mode it is connected, too"
    assert account.device(board.device_id).in_safe_mode

    board.reset()
    board.wait_for(Mode.ONLINE)
    assert not account.device(board.device_id).in_safe_mode


@pytest.mark.needs(platform="photon", capability="led")
@pytest.mark.start(mode=Mode.ONLINE, claimed=True, os="2.1.0")
def test_a_lamp_that_misses_a_newer_device_os_gets_it_from_the_cloud(board):
    application = images.read_module(board.releases.application())
    needs = images.Dependency(images.ModuleFunction.SYSTEM_PART, 2, 2301)  # the one of Device OS 2.3.0
    board.flash(images.edit_module(application, images.Changes(dependencies=(needs,))))

    board.wait_for(Mode.ONLINE, timeout=300)
    assert "breathing magenta" in board.led_since_epoch()
    assert board.os_version() == "2.3.0"
