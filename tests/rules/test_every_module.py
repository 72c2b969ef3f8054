"""Every kind of module over the air, on every platform that has it, from one release to the next, and what the board says then."""

import pytest

from emulator.factory import device_os_release, user_part
from emulator.hardware import emulated_platforms
from firmware_images.build import build_module
from firmware_images.compress import compress_module
from firmware_images.fields import ModuleFunction
from firmware_images.module import read_module
from harness.firmware_store import FirmwareUnavailable, Reason, release
from particle_protocol.os_versions import known_releases
from particle_protocol.platforms import ModuleKey, platform_by_name

STARTED, SUCCESS, FAILED = "started ", "success ", "failed "
MOVES = {"photon": ("2.1.0", "2.3.1"), "p1": ("0.7.0", "3.3.1"), "electron": ("1.5.2", "3.3.1"), "asom": ("1.4.2", "1.4.4")}
"""From and to which release; the others go from what was before 256 KiB of application to the newest."""

SAMPLE = ("photon", "electron", "argon", "boron", "asom")


def move_of(name):
    releases = [release.version for release in known_releases(platform_by_name(name))]
    return MOVES.get(name) or (max(releases[0], "3.0.0") if "3.0.0" in releases else releases[0], releases[-1])


def version(board, key):
    found = board.firmware.modules.find(key.function, key.index)
    return None if found is None else found.prefix.version


@pytest.fixture
def owner(bench):
    return bench.developer("owner")


def settle(bench, board):
    """Wait until a board is online again, in safe mode or not."""
    bench.sleep(5)
    bench.until(lambda: board.led.describe() in ("breathing cyan", "breathing magenta"), "a board that is online")
    bench.sleep(3)


@pytest.mark.parametrize(
    "bench", [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.soak) for name in emulated_platforms()], indirect=True
)
def test_a_release_arrives_module_by_module(bench, owner):
    platform = bench.platform
    before, after = move_of(platform.name)
    board = bench.online(os=before)
    owner.claim(board)
    assert version(board, ModuleKey(ModuleFunction.BOOTLOADER, 0)) is not None
    modules = device_os_release(platform, after)
    order = {key: place for place, key in enumerate(platform.update_order)}
    prefixes = [read_module(image).prefix for image in modules]
    wanted = sorted(zip(prefixes, modules, strict=True), key=lambda each: order[ModuleKey(each[0].function, each[0].index)])
    for prefix, image in [*wanted, (read_module(user_part(platform, after)).prefix, user_part(platform, after))]:
        key = ModuleKey(prefix.function, prefix.index)
        heard, boots = owner.listen(), board.boots
        assert owner.flash(board, image).status_code == 200, key
        settle(bench, board)
        assert [data for _, data in heard.said("spark/flash/status")] == [STARTED, SUCCESS], key
        assert board.boots == boots + 1, "it was reset, once"
        assert [data for _, data in heard.said("spark/device/last_reset")] == ["update"], key
        assert version(board, key) == prefix.version, key
    assert board.firmware.version == after
    assert board.led.describe() == "breathing cyan"
    told = bench.cloud.connections.link(board.device_id).system
    assert {(module.function, module.index): module.version for module in told.modules if module.function is not ModuleFunction.NCP} == {
        (module.prefix.function, module.prefix.index): module.prefix.version
        for module in board.firmware.modules.modules
        if module.prefix.function is not ModuleFunction.NCP
    }


@pytest.mark.parametrize("bench", ["argon", "tracker"], indirect=True)
def test_firmware_of_the_network_processor_arrives(bench, owner):
    board = bench.online(os="5.5.0")
    owner.claim(board)
    heard = owner.listen("/v1/devices/events/spark%2Fflash")
    image = build_module(bench.platform.id, ModuleFunction.NCP, 0, 9, mcu_target=0x21, body=bytes(50_000))
    assert owner.flash(board, image).status_code == 200
    settle(bench, board)
    assert heard.said() == [("spark/flash/status", STARTED), ("spark/flash/status", SUCCESS)]
    assert board.ncp_version == 9
    told = bench.cloud.connections.link(board.device_id).system
    assert [module.version for module in told.modules if module.function is ModuleFunction.NCP] == [9]


@pytest.mark.parametrize(
    ("bench", "place", "move", "resets"),
    [
        ("photon", 2, ("2.3.1", "3.3.1"), True),
        ("electron", 2, ("2.3.1", "3.3.1"), True),
        ("boron", 1, ("2.3.1", "3.3.1"), True),
        ("boron", 1, ("5.9.0", "6.2.0"), False),
    ],
    indirect=["bench"],
)
def test_what_lacks_something_is_refused_and_the_board_goes_on(bench, owner, place, move, resets):
    """Before version 3 of updates a board resets whatever it thought of the file; since then it has not even to."""
    before, after = move
    board = bench.online(os=before)
    owner.claim(board)
    key = ModuleKey(ModuleFunction.SYSTEM_PART, place)
    image = next(each for each in device_os_release(bench.platform, after) if read_module(each).prefix.index == place and is_system(each))
    heard, boots, had = owner.listen(), board.boots, version(board, key)
    assert owner.flash(board, image).status_code == 200
    settle(bench, board)
    assert [data for _, data in heard.said("spark/flash/status")] == [STARTED, FAILED]
    assert (version(board, key), board.firmware.version, board.led.describe()) == (had, before, "breathing cyan")
    assert board.boots == boots + resets


def is_system(image):
    return read_module(image).prefix.function is ModuleFunction.SYSTEM_PART


@pytest.mark.slow("fetches the real modules of two Device OS releases")
@pytest.mark.parametrize("bench", ["argon", "boron", "tracker"], indirect=True)
def test_real_modules_arrive_one_by_one_and_a_deflated_one_lies_as_it_was(bench, owner):
    try:
        before, after = ([path.read_bytes() for path in release(bench.platform.name, version).files] for version in ("2.2.0", "4.0.1"))
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise
    board = bench.online(os="2.2.0", modules=before)
    owner.claim(board)
    places = {key: place for place, key in enumerate(bench.platform.update_order)}
    modules = [each for each in map(read_module, after) if each.prefix.function is not ModuleFunction.USER_PART]
    for module in sorted(modules, key=lambda each: places[ModuleKey(each.prefix.function, each.prefix.index)]):
        key = ModuleKey(module.prefix.function, module.prefix.index)
        heard = owner.listen("/v1/devices/events/spark%2Fflash")
        assert owner.flash(board, bytes(module.content)).status_code == 200, key
        settle(bench, board)
        assert [data for _, data in heard.said()] == [STARTED, SUCCESS], key
        assert version(board, key) == module.prefix.version
    assert (board.firmware.version, board.firmware.safe_mode) == ("4.0.1", False)
    system = next(each for each in modules if each.prefix.function is ModuleFunction.SYSTEM_PART)
    assert owner.flash(board, compress_module(system)).status_code == 200
    settle(bench, board)
    assert board.firmware.modules.content(board.firmware.modules.system) == bytes(system.content)
    assert board.led.describe() == "breathing cyan"
