"""Conversations of real Device OS, recomputed: each key, record and message, and each end made to say exactly what was recorded."""

import pytest

from particle_protocol.dtls import (
    ClientEnd,
    DeviceIdentity,
    EndSettings,
    Established,
    KeyProved,
    MessageReceived,
    PrivateKey,
    PublicKey,
    SavedSession,
    ServerEnd,
    Share,
    device_dialect,
)
from particle_protocol.dtls.ciphers import Cipher
from particle_protocol.dtls.errors import Role
from particle_protocol.dtls.handshake import HandshakeType, pull_fragments
from particle_protocol.dtls.hellos import (
    pull_client_hello,
    pull_hello_verify_request,
    pull_server_hello,
    push_client_hello,
    push_hello_verify_request,
    push_server_hello,
)
from particle_protocol.dtls.key_messages import (
    pull_certificate,
    pull_certificate_request,
    pull_certificate_verify,
    pull_client_key_exchange,
    pull_server_key_exchange,
    push_certificate,
    push_certificate_request,
    push_certificate_verify,
    push_client_key_exchange,
    push_server_key_exchange,
)
from particle_protocol.dtls.key_schedule import SessionSecrets
from particle_protocol.dtls.records import ContentType, pull_records, push_record

CODECS = {
    HandshakeType.CLIENT_HELLO: (pull_client_hello, push_client_hello),
    HandshakeType.HELLO_VERIFY_REQUEST: (pull_hello_verify_request, push_hello_verify_request),
    HandshakeType.SERVER_HELLO: (pull_server_hello, push_server_hello),
    HandshakeType.CERTIFICATE: (pull_certificate, push_certificate),
    HandshakeType.SERVER_KEY_EXCHANGE: (pull_server_key_exchange, push_server_key_exchange),
    HandshakeType.CERTIFICATE_REQUEST: (pull_certificate_request, push_certificate_request),
    HandshakeType.CLIENT_KEY_EXCHANGE: (pull_client_key_exchange, push_client_key_exchange),
    HandshakeType.CERTIFICATE_VERIFY: (pull_certificate_verify, push_certificate_verify),
}
HANDSHAKE_DATAGRAMS = 6
VERSIONS = {
    "device-os-2.3.1": (2, 3, 1),
    "device-os-3.3.1": (3, 3, 1),
    "device-os-5.8.0": (5, 8, 0),
    "device-os-6.2.0": (6, 2, 0),
    "device-os-6.2.0-resumed": (6, 2, 0),
}


def handshake_bodies(recording):
    """The handshake messages in the open, by type; of ClientHello the second."""
    bodies = {}
    for _, datagram in recording.datagrams:
        for record in pull_records(datagram, 8):
            if record.epoch == 0 and record.type == ContentType.HANDSHAKE:
                for fragment in pull_fragments(record.fragment):
                    assert len(fragment.data) == fragment.size
                    bodies[fragment.type] = fragment.data
    return bodies


def recorded_cid(recording):
    extension = pull_server_hello(handshake_bodies(recording)[HandshakeType.SERVER_HELLO]).extension(254)
    return extension[1:] if extension else b""


def recorded_secrets(recording):
    keys = recording.keys
    return SessionSecrets(keys["master"], keys["client_random"], keys["server_random"])


class RecordedKey:
    """A key whose private half nobody recorded: it has signed one thing, and gives that signature again."""

    def __init__(self, public_der, signature):
        self.public_der = public_der
        self._signature = signature

    def sign(self, data):
        assert PublicKey(self.public_der).verifies(self._signature, data), "another thing is signed than was recorded"
        return self._signature


class RecordedShare:
    """The same of a key that was made for one handshake."""

    def __init__(self, point, secret):
        self.point = point
        self._secret = secret

    def exchange(self, point):
        return self._secret


def random_bytes(*recorded):
    left = list(recorded)

    def give(size):
        given = left.pop(0)
        assert len(given) == size
        return given

    return give


