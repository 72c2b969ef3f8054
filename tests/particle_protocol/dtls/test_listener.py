"""The cloud's port: cookies before any state, who a datagram is for, and sessions whose device moves."""

import itertools
import random

import pytest

from particle_protocol.dtls import (
    ClientEnd,
    DeviceIdentity,
    EndSettings,
    Established,
    HandshakeTimeout,
    KeyProved,
    Listener,
    MessageReceived,
    PrivateKey,
    StrayReason,
    device_dialect,
    errors,
)
from particle_protocol.dtls.cookies import LIFETIME, Cookies
from particle_protocol.dtls.handshake import HandshakeMessage, HandshakeType, pull_fragments
from particle_protocol.dtls.hellos import pull_client_hello, pull_hello_verify_request, push_client_hello
from particle_protocol.dtls.records import Record, pull_records, push_record

SERVER_KEY, DEVICE_KEY = PrivateKey.from_number(0x5E17), PrivateKey.from_number(0xDE71CE)
DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
OTHER_ID = bytes.fromhex("aabbccddeeff001122334455")


def device(version=(6, 2, 0), device_id=DEVICE_ID, key=DEVICE_KEY, now=0.0):
    return ClientEnd(DeviceIdentity(device_id, key, SERVER_KEY.public), device_dialect(version), now)


def hello_in(datagram):
    (record,) = pull_records(datagram, 8)
    (fragment,) = pull_fragments(record.fragment)
    return record, fragment, pull_client_hello(fragment.data)


def introduce(listener, end, address, now=0.0):
    """A whole handshake from one address; the server's end."""
    server = None
    for _ in range(4):
        for datagram in end.pieces_to_send():
            server = listener.receive_datagram(datagram, address, now) or server
            for answer, where in listener.datagrams_to_send():
                assert where == address
                end.receive_data(answer, now)
            if server is not None:
                if any(isinstance(event, KeyProved) for event in server.events()):
                    listener.accept(server, now)
                for answer in server.pieces_to_send():
                    end.receive_data(answer, now)
    assert end.is_open and server.is_open
    assert isinstance(end.events()[0], Established) and isinstance(server.events()[0], Established)
    return server


def deliver(listener, end, message, address, now=0.0):
    """The device sends a message from an address; the messages that arrive, None if the datagram was for nobody."""
    end.send(message)
    (datagram,) = end.pieces_to_send()
    server = listener.receive_datagram(datagram, address, now)
    return None if server is None else [event.data for event in server.events() if isinstance(event, MessageReceived)]


def test_a_first_hello_is_answered_by_a_cookie_and_forgotten():
    listener, end = Listener(SERVER_KEY), device()
    (hello,) = end.pieces_to_send()
    assert listener.receive_datagram(hello, "here", 0.0) is None
    ((answer, address),) = listener.datagrams_to_send()
    (record,) = pull_records(answer, 8)
    (fragment,) = pull_fragments(record.fragment)
    assert (address, fragment.type, fragment.sequence, record.sequence) == ("here", HandshakeType.HELLO_VERIFY_REQUEST, 0, 0)
    assert len(pull_hello_verify_request(fragment.data).cookie) == 20
    assert len(answer) < len(hello), "nobody can be flooded by way of this port"
    assert list(listener) == [] and listener.half_open == 0 and listener.deadline() is None


def test_a_flood_of_hellos_leaves_nothing_behind():
    listener, rng = Listener(SERVER_KEY), random.Random(1)
    (pattern,) = device().pieces_to_send()
    for number in range(2000):
        forged = bytearray(pattern)
        forged[27:59] = rng.randbytes(32)
        assert listener.receive_datagram(bytes(forged), ("203.0.113.7", number), number / 1000) is None
    assert len(listener.datagrams_to_send()) == 2000
    containers = [value for value in vars(listener).values() if hasattr(value, "__len__")]
    assert sum(map(len, containers)) == 0


def second_hello(end, listener, address):
    (first,) = end.pieces_to_send()
    listener.receive_datagram(first, address, 0.0)
    ((answer, _),) = listener.datagrams_to_send()
    end.receive_data(answer, 0.0)
    (second,) = end.pieces_to_send()
    return second


