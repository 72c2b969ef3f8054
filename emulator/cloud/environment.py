"""Environment variables: of a user or organization, of its products, of their devices; each inherits from the one above.

Changes wait until they are rolled out. What a place inherits is what was rolled out above it; its own variables win. No emulated board
takes environment variables, so nothing is sent to a device.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.cloud.access import Principal
from emulator.cloud.devices import Devices
from emulator.cloud.documents import Document, DocumentKind, Documents, Place
from emulator.cloud.errors import Invalid
from emulator.cloud.records import Device, OwnerKind

KEY = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
MAX_OPERATIONS = 50
"""Open: changes in one request."""
_VARIABLES = "variables"
_ROLLOUT = "rollout"


@dataclass(frozen=True, slots=True)
class Inherited:
    """A variable from above: `origin` is Owner or Product."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one place: its own as they are now, its own as they were rolled out (None: never), and what it inherits."""

    own: Mapping[str, str]
    rolled_out: Mapping[str, str] | None
    inherited: Mapping[str, Inherited]
    changed: Document | None
    rollout: Document | None

    @property
    def rendered(self) -> dict[str, str]:
        """What a device there would get after a roll-out."""
        return self._with(self.own)

    @property
    def rendered_before(self) -> dict[str, str]:
        """What it gets now."""
        return self._with(self.rolled_out or {})

    def _with(self, own: Mapping[str, str]) -> dict[str, str]:
        return {**{key: each.value for key, each in self.inherited.items()}, **own}


class Environment:
    """Keeps variables, and rolls them out."""

    def __init__(self, devices: Devices, documents: Documents) -> None:
        self._devices = devices
        self._documents = documents

    def of(self, place: Place) -> Variables:
        """The variables of a place."""
        changed, rollout = self._find(place, _VARIABLES), self._find(place, _ROLLOUT)
        rolled_out = None if rollout is None else rollout.values["env"]
        return Variables({} if changed is None else changed.values, rolled_out, self._inherited(place), changed, rollout)

    def change(self, who: Principal, place: Place, operations: Sequence[tuple[str, str | None]]) -> None:
        """Set variables, and unset those whose value is None: all, or none.

        Raises:
            Invalid: too many, or a name that cannot be.
        """
        if len(operations) > MAX_OPERATIONS:
            raise Invalid("ops", len(operations), f"must be at most {MAX_OPERATIONS}")
        own = dict(self.of(place).own)
        for key, value in operations:
            if not KEY.fullmatch(key):
                raise Invalid("key", key, "has upper-case letters, digits and underscores, and does not begin with a digit")
            if value is None:
                own.pop(key, None)
            else:
                own[key] = value
        self._documents.put(who.username, DocumentKind.ENVIRONMENT, place, _VARIABLES, own)

    def roll_out(self, who: Principal, place: Place, when: str) -> None:
        """Make what was changed count."""
        self._documents.put(who.username, DocumentKind.ENVIRONMENT, place, _ROLLOUT, {"env": dict(self.of(place).own), "when": when})

    def _inherited(self, place: Place) -> Mapping[str, Inherited]:
        found: dict[str, Inherited] = {}
        for above, origin in self._above(place):
            rollout = self._find(above, _ROLLOUT)
            if rollout is not None:
                found.update((key, Inherited(value, origin)) for key, value in rollout.values["env"].items())
        return found

    def _above(self, place: Place) -> Sequence[tuple[Place, str]]:
        """The places that a place inherits from, the outermost first."""
        product_id = place.product_id
        device = None if place.device_id is None else self._devices.by_id(place.device_id)
        if device is not None:
            product_id = device.product_id
        if product_id is None:
            home = None if device is None else _home(device)
            return [] if home is None else [(home, "Owner")]
        above = [(self._documents.home_of_product(product_id), "Owner")]
        return above if device is None else [*above, (Place.of_product(product_id), "Product")]

    def _find(self, place: Place, name: str) -> Document | None:
        return self._documents.find(DocumentKind.ENVIRONMENT, place, name)


def _home(device: Device) -> Place | None:
    """The sandbox that a developer device is in: its owner's."""
    owner = device.owner
    return Place.of_user(owner.id) if owner is not None and owner.kind is OwnerKind.USER else None
