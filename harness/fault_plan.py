"""Faults as data: what goes wrong around boards, in their power supply, in their network and in their cloud.

The same words, with the same values, are arguments of `faults(...)` in a test, of the marker `faults(...)`, and keys of `[faults]` in a lab
file. `FaultPlan.read` checks them, and draws what is left to chance from a seed, which the plan tells, so that it can be had again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, Final

from harness.hiding import hides
from harness.modes import Capability, no_such

__tracebackhide__ = hides

ANY: Final = "any"
"""The value of what is to be drawn."""
PHASES: Final = ("start", "middle", "end")
"""Where in a write the power goes away: before anything has changed, with a part of it done, with all of it done and nobody told."""
OUTAGES: Final = ("network", "cloud")
MOST_SHARE: Final = 0.9
"""The largest share of what is lost, repeated or overtaken: of a network that carries nothing at all, `outage` is the word."""
MOST_WRITE: Final = 8
"""The last write that a power cut is drawn in: the smallest update over the air that there is has some ten."""
MOST_SECONDS: Final = 3600.0
STATUSES: Final = (500, 502, 503)
"""What is drawn from."""


class WrongFault(ValueError):
    """There is no such fault, or not with such a value."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults that begin and end together. What is not said is as it should be.

    Values may be given as in `faults(...)`: what is "any" is drawn when the plan is made.

    Raises:
        WrongFault: one has a value that it cannot have.
    """

    seed: int = 0
    """Where what is left to chance comes from."""
    power_cut: tuple[int, str] | None = None
    """The write, counted from 1 (an erase or program operation of the board's flashes), and where in it the power goes away."""
    loss: float = 0.0
    """The share of what is sent between boards and servers that is lost. Of a stream it comes again, later."""
    delay: tuple[float, float] = (0.0, 0.0)
    """Seconds by which it is late, at least and at most."""
    duplication: float = 0.0
    """The share of datagrams that arrive twice."""
    reordering: float = 0.0
    """The share of datagrams that later ones overtake."""
    outage: tuple[str, ...] = ()
    """"network": every access point and cell is off the air. "cloud": nobody reaches the cloud, boards or programs."""
    cloud_error: tuple[int, float] | None = None
    """The HTTP status that requests are answered with, and the share of them that are."""
    cloud_delay: float = 0.0
    """Seconds until the cloud looks at a request."""
    wrong_server_key: bool = False
    """Boards hold another key than their cloud's."""
    full_disk: bool = False
    """The disk of the cloud's server is full: what changes its state is refused."""
    drawn: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """What was left to chance."""

    @classmethod
    def read(cls, given: Mapping[str, Any], seed: int = 0) -> FaultPlan:
        """The plan that some words make; `seed` is where chance comes from unless they say it.

        Raises:
            WrongFault: there is no such word, or not with such a value; tells what there is.
        """
        words = dict(given)
        unknown = next((each for each in words if each != "seed" and each not in _READERS), None)
        if unknown is not None:
            raise WrongFault(str(no_such("fault", unknown, [*_READERS, "seed"])))
        chosen = words.pop("seed", seed)
        if isinstance(chosen, bool) or not isinstance(chosen, int):
            raise WrongFault(f"seed={chosen!r}: it is a whole number")
        return cls(seed=chosen, **{word: value for word, value in words.items() if value is not None})

    def __post_init__(self) -> None:
        """Check what was said, and draw what was left to chance.

        Raises:
            WrongFault: see `read`.
        """
        draw = _Draw(self.seed)
        usual = {each.name: each.default for each in fields(self)}
        for word, read in _READERS.items():
            said = getattr(self, word)
            if said is not usual[word]:
                object.__setattr__(self, word, read(word, said, draw))
        object.__setattr__(self, "drawn", self.drawn | draw.drawn)

    @property
    def needs(self) -> tuple[Capability, ...]:
        """What it takes to have these faults."""
        wanted = {
            Capability.POWER_CUTS: self.power_cut is not None,
            Capability.AIR: self.is_weather or "network" in self.outage,
            Capability.CLOUD_FAULTS: self.is_trouble,
            Capability.USB: self.wrong_server_key,
            Capability.CHANGES: self.wrong_server_key,
        }
        return tuple(capability for capability, wants in wanted.items() if wants)

    @property
    def is_weather(self) -> bool:
        """Whether it changes what becomes of what is sent."""
        return bool(self.loss or any(self.delay) or self.duplication or self.reordering)

    @property
    def is_trouble(self) -> bool:
        """Whether it is about the cloud."""
        return "cloud" in self.outage or self.cloud_error is not None or bool(self.cloud_delay) or self.full_disk

    def __str__(self) -> str:
        told = [text for text in self._texts() if text]
        return (", ".join(told) or "none") + (f" (seed {self.seed})" if self._throws_dice else "")

    @property
    def _throws_dice(self) -> bool:
        """Whether it comes out otherwise with another seed."""
        share = 1.0 if self.cloud_error is None else self.cloud_error[1]
        least, most = self.delay
        return bool(self.drawn or self.loss or self.duplication or self.reordering or least < most or share < 1)

    def _texts(self) -> list[str]:
        least, most = self.delay
        return [
            "" if self.power_cut is None else f"power cut in write {self.power_cut[0]} ({self.power_cut[1]})",
            f"loss {self.loss:.0%}" if self.loss else "",
            "" if not most else f"delay {least:g} s" if least == most else f"delay {least:g} to {most:g} s",
            f"duplication {self.duplication:.0%}" if self.duplication else "",
            f"reordering {self.reordering:.0%}" if self.reordering else "",
            *(f"outage of the {each}" for each in self.outage),
            "" if self.cloud_error is None else f"the cloud answers {self.cloud_error[0]}{_of(self.cloud_error[1])}",
            f"the cloud answers {self.cloud_delay:g} s late" if self.cloud_delay else "",
            "wrong server key" if self.wrong_server_key else "",
            "the disk of the cloud's server is full" if self.full_disk else "",
        ]


def _of(share: float) -> str:
    return "" if share >= 1 else f" to {share:.0%} of the requests"


class _Draw:
    """Chance, and what was left to it."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.drawn: set[str] = set()

    def share(self, word: str) -> float:
        """A share that a client ought to live with."""
        self.drawn.add(word)
        return round(self.rng.uniform(0.02, 0.4), 2)

    def seconds(self, word: str, most: float) -> float:
        """A time."""
        self.drawn.add(word)
        return round(self.rng.uniform(0.1, most), 1)

    def choice(self, word: str, among: Sequence[Any]) -> Any:
        """One of several."""
        self.drawn.add(word)
        return self.rng.choice(among)


def _power_cut(word: str, value: Any, draw: _Draw) -> tuple[int, str]:
    write, phase = value if isinstance(value, list | tuple) and len(value) == 2 else (value, ANY)
    if write == ANY:
        write = draw.choice(word, range(1, MOST_WRITE + 1))
    if isinstance(write, bool) or not isinstance(write, int) or write < 1:
        raise WrongFault(f"{word}={value!r}: give the write, counted from 1, alone or with its phase, as in (3, 'middle'); or 'any'")
    if phase == ANY:
        phase = draw.choice(word, PHASES)
    if phase not in PHASES:
        raise WrongFault(f"{word}={value!r}: {no_such('phase', phase, [*PHASES, ANY])}")
    return write, phase


def _share(word: str, value: Any, draw: _Draw) -> float:
    if value == ANY:
        return draw.share(word)
    if not _is_number(value) or not 0 <= value <= MOST_SHARE:
        hint = "; for a network that carries nothing there is outage='network'" if _is_number(value) and value > MOST_SHARE else ""
        raise WrongFault(f"{word}={value!r}: it is a share from 0 to {MOST_SHARE:g}, or 'any'{hint}")
    return float(value)


def _delay(word: str, value: Any, draw: _Draw) -> tuple[float, float]:
    if value == ANY:
        most = draw.seconds(word, 5.0)
        return 0.0, most
    least, most = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
    if not (_is_time(least) and _is_time(most) and least <= most):
        raise WrongFault(f"{word}={value!r}: it is a number of seconds, at most {MOST_SECONDS:g}; two of them, least and most; or 'any'")
    return float(least), float(most)


def _outage(word: str, value: Any, draw: _Draw) -> tuple[str, ...]:
    if value == ANY:
        return (draw.choice(word, OUTAGES),)
    several = list(value) if isinstance(value, list | tuple) else [value]
    for each in several:
        if each not in OUTAGES:
            raise WrongFault(f"{word}={value!r}: {no_such('outage', each, [*OUTAGES, ANY])}")
    return tuple(dict.fromkeys(several))


def _cloud_error(word: str, value: Any, draw: _Draw) -> tuple[int, float]:
    status, share = value if isinstance(value, list | tuple) and len(value) == 2 else (value, 1.0)
    if status == ANY:
        status = draw.choice(word, STATUSES)
        share = draw.share(word) if value == ANY else share
    fits = isinstance(status, int) and not isinstance(status, bool) and 500 <= status <= 599
    if not fits or not _is_number(share) or not 0 < share <= 1:
        raise WrongFault(
            f"{word}={value!r}: give a status from 500 to 599, alone or with the share of requests, as in (503, 0.3); or 'any'"
        )
    return status, float(share)


def _cloud_delay(word: str, value: Any, draw: _Draw) -> float:
    if value == ANY:
        return draw.seconds(word, 30.0)
    if not _is_time(value):
        raise WrongFault(f"{word}={value!r}: it is a number of seconds, at most {MOST_SECONDS:g}, or 'any'")
    return float(value)


def _flag(word: str, value: Any, draw: _Draw) -> bool:
    if not isinstance(value, bool):
        raise WrongFault(f"{word}={value!r}: it is true or false")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_time(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= MOST_SECONDS


_READERS: Final[Mapping[str, Callable[[str, Any, _Draw], Any]]] = {
    "power_cut": _power_cut,
    "loss": _share,
    "delay": _delay,
    "duplication": _share,
    "reordering": _share,
    "outage": _outage,
    "cloud_error": _cloud_error,
    "cloud_delay": _cloud_delay,
    "wrong_server_key": _flag,
    "full_disk": _flag,
}
WORDS: Final = tuple(_READERS)
"""The faults there are."""
