"""The main job, timed: one board through the whole sequence, and many boards brought to breathing cyan and claimed in one Lab.

Times are the processor's, for all of it happens in one thread that never sleeps: what else a machine does would only blur them.
"""

import gc
import time
import tracemalloc

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings
from emulator.cloud.api import Api, InlineTransport
from emulator.lab import Lab
from harness.boards import open_boards
from harness.cloud import Cloud, CloudTarget
from harness.lab import EmulatedHost, LabClock, board_on
from harness.modes import Mode
from harness.suite.sequence import provision_and_release

pytestmark = pytest.mark.benchmark(timer=time.process_time)

NETWORK = StoredNetwork("lab", 3, "a long enough secret")


def make_board():
    (rig,) = open_boards(["emu:photon"])
    board = rig.boards[0]
    cloud = Cloud(rig.cloud)
    board.account = cloud.login(rig.cloud.username, rig.cloud.password)
    return (rig, board, board.account, rig.wifi, board.releases.application()), {}


def test_the_whole_sequence(benchmark):
    """Identify, DFU, Device OS up and down, application, Wi-Fi, breathing cyan, claim, rename, unclaim while offline, online again."""

    def run(rig, *arguments):
        provision_and_release(*arguments)
        rig.close()

    benchmark.pedantic(run, setup=make_board, rounds=30, warmup_rounds=3)


def test_the_whole_sequence_with_its_lab(benchmark):
    """The same, and making the Lab."""

    def run():
        (rig, *arguments), _ = make_board()
        provision_and_release(*arguments)
        rig.close()

    benchmark.pedantic(run, rounds=20, warmup_rounds=3)


def bring_up(count):
    """A Lab with `count` boards, each on a computer of its own, all brought to breathing cyan and claimed at once."""
    lab = Lab(cloud_settings=CloudSettings(device_limit=None))
    lab.network.access_point("lab", "a long enough secret")
    api, clock = Api(lab.cloud), LabClock(lab.driver)
    cloud = Cloud(CloudTarget("http://lab", clock, lambda: InlineTransport(api, lab.driver), ours=True))
    account = cloud.sign_up("tester@example.com", "a long enough password")
    boards = [board_on(EmulatedHost(lab, {"1-1": lab.add_board(BoardSpec(networks=[NETWORK]))}), "1-1") for _ in range(count)]

    def flow(board):
        def run():
            board.wait_for(Mode.ONLINE)
            account.claim(board.device_id)

        return run

    failed = [each for each in lab.driver.gather([flow(board) for board in boards]) if each is not None]
    assert failed == []
    assert len(account.devices()) == count
    return lab, boards


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_boards_online_and_claimed(benchmark, count):
    """Many boards in one Lab, side by side."""
    benchmark.extra_info["boards"] = count
    benchmark.pedantic(lambda: bring_up(count)[0].close(), rounds=max(2, 100 // count), warmup_rounds=1)
    benchmark.extra_info["milliseconds per board"] = round(benchmark.stats.stats.median * 1000 / count, 3)


def test_memory_of_an_online_board(benchmark):
    """Bytes that one more online board costs, by tracemalloc."""
    few, many = 20, 120

    def measure():
        taken = []
        for count in (few, many):
            gc.collect()
            tracemalloc.start()
            kept = bring_up(count)
            gc.collect()
            taken.append(tracemalloc.get_traced_memory()[0])
            tracemalloc.stop()
            kept[0].close()
        return (taken[1] - taken[0]) / (many - few)

    per_board = benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info["KiB per online board"] = round(per_board / 1024, 1)
