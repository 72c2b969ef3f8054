"""Devices: the object as it is shown, claiming, changing, and asking the device itself.

The same handlers serve the paths below `/v1/devices` and below `/v1/products/{product}/devices`: there the product is in the path.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.errors import DEVICE_FORBIDDEN
from emulator.cloud.api.faults import Fault, Refused, Shape
from emulator.cloud.api.handlers.accounts import is_cellular
from emulator.cloud.api.handlers.uploads import read_upload
from emulator.cloud.basics import iso
from emulator.cloud.claims import Claimed
from emulator.cloud.devices import is_device_id
from emulator.cloud.errors import DeviceForbidden, DeviceOffline, NoAnswer
from emulator.cloud.records import Device, OwnerKind
from emulator.http.messages import Response
from particle_protocol.os_versions import os_version_name

Json = dict[str, Any]
DEFAULT_BUILD_TARGET = "2.3.1"
"""The Device OS version that the cloud would build for; the newest for the Photon among those most used here."""


def maybe_iso(when: float | None) -> str | None:
    """A time as the API shows it, or null."""
    return None if when is None else iso(when)


def device_body(call: Call, device: Device, *, detail: bool = True) -> Json:
    """A device as the API shows it. `product_id` is the platform's number for a device in no product, as clients expect.

    Lists leave out what takes the device's own word (functions and variables).
    """
    cloud = call.cloud
    presence = cloud.connections.presence(device.id, device.last_handshake_at)
    version = os_version_name(device.system_version)
    owner = device.owner
    body: Json = {
        "id": device.id,
        "name": device.name,
        "owner": None if owner is None else cloud.owner_name(owner),
        "last_ip_address": device.last_ip_address,
        "last_heard": maybe_iso(presence.last_heard),
        "last_handshake_at": maybe_iso(device.last_handshake_at),
        "product_id": device.platform_id if device.product_id is None else device.product_id,
        "online": presence.online,
        "connected": presence.online,
        "platform_id": device.platform_id,
        "cellular": is_cellular(device.platform_id),
        "notes": device.notes,
        "functions": None,
        "variables": None,
        "status": "safe_mode" if device.safe_mode else "normal",
        "serial_number": device.serial_number,
        "mobile_secret": device.mobile_secret,
        "iccid": device.iccid,
        "last_iccid": device.last_iccid or device.iccid,
        "imei": device.imei,
        "mac_wifi": device.mac_wifi,
        "system_firmware_version": version,
        "current_build_target": version,
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
    if owner is not None:
        body["customer_id" if owner.kind is OwnerKind.CUSTOMER else "user_id"] = owner.id
    return body


def product_of(call: Call) -> str | None:
    """The product that the path names, or None on the paths of a user."""
    return call.path.get("product")


def list_devices(call: Call) -> list[Json]:
    """The caller's devices, last handshake first."""
    return [device_body(call, device, detail=False) for device in call.cloud.devices.list(call.who)]


def get_device(call: Call) -> Json:
    """One device."""
    device = call.cloud.devices.reach(call.who, call.path["device"], "devices:get", product_of(call))
    return device_body(call, device)


def claim(call: Call) -> Json:
    """Claim a device by its id, or ask its owner for it."""
    result = call.cloud.claims.claim(call.who, call.get("id"), request_transfer=call.flag("request_transfer"))
    if isinstance(result, Claimed):
        return {"user_id": call.who.account, "id": result.device.id, "connected": result.connected, "ok": True}
    return {"ok": True, "transfer_id": result.id}


def unclaim(call: Call) -> Json:
    """Give an own device up."""
    call.cloud.claims.unclaim(call.who, call.path["device"])
    return {"ok": True}


def release(call: Call) -> Json:
    """Take the owner off a device of a product."""
    call.cloud.claims.release(call.who, call.path["product"], call.path["device"])
    return {"ok": True}


def update_device(call: Call) -> Json | Coroutine[Any, Any, Any]:
    """Change what was sent: name, notes and the like; or signal; or flash."""
    if call.has("signal"):
        return _signal(call)
    if call.body.files or call.has("app") or call.has("app_id"):
        return _flash(call)
    names = ("name", "notes", "firmware_updates_forced")
    changes = call.sent(*names)
    if not changes:
        raise Refused(Fault(400, "Nothing to do? No name, signal, file or other change was given"))
    device = call.cloud.device_settings.update(call.who, call.path["device"], product=product_of(call), **changes)
    return {"id": device.id, **{name: getattr(device, name) for name in changes}, "updated_at": iso(device.updated_at)}


async def _signal(call: Call) -> Json:
    on = call.flag("signal")
    cloud = call.cloud
    device = cloud.devices.reach(call.who, call.path["device"], "devices:update", product_of(call))
    try:
        await cloud.operations.signal(call.who, device.id, on=on, product=product_of(call))
    except (DeviceOffline, NoAnswer):
        raise Refused(Fault(408, "", entry={"error": "Timed out, the device did not answer"}, shape=Shape.ERRORS)) from None
    return {"id": device.id, "connected": True, "signaling": on}


async def _flash(call: Call) -> Json:
    cloud = call.cloud
    device = cloud.devices.reach(call.who, call.path["device"], "devices:update", product_of(call))
    image = read_upload(call)
    try:
        await cloud.operations.flash(call.who, device.id, image, product=product_of(call))
    except (DeviceOffline, NoAnswer):
        raise Refused(Fault(500, "Request Timed Out", shape=Shape.ERRORS, extra={"code": 500})) from None
    return {"id": device.id, "status": "Update started"}


async def ping(call: Call) -> Json:
    """Ask whether the device is there."""
    online = await call.cloud.operations.ping(call.who, call.path["device"], product=product_of(call))
    return {"online": online, "ok": True}


async def call_function(call: Call) -> Json:
    """Call a cloud function. A name nobody knows is 404 here, as the callers of functions expect; an id is 403 as everywhere."""
    given = call.path["device"]
    argument = call.get("arg") or ""
    try:
        reply = call.cloud.operations.call(call.who, given, call.path["function"], argument, product=product_of(call))
    except DeviceForbidden:
        if is_device_id(given):
            raise
        raise Refused(Fault(404, DEVICE_FORBIDDEN.text, DEVICE_FORBIDDEN.word, Shape.INFO)) from None
    result = await reply
    return {"id": result.device.id, "name": result.device.name, "connected": True, "return_value": result.value}


async def read_variable(call: Call) -> Json | Response:
    """Read a cloud variable; `format=raw` gives the bare value."""
    reply = call.cloud.operations.read(call.who, call.path["device"], call.path["variable"], product=product_of(call))
    result = await reply
    if call.get("format") == "raw":
        value = result.value
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        return Response(200, text.encode("utf-8", "replace"), "text/plain; charset=utf-8")
    device = result.device
    info = {
        "last_app": device.last_app or "",
        "last_heard": maybe_iso(call.cloud.connections.presence(device.id, device.last_handshake_at).last_heard),
        "connected": True,
        "last_handshake_at": maybe_iso(device.last_handshake_at),
        "deviceID": device.id,
        "product_id": device.platform_id if device.product_id is None else device.product_id,
        "name": device.name,
    }
    return {"cmd": "VarReturn", "name": result.name, "result": result.value, "coreInfo": info}


def claim_code(call: Call) -> Json:
    """Make a claim code."""
    offer = call.cloud.claim_codes.create(call.who, product=product_of(call), iccid=call.get("iccid"), imei=call.get("imei"))
    return {"claim_code": offer.code, "device_ids": list(offer.device_ids)}