def test_a_cookie_is_good_from_the_address_it_was_sent_to_only():
    listener = Listener(SERVER_KEY)
    hello = second_hello(device(), listener, ("10.0.0.1", 1))
    for address in (("10.0.0.1", 2), ("10.0.0.2", 1)):
        assert listener.receive_datagram(hello, address, 0.0) is None
        assert len(listener.datagrams_to_send()) == 1
    assert listener.receive_datagram(hello, ("10.0.0.1", 1), 0.0) is not None


def test_a_cookie_is_good_for_the_hello_it_was_made_for_only():
    listener = Listener(SERVER_KEY)
    record, fragment, hello = hello_in(second_hello(device(), listener, "here"))
    for other in (
        type(hello)(bytes(32), hello.suites, hello.extensions, hello.cookie),
        type(hello)(hello.random, (*hello.suites, 0xC0AC), hello.extensions, hello.cookie),
        type(hello)(hello.random, hello.suites, hello.extensions, hello.cookie[:-1] + bytes([hello.cookie[-1] ^ 1])),
        type(hello)(hello.random, hello.suites, hello.extensions, b""),
    ):
        forged = push_record(Record(22, 0, record.sequence, HandshakeMessage(1, fragment.sequence, push_client_hello(other)).encode()))
        assert listener.receive_datagram(forged, "here", 0.0) is None
    assert listener.half_open == 0


@pytest.mark.parametrize("begin", [0.0, 12345.75, 2**32 - 1.0])
def test_a_cookie_is_good_for_a_minute(begin):
    cookies, (_, _, hello) = Cookies(b"secret"), hello_in(device().pieces_to_send()[0])
    made = type(hello)(hello.random, hello.suites, hello.extensions, cookies.make(hello, "here", begin))
    assert cookies.accepts(made, "here", begin) and cookies.accepts(made, "here", begin + LIFETIME)
    assert not cookies.accepts(made, "here", begin + LIFETIME + 1.5)
    assert not cookies.accepts(made, "here", begin - 1.5)
    assert not Cookies(b"another").accepts(made, "here", begin)


def test_a_device_that_comes_back_too_late_is_given_another_cookie():
    listener, end = Listener(SERVER_KEY), device()
    hello = second_hello(end, listener, "here")
    assert listener.receive_datagram(hello, "here", 100.0) is None
    ((again, _),) = listener.datagrams_to_send()
    (record,) = pull_records(again, 8)
    assert next(pull_fragments(record.fragment)).sequence == 1, "numbered as the hello that it answers"
    end.receive_data(again, 100.0)
    server = introduce(listener, end, "here", 100.0)
    assert server.is_open


def test_a_hello_that_comes_twice_begins_one_handshake():
    listener, end = Listener(SERVER_KEY), device()
    hello = second_hello(end, listener, "here")
    server = listener.receive_datagram(hello, "here", 0.0)
    first = server.pieces_to_send()
    assert listener.receive_datagram(hello, "here", 1.0) is server
    assert [datagram[13:68] for datagram in server.pieces_to_send()] == [datagram[13:68] for datagram in first], "the same flight again"
    assert listener.half_open == 1


def test_a_device_that_begins_anew_ends_the_handshake_before():
    listener = Listener(SERVER_KEY)
    first = listener.receive_datagram(second_hello(device(), listener, "here"), "here", 0.0)
    second = listener.receive_datagram(second_hello(device(), listener, "here"), "here", 0.0)
    assert first is not second and first.has_failed
    assert list(listener) == [second]


def test_the_oldest_handshake_gives_way_when_too_many_are_under_way():
    listener = Listener(SERVER_KEY, max_half_open=3)
    ends = [listener.receive_datagram(second_hello(device(), listener, number), number, 0.0) for number in range(5)]
    assert [end.has_failed for end in ends] == [True, True, False, False, False]
    assert set(listener) == set(ends[2:])
    assert listener.stray_counts[StrayReason.CROWDED_OUT] == 2


def test_a_handshake_that_is_not_finished_is_forgotten():
    listener = Listener(SERVER_KEY)
    end = listener.receive_datagram(second_hello(device(), listener, "here"), "here", 0.0)
    sent = len(end.pieces_to_send())
    while (due := listener.deadline()) is not None:
        assert listener.handle_timer(due - 0.01) == []
        assert listener.handle_timer(due) == [end]
        sent += len(end.pieces_to_send())
    assert sent == 5 and list(listener) == [] and isinstance(end.error, HandshakeTimeout)


