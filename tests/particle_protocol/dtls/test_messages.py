"""Handshake messages: read and written the same, never half, and put together from whatever pieces come."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.dtls.errors import DecodeError, IllegalParameter
from particle_protocol.dtls.flight import Part, pack
from particle_protocol.dtls.handshake import (
    MAX_AHEAD,
    MAX_MESSAGE,
    Fragment,
    HandshakeMessage,
    HandshakeType,
    Reassembler,
    pull_fragments,
    type_name,
)
from particle_protocol.dtls.hellos import (
    ClientHello,
    HelloVerifyRequest,
    ServerHello,
    pull_client_hello,
    pull_hello_verify_request,
    pull_server_hello,
    push_client_hello,
    push_hello_verify_request,
    push_server_hello,
)
from particle_protocol.dtls.key_messages import (
    Certificate,
    CertificateRequest,
    CertificateVerify,
    ClientKeyExchange,
    ServerKeyExchange,
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
from particle_protocol.dtls.record_layer import RecordLayer
from particle_protocol.dtls.records import pull_records

short = st.binary(max_size=40)
randoms = st.binary(min_size=32, max_size=32)
extensions = st.lists(st.tuples(st.integers(0, 65535), short), max_size=4).map(tuple)
suites = st.lists(st.integers(0, 65535), max_size=4).map(tuple)
session_ids = st.binary(max_size=32)
MESSAGES = [
    (st.builds(ClientHello, randoms, suites, extensions, short, session_ids, short), push_client_hello, pull_client_hello),
    (st.builds(HelloVerifyRequest, short), push_hello_verify_request, pull_hello_verify_request),
    (
        st.builds(ServerHello, randoms, st.integers(0, 65535), extensions, session_ids, st.integers(0, 255)),
        push_server_hello,
        pull_server_hello,
    ),
    (st.builds(Certificate, short), push_certificate, pull_certificate),
    (st.builds(ServerKeyExchange, short, short), push_server_key_exchange, pull_server_key_exchange),
    (st.builds(CertificateRequest, short, suites, short), push_certificate_request, pull_certificate_request),
    (st.builds(ClientKeyExchange, short), push_client_key_exchange, pull_client_key_exchange),
    (st.builds(CertificateVerify, short), push_certificate_verify, pull_certificate_verify),
]


@pytest.mark.parametrize("number", range(len(MESSAGES)))
@settings(max_examples=30)
@given(data=st.data())
def test_a_message_is_read_as_it_was_written(number, data):
    strategy, push, pull = MESSAGES[number]
    message = data.draw(strategy)
    body = push(message)
    assert pull(body) == message
    with pytest.raises(DecodeError):
        pull(body + b"\0")


@pytest.mark.parametrize("number", range(len(MESSAGES)))
@settings(max_examples=30)
@given(data=st.data())
def test_half_a_message_is_refused(number, data):
    strategy, push, pull = MESSAGES[number]
    body = push(data.draw(strategy))
    size = data.draw(st.integers(0, len(body) - 1))
    try:
        read = pull(body[:size])
    except (DecodeError, IllegalParameter):
        return
    # A hello may end where its extensions would begin: it has none then.
    assert isinstance(read, ClientHello | ServerHello)
    assert read.extensions == ()


@pytest.mark.parametrize("number", range(len(MESSAGES)))
@settings(max_examples=30)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused(number, data):
    _, push, pull = MESSAGES[number]
    body = data.draw(st.binary(max_size=120))
    try:
        read = pull(body)
    except (DecodeError, IllegalParameter):
        return
    if read != pull(push(read)):
        assert isinstance(read, HelloVerifyRequest), "only its version says nothing"


def test_messages_are_named_as_rfcs_name_them():
    assert type_name(HandshakeType.SERVER_HELLO_DONE) == "ServerHelloDone"
    assert str(HandshakeMessage(16, 3, bytes(66))) == "ClientKeyExchange 3, 66 bytes"
    assert type_name(77) == "message 77"


@pytest.mark.parametrize(
    "content",
    ["01", "0100000400000000000000000400", "010000040000000000000005aabbccddee", "010000040000000003000002aabb"],
    ids=["no header", "half a header", "more than the message", "beyond its end"],
)
def test_what_is_no_piece_of_a_message_is_refused(content):
    with pytest.raises(DecodeError, match="header"):
        list(pull_fragments(bytes.fromhex(content)))


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(0, 3), st.randoms(use_true_random=False), st.integers(1, 20))
def test_messages_are_put_together_from_pieces_in_any_order(bodies, first, rng, size):
    messages = [HandshakeMessage(11, first + number, body) for number, body in enumerate(bodies)]
    pieces = [
        message.fragment(offset, min(rng.randint(1, size), len(message.body) - offset))
        for message in messages
        for offset in range(len(message.body) or 1)
    ]
    pieces += [message.encode() for message in rng.sample(messages, rng.randint(0, len(messages)))]
    rng.shuffle(pieces)
    reassembler, whole = Reassembler(first), []
    for piece in pieces:
        for fragment in pull_fragments(piece):
            reassembler.add(fragment)
        while (message := reassembler.pop()) is not None:
            whole.append(message)
    assert whole == messages


def test_a_message_whose_pieces_do_not_fit_is_begun_anew():
    reassembler = Reassembler()
    reassembler.add(Fragment(11, 4, 0, 0, b"ab"))
    reassembler.add(Fragment(16, 4, 0, 2, b"cd"))
    assert reassembler.pop() is None
    reassembler.add(Fragment(16, 4, 0, 0, b"ab"))
    assert reassembler.pop() == HandshakeMessage(16, 0, b"abcd")


def test_nobody_makes_the_reassembler_keep_much():
    reassembler = Reassembler()
    for sequence in range(100):
        reassembler.add(Fragment(11, MAX_MESSAGE, sequence, 0, b"a"))
        reassembler.add(Fragment(11, MAX_MESSAGE + 1, sequence, 0, b"a"))
    assert len(reassembler._partials) == MAX_AHEAD


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(60, 400))
def test_a_flight_fits_its_datagrams(bodies, size):
    parts = [Part(HandshakeMessage(11, number, body)) for number, body in enumerate(bodies)] + [Part(None)]
    datagrams = pack(parts, RecordLayer(), size)
    assert all(0 < len(datagram) <= size for datagram in datagrams)
    reassembler, numbers, whole = Reassembler(), [], []
    for datagram in datagrams:
        for record in pull_records(datagram, 0):
            numbers.append(record.sequence)
            for fragment in pull_fragments(record.fragment) if record.type == 22 else ():
                reassembler.add(fragment)
            while (message := reassembler.pop()) is not None:
                whole.append(message.body)
    assert whole == bodies
    assert numbers == list(range(len(numbers)))
