"""The handshake and the record layer: both ends in memory, and each against arithmetic done in the open."""

import hashlib
import hmac
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.coap import Message
from particle_protocol.lightssl import (
    Credentials,
    DeviceEnd,
    DeviceIdentified,
    DevicePublicKey,
    Established,
    LightSslError,
    MessageReceived,
    RecordLayer,
    ServerEnd,
    ServerKey,
    lab_device_key,
    lab_server_key,
)
from particle_protocol.lightssl.end import State
from particle_protocol.protocol_errors import ProtocolErrorCode as Error

DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
SERVER_KEY = lab_server_key()
DEVICE_KEY = lab_device_key(7)

# What recorded sessions of Device OS 2.3.1 and 6.2.0 began with: key, IV, salt, and the Hello that the device sent under them.
SESSIONS = [
    ("a73cf55846fc0e162419227748dcb0aa", "48d15d026f5773781255a4c92a883bee", "6239a72eccae6cd9", "50023963b168ff0003ffff00360003"),
    (
        "69de773592b8a51eed4a6a894e71e5c1",
        "f2167bb88c7739a503c9638ca29689fb",
        "e149d25d8a328a95",
        "500249e2b168ff0003ffff0036000300001838048000a000000200",
    ),
    ("80cbeaa08fdb337755695ce7fa7c3c56", "982380f8ea2da9cc9b088eab3f629477", "00a3dc57ae44d8e1", "5002a301b168ff0003ffff00360003"),
    ("ac000803295a1e44e53bd03a5c99e860", "4a199cec11f865d540e6a3956e20cdf3", "4fe2feaf587bb5d4", "5002e250b168ff0003ffff00360003"),
]


def device_end(now=0.0, key=DEVICE_KEY, server_key=SERVER_KEY, **more):
    return DeviceEnd(DEVICE_ID, key, server_key.public, now, **more)


def server_end(now=0.0, seed=1, **more):
    return ServerEnd(SERVER_KEY, now, random_bytes=random.Random(seed).randbytes, **more)


def handshake(device, server, public_key=DEVICE_KEY.public_der):
    device.receive_data(server.data_to_send(), 0.0)
    server.receive_data(device.data_to_send(), 0.0)
    server.accept(DevicePublicKey.from_der(public_key), 0.0)
    device.receive_data(server.data_to_send(), 0.0)
    return device, server


def established():
    device, server = handshake(device_end(), server_end())
    device.events(), server.events()
    return device, server


def test_a_handshake_ends_with_the_same_credentials_on_both_ends():
    device, server = handshake(device_end(), server_end())
    identified, at_server = server.events()
    (at_device,) = device.events()
    assert identified == DeviceIdentified(DEVICE_ID, DEVICE_KEY.public_der)
    assert at_server == at_device
    assert isinstance(at_device, Established)
    assert device.deadline() is None and server.deadline() is None


def test_every_part_of_the_handshake_has_its_size():
    device, server = device_end(), server_end()
    nonce = server.data_to_send()
    device.receive_data(nonce, 0.0)
    identity = device.data_to_send()
    server.receive_data(identity, 0.0)
    server.accept(DevicePublicKey.from_der(DEVICE_KEY.public_der), 0.0)
    assert [len(nonce), len(identity), len(server.data_to_send())] == [40, 256, 384]


def test_the_envelope_is_what_rsa_by_hand_says():
    device, server = device_end(), server_end()
    nonce = server.data_to_send()
    device.receive_data(nonce, 0.0)
    identity = device.data_to_send()
    server.receive_data(identity, 0.0)
    credentials = server.accept(DevicePublicKey.from_der(DEVICE_KEY.public_der), 0.0)
    envelope = server.data_to_send()

    server_modulus = int.from_bytes(SERVER_KEY.public_der[33 : 33 + 256])
    signed = pow(int.from_bytes(envelope[128:]), 65537, server_modulus).to_bytes(256)
    assert signed == b"\0\1" + b"\xff" * 233 + b"\0" + hmac.new(credentials.data, envelope[:128], hashlib.sha1).digest()

    numbers = DEVICE_KEY._numbers
    plain = pow(int.from_bytes(envelope[:128]), numbers.d, numbers.public_numbers.n).to_bytes(128)
    assert plain.startswith(b"\0\2") and plain.endswith(b"\0" + credentials.data)


def test_very_old_firmware_sends_no_key():
    _, server = handshake(device_end(sends_public_key=False), server_end())
    assert server.events()[0] == DeviceIdentified(DEVICE_ID, b"")


def test_messages_go_both_ways_in_order():
    device, server = established()
    for text in (b"", b"a", b"x" * 15, b"y" * 16, b"z" * 700):
        device.send(text)
        server.send(text + b"!")
    server.receive_data(device.data_to_send(), 1.0)
    device.receive_data(server.data_to_send(), 1.0)
    assert server.events() == [MessageReceived(t) for t in (b"", b"a", b"x" * 15, b"y" * 16, b"z" * 700)]
    assert [event.data[-1:] for event in device.events()] == [b"!"] * 5


