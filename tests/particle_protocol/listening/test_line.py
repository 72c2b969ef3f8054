"""A line, byte by byte, as the board reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.listening.line import LineReader


def read(data, limit=8):
    pending = bytearray(data)
    line, echo = LineReader(limit).feed(pending)
    return line, echo, bytes(pending)


@pytest.mark.parametrize("end", [b"\r", b"\n"])
def test_a_line_ends_at_cr_or_lf_which_is_not_echoed(end):
    assert read(b"abc" + end + b"rest") == (b"abc", b"abc", b"rest")


def test_a_line_that_has_not_ended_is_none():
    assert read(b"abc") == (None, b"abc", b"")


@pytest.mark.parametrize("back", [b"\x08", b"\x7f"])
def test_backspace_takes_one_back_and_is_echoed_as_it_came(back):
    assert read(b"ax" + back + b"b\n") == (b"ab", b"ax" + back + b"b", b"")


def test_backspace_on_an_empty_line_is_ignored():
    assert read(b"\x08\x7fa\n") == (b"a", b"a", b"")


def test_a_full_line_is_ended_by_whatever_comes_next():
    assert read(b"12345678X9") == (b"12345678", b"12345678", b"9")
    assert read(b"12345678") == (None, b"12345678", b"")
    assert read(b"12345678\x08") == (b"12345678", b"12345678", b"")


def test_a_nul_cuts_the_line():
    assert read(b"ab\0cd\n") == (b"ab", b"ab\0cd", b"")


@given(st.binary(max_size=40), st.lists(st.integers(1, 5)), st.integers(1, 10))
def test_a_line_is_the_same_however_it_is_cut(data, sizes, limit):
    whole = read(data, limit)
    reader, pending, echo, line = LineReader(limit), bytearray(), b"", None
    rest = data
    for size in [*sizes, len(data)]:
        pending += rest[:size]
        rest = rest[size:]
        line, more = reader.feed(pending)
        echo += more
        if line is not None:
            break
    assert (line, echo, bytes(pending) + rest) == whole
