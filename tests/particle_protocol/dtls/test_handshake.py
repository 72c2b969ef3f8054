"""Handshakes in memory: of each generation, and what ends one that cannot succeed."""

from contextlib import suppress
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from particle_protocol.dtls import (
    SERVER,
    STOCK,
    AlertDescription,
    ClientEnd,
    DeviceIdentity,
    Dialect,
    DtlsError,
    EndSettings,
    Established,
    HandshakeTimeout,
    KeyFault,
    KeyProved,
    MessageReceived,
    PrivateKey,
    PublicKey,
    ServerEnd,
    Share,
    errors,
)
from particle_protocol.dtls.end import State
from particle_protocol.dtls.flight import Flight, Part
from particle_protocol.dtls.handshake import HandshakeMessage, HandshakeType, pull_fragments
from particle_protocol.dtls.hellos import pull_client_hello, pull_server_hello, push_client_hello, push_server_hello
from particle_protocol.dtls.record_layer import RecordLayer
from particle_protocol.dtls.records import Record, pull_records, push_record
from particle_protocol.protocol_errors import ProtocolErrorCode

DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
SERVER_KEY, DEVICE_KEY, OTHER_KEY = (PrivateKey.from_number(number) for number in (0x5E17, 0xDE71CE, 0x07E8))


def client(server_key=SERVER_KEY, device_key=DEVICE_KEY, dialect=None, **settings):
    dialect = dialect or Dialect(connection_id=True)
    return ClientEnd(DeviceIdentity(DEVICE_ID, device_key, server_key.public), dialect, 0.0, settings=EndSettings(**settings))


def server(dialect=SERVER, key=SERVER_KEY, **settings):
    return ServerEnd(key, 0.0, dialect=dialect, settings=EndSettings(**settings))


def join(device, cloud, alter=lambda data: data, verdict=ServerEnd.accept):
    """Carry everything between the two without a port between them; the events of both, and what ended each."""
    events, ended = {device: [], cloud: []}, {device: None, cloud: None}
    for _ in range(6):
        for sender, receiver in ((device, cloud), (cloud, device)):
            for datagram in sender.pieces_to_send():
                try:
                    receiver.receive_data(alter(datagram), 0.0)
                except DtlsError as error:
                    ended[receiver] = ended[receiver] or error
            events[receiver] += receiver.events()
            if cloud.state is State.EXPECT_VERDICT:
                verdict(cloud, 0.0)
                events[cloud] += cloud.events()
    return events[device], events[cloud], ended[device], ended[cloud]


def rewrite(kind, change):
    """Alters the body of every handshake message of a type, in datagrams of epoch 0."""

    def alter(datagram):
        out = b""
        for record in pull_records(datagram, 8):
            if record.epoch == 0 and record.type == 22:
                (fragment,) = pull_fragments(record.fragment)
                if fragment.type == kind:
                    record = Record(22, 0, record.sequence, HandshakeMessage(kind, fragment.sequence, change(fragment.data)).encode())
            out += push_record(record)
        return out

    return alter


def test_both_ends_are_established_and_know_each_other(make_pair, version):
    pair = make_pair(version).run()
    assert pair.established and not pair.listener.strays
    (at_device,) = pair.client_events
    proved, at_cloud = pair.server_events
    assert at_device == Established(SERVER_KEY.public, pair.server.cid)
    assert (proved, at_cloud) == (KeyProved(DEVICE_KEY.public), Established(DEVICE_KEY.public, pair.server.cid))
    assert len(pair.server.cid) == (0 if version < (3, 1, 0) else 8)
    assert pair.client.deadline() is None and pair.server.deadline() is None and pair.listener.deadline() is None


def test_messages_go_both_ways(make_pair, version):
    pair = make_pair(version).run()
    for size in (0, 1, 15, 16, 17, 1152):
        assert pair.say(bytes(size)) == [bytes(size)]
        assert pair.answer(b"\xff" * size) == [b"\xff" * size]


def test_a_message_that_is_too_long_is_not_sent(make_pair):
    pair = make_pair().run()
    for end in (pair.client, pair.server):
        with pytest.raises(DtlsError, match="1153 bytes; at most 1152") as caught:
            end.send(bytes(1153))
        assert caught.value.code is ProtocolErrorCode.INSUFFICIENT_STORAGE
    assert pair.say(b"the session goes on") == [b"the session goes on"]


