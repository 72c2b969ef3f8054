"""CoAP messages read and written, against the least that reading such a message could cost: unpacking its header."""

import struct

import pytest

from particle_protocol.coap import Message
from particle_protocol.messages import Event, Kind

EVENT = bytes.fromhex("50023967b1450d127061727469636c652f6465766963652f757064617465732f656e61626c6564ff74727565")
CALL = bytes.fromhex("410262452bb166046563686f4568656c6c6f")
HEADER = struct.Struct(">BBH")


@pytest.mark.parametrize("wire", [EVENT, CALL], ids=["event", "call"])
def test_decode(benchmark, wire):
    assert benchmark(Message.decode, wire).encode() == wire


@pytest.mark.parametrize("wire", [EVENT, CALL], ids=["event", "call"])
def test_encode(benchmark, wire):
    assert benchmark(Message.decode(wire).encode) == wire


def test_unpack_the_header_only(benchmark):
    assert benchmark(HEADER.unpack_from, EVENT)[1] == 2


def test_event_from_wire_to_name(benchmark):
    def read():
        message = Message.decode(EVENT)
        assert Kind.of(message) is Kind.EVENT
        return Event.decode(message)

    assert benchmark(read).text == "true"


def test_event_from_name_to_wire(benchmark):
    event = Event("particle/device/updates/enabled", b"true")
    assert benchmark(lambda: event.encode(0x3967).encode()) == EVENT
