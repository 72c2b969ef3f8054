"""Data operations: how many events each account and product published and its devices got, month by month.

They are what a plan bills, so they are kept; but an event must not wait for a disk. So the counts are written behind: together with
whatever the state writes next, after `UNWRITTEN` operations at the latest, before anybody is told a count, and when the cloud is closed.
Only a process that is killed can lose some, fewer than `UNWRITTEN` of them, and none that an answer has counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.cloud.core import Core

Account = tuple[str, str | int]
"""What operations are counted for: ("product", its number), and ("account", the id of the user whose free plan pays)."""
UNWRITTEN = 1000
"""How many operations are counted before they are written for their own sake."""


@dataclass(frozen=True, slots=True)
class MonthOfOperations:
    """The data operations of one account in one month."""

    account: str
    """`product:<number>` or `account:<user id>`."""
    month: str
    """As in `2026-01`, in UTC."""
    count: int

    @property
    def key(self) -> str:
        """What its row is found by."""
        return f"{self.account} {self.month}"


class Meter:
    """Counts data operations. A companion of the state (`State.companions`)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._table = core.state.table("data_operations", MonthOfOperations, lambda row: row.key)
        self._month = ""
        self._month_ends = 0.0
        self._counts: dict[Account, int] = {}
        """Of the current month, of those accounts whose rows are behind."""
        self._earlier: list[tuple[str, dict[Account, int]]] = []
        """The same of months that ended before they were written."""
        self._behind = 0
        core.state.companions.append(self)

    def count(self, *accounts: Account) -> None:
        """One operation more, for each of these."""
        self._look_at_the_calendar()
        for account in accounts:
            try:
                self._counts[account] += 1
            except KeyError:
                self._counts[account] = self._stored(account) + 1
        self._behind += 1
        if self._behind >= UNWRITTEN and not self._core.state.depth:
            self.write()

    def used(self, account: Account) -> int:
        """The operations of the current month, to be told: they are on the disk when this returns."""
        self.write()
        return self.counted(account)

    def counted(self, account: Account) -> int:
        """The operations of the current month so far."""
        self._look_at_the_calendar()
        return self._counts.get(account) or self._stored(account)

    def write(self) -> None:
        """Write what is behind."""
        if self._behind:
            with self._core.change():
                self.join()

    def join(self) -> None:
        """See `Companion.join`."""
        for month, counts in (*self._earlier, (self._month, self._counts)):
            for account, count in counts.items():
                self._table.put(MonthOfOperations(_name(account), month, count))

    def settled(self) -> None:
        """See `Companion.settled`."""
        self._counts.clear()
        self._earlier.clear()
        self._behind = 0

    def _look_at_the_calendar(self) -> None:
        if self._core.now() < self._month_ends:
            return
        if self._counts:
            self._earlier.append((self._month, self._counts))
            self._counts = {}
        now = datetime.fromtimestamp(self._core.now(), UTC)
        after = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
        self._month, self._month_ends = f"{now:%Y-%m}", after.timestamp()

    def _stored(self, account: Account) -> int:
        row = self._table.get(f"{_name(account)} {self._month}")
        return 0 if row is None else row.count


def _name(account: Account) -> str:
    kind, number = account
    return f"{kind}:{number}"
