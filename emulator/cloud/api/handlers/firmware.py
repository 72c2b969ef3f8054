"""Firmware of products: versions, releases, and what a release would do."""

from __future__ import annotations

from typing import Any

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.uploads import read_upload
from emulator.cloud.api.messages import Response
from emulator.cloud.basics import iso
from emulator.cloud.images import is_bundle
from emulator.cloud.releases import Firmware

Json = dict[str, Any]


def _body(call: Call, firmware: Firmware, devices: dict[int, int] | None = None) -> Json:
    if devices is None:
        devices = call.cloud.releases.devices_on(call.cloud.registry.products[firmware.product_id])
    return {
        "_id": firmware.id,
        "version": firmware.version,
        "title": firmware.title,
        "description": firmware.description,
        "name": firmware.file_name,
        "size": firmware.size,
        "product_default": firmware.product_default,
        "current": firmware.product_default,
        "groups": list(firmware.groups),
        "mandatory": firmware.mandatory,
        "intelligent": firmware.intelligent,
        "uploaded_on": iso(firmware.uploaded_on),
        "updated_at": iso(firmware.updated_at),
        "uploaded_by": {"username": firmware.uploaded_by},
        "product_id": firmware.product_id,
        "device_count": devices.get(firmware.version, 0),
        "sha256": firmware.sha256,
    }


def _version(call: Call) -> int:
    """The version in the path.

    Raises:
        Refused: it is no number, so there is no such version.
    """
    text = call.path["version"]
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Refused(Fault(404, "Firmware version not found"))
    return int(text)


def list_firmware(call: Call) -> list[Json]:
    """All versions, the highest first."""
    product = call.path["product"]
    found = call.cloud.releases.list(call.who, product)
    devices = call.cloud.releases.devices_on(call.cloud.access.product(call.who, product, "firmware:list"))
    return [_body(call, firmware, devices) for firmware in found]


def get_firmware(call: Call) -> Json:
    """One version."""
    return _body(call, call.cloud.releases.get(call.who, call.path["product"], _version(call)))


def get_binary(call: Call) -> Response:
    """The bytes of a version."""
    data = call.cloud.releases.binary(call.who, call.path["product"], _version(call))
    suffix = "zip" if is_bundle(data) else "bin"
    disposition = ("content-disposition", f'attachment; filename="firmware-{_version(call)}.{suffix}"')
    return Response(200, data, "application/octet-stream", (disposition,))


def upload_firmware(call: Call) -> Json:
    """Take in a version."""
    image = read_upload(call)
    upload = call.upload()
    firmware = call.cloud.releases.upload(
        call.who,
        call.path["product"],
        call.integer("version", 0),
        image,
        title=call.get("title") or "",
        description=call.get("description") or "",
        file_name="firmware.bin" if upload is None else upload.filename.replace("\\", "/").rpartition("/")[2][:200] or "firmware.bin",
        mandatory=call.flag("mandatory"),
    )
    return _body(call, firmware, {})


def update_firmware(call: Call) -> Json:
    """Change what is said about a version."""
    facts = call.sent("title", "description", "mandatory")
    return _body(call, call.cloud.releases.update(call.who, call.path["product"], _version(call), **facts))


def release(call: Call) -> Json:
    """Release a version to the product or to groups."""
    firmware = call.cloud.releases.release(
        call.who,
        call.path["product"],
        call.integer("version", 0),
        product_default=call.flag("product_default"),
        groups=call.texts("groups") or (),
        intelligent=call.flag("intelligent"),
    )
    return {"id": firmware.id, **_body(call, firmware)}


def delete_firmware(call: Call) -> None:
    """Take a version away that was never released."""
    call.cloud.releases.delete(call.who, call.path["product"], _version(call))


def impact(call: Call) -> Json:
    """How many devices a release, or a change of its groups, would update."""
    count = call.cloud.releases.impact(
        call.who,
        call.path["product"],
        call.integer("firmware_version", 0),
        groups=call.texts("groups") or (),
        product_default=call.flag("product_default"),
    )
    return {"number_of_devices_updated": count, "devices": {"total": count}}
