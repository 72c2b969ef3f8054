"""The shared suite in bulk: about a thousand of its tests on eight emulated boards, in two processes of pytest-xdist, start to end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BOARDS, TIMES = 8, 4
AGAIN = f"""
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("time")
    metafunc.parametrize("time", range({TIMES}))
"""


@pytest.mark.benchmark(group="the shared suite in bulk")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_thousand_tests(benchmark, tmp_path, workers):
    pytest.importorskip("xdist", reason="needs pytest-xdist: pip install pytest-xdist")
    (tmp_path / "again.py").write_text(AGAIN)
    plugins = ["-p", "particle_hil.pytest_entry", "-p", "xdist", "-p", "again", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "-n", str(workers), "--pyargs", "harness.suite"]
    command += ["--board", f"emu:photon*{BOARDS}"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    outputs = []

    def run():
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=True)
        outputs.append(done.stdout)

    benchmark.pedantic(run, rounds=1)
    found = re.search(r"(\d+) passed", outputs[-1])
    assert found, outputs[-1]
    assert int(found[1]) >= 1000
    benchmark.extra_info["tests"] = int(found[1])
    benchmark.extra_info["milliseconds per test"] = round(benchmark.stats.stats.min * 1000 / int(found[1]), 2)