def test_a_message_that_is_too_long_is_passed_over(make_pair):
    pair = make_pair(device={"max_message": 900}).run()
    assert pair.answer(bytes(901)) == []
    assert pair.answer(bytes(900)) == [bytes(900)]


def test_nothing_can_be_sent_before_the_handshake_is_over():
    for end in (client(), server()):
        with pytest.raises(DtlsError, match="nothing can be sent: this end waits for") as caught:
            end.send(b"early")
        assert caught.value.code is ProtocolErrorCode.INVALID_STATE


def test_a_handshake_without_a_port_needs_no_cookie(version):
    device, cloud, *_ = join(end := client(), other := server())
    assert end.is_open and other.is_open
    assert [type(event) for event in device + cloud] == [Established, KeyProved, Established]


@pytest.mark.parametrize("size", [75, 100, 150, 256, 508])
def test_flights_in_small_pieces(size):
    sizes = []

    def watch(datagram):
        sizes.append(len(datagram))
        return datagram

    end, other = client(max_datagram=size), server(max_datagram=size)
    join(end, other, watch)
    assert end.is_open and other.is_open
    assert max(sizes) <= size
    assert len(sizes) > 900 // size


def test_a_board_that_holds_another_server_key_says_decrypt_error():
    _, _, at_device, at_cloud = join(client(server_key=OTHER_KEY), server())
    assert isinstance(at_device, errors.DecryptError) and not at_device.by_peer
    assert "it is another server" in str(at_device)
    assert isinstance(at_cloud, errors.DecryptError) and at_cloud.by_peer
    assert "the device holds the public key of another server" in str(at_cloud)
    assert at_cloud.code is ProtocolErrorCode.ESTABLISH


def test_a_server_that_shows_its_key_is_refused_by_a_board():
    # Recorded: Device OS answers a Certificate with alert 02 0a.
    _, _, at_device, at_cloud = join(client(), server(Dialect(connection_id=True, server_shows_key=True)))
    assert isinstance(at_device, errors.UnexpectedMessage) and "Certificate came while this end waits for ServerKeyExchange" in str(
        at_device
    )
    assert isinstance(at_cloud, errors.UnexpectedMessage) and "Device OS takes no Certificate" in str(at_cloud)


def test_a_board_that_needs_a_connection_id_finishes_the_handshake_and_fails():
    # Recorded: no alert, and error 17 on the device.
    events, at_cloud, at_device, cloud_error = join(client(), server(Dialect(connection_id=False)))
    assert events == [] and cloud_error is None
    assert [type(event) for event in at_cloud] == [KeyProved, Established]
    assert at_device.code is ProtocolErrorCode.ESTABLISH
    assert "a connection id of 8 bytes is needed; the server gave none" in str(at_device)


def test_an_old_board_is_given_no_connection_id():
    end, other = client(dialect=Dialect(connection_id=False)), server()
    join(end, other)
    assert end.is_open and other.is_open and other.cid == b""


def test_the_stock_dialect_with_itself():
    end, other = client(dialect=STOCK), server(STOCK)
    join(end, other)
    assert end.is_open and other.is_open


def test_a_stock_client_trusts_one_key_only():
    _, _, at_device, at_cloud = join(client(OTHER_KEY, dialect=STOCK), server(STOCK))
    assert isinstance(at_device, errors.BadCertificate) and "another public key than the one that the device trusts" in str(at_device)
    assert isinstance(at_cloud, errors.BadCertificate)


def test_a_device_whose_key_is_not_let_in_learns_why():
    def verdict(cloud, _now):
        cloud.refuse(errors.CertificateUnknown("this key is not registered"))

    events, at_cloud, at_device, _ = join(client(), other := server(), verdict=verdict)
    assert events == [] and [type(event) for event in at_cloud] == [KeyProved]
    assert isinstance(at_device, errors.CertificateUnknown)
    assert "does not know this device's public key: register it" in str(at_device)
    assert other.has_failed and str(other.error).startswith("this key is not registered")


def test_refusing_without_a_reason_is_access_denied():
    _, _, at_device, _ = join(client(), server(), verdict=lambda cloud, _now: cloud.refuse())
    assert isinstance(at_device, errors.AccessDenied) and "does not let it in" in str(at_device)


class Thief:
    """Shows somebody's public key without having the private one."""

    public_der = DEVICE_KEY.public_der

    def sign(self, data):
        return OTHER_KEY.sign(data)


