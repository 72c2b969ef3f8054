"""Serial numbers, device keys, and what only newer platforms have."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import product_of
from particle_protocol.skus import SimForm

Json = dict[str, Any]


def find_serial(call: Call) -> Json:
    """The device of a serial number, and its SIM, if that is built in: which card is in it, the number cannot say."""
    device = call.cloud.devices.by_serial_number(call.path["serial"])
    body: Json = {
        "ok": True,
        "deviceID": device.id,
        "device_id": device.id,
        "serial_number": device.serial_number,
        "platform_id": device.platform_id,
    }
    sim = call.cloud.sims.by_iccid(device.iccid)
    return body if sim is None or sim.form is SimForm.PLASTIC else {**body, "iccid": sim.iccid}


def provision_key(call: Call) -> str:
    """Register a device's public key (PEM)."""
    try:
        key = load_pem_public_key(call.text("publicKey").encode())
    except (ValueError, UnsupportedAlgorithm):
        raise Refused(Fault(400, "publicKey must be a public key in PEM")) from None
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    call.cloud.factory.provision_key(call.who, call.path["device"], der, call.get("product_id"))
    return "Success!"


def not_here(call: Call) -> None:
    """What only Tachyon and protected devices have."""
    raise Refused(Fault(404, "This is not available here", "not_found"))


def backup_files(call: Call) -> Json:
    """Take a backup of a device's own files; it is checked for its owner, and not kept."""
    call.cloud.devices.reach(call.who, call.path["device"], "devices:update", product_of(call))
    return {"ok": True}
