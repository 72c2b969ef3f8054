"""What a run is told: on the command line, else in the environment, else in pytest's ini file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from harness.monikers import names_of

if TYPE_CHECKING:
    from harness.rack.lab_file import LabFile

_LAB: pytest.StashKey[LabFile] = pytest.StashKey()

PREFIX = "PARTICLE_HIL_"
"""What the names of environment variables begin with. In an ini file they are in lower case."""


def setting(config: pytest.Config, name: str) -> str | None:
    """The value of an option, such as `cloud` or `board-wait`, from the first place that has it; None if no place has."""
    given = config.getoption("particle_hil_seed" if name == "seed" else f"--{name}", None)
    if given is not None and name != "any-board":
        return str(given)
    word = PREFIX + name.upper().replace("-", "_")
    return os.environ.get(word) or str(config.getini(word.lower())) or None


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
        pytest.UsageError: the lab file cannot be used, or a moniker asks for a number of boards that is none.
    """
    monikers: list[str] = config.getoption("--board") or os.environ.get(PREFIX + "BOARD", "").split()
    monikers = monikers or config.getini((PREFIX + "board").lower())
    if not monikers and (lab := lab_of(config)) is not None:
        monikers = [board.name for board in lab.boards]
    try:
        return names_of(monikers)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


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


def takes_any(config: pytest.Config) -> bool:
    """Whether a test runs once on any board that meets its needs, instead of once on each.

    Raises:
        pytest.UsageError: the environment or the ini file says neither yes nor no.
    """
    chosen = config.getoption("particle_hil_which", None)
    if chosen is not None:
        return bool(chosen == "any")
    told = setting(config, "any-board") or "no"
    if told.lower() not in _WORDS:
        raise pytest.UsageError(f"{PREFIX}ANY_BOARD is {told!r}; write yes or no")
    return _WORDS[told.lower()]


_WORDS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def patience_of(config: pytest.Config, unless_told: float) -> float:
    """How many seconds a test waits for a board that somebody else has.

    Raises:
        pytest.UsageError: it is no number of seconds.
    """
    told = setting(config, "board-wait")
    try:
        seconds = unless_told if told is None else float(told)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise pytest.UsageError(f"--board-wait {told}: it is a number of seconds")
    return seconds


def lease_of(config: pytest.Config, there_are: Sequence[str]) -> str:
    """How long the lease of a board is kept: one of some words, the first unless told.

    Raises:
        pytest.UsageError: it is another word.
    """
    told = setting(config, "board-lease") or there_are[0]
    if told not in there_are:
        raise pytest.UsageError(f"--board-lease {told}: there are {', '.join(there_are)}")
    return told
