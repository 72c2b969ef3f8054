"""`particle-hil flash`: what it says, and how it ends."""

import io
import json
import re
import threading

import pytest
from click.testing import CliRunner
from rich.console import Console

from firmware_images.build import build_module
from firmware_images.fields import Dependency
from harness.boards import open_boards
from harness.cli.bar import Bar
from harness.cli.main import cli
from harness.firmware_store import FirmwareUnavailable, Reason, release, tinker
from harness.releases import release_files
from particle_protocol.platforms import ModuleFunction

USER, SYSTEM = ModuleFunction.USER_PART, ModuleFunction.SYSTEM_PART


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Applications in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("PARTICLE_HIL_BOARD", "PARTICLE_HIL_LAB", "PARTICLE_HIL_CLOUD"):
        monkeypatch.delenv(name, raising=False)
    needs = Dependency(SYSTEM, 2, 3302)
    for name, image in {
        "app.bin": build_module(6, USER, 1, 6, body=bytes(5000)),
        "new.bin": build_module(6, USER, 1, 6, dependencies=(needs,), body=bytes(5000)),
        "argon.bin": build_module(12, USER, 1, 5, body=bytes(5000)),
        "broken.bin": build_module(6, USER, 1, 6, body=bytes(5000))[:-1] + b"x",
    }.items():
        (tmp_path / name).write_bytes(image)
    return tmp_path


WHOLE = [
    ("emu:photon", "auto"),
    ("emu:photon?claimed=1", "ota"),
    ("emu:photon", "usb"),
    ("emu:boron?os=4.0.0", "auto"),
    ("emu:boron?os=2.1.0&claimed=1", "ota"),
]
"""Up and down: on the way down a system part that needs the other has to go first, where Device OS judges each."""


def flash(*words):
    result = CliRunner().invoke(cli, ["flash", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.usefixtures("files")
def test_it_tells_what_was_done_and_what_runs_then():
    done = flash("app.bin", "--board", "emu:photon")
    assert done.exit_code == 0, done.stderr
    assert "did  wrote user part 1 version 6 (app.bin, 5068 bytes) to 0x080a0000 over DFU" in done.stdout
    assert re.search(
        r"^Photon \w+ at USB port 1-1 is in listening mode and runs Device OS 2\.3\.1 .*blinking dark blue$", done.stdout, re.MULTILINE
    )
    assert "  user part 1 version 6  (flashed now)\n" in done.stdout
    assert "this was a rehearsal" in done.stdout
    assert done.stderr == ""


@pytest.mark.usefixtures("files")
def test_programs_get_one_object():
    done = flash("app.bin", "--board", "emu:photon", "--json", "--by", "usb")
    (told,) = json.loads(done.stdout)["boards"]
    assert told["flashed"] == [{"module": "user part 1", "version": 6, "file": "app.bin", "bytes": 5068}]
    assert (told["mode"], told["led"], told["safe_mode"], told["rehearsal"]) == ("listening", "blinking dark blue", False, True)
    assert any("control requests 250 to 253" in step["text"] for step in told["steps"])
    assert {"module": "user part 1", "version": 6, "intact": True, "dependencies_met": True} in told["modules"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "Say what to flash"),
        (["app.bin"], 2, "Name a board with --board"),
        (["missing.bin", "--board", "emu:photon"], 2, "missing.bin: No such file"),
        (["broken.bin", "--board", "emu:photon"], 2, "its CRC does not match"),
        (["argon.bin", "--board", "emu:photon"], 2, "made for another platform"),
        (["argon.bin", "--board", "emu:photon", "--force"], 2, "made for another platform"),
        (["new.bin", "--board", "emu:photon"], 2, "--device-os 3.3.1"),
        (["app.bin", "app.bin", "--board", "emu:photon"], 2, "two images for one place"),
        (["--device-os", "9.9.9", "--board", "emu:photon"], 2, "was never released for the Photon; there are: 0.4.0"),
        (["--device-os", "", "--board", "emu:photon"], 2, "was never released"),
        (["--device-os", "2.3.1", "--by", "dfu", "--board", "emu:photon"], 2, "bootloader 0 cannot be written over DFU"),
        (["app.bin", "--by", "pigeon", "--board", "emu:photon"], 2, "'pigeon' is not one of 'auto', 'dfu', 'usb', 'ota'"),
        (["app.bin", "--by", "usb", "--stay", "--board", "emu:photon"], 2, "--stay is for DFU mode"),
        (["app.bin", "--board", "emu:toaster"], 2, "toaster"),
        (["app.bin", "--board", "usb:fedcba987654321001234567"], 3, "not attached"),
        (
            ["app.bin", "--by", "ota", "--board", "emu:photon"],
            1,
            "account's devices in the cloud. Claim it, or flash it by USB",
        ),
        (["app.bin", "--by", "ota", "--board", "emu:photon?claimed=1&mode=off"], 3, "Check that it is powered"),
        (["app.bin", "--board", "emu:photon?mode=off"], 3, "Check that it is powered and plugged in"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_cannot_be_is_told_in_a_sentence(words, status, said):
    done = flash(*words)
    assert (done.exit_code, "Traceback" in done.stderr) == (status, False), done.stderr
    assert said in done.stderr


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "status"), [(["missing.bin"], 2), (["app.bin", "--by", "ota"], 1)])
def test_programs_get_an_error_as_an_object(words, status):
    assert json.loads(flash(*words, "--board", "emu:photon", "--json").stdout)["error"]["status"] == status


@pytest.mark.usefixtures("files")
def test_what_does_not_run_is_flashed_by_force_and_told():
    done = flash("new.bin", "--board", "emu:photon", "--force")
    assert done.exit_code == 0, done.stderr
    assert "user part 1 version 6, needs a module that is missing or too old  (flashed now)" in done.stdout
    assert "Its application does not run" in done.stdout


@pytest.mark.parametrize(
    ("moniker", "way"), [("emu:photon", "auto"), ("emu:boron?os=2.1.0", "auto"), ("emu:boron?os=2.1.0&claimed=1", "ota")]
)
def test_a_whole_release_is_flashed(moniker, way):
    done = flash("--device-os", "2.2.0", "--tinker", "--board", moniker, "--by", way)
    assert done.exit_code == 0, done.stderr
    assert "runs Device OS 2.2.0" in done.stdout
    if "photon" in moniker:
        assert "bootloader 0 stays: it has version 1006, and 1006 is no newer" in done.stdout


def test_particles_own_releases_are_flashed_up_and_down():
    """Into a board that runs them: the bootloader by control requests, and it stays when the rest goes down again."""
    try:
        for version in ("2.2.0", "4.0.2"):
            release("argon", version)
        tinker("argon")
    except FirmwareUnavailable as error:
        if error.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(error))
        raise
    (rig,) = open_boards(["emu:argon?firmware=real&os=2.2.0"])
    (board,) = rig.boards
    for version in ("4.0.2", "2.2.0"):
        board.flash(tinker("argon"), release=release_files(board, version), fit=True)
        assert board.os_version() == version
        assert board.requests.unmet_dependency() == ""
    told = [str(module) for module in board.requests.modules()]
    rig.close()
    assert "bootloader 0 version 1101" in told


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("mode", "way"),
    [("dfu", "usb"), ("dfu", "ota"), ("listening", "ota"), ("online", "dfu"), ("safe", "dfu"), ("safe", "usb"), ("safe", "ota")],
)
def test_a_board_is_flashed_from_whatever_mode_it_is_in(mode, way):
    done = flash("app.bin", "--board", f"emu:photon?mode={mode}&claimed=1", "--by", way)
    assert done.exit_code == 0, done.stderr
    assert "  user part 1 version 6  (flashed now)" in done.stdout


