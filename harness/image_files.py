"""Image files on disk: reading them, and writing them so that an interrupted write loses nothing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

MAX_FILE: Final = 64 * 1024 * 1024
"""No image of any board is larger; of a larger file, or one without end, no more is read."""


class FileUnusable(Exception):
    """A file cannot be read or written; the text says which and why."""


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        FileUnusable: it is not there, is not a file, is not ours to read, or is far too large for an image.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as reason:
        raise FileUnusable(f"{path}: {reason.strerror or reason}") from None
    if len(data) > MAX_FILE:
        raise FileUnusable(f"{path}: more than {MAX_FILE} bytes are far too many for an image")
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file completely or not at all: to a temporary file beside it first, which then takes its place.

    The permissions of a file that was there are kept.

    Raises:
        FileUnusable: it cannot be written; what was there before is untouched.
    """
    import tempfile

    scratch = None
    try:
        target = path.resolve()
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            scratch = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(_mode_of(target))
        scratch.replace(target)
    except OSError as reason:
        raise FileUnusable(f"{path}: {reason.strerror or reason}") from None
    finally:
        if scratch is not None:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)


def _mode_of(path: Path) -> int:
    """The permissions of the file, or those a new file gets."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