def test_who_shows_a_key_that_is_not_its_own_is_not_let_in():
    events, at_cloud, at_device, cloud_error = join(client(device_key=Thief()), server())
    assert events == at_cloud == []
    assert isinstance(cloud_error, errors.DecryptError) and "not made with the key that it shows" in str(cloud_error)
    assert isinstance(at_device, errors.DecryptError) and "private key does not belong to the public key" in str(at_device)


@pytest.mark.parametrize(
    ("der", "error", "text"),
    [
        (b"", errors.HandshakeFailure, "shows no public key"),
        (b"garbage", errors.BadCertificate, "no public key"),
        (
            ec.derive_private_key(5, ec.SECP384R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            errors.UnsupportedCertificate,
            "another kind than P-256",
        ),
    ],
    ids=["none", "garbage", "P-384"],
)
def test_a_device_with_an_unusable_key_is_refused(der, error, text):
    key = type("Key", (), {"public_der": der, "sign": lambda _self, data: DEVICE_KEY.sign(data)})()
    _, at_cloud, at_device, cloud_error = join(client(device_key=key), server())
    assert at_cloud == [] and type(at_device) is type(cloud_error) is error
    assert text in str(cloud_error)


def test_a_device_that_skips_its_key_is_refused():
    # As a stock client does that was given none.
    end, other = client(), server()
    other.receive_data(end.pieces_to_send()[0], 0.0)
    (flight,) = other.pieces_to_send()
    *kept, request, done = pull_records(flight, 0)
    renumbered = HandshakeMessage(HandshakeType.SERVER_HELLO_DONE, 2, b"").encode()
    assert next(pull_fragments(request.fragment)).type == HandshakeType.CERTIFICATE_REQUEST
    end.receive_data(b"".join(map(push_record, kept)) + push_record(Record(22, 0, done.sequence, renumbered)), 0.0)
    with pytest.raises(errors.HandshakeFailure, match="the device shows no public key"):
        other.receive_data(end.pieces_to_send()[0], 0.0)


def change(pull, push, extensions=(), **values):
    """Changes fields and extensions of a hello; an extension that becomes None is left out."""

    def change(body):
        hello = pull(body)
        changed = dict(hello.extensions) | dict(extensions)
        return push(replace(hello, extensions=tuple(each for each in changed.items() if each[1] is not None), **values))

    return change


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"version": b"\xfe\xff"}, errors.ProtocolVersion, "offers version feff"),
        ({"version": b"\x03\x03"}, errors.ProtocolVersion, "offers version 0303"),
        ({"suites": (0xC0AC, 0x00FF)}, errors.HandshakeFailure, "offers cipher suites c0ac, 00ff; c0ae without compression is needed"),
        ({"compressions": b"\1"}, errors.HandshakeFailure, "without compression"),
        ({"extensions": {10: bytes.fromhex("00020018")}}, errors.HandshakeFailure, "the curve P-256"),
        ({"extensions": {11: bytes.fromhex("0101")}}, errors.HandshakeFailure, "uncompressed points"),
        ({"extensions": {13: bytes.fromhex("00020401")}}, errors.HandshakeFailure, "ECDSA with SHA-256"),
        ({"extensions": {13: None}}, errors.HandshakeFailure, "ECDSA with SHA-256"),
        ({"extensions": {19: None}}, errors.HandshakeFailure, "to show a raw public key"),
        ({"extensions": {20: bytes.fromhex("0100")}}, errors.HandshakeFailure, "to take a raw public key"),
        ({"extensions": {10: b"\0"}}, errors.DecodeError, "cut short"),
        ({"extensions": {10: bytes.fromhex("0003001700")}}, errors.DecodeError, "half a number"),
        ({"extensions": {254: b"\5"}}, errors.DecodeError, "cut short"),
    ],
)
def test_an_offer_in_which_there_is_nothing_is_refused(changes, error, text):
    end, other = client(), server()
    alter = rewrite(HandshakeType.CLIENT_HELLO, change(pull_client_hello, push_client_hello, **changes))
    _, at_cloud, at_device, cloud_error = join(end, other, alter)
    assert at_cloud == [] and type(cloud_error) is error and text in str(cloud_error)
    assert type(at_device) is error and at_device.by_peer


