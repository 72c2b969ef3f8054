"""The testbed of an umockdev door, seen from a program inside it: whether anybody still serves it.

Programs in the environment that `particle-hil serve` prints see the emulated boards instead of this computer's own. When the server is gone
they see nothing, or umockdev's library ends them at the first board that they open.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.errors import BoardNotAvailable, Unavailable, hides

__tracebackhide__ = hides

FOLDER: Final = "UMOCKDEV_DIR"
LIBRARY: Final = "LD_PRELOAD"
_FIRST, _LAST = 64, 512
"""The numbers for sockets: below are a program's ordinary files, and above it may have to ask for more."""


def check_served(environment: Mapping[str, str]) -> None:
    """Nothing, where no testbed is in use, or one that is served.

    Raises:
        BoardNotAvailable: the one in use is left over from a server that has ended.
    """
    folder = _in_use(environment)
    if folder is None:
        return
    sockets = sorted(folder.glob("ioctl/dev/bus/usb/*/*"))
    if folder.is_dir() and (not sockets or any(map(_answers, sockets))):
        return
    raise BoardNotAvailable(
        Unavailable.NOT_SERVED,
        f"{FOLDER}={folder}",
        seen="nobody answers there" if folder.is_dir() else "there is no such folder",
        remedy=f"Unset {FOLDER} and {LIBRARY} to see this computer's own boards, or set them to what `particle-hil serve` prints now",
    )


def _in_use(environment: Mapping[str, str]) -> Path | None:
    """The folder of the testbed that this program is in, None if it is in none."""
    named = environment.get(FOLDER, "")
    return Path(named) if named and "umockdev" in environment.get(LIBRARY, "") else None


@contextmanager
def socket_of_its_own(environment: Mapping[str, str]) -> Iterator[None]:
    """In a testbed, have the next file that this program opens get a number that no other program there has chosen.

    umockdev's library calls the socket by which a program learns what comes and goes after its file descriptor (0.17.16, `netlink_bind`),
    and takes the name away from whoever has it: of two programs with the same number, one learns of nothing. libusb opens it when it
    is first used.
    """
    folder, held = _in_use(environment), list[int]()
    try:
        if folder is not None and folder.is_dir():
            number = _reserved(folder)
            while number is not None:
                held.append(os.open(os.devnull, os.O_RDONLY))
                if held[-1] >= number:
                    os.close(held.pop())
                    break
        yield
    finally:
        for each in held:
            os.close(each)


def _reserved(folder: Path) -> int | None:
    """A number that is this program's until it ends; None: there are no more."""
    import fcntl  # only where there are testbeds

    for number in range(_FIRST, _LAST):
        if _is_open(number):
            continue
        file = os.open(folder / f".socket{number}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
        else:
            return number  # the file stays open, and locked, to the end
    return None


def _is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
    return True
