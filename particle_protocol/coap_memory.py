"""What an end of a conversation over datagrams remembers, so that nothing is done twice: message ids, and how each was answered."""

from __future__ import annotations

from collections import deque
from typing import Final

MAX_REMEMBERED: Final = 512
"""How many message ids of the other end are remembered."""


class Remembered:
    """The messages that came, for some seconds each, and the newest only."""

    __slots__ = ("_answers", "_seconds", "_until")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: dict[int, bytes] = {}
        self._until: deque[tuple[float, int]] = deque()

    def knows(self, message_id: int, now: float) -> bool:
        """Whether a message of this id has come."""
        self._forget(now)
        return message_id in self._answers

    def note(self, message_id: int, now: float) -> None:
        """A message has come for the first time."""
        self._forget(now)
        self._answers[message_id] = b""
        self._until.append((now + self._seconds, message_id))

    def answered(self, message_id: int, answer: bytes) -> None:
        """It was answered so; nothing happens when it is not remembered."""
        if message_id in self._answers:
            self._answers[message_id] = answer

    def answer(self, message_id: int) -> bytes:
        """How it was answered; empty if it was not yet."""
        return self._answers.get(message_id, b"")

    def _forget(self, now: float) -> None:
        until = self._until
        while until and (until[0][0] <= now or len(until) >= MAX_REMEMBERED):
            self._answers.pop(until.popleft()[1], None)
