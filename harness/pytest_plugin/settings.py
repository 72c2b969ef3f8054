"""What a run is told: on the command line, else in the environment, else in pytest's ini file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

PREFIX = "PARTICLE_HIL_"
"""What the names of environment variables begin with. In an ini file they are in lower case."""


def setting(config: pytest.Config, name: str) -> str | None:
    """The value of the option `cloud`, `wifi` or `seed` from the first place that has it; None if no place has."""
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
    """The boards of the run, each by its moniker; one that is named again gets a number, as in `emu:photon#2`."""
    monikers: list[str] = config.getoption("--board") or os.environ.get(PREFIX + "BOARD", "").split()
    return names_of(monikers or config.getini((PREFIX + "board").lower()))


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
