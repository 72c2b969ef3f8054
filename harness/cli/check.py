"""`particle-hil check`: the shared suite on named boards, told step by step, with a verdict."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, lab_option, maybe_board_option, opening_options
from harness.cli.output import say_json

if TYPE_CHECKING:
    from harness.cli.check_report import Report

SUITE = Path(__file__).resolve().parent.parent / "suite"


@click.command(epilog="Example: particle-hil check --board emu:photon")
@lab_option
@maybe_board_option
@opening_options
@click.option("-k", "only", metavar="WORDS", default="", help="Only the checks whose names have these words, as for pytest -k.")
@click.option("--quiet", "-q", is_flag=True, help="One line per check, without its steps.")
@click.option("--junitxml", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit file as well, with every board's journal.")
@json_option
def check(
    lab_path: Path | None, boards: tuple[str, ...], only: str, quiet: bool, junitxml: Path | None, as_json: bool, **opening: Any
) -> int:
    """Check boards: identity, modes, flashing, provisioning.

    Tells per check what was done and seen, with the LED in its colour, and a verdict. A real board is not flashed, claimed or rewritten
    without --allow-changes; the checks that need it are skipped then.

    Exit status: 0 nothing failed, 1 something did, 2 the command line is wrong, 3 nothing was checked, on one of the boards at least,
    4 there were infrastructure errors: a board could not be had, or went away.
    """
    from harness.boards import every, moniker_of
    from harness.monikers import names_of

    if lab_path is not None:
        from harness.rack.lab_building import read_lab

        lab = read_lab(lab_path)
        boards = boards or tuple(board.name for board in lab.boards)
        if not boards:
            raise click.UsageError(f"{lab_path} has no boards; name one with --board")
    elif not boards:
        raise click.UsageError("Name a board with --board, or a lab file with --lab")
    else:
        lab = None
    for board in every(boards):
        moniker_of(board, lab)
    if junitxml is not None:
        _must_be_writable(junitxml)
    report = _report(quiet=quiet, as_json=as_json)
    report.boards = names_of(boards)
    status = run_suite(report, boards, only=only, lab=lab_path, junitxml=junitxml, **opening)
    if as_json:
        say_json(report.as_data(), indent=2)
    else:
        report.close()
    return status


def _must_be_writable(path: Path) -> None:
    """Refuse a file that cannot be written before anything is checked: in the end it would be too late."""
    try:
        with path.open("a"):
            pass
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="--junitxml") from error


def _report(*, quiet: bool, as_json: bool) -> Report:
    from harness.cli.check_report import Report, TextReport

    return Report() if as_json else TextReport(steps=not quiet)


def run_suite(
    report: Report,
    boards: tuple[str, ...],
    *,
    only: str,
    lab: Path | None = None,
    junitxml: Path | None = None,
    cloud: str | None = None,
    allow_changes: bool,
    wifi: str | None,
    served: bool,
    seed: int,
    device_os: tuple[str, ...],
) -> int:
    """Run the suite in this process; gives the command's exit status."""
    import pytest

    from harness.cli.ending import FAILED, INFRASTRUCTURE, OK, UNAVAILABLE, USAGE, Unchecked
    from harness.errors import Blame

    arguments = [str(SUITE), f"--rootdir={SUITE}", "-c", str(SUITE / "pytest.ini"), "-p", "no:terminal", "-p", "no:cacheprovider", "-s"]
    arguments += ["--all-boards", "--no-board-check"]  # what is wrong with a board is what is to be found out
    arguments += [argument for board in boards for argument in ("--board", board)]
    arguments += [f"--device-os={source}" for source in device_os]
    arguments += ["--seed", str(seed), *(["-k", only] if only else [])]
    arguments += [f"--lab={lab}"] if lab else []
    arguments += [f"--cloud={cloud}"] if cloud else []
    arguments += [f"--junitxml={junitxml.absolute()}", "-o", "junit_suite_name=particle-hil check"] if junitxml is not None else []
    arguments += [f"--wifi={wifi}"] if wifi else []
    arguments += [flag for flag, wanted in (("--allow-changes", allow_changes), ("--served", served)) if wanted]
    with _own_settings():
        status = pytest.main(arguments, plugins=[report, *_entry()])
    if report.lost:
        raise report.lost
    if report.unavailable:
        raise report.unavailable if report.unavailable.blame is Blame.REQUEST else Unchecked(report.unavailable)
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if status == pytest.ExitCode.USAGE_ERROR and not report.infrastructure:
        return USAGE
    if report.failures or report.infrastructure:
        return FAILED if report.failures else INFRASTRUCTURE
    return OK if report.passed else UNAVAILABLE


def _entry() -> list[str]:
    """The plugin by name: plugins are not loaded by their entry points here, so that nobody else's can disturb."""
    return ["particle_hil.pytest_entry"]


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """Keep the user's pytest settings out of this run."""
    changes = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
