"""Messages of updates, versions 1 and 2: golden bytes of Device OS 2.3.1 and 6.2.0."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.coap import Code, Message, Type
from particle_protocol.messages import Kind, MessageError
from particle_protocol.updates import Chunk, ChunkMissed, UpdateBegin, UpdateDone, UpdateReady

GOLDEN = [
    ("41029b4255b175ff010200000005dc0000000000", Kind.UPDATE_BEGIN, UpdateBegin(b"\x55", 1500)),
    ("410200a655b175ff000200000005dc0000000000", Kind.UPDATE_BEGIN, UpdateBegin(b"\x55", 1500, fast=False)),
    ("4102da5a56b175ff0102000c8000000000000000", Kind.UPDATE_BEGIN, UpdateBegin(b"\x56", 0x0C800000)),
    ("514440a855ff01", None, UpdateReady(b"\x55", fast=True)),
    ("5144a30f55ff00", None, UpdateReady(b"\x55", fast=False)),
    ("51029b4455b163443c438d9a020001ff616263", Kind.CHUNK, Chunk(b"\x55", b"abc", 0x3C438D9A, 1)),
    ("410200a755b163441b26460bff616263", Kind.CHUNK, Chunk(b"\x55", b"abc", 0x1B26460B, None, confirmable=True)),
    ("41039b4655b175", Kind.UPDATE_DONE, UpdateDone(b"\x55")),
    ("500158e8b163ff0001", Kind.CHUNK_MISSED, ChunkMissed((1,))),
]


@pytest.mark.parametrize(("wire", "kind", "expected"), GOLDEN)
def test_golden_bytes_read_and_write_alike(wire, kind, expected):
    message = Message.decode(bytes.fromhex(wire))
    assert Kind.of(message) is kind
    assert type(expected).decode(message) == expected
    assert expected.encode(message.id).encode().hex() == wire
    assert str(expected)


def test_the_crc_of_a_chunk_is_that_of_zlib():
    # The first bytes of a file that Device OS 6.2.0 accepted begin so; its CRC was sent in the first query.
    chunk = Chunk.of(b"\x55", b"123456789", 3)
    assert chunk.crc == 0xCBF43926 == zlib.crc32(b"123456789")
    assert chunk.is_intact and not Chunk(b"", b"x", 0).is_intact


def test_an_offer_without_particulars_is_slow_and_of_unknown_size():
    assert UpdateBegin.decode(Message(Type.CON, Code.POST, 1, b"t", ((11, b"u"),), b"short")) == UpdateBegin(b"t", 0, 0, fast=False)


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (UpdateBegin, Message(Type.CON, Code.PUT, 1, options=((11, b"u"),))),
        (UpdateReady, Message(Type.NON, Code.BAD_REQUEST, 1)),
        (Chunk, Message(Type.NON, Code.POST, 1, options=((11, b"c"),))),
        (Chunk, Message(Type.NON, Code.POST, 1, options=((11, b"c"), (15, b"12345")))),
        (Chunk, Message(Type.NON, Code.POST, 1, options=((11, b"c"), (15, b"1234"), (15, b"123")))),
        (UpdateDone, Message(Type.CON, Code.POST, 1, options=((11, b"u"),))),
        (ChunkMissed, Message(Type.NON, Code.GET, 1, options=((11, b"c"),))),
        (ChunkMissed, Message(Type.NON, Code.GET, 1, options=((11, b"c"),), payload=b"123")),
    ],
)
def test_what_is_malformed_is_refused(decoder, message):
    with pytest.raises(MessageError):
        decoder.decode(message)


@given(st.binary(max_size=600), st.none() | st.integers(0, 0xFFFF), st.booleans())
def test_chunks_survive(data, index, confirmable):
    chunk = Chunk.of(b"\1", data, index, confirmable=confirmable)
    assert Chunk.decode(chunk.encode(1)) == chunk