def test_curves_and_points_that_are_not_mentioned_are_presumed():
    end, other = client(), server()
    alter = rewrite(HandshakeType.CLIENT_HELLO, change(pull_client_hello, push_client_hello, extensions={10: None, 11: None}))
    other.receive_data(alter(end.pieces_to_send()[0]), 0.0)
    assert other.pieces_to_send() and not other.has_failed


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"version": b"\xfe\xff"}, errors.ProtocolVersion, "chose version feff"),
        ({"suite": 0xC0AC}, errors.IllegalParameter, "chose cipher suite c0ac"),
        ({"compression": 1}, errors.IllegalParameter, "compression 1"),
        ({"extensions": {23: b""}}, errors.UnsupportedExtension, "answers extension 23"),
        ({"extensions": {19: b"\0"}}, errors.UnsupportedCertificate, "X.509"),
        ({"extensions": {20: b"\0"}}, errors.UnsupportedCertificate, "X.509"),
        ({"extensions": {254: b"\5a"}}, errors.DecodeError, "connection id that is cut short"),
    ],
)
def test_a_choice_that_was_not_offered_is_refused(changes, error, text):
    alter = rewrite(HandshakeType.SERVER_HELLO, change(pull_server_hello, push_server_hello, **changes))
    events, _, at_device, at_cloud = join(client(), server(), alter)
    assert events == [] and type(at_device) is error and text in str(at_device)
    assert type(at_cloud) is error and at_cloud.by_peer


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        (HandshakeType.SERVER_KEY_EXCHANGE, "03001841" + "04" * 65 + "0403" + "0000", errors.IllegalParameter),
        (HandshakeType.SERVER_KEY_EXCHANGE, "03001741" + "04" * 65 + "0401" + "0000", errors.IllegalParameter),
        (HandshakeType.SERVER_KEY_EXCHANGE, "03001741" + "04" * 65 + "0403" + "0001aa", errors.DecryptError),
        (HandshakeType.CERTIFICATE_REQUEST, "0101" + "0002" + "0401" + "0000", errors.HandshakeFailure),
        (HandshakeType.SERVER_HELLO_DONE, "00", errors.UnexpectedMessage),
        (HandshakeType.CERTIFICATE, "000001", errors.DecodeError),
        (HandshakeType.CLIENT_KEY_EXCHANGE, "41" + "04" * 65, errors.IllegalParameter),
        (HandshakeType.CLIENT_KEY_EXCHANGE, "00", errors.IllegalParameter),
        (HandshakeType.CLIENT_KEY_EXCHANGE, "2102" + "11" * 32, errors.IllegalParameter),
        (HandshakeType.CERTIFICATE_VERIFY, "0401" + "0000", errors.IllegalParameter),
        (HandshakeType.CERTIFICATE_VERIFY, "0403" + "0000", errors.DecryptError),
    ],
)
def test_a_bad_field_ends_the_handshake_with_its_alert(kind, body, error):
    _, _, at_device, at_cloud = join(client(), server(), rewrite(kind, lambda _body: bytes.fromhex(body)))
    by_cloud = kind in (HandshakeType.CERTIFICATE, HandshakeType.CLIENT_KEY_EXCHANGE, HandshakeType.CERTIFICATE_VERIFY)
    assert type(at_device) is type(at_cloud) is error
    assert (at_device.by_peer, at_cloud.by_peer) == (by_cloud, not by_cloud)


def test_a_server_whose_point_is_on_no_curve_is_refused_though_it_signed_it():
    class Share:
        point = b"\4" + bytes(64)

    _, _, at_device, _ = join(client(), server(make_share=Share))
    assert isinstance(at_device, errors.IllegalParameter) and "not on P-256" in str(at_device)


@pytest.mark.parametrize("kind", [each for each in errors.AlertDescription if each is not AlertDescription.CLOSE_NOTIFY])
def test_there_is_an_exception_for_each_alert(kind):
    end = client()
    with pytest.raises(errors.ALERTS[kind]) as caught:
        end.receive_data(push_record(Record(21, 0, 0, bytes((2, kind)))), 0.0)
    assert caught.value.by_peer and caught.value is end.error and end.has_failed
    assert end.pieces_to_send()[1:] == [], "an alert is not answered"
    with pytest.raises(errors.ALERTS[kind]):
        end.receive_data(b"", 0.0)


def test_an_alert_without_a_name_is_told_by_its_number():
    with pytest.raises(errors.UnknownAlert, match="sent alert 99 while this end waits for ServerHello"):
        client().receive_data(push_record(Record(21, 0, 0, b"\2\x63")), 0.0)


