"""A board in safe mode is healed by its cloud, with what the cloud was given."""

import subprocess
import sys
from itertools import groupby

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.factory import device_os_release, user_part
from emulator.lab import Lab
from firmware_images.build import build_module
from firmware_images.fields import Dependency, ModuleFunction
from firmware_images.module import read_module
from harness.cloud import Cloud
from harness.device_os import stock
from harness.errors import Blame, HarnessError, ImageRefused, NotReached
from harness.firmware_store import photon_release
from harness.modes import Mode
from harness.releases import RealReleases
from harness.starting import Start
from particle_protocol.platforms import platform_by_name

PHOTON = platform_by_name("photon")
CLAIMED = "emu:photon?claimed=1&os=2.1.0"
real_time = pytest.mark.slow("takes a quarter of a minute of real time")


def needs(version):
    """An application for a Device OS version."""
    return user_part(PHOTON, version)


def shown(board):
    return [status for status in board.led_since_epoch() if status in ("breathing magenta", "fast blinking magenta", "breathing cyan")]


@pytest.mark.rule("R92", "R93")
@pytest.mark.parametrize("served", [pytest.param(False, id="virtual time"), pytest.param(True, id="real time", marks=real_time)])
def test_an_application_for_a_newer_device_os_gets_it_from_the_cloud(open_rig, served):
    rig = open_rig(CLAIMED, served=served)
    board, cloud = rig.boards[0], Cloud(rig.cloud)
    account = cloud.login(rig.cloud.username, rig.cloud.password)
    with account.events("spark") as events:
        board.flash(needs("2.3.1"))
        board.wait_for(Mode.ONLINE)
        events.wait_for("spark/status", timeout=60, where=lambda event: event.data == "online")
    assert board.os_version() == "2.3.1"
    assert [state for state, _ in groupby(shown(board))] == [*["breathing magenta", "fast blinking magenta"] * 2, "breathing cyan"]
    cloud.close()


@pytest.mark.rule("R93", "R95")
@pytest.mark.parametrize(
    ("installed", "wanted", "comes"), [("2.1.0", "2.2.0", "2.2.0"), ("0.7.0", "1.4.4", "1.4.4"), ("2.3.1", "2.0.0", "2.3.1")]
)
def test_the_lowest_version_that_will_do_is_brought(open_rig, installed, wanted, comes):
    board = open_rig(f"emu:photon?claimed=1&os={installed}").boards[0]
    board.flash(needs(wanted))
    board.wait_for(Mode.ONLINE)
    assert board.os_version() == comes


def test_what_the_cloud_has_not_got_is_told_by_the_board_that_waits_for_it(open_rig):
    board = open_rig(CLAIMED, device_os=("none",)).boards[0]
    board.flash(needs("2.3.1"))
    board.wait_for(Mode.SAFE)
    board.host.clock.sleep(600)
    with pytest.raises(NotReached, match="system part 2 version 2302 or later, which is not in the cloud's library; give it with"):
        board.wait_for(Mode.ONLINE)
    assert board.mode() is Mode.SAFE


