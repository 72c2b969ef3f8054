"""What the pytest plugin costs a test: empty tests without it, with it, and on a board of this computer's USB, leased for each.

The board is an emulated one behind the umockdev door; no test asks it anything, so that only the plugin is measured. What a run does once
(importing, finding the board, looking whether it is well) is measured by a run of one test, and taken off. Bringing emulated boards back to
their first state before each test is measured by itself.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.doors.umockdev import PreloadMissing
from harness.boards import OpenOptions, open_boards
from harness.errors import HarnessError

ROOT = Path(__file__).resolve().parents[1]
COUNT = 1000
EMPTY = "import pytest\n@pytest.mark.parametrize('number', range({count}))\ndef test_it({fixture}, number): pass\n"
GROUND = "@pytest.fixture(scope='session')\ndef ground(): yield 1\n@pytest.fixture\ndef thing(ground): return ground\n"


def seconds(folder, fixture, *arguments, environment, count=COUNT):
    """How long the tests of a run take, as pytest says."""
    (folder / "test_it.py").write_text(EMPTY.format(fixture=fixture, count=count) + GROUND)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    variables = os.environ | environment | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=True)
    found = re.search(rf"{count} passed in ([0-9.]+)s", done.stdout)
    assert found, done.stdout
    return float(found[1])


@pytest.fixture
def testbed():
    (rig,) = open_boards(["emu:photon"], OpenOptions(served=True))
    try:
        with rig.door() as environment:
            yield environment
    except (PreloadMissing, HarnessError) as error:
        pytest.skip(str(error))
    finally:
        rig.close()


PLUGIN = ("-p", "particle_hil.pytest_entry")


@pytest.mark.benchmark(group="what the plugin costs a test")
@pytest.mark.parametrize(
    ("fixture", "arguments"),
    [
        pytest.param("thing", (), id="without the plugin"),
        pytest.param("thing", PLUGIN, id="with it, without boards"),
        pytest.param("board", (*PLUGIN, "--board", "usb:1-1"), id="on a board, leased for each test"),
        pytest.param("board", (*PLUGIN, "--board", "usb:1-1", "--any-board"), id="on any board"),
    ],
)
def test_empty_tests(benchmark, testbed, tmp_path, fixture, arguments):
    times = []
    benchmark.pedantic(lambda: times.append(seconds(tmp_path, fixture, *arguments, environment=testbed)), rounds=5)
    once = min(seconds(tmp_path, fixture, *arguments, environment=testbed, count=1) for _ in range(3))
    benchmark.extra_info["milliseconds per test"] = round((min(times) - once) * 1000 / (COUNT - 1), 3)


@pytest.mark.benchmark(group="bringing emulated boards back")
@pytest.mark.parametrize("count", [1, 8, 20])
def test_boards_are_brought_back(benchmark, count):
    (rig,) = open_boards(["emu:photon"] * count)
    state = rig.snapshot()
    benchmark(rig.restore, state)
    rig.close()
