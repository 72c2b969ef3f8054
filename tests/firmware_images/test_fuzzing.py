"""Ten million inputs, guided by coverage (`tox -e soak`); PARTICLE_HIL_FUZZ_INPUTS gives another number."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

INPUTS = int(os.environ.get("PARTICLE_HIL_FUZZ_INPUTS", "10000000"))


@pytest.mark.soak
@pytest.mark.tool("atheris")
def test_no_input_breaks_the_readers(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("fuzzing needs atheris: pip install atheris (`tox -e soak` does)")
    root = Path(__file__).parents[2]
    workers = min(os.cpu_count() or 1, 8)
    command = [sys.executable, str(root / "tools" / "fuzz_images.py")]
    options = [f"-runs={-(-INPUTS // workers)}", "-max_len=2048", "-rss_limit_mb=1024", "-timeout=10", "-print_final_stats=1"]
    logs = [tmp_path / f"log-{number}" for number in range(workers)]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, str(tmp_path / f"corpus-{number}"), *options, f"-artifact_prefix={tmp_path}/worker-{number}-"],
                    cwd=root,
                    env={**os.environ, "PYTHONPATH": str(root)},
                    stdout=stack.enter_context(log.open("wb")),
                    stderr=subprocess.STDOUT,
                )
            )
            for number, log in enumerate(logs)
        ]
        for process, log in zip(running, logs, strict=True):
            assert process.wait() == 0, log.read_text(errors="replace")[-4000:]
