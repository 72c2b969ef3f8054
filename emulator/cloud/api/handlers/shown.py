"""Records of the domain as the API shows them, where several rooms of handlers need them."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.basics import iso
from emulator.cloud.records import Device, OwnerKind

Json = dict[str, Any]
DEFAULT_BUILD_TARGET = "2.3.1"
"""The Device OS version that the real cloud's compiler would take for a Photon."""
PER_PAGE = 25


def maybe_iso(when: float | None) -> str | None:
    """A time as the API shows it, or null."""
    return None if when is None else iso(when)


def device_body(call: Call, device: Device, product_id: int | None = None, *, detail: bool = True) -> Json:
    """A device as the API shows it, seen from a product or from its owner.

    `product_id` in the body is the platform's number for a device in no product, as clients expect. Lists leave out what only the device
    can tell (functions and variables).
    """
    view = call.cloud.views.of(device, product_id)
    presence = view.presence
    body: Json = {
        "id": device.id,
        "name": device.name,
        "owner": view.owner,
        "last_ip_address": device.last_ip_address,
        "last_heard": maybe_iso(presence.last_heard),
        "last_handshake_at": maybe_iso(device.last_handshake_at),
        "product_id": view.product_id,
        "online": presence.online,
        "connected": presence.online,
        "platform_id": device.platform_id,
        "cellular": view.cellular,
        "notes": device.notes,
        "functions": None,
        "variables": None,
        "status": view.status,
        "serial_number": device.serial_number,
        "mobile_secret": device.mobile_secret,
        "iccid": device.iccid,
        "last_iccid": device.last_iccid or device.iccid,
        "imei": device.imei,
        "mac_wifi": device.mac_wifi,
        "system_firmware_version": view.system_firmware_version,
        "current_build_target": view.system_firmware_version,
        "pinned_build_target": None,
        "default_build_target": DEFAULT_BUILD_TARGET,
        "firmware_updates_enabled": device.firmware_updates_enabled,
        "firmware_updates_forced": device.firmware_updates_forced,
        "device_protection": {"status": "active" if device.protected else "disabled"},
        "last_app": device.last_app,
    }
    if detail and presence.functions is not None:
        body["functions"] = list(presence.functions)
        body["variables"] = dict(presence.variables or {})
    if device.owner is not None:
        body["customer_id" if device.owner.kind is OwnerKind.CUSTOMER else "user_id"] = device.owner.id
    if product_id is not None or device.product_id is not None:
        waits = view.quarantined or view.denied  # what it is in a product of its own is not for this one to see
        body["firmware_product_id"] = device.firmware_product_id
        body["groups"] = [] if waits else list(device.groups)
        body["firmware_version"] = device.firmware_version
        body["desired_firmware_version"] = None if waits else device.desired_firmware_version
        body["targeted_firmware_release_version"] = view.targeted_firmware_release_version
        body["development"] = device.development and not waits
        body["quarantined"] = view.quarantined
        body["denied"] = view.denied
    return body


def page_of(call: Call, entries: list[Any], *, per_page: int = PER_PAGE) -> tuple[list[Any], Json]:
    """The page of a list that the caller asked for, and what goes in `meta`."""
    size, page = call.integer("perPage", per_page), call.integer("page", 1)
    pages = max(1, -(-len(entries) // size))
    return entries[(page - 1) * size : page * size], {"page": page, "per_page": size, "total_pages": pages, "total": len(entries)}


def base_url(call: Call) -> str:
    """Where the caller reached this API, for links to it."""
    return f"http://{call.request.headers.get('host', 'localhost')}"


def organization_of(call: Call) -> str | None:
    """The organization that the path names, or None."""
    return call.path.get("org")


def product_of(call: Call) -> str | None:
    """The product that the path names, or None on the paths of a user."""
    return call.path.get("product")
