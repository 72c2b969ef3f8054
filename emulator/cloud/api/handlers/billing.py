"""Plans, what of them is used, and reports of it."""

from __future__ import annotations

from typing import Any

from emulator.cloud.agreements import Agreement, UsageReport
from emulator.cloud.api.call import Call
from emulator.cloud.basics import iso

Json = dict[str, Any]


def _agreement(agreement: Agreement) -> Json:
    return {
        "id": agreement.id,
        "type": "service_agreement",
        "attributes": {
            "name": agreement.name,
            "plan": agreement.plan.value,
            "state": "active",
            "current_usage_summary": {
                "connectivity": {"all": agreement.operations},
                "devices": agreement.devices,
                "device_limit_reached": agreement.device_limit_reached,
            },
            "pricing_terms": {
                "device": {"max_devices": agreement.max_devices},
                "messaging": {"max_messages": agreement.max_operations},
                "device_data": {"max_mb": agreement.data_limit_mb},
            },
        },
    }


def list_agreements(call: Call) -> Json:
    """The caller's service agreement, or an organization's."""
    return {"data": [_agreement(call.cloud.agreements.of(call.who, call.path.get("org")))]}


def _report(report: UsageReport) -> Json:
    return {
        "id": report.id,
        "type": "usage_report",
        "attributes": {
            "state": report.state,
            "service_agreement_id": report.agreement_id,
            "date_period_start": report.date_period_start,
            "date_period_end": report.date_period_end,
            "created_at": iso(report.created_at),
            "expires_at": None,
            "download_url": None,
            "report_type": report.report_type,
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
    )
    return {"data": _report(report)}


def get_report(call: Call) -> Json:
    """A usage report that was ordered."""
    return {"data": _report(call.cloud.agreements.report(call.who, call.path["report"], call.path.get("org")))}
