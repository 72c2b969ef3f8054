"""Image files: reading them, and writing them so that an interrupted write loses nothing and what is no plain file is left what it is."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import IO, Final

from harness.hiding import hides
from harness.terminal import OutputLost

__tracebackhide__ = hides

MAX_FILE: Final = 64 * 1024 * 1024
"""No image of any board is larger; of a larger file, or one without end, no more is read."""
STANDARD: Final = Path("-")
"""Standard input where a file is read, standard output where one is written. A file of that name is `./-`; see `named`."""
_MAX_LINKS: Final = 40
_TEXT: Final = frozenset({*range(0x20, 0x7F), *b"\t\r\n"})


class FileUnusable(Exception):
    """A file cannot be read or written; the text says which and why."""


def named(text: str) -> Path:
    """The path that a word of the command line names: `-` is `STANDARD`, and `./-` is a file of that name."""
    path = Path(text)
    return Path.cwd() / path if path == STANDARD and text != str(STANDARD) else path


def called(path: Path, standard: str = "standard output") -> str:
    """What to call a file in a sentence."""
    return standard if path == STANDARD else str(path)


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        FileUnusable: it is not there, is not a file, is not ours to read, or is far too large for an image.
    """
    name = called(path, "standard input")
    try:
        with _opened(path) as file:
            data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as reason:
        raise _unusable(name, reason) from None
    if len(data) > MAX_FILE:
        raise FileUnusable(f"{name}: more than {MAX_FILE} bytes are far too many for an image")
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file completely or not at all: to a temporary file beside it first, which then takes its place.

    Permissions and owner of a file that was there are kept. Standard output, a device node or a pipe gets the bytes and stays what it is.

    Raises:
        FileUnusable: it cannot be written; what was there before is untouched.
        OutputLost: it is standard output, which cannot be written to.
    """
    if path == STANDARD:
        _to_standard_output(data)
        return
    try:
        kind, descriptor = _kind(path), _descriptor(path)
        if stat.S_ISBLK(kind):
            raise FileUnusable(f"{path}: a disk (block device) is not written to: name a file")
        if descriptor is not None:
            with open(os.dup(descriptor), "wb", buffering=0) as stream:  # a descriptor is no path
                _write_all(stream, data)
        elif _is_standing(kind):
            with path.open("wb", buffering=0) as stream:
                _write_all(stream, data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except (OSError, ValueError) as reason:
        raise _unusable(str(path), reason) from None


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where there is none.

    Raises:
        FileUnusable: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as reason:
        raise _unusable(str(path), reason) from None


def _unusable(name: str, reason: Exception) -> FileUnusable:
    return FileUnusable(f"{name}: {getattr(reason, 'strerror', None) or reason}")


def _opened(path: Path) -> contextlib.AbstractContextManager[IO[bytes]]:
    if path != STANDARD:
        return path.open("rb")
    if sys.stdin is None:
        raise FileUnusable("standard input: it is closed")
    return contextlib.nullcontext(sys.stdin.buffer)


def _to_standard_output(data: bytes) -> None:
    if sys.stdout is None:
        raise FileUnusable("standard output: it is closed")
    if sys.stdout.isatty() and not _TEXT.issuperset(data):
        raise FileUnusable("standard output: it is a terminal, which is no place for binary data; name a file, or direct it into one")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as reason:
        raise OutputLost(reason) from None


def _kind(path: Path) -> int:
    """The mode of what is there, 0 where nothing is."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def _is_standing(kind: int) -> bool:
    """Whether it is something that must not be replaced by a file: a device node, a pipe, a socket."""
    return kind != 0 and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


def _descriptor(path: Path) -> int | None:
    """The number of what this process has open, where the name leads to that, as `/dev/stdout` does.

    A plain file there has a position, and others hold it too: it must neither be opened anew nor be replaced.
    """
    ours = os.path.realpath("/dev/fd")
    for _ in range(_MAX_LINKS):
        folder = Path(os.path.realpath(path.parent))
        if str(folder) == ours and path.name.isdecimal():
            return int(path.name)
        path = folder / path.name
        if not path.is_symlink():
            break
        path = folder / path.readlink()
    return None


def _write_all(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def _replace(target: Path, data: bytes) -> None:
    """Write beside the target, then take its place."""
    import tempfile

    scratch = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            scratch = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _take_after(target, scratch)
        scratch.replace(target)
    finally:
        if scratch is not None:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)


def _take_after(target: Path, scratch: Path) -> None:
    """Give a new file the permissions and the owner of the one that it replaces, else those that a new file gets."""
    try:
        there = target.stat()
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o666 & ~umask)
        return
    made = scratch.stat()
    if (made.st_uid, made.st_gid) != (there.st_uid, there.st_gid) and hasattr(os, "chown"):
        with contextlib.suppress(OSError):  # only the administrator can give files away
            os.chown(scratch, there.st_uid, there.st_gid)
    scratch.chmod(there.st_mode & 0o7777)
