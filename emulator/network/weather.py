"""Weather: what all traffic between boards and servers passes through besides the link of its access point or cell.

It is fair unless somebody makes it bad, has dice of its own, so that bad weather does not change what else is drawn by chance in a Lab, and
lies before servers outside of the Lab as well.
"""

from __future__ import annotations

import random

from emulator.network.link import Link


class Weather:
    """The weather of one Lab's network. `link` is what it is like now."""

    def __init__(self) -> None:
        self.link = Link(latency=0.0)
        self.rng = random.Random(0)
        self._seed: int | str = 0

    def begin(
        self,
        seed: int | str,
        *,
        delay: float = 0.0,
        jitter: float = 0.0,
        loss: float = 0.0,
        duplication: float = 0.0,
        reordering: float = 0.0,
    ) -> None:
        """Be like this from now on. Seconds, and shares from 0 to below 1; what is drawn by chance comes from `seed`."""
        self._seed = seed
        self.resume()
        link = self.link
        link.latency, link.jitter, link.loss = delay, jitter, loss
        link.duplication, link.reordering = duplication, reordering

    def clear(self) -> None:
        """Be fair again; what was held back arrives."""
        self.begin(0)
        self.link.restore()

    def resume(self) -> None:
        """The network was brought back to an earlier state: draw the same again."""
        self.rng.seed(self._seed)
