"""Updates over the air with boards and cloud together: one board in process and over real sockets, a fleet, and what loss costs.

Times in virtual time are the processor's; those over sockets are of the clock on the wall.
"""

import gc
import random
import statistics
import time

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud import CloudSettings
from emulator.device_os.application import Application
from emulator.factory import user_part
from emulator.lab import Lab
from emulator.serving import Service
from particle_protocol.dct import DctField
from particle_protocol.platforms import platform_by_name

OS = "6.2.0"
ARGON = platform_by_name("argon")
NETWORK = StoredNetwork("lab", 3, "a long enough secret")
SIZE = 128 * 1024
APART = 0.002
"""Seconds between one board's being switched on and the next one's: the cloud has at most a thousand DTLS handshakes under way."""
processor = pytest.mark.benchmark(timer=time.process_time)


class Idle(Application):
    pass


def image(product=(20123, 7), platform=ARGON, os=OS):
    """An application of 128 KiB that does not deflate."""
    head = len(user_part(platform, os, "Idle", product))
    made = user_part(platform, os, "Idle", product, random.Random(1).randbytes(SIZE - head))
    assert len(made) == SIZE
    return made


def make_lab(seed=1, **more):
    lab = Lab(seed=seed, cloud_settings=CloudSettings(device_limit=None), **more)
    lab.applications["Idle"] = Idle
    lab.network.access_point("lab", "a long enough secret")
    return lab


def add_board(lab, platform="argon", os=OS, **more):
    board = lab.add_board(BoardSpec(platform=platform, os=os, networks=[NETWORK], **more))
    if board.platform.generation > 2:
        board.settings.put(DctField.SETUP_DONE, b"\x01")
    return board


def wait(lab, board, ready, awaited, timeout=60.0):
    lab.driver.wait(ready, [board.changed], timeout=timeout, awaited=awaited, seen=board.led.describe)


def online(lab, platform="argon", os=OS, **more):
    board = add_board(lab, platform, os, **more)
    wait(lab, board, lambda: board.led.describe() == "breathing cyan", "a board that is online")
    lab.driver.sleep(2)
    return board


def session(lab, board):
    return next(each for each in lab.device_service.sessions if each.device_id == board.device_id)


def runs(board, product):
    user = None if board.firmware is None or not hasattr(board.firmware, "modules") else board.firmware.modules.user
    return user is not None and user.product == product and board.led.describe() == "breathing cyan"


async def _awaited(reply):
    return await reply


def flash(lab, board, content):
    """Send a file, and wait for the verdict."""
    return lab.driver.run(_awaited(lab.driver.call(session(lab, board).flash, content)), timeout=600)


@processor
@pytest.mark.parametrize(("platform", "os"), [("argon", OS), ("photon", "2.3.1")], ids=["version 3", "version 2"])
@pytest.mark.parametrize("reboot", [False, True], ids=["to the verdict", "with the reboot"])
def test_128_kib_in_process(benchmark, platform, os, reboot):
    """From the order to the verdict; and on until the board is online again and runs it."""
    content = image(platform=platform_by_name(platform), os=os)

    def setup():
        lab = make_lab()
        return (lab, online(lab, platform, os)), {}

    def run(lab, board):
        flash(lab, board, content)
        if reboot:
            wait(lab, board, lambda: runs(board, (20123, 7)), "the new application")

    benchmark.pedantic(run, setup=setup, rounds=15, warmup_rounds=2)


def test_128_kib_over_loopback_udp_with_the_reboot(benchmark):
    """In real time, every datagram through a socket: a Lab's own boards go that way as soon as it is served."""
    content = image()
    open_labs = []

    def setup():
        lab = make_lab(served=True)
        open_labs.append((lab, Service(lab)))
        return (lab, online(lab)), {}

    def run(lab, board):
        flash(lab, board, content)
        wait(lab, board, lambda: runs(board, (20123, 7)), "the new application")

    benchmark.pedantic(run, setup=setup, rounds=5)
    for lab, service in open_labs:
        service.close()
        lab.close()


@processor
@pytest.mark.parametrize("loss", [0.05])
def test_what_loss_costs(benchmark, loss):
    """Virtual seconds of an update, in several draws of what is lost."""
    content = image()

    def took(share, seed):
        lab = make_lab(seed)
        board = online(lab)
        for point in lab.network.access_points:
            point.link.loss = share
        start = lab.clock.now
        flash(lab, board, content)
        spent = lab.clock.now - start
        lab.close()
        return spent

    free = took(0.0, 1)
    lossy = [took(loss, seed) for seed in range(1, 12)]
    benchmark.extra_info["share of the loss-free rate"] = round(free / statistics.median(lossy), 3)
    benchmark.extra_info["the worst of eleven"] = round(free / max(lossy), 3)
    benchmark.pedantic(took, (loss, 1), rounds=1)


def fleet(count):
    """So many members of a product, online, and a version that can be released to them."""
    lab = make_lab()
    cloud = lab.cloud
    cloud.accounts.create("owner@example.com", "a long enough password")
    token = cloud.tokens.password_grant("particle-cli", "particle-cli", "owner@example.com", "a long enough password")
    owner = cloud.tokens.principal(token.token)
    product = lab.driver.call(lambda: cloud.products.create(owner, "idle", ARGON.id))
    boards = []
    for _ in range(count):
        boards.append(add_board(lab, product=(product.id, 1), application="Idle"))
        lab.driver.sleep(APART)
    lab.driver.call(lambda: cloud.members.add(owner, product.id, [board.device_id for board in boards], claim_user=None))
    lab.driver.sleep(60)
    assert sum(cloud.connections.online(board.device_id) for board in boards) == count
    content = image((product.id, 2))
    lab.driver.call(lambda: cloud.releases.upload(owner, product.id, 2, content))
    cloud.releases.seen_running(product.id, 2)
    return lab, owner, product, boards


@processor
@pytest.mark.parametrize("count", [250, 1_000])
def test_a_release_to_boards_that_are_online(benchmark, count):
    def release(lab, owner, product, boards):
        lab.driver.call(lambda: lab.cloud.releases.release(owner, product.id, 2, product_default=True, intelligent=True))
        for _ in range(600):
            if all(runs(board, (product.id, 2)) for board in boards):
                break
            lab.driver.sleep(1)
        assert all(runs(board, (product.id, 2)) for board in boards)

    made = fleet(count)
    gc.collect()
    benchmark.pedantic(release, made, rounds=1)
    benchmark.extra_info["milliseconds a board"] = round(benchmark.stats.stats.median * 1000 / count, 2)
    made[0].close()


@processor
def test_a_board_is_created(benchmark):
    lab = make_lab()
    benchmark.pedantic(lambda: lab.add_board(BoardSpec(platform="argon", os=OS, mode="off")), rounds=200, warmup_rounds=5)
