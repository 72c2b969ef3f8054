"""SIMs of users and products."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import sims as do
from emulator.cloud.api.route import TEAM, USERS, Route
from emulator.cloud.api.routes.fleet import PAGE

_SIM_FIELDS = {
    "_id": s.TEXT,
    "iccid": s.TEXT,
    "activations_count": s.INTEGER,
    "deactivations_count": s.INTEGER,
    "base_country_code": s.TEXT,
    "base_monthly_rate": s.NUMBER,
    "overage_monthly_rate": s.NUMBER,
    "first_activated_on": s.nullable(s.TIME),
    "last_activated_on": s.nullable(s.TIME),
    "last_activated_via": s.nullable(s.TEXT),
    "last_status_change_action": s.nullable(s.TEXT),
    "last_status_change_action_error": {"enum": ["yes", "no"]},
    "msisdn": s.TEXT,
    "status": {
        "enum": [
            "active",
            "never_before_activated",
            "inactive_user_deactivated",
            "inactive_data_limit_reached",
            "inactive_invalid_payment_method",
        ]
    },
    "stripe_plan_slug": s.TEXT,
    "updated_at": s.TIME,
    "user_id": s.nullable(s.TEXT),
    "product_id": s.nullable(s.INTEGER),
    "carrier": s.TEXT,
    "last_device_id": s.nullable(s.HEX24),
    "last_device_name": s.nullable(s.TEXT),
    "owner": s.nullable(s.TEXT),
    "mb_limit": s.nullable(s.INTEGER),
}
_SIM = s.fields_of(_SIM_FIELDS)
_STATUS = s.record(ok=s.TRUE, meta=s.record(state={"enum": ["pending", "complete"]}), sim_status=s.EMPTY)
_CHANGED = s.record(ok=s.TRUE, sim=_SIM)
_DAYS = s.array(s.record(date=s.TEXT, mbs_used=s.NUMBER, mbs_used_cumulative=s.NUMBER))


def _sims(base: str, callers: frozenset[Who]) -> tuple[Route, ...]:
    """The routes that users and products have alike."""
    one = f"{base}/{{iccid}}"
    return (
        Route(
            "GET",
            base,
            do.list_sims,
            "List SIMs",
            fields=(
                Field("iccid", where=Where.QUERY, longest=30),
                Field("deviceId", where=Where.QUERY, longest=30),
                Field("deviceName", where=Where.QUERY, longest=200),
                *PAGE,
            ),
            callers=callers,
            scope="sims:list",
            answer=s.record(sims=s.array(_SIM), meta=s.META),
        ),
        Route("GET", one, do.get_sim, "Get a SIM", callers=callers, scope="sims:get", answer=s.fields_of({"sim": _SIM, **_SIM_FIELDS})),
        Route(
            "PUT",
            one,
            do.update_sim,
            "Activate, deactivate or reactivate a SIM, or limit its data",
            fields=(
                Field("action", choices=("activate", "deactivate", "reactivate")),
                Field("country", longest=10, aliases=("countryCode",)),
                Field("mb_limit", Kind.INTEGER, least=0, most=1_000_000, aliases=("mbLimit", "promo_mb_limit")),
            ),
            callers=callers,
            scope="sims:update",
            answer=_CHANGED,
            others={202: _CHANGED},
        ),
        Route("DELETE", one, do.release_sim, "Release a SIM", callers=callers, scope="sims:remove", status=204, others={202: s.OK}),
        Route(
            "GET",
            f"{one}/data_usage",
            do.sim_usage,
            "Data used by a SIM",
            callers=callers,
            scope="sims.usage:get",
            answer=s.record(iccid=s.TEXT, usage_by_day=_DAYS),
        ),
        Route(
            "GET",
            f"{one}/status",
            do.sim_status,
            "How the mobile network sees a SIM",
            callers=callers,
            scope="sims.status:get",
            answer=_STATUS,
            others={202: _STATUS},
        ),
    )


ROUTES: tuple[Route, ...] = (
    *_sims("/v1/sims", USERS),
    Route("HEAD", "/v1/sims/{iccid}", do.check_sim, "Whether a SIM can be activated", status=204, others={205: None}),
    *_sims("/v1/products/{product}/sims", TEAM),
    Route(
        "GET",
        "/v1/products/{product}/sims/data_usage",
        do.product_usage,
        "Data used by all SIMs of a product",
        callers=TEAM,
        scope="sims.usage:get",
        answer=s.record(total_mbs_used=s.NUMBER, total_active_sim_cards=s.INTEGER, usage_by_day=_DAYS),
    ),
    Route(
        "POST",
        "/v1/products/{product}/sims",
        do.import_sims,
        "Import SIMs into a product, and activate them",
        fields=(Field("sims", Kind.TEXTS), Field("file", Kind.FILE, about="one ICCID a line")),
        callers=TEAM,
        scope="sims:import",
        status=202,
        answer=s.record(ok=s.TRUE, sims=s.array(s.TEXT), inactive_sims=s.array(s.TEXT)),
    ),
)
