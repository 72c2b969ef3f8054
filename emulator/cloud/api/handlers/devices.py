"""Devices: the object as it is shown, claiming, changing, and asking the device itself.

The same handlers serve the paths below `/v1/devices` and below `/v1/products/{product}/devices`: there the product is in the path.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.errors import DEVICE_FORBIDDEN
from emulator.cloud.api.faults import Fault, Refused, Shape
from emulator.cloud.api.handlers.shown import device_body, maybe_iso, organization_of, product_of
from emulator.cloud.api.handlers.uploads import is_source, read_upload, sources_of
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.claims import Claimed
from emulator.cloud.compiler import LATEST, NotCompiled
from emulator.cloud.devices import is_device_id
from emulator.cloud.errors import DeviceForbidden, DeviceOffline, NoAnswer

Json = dict[str, Any]


def list_devices(call: Call) -> list[Json]:
    """The caller's devices, last handshake first."""
    return [device_body(call, device, detail=False) for device in call.cloud.devices.list(call.who)]


def get_device(call: Call) -> Json:
    """One device."""
    cloud, product = call.cloud, product_of(call)
    device = cloud.devices.reach(call.who, call.path["device"], "devices:get", product, organization=organization_of(call))
    return device_body(call, device, None if product is None else cloud.access.product(call.who, product, "devices:get").id)


def claim(call: Call) -> Json:
    """Claim a device by its id, or ask its owner for it; or, with a product instead of an id, have a virtual device made."""
    if call.has("product_id"):
        device = call.cloud.factory.virtual(call.who, call.text("product_id"))
        return {"ok": True, "id": device.id, "device_id": device.id, "user_id": call.who.account, "connected": False}
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
    """Change what was sent: name, notes and the like; what a member is in its product; or signal; or flash."""
    if call.has("signal"):
        return _signal(call)
    if call.body.files or call.has("app") or call.has("app_id"):
        return _flash(call)
    product = product_of(call)
    plain = call.sent("name", "notes", "firmware_updates_forced")
    member = call.sent("development", "desired_firmware_version", "groups") if product is not None else {}
    if not plain and not member:
        raise Refused(Fault(400, "Nothing to do? No name, signal, file or other change was given"))
    settings, given = call.cloud.device_settings, call.path["device"]
    with call.cloud.core.change():
        device = settings.update(call.who, given, product=product, **plain)
        if product is not None and member:
            device = settings.update_member(call.who, product, given, flash=call.flag("flash"), **member)
    shown = {name: getattr(device, name) for name in (*plain, *member)}
    return {"id": device.id, **shown, "updated_at": iso(device.updated_at)}


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
    if call.body.files and is_source(call):
        target = call.get("build_target_version") or LATEST
        try:
            image = cloud.compiler.compile(call.who, sources_of(call), device.platform_id, target).image
        except NotCompiled as error:
            return {"ok": False, "output": "Compiler unavailable", "errors": [str(error)]}
    elif call.body.files:
        image = read_upload(call)
    else:
        image = cloud.applications.find(call.get("app") or call.get("app_id") or "", device.platform_id)
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
    product, organization = product_of(call), organization_of(call)
    if product is not None and organization is not None:
        call.cloud.access.check_home(product, organization)
    offer = call.cloud.claim_codes.create(call.who, product=product, iccid=call.get("iccid"), imei=call.get("imei"))
    return {"claim_code": offer.code, "device_ids": list(offer.device_ids)}
