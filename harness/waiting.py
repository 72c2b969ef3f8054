"""Waiting for what a cloud does: looked at again and again, for a bounded time, in the time of the boards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harness.errors import Blame, NotReached
from harness.hiding import hides
from harness.host import HostClock

__tracebackhide__ = hides

T = TypeVar("T")

POLL = 0.5
"""Seconds between two looks."""


def wait_for(clock: HostClock, look: Callable[[], T | None], *, timeout: float, awaited: str, seen: Callable[[], str]) -> T:
    """Look until `look()` gives something other than None and False, which is returned.

    Raises:
        NotReached: not within `timeout` seconds; tells what was `seen`.
    """
    end = clock.now() + timeout
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        left = end - clock.now()
        if left <= 0:
            raise NotReached(awaited, timeout, seen=seen(), blame=Blame.CLOUD)
        clock.sleep(min(POLL, left))
