"""Devices of a user, and what can be asked of a device; the latter also by way of a product."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Fault, Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import devices as do
from emulator.cloud.api.handlers import factory
from emulator.cloud.api.route import ANYONE, PEOPLE, TEAM, USERS_AND_PROGRAMS, Route
from emulator.cloud.errors import CloudError, DeviceOffline, NoAnswer

UPDATE_FIELDS = (
    Field("name", longest=1024, nullable=True),
    Field("notes", longest=20_000, nullable=True),
    Field("signal", Kind.FLAG, about="1: shout rainbows; 0: stop"),
    Field("firmware_updates_forced", Kind.FLAG),
    Field("app", about="a known application instead of a file"),
    Field("app_id"),
    Field("file", Kind.FILE, about="a binary to send over the air"),
    Field("latest", Kind.ANY),
    Field("build_target_version"),
)
UPDATED = s.record(
    id=s.HEX24,
    updated_at=s.TIME,
    name=s.nullable(s.TEXT),
    notes=s.nullable(s.TEXT),
    firmware_updates_forced=s.FLAG,
    connected=s.FLAG,
    signaling=s.FLAG,
    status=s.TEXT,
    development=s.FLAG,
    desired_firmware_version=s.nullable(s.INTEGER),
    groups=s.array(s.TEXT),
    optional=("updated_at name notes firmware_updates_forced connected signaling status development desired_firmware_version groups"),
)
NOT_COMPILED = s.record(ok={"const": False}, output=s.TEXT, errors=s.array(s.TEXT))
UPDATE_FAULTS: dict[type[CloudError], Fault] = {DeviceOffline: Fault(408, "Timed out, the device did not answer")}
_VARIABLE = s.record(
    cmd={"const": "VarReturn"},
    name=s.TEXT,
    result=s.one_of(s.TEXT, s.NUMBER, s.FLAG),
    coreInfo=s.record(name=s.nullable(s.TEXT), deviceID=s.HEX24, connected=s.FLAG, last_handshake_at=s.nullable(s.TIME)),
)
_CALLED = s.record(id=s.HEX24, name=s.nullable(s.TEXT), connected=s.FLAG, return_value=s.INTEGER)
_VARIABLE_LATE = Fault(408, "timed out")


def asking(base: str, callers: frozenset[Who]) -> tuple[Route, ...]:
    """The routes that ask a device itself: ping, variables and functions."""
    return (
        Route(
            "PUT",
            f"{base}/{{device}}/ping",
            do.ping,
            "Ask whether a device is there",
            callers=callers,
            scope="devices:ping",
            answer=s.record(online=s.FLAG, ok=s.TRUE),
        ),
        Route(
            "GET",
            f"{base}/{{device}}/{{variable}}",
            do.read_variable,
            "Read a cloud variable",
            fields=(Field("format", where=Where.QUERY, about="raw: the bare value"),),
            callers=callers,
            scope="devices.variable:get",
            answer=_VARIABLE,
            faults={DeviceOffline: _VARIABLE_LATE, NoAnswer: _VARIABLE_LATE},
        ),
        Route(
            "POST",
            f"{base}/{{device}}/{{function}}",
            do.call_function,
            "Call a cloud function",
            fields=(Field("arg", aliases=("args", "params")),),
            callers=callers,
            scope="devices.function:call",
            answer=_CALLED,
        ),
    )


def _unprotect(base: str, callers: frozenset[Who]) -> Route:
    return Route(
        "PUT",
        f"{base}/{{device}}/unprotect",
        factory.unprotect,
        "The cloud's half of taking a device's protection off",
        fields=(
            Field("action", required=True, choices=("prepare", "confirm")),
            *(
                Field(name, longest=1000, about="base64")
                for name in ("server_nonce", "device_nonce", "device_signature", "device_public_key_fingerprint")
            ),
        ),
        callers=callers,
        scope="devices:update",
        shape=Shape.OAUTH,
        answer=s.one_of(s.record(server_nonce=s.TEXT), s.record(server_signature=s.TEXT, server_public_key_fingerprint=s.TEXT)),
    )


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/devices", do.list_devices, "List own devices", callers=ANYONE, scope="devices:list", answer=s.array(s.DEVICE)),
    Route(
        "POST",
        "/v1/devices",
        do.claim,
        "Claim a device",
        fields=(
            Field("id", longest=100, aliases=("deviceID", "deviceId")),
            Field("product_id", longest=200, about="instead of an id: make a virtual device in this product"),
            Field("request_transfer", Kind.FLAG, where=Where.EITHER),
        ),
        callers=PEOPLE,
        shape=Shape.ERRORS,
        answer=s.one_of(
            s.record(user_id=s.TEXT, id=s.HEX24, connected=s.FLAG, ok=s.TRUE),
            s.record(ok=s.TRUE, transfer_id=s.TEXT),
            s.record(ok=s.TRUE, id=s.HEX24, device_id=s.HEX24),
        ),
    ),
    Route("GET", "/v1/devices/{device}", do.get_device, "Get a device", callers=ANYONE, scope="devices:get", answer=s.DEVICE),
    Route(
        "PUT",
        "/v1/devices/{device}",
        do.update_device,
        "Rename, annotate, signal or flash a device",
        fields=UPDATE_FIELDS,
        callers=ANYONE,
        scope="devices:update",
        shape=Shape.ERRORS,
        answer=s.one_of(UPDATED, NOT_COMPILED),
    ),
    Route(
        "GET",
        "/v1/orgs/{org}/devices/{device}",
        do.get_device,
        "Get a device of an organization's products",
        callers=USERS_AND_PROGRAMS,
        scope="devices:get",
        answer=s.DEVICE,
    ),
    Route("DELETE", "/v1/devices/{device}", do.unclaim, "Unclaim a device", callers=PEOPLE, shape=Shape.ERRORS, answer=s.OK),
    Route(
        "POST",
        "/v1/device_claims",
        do.claim_code,
        "Make a claim code",
        fields=(Field("iccid", longest=30), Field("imei", longest=30), Field("activation_code", longest=100)),
        shape=Shape.ERRORS,
        answer=s.record(claim_code=s.TEXT, device_ids=s.array(s.HEX24)),
    ),
    _unprotect("/v1/devices", TEAM),
    _unprotect("/v1/products/{product}/devices", TEAM),
    _unprotect("/v1/orgs/{org}/devices", USERS_AND_PROGRAMS),
    *asking("/v1/devices", ANYONE),
    *asking("/v1/products/{product}/devices", TEAM),
)
