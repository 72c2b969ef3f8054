"""How long the MODE button of a board is held for what, in seconds. The times are data: `[[buttons]]` in `platforms.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HoldTimes:
    """How long MODE is held while the bootloader looks, in seconds; each is the least for what it is called after."""

    safe_mode: float
    dfu: float
    factory_reset: float
    reset_settings: float
    end: float
    """When the bootloader looks no longer."""


@dataclass(frozen=True, slots=True)
class ButtonTimes:
    """How long MODE is held, in seconds."""

    bootloader: HoldTimes
    listen: float
    """To enter listening mode."""
    clear_credentials: float
    """To forget the stored networks, in listening mode."""
    leave_listening: tuple[float, float]
    """To leave listening mode: at least, at most."""


def read_buttons(rows: Iterable[Mapping[str, Any]], mcu: str) -> ButtonTimes | None:
    """The times of boards with that microcontroller; None: no row names it."""
    for row in rows:
        if mcu in row["mcus"]:
            least, most = row["leave_listening"]
            return ButtonTimes(HoldTimes(**row["bootloader"]), row["listen"], row["clear_credentials"], (least, most))
    return None
