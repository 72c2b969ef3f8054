"""What a run is told: on the command line, else in the environment, else in pytest's ini file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.rack.lab_file import LabFile

_LAB: pytest.StashKey[LabFile] = pytest.StashKey()

PREFIX = "PARTICLE_HIL_"
"""What the names of environment variables begin with. In an ini file they are in lower case."""


def setting(config: pytest.Config, name: str) -> str | None:
    """The value of the option `cloud`, `wifi`, `lab` or `seed` from the first place that has it; None if no place has."""
    given = config.getoption("particle_hil_seed" if name == "seed" else f"--{name}", None)
    if given is not None:
        return str(given)
    return os.environ.get(PREFIX + name.upper()) or str(config.getini((PREFIX + name).lower())) or None


def is_asked_for(config: pytest.Config, name: str) -> bool:
    """Whether an option was given on the command line."""
    return config.getoption(f"--{name}", None) is not None


def seed_of(config: pytest.Config) -> int:
    """Where everything random in an emulated run comes from.

    Raises:
        pytest.UsageError: it is no number.
    """
    told = setting(config, "seed") or "0"
    try:
        return int(told)
    except ValueError:
        raise pytest.UsageError(f"the seed {told!r} is no whole number (--seed, {PREFIX}SEED, {PREFIX.lower()}seed)") from None


def board_names(config: pytest.Config) -> list[str]:
    """The boards of the run, each by its moniker or its name in the lab file; one that is named again gets a number: `emu:photon#2`.

    Without any that are named they are those of the lab file.

    Raises:
        pytest.UsageError: the lab file cannot be used.
    """
    monikers: list[str] = config.getoption("--board") or os.environ.get(PREFIX + "BOARD", "").split()
    monikers = monikers or config.getini((PREFIX + "board").lower())
    if not monikers and (lab := lab_of(config)) is not None:
        monikers = [board.name for board in lab.boards]
    return names_of(monikers)


def lab_of(config: pytest.Config) -> LabFile | None:
    """The lab file of the run, read once.

    Raises:
        pytest.UsageError: it cannot be used; tells all that is wrong with it.
    """
    path = setting(config, "lab")
    if path is None:
        return None
    if _LAB not in config.stash:
        from harness.rack.lab_building import read_lab
        from harness.rack.lab_errors import LabFileWrong

        try:
            config.stash[_LAB] = read_lab(config.invocation_params.dir / path)
        except LabFileWrong as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_LAB]


def names_of(monikers: Sequence[str]) -> list[str]:
    """A name for each of some boards; see `board_names`."""
    names: list[str] = []
    for place, moniker in enumerate(monikers):
        count = list(monikers[: place + 1]).count(moniker)
        names.append(moniker if count == 1 else f"{moniker}#{count}")
    return names


def moniker_of(name: str) -> str:
    """The moniker behind a name of `board_names`."""
    moniker, _, number = name.rpartition("#")
    return moniker if number.isdigit() and moniker else name