def put(folder, *images):
    """Write images to files; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for image in images:
        prefix = read_module(image).prefix
        path = folder / f"photon-{prefix.function.letter}{prefix.index}@{prefix.version}.bin"
        path.write_bytes(image)
        paths.append(path)
    return paths


@pytest.fixture
def real(as_real):
    """Modules of a Device OS release as real ones would be."""
    return lambda version: [as_real(module) for module in device_os_release(PHOTON, version)]


def test_a_folder_heals_with_what_is_in_it_and_with_nothing_else(open_rig, tmp_path, real, as_real):
    put(tmp_path / "a" / "b", *real("3.0.0"))
    put(tmp_path / "a", as_real(needs("3.0.0")))
    board = open_rig(CLAIMED, device_os=(str(tmp_path),)).boards[0]
    board.flash(needs("2.2.0"))
    board.wait_for(Mode.ONLINE)
    assert board.os_version() == "3.0.0", "2.2.0 and 2.3.1 are not in the folder"


def test_sources_add_up(open_rig, tmp_path, real):
    paths = put(tmp_path, *real("2.2.0"))
    rig = open_rig(CLAIMED, device_os=("built", *map(str, paths)))
    board = rig.boards[0]
    board.flash(needs("2.2.0"))
    board.wait_for(Mode.ONLINE)
    assert board.os_version() == "2.2.0"
    emulated = board.host.boards["1-1"]
    assert emulated.flashes["internal"].read(0x08060000, 526) == real("2.2.0")[1], "the real one comes before the built one"
    board.flash(needs("2.3.1"))
    board.wait_for(Mode.ONLINE)
    assert board.os_version() == "2.3.1"


def test_built_releases_go_to_nobody_but_the_boards_whose_firmware_is_built(real, as_real):
    """Somebody's own board would not start again with them."""
    with Lab(seed=3) as lab:
        lab.stock_built_releases()
        lab.network.access_point("home", "secret123")
        new = as_real(user_part(PHOTON, "2.3.1"))
        known = [StoredNetwork("home", 3, "secret123")]
        ours = lab.add_board(BoardSpec(os="2.1.0", networks=known))
        theirs = lab.add_board(BoardSpec(os="2.1.0", modules=[*real("2.1.0"), new], networks=known))
        lab.driver.wait(lambda: theirs.led.describe() == "breathing magenta", [theirs.changed], timeout=60, awaited="safe mode")
        lab.driver.sleep(600)
        assert (theirs.led.describe(), lab.cloud.connections.online(theirs.device_id)) == ("breathing magenta", True)
        device = lab.cloud.devices.by_id(ours.device_id)
        lab.cloud.updates.by_hand(device, new)
        lab.driver.sleep(120)
        assert (ours.led.describe(), ours.firmware.version) == ("breathing cyan", "2.3.1")


@pytest.mark.usefixtures("photon_binaries")
def test_a_board_with_real_firmware_is_healed_with_real_firmware(open_rig, as_real):
    board = open_rig("emu:photon?firmware=real&claimed=1&os=2.1.0").boards[0]
    board.flash(as_real(needs("2.2.0")))
    board.wait_for(Mode.ONLINE, timeout=600)
    assert board.os_version() == "2.2.0"
    parts = (photon_release("2.2.0").system_part_1, photon_release("2.2.0").system_part_2)
    emulated = board.host.boards["1-1"]
    for part in parts:
        module = read_module(part.read_bytes())
        assert emulated.flashes["internal"].read(module.prefix.start_address, module.size) == module.content


def test_a_release_is_taken_from_files_of_ones_own_when_they_have_all_of_it(tmp_path, real, cache):
    paths = put(tmp_path / "own", *real("3.3.1"))
    found = RealReleases(PHOTON, stock([str(tmp_path / "own")]).images)
    assert list(found.device_os("3.3.1")) == real("3.3.1")
    paths[-1].unlink()
    found = RealReleases(PHOTON, stock([str(tmp_path / "own")]).images)
    lack = r"no npm package has Device OS 3\.3\.1 for photon; .*; the files given with --device-os have no bootloader 0 of it"
    with pytest.raises(ImageRefused, match=lack):
        found.device_os("3.3.1")
    with pytest.raises(ImageRefused, match=r"6\.2\.0 was never released for the Photon; there are: 0\.4\.0"):
        found.device_os("6.2.0")


