"""A rack rehearsed: pytest-xdist in processes of its own, on boards that it finds on USB, some of them in a bad way.

Every run is `particle-hil run --board emu:... -- pytest --board usb:...`, as docs/recipes.md has it: the tests know nothing of that.
"""

import collections
import itertools
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from textwrap import dedent

import pytest

from emulator.doors.umockdev import PreloadMissing, find_preload

ROOT = Path(__file__).resolve().parents[2]
ABSENT, STUCK = "emu:photon?mode=off", "emu:photon?firmware=none"

pytest.importorskip("xdist", reason="needs pytest-xdist: pip install pytest-xdist")


@pytest.fixture(autouse=True)
def preload():
    try:
        return find_preload()
    except PreloadMissing as error:
        pytest.skip(str(error))


class Rack:
    """Boards by their monikers, in the USB ports 1-1, 1-2, ... of the programs that `run` runs."""

    def __init__(self, folder, *monikers):
        self.folder = folder
        self.monikers = monikers

    def run(self, source, *arguments, workers):
        """Run tests on all ports; gives exit status and output."""
        (self.folder / "test_it.py").write_text(dedent(source))
        there = [argument for moniker in self.monikers for argument in ("--board", moniker)]
        named = [argument for number in range(len(self.monikers)) for argument in ("--board", f"usb:1-{number + 1}")]
        plugins = ["-p", "particle_hil.pytest_entry", "-p", "xdist", "-p", "no:cacheprovider"]
        pytest_command = [sys.executable, "-m", "pytest", *plugins, "-n", str(workers), "-ra", *named, *arguments]
        command = [sys.executable, "-c", "from particle_hil.command import main; main()", "run", *there, "--", *pytest_command]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "PARTICLE_HIL"))}
        environment = kept | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
        return done.returncode, done.stdout + done.stderr

    def uses(self):
        """For each board, by port, the spans of time in which tests used it, in order; one that was cut off ends with the next."""
        found = collections.defaultdict(list)
        for line in sorted((self.folder / "log").read_text().splitlines(), key=lambda line: float(line.split()[0])):
            moment, what, test, port = line.split()
            found[port].append((float(moment), what, test))
        return found


USES = """
    import os, pathlib, signal, time
    import pytest

    LOG = pathlib.Path(__file__).with_name("log")

    def note(what, request, board):
        with LOG.open("a") as file:
            file.write(f"{time.monotonic()} {what} {request.node.name} {board.port}\\n")

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


def test_a_rack_with_bad_boards_gives_every_test_its_due(tmp_path):
    rack = Rack(tmp_path, "emu:photon", ABSENT, STUCK, "emu:photon")
    status, output = rack.run(SUITE.replace("COUNT", "6"), "--any-board", "-k", "not other", "--junitxml=junit.xml", workers=2)
    uses = rack.uses()
    told = [dict(each.items()) for each in ET.parse(tmp_path / "junit.xml").getroot().iter("property")]
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
def test_sixty_tests_on_a_rack_of_six_of_which_one_is_absent_and_one_stuck(tmp_path):
    rack = Rack(tmp_path, STUCK, ABSENT, *["emu:photon"] * 4)
    status, output = rack.run(SUITE.replace("COUNT", "55"), "--any-board", workers=3)
    judge(status, output, rack.uses(), ends="2 failed, 56 passed, 1 skipped, 1 infrastructure", bad={"1-2", "1-1"})
    assert "INFRASTRUCTURE test_it.py::test_other" in output, "nobody knows what the board is that is not there"
    assert "usb:1-1: 0 tests, 2 faults, set aside" in output, output


@pytest.mark.soak
@pytest.mark.parametrize("which", ["--any-board", "--all-boards"])
def test_no_board_is_used_twice_at_once(tmp_path, which):
    source = USES + "\n    @pytest.mark.parametrize('number', range(COUNT))\n    def test_it(used, number):\n        used.identify()\n"
    rack = Rack(tmp_path, *["emu:photon"] * 6)
    status, output = rack.run(source.replace("COUNT", "120" if which == "--any-board" else "20"), which, workers=8)
    uses = rack.uses()
    assert (status, "120 passed" in output) == (0, True), output
    assert len(uses) == 6
    assert sum(map(len, uses.values())) == 240
    assert never_twice_at_once(uses)