@pytest.mark.parametrize(("key", "iv", "salt", "hello"), SESSIONS)
def test_the_first_message_id_comes_from_the_salt(key, iv, salt, hello):
    credentials = Credentials(bytes.fromhex(key + iv + salt))
    assert Message.decode(bytes.fromhex(hello)).id == credentials.message_id + 1


def test_the_next_iv_is_the_first_block_of_the_ciphertext():
    # Computed with `openssl enc -aes-128-cbc -K ... -iv ...`, twice, the second time with the first 16 bytes of the first result as IV.
    key, iv, salt, hello = SESSIONS[1]
    layer = RecordLayer(Credentials(bytes.fromhex(key + iv + salt)), 4096)
    first, second = layer.seal(bytes.fromhex(hello)), layer.seal(bytes.fromhex("4000e159"))
    assert first.hex() == "00205ea414fd70d5e438f5b9c7313991b7ae41d24ca0cb6630da4a2497062214a071"
    assert second.hex() == "001078d5640382bd07baf8544d84bfb9613c"
    other = RecordLayer(Credentials(bytes.fromhex(key + iv + salt)), 4096)
    assert list(other.receive(first + second)) == [bytes.fromhex(hello), bytes.fromhex("4000e159")]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_the_handshake_does_not_care_how_the_stream_is_cut(cuts):
    device, server = device_end(), server_end()
    pieces = itertools.cycle(cuts)

    def carry(source, target):
        data = source.data_to_send()
        while data:
            size = next(pieces)
            target.receive_data(data[:size], 0.0)
            data = data[size:]

    carry(server, device)
    carry(device, server)
    server.accept(DevicePublicKey.from_der(DEVICE_KEY.public_der), 0.0)
    server.send(b"early")
    carry(server, device)
    device.send(b"hello")
    device.send(b"again")
    carry(device, server)
    assert [type(event) for event in device.events()] == [Established, MessageReceived]
    assert server.events()[2:] == [MessageReceived(b"hello"), MessageReceived(b"again")]


def raised(function, *args):
    with pytest.raises(LightSslError) as caught:
        function(*args)
    return caught.value


def test_a_board_that_holds_another_servers_key_is_told_apart():
    other = ServerKey.generate()
    device, server = device_end(server_key=other), server_end()
    device.receive_data(server.data_to_send(), 0.0)
    error = raised(server.receive_data, device.data_to_send(), 0.0)
    assert error.code is Error.DECRYPTION
    assert "key of another server" in str(error)
    assert server.state is State.FAILED


def test_another_nonce_is_refused():
    device, server = device_end(), server_end()
    server.data_to_send()
    device.receive_data(bytes(40), 0.0)
    assert raised(server.receive_data, device.data_to_send(), 0.0).code is Error.AUTHENTICATION


def test_an_identity_that_is_too_short_is_refused():
    server = server_end()
    nonce = server.data_to_send()
    assert raised(server.receive_data, SERVER_KEY.public.encrypt(nonce + b"short"), 0.0).code is Error.MALFORMED_MESSAGE


def test_a_device_that_talks_before_it_has_a_key_is_refused():
    device, server = device_end(), server_end()
    device.receive_data(server.data_to_send(), 0.0)
    assert raised(server.receive_data, device.data_to_send() + b"x", 0.0).code is Error.INVALID_STATE


def test_a_session_key_for_another_device_cannot_be_decrypted():
    with pytest.raises(LightSslError) as caught:
        handshake(device_end(), server_end(), lab_device_key(8).public_der)
    assert caught.value.code is Error.DECRYPTION


def test_a_signature_of_another_server_is_not_trusted():
    device = device_end()
    impostor = ServerEnd(ServerKey.generate(), 0.0)
    device.receive_data(impostor.data_to_send(), 0.0)
    device.data_to_send()
    ciphertext = DevicePublicKey.from_der(DEVICE_KEY.public_der).encrypt(bytes(40))
    signature = impostor._server_key.sign(hmac.digest(bytes(40), ciphertext, "sha1"))
    assert raised(device.receive_data, ciphertext + signature, 0.0).code is Error.AUTHENTICATION


def test_a_session_key_of_the_wrong_length_is_a_decryption_error():
    device, server = device_end(), server_end()
    device.receive_data(server.data_to_send(), 0.0)
    ciphertext = DevicePublicKey.from_der(DEVICE_KEY.public_der).encrypt(bytes(39))
    assert raised(device.receive_data, ciphertext + SERVER_KEY.sign(bytes(20)), 0.0).code is Error.DECRYPTION


