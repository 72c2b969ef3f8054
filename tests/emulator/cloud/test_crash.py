"""The process is killed in the middle of its work: every change that it had told of is there, and none is half there."""

from __future__ import annotations

import os
import random
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("crash_worker.py")
ROOT = Path(__file__).resolve().parents[3]


def killed_after(path, seed, lines):
    """Start the worker and kill it (no chance to clean up) once it has told so many changes; gives all it told."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(WORKER), str(path), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    return [line.split() for line in told if line.endswith("\n")]


def check(path, seed, told):
    cloud = runpy.run_path(str(WORKER))["open_cloud"](path, seed)
    table = cloud.devices.table
    unclaimed = {words[1] for words in told if words[0] == "unclaimed"}
    removed = {words[1] for words in told if words[0] == "removed"}
    product = int(told[0][1])
    batches = [words[1:] for words in told if words[0] == "added"]
    known = {device_id for batch in batches for device_id in batch}
    for device_id in known:
        device = table[device_id]
        if device_id in unclaimed:
            assert device.owner is None
        if device_id in removed:
            assert device.product_id is None
    half_told = known - unclaimed - removed
    last = set(batches[-1]) if batches else set()
    for device_id in half_told - last:
        assert table[device_id].owner is not None
        assert table[device_id].product_id == product
    untold = [device for device in table if device.id not in known and device.created_at and int(device.id, 16) >> 40 == seed]
    assert len({(device.owner is None, device.product_id) for device in untold}) <= 1, "a batch is added as a whole or not at all"
    used = max((int(words[1]) for words in told if words[0] == "used"), default=0)
    who = cloud.tokens.principal(cloud.tokens.password_grant("particle", "particle", "o@example.com", "secret").token)
    assert cloud.agreements.of(who).operations >= used, "a count that was told is kept"
    cloud.close()


@pytest.mark.parametrize("seed", range(1, 3))
def test_a_killed_process_leaves_a_true_state(tmp_path, seed):
    path = tmp_path / "state.db"
    for run in range(2):
        number = seed * 10 + run
        lines = random.Random(number).randrange(1, 60)
        check(path, number, killed_after(path, number, lines))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_killed_processes_leave_true_states(tmp_path, seed):
    path = tmp_path / "state.db"
    check(path, seed, killed_after(path, seed, random.Random(seed).randrange(1, 400)))
