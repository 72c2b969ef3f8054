"""Ten million inputs, guided by coverage (`tox -e soak`)."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

INPUTS = 10_000_000


@pytest.mark.soak
@pytest.mark.tool("atheris")
def test_no_input_breaks_the_readers(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("fuzzing needs atheris: pip install atheris (`tox -e soak` does)")
    root = Path(__file__).parents[2]
    workers = min(os.cpu_count() or 1, 8)
    command = [sys.executable, str(Path(__file__).with_name("fuzz_images.py"))]
    options = [f"-runs={-(-INPUTS // workers)}", "-max_len=4096", "-rss_limit_mb=1024", "-timeout=10", "-print_final_stats=1"]
    running = [
        subprocess.Popen(
            [*command, str(tmp_path / f"corpus-{number}"), *options, f"-artifact_prefix={tmp_path}/worker-{number}-"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=(tmp_path / f"log-{number}").open("wb"),
            stderr=subprocess.STDOUT,
        )
        for number in range(workers)
    ]
    for number, process in enumerate(running):
        assert process.wait() == 0, (tmp_path / f"log-{number}").read_text()[-4000:]
