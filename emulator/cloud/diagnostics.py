"""Device vitals: what devices report of their own health, kept for a month.

The cloud adds what it sees from its side (`service`): for how long the device has been connected, how much it has published, and how long
it takes to answer (the REST reference's "Device vitals").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.cloud.access import Principal
from emulator.cloud.codec import JsonText
from emulator.cloud.connections import Connections, Link
from emulator.cloud.core import Core
from emulator.cloud.devices import Devices
from emulator.cloud.errors import DeviceOffline, Invalid, NoDiagnostics
from emulator.cloud.events import Events
from emulator.cloud.records import Device
from emulator.cloud.relay import relay
from particle_protocol.vitals import Vitals, report

UPDATED = "spark/device/diagnostics/update"
"""The event that carries a report. The cloud makes it: no Device OS sends it."""


@dataclass(frozen=True, slots=True)
class VitalsReport:
    """One report. `payload` is a JSON object: what the device sent, and what the cloud added to it."""

    id: int
    device_id: str
    updated_at: float
    payload: JsonText

    @property
    def values(self) -> dict[str, Any]:
        """The payload."""
        found: dict[str, Any] = json.loads(self.payload)
        return found


class Diagnostics:
    """The vitals of all devices."""

    def __init__(self, core: Core, devices: Devices, connections: Connections, events: Events) -> None:
        self._core = core
        self._devices = devices
        self._connections = connections
        self._events = events
        self._vitals = core.state.table("vitals", VitalsReport, lambda vitals: vitals.id)
        self._by_device = self._vitals.index(lambda vitals: vitals.device_id)
        self._last = max((vitals.id for vitals in self._vitals), default=0)

    def request(self, who: Principal, given: str, product: str | int | None = None) -> Device:
        """Ask a device for its vitals, and see how long it takes to answer. The report, and the event that tells of it, follow then.

        Raises:
            DeviceForbidden, DeviceNotInProduct, PermissionDenied, ScopeRefused: not for this caller.
            DeviceOffline: not connected.
        """
        device = self._devices.reach(who, given, "devices.diagnostics:update", product)
        link = self._connections.link(device.id)
        if link is None:
            raise DeviceOffline(device.id)
        self._ask(link)
        return device

    def last(self, who: Principal, given: str, product: str | int | None = None) -> VitalsReport:
        """The newest report.

        Raises:
            NoDiagnostics: there is none. DeviceForbidden and the others as `request`.
        """
        reports = self.history(who, given, product=product)
        if not reports:
            raise NoDiagnostics(given)
        return reports[-1]

    def history(
        self,
        who: Principal,
        given: str,
        *,
        start: float | None = None,
        end: float | None = None,
        product: str | int | None = None,
    ) -> Sequence[VitalsReport]:
        """The reports of a time (POSIX seconds), oldest first.

        Raises:
            Invalid: the time ends before it starts. DeviceForbidden and the others as `request`.
        """
        device = self._devices.reach(who, given, "devices.diagnostics:get", product)
        now = self._core.now()
        first = now - self._core.settings.diagnostics_lifetime if start is None else start
        last = now if end is None else end
        if first > last:
            raise Invalid("start_date", start, "must not be after end_date")
        return [vitals for vitals in self._vitals.where(self._by_device, device.id) if first <= vitals.updated_at <= last]

    def received(self, device: Device, vitals: Vitals) -> None:
        """A device sent its vitals: keep the report, with what the cloud adds, and tell of it. What is too old or too much goes."""
        data = json.dumps({"device": report(vitals), "service": self._service(device.id)}, separators=(",", ":"))
        now = self._core.now()
        oldest = now - self._core.settings.diagnostics_lifetime
        with self._core.change():
            self._last += 1
            self._vitals.put(VitalsReport(self._last, device.id, now, JsonText(data)))
            kept = self._vitals.where(self._by_device, device.id)
            surplus = len(kept) - self._core.settings.max_diagnostics
            for number, old in enumerate(kept):
                if number < surplus or old.updated_at < oldest:
                    self._vitals.remove(old.id)
        self._events.from_device(device, UPDATED, data)

    def _service(self, device_id: str) -> dict[str, Any]:
        """How a device looks from the cloud. `round_trip` is in milliseconds."""
        link = self._connections.link(device_id)
        if link is None:
            return {"device": {"status": "offline"}}
        uptime = round(self._core.now() - link.since)
        seen: dict[str, Any] = {"device": {"status": "ok"}, "cloud": {"uptime": uptime, "publish": {"sent": link.published}}}
        return seen if link.round_trip is None else {**seen, "coap": {"round_trip": round(link.round_trip * 1000)}}

    def _ask(self, link: Link) -> None:
        """Ask for vitals, and measure how long the device takes to answer."""
        asked, device_id = self._core.now(), link.session.device_id

        def came(vitals: Vitals) -> None:
            link.round_trip = self._core.now() - asked
            device = self._devices.by_id(device_id)
            if device is not None:
                self.received(device, vitals)

        relay(self._core, device_id, "a request for vitals", link.session.vitals(), came, timeout=self._core.settings.answer_timeout)
