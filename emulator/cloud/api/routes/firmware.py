"""Firmware of products."""

from __future__ import annotations

from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import firmware as do
from emulator.cloud.api.route import TEAM, Route

_BASE = "/v1/products/{product}/firmware"
_FIRMWARE_FIELDS = {
    "_id": s.TEXT,
    "version": s.INTEGER,
    "title": s.TEXT,
    "description": s.TEXT,
    "name": s.TEXT,
    "size": s.INTEGER,
    "product_default": s.FLAG,
    "current": s.FLAG,
    "groups": s.array(s.TEXT),
    "mandatory": s.FLAG,
    "intelligent": s.FLAG,
    "uploaded_on": s.TIME,
    "updated_at": s.TIME,
    "product_id": s.INTEGER,
    "device_count": s.INTEGER,
}
_FIRMWARE = s.fields_of(_FIRMWARE_FIELDS)
_VERSION = Field("version", Kind.INTEGER, required=True)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", _BASE, do.list_firmware, "List versions, the highest first", callers=TEAM, scope="firmware:list", answer=s.array(_FIRMWARE)
    ),
    Route(
        "POST",
        _BASE,
        do.upload_firmware,
        "Upload a version",
        fields=(
            _VERSION,
            Field("title", longest=1000),
            Field("description", longest=10_000),
            Field("mandatory", Kind.FLAG),
            Field("file", Kind.FILE, aliases=("binary",), about="the binary; or under the name binary"),
        ),
        callers=TEAM,
        scope="firmware:create",
        status=201,
        answer=_FIRMWARE,
    ),
    Route(
        "PUT",
        f"{_BASE}/release",
        do.release,
        "Release a version to the product or to groups",
        fields=(
            _VERSION,
            Field("product_default", Kind.FLAG),
            Field("groups", Kind.TEXTS),
            Field("intelligent", Kind.FLAG, about="at once, instead of at the next connection"),
        ),
        callers=TEAM,
        scope="firmware:release",
        answer=s.fields_of({"id": s.TEXT, **_FIRMWARE_FIELDS}),
    ),
    Route("GET", f"{_BASE}/{{version}}", do.get_firmware, "Get a version", callers=TEAM, scope="firmware:get", answer=_FIRMWARE),
    Route(
        "GET",
        f"{_BASE}/{{version}}/binary",
        do.get_binary,
        "Download a version",
        callers=TEAM,
        scope="firmware.binary:get",
        answer={"type": "string", "format": "binary"},
        content_type="application/octet-stream",
    ),
    Route(
        "PUT",
        f"{_BASE}/{{version}}",
        do.update_firmware,
        "Change what is said about a version",
        fields=(Field("title", longest=1000), Field("description", longest=10_000), Field("mandatory", Kind.FLAG)),
        callers=TEAM,
        scope="firmware:update",
        answer=_FIRMWARE,
    ),
    Route(
        "DELETE",
        f"{_BASE}/{{version}}",
        do.delete_firmware,
        "Delete a version that was never released",
        callers=TEAM,
        scope="firmware:remove",
        status=204,
    ),
    Route(
        "GET",
        "/v1/products/{product}/impact",
        do.impact,
        "How many devices a release would update",
        fields=(
            Field("action", where=Where.QUERY),
            Field("firmware_version", Kind.INTEGER, where=Where.QUERY, required=True),
            Field("groups", Kind.TEXTS, where=Where.QUERY),
            Field("product_default", Kind.FLAG, where=Where.QUERY),
        ),
        callers=TEAM,
        scope="groups.impact:get",
        shape=Shape.ERROR,
        answer=s.record(number_of_devices_updated=s.INTEGER, devices=s.record(total=s.INTEGER)),
    ),
)
