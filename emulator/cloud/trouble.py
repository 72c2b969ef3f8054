"""What is wrong with the cloud for now: nothing, unless whoever runs the lab wants to see what becomes of its clients.

It concerns the REST API, and what the state is written to. The emulator's own routes, below `/emulator`, go on as before.
"""

from __future__ import annotations

from random import Random

from emulator.clock import Signal
from emulator.cloud.core import Core
from emulator.drivers import Reply

OWN_PATHS = "/emulator/"
"""What is no part of the real cloud's API, and reached whatever becomes of that."""


class Trouble:
    """The troubles of one cloud."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rng = Random(0)
        self._seed: int | str = 0
        self.status = 0
        """The HTTP status that requests are answered with instead of what they ask for; 0 for none."""
        self.share = 1.0
        """The share of the requests that are."""
        self.delay = 0.0
        """Seconds until a request is looked at."""
        self.dark = False
        """Whether nothing answers."""
        self.went_dark = Signal()
        """Event streams end then."""

    @property
    def any(self) -> bool:
        """Whether requests fare otherwise than they should."""
        return bool(self.status or self.delay or self.dark)

    def begin(
        self, seed: int | str, *, status: int = 0, share: float = 1.0, delay: float = 0.0, dark: bool = False, full: bool = False
    ) -> None:
        """Be in this trouble from now on. What is drawn by chance comes from `seed`; `full` lets the state take no change any more."""
        self._seed = seed
        self._rng.seed(seed)
        self.status, self.share, self.delay = status, share, delay
        self._core.state.full = full
        darkens, self.dark = dark and not self.dark, dark
        if darkens:
            self.went_dark.fire()

    def clear(self) -> None:
        """Be in none."""
        self.begin(0)

    def strikes(self) -> bool:
        """Whether the next request is answered with `status`."""
        return bool(self.status) and (self.share >= 1 or self._rng.random() < self.share)

    def pause(self) -> Reply[None]:
        """Settles when the next request may be looked at."""
        reply: Reply[None] = self._core.reply()
        self._core.clock.call_later(self.delay, reply.resolve, None)
        return reply
