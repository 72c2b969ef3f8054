"""Telling kinds of public keys apart."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from particle_protocol.dtls import PrivateKey
from particle_protocol.key_kinds import KeyKind
from particle_protocol.lightssl import lab_device_key, lab_server_key


def der(private):
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (lab_device_key(1).public_der, KeyKind.RSA),
        (lab_server_key().public.der, KeyKind.RSA),
        (PrivateKey.from_number(7).public_der, KeyKind.P256),
        (der(ec.derive_private_key(7, ec.SECP384R1())), None),
        (der(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))), None),
        (b"junk", None),
        (b"", None),
    ],
)
def test_the_kind_of_a_key_is_what_its_object_id_says(key, kind):
    assert KeyKind.of(key) is kind
