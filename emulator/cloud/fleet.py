"""A product's devices as a list: members, and those in quarantine, filtered, sorted, in pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.devices import Devices
from emulator.cloud.errors import Invalid
from emulator.cloud.gate import Gate
from emulator.cloud.records import Device, Product

MAX_PER_PAGE = 100
"""Open: what one page holds at most."""


class SortBy(Enum):
    """What the list can be sorted by, as the API calls it."""

    NAME = "deviceName"
    ID = "deviceId"
    FIRMWARE = "firmwareVersion"
    LAST_CONNECTION = "lastConnection"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetQuery:
    """What to list. Texts match anywhere, in any case; groups match whole, any of them; `quarantined` None lists both sorts."""

    device_id: str = ""
    name: str = ""
    serial_number: str = ""
    groups: tuple[str, ...] = ()
    quarantined: bool | None = None
    sort_by: SortBy = SortBy.LAST_CONNECTION
    descending: bool = True
    page: int = 1
    per_page: int = 25


@dataclass(frozen=True, slots=True)
class FleetPage:
    """One page of the list."""

    product: Product
    devices: Sequence[Device]
    total: int
    total_pages: int


_KEYS: dict[SortBy, Callable[[Device], Any]] = {
    SortBy.NAME: lambda device: (device.name is not None, (device.name or "").lower()),
    SortBy.ID: lambda device: (True, device.id),
    SortBy.FIRMWARE: lambda device: (True, device.firmware_version or 0),
    SortBy.LAST_CONNECTION: lambda device: (True, device.last_handshake_at or 0.0),
}


class Fleet:
    """Lists the devices of products."""

    def __init__(self, gate: Gate, devices: Devices) -> None:
        self._gate = gate
        self._devices = devices

    def list(self, who: Principal, given: str | int, query: FleetQuery | None = None) -> FleetPage:
        """One page of a product's devices.

        Raises:
            Invalid: the page or its size cannot be.
            PermissionDenied, ScopeRefused: not for this caller.
        """
        product = self._gate.product(who, given, "devices:list")
        query = query if query is not None else FleetQuery()
        if query.page < 1:
            raise Invalid("page", query.page, "pages begin at 1")
        if not 1 <= query.per_page <= MAX_PER_PAGE:
            raise Invalid("perPage", query.per_page, f"must be 1 to {MAX_PER_PAGE}")
        found = [device for device in self._all(product, query.quarantined) if _matches(device, query, product)]
        found.sort(key=lambda device: device.id)
        found.sort(key=_KEYS[query.sort_by], reverse=query.descending)
        start = (query.page - 1) * query.per_page
        return FleetPage(
            product=product,
            devices=found[start : start + query.per_page],
            total=len(found),
            total_pages=max(1, -(-len(found) // query.per_page)),
        )

    def _all(self, product: Product, quarantined: bool | None) -> Sequence[Device]:
        devices = self._devices
        members = [] if quarantined else devices.table.where(devices.by_product, product.id)
        if quarantined is False:
            return members
        listed = devices.listed.where(devices.listed_in, product.id)
        return [*members, *(devices.table[entry.device_id] for entry in listed)]


def _matches(device: Device, query: FleetQuery, product: Product) -> bool:
    groups = device.groups if device.product_id == product.id else ()
    return (
        query.device_id.lower() in device.id
        and query.name.lower() in (device.name or "").lower()
        and query.serial_number.lower() in (device.serial_number or "").lower()
        and (not query.groups or not set(query.groups).isdisjoint(groups))
    )