def test_a_new_handshake_leaves_the_session_alone_until_it_is_over(version):
    listener, old = Listener(SERVER_KEY), device(version)
    old_end = introduce(listener, old, "here")
    new = device(version)
    hello = second_hello(new, listener, "here")
    listener.receive_datagram(hello, "here", 0.0)
    assert deliver(listener, old, b"I am still here", "here") == [b"I am still here"]
    assert old_end.is_open


def test_the_later_session_from_an_address_takes_its_place(version):
    listener = Listener(SERVER_KEY)
    introduce(listener, old := device(version), "here")
    introduce(listener, new := device(version), "here")
    assert deliver(listener, new, b"new", "here") == [b"new"]
    assert deliver(listener, old, b"old", "here") == (None if version < (3, 1, 0) else [b"old"])


@pytest.mark.parametrize("version", [(3, 3, 1), (6, 2, 0)])
def test_a_connection_id_is_enough_wherever_the_device_is(version):
    listener, end = Listener(SERVER_KEY), device(version)
    server = introduce(listener, end, "here")
    assert deliver(listener, end, b"from there", "there") == [b"from there"]
    assert server.address == "there"
    server.send(b"found you")
    end.receive_data(server.pieces_to_send()[0], 0.0)
    assert end.events() == [MessageReceived(b"found you")]
    assert deliver(listener, end, b"and back", "here") == [b"and back"]
    assert server.address == "here"


def test_without_a_connection_id_the_device_says_its_own_id():
    listener, end = Listener(SERVER_KEY), device((2, 3, 1))
    server = introduce(listener, end, "here")
    assert deliver(listener, end, b"who is this?", "there") is None
    assert listener.stray_counts == {StrayReason.NO_HANDSHAKE: 1}
    end.move()
    assert deliver(listener, end, b"nobody knows", "there") is None
    assert listener.stray_counts[StrayReason.UNKNOWN_DEVICE] == 1
    listener.name(server, DEVICE_ID)
    assert deliver(listener, end, b"it is me", "there") == [b"it is me"]
    assert server.address == "there"


def test_marks_end_when_something_comes_back(version):
    listener, end = Listener(SERVER_KEY), device(version)
    server = introduce(listener, end, "here")
    listener.name(server, DEVICE_ID)
    types = []
    for move in (False, True, False):
        if move:
            end.move()
        end.send(b"a")
        (datagram,) = end.pieces_to_send()
        types.append(datagram[0])
        if datagram[0] == 254:
            assert datagram.endswith(DEVICE_ID + b"\x0c")
        listener.receive_datagram(datagram, "there", 0.0)
    server.send(b"b")
    end.receive_data(server.pieces_to_send()[0], 0.0)
    end.send(b"c")
    types.append(end.pieces_to_send()[0][0])
    assert types == {(2, 3, 1): [23, 254, 254, 23], (3, 3, 1): [25] * 4, (6, 2, 0): [25, 253, 253, 25]}[version]


def test_an_old_datagram_from_where_the_device_was_moves_nothing():
    listener, end = Listener(SERVER_KEY), device()
    server = introduce(listener, end, "here")
    end.send(b"delayed")
    (delayed,) = end.pieces_to_send()
    deliver(listener, end, b"newer", "there")
    assert listener.receive_datagram(delayed, "here", 0.0) is server
    assert server.address == "there"


def test_a_copied_datagram_moves_nothing():
    listener, end = Listener(SERVER_KEY), device()
    server = introduce(listener, end, "here")
    end.send(b"overheard")
    (datagram,) = end.pieces_to_send()
    assert listener.receive_datagram(datagram, "here", 0.0) is server
    assert server.events() == [MessageReceived(b"overheard")]
    for thief in ("elsewhere", "here"):
        assert listener.receive_datagram(datagram, thief, 0.0) is None
    assert server.address == "here" and server.events() == []
    assert listener.stray_counts == {StrayReason.NOT_AUTHENTIC: 2}


