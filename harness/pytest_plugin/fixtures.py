"""The fixtures of the pytest plugin.

They are made for the session, and end with the scope of whoever asked for them (`harness.pytest_plugin.scopes`): `particle_hil_ground`
does, and the others, which stand on it, end with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest

from harness.hiding import hides
from harness.pytest_plugin.hooks import board_name
from harness.pytest_plugin.outcomes import keep
from harness.pytest_plugin.settings import takes_any
from harness.pytest_plugin.state import BENCH, present_item

if TYPE_CHECKING:
    from harness.board import Board
    from harness.boards import Rig
    from harness.cloud import Account, Cloud, WifiNetwork
    from harness.host import HostClock
    from harness.kit import Customer, Faults, Network, Product
    from harness.pytest_plugin.bench import Bench

__tracebackhide__ = hides

_OURS = frozenset({"board", "boards"})

NO_BOARD = "no board: run with --board emu:photon, or with --board usb:DEVICE-ID (`particle-hil boards` lists what is attached)"
ONE_AT_A_TIME = (
    "this test asks for `board` where it cannot be run once for each: by getfixturevalue(), from a unittest.TestCase or a BDD step; "
    "and the run has {count} boards: {names}. Take `boards` instead, take `board` as an argument of the test, or name one board"
)


@pytest.fixture(scope="session")
def particle_hil_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Every board of this run, opened once, and what belongs to them. Tests use the fixtures below instead."""
    from harness.pytest_plugin.bench import Bench

    bench = Bench.from_config(request.config)
    request.config.stash[BENCH] = bench
    yield bench
    keep(request.config, bench.pool.standings())
    bench.close()


@pytest.fixture(scope="session")
def particle_hil_ground(request: pytest.FixtureRequest, particle_hil_bench: Bench) -> Iterator[Bench]:
    """The boards while a test, or a fixture of a wider scope, has them. Tests use the fixtures below instead.

    A test that takes any board has it from here on, so that cloud, network and clock are those of its board.
    """
    item = present_item(request.config)
    if takes_any(request.config) and not _OURS.isdisjoint(getattr(item, "fixturenames", ())) and board_name(item) is None:
        from harness.pytest_plugin.preparing import secure, wanted_by

        if particle_hil_bench.names:
            secure(particle_hil_bench, wanted_by(item, None))
    yield particle_hil_bench
    particle_hil_bench.take_back()


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> Board:
    """A board, in the state that the marker `start(...)` asks for. A test that uses it runs once for every `--board`.

    It is brought back to its first state before every test; if a fixture of a wider scope asks for it, when that scope begins.
    """
    name = getattr(request, "param", None)
    if name is None:
        names = particle_hil_ground.names
        if not names:
            pytest.skip(NO_BOARD)
        if takes_any(request.config):
            return _hand_out(request, particle_hil_ground, None)[0]
        if len(names) > 1:
            pytest.fail(ONE_AT_A_TIME.format(count=len(names), names=", ".join(names)), pytrace=False)
        (name,) = names
    return _hand_out(request, particle_hil_ground, name)[0]


@pytest.fixture(scope="session")
def boards(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> list[Board]:
    """Every board of the run that meets the test's needs and can be used, or as many as `needs(count=)` says.

    Each is in the state that the marker `start(...)` asks for.
    """
    if not particle_hil_ground.names:
        pytest.skip(NO_BOARD)
    return _hand_out(request, particle_hil_ground, None)


def _hand_out(request: pytest.FixtureRequest, bench: Bench, name: str | None) -> list[Board]:
    from harness.pytest_plugin.preparing import hand_out

    have = list(bench.in_use) if takes_any(request.config) and name is None else []
    return hand_out(request, present_item(request.config), bench, name, have)


def _rig(request: pytest.FixtureRequest, bench: Bench) -> Rig | None:
    """The rig of the board that the present test is run on; the first one, if the test names none."""
    return bench.rig_of(board_name(present_item(request.config)))


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> Iterator[Cloud]:
    """The cloud: the emulated boards' own, or the one of `--cloud`."""
    from harness.cloud import Cloud

    rig = _rig(request, particle_hil_ground)
    target = particle_hil_ground.cloud_target(rig)
    if target is None:
        pytest.skip(
            "no cloud: run with --cloud URL, and PARTICLE_HIL_TOKEN or PARTICLE_HIL_USER and PARTICLE_HIL_PASSWORD in the environment"
        )
    particle_hil_ground.refresh(rig)
    made = Cloud(target)
    yield made
    made.close()


@pytest.fixture(scope="session")
def account(cloud: Cloud, particle_hil_ground: Bench) -> Iterator[Account]:
    """A user who is logged in: the one that an emulated cloud has, or the one of the environment in a real cloud."""
    user = particle_hil_ground.account_in(cloud)
    particle_hil_ground.watch(user)
    yield user
    particle_hil_ground.watch(None)


@pytest.fixture(scope="session")
def wifi(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> WifiNetwork:
    """A Wi-Fi network that the boards can join."""
    network = particle_hil_ground.wifi(_rig(request, particle_hil_ground))
    if network is None:
        pytest.skip("no Wi-Fi network: run with --wifi SSID:PASSWORD")
    return network


@pytest.fixture(scope="session")
def clock(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> HostClock:
    """The time that the boards live in: `now()`, `utc()`, `sleep(seconds)`. Virtual for emulated boards, unless they are served."""
    return particle_hil_ground.clock(_rig(request, particle_hil_ground))


@pytest.fixture
def product(board: Board, account: Account, particle_hil_ground: Bench) -> Iterator[Product]:
    """A new product for boards like this one, in the account of the run, which has nothing in it.

    Products are not deleted: where earlier tests have left theirs, as in a real cloud, the name gets a number. Its devices are removed in
    the end, so that the next test can have them in a product of its own.
    """
    from harness.kit import Product

    name, taken = f"hil-{board.device_id[-6:]}", {each.slug for each in Product.all(account)}
    names = (f"{name}-{number}" if number > 1 else name for number in count(1))
    made = Product.create(account, next(each for each in names if each not in taken), board.platform.name)
    yield made
    if particle_hil_ground.rig_with(board).restore is None:  # an emulated cloud is brought back to its first state
        made.empty()


@pytest.fixture
def customer(product: Product) -> Customer:
    """A customer of `product`, signed up and logged in."""
    return product.sign_up("customer@example.com", "a long enough secret")


@pytest.fixture
def network(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> Network:
    """The network around the boards: access points and cells, which a test may switch, change, and add to."""
    from harness.kit import Network

    rig = _rig(request, particle_hil_ground)
    if rig is None:
        pytest.skip(NO_BOARD)
    particle_hil_ground.refresh(rig)
    around = next(iter(rig.boards), None)
    return Network(lambda: tuple(particle_hil_ground.in_use), lambda: around, particle_hil_ground.wifi(rig))


@pytest.fixture
def faults(request: pytest.FixtureRequest, particle_hil_ground: Bench) -> Faults:
    """What goes wrong around the boards of the test, in the contexts that it makes."""
    from harness.kit import Faults

    rig = _rig(request, particle_hil_ground)
    if rig is None:
        pytest.skip(NO_BOARD)
    particle_hil_ground.refresh(rig)
    return Faults(
        lambda: tuple(particle_hil_ground.in_use) or tuple(rig.boards[:1]), seed=particle_hil_ground.options.seed, test=request.node.nodeid
    )
