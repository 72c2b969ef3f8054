"""Plans, what of them is used, and reports of it."""

from __future__ import annotations

import csv
import io
from typing import Any

from emulator.cloud.agreements import Agreement, ReportState, UsageReport
from emulator.cloud.api.call import Call
from emulator.cloud.api.handlers.shown import base_url
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.records import Plan

Json = dict[str, Any]
MEGABYTE = 1_000_000


def _agreement(agreement: Agreement) -> Json:
    start, end = agreement.period
    return {
        "id": agreement.id,
        "type": "service_agreement",
        "attributes": {
            "owner_id": agreement.owner_id,
            "owner_type": agreement.owner_type,
            "name": agreement.name,
            "agreement_type": "developer" if agreement.plan is Plan.FREE else agreement.plan.value,
            "plan": agreement.plan.value,
            "duration": "monthly",
            "state": "paused" if agreement.paused else "active",
            "starts_on": _day(agreement.starts_on),
            "ends_on": None,
            "current_billing_period_start": _day(start),
            "current_billing_period_end": _day(end - 1),
            "next_billing_period_start": _day(end),
            "current_usage_summary": {
                "device_limit_reached": agreement.device_limit_reached,
                "devices": agreement.devices,
                "connectivity": _connectivity(agreement),
            },
            "pricing_terms": {
                "device": {"duration": "monthly", "max_devices": agreement.max_devices},
                "messaging": {"duration": "monthly", "max_messages": agreement.max_operations},
                "device_data": {
                    "uom": "bytes",
                    "duration": "monthly",
                    "max_data": None if agreement.data_limit_mb is None else agreement.data_limit_mb * MEGABYTE,
                },
            },
        },
    }


def _connectivity(agreement: Agreement) -> Json:
    """Devices by sort. Messages are counted for all sorts together; data is not metered."""
    every = {
        "owned_devices": sum(count.owned for count in agreement.sorts.values()),
        "billable_devices": agreement.devices,
        "device_data": 0,
        "device_messages": agreement.operations,
    }
    sorts = {
        name: {"owned_devices": count.owned, "billable_devices": count.billable, "device_data": None, "device_messages": None}
        for name, count in agreement.sorts.items()
    }
    return {"all": every, **sorts}


def _day(when: float) -> str:
    return iso(when)[:10]


def list_agreements(call: Call) -> Json:
    """The caller's service agreement, or an organization's."""
    return {"data": [_agreement(call.cloud.agreements.of(call.who, call.path.get("org")))]}


def _report(call: Call, report: UsageReport) -> Json:
    state = call.cloud.agreements.state(report)
    ready = state is ReportState.AVAILABLE
    return {
        "id": report.id,
        "type": "usage_report",
        "attributes": {
            "state": state.value,
            "service_agreement_id": report.agreement_id,
            "date_period_start": report.date_period_start,
            "date_period_end": report.date_period_end,
            "created_at": iso(report.created_at),
            "expires_at": None if state is ReportState.PENDING else iso(call.cloud.agreements.expires_at(report)),
            "report_type": report.report_type,
            "report_params": {"devices": list(report.devices), "products": list(report.products), "recipient_list": []},
            "download_url": f"{base_url(call)}/emulator/usage_reports/{report.token}" if ready else None,
        },
    }


def request_report(call: Call) -> Json:
    """Order a usage report."""
    report = call.cloud.agreements.request_report(
        call.who,
        call.path["agreement"],
        call.text("report_type"),
        call.text("date_period_start"),
        call.text("date_period_end"),
        call.path.get("org"),
        devices=call.texts("devices") or (),
        products=call.texts("products") or (),
    )
    return {"data": _report(call, report)}


def get_report(call: Call) -> Json:
    """A usage report that was ordered."""
    return {"data": _report(call, call.cloud.agreements.report(call.who, call.path["report"], call.path.get("org")))}


def download_report(call: Call) -> Response:
    """The file of a report, as CSV: knowing its link is enough."""
    report, lines = call.cloud.agreements.file(call.path["token"])
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    disposition = ("content-disposition", f'attachment; filename="{report.report_type}-{report.id}.csv"')
    return Response(200, text.getvalue().encode("utf-8", "replace"), "text/csv; charset=utf-8", (disposition,))