@pytest.mark.parametrize("content", [b"\1\x64", b"\2", b"", b"\2\x33\0"])
def test_warnings_and_broken_alerts_are_passed_over(content):
    end = client()
    end.receive_data(push_record(Record(21, 0, 0, content)), 0.0)
    assert not end.has_failed


def test_nobody_can_end_a_session_from_outside(make_pair):
    pair = make_pair().run()
    for alert in (b"\2\x33", b"\1\0"):
        forged = push_record(Record(21, 0, 9, alert))
        pair.to_client(forged)
        pair.to_server(forged)
    for kind in HandshakeType:
        forged = push_record(Record(22, 0, 9, HandshakeMessage(kind, 7, b"forged").encode()))
        pair.to_client(forged)
        pair.to_server(forged)
    assert pair.say(b"still here") == [b"still here"]
    assert pair.answer(b"so am I") == [b"so am I"]


@pytest.mark.parametrize("closer", ["client", "server"])
def test_a_session_is_closed_in_good_order(make_pair, version, closer):
    pair = make_pair(version).run()
    getattr(pair, closer).close()
    (datagram,) = getattr(pair, closer).pieces_to_send()
    answers = (pair.to_server if closer == "client" else pair.to_client)(datagram)
    assert len(answers) == 1, "who is closed says that it is"
    error = pair.server_error if closer == "client" else pair.client_error
    assert isinstance(error, errors.CloseNotify) and error.code is ProtocolErrorCode.REMOTE_CLOSED
    assert "closed the session" in str(error)
    with pytest.raises(DtlsError, match="this end is over"):
        pair.client.send(b"late") if closer == "client" else pair.server.send(b"late")


def test_closing_before_there_is_a_session_sends_nothing():
    end = client()
    end.pieces_to_send()
    end.close()
    assert end.has_failed and end.pieces_to_send() == [] and end.deadline() is None


def test_a_device_repeats_itself_with_growing_patience_and_gives_up():
    end, now, sent = client(), 0.0, []
    first = end.pieces_to_send()
    while (due := end.deadline()) is not None:
        end.handle_timer(due - 0.001)
        assert end.pieces_to_send() == []
        with suppress(HandshakeTimeout):
            end.handle_timer(due)
        sent.append((due - now, [datagram[13:] for datagram in end.pieces_to_send()]))
        now = due
    again = [first[0][13:]]
    assert sent == [(3.0, again), (6.0, again), (12.0, again), (24.0, [])]
    assert "waits for ServerHello; what it sent 4 times was not answered: no server is there" in str(end.error)
    assert end.error.code is ProtocolErrorCode.MESSAGE_TIMEOUT


def test_a_device_that_is_silent_for_too_long_is_forgotten():
    end = server(handshake_timeout=60.0)
    assert end.deadline() == 60.0
    end.receive_data(client().pieces_to_send()[0], 10.0)
    times = []
    with suppress(HandshakeTimeout):
        while True:
            times.append(end.deadline())
            end.handle_timer(times[-1])
    assert "waits for Certificate; what it sent 5 times was not answered: the device does not receive" in str(end.error)
    assert times == [11.0, 13.0, 17.0, 25.0, 41.0]


def test_a_verdict_is_needed_in_time():
    end, other = client(), server(handshake_timeout=5.0)
    join(end, other, verdict=lambda _cloud, _now: None)
    assert other.deadline() == 5.0
    with pytest.raises(HandshakeTimeout, match="waits for its owner to accept the device"):
        other.handle_timer(5.0)


def test_only_who_has_proved_a_key_can_be_accepted_or_refused():
    end = server()
    with pytest.raises(DtlsError, match="no device to accept: this end waits for ClientHello"):
        end.accept(0.0)
    with pytest.raises(DtlsError, match="no device to refuse"):
        end.refuse()


def test_a_flight_that_was_repeated_twice_goes_in_datagrams_that_any_network_carries():
    messages = [HandshakeMessage(HandshakeType.CERTIFICATE, number, bytes(700)) for number in range(3)]
    flight, records = Flight([Part(message) for message in messages], 1200, 3.0, 24.0), RecordLayer()
    lengths = []
    for now in (0.0, 3.0, 9.0, 21.0):
        lengths.append([len(datagram) for datagram in flight.send(records, now)])
        assert flight.expired() is (now < 21.0)
    assert lengths[0] == lengths[1] and 508 < max(lengths[1]) <= 1200
    assert lengths[2] == lengths[3] and max(lengths[2]) <= 508
    assert flight.deadline == 21.0 + 24.0


