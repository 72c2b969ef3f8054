"""One run per board: a lock file in the temporary directory, held while a run uses a board and given up when its process ends."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from harness.errors import BoardLabel, BoardNotAvailable, Unavailable


class Lease:
    """The right to use a board, until `release()` or the end of the process.

    Raises:
        BoardNotAvailable: another process has it; the error tells which.
    """

    def __init__(self, device_id: str, folder: Path | None = None) -> None:
        folder = folder if folder is not None else Path(tempfile.gettempdir())
        self.path = folder / f"particle-hil-{device_id}.lock"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
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
        os.truncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

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