@pytest.mark.parametrize("firmware", ["built", "real"])
def test_a_test_that_starts_with_a_device_os_gets_it_from_files_of_ones_own(open_rig, tmp_path, real, as_real, monkeypatch, firmware):
    monkeypatch.setattr("harness.releases.tinker", lambda _: put(tmp_path / "tinker", as_real(needs("1.5.0")))[0])
    put(tmp_path / "own", *real("3.2.0"), *real("3.3.1"))
    board = open_rig(f"emu:photon?firmware={firmware}&os=3.2.0", device_os=(str(tmp_path / "own"),)).boards[0]
    Start(os="3.3.1").bring(board, None)
    assert board.os_version() == "3.3.1"
    parts = real("3.3.1")
    assert board.host.boards["1-1"].flashes["internal"].read(0x08060000, len(parts[1])) == parts[1]
    with pytest.raises(ImageRefused, match=r"9\.9\.9 was never released for the Photon; there are: 0\.4\.0"):
        Start(os="9.9.9").bring(board, None)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A firmware cache of a user; empty."""
    monkeypatch.setenv("PARTICLE_HIL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_cache_is_a_source_without_what_is_no_part_of_device_os(open_rig, cache, real, as_real):
    updates = cache / "particle-cli-2.16.0" / "updates"
    put(updates, *real("2.2.0"))
    put(cache / "particle-cli-3.51.0" / "knownApps", as_real(needs("2.1.0")))
    (updates / "ota-flag-a5.bin").write_bytes(b"\xa5")
    put(cache / "elsewhere", *real("2.1.0"))
    found = stock(["cache"])
    assert (found.built, set(found.images)) == (False, set(real("2.2.0")))
    board = open_rig(CLAIMED, device_os=("cache",)).boards[0]
    board.flash(needs("2.2.0"))
    board.wait_for(Mode.ONLINE)
    assert board.os_version() == "2.2.0"


def test_an_empty_cache_says_how_to_fill_it(cache):
    with pytest.raises(HarnessError, match=r"has no Device OS module yet\. Fill it: particle-hil image fetch --version 2\.3\.1"):
        stock(["cache"])


SOUND = build_module(6, ModuleFunction.SYSTEM_PART, 1, 2101, dependencies=[Dependency(ModuleFunction.SYSTEM_PART, 2, 207)])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "5 bytes are too few"),
        (SOUND[:-4] + b"\0\0\0\0", "crc-mismatch"),
        (SOUND[:100], "ends after 100 bytes"),
        (SOUND[:-10], "truncated"),
        (build_module(6, ModuleFunction.USER_PART), "user part 1 .* is no part of Device OS"),
        (device_os_release(PHOTON, "2.1.0")[1], "stand-in: it only stands for a real system part"),
        (None, "No such file"),
    ],
)
def test_what_is_no_sound_module_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "part.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HarnessError, match=rf"--device-os .*part\.bin: .*{said}") as refused:
        stock([str(path)])
    assert refused.value.blame is Blame.REQUEST
    assert refused.value.remedy


def test_a_damaged_file_in_a_folder_is_not_passed_over(tmp_path, real):
    put(tmp_path, *real("2.2.0"))
    (tmp_path / "zz.bin").write_bytes(SOUND[:-4] + b"\0\0\0\0")
    with pytest.raises(HarnessError, match=r"zz\.bin: .*crc-mismatch.*Take it out of the folder"):
        stock([str(tmp_path)])


def test_a_folder_without_device_os_is_refused(tmp_path):
    put(tmp_path, needs("2.1.0"))
    with pytest.raises(HarnessError, match=r"no \.bin file in this folder"):
        stock([str(tmp_path)])


def test_none_goes_with_nothing_else():
    assert stock(["none"]) == stock([])
    with pytest.raises(HarnessError, match="none and built: contradict each other"):
        stock(["none", "built"])


def test_a_command_refuses_it_in_one_line(tmp_path):
    program = [sys.executable, "-c", "from particle_hil.command import main; main()"]
    for verb in (["serve"], ["check", "--board", "emu:photon"]):
        command = [*program, *verb, "--device-os", "nowhere.bin"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr.strip().splitlines()[1:]) == (2, []), done.stderr
        assert "--device-os nowhere.bin: No such file or directory" in done.stderr
