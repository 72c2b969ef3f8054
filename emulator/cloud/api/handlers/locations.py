"""Where the devices of a product are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.handlers.shown import maybe_iso, page_of
from emulator.cloud.basics import iso
from emulator.cloud.errors import Invalid
from emulator.cloud.locations import LocationQuery, Track

Json = dict[str, Any]
PER_PAGE = 20


def list_locations(call: Call) -> Json:
    """The last known places of a product's devices, or where they were in a time."""
    query = _query(call, device_id=call.get("device_id") or "", name=call.get("device_name") or "", groups=call.texts("groups") or ())
    tracks = list(call.cloud.locations.search(call.who, call.path["product"], query))
    page, meta = page_of(call, tracks, per_page=PER_PAGE)
    return {"locations": [_track(call, track) for track in page], "meta": {**meta, "devices_found": len(tracks)}}


def get_location(call: Call) -> Json:
    """The same of one device, with what it said beside its position."""
    track = call.cloud.locations.of(call.who, call.path["product"], call.path["device"], _query(call))
    return {"location": {**_track(call, track), "properties": [point.values for point in track.points]}, "meta": {}}


def _track(call: Call, track: Track) -> Json:
    device, points = track.device, track.points
    coordinates = [[point.longitude, point.latitude] for point in points]
    single = len(points) == 1
    presence = call.cloud.connections.presence(device.id, device.last_handshake_at)
    return {
        "device_id": device.id,
        "device_name": device.name,
        "product_id": points[-1].product_id,
        "groups": list(device.groups),
        "gps_lock": points[-1].locked,
        "last_heard": maybe_iso(presence.last_heard),
        "online": presence.online,
        "timestamps": [iso(point.at) for point in points],
        "geometry": {"type": "Point" if single else "LineString", "coordinates": coordinates[0] if single else coordinates},
    }


def _query(call: Call, **facts: Any) -> LocationQuery:
    dates = call.get("date_range")
    if dates is not None:
        facts["since"], facts["until"] = _dates(dates)
    corners = call.get("rect_bl"), call.get("rect_tr")
    if corners != (None, None):
        facts["box"] = (*_corner("rect_bl", corners[0]), *_corner("rect_tr", corners[1]))
    return LocationQuery(**facts)


def _dates(text: str) -> tuple[float, float]:
    """Start and end in ISO 8601, with a comma between."""
    start, _, end = text.partition(",")
    try:
        since, until = (_moment(part) for part in (start, end))
    except ValueError:
        raise Invalid("date_range", text, "must be two dates in ISO 8601 with a comma between") from None
    if since > until:
        raise Invalid("date_range", text, "must not end before it starts")
    return since, until


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _corner(name: str, text: str | None) -> tuple[float, float]:
    """Latitude and longitude, with a comma between."""
    latitude, _, longitude = (text or "").partition(",")
    try:
        numbers = float(latitude), float(longitude)
    except ValueError:
        raise Invalid(name, text, "must be latitude and longitude with a comma between") from None
    if not (-90 <= numbers[0] <= 90 and -180 <= numbers[1] <= 180):
        raise Invalid(name, text, "must be latitude and longitude in degrees")
    return numbers
