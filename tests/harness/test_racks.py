"""A rack rehearsed: pytest-xdist in processes of its own, on boards that it finds on USB, some of them in a bad way.

The boards are emulated ones behind the umockdev door of this process; the runs know nothing of that.
"""

import collections
import contextlib
import itertools
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from textwrap import dedent

import pytest

from emulator.doors.umockdev import PreloadMissing, find_preload
from harness.boards import OpenOptions, open_boards
from particle_protocol.messages.goodbye import ResetReason

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PART = 0x08020000

pytest.importorskip("xdist", reason="needs pytest-xdist: pip install pytest-xdist")


@pytest.fixture(autouse=True)
def preload():
    try:
        return find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))


class Rack:
    """Photons on the USB of programs that are run with its environment."""

    def __init__(self, rig, environment, folder):
        self.boards = {board.port: board for board in rig.boards}
        self.ids = {board.port: board.device_id for board in rig.boards}
        self.folder = folder
        self._host = rig.boards[0].host
        self._environment = environment

    def unplug(self, port):
        self.boards[port].power.off()

    def strand(self, port):
        """Leave a board without Device OS, in its bootloader's DFU mode for ever."""
        emulated = self._host.boards[port]

        def erase():
            emulated.flashes["internal"].erase(SYSTEM_PART)
            emulated.reset(ResetReason.PIN_RESET)

        self._host.driver.call(erase)
        self.boards[port].wait_for("dfu")

    def run(self, source, *arguments, workers):
        """Run tests on all ports; gives exit status and output."""
        (self.folder / "test_it.py").write_text(dedent(source))
        named = [argument for port in self.boards for argument in ("--board", f"usb:{port}")]
        plugins = ["-p", "particle_hil.pytest_entry", "-p", "xdist", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *plugins, "-n", str(workers), "-ra", *named, *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "PARTICLE_HIL"))}
        environment = kept | self._environment | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
        return done.returncode, done.stdout + done.stderr

    def uses(self):
        """For each board, by port, the spans of time in which tests used it, in order; one that was cut off ends with the next."""
        ports = {device_id: port for port, device_id in self.ids.items()}
        found = collections.defaultdict(list)
        for line in sorted((self.folder / "log").read_text().splitlines(), key=lambda line: float(line.split()[0])):
            moment, what, test, device_id = line.split()
            found[ports[device_id]].append((float(moment), what, test))
        return found


@pytest.fixture
def rack(tmp_path):
    """`with rack(6) as made`: a rack of six listening Photons, whose time is real."""

    @contextlib.contextmanager
    def build(count):
        (rig,) = open_boards(["emu:photon"] * count, OpenOptions(served=True))
        try:
            with rig.door() as environment:
                yield Rack(rig, environment, tmp_path)
        finally:
            rig.close()

    return build


USES = """
    import os, pathlib, signal, time
    import pytest

    LOG = pathlib.Path(__file__).with_name("log")

    def note(what, request, board):
        with LOG.open("a") as file:
            file.write(f"{time.monotonic()} {what} {request.node.name} {board.device_id}\\n")

    @pytest.fixture
    def used(request, board):
        note("+", request, board)
        yield board
        note("-", request, board)
"""


def never_twice_at_once(uses):
    """Every test that begins on a board finds the one before ended, or cut off with its process."""
    for spans in uses.values():
        for (_, before, test), (_, after, _) in itertools.pairwise(spans):
            assert (before, after) in (("-", "+"), ("+", "-")) or "killed" in test, spans
    return True


SUITE = (
    USES
    + """
    @pytest.mark.parametrize("number", range(COUNT))
    def test_it(used, number):
        assert used.identify().os_version
        if number % 5 == 0:
            used.reset()

    def test_killed(used):
        mark = pathlib.Path(__file__).with_name("killed")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def test_product(used):
        assert used.platform.name == "lamp"

    @pytest.mark.needs(platform="boron")
    def test_other(used): pass

    @pytest.mark.needs(capability="changes")
    def test_change(used): pass

    @pytest.mark.start(mode="dfu")
    def test_dfu(used):
        assert used.usb.state().name == "DFU"
"""
)


def test_a_rack_with_bad_boards_gives_every_test_its_due(rack):
    with rack(4) as made:
        made.unplug("1-2")
        made.strand("1-3")
        status, output = made.run(SUITE.replace("COUNT", "6"), "--any-board", "-k", "not other", "--junitxml=junit.xml", workers=2)
        uses = made.uses()
        told = [dict(each.items()) for each in ET.parse(made.folder / "junit.xml").getroot().iter("property")]
    ports = {each["value"] for each in told if each["name"] == "port"}
    assert ports == set(uses), "the file has the boards of every worker"
    judge(status, output, uses, ends="2 failed, 7 passed, 1 skipped", bad={"1-2", "1-3"})


def judge(status, output, uses, *, ends, bad):
    """A suite of `SUITE` ran as it should on a rack with some bad boards."""
    assert status == 1, output
    assert ends in output, output
    assert "test_killed" in output.partition("short test summary")[2]
    assert "FAILED test_it.py::test_product - AssertionError" in output
    assert not bad & set(uses)
    assert never_twice_at_once(uses)


@pytest.mark.soak
def test_sixty_tests_on_a_rack_of_six_of_which_one_is_absent_and_one_stuck(rack):
    with rack(6) as made:
        made.unplug("1-2")
        made.strand("1-1")
        status, output = made.run(SUITE.replace("COUNT", "55"), "--any-board", workers=3)
        uses = made.uses()
    judge(status, output, uses, ends="2 failed, 56 passed, 1 skipped, 1 infrastructure", bad={"1-2", "1-1"})
    assert "INFRASTRUCTURE test_it.py::test_other" in output, "nobody knows what the board is that is not there"
    assert "usb:1-1: 0 tests, 2 faults, set aside" in output, output


@pytest.mark.soak
@pytest.mark.parametrize("which", ["--any-board", "--all-boards"])
def test_no_board_is_used_twice_at_once(rack, which):
    source = USES + "\n    @pytest.mark.parametrize('number', range(COUNT))\n    def test_it(used, number):\n        used.identify()\n"
    with rack(6) as made:
        status, output = made.run(source.replace("COUNT", "120" if which == "--any-board" else "20"), which, workers=8)
        uses = made.uses()
    assert (status, "120 passed" in output) == (0, True), output
    assert len(uses) == 6
    assert sum(map(len, uses.values())) == 240
    assert never_twice_at_once(uses)
