"""Block-wise transfer: the option, and putting blocks together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.blocks import Block, BlockAssembler
from particle_protocol.coap import CoapError


@given(st.integers(0, (1 << 20) - 1), st.booleans(), st.sampled_from([16, 32, 64, 128, 256, 512, 1024]))
def test_a_block_survives(number, more, size):
    block = Block(number, more, size)
    assert Block.decode(block.encode()) == block


def test_block_0_of_512_bytes_is_one_byte():
    # RFC 7959, 2.2: NUM, M, SZX; 512 bytes is SZX 5.
    assert Block(0, more=True, size=512).encode() == b"\x0d"
    assert Block(1, more=False, size=512).encode() == b"\x15"
    assert str(Block(1, more=True, size=512)) == "block 1 of 512 bytes, more follow"
    assert Block.decode(b"") == Block(0, more=False, size=16)


@pytest.mark.parametrize(
    "block", [Block(0, False, 8), Block(0, False, 2048), Block(0, False, 500), Block(1 << 20, False, 16), Block(-1, False, 16)]
)
def test_an_impossible_block_cannot_be_written(block):
    with pytest.raises(CoapError, match="can be written"):
        block.encode()


@pytest.mark.parametrize("value", [b"\x07", b"\x0f", b"\0\0\0\0"])
def test_an_impossible_block_cannot_be_read(value):
    with pytest.raises(CoapError, match="no block"):
        Block.decode(value)


@given(st.binary(min_size=1, max_size=200))
def test_blocks_make_the_whole_again(data):
    assembler = BlockAssembler(limit=200)
    for _ in range(2):
        results = [assembler.add(Block(at // 16, at + 16 < len(data), 16), data[at : at + 16]) for at in range(0, len(data), 16)]
        assert results[-1] == data
        assert results[:-1] == [None] * (len(results) - 1)


def test_a_first_block_begins_anew():
    assembler = BlockAssembler(limit=100)
    assembler.add(Block(0, more=True, size=16), b"old")
    assert assembler.add(Block(0, more=False, size=16), b"new") == b"new"


@pytest.mark.parametrize("block", [Block(1, True, 16), Block(2, False, 16)])
def test_blocks_out_of_order_are_refused(block):
    with pytest.raises(CoapError, match="block 0 was expected"):
        BlockAssembler(limit=100).add(block, b"x")


def test_more_than_the_limit_is_refused():
    assembler = BlockAssembler(limit=20)
    assembler.add(Block(0, more=True, size=16), bytes(16))
    with pytest.raises(CoapError, match="16 bytes are there"):
        assembler.add(Block(1, more=True, size=16), bytes(16))