def test_forged_datagrams_move_nothing_and_reach_nobody(version):
    listener, end = Listener(SERVER_KEY), device(version)
    server = introduce(listener, end, "here")
    listener.name(server, DEVICE_ID)
    end.move()
    end.send(b"pattern")
    (pattern,) = end.pieces_to_send()
    rng = random.Random(3)
    for _ in range(300):
        forged = bytearray(pattern)
        for _ in range(rng.randint(1, 3)):
            forged[rng.randrange(len(forged))] ^= rng.randint(1, 255)
        # Where only a mark was changed, the record is authentic all the same.
        if forged[1 : len(pattern) - 13] != pattern[1:-13] and forged[1:] != pattern[1:]:
            listener.receive_datagram(bytes(forged), "elsewhere", 0.0)
            assert server.events() == [] and not server.has_failed
    assert server.address == "here"
    assert deliver(listener, end, b"real", "here") == [b"real"]


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\0", StrayReason.KEEP_ALIVE),
        (b"", StrayReason.UNREADABLE),
        (b"GET / HTTP/1.1\r\n", StrayReason.NO_HANDSHAKE),
        (bytes.fromhex("16fefd000000000000000000"), StrayReason.UNREADABLE),
        (bytes.fromhex("16fefd0000000000000000000201ff"), StrayReason.UNREADABLE),
        (bytes.fromhex("16fefd00000000000000000001ff"), StrayReason.NO_HANDSHAKE),
        (bytes.fromhex("15fefd000000000000000000020233"), StrayReason.NO_HANDSHAKE),
        (bytes.fromhex("19fefd0001000000000001312d7f85a338d3e80000"), StrayReason.UNKNOWN_CID),
        (bytes.fromhex("fdfefd0001000000000001312d7f85a338d3e80000"), StrayReason.UNKNOWN_CID),
        (bytes.fromhex("17fefd00010000000000010000"), StrayReason.NO_HANDSHAKE),
        (bytes.fromhex("fefefd00010000000000010000") + OTHER_ID + b"\x0c", StrayReason.UNKNOWN_DEVICE),
    ],
)
def test_what_is_for_nobody_is_counted_with_its_reason(datagram, reason):
    listener = Listener(SERVER_KEY)
    assert listener.receive_datagram(datagram, "somewhere", 7.0) is None
    (stray,) = listener.strays
    assert (stray.address, stray.when, stray.reason) == ("somewhere", 7.0, reason)
    assert str(stray) == f"a datagram from somewhere: {reason.value}"


def test_a_hello_in_pieces_is_not_taken():
    (hello,) = device().pieces_to_send()
    (record,) = pull_records(hello, 8)
    message = next(pull_fragments(record.fragment))
    half = HandshakeMessage(1, 0, message.data).fragment(0, 40)
    listener = Listener(SERVER_KEY)
    assert listener.receive_datagram(push_record(Record(22, 0, 0, half)), "here", 0.0) is None
    assert listener.datagrams_to_send() == [] and listener.stray_counts == {StrayReason.UNREADABLE: 1}


def test_the_later_session_of_a_device_has_its_id():
    listener = Listener(SERVER_KEY)
    first = introduce(listener, device((2, 3, 1)), "here")
    listener.name(first, DEVICE_ID)
    second = introduce(listener, end := device((2, 3, 1)), "there")
    listener.name(second, DEVICE_ID)
    listener.forget(first)
    end.move()
    assert deliver(listener, end, b"it is me", "elsewhere") == [b"it is me"]
    assert list(listener) == [second]


def test_a_session_that_was_forgotten_gets_nothing_any_more(version):
    listener, end = Listener(SERVER_KEY), device(version)
    server = introduce(listener, end, "here")
    listener.name(server, DEVICE_ID)
    listener.forget(server)
    assert list(listener) == []
    assert deliver(listener, end, b"hello?", "here") is None
    containers = [value for name, value in vars(listener).items() if name.startswith("_") and hasattr(value, "__len__")]
    assert sum(map(len, containers)) == 0


def test_a_device_that_is_refused_is_forgotten():
    listener, end = Listener(SERVER_KEY), device()
    server = listener.receive_datagram(second_hello(end, listener, "here"), "here", 0.0)
    end.receive_data(server.pieces_to_send()[0], 0.0)
    listener.receive_datagram(end.pieces_to_send()[0], "here", 0.0)
    listener.refuse(server, errors.CertificateUnknown("never seen"))
    assert list(listener) == []
    with pytest.raises(errors.CertificateUnknown, match="register it there"):
        end.receive_data(server.pieces_to_send()[0], 0.0)


