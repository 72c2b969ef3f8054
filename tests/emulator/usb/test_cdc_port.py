import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.usb import CdcPort
from emulator.usb.cdc_port import RECEIVE_BUFFER, SEND_BUFFER
from particle_protocol.cdc import LineCoding
from particle_protocol.usb import Setup


@pytest.fixture
def port():
    return CdcPort()


def lines(port, value):
    port.control(Setup(0x21, 0x22, value, 0, 0), b"")


def test_what_is_written_to_a_closed_port_is_lost(port):
    opened = []
    port.on_open = opened.append
    assert port.write(b"nobody hears") == 0
    lines(port, 1)
    assert port.fetch(64) is None
    assert port.write(b"hello") == 5
    lines(port, 0)
    lines(port, 1)
    assert port.fetch(64) is None
    assert opened == [True, False, True]


def test_a_host_that_reads_or_writes_has_the_port_open(port):
    assert port.fetch(64) is None
    assert port.is_open
    port.reset()
    assert not port.is_open
    port.receive(b"x")
    assert port.is_open


def test_the_host_is_told_when_there_is_something_to_read(port):
    told = []
    port.on_readable = lambda: told.append(len(told))
    lines(port, 1)
    port.write(b"")
    port.write(b"a")
    port.write(b"b")
    assert told == [0]
    assert port.fetch(64) == b"ab"
    port.write(b"c")
    assert told == [0, 1]


def test_a_host_that_does_not_read_costs_bounded_memory(port):
    lines(port, 1)
    assert port.write(bytes(SEND_BUFFER + 10)) == SEND_BUFFER
    assert port.write(b"x") == 0
    assert len(port.fetch(10**6)) == SEND_BUFFER


def test_bytes_wait_for_firmware_that_is_not_ready(port):
    port.receive(b"wake")
    port.receive(b" up")
    received = []
    port.on_receive = received.append
    assert received == [b"wake up"]
    assert port.on_receive is not None
    port.receive(bytearray(b"!"))
    assert received == [b"wake up", b"!"]
    port.on_receive = None
    port.receive(bytes(RECEIVE_BUFFER * 2))
    port.on_receive = received.append
    assert len(received[2]) == RECEIVE_BUFFER


@given(st.lists(st.binary(max_size=200)), st.integers(1, 64))
def test_bytes_arrive_in_order_whatever_the_host_asks_for(pieces, length):
    port = CdcPort()
    port.fetch(1)
    for piece in pieces:
        port.write(piece)
    fetched = b""
    while (part := port.fetch(length)) is not None:
        fetched += part
    assert fetched == b"".join(pieces)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_line_codings_survive_the_round_trip(baud, stop, parity, bits):
    coding = LineCoding(baud, stop, parity, bits)
    assert LineCoding.decode(coding.encode() + b"more") == coding
    assert str(baud) in str(coding)


def test_line_codings_read_as_one_says_them():
    assert str(LineCoding(14400)) == "14400 baud 8N1"
    assert LineCoding(14400).encode().hex() == "40380000000008"
    with pytest.raises(ValueError, match="7 bytes"):
        LineCoding.decode(bytes(6))
