"""Product firmware: the version a board should run, and how it gets there over the air."""

import itertools
import json

import pytest

from emulator.factory import device_os_release
from firmware_images.fields import ModuleFunction
from firmware_images.module import read_module
from firmware_images.stand_in import as_read_here

pytestmark = pytest.mark.any_board


def member(bench, fleet, version, **more):
    """A member that is online with a version."""
    board = bench.board(user=fleet.firmware(version, os=more.get("os", "2.3.1")), mode="off", **more)
    fleet.add(board)
    board.power_on()
    bench.settle(board)
    return board


@pytest.mark.rule("R86", "R84")
def test_what_one_board_should_run_follows_its_lock_then_its_group_then_the_fleet(bench, fleet):
    fleet.prove(1, 2, 3)
    board = member(bench, fleet, 9)

    def runs_next(version):
        assert fleet.device(board)["targeted_firmware_release_version"] == version
        bench.reboot(board)
        fleet.reaches(board, version)

    fleet.release(1)
    runs_next(1)
    fleet.put(board, groups=["cold"])
    fleet.release(2, groups=["cold"])
    runs_next(2)
    fleet.put(board, desired_firmware_version=3)
    runs_next(3)
    fleet.put(board, desired_firmware_version=None)
    runs_next(2)
    fleet.put(board, groups=[])
    runs_next(1)


@pytest.mark.rule("R81", "R86", "R84")
@pytest.mark.any_board("argon")
def test_two_groups_run_two_versions_and_a_lock_a_third(bench, fleet):
    fleet.prove(1, 2, 3, 4)
    boards = [member(bench, fleet, 9) for _ in range(4)]
    _, cold, warm, locked = boards
    assert {fleet.device(board)["targeted_firmware_release_version"] for board in boards} == {None}
    fleet.put(cold, groups=["cold"])
    fleet.put(warm, groups=["warm", "cold"])
    fleet.release(1)
    fleet.release(2, groups=["cold"])
    fleet.release(3, groups=["warm"])
    fleet.put(locked, desired_firmware_version=4)
    for board, version in zip(boards, (1, 2, 3, 4), strict=True):
        assert fleet.device(board)["targeted_firmware_release_version"] == version
        bench.reboot(board)
        fleet.reaches(board, version)


@pytest.mark.rule("R82")
@pytest.mark.any_board("boron")
def test_the_version_told_with_the_upload_must_be_the_one_that_boards_will_tell(bench, fleet):
    refused = fleet.upload(3, fleet.firmware(2))
    assert refused.status_code == 400
    assert fleet.owner.get(f"{fleet.path}/firmware").json() == []
    assert fleet.upload(2, fleet.firmware(2)).status_code == 201
    board = member(bench, fleet, 2)
    assert bench.session(board).hello.product_version == 2
    assert [each["device_count"] for each in fleet.owner.get(f"{fleet.path}/firmware").json()] == [1]


@pytest.mark.rule("R83")
@pytest.mark.any_board("boron")
def test_versions_go_from_1_to_65535_on_boards_too(bench, fleet):
    for wrong in (0, -1, 65_536, "a"):
        data = {"version": str(wrong)}
        refused = fleet.owner.post(f"{fleet.path}/firmware", data=data, files={"file": ("lamp.bin", fleet.firmware(1))})
        assert refused.status_code == 400, wrong
    fleet.prove(1, 65_535)
    board = member(bench, fleet, 1)
    for version in (65_535, 1):
        fleet.release(version, intelligent=True)
        fleet.reaches(board, version)