def test_the_keys_follow_from_the_private_numbers(recording):
    keys = recording.keys
    share = Share.from_number(int.from_bytes(keys["server_share"]))
    bodies = handshake_bodies(recording)
    assert share.point == pull_server_key_exchange(bodies[HandshakeType.SERVER_KEY_EXCHANGE]).point
    premaster = share.exchange(pull_client_key_exchange(bodies[HandshakeType.CLIENT_KEY_EXCHANGE]).point)
    assert premaster == keys["premaster"]
    secrets = SessionSecrets.agreed(premaster, keys["client_random"], keys["server_random"])
    assert secrets == recorded_secrets(recording)
    written = secrets.write_keys()
    assert (written[Role.CLIENT].key, written[Role.CLIENT].iv) == (keys["client_key"], keys["client_iv"])
    assert (written[Role.SERVER].key, written[Role.SERVER].iv) == (keys["server_key"], keys["server_iv"])


def test_every_handshake_message_is_read_and_written_the_same(recording):
    bodies = handshake_bodies(recording)
    assert CODECS.keys() | {HandshakeType.SERVER_HELLO_DONE} == bodies.keys()
    for kind, (pull, push) in CODECS.items():
        assert push(pull(bodies[kind])) == bodies[kind]


def test_the_signatures_of_both_ends_verify(recording):
    bodies, keys = handshake_bodies(recording), recording.keys
    exchange = pull_server_key_exchange(bodies[HandshakeType.SERVER_KEY_EXCHANGE])
    server_key = PrivateKey.from_der(keys["server_private"])
    assert server_key.public.verifies(exchange.signature, keys["client_random"] + keys["server_random"] + exchange.signed)
    assert not server_key.public.verifies(exchange.signature, keys["server_random"] + keys["client_random"] + exchange.signed)


def test_every_record_is_opened_and_sealed_the_same(recording):
    written = recorded_secrets(recording).write_keys()
    ciphers = {"<": Cipher(written[Role.CLIENT], recorded_cid(recording)), ">": Cipher(written[Role.SERVER])}
    protected = 0
    for direction, datagram in recording.datagrams:
        again = b""
        for record in pull_records(datagram, 8):
            if record.epoch:
                protected += 1
                kind, content = ciphers[direction].open(record)
                record = ciphers[direction].seal(kind, record.epoch, record.sequence, content)
            again += push_record(record)
        moved = datagram[:1] == bytes((ContentType.MOVED_WITH_CID,))
        assert again == (b"\x19" + datagram[1:] if moved else datagram)
    assert protected >= len(recording.messages)


def test_what_is_in_the_records_is_what_was_recorded(recording):
    written = recorded_secrets(recording).write_keys()
    ciphers = {"<": Cipher(written[Role.CLIENT], recorded_cid(recording)), ">": Cipher(written[Role.SERVER])}
    messages = [
        (direction, content)
        for number, (direction, datagram) in enumerate(recording.datagrams)
        if number not in recording.lost
        for record in pull_records(datagram, 8)
        if record.epoch
        for kind, content in [ciphers[direction].open(record)]
        if kind == ContentType.APPLICATION_DATA
    ]
    assert messages == recording.messages


@pytest.mark.parametrize("name", VERSIONS)
def test_our_server_says_to_the_device_what_it_was_told(load_recording, name):
    recording = load_recording(name)
    keys, bodies = recording.keys, handshake_bodies(recording)
    server_key = PrivateKey.from_der(keys["server_private"])
    signature = pull_server_key_exchange(bodies[HandshakeType.SERVER_KEY_EXCHANGE]).signature
    share = Share.from_number(int.from_bytes(keys["server_share"]))
    settings = EndSettings(random_bytes=random_bytes(keys["server_random"]), make_share=lambda: share)
    cid = recorded_cid(recording)
    server = ServerEnd(RecordedKey(server_key.public_der, signature), 0.0, cid=cid or bytes(8), settings=settings)
    messages = iter(recording.messages)
    # The first hello and the request to send it again are between the device and the port.
    for number, (direction, datagram) in enumerate(recording.datagrams[2:], 2):
        if direction == "<" and number not in recording.lost:
            server.receive_data(datagram, 0.0)
            for event in server.events():
                if isinstance(event, KeyProved):
                    assert event.public_key.der == pull_certificate(bodies[HandshakeType.CERTIFICATE]).public_key
                    server.accept(0.0)
                elif isinstance(event, MessageReceived):
                    assert next(messages) == ("<", event.data)
            assert server.has_new or not server.is_open
        elif direction == ">":
            sent = server.pieces_to_send()
            if not sent:
                said_by, message = next(messages)
                assert said_by == ">"
                server.send(message)
                sent = server.pieces_to_send()
            assert sent == [datagram]
    assert next(messages, None) is None
    assert server.cid == cid


