"""Taking device protection off: the cloud signs for the very device that signed its nonce, and for nobody else."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator.cloud.errors import DeviceForbidden, DeviceNotInProduct, Invalid
from emulator.cloud.protection import signed_text

DEVICE_NONCE = bytes(range(32))


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def key():
    return ec.derive_private_key(11, ec.SECP256R1())


@pytest.fixture
def claimed(world, key):
    """`world` with `u1` and its device `d`, whose key is registered."""
    world.u1 = world.user("u1")
    world.d, _ = world.claimed(world.u1)
    world.cloud.factory.register_key(world.d.id, spki(key))
    return world


def answer(key, device, server_nonce, device_nonce=DEVICE_NONCE):
    """What the device says to a nonce."""
    signature = key.sign(signed_text("device", device.id, device_nonce, server_nonce), ec.ECDSA(SHA256()))
    return server_nonce, device_nonce, signature, sha256(spki(key)).digest()


def test_what_is_signed_is_laid_out_as_the_device_lays_it_out():
    text = signed_text("device", "00112233445566778899aabb", b"\x01\x02", b"\x03")
    assert text == b"device" + bytes.fromhex("00112233445566778899aabb") + b"\x02\0\0\0\x01\x02" + b"\x01\0\0\0\x03"


def test_the_cloud_signs_for_a_device_that_signed(claimed, key):
    protection = claimed.cloud.protection
    nonce = protection.prepare(claimed.u1, claimed.d.id)
    assert len(nonce) == 32
    done = protection.confirm(claimed.u1, claimed.d.id, *answer(key, claimed.d, nonce))
    text = signed_text("server", claimed.d.id, nonce, DEVICE_NONCE, sha256(spki(key)).digest())
    protection.key.public_key().verify(done.server_signature, text, ec.ECDSA(SHA256()))
    assert done.server_key_fingerprint == sha256(spki(protection.key)).digest()
    with pytest.raises(InvalidSignature):
        protection.key.public_key().verify(done.server_signature, text + b"x", ec.ECDSA(SHA256()))


NOT_THE_NONCE = "server_nonce='...': is unknown or too old"


def test_a_nonce_is_used_once_and_is_the_newest_and_in_time(claimed, key):
    protection = claimed.cloud.protection

    def confirm(nonce):
        return protection.confirm(claimed.u1, claimed.d.id, *answer(key, claimed.d, nonce))

    old, nonce = protection.prepare(claimed.u1, claimed.d.id), protection.prepare(claimed.u1, claimed.d.id)
    with pytest.raises(Invalid, match=f"^{re.escape(NOT_THE_NONCE)}$"):
        confirm(old)
    with pytest.raises(Invalid, match=f"^{re.escape(NOT_THE_NONCE)}$"):
        confirm(nonce)
    nonce = protection.prepare(claimed.u1, claimed.d.id)
    claimed.pass_time(60)
    confirm(nonce)
    with pytest.raises(Invalid, match=f"^{re.escape(NOT_THE_NONCE)}$"):
        confirm(nonce)
    nonce = protection.prepare(claimed.u1, claimed.d.id)
    claimed.pass_time(60.5)
    with pytest.raises(Invalid, match=f"^{re.escape(NOT_THE_NONCE)}$"):
        confirm(nonce)
    with pytest.raises(Invalid, match=f"^{re.escape(NOT_THE_NONCE)}$"):
        confirm(b"")


def test_another_key_or_signature_is_refused(claimed, key):
    protection, device = claimed.cloud.protection, claimed.d
    other = ec.derive_private_key(12, ec.SECP256R1())

    def refuse(said, *parts):
        with pytest.raises(Invalid) as refused:
            protection.confirm(claimed.u1, device.id, *parts)
        assert str(refused.value) == said

    refuse(
        "device_public_key_fingerprint='...': is not that of the device's registered key",
        *answer(other, device, protection.prepare(claimed.u1, device.id)),
    )
    nonce = protection.prepare(claimed.u1, device.id)
    good, forged = answer(key, device, nonce), answer(other, device, nonce)
    refuse("device_signature='...': is not the device's", nonce, DEVICE_NONCE, forged[2], good[3])
    nonce = protection.prepare(claimed.u1, device.id)
    refuse("device_nonce='...': must have 32 bytes", *answer(key, device, nonce, b"short"))
    nonce = protection.prepare(claimed.u1, device.id)
    refuse("device_signature='...': is not the device's", nonce, bytes(32), answer(key, device, nonce)[2], good[3])
    old = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    claimed.cloud.factory.register_key(device.id, spki(old))
    nonce = protection.prepare(claimed.u1, device.id)
    refuse("device_signature='...': needs a device with an elliptic key", nonce, DEVICE_NONCE, b"x", sha256(spki(old)).digest())


def test_a_member_is_unprotected_through_its_product_and_no_other(claimed, key):
    cloud, u1 = claimed.cloud, claimed.u1
    inside, other = claimed.product(u1), claimed.product(u1)
    cloud.members.add(u1, inside.id, [claimed.d.id])
    company = cloud.products.create_organization(cloud.accounts.of(u1), "company")
    for where in ({"product": other.id}, {"organization": company.id}):
        with pytest.raises((DeviceNotInProduct, DeviceForbidden)):
            cloud.protection.prepare(u1, claimed.d.id, **where)
    nonce = cloud.protection.prepare(u1, claimed.d.id, inside.id)
    for where in ({"product": other.id}, {"organization": company.id}):
        with pytest.raises((DeviceNotInProduct, DeviceForbidden)):
            cloud.protection.confirm(u1, claimed.d.id, *answer(key, claimed.d, nonce), **where)
    assert cloud.protection.confirm(u1, claimed.d.id, *answer(key, claimed.d, nonce), inside.id)


def test_a_stranger_gets_no_nonce(claimed):
    with pytest.raises(DeviceForbidden):
        claimed.cloud.protection.prepare(claimed.user("u2"), claimed.d.id)


def test_the_clouds_key_stays_the_same(claimed):
    assert claimed.cloud.protection.key.private_numbers() == claimed.cloud.protection.key.private_numbers()
