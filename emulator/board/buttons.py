"""The two buttons of a board: RESET and MODE (SETUP on the oldest boards)."""

from __future__ import annotations

from collections.abc import Callable


class Buttons:
    """What a finger does to a board. The board is told of each change by the callbacks it gave."""

    __slots__ = ("_on_mode", "_on_reset", "mode", "reset")

    def __init__(self, on_mode: Callable[[], None], on_reset: Callable[[], None]) -> None:
        self.mode = False
        self.reset = False
        self._on_mode = on_mode
        self._on_reset = on_reset

    def press_mode(self) -> None:
        """Push MODE down. Pushing what is down already does nothing."""
        self._set_mode(down=True)

    def release_mode(self) -> None:
        """Let MODE go."""
        self._set_mode(down=False)

    def press_reset(self) -> None:
        """Push RESET down: the processor stands still."""
        self._set_reset(down=True)

    def release_reset(self) -> None:
        """Let RESET go: the board boots."""
        self._set_reset(down=False)

    def _set_mode(self, *, down: bool) -> None:
        if self.mode != down:
            self.mode = down
            self._on_mode()

    def _set_reset(self, *, down: bool) -> None:
        if self.reset != down:
            self.reset = down
            self._on_reset()
