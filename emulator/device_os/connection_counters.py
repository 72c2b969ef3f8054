"""How often a connection was tried and lost in one boot."""

from __future__ import annotations


class ConnectionCounters:
    """Of the network's connection, or the cloud's. `error` and `reason` are the numbers of the last failure and of the last end."""

    __slots__ = ("attempts", "disconnects", "error", "reason")

    def __init__(self) -> None:
        self.attempts = 0
        """Since the last connection ended."""
        self.disconnects = 0
        self.error = 0
        self.reason = 0

    def failed(self, error: int) -> None:
        """An attempt came to nothing."""
        self.error = error

    def lost(self, reason: int) -> None:
        """A connection that stood is over."""
        self.disconnects += 1
        self.attempts = 0
        self.reason = reason
