"""One run per board: a lock file, held while a run uses a board and given up when its process ends.

All users of a computer share the file, for they share its USB ports. Emulated boards that umockdev shows to a program are there for that
program alone, and have the same device ids wherever the seed is the same: their leases lie beside them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from harness.errors import BoardLabel, BoardNotAvailable, Unavailable, hides

__tracebackhide__ = hides


def usual_folder() -> Path:
    """Where leases are kept: beside emulated boards that umockdev shows, else where all users of the computer look."""
    shown = os.environ.get("UMOCKDEV_DIR")
    return Path(shown) if shown and os.path.isdir(shown) else Path(tempfile.gettempdir())


class Lease:
    """The right to use a board, until `release()` or the end of the process.

    Raises:
        BoardNotAvailable: another process has it; the error tells which.
    """

    def __init__(self, device_id: str, folder: Path | None = None) -> None:
        folder = folder if folder is not None else usual_folder()
        self.path = folder / f"particle-hil-{device_id}.lock"
        self._file, writable = self._open(device_id)
        try:
            _lock(self._file)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
            os.close(self._file)
            raise BoardNotAvailable(
                Unavailable.BUSY,
                "another particle-hil run uses it",
                board=BoardLabel(device_id),
                seen=f"process {holder}" if holder else str(self.path),
                remedy="Wait for that run to end",
            ) from error
        if writable:
            os.truncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())

    def _open(self, device_id: str) -> tuple[int, bool]:
        """The lock file, and whether it may be written. Another user's can be locked all the same, if it may be read.

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
            board=BoardLabel(device_id),
            seen=error.strerror or str(error) if error is not None else "",
            remedy="Have whoever made the file remove it, or make it readable for all",
        ) from error

    def release(self) -> None:
        """Give the board back. Releasing twice does nothing."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        # One byte far behind the text, so that others can read whose lock it is.
        os.lseek(file, 1 << 20, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
