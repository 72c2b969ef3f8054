"""What the two ways to send SoftAP commands have in common: a reader for each connection that takes bytes and gives requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MAX_BODY: Final = 0x8000
"""Bytes of a body that a board finds memory for. Chosen: it is about half of what is free while it listens; the largest that a client
sends, with two certificates and a key, has some 14,000."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command to run."""

    name: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on a connection, and whether the board closes it then."""

    data: bytes = b""
    closes: bool = False


class Reader(Protocol):
    """The board's end of one connection."""

    waits: bool
    """Whether the board serves nobody else while it waits for the rest of a request."""

    def read(self, inbox: bytearray, *, ended: bool) -> Request | Answer | None:
        """Take from `inbox` what belongs to a request: a command, an answer that takes none, or None when more has to come.

        `ended`: the client has closed the connection, so that nothing more will come.
        """

    def answer(self, pieces: Sequence[bytes], *, known: bool) -> Answer:
        """The answer to the request that was read last: what its command wrote, piece by piece. `known`: there is such a command."""
