"""An update through the channel that boards use: chunks in CoAP in DTLS, over a network that loses."""

import random

import pytest

from particle_protocol.dtls import ClientEnd, DeviceIdentity, PrivateKey, ServerEnd, device_dialect
from particle_protocol.ota import SenderSettings, UpdateTaken
from particle_protocol.secure_channel import MessageReceived

SERVER_KEY, DEVICE_KEY = PrivateKey.from_number(1), PrivateKey.from_number(2)


class SecureNetwork:
    """A network between two ends of a DTLS session, which what is carried goes through."""

    def __init__(self, network, version):
        self.network = network
        device = ClientEnd(DeviceIdentity(bytes(12), DEVICE_KEY, SERVER_KEY.public), device_dialect(version), 0.0)
        cloud = ServerEnd(SERVER_KEY, 0.0)
        cloud.receive_data(device.pieces_to_send()[0], 0.0)
        device.receive_data(cloud.pieces_to_send()[0], 0.0)
        cloud.receive_data(device.pieces_to_send()[0], 0.0)
        cloud.accept(0.0)
        device.receive_data(cloud.pieces_to_send()[0], 0.0)
        device.events(), cloud.events()
        self.ends = {"at_device": (cloud, device), "at_cloud": (device, cloud)}
        self.longest = 0

    @property
    def now(self):
        return self.network.now

    def next_arrival(self):
        return self.network.next_arrival()

    def deliver_until(self, now):
        return self.network.deliver_until(now)

    def carry(self, message, arrive):
        sender, receiver = self.ends[arrive.__name__]
        sender.send(message)

        def take(datagram):
            receiver.receive_data(datagram, self.now)
            for event in receiver.events():
                assert isinstance(event, MessageReceived)
                arrive(event.data)

        for datagram in sender.pieces_to_send():
            self.longest = max(self.longest, len(datagram))
            self.network.carry(datagram, take)


@pytest.mark.parametrize("version", [(3, 0, 0), (6, 2, 0)], ids=["3.0.0", "6.2.0"])
@pytest.mark.parametrize("chunk_size", [512, 1136])
def test_an_update_over_dtls(make_network, make_world, version, chunk_size):
    network = SecureNetwork(make_network(11, loss=0.05, repeat=0.05, corrupt=0.02, jitter=0.02), version)
    image = random.Random(5).randbytes(60_000)
    world = make_world(image, settings=SenderSettings(chunk_size), network=network).run()
    assert isinstance(world.sender.result, UpdateTaken)
    assert bytes(world.store.data) == image and world.applied
    assert network.longest <= chunk_size + 14 + 29
