"""Real images, and the npm library that is our peer, where they can be had."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from harness.firmware_store import FirmwareUnavailable, Reason, all_images, npm_install

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
"""A property is no less true on a busy machine."""


@pytest.fixture(scope="session")
def real_images() -> list[Path]:
    """Every .bin of the packages; skips where they are neither in the cache nor to be fetched."""
    try:
        return all_images()
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise


class Peer:
    """The npm library binary-version-reader, run beside ours in one node process."""

    VERSION = "3.1.3"

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, jobs: Sequence[dict[str, Any]]) -> list[Any]:
        """Run jobs (see peer.js); bytes in a job go as base64. A job that failed gives its error as an exception object."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(jobs, default=lambda value: base64.b64encode(value).decode()) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the node process ended with status {self.process.wait(10)}"
        return [RuntimeError(each["error"]) if "error" in each else each["result"] for each in json.loads(answer)]

    def bytes(self, **job: Any) -> bytes:
        """The bytes one job gives."""
        (result,) = self.run([job])
        if isinstance(result, Exception):
            raise result
        return base64.b64decode(result)


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    """The peer; skips where there is neither node nor a way to fetch the library."""
    with _running_peer() as process:
        yield process
        assert process.process.stdin is not None
        process.process.stdin.close()
        process.process.wait(10)


@pytest.fixture
def doomed_peer() -> Iterator[Peer]:
    """A peer of one's own, for what it does not survive."""
    with _running_peer(stderr=subprocess.DEVNULL) as process:
        yield process


@contextlib.contextmanager
def _running_peer(stderr: int | None = None) -> Iterator[Peer]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("the peer comparison needs node: install Node.js 20 or later, with npm")
    try:
        folder = npm_install("binary-version-reader", Peer.VERSION)
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise
    command = [node, str(Path(__file__).with_name("peer.js"))]
    environment = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        yield Peer(process)
