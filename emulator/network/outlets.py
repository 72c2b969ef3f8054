"""Ethernet: outlets in the wall."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from emulator.network.link import Link
from emulator.network.transmitters import Transmitter


@dataclass(slots=True, eq=False)
class Outlet(Transmitter):
    """What Ethernet cables of the Lab's boards are plugged into. On a wire no signal is too weak; off the air it is dead."""

    LEAST: ClassVar[int] = 0
    WEAK: ClassVar[int] = 0

    name: str
    rssi: int = field(default=0, kw_only=True)
    address: str = field(default="203.0.113.254", kw_only=True)
    """RFC 5737 keeps 203.0.113.0/24 for examples."""
    link: Link = field(default_factory=Link, kw_only=True)
