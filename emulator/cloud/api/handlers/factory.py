"""Serial numbers, device keys, device protection, and what only Tachyon has."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from emulator.cloud.api.call import Call
from emulator.cloud.api.faults import Fault, Refused
from emulator.cloud.api.handlers.shown import organization_of, product_of
from emulator.cloud.errors import Invalid
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


def unprotect(call: Call) -> Json:
    """The cloud's half of taking a device's protection off: give a nonce, or sign for a device that has signed it."""
    protection, given, product, organization = call.cloud.protection, call.path["device"], product_of(call), organization_of(call)
    if call.text("action") == "prepare":
        return {"server_nonce": _base64(protection.prepare(call.who, given, product, organization=organization))}
    parts = [_bytes(call, name) for name in ("server_nonce", "device_nonce", "device_signature", "device_public_key_fingerprint")]
    done = protection.confirm(call.who, given, parts[0], parts[1], parts[2], parts[3], product, organization=organization)
    return {
        "server_signature": _base64(done.server_signature),
        "server_public_key_fingerprint": _base64(done.server_key_fingerprint),
    }


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(call: Call, name: str) -> bytes:
    """A field in base64.

    Raises:
        Invalid: it is missing, or none.
    """
    try:
        return b64decode(call.get(name) or "", validate=True)
    except ValueError:
        raise Invalid(name, None, "must be base64") from None


def backup_files(call: Call) -> None:
    """The backup that the factory made of a Tachyon's files: no other device has one.

    Raises:
        Refused: always.
    """
    call.cloud.devices.reach(call.who, call.path["device"], "devices:get", product_of(call), organization=organization_of(call))
    raise Refused(Fault(404, "Backup not found", "not_found"))


def not_here(call: Call) -> None:
    """What only Tachyon has."""
    raise Refused(Fault(404, "This is not available here", "not_found"))
