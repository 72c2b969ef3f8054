"""The messages of the device-cloud protocol: golden bytes of Device OS 2.3.1 and 6.2.0, round trips, refusals."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.blocks import Block
from particle_protocol.coap import CoapError, Code, Message, Type
from particle_protocol.messages import (
    DescribeFlag,
    DescribePost,
    DescribeRequest,
    Event,
    FunctionCall,
    Goodbye,
    Hello,
    HelloFlag,
    HelloLimits,
    KeyChange,
    Kind,
    MessageError,
    Signal,
    Subscription,
    TimeRequest,
    VariableRead,
    VariableType,
    cloud_hello,
    decode_function_result,
    decode_value,
    encode_function_result,
    encode_value,
)

FLAGS = HelloFlag.DIAGNOSTICS | HelloFlag.IMMEDIATE_UPDATES | HelloFlag.GOODBYE | HelloFlag.DEVICE_INITIATED_DESCRIBE
MODERN = HelloLimits(6200, 1152, 10485760, 512)
CODE = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+"

GOLDEN = [
    ("50023963b168ff0003ffff00360003", Kind.HELLO, Hello(3, 0xFFFF, FLAGS, 3)),
    ("500249e2b168ff0003ffff0036000300001838048000a000000200", Kind.HELLO, Hello(3, 0xFFFF, FLAGS, 3, MODERN)),
    (
        "40020001b168ff0003ffff00360003000c0123456789abcdef012300121838048000a000000200",
        Kind.HELLO,
        Hello(3, 0xFFFF, FLAGS, 3, MODERN, bytes.fromhex("0123456789abcdef01230012"), confirmable=True),
    ),
    ("50027163b178d0eaff0102", Kind.GOODBYE, Goodbye(cloud=2)),
    ("40020013b178ff0102", Kind.GOODBYE, Goodbye(cloud=2, confirmable=True)),
    ("5002396fb1450976642f6f6e6c696e65ff6669727374", Kind.EVENT, Event("vd/online", b"first")),
    ("50023970b1450d077061727469636c652f6465766963652f6e616d65", Kind.EVENT, Event("particle/device/name")),
    ("50026119b1450876642f656d707479ff", Kind.EVENT, Event("vd/empty", b"")),
    ("5002714ab1450d0a737061726b2f6465766963652f636c61696d2f636f6465ff" + CODE.hex(), Kind.EVENT, Event("spark/device/claim/code", CODE)),
    ("40027161b1450676642f707562ff61636b6564", Kind.EVENT, Event("vd/pub", b"acked", confirmable=True)),
    ("4001396bb165087061727469636c654175", Kind.SUBSCRIPTION, Subscription("particle", own=True)),
    ("4001396db1650468696c2f", Kind.SUBSCRIPTION, Subscription("hil/")),
    ("500149e9b16505737061726b", Kind.SUBSCRIPTION, Subscription("spark", confirmable=False)),
    ("4101623b21b1644101", Kind.DESCRIBE_REQUEST, DescribeRequest(DescribeFlag.SYSTEM, b"\x21")),
    ("4101623f25b164", Kind.DESCRIBE_REQUEST, DescribeRequest(None, b"\x25")),
    ("40023964b1644101ff7b2270223a332c226d223a5b5d7d", Kind.DESCRIBE_POST, DescribePost(DescribeFlag.SYSTEM, b'{"p":3,"m":[]}')),
    (
        "410223d153b164112a3101ff0a190802",
        Kind.DESCRIBE_POST,
        DescribePost(DescribeFlag.SYSTEM, bytes.fromhex("0a190802"), b"\x53", content_format=42),
    ),
    ("410139691fb174", Kind.TIME_REQUEST, TimeRequest(b"\x1f")),
    ("4101624026b17603696e74", Kind.VARIABLE_READ, VariableRead("int", b"\x26")),
    ("410262452bb166046563686f4568656c6c6f", Kind.FUNCTION_CALL, FunctionCall("echo", "hello", b"\x2b")),
    ("410362482db1734101", Kind.SIGNAL, Signal(on=True, token=b"\x2d")),
    ("410362492eb1734100", Kind.SIGNAL, Signal(on=False, token=b"\x2e")),
    ("40030007b16b4101", Kind.KEY_CHANGE, KeyChange(1)),
]


@pytest.mark.parametrize(("wire", "kind", "expected"), GOLDEN)
def test_golden_bytes_read_and_write_alike(wire, kind, expected):
    message = Message.decode(bytes.fromhex(wire))
    assert Kind.of(message) is kind
    assert type(expected).decode(message) == expected
    assert expected.encode(message.id).encode().hex() == wire
    assert str(expected)


def test_the_clouds_hello_has_eight_bytes():
    assert cloud_hello(25146).encode().hex() == "5002623ab168"


def test_an_event_can_have_a_content_format():
    event = Event("a", b"{}", content_format=50)
    assert event.encode(1).option(12) == b"2"
    assert Event.decode(event.encode(1)) == event


def test_a_block_of_a_description_says_which_it_is():
    post = DescribePost(DescribeFlag.SYSTEM, b"piece", b"t", block=Block(3, more=True, size=512))
    assert DescribePost.decode(post.encode(1)) == post


def test_the_clouds_event_names_are_split_at_their_slashes():
    event = Event("hil/test", b"payload", confirmable=True)
    assert event.encode_from_cloud(25159).encode().hex() == "40026247b1450368696c0474657374ff7061796c6f6164"
    assert Event.decode(event.encode_from_cloud(1)) == event


def test_time_is_answered_in_the_acknowledgement():
    request = Message.decode(bytes.fromhex("410139691fb174"))
    assert TimeRequest.answer(request, 0x6B0342F3).encode().hex() == "614539691fff6b0342f3"


def test_an_old_hello_over_udp_ends_with_the_device_id():
    old = Hello(6, 1, HelloFlag(0), 6, None, bytes(range(12)), confirmable=True)
    assert len(old.encode(1).payload) == 22
    assert Hello.decode(old.encode(1)) == old


def test_what_a_later_hello_may_add_is_passed_over():
    modern = Hello(3, 0xFFFF, FLAGS, 3, MODERN)
    message = modern.encode(1)
    assert Hello.decode(dataclasses.replace(message, payload=message.payload + b"more")) == modern


@pytest.mark.parametrize(
    "payload", ["", "0003ffff003600", "0003ffff0036000300", "0003ffff0036000300050102030405", "0003ffff003600030000ff"]
)
def test_a_hello_of_no_known_form_is_refused(payload):
    with pytest.raises(MessageError, match="no Hello"):
        Hello.decode(Message(Type.NON, Code.POST, 1, b"", ((11, b"h"),), bytes.fromhex(payload)))


@pytest.mark.parametrize(
    ("ttl", "wide", "expected"), [(60, True, None), (3600, True, b"\0\x0e\x10"), (3600, False, b"\x0e\x10"), (0, False, b"")]
)
def test_max_age_is_three_bytes_wide_from_firmware_up_to_6_1(ttl, wide, expected):
    assert Event("a", b"", ttl).encode(1, wide_max_age=wide).option(14) == expected
    assert Event.decode(Event("a", b"", ttl).encode(1, wide_max_age=wide)).ttl == ttl


def test_a_subscription_matches_by_prefix():
    assert Subscription("spark").matches("spark/device/reset")
    assert Subscription("").matches("anything")
    assert not Subscription("spark/").matches("spark")


def test_a_subscription_can_name_a_device():
    subscription = Subscription("temp", device_id="0123456789abcdef01234567")
    assert Subscription.decode(subscription.encode(1)) == subscription
    assert "of 0123" in str(subscription)


def test_a_subscription_of_6_2_can_want_cbor():
    assert Subscription("x", content="c").encode(1).option(15) == b"c"
    assert Subscription.decode(Subscription("x", content="c").encode(1)).content == "c"


@pytest.mark.parametrize(
    ("value", "type_", "wire"),
    [
        (42, VariableType.INT, "0000002a"),
        (-2, VariableType.INT, "fffffffe"),
        (3.25, VariableType.DOUBLE, "0000000000000a40"),
        (True, VariableType.BOOL, "01"),
        (False, VariableType.BOOL, "00"),
        ("hello from virtual device", VariableType.STRING, b"hello from virtual device".hex()),
        ("", VariableType.STRING, ""),
    ],
)
def test_values_have_the_byte_order_of_device_os(value, type_, wire):
    assert VariableType.for_value(value) is type_
    assert encode_value(value, type_).hex() == wire
    assert decode_value(bytes.fromhex(wire), type_) == value


def test_a_value_of_the_wrong_length_is_refused():
    for type_ in (VariableType.BOOL, VariableType.INT, VariableType.DOUBLE):
        with pytest.raises(CoapError, match="has"):
            decode_value(bytes(3), type_)
    with pytest.raises(CoapError):
        decode_function_result(b"123")


def test_results_wrap_around_as_in_c():
    assert decode_function_result(encode_function_result(-1)) == -1
    assert decode_function_result(encode_function_result(2**31)) == -(2**31)
    assert encode_function_result(5).hex() == "00000005"


def test_a_goodbye_gives_its_values_in_the_order_of_its_flags():
    goodbye = Goodbye(cloud=6, reset=140, sleep=100000, network=5)
    assert goodbye.encode(1).payload.hex() == "0f068c01a08d0605"
    assert Goodbye.decode(goodbye.encode(1)) == goodbye
    assert str(goodbye) == "Goodbye: cloud SLEEP, reset USER, sleep 100000, network SLEEP"
    assert str(Goodbye(cloud=99)) == "Goodbye: cloud 99"
    assert Goodbye.decode(Message(Type.NON, Code.POST, 1, options=((11, b"x"),))) == Goodbye()


@pytest.mark.parametrize("payload", ["01", "018f", "0102ff", "10", "01ffffffffff01"])
def test_a_malformed_goodbye_is_refused(payload):
    with pytest.raises(MessageError, match="no Goodbye"):
        Goodbye.decode(Message(Type.NON, Code.POST, 1, options=((11, b"x"),), payload=bytes.fromhex(payload)))


def test_requests_are_told_apart_by_method_and_first_character_only():
    assert Kind.of(Message(Type.CON, Code.POST, 1, options=((11, b"function"), (11, b"x")))) is Kind.FUNCTION_CALL
    assert Kind.of(Message(Type.CON, Code.GET, 1, options=((15, b"d"),))) is None
    assert Kind.of(Message(Type.CON, Code.GET, 1)) is None
    assert Kind.of(Message(Type.ACK, Code.EMPTY, 1)) is None
    assert Kind.of(Message(Type.CON, Code.EMPTY, 1)) is Kind.PING
    assert Kind.of(Message(Type.CON, Code.DELETE, 1, options=((11, b"d"),))) is None


DECODERS = [Hello, Goodbye, Event, Subscription, DescribeRequest, DescribePost, TimeRequest, VariableRead, FunctionCall, Signal, KeyChange]

paths = st.sampled_from([b"h", b"x", b"E", b"e", b"d", b"t", b"v", b"f", b"s", b"k", b"u", b"c", b"\xff"])
requests = st.builds(
    lambda type_, code, path, more, token, payload: Message(type_, code, 7, token, ((11, path), *more), payload),
    st.sampled_from(Type),
    st.integers(1, 4),
    paths,
    st.lists(st.tuples(st.sampled_from([11, 12, 14, 15]), st.binary(max_size=6)), max_size=3).map(lambda each: tuple(sorted(each))),
    st.binary(max_size=8),
    st.binary(max_size=40),
)


@given(requests)
def test_any_request_is_a_message_or_a_message_error(message):
    for decoder in DECODERS:
        try:
            decoded = decoder.decode(message)
        except MessageError:
            continue
        assert str(decoded)


@given(st.text(max_size=30), st.binary(max_size=30), st.integers(0, 2**24 - 1), st.booleans(), st.booleans())
def test_events_survive_both_ways(name, data, ttl, public, confirmable):
    event = Event(name, data, ttl, public, confirmable)
    assert Event.decode(event.encode(1)) == event
    assert Event.decode(event.encode_from_cloud(1)) == dataclasses.replace(event, data=data or None)
