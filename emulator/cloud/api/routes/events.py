"""Event streams and publishing."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import events as do
from emulator.cloud.api.route import ANYONE, PEOPLE, TEAM, USERS_AND_PROGRAMS, Handler, Route
from emulator.cloud.rates import Bucket

_NONCE = Field("nonce", where=Where.QUERY, about="ignored; keeps caches away")
_MAX_TTL = 16_777_215
"""Seconds; three bytes of CoAP's Max-Age."""


def _stream(path: str, handler: Handler, about: str, callers: frozenset[Who], *, alias: bool = False) -> tuple[Route, Route]:
    """A stream of everything, and one of the events whose name begins with a prefix."""
    one = Route(
        "GET",
        path,
        handler,
        about,
        fields=(_NONCE,),
        callers=callers,
        scope="events:get",
        shape=Shape.ERROR,
        answer=s.TEXT,
        content_type="text/event-stream",
        bucket=Bucket.STREAMS,
        alias=alias,
    )
    return one, Route(
        "GET",
        f"{path}/{{prefix}}",
        do.all_events if handler is do.no_prefix else handler,
        f"{about} whose names begin with a prefix",
        fields=(_NONCE,),
        callers=callers,
        scope="events:get",
        shape=Shape.ERROR,
        answer=s.TEXT,
        content_type="text/event-stream",
        bucket=Bucket.STREAMS,
        alias=alias,
    )


_EVENT = (
    Field("name", required=True, longest=256, aliases=("event",)),
    Field("data", longest=4096),
    Field("ttl", Kind.INTEGER, least=0, most=_MAX_TTL),
    Field("private", Kind.FLAG),
)

ROUTES: tuple[Route, ...] = (
    *_stream("/v1/events", do.no_prefix, "Stream public events, and own ones", PEOPLE),
    *_stream("/v1/devices/events", do.own_events, "Stream the events of own devices", ANYONE),
    *_stream("/v1/devices/{device}/events", do.own_events, "Stream the events of one device", ANYONE),
    *_stream("/v1/products/{product}/events", do.own_events, "Stream the events of a product", TEAM),
    *_stream("/v1/products/{product}/devices/events", do.own_events, "Stream the events of a product", TEAM, alias=True),
    *_stream("/v1/products/{product}/devices/{device}/events", do.own_events, "Stream the events of a device of a product", TEAM),
    *_stream("/v1/orgs/{org}/events", do.own_events, "Stream the events of an organization's products", USERS_AND_PROGRAMS),
    *_stream(
        "/v1/orgs/{org}/devices/events", do.own_events, "Stream the events of an organization's products", USERS_AND_PROGRAMS, alias=True
    ),
    *_stream(
        "/v1/orgs/{org}/devices/{device}/events", do.own_events, "Stream the events of a device of an organization", USERS_AND_PROGRAMS
    ),
    *_stream("/v1/orgs/{org}/products/{product}/events", do.own_events, "Stream the events of an organization's product", TEAM),
    *_stream(
        "/v1/orgs/{org}/products/{product}/devices/events",
        do.own_events,
        "Stream the events of an organization's product",
        TEAM,
        alias=True,
    ),
    *_stream(
        "/v1/orgs/{org}/products/{product}/devices/{device}/events",
        do.own_events,
        "Stream the events of a device of an organization's product",
        TEAM,
        alias=True,
    ),
    Route(
        "POST",
        "/v1/devices/events",
        do.publish,
        "Publish an event",
        fields=_EVENT,
        callers=PEOPLE,
        shape=Shape.ERROR,
        answer=s.OK,
    ),
    Route(
        "POST",
        "/v1/orgs/{org}/events",
        do.publish,
        "Publish an event to an organization and all its products",
        fields=_EVENT,
        callers=USERS_AND_PROGRAMS,
        scope="events:send",
        shape=Shape.ERROR,
        answer=s.OK,
    ),
    Route(
        "POST",
        "/v1/products/{product}/events",
        do.publish,
        "Publish an event to a product",
        fields=(*_EVENT, Field("as_device_id", longest=24, aliases=("asDeviceId",))),
        callers=TEAM,
        scope="events:send",
        shape=Shape.ERROR,
        answer=s.OK,
    ),
)
