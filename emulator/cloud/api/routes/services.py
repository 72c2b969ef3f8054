"""Webhooks, vitals, plans, serial numbers and keys."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Fault, Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import billing, diagnostics, factory, integrations, locations
from emulator.cloud.api.route import ANYONE, TEAM, USERS, USERS_AND_PROGRAMS, Handler, Route
from emulator.cloud.api.routes.fleet import PAGE
from emulator.cloud.errors import DeviceOffline, DeviceUnknown
from emulator.cloud.rates import Bucket

_HOOK_FACTS = {
    "id": s.TEXT,
    "event": s.TEXT,
    "url": s.TEXT,
    "name": s.TEXT,
    "created_at": s.TIME,
    "integration_type": {"const": "Webhook"},
    "requestType": s.TEXT,
    "disabled": s.FLAG,
    "hookUrl": s.TEXT,
    "product_ids": s.array(s.INTEGER),
}
_HOOK = s.fields_of(_HOOK_FACTS)
_LOGS = s.array(s.record(event=s.TEXT, time=s.TIME, request=s.EMPTY, response=s.nullable(s.EMPTY), error=s.nullable(s.TEXT)))
_HOOK_AND_LOGS = s.fields_of({**_HOOK_FACTS, "logs": _LOGS})
_HOOK_FIELDS = (
    Field("integration_type", about="Webhook"),
    Field("event", longest=256),
    Field("url", longest=4096),
    Field("requestType", longest=10),
    Field("name", longest=400),
    Field("deviceID", longest=100, aliases=("deviceid", "deviceId")),
    *(Field(name, Kind.ANY) for name in ("body", "json", "form", "query", "auth", "headers", "template", "settings")),
    Field("responseTopic", longest=1000),
    Field("errorResponseTopic", longest=1000),
    Field("responseTemplate", longest=10_000),
    *(Field(name, Kind.ANY) for name in ("noDefaults", "disabled", "rejectUnauthorized")),
)


def _hooks(base: str, callers: frozenset[Who], *, alias: bool = False) -> tuple[Route, ...]:
    one = f"{base}/{{hook}}"

    def route(method: str, path: str, handler: Handler, about: str, scope: str, answer: s.Schema | None, status: int = 200) -> Route:
        fields = _HOOK_FIELDS if handler in (integrations.create_hook, integrations.update_hook) else ()
        if handler is integrations.test_hook:
            fields = (Field("data", Kind.ANY),)
        scope = f"integrations:{scope}"
        return Route(method, path, handler, about, fields=fields, callers=callers, scope=scope, status=status, answer=answer, alias=alias)

    tested = s.fields_of({"pass": s.FLAG, "data": s.nullable(s.TEXT), "error": s.nullable(s.TEXT)})
    return (
        route("GET", base, integrations.list_hooks, "List webhooks", "list", s.array(_HOOK)),
        route("POST", base, integrations.create_hook, "Create a webhook", "create", s.fields_of({"ok": s.TRUE, **_HOOK_FACTS}), 201),
        route(
            "GET",
            one,
            integrations.get_hook,
            "Get a webhook, and its last requests",
            "get",
            s.record(integration=_HOOK_AND_LOGS, webhook=_HOOK_AND_LOGS),
        ),
        route("PUT", one, integrations.update_hook, "Replace a webhook's configuration", "update", s.record(integration=_HOOK)),
        route("DELETE", one, integrations.delete_hook, "Delete a webhook", "remove", None, 204),
        route("POST", f"{one}/test", integrations.test_hook, "Try a webhook", "update", tested),
    )


_VITALS = s.record(updated_at=s.TIME, deviceID=s.HEX24, payload=s.EMPTY)


def _vitals(base: str, callers: frozenset[Who], *, alias: bool = False) -> tuple[Route, ...]:
    return (
        Route(
            "POST",
            f"{base}/{{device}}/update",
            diagnostics.request_vitals,
            "Ask a device for its vitals",
            callers=callers,
            scope="devices.diagnostics:update",
            status=202,
            answer=s.OK,
            faults={DeviceOffline: Fault(404, "The device is offline")},
            alias=alias,
        ),
        Route(
            "GET",
            f"{base}/{{device}}/last",
            diagnostics.last_vitals,
            "The newest vitals of a device",
            callers=callers,
            scope="devices.diagnostics:get",
            answer=s.record(diagnostics=_VITALS),
            alias=alias,
        ),
        Route(
            "GET",
            f"{base}/{{device}}",
            diagnostics.all_vitals,
            "The vitals of a device over time; CSV, if only that is accepted",
            fields=(Field("start_date", Kind.TIME, where=Where.QUERY), Field("end_date", Kind.TIME, where=Where.QUERY)),
            callers=callers,
            scope="devices.diagnostics:get",
            shape=Shape.OAUTH,
            malformed="bad_request",
            answer=s.record(diagnostics=s.array(_VITALS)),
            alias=alias,
        ),
    )


_REPORT_FACTS = s.record(
    state={"enum": ["pending", "available", "expired"]},
    service_agreement_id=s.TEXT,
    date_period_start=s.TEXT,
    date_period_end=s.TEXT,
    created_at=s.TIME,
    expires_at=s.nullable(s.TIME),
    report_type={"enum": ["devices", "products"]},
    report_params=s.record(devices=s.array(s.TEXT), products=s.array(s.TEXT), recipient_list=s.array(s.TEXT)),
    download_url=s.nullable(s.TEXT),
)
_REPORT = s.record(data=s.record(id=s.TEXT, type={"const": "usage_report"}, attributes=_REPORT_FACTS))
_COUNT = s.record(
    owned_devices=s.INTEGER, billable_devices=s.INTEGER, device_data=s.nullable(s.INTEGER), device_messages=s.nullable(s.INTEGER)
)
_AGREEMENT_FACTS = s.record(
    owner_id=s.TEXT,
    owner_type={"enum": ["individual", "organization"]},
    name=s.TEXT,
    agreement_type=s.TEXT,
    duration=s.TEXT,
    state=s.TEXT,
    starts_on=s.TEXT,
    ends_on=s.nullable(s.TEXT),
    current_billing_period_start=s.TEXT,
    current_billing_period_end=s.TEXT,
    next_billing_period_start=s.TEXT,
    current_usage_summary=s.record(device_limit_reached=s.FLAG, connectivity=s.texts_to(_COUNT)),
    pricing_terms=s.record(device=s.EMPTY, messaging=s.EMPTY, device_data=s.EMPTY),
)
_AGREEMENT = s.record(id=s.TEXT, type={"const": "service_agreement"}, attributes=_AGREEMENT_FACTS)


def _agreements(base: str, callers: frozenset[Who]) -> tuple[Route, ...]:
    return (
        Route(
            "GET",
            f"{base}/service_agreements",
            billing.list_agreements,
            "The plan, and what of it is used",
            callers=callers,
            scope="service_agreements:list",
            answer=s.record(data=s.array(_AGREEMENT)),
        ),
        Route(
            "POST",
            f"{base}/service_agreements/{{agreement}}/usage_reports",
            billing.request_report,
            "Order a usage report",
            fields=(
                Field("report_type", required=True, choices=("devices", "products")),
                Field("date_period_start", required=True, longest=40),
                Field("date_period_end", required=True, longest=40),
                Field("devices", Kind.TEXTS),
                Field("products", Kind.TEXTS),
            ),
            callers=callers,
            scope="service_agreements:create",
            status=202,
            answer=_REPORT,
        ),
        Route(
            "GET",
            f"{base}/usage_reports/{{report}}",
            billing.get_report,
            "A usage report",
            callers=callers,
            scope="service_agreements:list",
            answer=_REPORT,
        ),
    )


_TRACK_FACTS = {
    "device_id": s.HEX24,
    "device_name": s.nullable(s.TEXT),
    "product_id": s.INTEGER,
    "groups": s.array(s.TEXT),
    "gps_lock": s.FLAG,
    "last_heard": s.nullable(s.TIME),
    "online": s.FLAG,
    "timestamps": s.array(s.TIME),
    "geometry": s.record(type={"enum": ["Point", "LineString"]}, coordinates=s.array(s.ANYTHING)),
}
_WHEN_AND_WHERE = (
    Field("date_range", where=Where.QUERY, longest=100, about="start and end in ISO 8601, with a comma between; without: the last place"),
    Field("rect_bl", where=Where.QUERY, longest=100, about="latitude,longitude of the bottom left corner of a box"),
    Field("rect_tr", where=Where.QUERY, longest=100, about="latitude,longitude of its top right corner"),
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/products/{product}/locations",
        locations.list_locations,
        "Where the devices of a product are, or were",
        fields=(
            *_WHEN_AND_WHERE,
            Field("device_id", where=Where.QUERY, longest=100, about="beginning of the id"),
            Field("device_name", where=Where.QUERY, longest=200, about="beginning of the name"),
            Field("groups", Kind.TEXTS, where=Where.QUERY),
            *PAGE,
        ),
        callers=TEAM,
        scope="locations:list",
        answer=s.record(
            locations=s.array(s.fields_of(_TRACK_FACTS)), meta=s.fields_of({**s.META["properties"], "devices_found": s.INTEGER})
        ),
    ),
    Route(
        "GET",
        "/v1/products/{product}/locations/{device}",
        locations.get_location,
        "Where a device of a product is, or was",
        fields=_WHEN_AND_WHERE,
        callers=TEAM,
        scope="locations:get",
        answer=s.record(location=s.fields_of({**_TRACK_FACTS, "properties": s.array(s.EMPTY)}), meta=s.EMPTY),
    ),
    *_hooks("/v1/integrations", USERS),
    *_hooks("/v1/products/{product}/integrations", TEAM),
    *_hooks("/v1/orgs/{org}/integrations", USERS_AND_PROGRAMS),
    *_hooks("/v1/webhooks", USERS, alias=True),
    *_hooks("/v1/products/{product}/webhooks", TEAM, alias=True),
    *_hooks("/v1/orgs/{org}/webhooks", USERS_AND_PROGRAMS, alias=True),
    *_vitals("/v1/diagnostics", ANYONE),
    *_vitals("/v1/products/{product}/diagnostics", TEAM),
    *_agreements("/v1/user", USERS),
    *_agreements("/v1/orgs/{org}", USERS_AND_PROGRAMS),
    Route(
        "GET",
        "/v1/serial_numbers/{serial}",
        factory.find_serial,
        "The device of a serial number",
        callers=ANYONE,
        scope="devices:list",
        answer=s.record(
            ok=s.TRUE,
            deviceID=s.HEX24,
            device_id=s.HEX24,
            serial_number=s.TEXT,
            platform_id=s.INTEGER,
            iccid=s.TEXT,
            optional="iccid",
        ),
        bucket=Bucket.SERIALS,
    ),
    Route(
        "POST",
        "/v1/provisioning/{device}",
        factory.provision_key,
        "Register a device's public key",
        fields=(
            Field("publicKey", required=True, longest=10_000),
            Field("deviceID", longest=100),
            Field("filename", longest=200),
            Field("order", Kind.ANY),
            Field("algorithm", choices=("rsa", "ecc")),
            Field("product_id", Kind.INTEGER, nullable=True, least=0, most=65_535, about="the platform of a device nobody has made"),
        ),
        callers=USERS,
        scope="devices:update",
        shape=Shape.ERRORS,
        answer=s.TEXT,
        faults={DeviceUnknown: Fault(404, "device not found")},
    ),
)
