"""How often somebody may ask, and what happens to those who ask more often. Off unless `CloudSettings.rate_limits` says otherwise.

The numbers are documented (the REST reference's "API rate limits"); that a window is fixed and begins with the first request in it is a
choice. Nothing here is stored: a restart forgets.
"""

from __future__ import annotations

from enum import Enum

from emulator.clock import Clock
from emulator.cloud.errors import TooManyRequests
from emulator.cloud.settings import RateLimits

MAX_KEYS = 10_000
"""Windows that are kept before those that are over are thrown away."""


class Bucket(Enum):
    """What is counted together, for each address (serial numbers: for each account)."""

    ALL = "requests"
    GRANTS = "logins"
    TOKENS = "requests about tokens"
    ACCOUNTS = "requests about accounts"
    PASSWORDS = "password resets"
    STREAMS = "event streams"
    SERIALS = "look-ups of serial numbers"


class Rates:
    """Counts, and refuses."""

    def __init__(self, clock: Clock, limits: RateLimits | None) -> None:
        self._clock = clock
        self._limits = limits
        self._windows: dict[tuple[Bucket, str], tuple[float, int]] = {}
        self._failures: dict[str, int] = {}
        self._locked: dict[str, float] = {}
        self._open: dict[str, int] = {}

    def forget(self) -> None:
        """Count from nothing again, but for what is open."""
        self._windows.clear()
        self._failures.clear()
        self._locked.clear()

    @property
    def on(self) -> bool:
        """Whether anything is limited at all."""
        return self._limits is not None

    def count(self, bucket: Bucket, key: str) -> None:
        """One more of these from `key`, an address or an account.

        Raises:
            TooManyRequests: the window is full.
        """
        if self._limits is None:
            return
        sizes = _sizes(self._limits)
        limit, period = sizes[bucket]
        now = self._clock.now
        began, used = self._windows.get((bucket, key), (now, 0))
        if now >= began + period:
            began, used = now, 0
        if used >= limit:
            raise TooManyRequests(bucket.value, began + period - now)
        if len(self._windows) >= MAX_KEYS:
            self._sweep(now, sizes)
        self._windows[bucket, key] = (began, used + 1)

    def check_lock(self, address: str) -> None:
        """Refuse an address that failed to log in too often.

        Raises:
            TooManyRequests: as said.
        """
        until = self._locked.get(address, 0.0)
        if until > self._clock.now:
            raise TooManyRequests("failed logins", until - self._clock.now)

    def logged_in(self, address: str, *, well: bool) -> None:
        """A login came to an end; too many in a row that end badly lock the address out."""
        if self._limits is None:
            return
        failures = self._failures.pop(address, 0) + 1
        if well:
            return
        if failures >= self._limits.failed_logins:
            self._locked[address] = self._clock.now + self._limits.lock
        else:
            self._failures[address] = failures

    @property
    def streams(self) -> int:
        """How many event streams are counted as open."""
        return sum(self._open.values())

    def open_stream(self, address: str) -> None:
        """An address opens one more event stream; `close_stream` must follow.

        Raises:
            TooManyRequests: it has too many open.
        """
        if self._limits is None:
            return
        count = self._open.get(address, 0)
        if count >= self._limits.open_streams:
            raise TooManyRequests("open event streams", 0.0)
        self._open[address] = count + 1

    def close_stream(self, address: str) -> None:
        """One of an address's event streams has ended."""
        if self._limits is None:
            return
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def _sweep(self, now: float, sizes: dict[Bucket, tuple[int, float]]) -> None:
        """Throw away what is over."""
        self._windows = {key: window for key, window in self._windows.items() if now < window[0] + sizes[key[0]][1]}
        self._locked = {address: until for address, until in self._locked.items() if until > now}


def _sizes(limits: RateLimits) -> dict[Bucket, tuple[int, float]]:
    """How many in which time (seconds)."""
    return {
        Bucket.ALL: (limits.requests, limits.window),
        Bucket.GRANTS: (limits.logins, limits.window),
        Bucket.TOKENS: (limits.tokens, limits.window),
        Bucket.ACCOUNTS: (limits.accounts, limits.window),
        Bucket.PASSWORDS: (limits.password_resets, limits.window),
        Bucket.STREAMS: (limits.streams, limits.window),
        Bucket.SERIALS: (limits.serial_numbers, limits.serial_window),
    }
