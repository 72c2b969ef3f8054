"""What access points and cells have in common: they send, with some strength, and lead somewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from emulator.clock import Signal
from emulator.network.link import Link

WORST_LOSS: Final = 0.6
"""The share of frames that are lost where the signal is as weak as can be. Chosen."""


@dataclass(slots=True, eq=False, kw_only=True)
class Transmitter:
    """Something that boards join. `rssi` is how strongly they receive it, in dBm."""

    LEAST: ClassVar[int]
    """dBm below which nobody hears it."""
    WEAK: ClassVar[int]
    """dBm below which frames get lost, the more the weaker it is."""

    rssi: int
    address: str
    """What servers see all its stations come from."""
    on_air: bool = True
    internet: bool = True
    link: Link
    lost: Signal = field(default_factory=Signal)
    """Fired when its stations lose it, or have to join it anew."""

    @property
    def reached(self) -> bool:
        """Whether boards can hear it."""
        return self.on_air and self.rssi >= self.LEAST

    def __post_init__(self) -> None:
        self._weigh()

    def set_signal(self, rssi: int) -> None:
        """Be received so strongly from now on. Stations that cannot hear it any more lose it; open streams through it stand still."""
        reached = self.reached
        self.rssi = rssi
        self._weigh()
        if reached and not self.reached:
            self.link.fail()
            self.lost.fire()
        elif self.reached and not reached and self.internet:
            self.link.restore()

    def set_internet(self, *, on: bool) -> None:
        """Lead to servers, or to nowhere. Stations stay joined; open streams stand still meanwhile."""
        self.internet = on
        if not on:
            self.link.fail()
        elif self.reached:
            self.link.restore()

    def switch_off(self) -> None:
        """Go off the air. Stations lose it; open streams through it stand still."""
        self.on_air = False
        self.link.fail()
        self.lost.fire()

    def switch_on(self) -> None:
        """Be on the air again."""
        self.on_air = True
        if self.internet and self.reached:
            self.link.restore()

    def _weigh(self) -> None:
        """Have the link lose as much as the signal is weak."""
        weak = min(1.0, max(0.0, (self.WEAK - self.rssi) / max(1, self.WEAK - self.LEAST)))
        self.link.air_loss = weak * WORST_LOSS