@pytest.mark.rule("R84", "R85", "R91", "R90")
@pytest.mark.parametrize(
    ("bench", "os"),
    [
        *[("photon", os) for os in ("0.7.0", "1.5.2", "2.0.0", "2.3.1", "3.3.1")],
        *[("boron", "1.5.2"), ("argon", "3.3.1"), ("argon", "4.2.0"), ("boron", "6.2.0")],
        *[pytest.param(*each, marks=pytest.mark.soak) for each in itertools.product(("argon", "boron"), ("2.0.0", "2.3.1", "5.0.0"))],
    ],
    indirect=["bench"],
)
@pytest.mark.parametrize(("runs", "released"), [(3, 5), (5, 3)], ids=["up", "down"])
def test_a_board_is_brought_to_the_released_version_and_runs_it(bench, fleet, os, runs, released):
    fleet.prove(released, os=os)
    fleet.release(released)
    board = bench.board(os=os, user=fleet.firmware(runs, os=os), mode="off")
    fleet.add(board)
    heard = fleet.owner.listen(f"{fleet.path}/events/spark%2Fflash")
    board.power_on()
    fleet.reaches(board, released)
    assert heard.said() == [("spark/flash/status", "started "), ("spark/flash/status", "success ")]
    assert "fast blinking magenta" in bench.shown(board)
    boots = board.boots
    bench.reboot(board)
    bench.sleep(300)
    assert (fleet.runs(board, released), board.boots) == (True, boots + 1), "nothing is sent to a board that runs it"
    assert len(heard.said()) == 2


@pytest.mark.rule("R85")
def test_a_member_with_generic_firmware_is_brought_to_the_products(bench, fleet):
    fleet.prove(1)
    fleet.release(1)
    board = bench.board(mode="off")
    fleet.add(board)
    board.power_on()
    fleet.reaches(board, 1)


@pytest.mark.rule("R85", "R90")
@pytest.mark.any_board("argon", "boron")
def test_an_update_that_the_power_cut_is_made_at_the_next_connection(bench, fleet):
    fleet.prove(2)
    fleet.release(2)
    board = bench.board(user=fleet.firmware(1), mode="off")
    fleet.add(board)
    board.power_on()
    bench.lab.driver.wait(
        lambda: board.led.describe() == "fast blinking magenta", [board.changed], timeout=60, awaited="an update under way"
    )
    bench.sleep(0.01)
    board.power_off()
    bench.sleep(120)
    board.power_on()
    fleet.reaches(board, 2)


@pytest.mark.rule("R87")
@pytest.mark.any_board("boron")
def test_an_intelligent_release_reaches_a_connected_board_at_once_and_a_board_that_is_off_when_it_is_back(bench, fleet):
    fleet.prove(2)
    here, away = member(bench, fleet, 1), member(bench, fleet, 1)
    away.power_off()
    bench.sleep(60)
    assert fleet.release(2, intelligent=True).status_code == 200
    bench.until(lambda: fleet.runs(here, 2), "version 2 at once", timeout=60)
    away.power_on()
    fleet.reaches(away, 2)


@pytest.mark.rule("R88", "R90")
@pytest.mark.any_board("argon")
def test_a_standard_release_waits_for_the_next_connection(bench, fleet):
    fleet.prove(2)
    here, away = member(bench, fleet, 1), member(bench, fleet, 1)
    away.power_off()
    bench.sleep(60)
    fleet.release(2)
    bench.sleep(3600)
    assert fleet.runs(here, 1)
    bench.reboot(here)
    away.power_on()
    for board in (here, away):
        fleet.reaches(board, 2)


@pytest.mark.rule("R89", "R90")
@pytest.mark.any_board("boron")
def test_lock_and_flash_reaches_one_board_at_once_and_a_lock_alone_at_its_next_connection(bench, fleet):
    fleet.upload(2)
    now, later, untouched = (member(bench, fleet, 1) for _ in range(3))
    assert fleet.put(now, desired_firmware_version=2, flash=True).status_code == 200
    assert fleet.put(later, desired_firmware_version=2).status_code == 200
    bench.until(lambda: fleet.runs(now, 2), "version 2 at once", timeout=60)
    bench.sleep(3600)
    assert fleet.runs(later, 1)
    bench.reboot(later)
    fleet.reaches(later, 2)
    bench.reboot(untouched)
    bench.sleep(60)
    assert fleet.runs(untouched, 1)


