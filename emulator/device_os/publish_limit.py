"""How often an application may publish."""

from __future__ import annotations

from typing import Final

BURST: Final = 4
WINDOW: Final = 1.0
SYSTEM_LIMIT: Final = 255
SYSTEM_WINDOW: Final = 65.536
SYSTEM_PREFIXES: Final = ("spark", "particle")


class PublishLimit:
    """Four events in any second; of those whose name begins with `spark` or `particle`, 255 in a window of 2^16 milliseconds.

    An event that is refused counts as well: who goes on publishing without a pause is refused all the time
    (Device OS 2.3.1, communication/src/publisher.h).
    """

    __slots__ = ("_minute", "_recent", "_system")

    def __init__(self) -> None:
        self._recent = [-WINDOW] * BURST
        self._minute = -1
        self._system = 0

    def allows(self, name: str, now: float) -> bool:
        """Whether an event may go out now (`now` in seconds). Asking counts as publishing."""
        if name.lower().startswith(SYSTEM_PREFIXES):
            minute = int(now / SYSTEM_WINDOW)
            if minute != self._minute:
                self._minute, self._system = minute, 0
            if self._system == SYSTEM_LIMIT:
                return False
            self._system += 1
            return True
        oldest = self._recent.pop(0)
        self._recent.append(now)
        return now - oldest >= WINDOW
