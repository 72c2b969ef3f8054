"""What `serve` says of devices that its cloud turned away, or did not understand: each once, and never many lines a minute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from harness.boards import Incident

WINDOW: Final = 60.0
"""Seconds after which the same is said again."""
LINES: Final = 10
"""Lines in a window, beside the one that counts the others."""


class IncidentLines:
    """Chooses what is said. A board that comes again every second is named once a minute; what is left out is counted."""

    def __init__(self) -> None:
        self._since = -WINDOW
        self._said: set[tuple[str, str, str]] = set()
        self._more = 0

    def say(self, incidents: Iterable[Incident], now: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """What is to be said now (`now` in seconds), as a line and as plain data."""
        if now - self._since >= WINDOW:
            if self._more:
                yield f"{self._more} more were turned away or not understood: GET /emulator/refusals", {"more": self._more}
            self._since, self._more = now, 0
            self._said.clear()
        for each in incidents:
            key = (each.kind, each.device_id or each.peer.rpartition(":")[0], each.why)
            if key in self._said or len(self._said) >= LINES:
                self._more += 1
            else:
                self._said.add(key)
                whose = f"device {each.device_id} at {each.peer}" if each.device_id else f"somebody at {each.peer}"
                yield f"{each.kind:16} {whose}: {each.why}", {each.kind: {"peer": each.peer, "device_id": each.device_id, "why": each.why}}
