"""The fixtures of the pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.hooks import BOARDS

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account, Cloud, WifiNetwork
    from harness.host import HostClock
    from harness.pytest_plugin.bench import Bench

NO_BOARD = "no board: run with --board emu:photon, or with --board usb:DEVICE-ID (`particle-hil boards` lists what is attached)"


@pytest.fixture(scope="session")
def particle_hil_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Every board of this run, opened once, and what belongs to them. Tests use the fixtures below instead."""
    from harness.pytest_plugin.bench import Bench

    bench = Bench.from_config(request.config)
    yield bench
    bench.close()


@pytest.fixture
def board(request: pytest.FixtureRequest, particle_hil_bench: Bench) -> Board:
    """A board, in the state that the marker `start(...)` asks for. A test that uses it runs once for every `--board`."""
    moniker = getattr(request, "param", None)
    if moniker is None:
        pytest.skip(NO_BOARD)
    return _hand_out(request, particle_hil_bench, [moniker])[0]


@pytest.fixture
def boards(request: pytest.FixtureRequest, particle_hil_bench: Bench) -> list[Board]:
    """Every board of the run, each in the state that the marker `start(...)` asks for."""
    monikers = request.config.getoption("--board")
    if not monikers:
        pytest.skip(NO_BOARD)
    return _hand_out(request, particle_hil_bench, monikers)


def _hand_out(request: pytest.FixtureRequest, bench: Bench, monikers: list[str]) -> list[Board]:
    from harness.starting import Start

    start = Start.of(request.node.get_closest_marker("start"))
    needs_account = start.claimed is not None or "account" in request.fixturenames
    found = bench.hand_out(monikers)
    request.node.stash[BOARDS] = found
    if needs_account:
        request.getfixturevalue("account")
    for each in found:
        start.bring(each, bench.wifi_of(each))
        each.journal.clear()
    return found


@pytest.fixture
def cloud(particle_hil_bench: Bench) -> Iterator[Cloud]:
    """The cloud: the emulated boards' own, or the one of `--cloud`."""
    from harness.cloud import Cloud

    target = particle_hil_bench.cloud_target()
    if target is None:
        pytest.skip(
            "no cloud: run with --cloud URL, and PARTICLE_HIL_TOKEN or PARTICLE_HIL_USER and PARTICLE_HIL_PASSWORD in the environment"
        )
    made = Cloud(target)
    yield made
    made.close()


@pytest.fixture
def account(cloud: Cloud, particle_hil_bench: Bench) -> Iterator[Account]:
    """A user who is logged in: the one that an emulated cloud has, or the one of the environment in a real cloud."""
    user = particle_hil_bench.account_in(cloud)
    particle_hil_bench.watch(user)
    yield user
    particle_hil_bench.watch(None)


@pytest.fixture
def wifi(particle_hil_bench: Bench) -> WifiNetwork:
    """A Wi-Fi network that the boards can join."""
    network = particle_hil_bench.wifi()
    if network is None:
        pytest.skip("no Wi-Fi network: run with --wifi SSID:PASSWORD")
    return network


@pytest.fixture
def clock(particle_hil_bench: Bench) -> HostClock:
    """The time that the boards live in: `now()`, `utc()`, `sleep(seconds)`. Virtual for emulated boards, unless they are served."""
    return particle_hil_bench.clock()
