"""Cellular networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.clock import Signal
from emulator.network.link import Link


@dataclass(slots=True, eq=False)
class Cell:
    """The cell of a mobile network within reach of the Lab's boards. `rssi` in dBm."""

    name: str
    admits: Callable[[str, str], str]
    """Why a SIM (its ICCID) in a modem (its IMEI) may not register, in words; empty when it may."""
    rssi: int = -75
    address: str = "198.51.100.1"
    """What servers see all its modems come from (RFC 5737 keeps 198.51.100.0/24 for examples)."""
    on_air: bool = True
    internet: bool = True
    link: Link = field(default_factory=lambda: Link(latency=0.08))
    lost: Signal = field(default_factory=Signal)
    """Fired when the cell goes off the air, or when it is to be asked again whether a SIM may stay registered."""

    def switch_off(self) -> None:
        """Go off the air: modems lose it, open streams through it stand still."""
        self.on_air = False
        self.link.fail()
        self.lost.fire()

    def switch_on(self) -> None:
        """Be on the air again."""
        self.on_air = True
        if self.internet:
            self.link.restore()
