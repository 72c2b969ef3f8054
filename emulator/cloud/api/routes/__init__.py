"""The table: every route of the REST API, in rooms by resource. Each room of routes has its room of handlers."""

from __future__ import annotations

import functools
from typing import Any

from emulator.cloud.api import schemas
from emulator.cloud.api.call import Call
from emulator.cloud.api.openapi import openapi
from emulator.cloud.api.route import Auth, Route
from emulator.cloud.api.routes import (
    accounts,
    catalogue,
    customers,
    devices,
    documents,
    emulator,
    events,
    firmware,
    fleet,
    products,
    services,
    sims,
)


@functools.cache
def _document() -> dict[str, Any]:
    return openapi(ROOMS)


def document(call: Call) -> dict[str, Any]:
    """The OpenAPI document, made from the table that it stands in."""
    return _document()


ROOMS: dict[str, tuple[Route, ...]] = {
    "Accounts and tokens": accounts.ROUTES,
    "Devices": devices.ROUTES,
    "Events": events.ROUTES,
    "Products and teams": products.ROUTES,
    "Devices of products": fleet.ROUTES,
    "Product firmware": firmware.ROUTES,
    "Customers": customers.ROUTES,
    "SIMs": sims.ROUTES,
    "Webhooks, vitals, plans, serial numbers": services.ROUTES,
    "Environment, secrets, configuration, ledgers, logic": documents.ROUTES,
    "Catalogue": catalogue.ROUTES,
    "Beside the real cloud": (
        Route("GET", "/openapi.json", document, "The OpenAPI document of this API", auth=Auth.NONE, answer=schemas.EMPTY),
        *emulator.ROUTES,
    ),
}

ROUTES: tuple[Route, ...] = tuple(route for room in ROOMS.values() for route in room)

__all__ = ["ROOMS", "ROUTES"]
