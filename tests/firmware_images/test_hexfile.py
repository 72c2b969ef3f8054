"""Intel HEX, both ways, beside the intelhex library."""

from __future__ import annotations

import io
import tracemalloc

import intelhex
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_images.build import build_module
from firmware_images.errors import HexError
from firmware_images.fields import ModuleFunction
from firmware_images.hexfile import LARGEST_GAP, MAX_BYTES, Segment, modules_in, read_hex, write_hex


@given(data=st.binary(min_size=1, max_size=300), address=st.integers(0, 0xFFFFFFFF - 300))
def test_what_is_written_is_read_back(data: bytes, address: int) -> None:
    assert read_hex(write_hex(data, address)) == (Segment(address, data),)


@given(blocks=st.lists(st.tuples(st.integers(0, 200_000), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6))
def test_texts_are_read_as_intelhex_reads_them(blocks: list[tuple[int, bytes]]) -> None:
    image = intelhex.IntelHex()
    for address, data in blocks:
        image.puts(address, data)
    text = io.StringIO()
    image.write_hex_file(text)
    ours = read_hex(text.getvalue().encode())
    theirs = intelhex.IntelHex(io.StringIO(text.getvalue()))
    seen = {segment.address + at: byte for segment in ours for at, byte in enumerate(segment.data)}
    expected = theirs.todict()
    expected.pop("start_addr", None)
    assert {address: seen.get(address) for address in expected} == expected
    assert all(byte == 0xFF for address, byte in seen.items() if address not in expected)


def test_segment_addresses_and_any_order_and_line_ends_are_understood() -> None:
    lines = [
        ":020000021000EC",
        ":0100000055AA",
        ":02000004080CE6",
        ":02000200BBBB86",
        ":01000000AA55",
        ":0400000508000000EF",
        ":00000001FF",
        "junk",
    ]
    for end in ("\n", "\r\n", "\r"):
        assert read_hex(end.join(lines).encode()) == (Segment(0x10000, b"\x55"), Segment(0x080C0000, b"\xaa\xff\xbb\xbb"))


def test_small_gaps_are_filled_and_large_ones_divide() -> None:
    def joined(gap: int) -> tuple[Segment, ...]:
        return read_hex(write_hex(b"a", 0).removesuffix(b":00000001FF\r\n") + write_hex(b"b", 1 + gap))

    assert [len(segment.data) for segment in joined(LARGEST_GAP)] == [LARGEST_GAP + 2]
    assert [len(segment.data) for segment in joined(LARGEST_GAP + 1)] == [1, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no data"),
        (b":00000001FF", "no data"),
        (b"hello", "line 1 is no"),
        (b":01000000AA55\n:zz", "line 2 is no"),
        (b":01000000AA", "line 1 is no"),
        (b":01000000AA56", "checksum is 56, expected 55"),
        (b":01000006AA4F", "no record of type 6"),
        (b":0100000408F3", "no record of type 4 with 1 bytes"),
        (b":01000000AA55\n:01000000AA55", "written twice"),
        (b":02000000AAAAAA\n:01000100AA54", "written twice"),
        (b"\xff\xfe:", "line 1 is no"),
        (":01000000AA5\u0665".encode(), "line 1 is no"),
    ],
)
def test_what_is_no_hex_is_refused_with_its_line(text: bytes, reason: str) -> None:
    with pytest.raises(HexError, match=reason):
        read_hex(text)


def test_a_text_cannot_make_us_use_more_memory_than_it_has_bytes_for() -> None:
    lines = []
    for number in range(4000):
        address = (number * LARGEST_GAP) & 0xFFFFFFFF
        high = f"02000004{address >> 16:04X}"
        low = f"01{address & 0xFFFF:04X}00AA"
        lines += [f":{body}{-sum(bytes.fromhex(body)) & 0xFF:02X}" for body in (high, low)]
    text = "\n".join(lines).encode()
    tracemalloc.start()
    read_hex(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * len(text) + 100_000
    assert MAX_BYTES == 16 * 1024 * 1024


@given(data=st.binary(max_size=200))
def test_random_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        read_hex(b":" + data)
    except HexError:
        return


def test_modules_are_found_at_the_address_of_the_records() -> None:
    one, two = build_module(6, ModuleFunction.SYSTEM_PART, 1), build_module(6, ModuleFunction.SYSTEM_PART, 2)
    text = write_hex(one, 0x08020000).removesuffix(b":00000001FF\r\n") + write_hex(two, 0x08060000)
    assert [(address, module.prefix.index) for address, module in modules_in(read_hex(text))] == [(0x08020000, 1), (0x08060000, 2)]
    assert modules_in(read_hex(write_hex(b"none", 0))) == []
    together = read_hex(write_hex(one + two, 0x08020000))
    assert [address for address, _ in modules_in(together)] == [0x08020000, 0x08020000 + len(one)]
