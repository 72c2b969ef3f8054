"""The SKUs with cellular as data: what they are, and how their SIM is activated.

The data is `skus.toml`, next to this file; it is read once, when the first SKU is asked for.
"""

from __future__ import annotations

import enum
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from particle_protocol.platforms import Platform, platform_by_name


class SimForm(enum.Enum):
    """How a SIM sits in a device."""

    EMBEDDED = "MFF2"
    """Soldered in: activated with its device, by serial number."""
    PLASTIC = "4FF"
    """A nano card: activated by its own number, the ICCID."""


class ActivationClass(enum.Enum):
    """How quickly the network activates a SIM."""

    FAST = "fast"
    """Within seconds, the first time and again."""
    GENERALLY_FAST = "generally fast"
    """Seconds, up to a minute; on rare occasions the first time takes up to a day."""
    SOMETIMES_SLOW = "sometimes slow"
    """The first time quickly; again, after it was deactivated or released, tens of minutes, sometimes days."""


class Lifecycle(enum.Enum):
    """Where a product stands in its life."""

    IN_DEVELOPMENT = "in development"
    GA = "ga"
    """On general sale."""
    NRND = "nrnd"
    """Not recommended for new designs."""
    DEPRECATED = "deprecated"


class UnknownSku(LookupError):
    """No such SKU. The message names those that begin alike."""


@dataclass(frozen=True, slots=True)
class Sku:
    """One SKU."""

    sku: str
    device: str
    """What it is, in words."""
    platform: Platform
    sim: SimForm | None
    """None for a carrier board, which has no modem of its own."""
    activation: ActivationClass
    lifecycle: Lifecycle
    replacement: str | None
    """The SKU to take instead, perhaps of another platform."""
    pack: int
    """Devices in a package."""

    def __str__(self) -> str:
        return f"{self.sku}: {self.device}" + (f", {self.pack} pieces" if self.pack > 1 else "")


def skus() -> tuple[Sku, ...]:
    """All SKUs, by platform."""
    return tuple(_table().values())


def find_sku(name: str) -> Sku:
    """The SKU of that name, in any case.

    Raises:
        UnknownSku: there is none.
    """
    found = _table().get(name.upper())
    if found is None:
        alike = [each for each in _table() if len(name) > 1 and each.startswith(name[:3].upper())]
        raise UnknownSku(f"no SKU is called {name!r}" + (f"; alike are {', '.join(alike)}" if alike else ""))
    return found


def sku_fault(name: str, platform: Platform, sim: SimForm | None = None) -> str:
    """Why no board of a platform is sold under a name with a SIM of that form (None: its own), and what is; empty if one is.

    Boards of generation 2 have a place for one SIM. Those of generation 3 have another one for a card.
    """
    fitting = [each for each in skus() if each.platform == platform]
    there_are = f"there are: {', '.join(each.sku for each in fitting)}" if fitting else "none is known: leave it out"
    try:
        found = find_sku(name)
    except UnknownSku as error:
        return f"{error}; of the {platform.display_name} {there_are}" if "alike" not in str(error) else str(error)
    if found.platform != platform:
        return f"SKU {found.sku} is for the {found.platform.display_name}, not the {platform.display_name}; of that {there_are}"
    if sim is not None and found.sim is not None and sim is not found.sim and platform.generation <= 2:
        return f"SKU {found.sku} has a place for {found.sim.value} SIMs only, and none for {sim.value}"
    return ""


@functools.cache
def _table() -> Mapping[str, Sku]:
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            entry["sku"]: Sku(
                sku=entry["sku"],
                device=entry["device"],
                platform=platform_by_name(entry["platform"]),
                sim=SimForm(entry["sim"]) if "sim" in entry else None,
                activation=ActivationClass(entry["activation"]),
                lifecycle=Lifecycle(entry["lifecycle"]),
                replacement=entry.get("replacement"),
                pack=entry.get("pack", 1),
            )
            for entry in data["sku"]
        }
    )
