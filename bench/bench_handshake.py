"""A lightssl handshake, both ends in one process, against the RSA operations that it consists of; and messages through the channel."""

import random

import pytest

from particle_protocol.lightssl import DeviceEnd, DevicePublicKey, ServerEnd, lab_device_key, lab_server_key

SERVER_KEY = lab_server_key()
DEVICE_KEY = lab_device_key(0)
DEVICE_ID = bytes(12)


def handshake():
    device = DeviceEnd(DEVICE_ID, DEVICE_KEY, SERVER_KEY.public, 0.0)
    server = ServerEnd(SERVER_KEY, 0.0, random_bytes=random.randbytes)
    device.receive_data(server.data_to_send(), 0.0)
    server.receive_data(device.data_to_send(), 0.0)
    (identified,) = server.events()
    server.accept(DevicePublicKey.from_der(identified.public_key), 0.0)
    device.receive_data(server.data_to_send(), 0.0)
    return device, server


def test_handshake(benchmark):
    device, server = benchmark(handshake)
    assert device.events() == server.events()


def test_the_rsa_in_it(benchmark):
    public = DevicePublicKey.from_der(DEVICE_KEY.public_der)

    def operations():
        identity = SERVER_KEY.decrypt(SERVER_KEY.public.encrypt(bytes(214)))
        session = DEVICE_KEY.decrypt(public.encrypt(bytes(40)))
        return identity, session, SERVER_KEY.public.verifies(SERVER_KEY.sign(bytes(20)), bytes(20))

    assert benchmark(operations) == (bytes(214), bytes(40), True)


@pytest.mark.parametrize("size", [20, 600])
def test_a_message_through_the_channel(benchmark, size):
    device, server = handshake()
    device.events(), server.events()

    def carry():
        server.send(bytes(size))
        device.receive_data(server.data_to_send(), 0.0)
        return device.events()

    assert len(benchmark(carry)[0].data) == size
