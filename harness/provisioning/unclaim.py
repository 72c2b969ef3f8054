"""Giving a board up: the account no longer owns it. The board may be offline, and stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import Blame, HarnessError, hides
from harness.provisioning.flow import Flow, Step

if TYPE_CHECKING:
    from harness.board import Board
    from harness.cloud import Account

__tracebackhide__ = hides


class Unclaim(Flow):
    """Take `board` out of `account`."""

    name = "unclaim"

    def __init__(self, board: Board, account: Account) -> None:
        super().__init__(board)
        self.account = account

    def steps(self) -> Sequence[Step]:
        """See `Flow.steps`."""
        return [Step("look it up", self.look_up), Step("unclaim", self.unclaim), Step("make sure", self.make_sure)]

    def look_up(self) -> str:
        """Make sure that it is the account's own."""
        found = self.account.find(self.board.device_id)
        if found is None or found.owner != self.account.username:
            owner = "it is not this account's" if found is None else f"it belongs to {found.owner}"
            raise HarnessError("it cannot be unclaimed", board=self.board.label, seen=owner, blame=Blame.REQUEST)
        return f"{found.name or found.id}, {'online' if found.online else 'offline'}"

    def unclaim(self) -> str:
        """Give it up."""
        self.board.must_allow_changes("unclaim it")
        self.board.journal.did(f"unclaimed it from {self.account.username}")
        self.account.unclaim(self.board.device_id)
        return "given up"

    def make_sure(self) -> str:
        """See that the cloud no longer lists it."""
        found = self.account.find(self.board.device_id)
        if found is not None and found.owner == self.account.username:
            raise HarnessError("the cloud still lists it", board=self.board.label, seen=str(found.owner), blame=Blame.CLOUD)
        return "no longer in the account"
