"""Device vitals."""

from __future__ import annotations

import csv
import io
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.handlers.shown import product_of
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.diagnostics import VitalsReport

Json = dict[str, Any]


def _body(vitals: VitalsReport) -> Json:
    return {"updated_at": iso(vitals.updated_at), "deviceID": vitals.device_id, "payload": vitals.values}


def request_vitals(call: Call) -> Json:
    """Ask a device for its vitals."""
    call.cloud.diagnostics.request(call.who, call.path["device"], product_of(call))
    return {"ok": True}


def last_vitals(call: Call) -> Json:
    """The newest report."""
    return {"diagnostics": _body(call.cloud.diagnostics.last(call.who, call.path["device"], product_of(call)))}


def all_vitals(call: Call) -> Json | Response:
    """The reports of a time: as JSON, or as CSV for those who accept only that."""
    reports = call.cloud.diagnostics.history(
        call.who,
        call.path["device"],
        start=call.get("start_date"),
        end=call.get("end_date"),
        product=product_of(call),
    )
    if "csv" in call.request.headers.get("accept", ""):
        return Response(200, _csv(reports), "text/csv; charset=utf-8")
    return {"diagnostics": [_body(vitals) for vitals in reports]}


def _csv(reports: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["updated_at", "deviceID", "payload"])
    for vitals in reports:
        writer.writerow([iso(vitals.updated_at), vitals.device_id, vitals.payload])
    return text.getvalue().encode("utf-8", "replace")
