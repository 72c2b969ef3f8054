"""The pytest entry point: what `pytest` loads when particle-hil is installed.

It adds the options and, unless a name that the plugin needs belongs to somebody else, hands over to `harness.pytest_plugin`. `harness`,
`emulator` and `firmware_images` are common names: where one of them is another package, or where another plugin has the same options,
this one stays inert and says so in one sentence.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Generator
from pathlib import Path
from typing import Final, Literal

import pytest

NAMES = ("harness", "emulator", "firmware_images")
_HOME = Path(__file__).resolve().parent.parent
_INERT = pytest.StashKey[str]()
_clash: list[str] = []


_INI: Final[tuple[tuple[str, Literal["args", "string"], str], ...]] = (
    ("particle_hil_board", "args", "the boards to run the tests on, as with --board"),
    ("particle_hil_cloud", "string", "the cloud of real boards, as with --cloud"),
    ("particle_hil_wifi", "string", "the Wi-Fi network that real boards may join, as with --wifi"),
    ("particle_hil_lab", "string", "the lab file, as with --lab"),
    ("particle_hil_seed", "string", "where everything random in an emulated run comes from, as with --seed"),
    ("particle_hil_any_board", "string", "yes: run each test on any one board that will do, as with --any-board"),
    ("particle_hil_board_wait", "string", "how long to wait for a board that somebody has, as with --board-wait"),
    ("particle_hil_board_lease", "string", "how long boards are kept from other runs, as with --board-lease"),
)


_WHICH: Final = (
    ("--any-board", "any", "run each test once, on any of the boards that meets its needs and is free"),
    ("--all-boards", "all", "run each test on every one of the boards that meets its needs (default)"),
)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, None, None]:
    """Add the options last of all, after other plugins and conftest files, so that theirs take precedence and a clash harms nobody."""
    yield
    _add_options(parser)


def _add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("particle-hil", "Particle boards (particle-hil)")
    try:
        group.addoption(
            "--board",
            action="append",
            default=[],
            metavar="MONIKER",
            help="a board to run the tests on, as in emu:photon, emu:photon*20 for twenty, or usb:DEVICE-ID; give it again for more boards",
        )
        group.addoption(
            "--lab",
            metavar="FILE",
            help="a lab file: its boards are those of the run unless --board names some, and emulated ones have its networks and its cloud",
        )
        for option, which, text in _WHICH:
            group.addoption(option, dest="particle_hil_which", action="store_const", const=which, help=text)
        group.addoption("--board-wait", metavar="SECONDS", help="how long a test waits for a board that somebody has (default: 300)")
        group.addoption(
            "--board-lease",
            metavar="SCOPE",
            help="how long boards on USB are kept from other runs and processes: test (default), module or session",
        )
        group.addoption("--no-board-check", action="store_true", help="use boards on USB without looking whether they are well")
        group.addoption("--cloud", metavar="URL", help="the cloud of real boards, as in https://api.particle.io (default: none)")
        group.addoption("--allow-changes", action="store_true", help="let tests flash, claim and rewrite real boards")
        group.addoption("--wifi", metavar="SSID[:PASSWORD]", help="the Wi-Fi network that real boards may join")
        group.addoption("--served", action="store_true", help="let emulated boards live in real time, behind sockets")
        group.addoption(
            "--device-os",
            action="append",
            default=[],
            metavar="SOURCE",
            help="what the emulated cloud heals boards in safe mode with: built (default), cache, none, or a file or folder of modules",
        )
        group.addoption(
            "--allow-webhook",
            action="append",
            default=[],
            metavar="DESTINATION",
            help="where webhooks of a --served cloud may go besides public addresses: HOST, HOST:PORT, a network, or * for everywhere",
        )
        for name, kind, text in _INI:
            parser.addini(name, f"particle-hil: {text}; {name.upper()} in the environment comes before it", type=kind)
    except ValueError as error:
        _clash.append(str(error))
    else:
        with contextlib.suppress(ValueError):  # somebody else's --seed: then ours is named in the environment or in the ini file
            group.addoption(
                "--seed",
                dest="particle_hil_seed",
                metavar="N",
                help="where everything random in an emulated run comes from (default: 0)",
            )


def pytest_configure(config: pytest.Config) -> None:
    """Hand over to the plugin proper, or stay inert."""
    config.addinivalue_line("markers", "start(mode=, claimed=, os=): the state in which a board is handed to the test (particle-hil)")
    config.addinivalue_line(
        "markers",
        "needs(platform=, generation=, network=, capability=, os=, count=): what a board has to have for the test to run (particle-hil)",
    )
    config.addinivalue_line(
        "markers", "faults(loss=, outage=, power_cut=, ...): what goes wrong around the boards while the test runs (particle-hil)"
    )
    reason = _why_inert(config)
    if reason is not None:
        config.stash[_INERT] = f"particle-hil: inert, because {reason}"
        if not _clash and config.getoption("--board"):
            raise pytest.UsageError(config.stash[_INERT])
        return
    config.pluginmanager.import_plugin("harness.pytest_plugin")


def pytest_report_header(config: pytest.Config) -> str | None:
    """The sentence that tells why the plugin is inert, if it is."""
    return config.stash.get(_INERT, None)


def _why_inert(config: pytest.Config) -> str | None:
    if _clash:
        return f"another plugin has the same option ({_clash[0]})"
    for name in NAMES:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        place = _place(spec.origin, spec.submodule_search_locations) if spec is not None else None
        if place is None:
            return f"its own package {name} cannot be found"
        if place != _HOME / name:
            return f"{name} is another package here, at {place}"
        # The folder of the tests may come onto the path later; importing ours first would then hide theirs.
        theirs = config.rootpath / name
        if theirs.resolve() != _HOME / name and (theirs / "__init__.py").exists():
            return f"{name} is another package here, at {theirs}"
    return None


def _place(origin: str | None, locations: object) -> Path | None:
    """The folder of a package, or the file of a module."""
    if origin is not None:
        path = Path(origin).resolve()
        return path.parent if path.name == "__init__.py" else path
    for location in locations or ():  # type: ignore[attr-defined]  # a namespace package has several folders and no file
        return Path(location).resolve()
    return None
