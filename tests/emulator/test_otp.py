"""One-time-programmable memory, as the reference manual of the STM32F2 has it (RM0033, 3.4): bits go from 1 to 0 and never back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.board.otp import MOBILE_SECRET, SERIAL_NUMBER, Otp

SIZE = 512
PLACES = st.integers(0, SIZE - 1)
WRITES = st.lists(st.tuples(PLACES, st.binary(max_size=40)).filter(lambda write: write[0] + len(write[1]) <= SIZE), max_size=8)


@pytest.mark.rule("R146")
@given(WRITES)
def test_whatever_is_programmed_no_bit_is_ever_set_again(writes):
    otp = Otp(SIZE)
    expected = [0xFF] * SIZE
    for offset, data in writes:
        otp.program(offset, data)
        for place, byte in enumerate(data, offset):
            expected[place] &= byte
        assert list(otp.read(0, SIZE)) == expected


@pytest.mark.rule("R146")
def test_what_was_written_once_cannot_be_written_over():
    otp = Otp(SIZE)
    offset, size = SERIAL_NUMBER
    otp.program(offset, b"P006AF451234567")
    otp.program(offset, b"\xff" * size)
    assert otp.text(*SERIAL_NUMBER) == "P006AF451234567", "all bits set changes nothing"
    otp.program(offset, b"P006AF451234568")
    assert otp.text(*SERIAL_NUMBER) == "P006AF451234560", "7 and 8 have these bits in common: 0x37 & 0x38 is 0x30"
    otp.program(offset, bytes(size))
    otp.program(offset, b"P006AF451234567")
    assert otp.read(*SERIAL_NUMBER) == bytes(size)
    assert otp.text(*MOBILE_SECRET) == "", "its neighbour was never programmed"


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (SIZE, 1), (SIZE - 1, 2), (0, SIZE + 1)])
def test_outside_of_the_area_nothing_is_programmed(offset, length):
    otp = Otp(SIZE)
    with pytest.raises(ValueError, match=r"^the one-time-programmable area has 512 bytes$"):
        otp.program(offset, bytes(length))
    assert otp.read(0, SIZE) == b"\xff" * SIZE
