"""CoAP codec: golden bytes of real devices, round trips, and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.coap import CoapError, Code, Message, Option, Type, code_text, empty, pack_uint, unpack_uint

# What Device OS 2.3.1 and 6.2.0 put on the wire over TCP (before encryption).
GOLDEN = [
    ("50023963b168ff0003ffff00360003", Message(Type.NON, Code.POST, 14691, b"", ((11, b"h"),), bytes.fromhex("0003ffff00360003"))),
    (
        "40023964b1644101ff7b2270223a332c226d223a5b5d7d",
        Message(Type.CON, Code.POST, 14692, b"", ((11, b"d"), (15, b"\1")), b'{"p":3,"m":[]}'),
    ),
    ("410139691fb174", Message(Type.CON, Code.GET, 14697, b"\x1f", ((11, b"t"),))),
    ("614539691fff6b0342f3", Message(Type.ACK, Code.CONTENT, 14697, b"\x1f", (), bytes.fromhex("6b0342f3"))),
    ("4001396bb165087061727469636c654175", Message(Type.CON, Code.GET, 14699, b"", ((11, b"e"), (11, b"particle"), (15, b"u")))),
    (
        "50023967b1450d127061727469636c652f6465766963652f757064617465732f656e61626c6564ff74727565",
        Message(Type.NON, Code.POST, 14695, b"", ((11, b"E"), (11, b"particle/device/updates/enabled")), b"true"),
    ),
    ("4000e25f", Message(Type.CON, Code.EMPTY, 57951)),
    ("6000623b", Message(Type.ACK, Code.EMPTY, 25147)),
    ("5184397a2a", Message(Type.NON, Code.NOT_FOUND, 14714, b"\x2a")),
    ("6180e14e24", Message(Type.ACK, Code.BAD_REQUEST, 57678, b"\x24")),
    ("50026119b1450876642f656d707479ff", Message(Type.NON, Code.POST, 0x6119, b"", ((11, b"E"), (11, b"vd/empty")), b"", bare_marker=True)),
    ("50027163b178d0eaff0102", Message(Type.NON, Code.POST, 29027, b"", ((11, b"x"), (Option.NO_RESPONSE, b"")), b"\1\2")),
]


@pytest.mark.parametrize(("wire", "message"), GOLDEN)
def test_golden_bytes_read_and_write_alike(wire, message):
    assert Message.decode(bytes.fromhex(wire)) == message
    assert message.encode().hex() == wire


messages = st.builds(
    Message,
    st.sampled_from(Type),
    st.integers(1, 255),
    st.integers(0, 0xFFFF),
    st.binary(max_size=8),
    st.lists(
        st.tuples(st.integers(0, 0xFFFF) | st.integers(0, 20), st.binary(max_size=20) | st.binary(min_size=265, max_size=290)), max_size=6
    )
    .map(lambda options: sorted(options, key=lambda option: option[0]))
    .map(tuple),
    st.binary(max_size=64),
)


@given(messages)
def test_every_message_survives_the_wire(message):
    assert Message.decode(message.encode()) == message


@given(st.binary(max_size=80))
def test_random_bytes_are_a_message_or_a_coap_error(data):
    try:
        message = Message.decode(data)
    except CoapError:
        return
    assert Message.decode(message.encode()) == message
    assert str(message)


@given(st.binary(max_size=60))
def test_a_valid_header_with_random_options_is_a_message_or_a_coap_error(data):
    try:
        message = Message.decode(b"\x41\x02\x00\x01" + data)
    except CoapError:
        return
    assert Message.decode(message.encode()) == message


@given(messages, st.data())
def test_a_truncated_message_never_reads_as_the_whole(message, data):
    wire = message.encode()
    cut = data.draw(st.integers(0, len(wire) - 1))
    try:
        assert Message.decode(wire[:cut]) != message
    except CoapError:
        pass


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        ("", "at least 4 bytes, not 0"),
        ("400100", "at least 4 bytes, not 3"),
        ("00010001", "version 0"),
        ("c0010001", "version 3"),
        ("490100010102030405060708", "token length 9"),
        ("4101 0001", "inside its token"),
        ("4000000100", "empty message"),
        ("40010001b5 6161", "inside option 11"),
        ("40010001f0", "reserved nibble"),
        ("400100010f", "reserved nibble"),
        ("40010001d0", "inside an option's header"),
        ("40010001e000", "inside an option's header"),
        ("40010001e0ffff", "option number 65804"),
    ],
)
def test_what_is_not_well_formed_is_refused_with_the_reason(wire, why):
    with pytest.raises(CoapError, match=why):
        Message.decode(bytes.fromhex(wire))


@pytest.mark.parametrize(
    "message",
    [
        Message(Type.CON, Code.GET, 0, b"123456789"),
        Message(Type.CON, Code.GET, 0x10000),
        Message(Type.CON, Code.GET, -1),
        Message(Type.CON, 256, 0),
        Message(Type.ACK, Code.EMPTY, 1, b"t"),
        Message(Type.ACK, Code.EMPTY, 1, payload=b"p"),
        Message(Type.CON, Code.GET, 1, options=((-1, b""),)),
        Message(Type.CON, Code.GET, 1, options=((1, bytes(66000)),)),
    ],
)
def test_what_cannot_be_written_is_refused(message):
    with pytest.raises(CoapError):
        message.encode()


def test_options_are_written_in_the_order_of_their_numbers_and_of_their_giving():
    message = Message(Type.NON, Code.POST, 1, options=((15, b"q"), (11, b"b"), (11, b"a")))
    assert Message.decode(message.encode()).options == ((11, b"b"), (11, b"a"), (15, b"q"))


@pytest.mark.parametrize(("length", "header"), [(12, "bc"), (13, "bd00"), (268, "bdff"), (269, "be0000"), (600, "be014b")])
def test_long_options_use_the_extended_forms(length, header):
    wire = Message(Type.NON, Code.POST, 1, options=((11, bytes(length)),)).encode()
    assert wire[4 : 4 + len(header) // 2].hex() == header


def test_the_path_joins_all_segments():
    assert Message(Type.NON, Code.POST, 1, options=((11, b"E"), (11, b"a/b"), (11, b"c"))).path == "E/a/b/c"


def test_a_message_reads_well_in_a_log():
    message = Message.decode(bytes.fromhex("410262452bb166046563686f4568656c6c6f"))
    assert str(message) == "CON POST #25157 token 2b /f/echo?hello"
    assert str(Message.decode(bytes.fromhex("60006245"))) == "ACK empty #25157"
    assert str(Message.decode(bytes.fromhex("5144397b2bff00000005"))) == "NON 2.04 #14715 token 2b [4] 0x00000005"
    assert str(Message(Type.NON, Code.POST, 1, options=((14, b"\x3c"), (2049, b"\1")))) == "NON POST #1 Max-Age=3c option-2049=01"


def test_codes_are_named_as_people_write_them():
    assert [code_text(code) for code in (0, 1, 2, 3, 4, 0x45, 0x80, 0xA3)] == [
        "empty",
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "2.05",
        "4.00",
        "5.03",
    ]


@given(st.integers(0, 2**64))
def test_numbers_in_options_survive(value):
    assert unpack_uint(pack_uint(value)) == value
    assert not pack_uint(value).startswith(b"\0")


def test_an_empty_message_has_four_bytes():
    assert empty(Type.CON, 0x4241).encode() == b"\x40\0BA"
