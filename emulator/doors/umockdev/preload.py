"""Finding umockdev's preload library."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "PARTICLE_HIL_UMOCKDEV_PRELOAD"
LIBRARY: Final = "libumockdev-preload.so.0"
_PLACES: Final = ("/usr/lib/*-linux-gnu*", "/lib/*-linux-gnu*", "/usr/lib64", "/lib64", "/usr/lib", "/lib", "/usr/local/lib*")
HINT: Final = (
    f"{LIBRARY} is needed to show emulated boards to other programs. It comes with umockdev (0.17.16 or later): "
    "`apt-get install umockdev` on Debian and Ubuntu, `dnf install umockdev` on Fedora. "
    f"Without root: `apt-get download umockdev && dpkg -x umockdev_*.deb DIR`, then set {VARIABLE} to the file's path."
)


class PreloadMissing(RuntimeError):
    """The library is not there; the message says how to get it."""


def find_preload(environment: Mapping[str, str] = os.environ) -> Path:
    """The path of the preload library: where the variable says, else where the dynamic linker would look.

    Raises:
        PreloadMissing: it is nowhere.
    """
    named = environment.get(VARIABLE)
    if named:
        if Path(named).is_file():
            return Path(named).resolve()
        raise PreloadMissing(f"{VARIABLE} names {named}, where there is no file. {HINT}")
    own = [place for place in environment.get("LD_LIBRARY_PATH", "").split(":") if place]
    for place in (*own, *_PLACES):
        for found in sorted(glob.glob(f"{place}/{LIBRARY}")):
            return Path(found)
    raise PreloadMissing(HINT)
