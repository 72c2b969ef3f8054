"""Boards that do nothing, boards that are made, and the shared suite on each board of Gen 2.

Times are the processor's but for the suite's, which somebody waits for.
"""

import gc
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings
from emulator.cloud.sim_records import SimStatus
from emulator.lab import Lab
from particle_protocol.dct import DctField

FIRST = {
    "photon": "blinking dark blue",
    "p1": "blinking dark blue",
    "electron": "blinking green",
    "argon": "blinking dark blue",
    "boron": "blinking dark blue",
}
"""What a new board comes to, by platform."""
DAY = 86_400.0


def add(lab, platform, **more):
    """A board of a Lab, in its first mode."""
    board = lab.add_board(BoardSpec(platform=platform, **more))
    lab.driver.wait(
        lambda: board.led.describe() == FIRST[platform], [board.changed], timeout=60, awaited=FIRST[platform], seen=board.led.describe
    )
    return board


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("platform", FIRST)
def test_a_board_made_and_in_its_first_mode(benchmark, platform):
    """One more board of a Lab."""
    lab = Lab(cloud_settings=CloudSettings(device_limit=None))
    benchmark.pedantic(lambda: add(lab, platform), rounds=100, warmup_rounds=5)
    lab.close()


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("count", [1, 1000])
def test_a_day_of_boards_that_do_nothing(benchmark, count):
    """A virtual day of boards in listening mode: as much as one of none."""
    lab = Lab(cloud_settings=CloudSettings(device_limit=None))
    for _ in range(count):
        add(lab, "photon")
    benchmark.pedantic(lambda: lab.driver.sleep(DAY), rounds=5)
    assert lab.clock.next_due() is None, "nobody wants to be called"
    lab.close()


def test_memory_of_mixed_boards(benchmark):
    """KiB that each of 200 boards of five platforms in one Lab costs, half of them online, by tracemalloc."""
    few, many = 20, 220

    def take(count):
        gc.collect()
        tracemalloc.start()
        lab = Lab(cloud_settings=CloudSettings(device_limit=None))
        lab.network.access_point("lab", "a long enough secret")
        boards = []
        for number in range(count):
            platform = list(FIRST)[number % len(FIRST)]
            online = number % 2
            networks = [StoredNetwork("lab", 3, "a long enough secret")] if online and platform in ("photon", "p1", "argon") else []
            sim = {"sim_status": SimStatus.ACTIVE} if online and platform in ("electron", "boron") else {}
            board = lab.add_board(BoardSpec(platform=platform, networks=networks, **sim))
            if online and board.platform.generation > 2:
                board.settings.put(DctField.SETUP_DONE, b"\x01")
            boards.append(board)
        lab.driver.sleep(60)
        assert sum(board.led.describe() == "breathing cyan" for board in boards) == count // 2
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        lab.close()
        return taken

    take(few)  # what is made once, for all
    each = benchmark.pedantic(lambda: (take(many) - take(few)) / (many - few), rounds=1)
    benchmark.extra_info["KiB per board"] = round(each / 1024, 1)


@pytest.mark.parametrize("platform", ["photon", "p1", "electron"])
def test_the_shared_suite(benchmark, platform):
    """`particle-hil check` from its start to its end, on the clock on the wall."""

    def check():
        command = [Path(sys.executable).with_name("particle-hil"), "check", "--board", f"emu:{platform}"]
        subprocess.run(command, check=True, capture_output=True)

    benchmark.pedantic(check, rounds=5, warmup_rounds=1)