@pytest.mark.parametrize("name", VERSIONS)
def test_our_device_says_to_the_server_what_real_firmware_said(load_recording, name):
    recording = load_recording(name)
    keys, bodies = recording.keys, handshake_bodies(recording)
    own = pull_certificate(bodies[HandshakeType.CERTIFICATE]).public_key
    device_key = RecordedKey(own, pull_certificate_verify(bodies[HandshakeType.CERTIFICATE_VERIFY]).signature)
    identity = DeviceIdentity(bytes(12), device_key, PrivateKey.from_der(keys["server_private"]).public)
    share = RecordedShare(pull_client_key_exchange(bodies[HandshakeType.CLIENT_KEY_EXCHANGE]).point, keys["premaster"])
    settings = EndSettings(random_bytes=random_bytes(keys["client_random"]), make_share=lambda: share)
    device = ClientEnd(identity, device_dialect(VERSIONS[name]), 0.0, settings=settings)
    cipher = Cipher(recorded_secrets(recording).write_keys()[Role.CLIENT], recorded_cid(recording))
    events = []
    for direction, datagram in recording.datagrams[:HANDSHAKE_DATAGRAMS]:
        if direction == ">":
            device.receive_data(datagram, 0.0)
            events += device.events()
        else:
            assert device.pieces_to_send() == [datagram]
    assert [type(event) for event in events] == [Established]
    for direction, datagram in recording.datagrams[HANDSHAKE_DATAGRAMS:]:
        if direction == ">":
            device.receive_data(datagram, 0.0)
            assert [type(event) for event in device.events()] == [MessageReceived]
            continue
        (record,) = pull_records(datagram, 8)
        if datagram[0] == ContentType.MOVED_WITH_CID and record.sequence == 0x1F:
            device.move()
        device.send(cipher.open(record)[1])
        assert device.pieces_to_send() == [datagram]


def test_a_recorded_session_goes_on_from_what_was_kept_of_it(load_recording):
    recording = load_recording("device-os-6.2.0-resumed")
    keys, bodies = recording.keys, handshake_bodies(recording)
    identity = DeviceIdentity(
        bytes(12),
        RecordedKey(pull_certificate(bodies[HandshakeType.CERTIFICATE]).public_key, b""),
        PrivateKey.from_der(keys["server_private"]).public,
    )
    first = next(n for n, (_, datagram) in enumerate(recording.datagrams) if datagram[0] == ContentType.MOVED_WITH_CID)
    (record,) = pull_records(recording.datagrams[first][1], 8)
    saved = SavedSession(recorded_secrets(recording), 0, record.sequence, 0x0C, 0x1FFF, recorded_cid(recording), 0x13)
    device = ClientEnd(identity, device_dialect((6, 2, 0)), 0.0, saved=SavedSession.decode(saved.encode()))
    cipher = Cipher(recorded_secrets(recording).write_keys()[Role.CLIENT], recorded_cid(recording))
    assert [event.resumed for event in device.events()] == [True]
    assert device.first_message_id == int.from_bytes(cipher.open(record)[1][2:4])
    for direction, datagram in recording.datagrams[first:]:
        if direction == ">":
            device.receive_data(datagram, 0.0)
            assert [type(event) for event in device.events()] == [MessageReceived]
        else:
            (record,) = pull_records(datagram, 8)
            device.send(cipher.open(record)[1])
            assert device.pieces_to_send() == [datagram]
