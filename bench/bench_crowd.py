"""Boards by the thousand in one Lab, half of them over TCP and half over DTLS: what it costs to bring one online, and to let time pass.

A round of 10,000 boards takes its time, so there is one of each; times are the processor's.
"""

import gc
import time

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings
from emulator.cloud.api import Api, InlineTransport
from emulator.lab import Lab
from harness.cloud import Cloud, CloudTarget
from harness.lab import EmulatedHost, LabClock, board_on
from harness.modes import Mode
from particle_protocol.dct import DctField

pytestmark = pytest.mark.benchmark(timer=time.process_time)

NETWORK = StoredNetwork("lab", 3, "a long enough secret")
PLATFORMS = ("photon", "argon")
"""One that speaks TCP, and one that speaks DTLS over Wi-Fi: that one pings most often."""
APART = 0.002
"""Seconds between one board's being switched on and the next one's: the cloud has at most a thousand DTLS handshakes under way."""
SPAN = 60.0
"""Seconds of virtual time: four pings of each board over TCP, two of one over DTLS."""


def bring_up(count):
    """A Lab with so many boards, each on a computer of its own, brought to breathing cyan and claimed side by side."""
    lab = Lab(cloud_settings=CloudSettings(device_limit=None))
    lab.network.access_point("lab", "a long enough secret")
    api, clock = Api(lab.cloud), LabClock(lab.driver)
    cloud = Cloud(CloudTarget("http://lab", clock, lambda: InlineTransport(api, lab.driver), ours=True))
    account = cloud.sign_up("tester@example.com", "a long enough password")

    def board(platform):
        made = lab.add_board(BoardSpec(platform=platform, networks=[NETWORK]))
        if made.platform.generation > 2:
            made.settings.put(DctField.SETUP_DONE, b"\x01")
        lab.driver.sleep(APART)
        return board_on(EmulatedHost(lab, {"1-1": made}), "1-1")

    def flow(board):
        def run():
            board.wait_for(Mode.ONLINE)
            account.claim(board.device_id)

        return run

    boards = [board(PLATFORMS[number % len(PLATFORMS)]) for number in range(count)]
    failed = [each for each in lab.driver.gather([flow(board) for board in boards]) if each is not None]
    assert failed == []
    sessions = [len(list(port.sessions())) for port in lab.ports]
    assert sessions == [count // 2, count // 2]
    return lab, boards


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_boards_half_of_them_over_dtls_online_and_claimed(benchmark, count):
    """One such crowd brought up, and a minute of it then."""
    kept = []
    gc.collect()
    benchmark.pedantic(lambda: kept.append(bring_up(count)), rounds=1)
    lab, _ = kept[0]
    lab.driver.sleep(SPAN)
    started = time.process_time()
    lab.driver.sleep(SPAN)
    spent = time.process_time() - started
    assert sum(len(list(port.sessions())) for port in lab.ports) == count, "nobody is lost"
    lab.close()
    benchmark.extra_info["milliseconds per board"] = round(benchmark.stats.stats.median * 1000 / count, 3)
    benchmark.extra_info["seconds of processor a second"] = round(spent / SPAN, 4)