@pytest.mark.rule("R89", "R90")
def test_lock_and_flash_of_a_board_that_is_off_is_refused_and_a_lock_waits(bench, fleet):
    fleet.upload(2)
    board = member(bench, fleet, 1)
    board.power_off()
    bench.sleep(3600)
    refused = fleet.put(board, desired_firmware_version=2, flash=True)
    assert refused.status_code >= 400
    assert fleet.device(board)["desired_firmware_version"] is None
    fleet.put(board, desired_firmware_version=2)
    board.power_on()
    fleet.reaches(board, 2)


def release(platform, os):
    """What the modules of a Device OS release say of themselves."""
    return [as_read_here(read_module(image).prefix) for image in device_os_release(platform, os)]


def place(prefix):
    """Which module it is, whatever its version."""
    return prefix.function.letter, prefix.index


def os_of(fleet, board):
    """Device OS of a board as the cloud tells it."""
    return fleet.device(board)["system_firmware_version"]


@pytest.mark.rule("R92", "R93")
@pytest.mark.parametrize(
    ("bench", "installed", "needed"),
    [
        *[("photon", "2.1.0", "2.3.1"), ("photon", "1.5.2", "3.3.1"), ("photon", "0.7.0", "2.3.1")],
        *[("argon", "2.1.0", "2.3.1"), ("argon", "3.3.1", "4.2.0"), ("boron", "4.0.2", "6.2.0")],
        *[pytest.param(*each, marks=pytest.mark.soak) for each in (("boron", "1.5.2", "2.3.1"), ("argon", "4.2.0", "5.9.0"))],
    ],
    indirect=["bench"],
)
def test_firmware_for_a_newer_device_os_means_safe_mode_until_the_cloud_has_brought_it(bench, fleet, installed, needed):
    fleet.prove(2, os=needed)
    fleet.release(2)
    for module in device_os_release(bench.platform, needed):
        bench.cloud.library.add(module)
    heard = fleet.owner.listen(f"{fleet.path}/events/spark")
    board = bench.board(os=installed, user=fleet.firmware(1, os=installed), mode="off")
    fleet.add(board)
    board.power_on()
    fleet.reaches(board, 2)
    assert os_of(fleet, board) == needed
    assert bench.hands(board).requests.system_version() == needed
    assert fleet.device(board)["status"] == "normal"
    if bench.platform.generation == 2:  # over DTLS the next module comes before the LED has turned to it
        shown = bench.shown(board)
        assert shown.index("breathing magenta") < len(shown) - 1 - shown[::-1].index("breathing cyan")
    told = [(name, data) for name, data in heard.said() if name in ("spark/status/safe-mode", "spark/safe-mode-updater/updating")]
    assert told[0][0] == "spark/status/safe-mode"
    brought = [json.loads(data) for name, data in told if name == "spark/safe-mode-updater/updating"]
    assert brought, "modules, one after the other"
    have = {place(module): module.version for module in release(bench.platform, installed)}
    lacking = {place(module): module for module in release(bench.platform, needed)}
    for each in brought:
        module = lacking.pop((each["function"], each["index"]))
        assert module.version == each["version"]
        assert all(have[need.function.letter, need.index] >= need.version for need in module.dependencies), "it came too early"
        have[place(module)] = module.version


@pytest.mark.rule("R93")
@pytest.mark.any_board("argon")
def test_a_developer_who_flashes_for_a_newer_device_os_gets_it_along(bench, u1):
    for module in device_os_release(bench.platform, "2.3.1"):
        bench.cloud.library.add(module)
    board = bench.online(os="2.1.0", user=bench.lamp(1, os="2.1.0"))
    u1.claim(board)
    heard = u1.listen("/v1/devices/events/spark%2Fstatus%2Fsafe-mode")
    u1.flash(board, bench.lamp(2, os="2.3.1"))
    bench.until(lambda: board.led.describe() == "breathing cyan" and board.firmware.version == "2.3.1", "the application")
    bench.sleep(3)
    assert heard.said()
    assert (u1.call(board, "version"), u1.device(board)["system_firmware_version"]) == (2, "2.3.1")


