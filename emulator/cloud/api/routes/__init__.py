"""The table: every route of the REST API. Each room of routes has its room of handlers."""

from __future__ import annotations

from emulator.cloud.api.route import Route
from emulator.cloud.api.routes import accounts, devices, events

ROUTES: tuple[Route, ...] = (*accounts.ROUTES, *devices.ROUTES, *events.ROUTES)

__all__ = ["ROUTES"]
