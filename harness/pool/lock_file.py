"""One file per board: locked by whoever uses the board, with a place in it for everybody who waits, and a note of who has it.

The kernel frees a lock when the process that holds it ends, however it ends, so a board is never left locked. All users of a computer share
the file, for they share its USB ports. Emulated boards that umockdev shows to a program are there for that program alone, and have the same
device ids wherever the seed is the same: their files lie beside them.

The board itself is locked by `flock`. Whoever waits locks one byte far behind the text, by a lock on the open file, which is another kind
than `flock` and does not touch it. The byte is the time at which the wait began, so that everybody sees whether somebody waits longer.
Where a system has no such locks, whoever looks first gets the board.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness.errors import BoardLabel, BoardNotAvailable, Unavailable
from harness.hiding import hides
from harness.terminal import visible

__tracebackhide__ = hides

TEXT = 4096
"""The most bytes that the note takes."""
QUEUE = 1 << 20
"""Where the bytes of those who wait begin."""


def usual_folder() -> Path:
    """Where the files are kept: beside emulated boards that umockdev shows, else where all users of the computer look."""
    shown = os.environ.get("UMOCKDEV_DIR")
    return Path(shown) if shown and os.path.isdir(shown) else Path(tempfile.gettempdir())


@dataclass(frozen=True, slots=True)
class Note:
    """Who has a board, or had it last."""

    pid: int = 0
    user: str = ""
    since: str = ""
    """The date and time in UTC at which it was taken, in ISO form."""
    test: str = ""
    """The test that it is used for; empty outside of tests."""
    run: str = ""
    """The pytest run: the same in every worker of one."""
    owner: str = ""
    """Drawn by whoever wrote this; the same in all notes of one process."""
    given_back: bool = False
    """Whether it was given back; where it was not, its holder is using it, or was ended in the middle."""
    faults: int = 0
    """How often it failed in that run."""
    trouble: str = ""
    """How it failed last."""

    def __str__(self) -> str:
        who = f"process {self.pid}" + (f" of {self.user}" if self.user else "")
        return visible(who + (f", since {self.since}" if self.since else "") + (f", for {self.test}" if self.test else ""))

    @classmethod
    def read(cls, text: bytes) -> Note | None:
        """The note in a file; None where there is none, or only a part of one: its writer may be at it."""
        try:
            data = json.loads(text)
            known: dict[str, Any] = {each.name: data[each.name] for each in fields(cls) if type(data.get(each.name)) is type(each.default)}
            return cls(**known)
        except (ValueError, AttributeError, RecursionError):
            return None


class LockFile:
    """The file of one board, opened.

    Raises:
        BoardNotAvailable: it cannot be opened; tells why.
    """

    def __init__(self, device_id: str, folder: Path | None = None) -> None:
        self.device_id = device_id
        self.path = (folder if folder is not None else usual_folder()) / f"particle-hil-{device_id}.lock"
        self._file, self._writable = self._open()
        self._place: int | None = None

    def _open(self) -> tuple[int, bool]:
        """The file, and whether it may be written. Another user's can be locked all the same, if it may be read.

        Linux refuses even root to open somebody else's file in a shared folder if it might have to be made (fs.protected_regular).
        """
        no_link = getattr(os, "O_NOFOLLOW", 0)
        error: OSError | None = None
        for flags in (os.O_RDWR | os.O_CREAT, os.O_RDWR, os.O_RDONLY):
            try:
                file = os.open(self.path, flags | no_link, 0o666)
            except PermissionError as refused:
                error = refused
            except OSError as refused:
                error = refused
                break
            else:
                if flags & os.O_CREAT and hasattr(os, "fchmod"):
                    with contextlib.suppress(OSError):  # made by somebody else
                        os.fchmod(file, 0o666)
                return file, flags != os.O_RDONLY
        raise BoardNotAvailable(
            Unavailable.NO_PERMISSION,
            f"its lock file {self.path} cannot be opened",
            board=BoardLabel(self.device_id),
            seen=error.strerror or str(error) if error is not None else "",
            remedy="Have whoever made the file remove it, or make it readable for all",
        ) from error

    def lock(self) -> bool:
        """Lock the board; gives whether that could be done now."""
        while True:
            try:
                _lock(self._file)
            except OSError:
                return False
            if self._is_in_place():
                return True
            self._open_anew()

    def _is_in_place(self) -> bool:
        """Whether the file is still the one that others find: somebody may have tidied the folder since it was opened."""
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self.path))
        except OSError:
            return False

    def _open_anew(self) -> None:
        place, self._place = self._place, None
        os.close(self._file)
        self._file, self._writable = self._open()
        if place is not None:
            self.line_up(place)

    def unlock(self) -> None:
        """Let others have the board, and stay in line."""
        _unlock(self._file)

    def line_up(self, place: int) -> None:
        """Wait for the board, behind everybody whose place is a smaller number: a moment in nanoseconds."""
        if not self._writable:
            return
        while not _claim_byte(self._file, QUEUE + place):
            place += 1  # somebody else began in the same nanosecond
        self._place = place

    def is_first(self) -> bool:
        """Whether nobody waits longer."""
        return self._place is None or not _anybody(self._file, QUEUE, self._place)

    def step_out(self) -> None:
        """Wait no longer."""
        if self._place is not None:
            _free_byte(self._file, QUEUE + self._place)
            self._place = None

    def read(self) -> Note | None:
        """What the holder wrote, or the one before."""
        return Note.read(os.pread(self._file, TEXT, 0)) if hasattr(os, "pread") else None

    def write(self, note: Note) -> None:
        """Write who has it, where the file may be written and the disk is not full: the note is for people, the lock is what counts."""
        if not self._writable:
            return
        data = json.dumps(asdict(note)).encode()
        if len(data) > TEXT:
            data = json.dumps(asdict(note) | {"test": note.test[:200], "trouble": note.trouble[:200]}).encode()
        with contextlib.suppress(OSError):
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, data)
            os.truncate(self._file, len(data))

    def close(self) -> None:
        """Give up every lock. Closing twice does nothing."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        # One byte far behind the text, so that others can read whose lock it is.
        os.lseek(file, QUEUE - 1, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def _unlock(file: int) -> None:
        os.lseek(file, QUEUE - 1, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


if sys.platform == "linux":
    # struct flock: type, whence, start, length, pid (fcntl(2)).
    _FLOCK = struct.Struct("hhqqi0q")

    def _claim_byte(file: int, at: int) -> bool:
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0))
        except OSError:
            return False
        return True

    def _free_byte(file: int, at: int) -> None:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, at, 1, 0))

    def _anybody(file: int, start: int, end: int) -> bool:
        answer = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, end, 0))
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)

else:

    def _claim_byte(file: int, at: int) -> bool:
        return True

    def _free_byte(file: int, at: int) -> None:
        pass

    def _anybody(file: int, start: int, end: int) -> bool:
        return False
