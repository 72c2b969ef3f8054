"""Bundles onto boards: the application first, then its assets, whichever way; and what is told where one is missing."""

import pytest

from emulator.factory import user_part
from firmware_images.assets import build_asset
from firmware_images.bundle import make_bundle, read_bundle
from harness.cloud import Cloud
from harness.modes import Mode
from harness.usb.requests import BoardAssets
from particle_protocol.platforms import platform_by_name

FILES = {"beep.wav": b"beep " * 300, "buzz.wav": b"buzz " * 300}
BORON = "emu:boron?os=6.2.0&sim_state=active&claimed=1"


@pytest.fixture
def board(open_rig):
    rig = open_rig(BORON)
    with_account = Cloud(rig.cloud)
    rig.boards[0].account = with_account.own_account()
    rig.boards[0].wait_for(Mode.ONLINE)
    yield rig.boards[0]
    with_account.close()


@pytest.fixture
def bundle():
    return make_bundle(user_part(platform_by_name("boron"), "6.2.0"), FILES)


def names(found):
    return sorted(name for name, _ in found)


@pytest.mark.parametrize("by", [None, "usb", "ota"])
def test_a_bundle_is_flashed_with_its_assets(board, bundle, by):
    board.flash(bundle, by=by)
    assets = board.requests.assets()
    assert names(assets.there) == names(assets.needed) == list(FILES)
    board.wait_for(Mode.ONLINE)


def test_an_application_that_misses_assets_misses_something(board, bundle):
    board.flash(read_bundle(bundle).application)
    assert board.requests.unmet_dependency() == "asset 'beep.wav', asset 'buzz.wav'"
    board.flash(build_asset("beep.wav", FILES["beep.wav"]))
    assert board.requests.unmet_dependency() == "asset 'buzz.wav'"
    board.flash(build_asset("buzz.wav", FILES["buzz.wav"]))
    assert board.requests.unmet_dependency() == ""


def test_a_board_that_tells_nothing_of_assets(open_rig):
    assert open_rig("emu:photon").boards[0].requests.assets() is None
    assert open_rig("emu:boron?os=6.2.0").boards[0].requests.assets() == BoardAssets(set(), set())
