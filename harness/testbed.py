"""The testbed of an umockdev door, seen from a program inside it: whether anybody still serves it.

Programs in the environment that `particle-hil serve` prints see the emulated boards instead of this computer's own. When the server is gone
they see nothing, or umockdev's library ends them at the first board that they open.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.errors import BoardNotAvailable, Unavailable, hides

__tracebackhide__ = hides

FOLDER: Final = "UMOCKDEV_DIR"
LIBRARY: Final = "LD_PRELOAD"


def check_served(environment: Mapping[str, str]) -> None:
    """Nothing, where no testbed is in use, or one that is served.

    Raises:
        BoardNotAvailable: the one in use is left over from a server that has ended.
    """
    named = environment.get(FOLDER, "")
    if not named or "umockdev" not in environment.get(LIBRARY, ""):
        return
    folder = Path(named)
    sockets = sorted(folder.glob("ioctl/dev/bus/usb/*/*"))
    if folder.is_dir() and (not sockets or any(map(_answers, sockets))):
        return
    raise BoardNotAvailable(
        Unavailable.NOT_SERVED,
        f"{FOLDER}={named}",
        seen="nobody answers there" if folder.is_dir() else "there is no such folder",
        remedy=f"Unset {FOLDER} and {LIBRARY} to see this computer's own boards, or set them to what `particle-hil serve` prints now",
    )


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
    return True
