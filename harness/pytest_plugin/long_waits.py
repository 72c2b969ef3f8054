"""What a pytest run waits for besides its boards: one line on the terminal for each wait that takes a while."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from harness import waits
from harness.terminal import visible

PATIENCE = 2.0
"""Seconds for which nothing is said."""

GAP = 5.0
"""Seconds without a word after which a wait was another one: whoever waits tells of it more often."""


class LongWaits:
    """Listens to `harness.waits` while a run lasts. A process without a terminal says nothing."""

    def __init__(self, config: pytest.Config, now: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._now = now
        self._kind = ""
        self._began = self._last = 0.0
        self._said = False

    def tell(self, text: str, share: float | None = None) -> None:
        """Something is waited for. What kind of wait it is stands before the colon."""
        now, kind = self._now(), text.partition(":")[0]
        if kind != self._kind or now - self._last > GAP:
            self._kind, self._began, self._said = kind, now, False
        self._last = now
        if not self._said and now - self._began >= PATIENCE:
            self._said = True
            self._say(text)

    def _say(self, text: str) -> None:
        plugins = self._config.pluginmanager
        reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        if reporter is None:
            return
        with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"particle-hil: {visible(text)}")


def listen(config: pytest.Config) -> None:
    """Tell of long waits until the run ends."""
    stack = contextlib.ExitStack()
    stack.enter_context(waits.listen(LongWaits(config).tell, only_on_others=True))
    config.add_cleanup(stack.close)
