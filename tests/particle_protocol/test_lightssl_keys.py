"""Keys of lightssl: the pool, the DER that Device OS walks, and what is refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_der_private_key
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.lightssl import (
    POOL_SIZE,
    DeviceKey,
    DevicePublicKey,
    KeyFault,
    ServerKey,
    ServerPublicKey,
    lab_device_key,
    lab_server_key,
)
from particle_protocol.lightssl.rsa import DerFault, private_integers, public_modulus


def test_the_pool_has_different_keys_that_device_os_can_walk():
    keys = [lab_device_key(number) for number in range(POOL_SIZE)]
    assert all(key.is_walkable for key in keys)
    assert len({key.public_der for key in keys}) == POOL_SIZE
    assert lab_device_key(POOL_SIZE + 3) is keys[3]


@pytest.mark.parametrize("number", [0, 77, 255])
def test_a_pool_key_is_a_key_to_openssl_too(number):
    key = lab_device_key(number)
    loaded = load_der_private_key(key.der, None)
    assert loaded.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()) == key.der
    assert loaded.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key.public_der
    assert len(key.public_der) == 162
    assert len(key.der) <= 612


def test_the_server_key_is_a_key_to_openssl_too():
    key = lab_server_key()
    assert key is lab_server_key()
    assert len(key.public_der) == 294
    assert ServerKey.load(key._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())).public_der == key.public_der
    assert (
        ServerKey.load(key._private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())).public_der
        == key.public_der
    )


def test_a_private_key_is_read_from_a_flash_slot_with_padding():
    key = lab_device_key(1)
    read = DeviceKey.from_der(key.der + b"\xff" * 600)
    assert read.der == key.der
    assert DevicePublicKey.from_der(read.public_der).der == key.public_der
    assert DeviceKey.from_der(key.der) is DeviceKey.from_der(key.der)
    assert repr(read) == repr(key)


def test_a_made_key_can_be_walked():
    assert DeviceKey.generate().is_walkable


def test_a_short_exponent_cannot_be_walked():
    key = lab_device_key(2)._numbers

    def changed(d, dmp1):
        return DeviceKey(rsa.RSAPrivateNumbers(key.p, key.q, d, dmp1, key.dmq1, key.iqmp, key.public_numbers))

    assert changed(key.d, key.dmp1).is_walkable
    assert not changed(key.d >> 16, key.dmp1).is_walkable
    assert not changed(key.d, key.dmp1 >> 16).is_walkable


@pytest.mark.parametrize("der", [b"", b"\xff" * 1216, bytes(612), lab_device_key(0).der[:-1], lab_device_key(0).public_der])
def test_what_is_no_private_key_is_refused(der):
    with pytest.raises(KeyFault, match="no device private key"):
        DeviceKey.from_der(der)


@given(st.integers(0, 605), st.integers(1, 255))
def test_a_private_key_with_a_flipped_byte_is_refused(place, flip):
    der = bytearray(lab_device_key(0).der)
    der[place] ^= flip
    try:
        assert private_integers(bytes(der))[1:] == private_integers(lab_device_key(0).der)[1:]
    except DerFault:
        pass


@given(st.binary(max_size=100))
def test_random_bytes_are_no_keys(data):
    for reader in (DeviceKey.from_der, DevicePublicKey.from_der, ServerPublicKey.from_der):
        with pytest.raises(KeyFault):
            reader(b"0" + data)


def test_a_larger_device_key_is_refused():
    der = lab_server_key()._private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    with pytest.raises(KeyFault, match="RSA-2048"):
        DeviceKey.from_der(der)


def test_a_public_key_of_another_size_is_refused():
    with pytest.raises(KeyFault):
        DevicePublicKey.from_der(lab_server_key().public_der)
    with pytest.raises(DerFault):
        public_modulus(lab_device_key(0).public_der, 256)


def test_a_server_key_of_another_kind_is_refused():
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data in (b"", b"-----BEGIN", curve, lab_device_key(0).der):
        with pytest.raises(KeyFault, match="server key"):
            ServerKey.load(data)


def test_a_board_looks_at_the_modulus_of_the_server_key_only():
    der = bytearray(lab_server_key().public_der)
    der[:30] = bytes(30)
    encrypted = ServerPublicKey.from_der(bytes(der)).encrypt(b"x")
    assert lab_server_key().decrypt(encrypted) == b"x"


def test_a_blank_flash_slot_is_a_key_that_nobody_can_answer():
    # All ones is an odd number of the right size: the board encrypts with it, and no server can read that.
    assert lab_server_key().decrypt(ServerPublicKey.from_der(b"\xff" * 384).encrypt(b"x" * 52))[:40] != b"x" * 40
    with pytest.raises(KeyFault):
        ServerPublicKey.from_der(bytes(384))


def test_what_was_encrypted_for_somebody_else_says_so():
    meant = DevicePublicKey.from_der(lab_device_key(0).public_der).encrypt(b"x" * 40)
    assert lab_device_key(0).can_decrypt(meant)
    assert not lab_device_key(1).can_decrypt(meant)
    assert lab_device_key(1).decrypt(b"short") == b""
    assert lab_server_key().decrypt(b"short") == b""


def test_a_bad_signature_verifies_nothing():
    key = lab_server_key()
    assert key.public.verifies(key.sign(b"data"), b"data")
    assert not key.public.verifies(key.sign(b"data"), b"atad")
    assert not key.public.verifies(bytes(256), b"data")
