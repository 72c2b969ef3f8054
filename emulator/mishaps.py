"""What went wrong that nobody foresaw: logged, counted, at a bounded rate, and kept from everybody else.

One listener, hook or decoder that fails must harm nobody else, and a fault that happens a thousand times a second must not fill a disk.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Any

from emulator.clock import Clock

logger = logging.getLogger(__name__)
EVERY = 10.0
"""Seconds between two lines about the same kind of mishap."""
MAX_KINDS = 1000
"""Kinds that are told apart; there are as many as there are places where something fails."""
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors of a system that can open no more, which pass when something is closed."""


class Mishaps:
    """The mishaps of one Lab. `counted` is how often each kind has happened."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.counted: dict[str, int] = {}
        self._said: dict[str, tuple[float, int]] = {}
        """When each kind was last logged, and how often it had happened by then."""

    def note(self, what: str, error: BaseException) -> None:
        """Something failed in doing `what`."""
        kind = f"{what}: {type(error).__name__}"
        if kind not in self.counted and len(self.counted) >= MAX_KINDS:
            kind = "others"
        number = self.counted[kind] = self.counted.get(kind, 0) + 1
        when, before = self._said.get(kind, (-EVERY, 0))
        if self._clock.now - when < EVERY:
            return
        self._said[kind] = (self._clock.now, number)
        more = f" ({number - before - 1} more like it since)" if number - before > 1 else ""
        if isinstance(error, OSError) and error.errno in NO_DESCRIPTORS:
            logger.error("%s: %s; close programs, or let more files be open (ulimit -n)%s", what, error.strerror, more)
        else:
            logger.error("%s failed%s", what, more, exc_info=error)

    def fenced(self, what: str, function: Callable[..., Any], *args: Any) -> None:
        """Call something that may fail, and let nobody else feel it. An error that is no `Exception` (a power cut, the end) passes."""
        try:
            function(*args)
        except Exception as error:  # noqa: BLE001  # the fence
            self.note(what, error)
