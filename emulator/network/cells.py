"""Cellular networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from emulator.network.link import Link
from emulator.network.transmitters import Transmitter


@dataclass(slots=True, eq=False)
class Cell(Transmitter):
    """The cell of a mobile network within reach of the Lab's boards."""

    LEAST: ClassVar[int] = -113
    """Where AT+CSQ has its 0. What gets lost before that the mobile network sends again."""
    WEAK: ClassVar[int] = -113

    name: str
    admits: Callable[[str, str], str]
    """Why a SIM (its ICCID) in a modem (its IMEI) may not register, in words; empty when it may. `lost` fires when
    it is to be asked again."""
    rssi: int = field(default=-75, kw_only=True)
    address: str = field(default="198.51.100.1", kw_only=True)
    """RFC 5737 keeps 198.51.100.0/24 for examples."""
    link: Link = field(default_factory=lambda: Link(latency=0.08), kw_only=True)
