"""Customers of products, and their claim codes."""

from __future__ import annotations

from emulator.cloud.access import Kind as Who
from emulator.cloud.api import schemas as s
from emulator.cloud.api.faults import Shape
from emulator.cloud.api.fields import Field, Kind, Where
from emulator.cloud.api.handlers import customers as do
from emulator.cloud.api.handlers import devices
from emulator.cloud.api.route import TEAM, Auth, Route
from emulator.cloud.api.routes.accounts import CLIENT_PAIR
from emulator.cloud.api.routes.fleet import PAGE

_BASE = "/v1/products/{product}/customers"
_CUSTOMER = s.record(id=s.TEXT, full_name=s.TEXT, username=s.TEXT, devices=s.array(s.HEX24))
_CODE_FIELDS = (Field("iccid", longest=30), Field("imei", longest=30), Field("activation_code", longest=100))
_CODE = s.record(claim_code=s.TEXT, device_ids=s.array(s.HEX24))


def _claim_code(path: str, *, alias: bool = False) -> Route:
    return Route(
        "POST",
        path,
        devices.claim_code,
        "Make a claim code of a product's customer",
        fields=_CODE_FIELDS,
        callers=frozenset({Who.CUSTOMER}),
        shape=Shape.ERRORS,
        answer=_CODE,
        alias=alias,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        _BASE,
        do.create_customer,
        "Sign a customer up",
        fields=(
            Field("email", required=True, longest=254, aliases=("username",)),
            Field("password", longest=1024),
            Field("no_password", Kind.FLAG, about="only the product's own servers will act for it"),
            Field("grant_type"),
            Field("response_type"),
            *CLIENT_PAIR,
        ),
        auth=Auth.OPTIONAL,
        callers=TEAM,
        scope="customers:create",
        shape=Shape.OAUTH,
        status=201,
        answer=s.TOKEN,
    ),
    Route(
        "GET",
        _BASE,
        do.list_customers,
        "List customers and their devices",
        fields=(*PAGE, Field("email", where=Where.QUERY, longest=254, aliases=("username",), about="a part of the address")),
        callers=TEAM,
        scope="customers:list",
        answer=s.record(customers=s.array(_CUSTOMER), devices=s.array(s.DEVICE), meta=s.META),
    ),
    Route(
        "PUT",
        f"{_BASE}/{{customer}}",
        do.reset_password,
        "Reset a customer's password",
        fields=(Field("password", required=True, longest=1024),),
        callers=TEAM,
        scope="customers:update",
        answer=s.OK,
    ),
    Route("DELETE", f"{_BASE}/{{customer}}", do.delete_customer, "Delete a customer", callers=TEAM, scope="customers:remove", answer=s.OK),
    _claim_code("/v1/products/{product}/device_claims"),
    _claim_code("/v1/orgs/{org}/products/{product}/device_claims", alias=True),
)