def test_a_message_that_overtakes_the_end_of_the_handshake_comes_behind_it():
    end, other = client(), server()
    other.receive_data(end.pieces_to_send()[0], 0.0)
    end.receive_data(other.pieces_to_send()[0], 0.0)
    other.receive_data(end.pieces_to_send()[0], 0.0)
    other.accept(0.0)
    other.send(b"hasty")
    finished, message = other.pieces_to_send()
    end.receive_data(message, 0.0)
    assert end.events() == []
    end.receive_data(finished, 0.0)
    assert [type(event) for event in end.events()] == [Established, MessageReceived]


def test_keys_are_read_from_the_fields_they_lie_in():
    key = PrivateKey.from_number(77)
    assert len(key.der) == 121 and len(key.public_der) == 91
    for stored in (key.der, key.der.ljust(192, b"\xff"), key.der.ljust(192, b"\0")):
        assert PrivateKey.from_der(stored).public == key.public
    assert PublicKey(key.public_der) == key.public and len({PublicKey(key.public_der), key.public}) == 1


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x81", b"\xff" * 192, rsa.generate_private_key(65537, 1024).public_key()])
def test_what_is_no_key_is_refused(der):
    if not isinstance(der, bytes):
        der = der.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(KeyFault):
        PrivateKey.from_der(der)
    with pytest.raises(KeyFault):
        PublicKey(der)


def test_a_compressed_point_is_refused_though_it_is_on_the_curve():
    point = Share.from_number(9).point
    compressed = bytes((2 + point[-1] % 2,)) + point[1:33]
    with pytest.raises(KeyFault, match="no uncompressed point"):
        Share.from_number(5).exchange(compressed)
    assert Share.from_number(5).exchange(point) == Share.from_number(9).exchange(Share.from_number(5).point)


def test_a_server_whose_finished_does_not_fit_is_refused():
    def verdict(cloud, now):
        cloud._handshake.transcript += b"something else was said"
        cloud.accept(now)

    events, _, at_device, at_cloud = join(client(), server(), verdict=verdict)
    assert events == []
    assert isinstance(at_device, errors.DecryptError) and "Finished does not fit" in str(at_device)
    assert isinstance(at_cloud, errors.DecryptError) and at_cloud.by_peer and at_cloud.code is ProtocolErrorCode.RECEIVE


def test_a_device_whose_finished_does_not_fit_is_refused():
    class Key:
        public_der = DEVICE_KEY.public_der

        def sign(self, data):
            end._handshake.transcript += b"something else was said"
            return DEVICE_KEY.sign(data)

    end = client(device_key=Key())
    _, at_cloud, at_device, cloud_error = join(end, server())
    assert at_cloud == [] and at_device.by_peer
    assert isinstance(cloud_error, errors.DecryptError) and "Finished does not fit" in str(cloud_error)


def test_a_finished_in_the_open_is_somebody_elses():
    end, other = client(), server()
    other.receive_data(end.pieces_to_send()[0], 0.0)
    end.receive_data(other.pieces_to_send()[0], 0.0)
    forged = push_record(Record(22, 0, 50, HandshakeMessage(HandshakeType.FINISHED, 4, bytes(12)).encode()))
    other.receive_data(forged, 0.0)
    end.receive_data(forged, 0.0)
    join(end, other)
    assert end.is_open and other.is_open


def test_a_flight_that_comes_backwards_costs_no_time():
    def backwards(datagram):
        return list(pull_records(datagram, 8))[::-1]

    end, other = client(), server()
    other.receive_data(end.pieces_to_send()[0], 0.0)
    for receiver, sender in ((end, other), (other, end)):
        for record in backwards(sender.pieces_to_send()[0]):
            receiver.receive_data(push_record(record), 0.0)
    other.accept(0.0)
    for record in backwards(other.pieces_to_send()[0]):
        end.receive_data(push_record(record), 0.0)
    assert end.is_open and other.is_open


def test_what_the_handshake_needed_is_forgotten_when_the_session_stands(make_pair):
    pair = make_pair().run()
    assert pair.client._handshake is None
    assert pair.server._handshake is not None, "its last flight may be wanted again"
    pair.say(b"I have it")
    assert pair.server._handshake is None
