"""Both ends of every channel are what `SecureChannel` says, and can be talked through without knowing which they are."""

import random

import pytest

from particle_protocol import dtls
from particle_protocol.lightssl import DeviceEnd, DeviceIdentified, DevicePublicKey, ServerEnd, lab_device_key, lab_server_key
from particle_protocol.secure_channel import ChannelError, ChannelEstablished, MessageReceived, SecureChannel


def lightssl_pair() -> tuple[SecureChannel, SecureChannel]:
    key, server_key = lab_device_key(3), lab_server_key()
    device = DeviceEnd(bytes(12), key, server_key.public, 0.0)
    server = ServerEnd(server_key, 0.0, random_bytes=random.Random(5).randbytes)
    carry(server, device)
    carry(device, server)
    (identified,) = server.events()
    assert isinstance(identified, DeviceIdentified)
    server.accept(DevicePublicKey.from_der(identified.public_key), 0.0)
    carry(server, device)
    return device, server


def dtls_pair(version: tuple[int, int, int]) -> tuple[SecureChannel, SecureChannel]:
    key, server_key = dtls.PrivateKey.from_number(3), dtls.PrivateKey.from_number(4)
    device = dtls.ClientEnd(dtls.DeviceIdentity(bytes(12), key, server_key.public), dtls.device_dialect(version), 0.0)
    server = dtls.ServerEnd(server_key, 0.0)
    carry(device, server)
    carry(server, device)
    carry(device, server)
    (proved,) = server.events()
    assert isinstance(proved, dtls.KeyProved)
    server.accept(0.0)
    carry(server, device)
    return device, server


PAIRS = {"lightssl": lightssl_pair, "DTLS": lambda: dtls_pair((2, 3, 1)), "DTLS with a connection id": lambda: dtls_pair((6, 2, 0))}


def carry(sender: SecureChannel, receiver: SecureChannel) -> int:
    pieces = sender.pieces_to_send()
    for piece in pieces:
        receiver.receive_data(piece, 0.0)
    return sum(map(len, pieces))


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]()


def test_an_open_channel_says_so_on_both_ends(pair):
    for end in pair:
        assert end.is_open and not end.has_failed
        assert [isinstance(event, ChannelEstablished) for event in end.events()] == [True]
        assert end.deadline() is None


@pytest.mark.parametrize("size", [0, 1, 15, 16, 100, 640])
def test_messages_arrive_and_grow_by_no_more_than_the_overhead(pair, size):
    for sender, receiver in (pair, pair[::-1]):
        receiver.events()
        message = random.Random(size).randbytes(size)
        sender.send(message)
        assert size < carry(sender, receiver) <= size + sender.overhead
        assert receiver.events() == [MessageReceived(message)]
        assert sender.pieces_to_send() == []


def test_both_ends_agree_on_the_first_message_id(pair):
    device, server = pair
    assert device.first_message_id == server.first_message_id


def test_an_end_that_was_failed_sends_and_takes_nothing(pair):
    for end in pair:
        end.fail()
        assert end.has_failed and not end.is_open and end.deadline() is None
        with pytest.raises(ChannelError):
            end.send(b"late")