@given(st.integers(0, 383), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_a_corrupt_envelope_is_never_accepted(place, flip):
    device, server = device_end(), server_end()
    device.receive_data(server.data_to_send(), 0.0)
    server.receive_data(device.data_to_send(), 0.0)
    server.accept(DevicePublicKey.from_der(DEVICE_KEY.public_der), 0.0)
    envelope = bytearray(server.data_to_send())
    envelope[place] ^= flip
    assert raised(device.receive_data, bytes(envelope), 0.0).code in (Error.DECRYPTION, Error.AUTHENTICATION)


@given(st.integers(0, 255), st.integers(1, 255))
@settings(max_examples=20, deadline=None)
def test_a_corrupt_identity_is_never_accepted(place, flip):
    device, server = device_end(), server_end()
    device.receive_data(server.data_to_send(), 0.0)
    identity = bytearray(device.data_to_send())
    identity[place] ^= flip
    assert raised(server.receive_data, bytes(identity), 0.0).code in (Error.DECRYPTION, Error.AUTHENTICATION)


@given(st.binary(max_size=500))
@settings(max_examples=40, deadline=None)
def test_random_bytes_never_establish_a_session(data):
    for end in (device_end(), server_end()):
        try:
            end.receive_data(data, 0.0)
        except LightSslError:
            assert end.state is State.FAILED
        assert end.state is not State.ESTABLISHED


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_random_frames_are_messages_or_an_error(data):
    layer = RecordLayer(Credentials(bytes(40)), 782)
    try:
        for message in layer.receive(data):
            assert len(message) <= 782
    except LightSslError as error:
        assert error.code in (Error.INSUFFICIENT_STORAGE, Error.MALFORMED_MESSAGE, Error.DECRYPTION)  # noqa: PT017  # which of three


def test_who_says_nothing_is_given_up_after_twenty_seconds():
    device, server = device_end(now=5.0), server_end(now=5.0)
    assert device.deadline() == server.deadline() == 25.0
    device.handle_timer(24.9)
    assert raised(device.handle_timer, 25.0).code is Error.NONCE_NOT_RECEIVED
    assert raised(server.handle_timer, 25.0).code is Error.MESSAGE_TIMEOUT
    assert device.deadline() is None


def test_half_a_handshake_is_given_up_and_told_what_came():
    device, server = device_end(), server_end()
    device.receive_data(server.data_to_send(), 3.0)
    assert device.deadline() == 23.0
    device.receive_data(bytes(100), 10.0)
    error = raised(device.handle_timer, 23.0)
    assert error.code is Error.SESSION_KEY_NOT_RECEIVED
    assert "100 bytes of it came" in str(error)


def test_half_a_frame_is_given_up():
    device, server = established()
    server.send(b"whole")
    frame = server.data_to_send()
    device.receive_data(frame[:5], 100.0)
    assert device.deadline() == 120.0
    device.receive_data(frame[5:7], 110.0)
    assert device.deadline() == 120.0
    assert raised(device.handle_timer, 120.0).code is Error.LIGHTSSL_RECEIVE


def test_a_frame_that_ends_in_time_stops_the_timer():
    device, server = established()
    server.send(b"whole")
    frame = server.data_to_send()
    device.receive_data(frame[:5], 100.0)
    device.receive_data(frame[5:], 119.0)
    assert device.deadline() is None
    assert device.events() == [MessageReceived(b"whole")]


@pytest.mark.parametrize(("state", "code"), [(0, Error.NONCE_NOT_RECEIVED), (1, Error.SESSION_KEY_NOT_RECEIVED), (2, Error.REMOTE_CLOSED)])
def test_a_closed_stream_is_named_by_what_was_awaited(state, code):
    device, server = device_end(), server_end()
    if state == 2:
        handshake(device, server)
    elif state == 1:
        device.receive_data(server.data_to_send(), 0.0)
    assert raised(device.receive_eof).code is code


def test_a_frame_too_long_for_the_firmware_is_error_4():
    device, server = established()
    server.send(bytes(767))
    device.receive_data(server.data_to_send(), 0.0)
    assert device.events() == [MessageReceived(bytes(767))]
    server.send(bytes(768))
    assert raised(device.receive_data, server.data_to_send(), 0.0).code is Error.INSUFFICIENT_STORAGE


def test_messages_before_a_fault_are_good():
    device, server = established()
    server.send(b"good")
    assert raised(device.receive_data, server.data_to_send() + b"\0\1", 0.0).code is Error.MALFORMED_MESSAGE
    assert device.events() == [MessageReceived(b"good")]


def test_a_message_too_long_for_any_frame_cannot_be_sent():
    device, _ = established()
    assert raised(device.send, bytes(0x10000)).code is Error.INSUFFICIENT_STORAGE


@pytest.mark.parametrize("size", [0, 1, 17])
def test_a_frame_of_an_impossible_length_is_malformed(size):
    device, _ = established()
    assert raised(device.receive_data, size.to_bytes(2), 0.0).code is Error.MALFORMED_MESSAGE


def test_nothing_is_sent_or_taken_without_a_session():
    assert raised(device_end().send, b"x").code is Error.INVALID_STATE
    device, _ = established()
    device.fail()
    assert raised(device.send, b"x").code is Error.INVALID_STATE
    assert raised(device.receive_data, b"x", 0.0).code is Error.INVALID_STATE
    assert raised(server_end().accept, DevicePublicKey.from_der(DEVICE_KEY.public_der), 0.0).code is Error.INVALID_STATE


def test_a_device_id_has_twelve_bytes():
    with pytest.raises(ValueError, match="12 bytes"):
        DeviceEnd(b"short", DEVICE_KEY, SERVER_KEY.public, 0.0)
