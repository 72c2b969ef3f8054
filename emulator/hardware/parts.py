"""The parts of a board, as its rows in the tables describe them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.board.flash import FlashTiming, Sector
from emulator.board.status_led import LedTheme
from particle_protocol.buttons import ButtonTimes
from particle_protocol.cloud_profiles import Transport as Transport
from particle_protocol.platforms import Platform
from particle_protocol.skus import SimForm

INTERNAL, EXTERNAL = "internal", "external"
"""The names of a board's flashes: what the memory map calls external is not the microcontroller's own."""
WIFI, CELLULAR = "wifi", "cellular"
INTERFACES = (WIFI, CELLULAR)
"""The kinds of network interfaces that boards have built in."""
ETHERNET = "ethernet"
"""The kind that is plugged onto one."""
DCT = "dct"
"""The name of the DCT among the memories of a board in DFU mode."""


@dataclass(frozen=True, slots=True)
class FlashPart:
    """A flash chip, or the flash inside the microcontroller."""

    sectors: tuple[Sector, ...]
    timing: FlashTiming


class StoreKind(enum.Enum):
    """How the DCT is kept so that a power cut cannot lose it."""

    WICED = "wiced"
    DCD = "dcd"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class DctPlan:
    """Where the DCT is kept: the name of a flash, and regions of the platform's memory map (two sectors, or one file system)."""

    store: StoreKind
    flash: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """The cloud that a board connects to when its DCT names none."""

    transport: Transport
    host: str
    port: int


@dataclass(frozen=True, slots=True, eq=False)
class Hardware:
    """One platform's board; there is one object for each."""

    platform: Platform
    flashes: Mapping[str, FlashPart]
    """By name; every board has an `internal` one."""
    dct: DctPlan
    dfu: tuple[str, ...]
    """What the DFU alternates give access to, in order: the name of a flash, or `dct`."""
    buttons: ButtonTimes
    """How long MODE is held for what: the platform's own times."""
    ncp: int | None
    """The version of the network processor's firmware that it comes with; None for a board without one."""
    led: LedTheme
    """How its LED shows each signal."""
    interfaces: tuple[str, ...]
    """The kinds of network interfaces it has, the preferred one first."""
    sim: SimForm | None
    """How its SIM sits in it unless told; None for a board without cellular."""
    modem_firmware: str
    """What its cellular modem says that it runs; empty without one."""
    otp: int
    """Bytes of one-time-programmable memory."""
    server: Server
    wakes_by_time: bool
    """Whether it has a clock that runs on, and wakes it, while it hibernates."""
    tells_max_binary: bool
    """Whether its firmware up to 2.3 tells by an event how large an update may be; later it is in Hello."""
    clicks: bool
    """Whether one click of MODE shows the strength of the signal, and two switch the board off."""
    device_os: str
    """The Device OS version it has unless told."""
