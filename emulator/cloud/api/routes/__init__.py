"""The table: every route of the REST API, in rooms by resource. Each room of routes has its room of handlers."""

from __future__ import annotations

from emulator.cloud.api.route import Route
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
    "Beside the real cloud": emulator.ROUTES,
}

ROUTES: tuple[Route, ...] = tuple(route for room in ROOMS.values() for route in room)

__all__ = ["ROOMS", "ROUTES"]
