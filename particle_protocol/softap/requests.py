"""What the two ways to send SoftAP commands have in common: a reader for each connection that takes bytes and gives requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class PageRequest:
    """A page that is the application's matter: its path, as `/setup`, and what came with it."""

    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class SetupPage:
    """What an application answers: 200 is a page, 301 with a `Location` among `headers` leads elsewhere."""

    body: bytes | str = b""
    content_type: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See that it can be sent.

        Raises:
            ValueError: a status that no answer has, or a line break in what goes into the head.
        """
        if not 200 <= self.status <= 599:
            raise ValueError(f"a page's status is a number from 200 to 599, not {self.status}")
        for text in (self.content_type, *self.headers, *self.headers.values()):
            if not text.isprintable():
                raise ValueError(f"{text!r} cannot stand in the head of an answer")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on a connection, and whether the board closes it then."""

    data: bytes = b""
    closes: bool = False


class Reader(Protocol):
    """The board's end of one connection."""

    waits: bool
    """Whether the board serves nobody else while it waits for the rest of a request."""

    def read(self, inbox: bytearray, *, ended: bool) -> Request | PageRequest | Answer | None:
        """Take from `inbox` what belongs to a request: a command, a page, an answer that takes none, or None when more has to come.

        `ended`: the client has closed the connection, so that nothing more will come.
        """

    def answer(self, pieces: Sequence[bytes], *, known: bool) -> Answer:
        """The answer to the request that was read last: what its command wrote, piece by piece. `known`: there is such a command."""

    def answer_page(self, page: SetupPage | None) -> Answer:
        """The same for a page; None: the application has nothing to do with it."""
