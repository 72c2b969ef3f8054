"""The right to use a board: for one run, one test, one module of tests at a time.

Whoever wants a board that somebody has waits in line for it, for a bounded time, and learns in the end who had it, since when and what for.
Whoever wants several gets them all at once or none, so that nobody holds what another waits for.
"""

from __future__ import annotations

import functools
import getpass
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness import waits
from harness.errors import BoardLabel, BoardNotAvailable, Unavailable
from harness.hiding import hides
from harness.host import HostClock, WallClock
from harness.pool.lock_file import LockFile, Note

__tracebackhide__ = hides

LOOK = 0.02
"""Seconds between two looks at a board that one waits for: the kernel wakes nobody who waits for one of several locks."""

OWNER = secrets.token_hex(8)
"""This process, in the notes that it leaves."""


@functools.cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # nobody gave this user a name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


class Lease:
    """The right to use a board, until `release()` or the end of the process. Made by `take` and `wait_for`.

    Attributes:
        before: what the holder before left in the file; None: there was none, or it was cut off in the middle of writing.
    """

    def __init__(self, file: LockFile, *, test: str = "", run: str = "") -> None:
        self.device_id = file.device_id
        self.path = file.path
        self.before = file.read()
        self._file = file
        known = self.before if self.before is not None and self.before.run == run and run else Note()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self.note = Note(os.getpid(), _user(), since, test, run, OWNER, faults=known.faults, trouble=known.trouble)
        file.write(self.note)

    @property
    def in_other_hands(self) -> bool:
        """Whether anybody but this process may have used the board since this process had it last, or was ended while using it."""
        return self.before is None or self.before.owner != OWNER or not self.before.given_back

    def fault(self, trouble: str) -> None:
        """Write down, for everybody of this run, that the board failed."""
        self.note = replace(self.note, faults=self.note.faults + 1, trouble=trouble)
        self._file.write(self.note)

    def used_for(self, test: str) -> None:
        """Write down which test it is used for now."""
        if test != self.note.test:
            self.note = replace(self.note, test=test)
            self._file.write(self.note)

    def release(self) -> None:
        """Give the board back. Releasing twice does nothing."""
        if not self.note.given_back:
            self.note = replace(self.note, given_back=True)
            self._file.write(self.note)
            self._file.close()


def take(device_id: str, folder: Path | None = None, *, test: str = "", run: str = "") -> Lease:
    """Lease a board now or never.

    Raises:
        BoardNotAvailable: somebody else has it; tells who.
    """
    return wait_for([device_id], timeout=0, folder=folder, test=test, run=run)[0]


def wait_for(
    device_ids: Sequence[str],
    *,
    count: int = 1,
    timeout: float,
    folder: Path | None = None,
    test: str = "",
    run: str = "",
    clock: HostClock | None = None,
) -> list[Lease]:
    """Lease `count` of some boards, those that are free first; all of them at once.

    Args:
        device_ids: the boards, the most wanted first.
        count: how many of them.
        timeout: seconds to wait at most.
        folder: where the lock files are, unless it is the usual place.
        test: the test that they are for, as others are told it.
        run: the run that it is part of.
        clock: the time that passes meanwhile.

    Raises:
        BoardNotAvailable: BUSY, they were not free within `timeout` seconds; tells who has them. Or a lock file cannot be opened.
    """
    clock = clock if clock is not None else WallClock()
    files: list[LockFile] = []
    leases: list[Lease] = []
    try:
        files += (LockFile(device_id, folder) for device_id in device_ids)
        place = time.monotonic_ns()  # the same on every board, so that of two who want several each, one is the first everywhere
        for file in files:
            file.line_up(place)
        end = clock.now() + timeout
        while not (got := _lock_some(files, count)):
            left = end - clock.now()
            if left <= 0:
                raise _busy(files, count, timeout)
            notes = "; ".join(str(note) for note in (file.read() for file in files) if note is not None)
            waits.tell(f"waiting for a board: {notes or 'somebody has it'}; at most {left:.0f} s more", 1 - left / timeout, on_others=True)
            clock.sleep(min(LOOK, left))
        for file in got:
            file.step_out()
        leases = [Lease(file, test=test, run=run) for file in got]
        return leases
    finally:
        leased = [lease.device_id for lease in leases]
        for file in files:
            if file.device_id not in leased:
                file.close()


def _lock_some(files: Sequence[LockFile], count: int) -> list[LockFile]:
    got: list[LockFile] = []
    for file in files:
        if len(got) < count and file.is_first() and file.lock():
            got.append(file)
    if len(got) == count:
        return got
    for file in got:
        file.unlock()
    return []


def _busy(files: Sequence[LockFile], count: int, timeout: float) -> BoardNotAvailable:
    """The error that tells who has the boards."""
    holders = []
    for file in files:
        if not file.lock():
            note = file.read()
            holder = str(note) if note is not None else f"somebody, by {file.path}"
        else:
            file.unlock()
            holder = "free" if file.is_first() else "free, for somebody who waits longer"
        holders.append(holder if len(files) == 1 else f"{file.device_id}: {holder}")
    wanted = "it is" if len(files) == 1 else f"{count} of {len(files)} are"
    return BoardNotAvailable(
        Unavailable.BUSY,
        "another particle-hil run uses it" if timeout <= 0 and len(files) == 1 else f"{wanted} not free within {timeout:g} s",
        board=BoardLabel(files[0].device_id) if len(files) == 1 else None,
        seen="; ".join(holders),
        remedy="Wait for that run to end" if timeout <= 0 else "Wait for it to end, or have more patience with --board-wait SECONDS",
    )
