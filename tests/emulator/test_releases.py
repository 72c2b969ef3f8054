"""Every Device OS release that an emulated board can have: it says so, and nothing else is taken for one."""

import pytest

from emulator.device_os.application import Application
from emulator.device_os.installed import version_text
from emulator.device_os.tinker import Tinker
from emulator.factory import device_os_release, user_part
from emulator.hardware import emulated_platforms
from firmware_images.module import read_module
from particle_protocol.functions import ModuleFunction
from particle_protocol.os_versions import NoSuchRelease, known_releases
from particle_protocol.platforms import platform_by_name

EVERY = [(name, release) for name in emulated_platforms() for release in known_releases(platform_by_name(name))]


@pytest.mark.parametrize(("name", "release"), EVERY, ids=[f"{name}-{release.version}" for name, release in EVERY])
def test_a_board_with_a_release_says_so_and_is_healthy(bench, name, release):
    board = bench.board(platform=name, os=release.version)
    bench.sleep(1)
    assert (board.firmware.version, board.firmware.safe_mode) == (release.version, False)
    reported = {(module.prefix.function, module.prefix.index): module.prefix for module in board.firmware.modules.modules}
    for module in release.modules(board.platform):
        prefix = reported[module.key.function, module.key.index]
        lies_bare = module.key.function is ModuleFunction.RADIO_STACK  # without the prefix that would tell its needs
        needs = [] if lies_bare else [(need.key.function, need.key.index, need.version) for need in module.needs]
        assert prefix.version == module.version
        assert [(need.function, need.index, need.version) for need in prefix.dependencies] == needs


@pytest.mark.parametrize("version", ["9.9.9", "6.2.0", "4.2.0", "0.0.1"])
def test_what_the_photon_never_had_is_refused_with_the_list(bench, version):
    with pytest.raises(NoSuchRelease, match=r"was never released for the Photon; there are: 0\.4\.0.*3\.3\.1"):
        bench.board(os=version)
    with pytest.raises(NoSuchRelease, match=r"there are: 0\.4\.0"):
        user_part(platform_by_name("photon"), version)


def test_an_application_that_needs_the_real_number_of_a_release_runs_on_it(bench):
    """Real applications for 2.0.1 ask for system part 2 at 2011."""
    application = user_part(platform_by_name("photon"), "2.0.1")
    board = bench.board(os="2.0.1", modules=[application])
    bench.sleep(1)
    assert not board.firmware.safe_mode
    user = next(module for module in board.firmware.modules.modules if module.slot.function.letter == "u")
    assert [need.version for need in user.prefix.dependencies] == [2011]


@pytest.mark.parametrize(
    ("number", "texts", "told"),
    [
        (2302, b"0.0.7\0", "2.3.1"),
        (2010, b"1.2.3\0 2.0.1-rc.4\0", "2.0.1-rc.4"),
        (2010, b"nothing", "2.0.0"),
        (9000, b"x 9.0.0-alpha.1\0", "9.0.0-alpha.1"),
        (9000, b"", "6.3.4"),
    ],
)
def test_a_system_part_of_no_finished_release_is_named_by_its_text_or_the_release_before_it(number, texts, told):
    assert version_text(number, texts) == told


def test_all_modules_of_a_release_lie_where_the_platform_has_them():
    for name in emulated_platforms():
        platform = platform_by_name(name)
        for release in known_releases(platform):
            keys = [read_module(image).prefix for image in device_os_release(platform, release.version)]
            assert [(prefix.function, prefix.index, prefix.version) for prefix in keys] == [
                (module.key.function, module.key.index, module.version) for module in release.modules(platform)
            ]


@pytest.mark.parametrize(("os", "index"), [("3.0.0", 1), ("3.1.0", 2), ("6.2.0", 2)])
def test_an_application_of_gen_3_runs_from_where_its_release_has_it(bench, os, index):
    bench.lab.applications["lamp"] = Application
    board = bench.board(platform="boron", os=os, application="lamp")
    bench.sleep(1)
    assert type(board.firmware.application) is Application
    assert board.firmware.modules.user.prefix.index == index


def test_a_valid_application_in_the_older_place_runs_instead_of_the_newer_one(bench):
    """Both are intact: this large one is too small to reach over the older place."""
    bench.lab.applications |= {"old": Application, "new": Tinker}
    boron = platform_by_name("boron")
    old = user_part(boron, "3.0.0", "old")
    board = bench.board(platform="boron", os="3.3.1", application="new", modules=[old])
    bench.sleep(1)
    assert board.firmware.modules.user.prefix.index == 1
    assert type(board.firmware.application) is Application


@pytest.mark.parametrize("bootloader", [None, 3100])
def test_after_going_down_from_6_2_the_older_system_part_runs(bench, bootloader):
    """Before 6.2.0 the system part begins 32 KiB further up, in the middle of the newer one."""
    boron = platform_by_name("boron")
    older = [module for module in device_os_release(boron, "2.2.0") if read_module(module).prefix.function is ModuleFunction.SYSTEM_PART]
    board = bench.board(platform="boron", os="6.2.0", bootloader=1006 if bootloader is None else bootloader)
    bench.sleep(1)
    assert board.firmware.version == "6.2.0"
    flash, place = board.flashes["internal"], read_module(older[0]).prefix.start_address
    flash.erase(place)
    flash.program(place, older[0])
    board.reset(board.reset_reason)
    bench.sleep(1)
    assert board.firmware.version == "2.2.0"