@pytest.mark.rule("R92")
@pytest.mark.parametrize(("bench", "installed"), [("argon", "3.0.0"), ("boron", "1.5.2")], indirect=["bench"])
def test_firmware_for_a_place_that_device_os_does_not_know_yet_is_refused_and_the_board_goes_on(bench, fleet, installed):
    """Since 3.1.0 applications of Gen 3 may be twice as large, and lie in another place."""
    board = member(bench, fleet, 1, os=installed)
    heard = fleet.owner.listen(f"{fleet.path}/events/spark%2Fflash")
    fleet.upload(2, fleet.firmware(2, os="3.3.1"))
    fleet.put(board, desired_firmware_version=2, flash=True)
    bench.sleep(60)
    assert ("spark/flash/status", "failed ") in heard.said()
    assert "success " not in dict(heard.said()).values()
    fleet.put(board, desired_firmware_version=None)
    fleet.reaches(board, 1)
    assert os_of(fleet, board) == installed


@pytest.mark.rule("R93")
def test_a_cloud_without_the_modules_leaves_the_board_in_safe_mode_and_says_so(bench, fleet):
    board = bench.board(os="2.1.0", user=fleet.firmware(1, os="2.3.1"))
    fleet.add(board)
    bench.settle(board, "breathing magenta")
    bench.sleep(3600)
    assert (board.led.describe(), fleet.device(board)["status"]) == ("breathing magenta", "safe_mode")
    assert fleet.device(board)["online"] is True


@pytest.mark.rule("R94", "R95")
@pytest.mark.parametrize(
    ("bench", "target"),
    [*[("photon", os) for os in ("0.7.0", "1.5.2", "2.1.0")], ("argon", "1.5.2"), ("boron", "2.1.0")],
    indirect=["bench"],
)
def test_firmware_for_an_older_device_os_runs_and_takes_nothing_down(bench, fleet, target):
    for module in device_os_release(bench.platform, target):
        bench.cloud.library.add(module)
    fleet.prove(2, os=target)
    fleet.release(2)
    board = bench.board(os="2.3.1", user=fleet.firmware(1), mode="off")
    fleet.add(board)
    board.power_on()
    fleet.reaches(board, 2)
    assert os_of(fleet, board) == bench.hands(board).requests.system_version() == "2.3.1"
    assert "breathing magenta" not in bench.shown(board)


@pytest.mark.rule("R94")
@pytest.mark.parametrize("bench", ["photon"], indirect=True)
def test_a_board_that_is_healed_keeps_a_bootloader_that_is_newer_than_needed(bench, fleet):
    newer = next(image for image in device_os_release(bench.platform, "3.3.1") if place(read_module(image).prefix) == ("b", 0))
    for module in device_os_release(bench.platform, "2.3.1"):
        bench.cloud.library.add(module)
    fleet.prove(2, os="2.3.1")
    fleet.release(2)
    heard = fleet.owner.listen(f"{fleet.path}/events/spark")
    board = bench.board(os="2.1.0", bootloader=newer, user=fleet.firmware(1, os="2.1.0"), mode="off")
    fleet.add(board)
    board.power_on()
    fleet.reaches(board, 2)
    assert os_of(fleet, board) == "2.3.1"
    told = [json.loads(data) for name, data in heard.said() if name == "spark/safe-mode-updater/updating"]
    brought = {(each["function"], each["index"]): each["version"] for each in told}
    assert brought == {("s", 1): 2302, ("s", 2): 2302}
    (bootloader,) = (each for each in bench.hands(board).requests.modules() if each.key.function is ModuleFunction.BOOTLOADER)
    assert bootloader.version == read_module(newer).prefix.version == 1100