def test_a_closed_session_is_forgotten():
    listener, end = Listener(SERVER_KEY), device()
    server = introduce(listener, end, "here")
    end.close()
    assert listener.receive_datagram(end.pieces_to_send()[0], "here", 0.0) is server
    assert isinstance(server.error, errors.CloseNotify) and list(listener) == []


def test_connection_ids_are_unique_though_chance_repeats_itself():
    given = itertools.chain([b"a" * 8, b"r" * 32, b"a" * 8, b"b" * 8], itertools.repeat(b"s" * 32))
    listener = Listener(SERVER_KEY, settings=EndSettings(random_bytes=lambda _size: next(given)))
    ends = [introduce(listener, device(), number) for number in range(2)]
    assert [end.cid for end in ends] == [b"a" * 8, b"b" * 8]


def test_many_devices_at_one_port():
    listener = Listener(SERVER_KEY)
    devices = [device(version, key=PrivateKey.from_number(number + 1)) for number in range(10) for version in ((2, 3, 1), (6, 2, 0))]
    servers = [introduce(listener, end, number) for number, end in enumerate(devices)]
    for number, end in enumerate(devices):
        assert deliver(listener, end, b"%d" % number, number) == [b"%d" % number]
    assert set(listener) == set(servers)


def all_but_the_last_flight(listener, end, address):
    """A handshake whose last flight is lost on its way to the device; the server's end, and the hello with the cookie."""
    listener.receive_datagram(end.pieces_to_send()[0], address, 0.0)
    end.receive_data(listener.datagrams_to_send()[0][0], 0.0)
    (hello,) = end.pieces_to_send()
    server = listener.receive_datagram(hello, address, 0.0)
    end.receive_data(server.pieces_to_send()[0], 0.0)
    listener.receive_datagram(end.pieces_to_send()[0], address, 0.0)
    listener.accept(server, 0.0)
    assert server.pieces_to_send()
    return server, hello


@pytest.mark.parametrize("version", [(2, 3, 1), (6, 2, 0)])
def test_the_end_of_a_handshake_that_was_lost_is_sent_again_by_the_port(version):
    listener, end = Listener(SERVER_KEY), device(version)
    server, _ = all_but_the_last_flight(listener, end, "here")
    end.handle_timer(3.0)
    for datagram in end.pieces_to_send():
        assert listener.receive_datagram(datagram, "here", 3.0) is server
    for datagram in server.pieces_to_send():
        end.receive_data(datagram, 3.0)
    assert end.is_open
    assert deliver(listener, end, b"hello", "here", 3.0) == [b"hello"]


def test_a_hello_that_comes_twice_begins_nothing_once_its_session_stands():
    listener, end = Listener(SERVER_KEY), device()
    server, hello = all_but_the_last_flight(listener, end, "here")
    assert listener.receive_datagram(hello, "here", 1.0) is None
    assert (listener.half_open, list(listener), listener.stray_counts[StrayReason.NO_HANDSHAKE]) == (0, [server], 1)


def test_a_handshake_beside_a_session_at_one_address_does_not_take_its_flights():
    listener, end = Listener(SERVER_KEY), device()
    server, _ = all_but_the_last_flight(listener, end, "here")
    other = device(device_id=OTHER_ID)
    listener.receive_datagram(other.pieces_to_send()[0], "here", 1.0)
    other.receive_data(listener.datagrams_to_send()[0][0], 1.0)
    beside = listener.receive_datagram(other.pieces_to_send()[0], "here", 1.0)
    end.handle_timer(3.0)
    assert [listener.receive_datagram(each, "here", 3.0) for each in end.pieces_to_send()] == [server]
    assert beside.error is None and listener.half_open == 1


@pytest.mark.parametrize("version", [(2, 3, 1), (6, 2, 0)])
def test_a_device_can_be_turned_away_when_its_session_stands(version):
    listener, end = Listener(SERVER_KEY), device(version)
    server = introduce(listener, end, "here")
    listener.refuse(server, errors.AccessDenied("it is another device"))
    (alert,) = server.pieces_to_send()
    with pytest.raises(errors.AccessDenied, match="access_denied"):
        end.receive_data(alert, 0.0)
    assert list(listener) == []