@pytest.mark.usefixtures("files")
def test_who_interrupts_it_is_told_what_that_leaves(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.flashing.writing.read_memory", interrupt)
    done = flash("app.bin", "--board", "emu:photon")
    assert done.exit_code == 130
    assert "may be half written, and in DFU mode: flash it again" in done.stderr


@pytest.mark.usefixtures("files")
def test_a_board_can_stay_in_dfu_mode():
    done = flash("app.bin", "--board", "emu:photon", "--stay")
    assert done.exit_code == 0
    assert "is in DFU mode and has Device OS 2.3.1" in done.stdout
    assert "left DFU mode" not in done.stdout


@pytest.mark.usefixtures("files")
def test_of_several_boards_one_that_cannot_be_flashed_ends_nothing():
    words = ["app.bin", "--board", "emu:photon?mode=off", "--board", "emu:photon", "--board", "emu:argon"]
    done = flash(*words)
    assert done.exit_code == 3
    assert done.stdout.count("(flashed now)") == 1
    assert "made for another platform" in done.stderr
    assert "powered and plugged in" in done.stderr
    told = json.loads(flash(*words, "--json").stdout)["boards"]
    assert [bool(board["error"]) for board in told] == [True, False, True]


def test_a_board_of_a_lab_file_is_named_as_there(files):
    (files / "lab.toml").write_text('[[board]]\nname = "lamp"\nmoniker = "emu:photon"\n')
    assert "Name a board with --board: lamp" in flash("app.bin", "--lab", "lab.toml").stderr
    done = flash("app.bin", "--lab", "lab.toml", "--board", "lamp")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("lamp\n")


class Screen(io.StringIO):
    """A terminal that says when something is drawn on it."""

    def __init__(self):
        super().__init__()
        self.drawn = threading.Event()

    def write(self, text):
        self.drawn.set()
        return super().write(text)


def test_a_bar_is_drawn_for_who_waits_on_a_terminal():
    screen = Screen()
    bar = Bar(Console(file=screen, force_terminal=True, width=100), patience=0.0)
    bar.tell("writing app.bin", 0.5)
    assert screen.drawn.wait(10)
    bar.tell("writing [bold]app.bin\x1b", 0.75)
    bar.close()
    assert "writing app.bin" in screen.getvalue() or "writing [bold]app.bin" in screen.getvalue()
    assert "75%" in screen.getvalue() or "50%" in screen.getvalue()


def test_no_bar_is_drawn_of_what_is_over_soon_nor_where_there_is_no_terminal():
    screen = Screen()
    for terminal, patience in ((True, 60.0), (False, 0.0)):
        bar = Bar(Console(file=screen, force_terminal=terminal, width=100), patience)
        bar.tell("writing app.bin", 0.5)
        bar.close()
        bar.close()
    assert screen.getvalue() == ""
