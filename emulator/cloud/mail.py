"""The outbox: mails that the cloud has written. A lab reads them there; nothing is ever sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.cloud.core import Core


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: to whom, about what, and the facts in it (tokens of links included)."""

    id: int
    to: str
    subject: str
    facts: tuple[str, ...]
    """`name=value`, in the order they were given."""
    sent_at: float

    def __getitem__(self, name: str) -> str:
        """The value of one fact."""
        return dict(fact.split("=", 1) for fact in self.facts)[name]


class Outbox:
    """All mails, oldest first."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._mails = core.state.table("mails", Mail, lambda mail: mail.id)
        self._last = 0
        self.resume()

    def resume(self) -> None:
        """Number what is sent from here on: the state was opened, or brought back."""
        self._last = max((mail.id for mail in self._mails), default=0)

    def send(self, to: str, subject: str, facts: Mapping[str, str]) -> Mail:
        """Put a mail into the outbox."""
        with self._core.change():
            self._last += 1
            lines = tuple(f"{name}={value}" for name, value in facts.items())
            return self._mails.put(Mail(self._last, to, subject, lines, self._core.now()))

    def to(self, username: str) -> list[Mail]:
        """The mails to one address, oldest first."""
        return [mail for mail in sorted(self._mails, key=lambda mail: mail.id) if mail.to == username]

    def all(self) -> list[Mail]:
        """Every mail, oldest first."""
        return sorted(self._mails, key=lambda mail: mail.id)
