"""Names for the boards of a run: each moniker once for every board that it stands for.

Nothing here opens a board or knows a kind, so that pytest can name its tests without importing those.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from harness.hiding import hides

__tracebackhide__ = hides

MOST: Final = 10_000
"""The most boards that one moniker may stand for: a few kilobytes each, and a test for each."""

_SEVERAL: Final = re.compile(r"(?P<moniker>.+)\*(?P<count>[^*?&=/.]*)")


def expanded(monikers: Iterable[str]) -> list[str]:
    """The monikers, with `emu:photon*20` as twenty of `emu:photon`.

    Raises:
        ValueError: what follows the star is no number of boards.
    """
    found: list[str] = []
    for text in monikers:
        match = _SEVERAL.fullmatch(text)
        if match is None:
            found.append(text)
            continue
        count = match["count"]
        if not (count.isascii() and count.isdigit()) or len(count) > len(str(MOST)) or not 1 <= int(count) <= MOST:
            raise ValueError(f"{text!r}: what follows the star is a number of boards, from 1 to {MOST}")
        found += [match["moniker"]] * int(count)
    return found


def names_of(monikers: Sequence[str]) -> list[str]:
    """A name for each of some boards, its moniker; one that is named again gets a number, as in `emu:photon#2`.

    Raises:
        ValueError: see `expanded`.
    """
    names: list[str] = []
    counts: Counter[str] = Counter()
    for moniker in expanded(monikers):
        counts[moniker] += 1
        names.append(moniker if counts[moniker] == 1 else f"{moniker}#{counts[moniker]}")
    return names


def without_number(name: str) -> str:
    """The moniker behind a name of `names_of`."""
    moniker, _, number = name.rpartition("#")
    return moniker if number.isdigit() and moniker else name
