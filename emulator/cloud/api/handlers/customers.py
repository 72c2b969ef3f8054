"""Customers of products."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.accounts import client_pair, token_body
from emulator.cloud.api.handlers.shown import device_body, page_of
from emulator.cloud.records import Owner, OwnerKind

Json = dict[str, Any]


def create_customer(call: Call) -> Json:
    """Sign a customer up and log it in: with an OAuth client of the product, or with a token of that product."""
    customers, product = call.cloud.customers, call.path["product"]
    username = call.get("email") or ""
    password = None if call.flag("no_password") else call.get("password")
    if password is None and not call.flag("no_password"):
        raise Refused(Fault(400, "password is required", "invalid_request"))
    who = call.maybe_who
    if who is not None:
        return token_body(call, customers.create_as(who, product, username, password))
    return token_body(call, customers.create(*client_pair(call), product, username, password))


def list_customers(call: Call) -> Json:
    """One page of a product's customers, and their devices."""
    cloud, product = call.cloud, call.path["product"]
    found = [each for each in cloud.customers.list(call.who, product) if (call.get("email") or "").lower() in each.username]
    page, meta = page_of(call, found)
    number = cloud.access.product(call.who, product, "customers:list").id
    owned = {each.id: cloud.devices.table.where(cloud.devices.by_owner, Owner(OwnerKind.CUSTOMER, each.id)) for each in page}
    return {
        "customers": [
            {"id": each.id, "full_name": each.full_name, "username": each.username, "devices": [device.id for device in owned[each.id]]}
            for each in page
        ],
        "devices": [device_body(call, device, number, detail=False) for devices in owned.values() for device in devices],
        "meta": meta,
    }


def reset_password(call: Call) -> Json:
    """Give a customer another password; its tokens end."""
    call.cloud.customers.reset_password(call.who, call.path["product"], call.path["customer"], call.text("password"))
    return {"ok": True}


def delete_customer(call: Call) -> Json:
    """End a customer."""
    call.cloud.customers.delete(call.who, call.path["product"], call.path["customer"])
    return {"ok": True}
