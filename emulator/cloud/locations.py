"""Where devices are, by what they publish: `loc` events of a product that has opted in to location.

Form of the event: the REST reference's "Tracker location events". Location Fusion (a place guessed from cell towers and access points)
is not done: an event without a position of its own adds nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.basics import json_object
from emulator.cloud.codec import JsonText
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import LocationUnknown
from emulator.cloud.events import Event, Events
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device

EVENT = "loc"
_PLACE = ("lat", "lon", "lck", "time")
"""What stands in an event's `loc` and is no property of the place."""


_NOTHING = JsonText("{}")


@dataclass(frozen=True, slots=True)
class LocationPoint:
    """One position: degrees in WGS84, POSIX seconds; `properties` is JSON (heading, accuracy and what else the device said)."""

    id: int
    product_id: int
    device_id: str
    at: float
    latitude: float
    longitude: float
    locked: bool
    properties: JsonText = _NOTHING

    @property
    def values(self) -> dict[str, Any]:
        """The properties."""
        found: dict[str, Any] = json.loads(self.properties)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationQuery:
    """Which positions: those between `since` and `until` (POSIX seconds); with neither, the last one of each device.

    `box` is south, west, north, east, in degrees.
    """

    since: float | None = None
    until: float | None = None
    box: tuple[float, float, float, float] | None = None
    device_id: str = ""
    """Beginning of the id."""
    name: str = ""
    """Beginning of the name."""
    groups: tuple[str, ...] = ()
    """Any of these."""


@dataclass(frozen=True, slots=True)
class Track:
    """The positions of one device, oldest first; at least one."""

    device: Device
    points: Sequence[LocationPoint]


class Locations:
    """Keeps the positions of members of products."""

    def __init__(self, core: Core, gate: Gate, devices: Devices, events: Events) -> None:
        self._core = core
        self._gate = gate
        self._devices = devices
        self._points = core.state.table("locations", LocationPoint, lambda point: point.id)
        self._by_device = self._points.index(lambda point: (point.product_id, point.device_id))
        self._last = max((point.id for point in self._points), default=0)
        events.taps.append(self._heard)

    def search(self, who: Principal, given: str | int, query: LocationQuery) -> Sequence[Track]:
        """The members that were where and when the query says, by id.

        Raises:
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "locations:list")
        members = self._devices.table.where(self._devices.by_product, product.id)
        found = (self._track(product.id, device, query) for device in sorted(members, key=lambda device: device.id))
        return [track for track in found if track is not None]

    def of(self, who: Principal, given: str | int, device_id: str, query: LocationQuery) -> Track:
        """Where one member was.

        Raises:
            LocationUnknown: nowhere, as far as the query goes.
            DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
        """
        device = self._devices.reach(who, device_id, "locations:get", given)
        track = self._track(self._gate.product(who, given, "locations:get").id, device, query)
        if track is None:
            raise LocationUnknown(device.id)
        return track

    def _track(self, product_id: int, device: Device, query: LocationQuery) -> Track | None:
        if not device.id.startswith(query.device_id.lower()) or not (device.name or "").startswith(query.name):
            return None
        if query.groups and set(query.groups).isdisjoint(device.groups):
            return None
        points = self._points.where(self._by_device, (product_id, device.id))
        if query.since is None and query.until is None:
            points = points[-1:]
        first = -math.inf if query.since is None else query.since
        last = math.inf if query.until is None else query.until
        points = [point for point in points if first <= point.at <= last and _inside(point, query.box)]
        return Track(device, points) if points else None

    def _heard(self, event: Event) -> None:
        if event.name != EVENT or event.device_id is None or event.product_id is None:
            return
        product = self._gate.find_product(event.product_id)
        place = _place_of(event.data)
        if product is None or not product.location_opt_in or place is None:
            return
        now = self._core.now()
        with self._core.change():
            self._last += 1
            self._points.put(
                LocationPoint(
                    self._last,
                    product.id,
                    event.device_id,
                    now,
                    float(place["lat"]),
                    float(place["lon"]),
                    bool(place.get("lck")),
                    JsonText(json.dumps({name: value for name, value in place.items() if name not in _PLACE}, separators=(",", ":"))),
                )
            )
            kept = self._points.where(self._by_device, (product.id, event.device_id))
            surplus = len(kept) - self._core.settings.max_locations
            for number, point in enumerate(kept):
                if number < surplus or point.at < now - self._core.settings.location_lifetime:
                    self._points.remove(point.id)


def _place_of(data: str | None) -> dict[str, Any] | None:
    """The `loc` of an event, if it tells a position that there can be."""
    place = json_object(data).get("loc")
    if not isinstance(place, dict):
        return None
    numbers = (place.get("lat"), place.get("lon"))
    if not all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers):
        return None
    return place if -90 <= place["lat"] <= 90 and -180 <= place["lon"] <= 180 else None


def _inside(point: LocationPoint, box: tuple[float, float, float, float] | None) -> bool:
    """Whether a position lies in a box; one whose west is east of its east crosses the date line."""
    if box is None:
        return True
    south, west, north, east = box
    if not south <= point.latitude <= north:
        return False
    return west <= point.longitude <= east if west <= east else point.longitude >= west or point.longitude <= east
