"""What each platform's board is made of, as data: flashes, DCT store, DFU memories, buttons, network interfaces, default server.

The tables are the TOML files next to this one; each names its sources. A platform can be emulated when it has a `[[board]]` row, whose
fields are those of `Hardware`. Rows are checked when the tables are read, so that a hole in one is found before a board is half made.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from emulator.hardware.parts import (
    CELLULAR,
    DCT,
    ETHERNET,
    EXTERNAL,
    INTERNAL,
    WIFI,
    DctPlan,
    FlashPart,
    Hardware,
    Server,
    StoreKind,
    Transport,
)
from emulator.hardware.read import read_boards
from emulator.hardware.row import TableError
from particle_protocol.platforms import Platform, platform_by_name

__all__ = [
    "CELLULAR",
    "DCT",
    "ETHERNET",
    "EXTERNAL",
    "INTERNAL",
    "WIFI",
    "DctPlan",
    "FlashPart",
    "Hardware",
    "NoHardware",
    "Server",
    "StoreKind",
    "TableError",
    "Transport",
    "emulated_platforms",
    "hardware_of",
]


class NoHardware(ValueError):
    """There is no hardware table for this platform. The message lists those that can be emulated."""


def hardware_of(platform: Platform | str) -> Hardware:
    """What boards of a platform are made of.

    Raises:
        NoHardware: the platform cannot be emulated.
        UnknownPlatform: there is no platform of that name.
        TableError: a table has a hole.
    """
    wanted = platform_by_name(platform) if isinstance(platform, str) else platform
    found = _boards().get(wanted.name)
    if found is None:
        raise NoHardware(f"{wanted.display_name} cannot be emulated; these can: {', '.join(_boards())}")
    return found


def emulated_platforms() -> tuple[str, ...]:
    """The names of the platforms that can be emulated."""
    return tuple(_boards())


@functools.cache
def _boards() -> Mapping[str, Hardware]:
    ours = sorted((path for path in files(__name__).iterdir() if path.name.endswith(".toml")), key=lambda path: path.name)
    texts = {path.name: path.read_text(encoding="utf-8") for path in ours}
    tables: dict[str, dict[str, Any]] = {}
    for name, text in texts.items():
        try:
            tables[name] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TableError(f"{name}: {error}") from error
    return read_boards(tables)
