"""SIMs of users and products."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import maybe_iso, page_of, product_of
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.members import parse_entries
from emulator.cloud.sim_records import Sim

Json = dict[str, Any]
USAGE_DAYS = 30


def sim_body(call: Call, sim: Sim) -> Json:
    """A SIM as the API shows it. A device's rates are not emulated and are 0."""
    device = call.cloud.sims.device_of(sim.iccid)
    user = call.cloud.accounts.by_id(sim.user_id)
    action = sim.last_status_change_action
    return {
        "_id": sim.iccid,
        "iccid": sim.iccid,
        "activations_count": sim.activations_count,
        "deactivations_count": sim.deactivations_count,
        "base_country_code": sim.base_country_code,
        "base_monthly_rate": 0,
        "overage_monthly_rate": 0,
        "first_activated_on": maybe_iso(sim.first_activated_on),
        "last_activated_on": maybe_iso(sim.last_activated_on),
        "last_activated_via": sim.last_activated_via,
        "last_status_change_action": None if action is None else action.value,
        "last_status_change_action_error": "no",
        "msisdn": "",
        "status": sim.status.value,
        "stripe_plan_slug": "",
        "updated_at": iso(sim.updated_at),
        "user_id": sim.user_id,
        "product_id": sim.product_id,
        "carrier": "particle",
        "last_device_id": None if device is None else device.id,
        "last_device_name": None if device is None else device.name,
        "owner": None if user is None else user.username,
        "mb_limit": sim.mb_limit,
    }


def list_sims(call: Call) -> Json:
    """One page of the caller's SIMs, or a product's."""
    wanted_iccid, wanted_id, wanted_name = ((call.get(name) or "").lower() for name in ("iccid", "deviceId", "deviceName"))
    found = []
    for sim in call.cloud.sims.list(call.who, product_of(call)):
        body = sim_body(call, sim)
        if (
            wanted_iccid in sim.iccid
            and wanted_id in (body["last_device_id"] or "")
            and wanted_name in (body["last_device_name"] or "").lower()
        ):
            found.append(body)
    page, meta = page_of(call, found)
    return {"sims": page, "meta": meta}


def get_sim(call: Call) -> Json:
    """One SIM. Its facts stand in `sim` and, for older clients, beside it."""
    body = sim_body(call, call.cloud.sims.get(call.who, call.path["iccid"], product_of(call)))
    return {"sim": body, **body}


def check_sim(call: Call) -> Response:
    """Whether a SIM can be activated: 200 yes, 205 it is active already; 403 and 404 come as errors.

    particle-api-js reads an answer without a body only when it is 204, so that is what a SIM that is ready gives.
    """
    sim = call.cloud.sims.check(call.who, call.path["iccid"])
    return Response(205 if sim.active else 204)


def update_sim(call: Call) -> Response:
    """Activate, deactivate or reactivate a SIM, or change its data limit; the network takes its time (202)."""
    sims, iccid, product, limit = call.cloud.sims, call.path["iccid"], product_of(call), call.get("mb_limit")
    action = call.get("action")
    if action == "activate" and product is None:
        sim = sims.activate(call.who, iccid, country=call.get("country"), mb_limit=limit)
    elif action == "deactivate":
        sim = sims.deactivate(call.who, iccid, product=product)
    elif action == "reactivate":
        sim = sims.reactivate(call.who, iccid, product=product, mb_limit=limit)
    elif action is None and limit is not None:
        sim = sims.limit(call.who, iccid, limit, product=product)
    else:
        raise Refused(
            Fault(
                400, "action must be activate, deactivate or reactivate" if product is None else "action must be deactivate or reactivate"
            )
        )
    return Response.of({"ok": True, "sim": sim_body(call, sim)}, 200 if sim.pending is None else 202)


def import_sims(call: Call) -> Response:
    """Take SIMs into a product: a list, or a file with one number a line.

    `inactive_sims` are those that are not activated by it: the product's team deactivated them, or the operator stopped them.
    """
    upload = call.upload()
    entries = list(call.texts("sims") or ())
    if upload is not None:
        entries += parse_entries(upload.content.decode("utf-8", "replace"))
    if not entries:
        raise Refused(Fault(400, "No SIM was given: send sims or a file"))
    imported = call.cloud.sims.import_sims(call.who, call.path["product"], entries)
    inactive = [sim.iccid for sim in imported if sim.stays_inactive]
    return Response.of({"ok": True, "sims": [sim.iccid for sim in imported], "inactive_sims": inactive}, 202)


def release_sim(call: Call) -> Response:
    """Give a SIM up; 202 while the network is at it."""
    sim = call.cloud.sims.release(call.who, call.path["iccid"], product=product_of(call))
    return Response(204) if sim.pending is None else Response.of({"ok": True}, 202)


def sim_usage(call: Call) -> Json:
    """The data a SIM used, by day. Traffic is not metered here: every day is 0."""
    sim = call.cloud.sims.get(call.who, call.path["iccid"], product_of(call), scope="sims.usage:get")
    return {"iccid": sim.iccid, "usage_by_day": _usage_by_day(call)}


def product_usage(call: Call) -> Json:
    """The data all SIMs of a product used."""
    product = call.cloud.access.product(call.who, call.path["product"], "sims.usage:get")
    active = sum(1 for sim in call.cloud.sims.of_product(product) if sim.active)
    return {"total_mbs_used": 0, "total_active_sim_cards": active, "usage_by_day": _usage_by_day(call)}


def _usage_by_day(call: Call) -> list[Json]:
    today = datetime.fromtimestamp(call.cloud.core.now(), UTC)
    days = [today - timedelta(days=back) for back in range(USAGE_DAYS - 1, -1, -1)]
    return [{"date": f"{day:%Y-%m-%d}", "mbs_used": 0, "mbs_used_cumulative": 0} for day in days]


def sim_status(call: Call) -> Response:
    """How the mobile network sees a SIM: it is asked, and until it has answered, nothing is known (202)."""
    sim, known = call.cloud.sims.network_status(call.who, call.path["iccid"], product_of(call))
    device = call.cloud.sims.device_of(sim.iccid)
    connected = device is not None and call.cloud.connections.online(device.id)
    status = {
        "status_code": sim.status.value if known else None,
        "connected": connected if known else None,
        "registration_recommendation": None,
    }
    meta = {"state": "complete" if known else "pending", "created_at": iso(sim.updated_at)}
    return Response.of({"ok": True, "meta": meta, "sim_status": status}, 200 if known else 202)
