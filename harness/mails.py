"""The mails that a cloud writes to an account, as things to wait for. An emulated cloud keeps them to be read; nothing is ever sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import CapabilityMissing
from harness.hiding import hides
from harness.modes import Capability
from harness.waiting import wait_for

if TYPE_CHECKING:
    from harness.cloud import Account

__tracebackhide__ = hides

TIMEOUT = 30.0
"""Seconds. Mails are written at once; this is for what makes a cloud write one."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. `facts` are what is in it, tokens of links among them."""

    id: int
    subject: str
    facts: Mapping[str, str]
    sent_at: str

    def __getitem__(self, name: str) -> str:
        """One of the facts."""
        return self.facts[name]

    def __str__(self) -> str:
        return repr(self.subject)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Mail:
        """Read the cloud's own form."""
        return cls(int(raw["id"]), str(raw["subject"]), dict(raw["facts"]), str(raw["sent_at"]))


class Mailbox:
    """The mails to one account, oldest first."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._handed_out = 0

    def all(self) -> list[Mail]:
        """All of them.

        Raises:
            CapabilityMissing: it is a real cloud, which sends its mails.
        """
        cloud = self._account.cloud
        if not cloud.target.ours:
            raise CapabilityMissing(
                Capability.MAILS, remedy=f"The cloud at {cloud.target.url} sends its mails: read them where they arrive"
            )
        return [Mail.of(raw) for raw in self._account.request("GET", "/emulator/mails")["mails"]]

    def answer(self, mail: Mail, *, accept: bool) -> None:
        """Follow one of the links in a mail that asks whether a device may go to somebody else. Each works once.

        Raises:
            CloudRefused: status 404 when it was followed before, or the request is over.
        """
        self._account.request("POST", f"/emulator/transfers/{mail['token']}", json={"accept": accept})

    def wait_for(self, subject: str = "", *, timeout: float = TIMEOUT, where: Callable[[Mail], bool] = lambda mail: True) -> Mail:
        """The next mail with these words in its subject that `where` accepts; each is given once.

        Raises:
            NotReached: none within `timeout` seconds; tells the mails that there are.
            CapabilityMissing: it is a real cloud.
        """

        def look() -> Mail | None:
            fresh = (mail for mail in self.all() if mail.id > self._handed_out)
            return next((mail for mail in fresh if subject.lower() in mail.subject.lower() and where(mail)), None)

        found = wait_for(
            self._account.cloud.clock,
            look,
            timeout=timeout,
            awaited=f"a mail to {self._account.username}" + (f" about {subject!r}" if subject else ""),
            seen=lambda: "mails about " + (", ".join(map(str, self.all())) or "nothing"),
        )
        self._handed_out = found.id
        return found