@pytest.mark.rule("R96")
@pytest.mark.any_board("boron")
def test_a_development_board_is_left_alone_until_the_mark_goes(bench, fleet):
    fleet.prove(2, 3)
    fleet.release(2)
    board = bench.board(user=fleet.firmware(1), mode="off")
    fleet.add(board)
    fleet.put(board, development=True)
    board.power_on()
    bench.settle(board)
    fleet.release(2, intelligent=True)
    bench.reboot(board)
    bench.sleep(300)
    assert fleet.runs(board, 1), "what is released"
    fleet.put(board, desired_firmware_version=3)
    bench.reboot(board)
    bench.sleep(300)
    assert fleet.runs(board, 1), "what it is locked to"
    refused = fleet.put(board, desired_firmware_version=2, flash=True)
    assert (refused.status_code, fleet.device(board)["desired_firmware_version"]) == (400, 3), "not even at once"
    assert fleet.device(board)["targeted_firmware_release_version"] is None
    fleet.put(board, development=False)
    fleet.reaches(board, 3)
    fleet.put(board, development=True)
    fleet.put(board, desired_firmware_version=None)
    bench.reboot(board)
    bench.sleep(300)
    assert fleet.runs(board, 3)
    fleet.put(board, development=False)
    fleet.reaches(board, 2)


@pytest.mark.rule("R97")
@pytest.mark.any_board("argon")
def test_a_version_is_released_after_a_board_of_the_product_has_run_it(bench, fleet):
    fleet.upload(2)
    stray = bench.online(user=fleet.firmware(2))
    assert fleet.standing(stray) == "quarantined"
    never_run = fleet.release(2)
    assert (never_run.status_code, fleet.release(2, intelligent=True).status_code) == (409, 409), "a board outside has run it, no member"
    assert not fleet.owner.get(f"{fleet.path}/firmware/2").json()["product_default"]
    board = member(bench, fleet, 1)
    fleet.put(board, desired_firmware_version=2, flash=True)
    fleet.reaches(board, 2)
    assert fleet.release(2).status_code == 200


@pytest.mark.rule("R89")
@pytest.mark.any_board("boron")
def test_that_updates_are_forced_is_the_clouds_to_say_and_outlives_a_restart(bench, fleet):
    board = member(bench, fleet, 1)
    heard = fleet.owner.listen(f"{fleet.path}/events")
    fleet.owner.put(f"/v1/devices/{board.device_id}", json={"firmware_updates_forced": True})
    bench.sleep(2)
    assert heard.said("particle/device/updates/forced") == [("particle/device/updates/forced", "true")]
    bench.reboot(board)
    bench.sleep(10)
    assert [data for _, data in heard.said("particle/device/updates/forced")] == ["true", "false", "true"]
    assert fleet.device(board)["firmware_updates_forced"] is True


def test_firmware_that_only_stands_in_for_real_one_goes_to_no_board_that_was_not_made_with_such(bench, fleet, as_real, caplog):
    fleet.prove(2)
    real = [as_real(image) for image in (*device_os_release(bench.platform, "2.3.1"), fleet.firmware(1))]
    board = bench.online(modules=real)
    assert not board.takes_stand_ins
    fleet.add(board)
    fleet.release(2)
    board.power_off()
    board.power_on()
    bench.settle(board)
    bench.sleep(60)
    assert (fleet.runs(board, 1), board.led.describe()) == (True, "breathing cyan")
    assert "version 2 of product" in caplog.text
    assert "the module is a stand-in, for emulated boards only" in caplog.text
    answer = fleet.put(board, desired_firmware_version=2, flash=True)
    assert answer.status_code == 400
    assert "a stand-in, for emulated boards only" in answer.text
    assert fleet.device(board)["desired_firmware_version"] is None
