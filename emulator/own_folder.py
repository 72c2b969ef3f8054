"""Folders that belong to one run, and go with it: also when it is killed and cannot remove them.

The owner holds a lock on a file in its folder for as long as it lives. Whoever makes the next folder of the kind looks at those that are
there, and removes the ones whose lock nobody holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

LOCK = ".owner"
"""The file that the owner has locked."""
_COMING = ".coming"
"""What the name of a folder ends with until its lock is held: nobody looks at it."""
_OLD = 86_400.0
"""Seconds without a change after which a folder that has no lock at all is taken for a leftover."""


class OwnFolder:
    """A new folder in the first of `places` that can be written; `kind` is how its name begins. Only its owner may look into it.

    Raises:
        OSError: none of them can.
    """

    def __init__(self, kind: str, places: Iterable[str | os.PathLike[str]] = ()) -> None:
        usable = [str(place) for place in places if os.access(place, os.W_OK | os.X_OK)] or [tempfile.gettempdir()]
        for place in usable:
            sweep(kind, place)
        coming = Path(tempfile.mkdtemp(prefix=f"{kind}.", suffix=_COMING, dir=usable[0]))
        self._lock = _lock(coming / LOCK, make=True)
        self.path = coming.with_name(coming.name.removesuffix(_COMING))
        coming.rename(self.path)

    def remove(self) -> None:
        """Remove it with all that is in it. Removing it twice does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()


def sweep(kind: str, place: str | os.PathLike[str]) -> list[Path]:
    """Remove the folders of a kind whose owners are dead; gives those. Other users' are left alone, and so is what is no folder."""
    removed = []
    for folder in sorted(Path(place).glob(f"{kind}.*")):
        with contextlib.suppress(OSError):
            if _is_left(folder):
                removed.append(folder)
    return removed


def _is_left(folder: Path) -> bool:
    """Whether a folder was a leftover; it is gone then."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or (os.name == "posix" and facts.st_uid != os.getuid()):
        return False
    if not (folder / LOCK).exists():
        if time.time() - facts.st_mtime < _OLD:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    lock = _lock(folder / LOCK)
    if lock is None:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
    return True


def _lock(path: Path, *, make: bool = False) -> int | None:
    """Lock a file; its descriptor, or None where somebody holds it, or where there are no such locks (not POSIX)."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
