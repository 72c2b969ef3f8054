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
from firmware_images.findings import FindingName, Severity
from firmware_images.hexfile import (
    LARGEST_GAP,
    MAX_BYTES,
    HexText,
    Segment,
    _Lines,
    modules_in,
    read_hex,
    read_hex_text,
    write_hex,
    write_segments,
)
from firmware_images.image import check_image, read_image


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


def record(kind: int, offset: int, data: bytes) -> bytes:
    body = bytes((len(data), offset >> 8, offset & 0xFF, kind)) + data
    return b":" + (body + bytes((-sum(body) & 0xFF,))).hex().upper().encode() + b"\n"


END = record(1, 0, b"")


@given(lines=st.integers(1, 700), width=st.integers(1, 255))
def test_an_address_record_holds_for_every_line_up_to_the_next(lines: int, width: int) -> None:
    """However the text is taken in: the library is emptied between two lines now and then."""
    data = bytes(number % 251 for number in range(min(lines * width, 0x10000)))
    text = record(4, 0, b"\x08\x0c") + b"".join(record(0, at, data[at : at + width]) for at in range(0, len(data), width))
    assert read_hex_text(text + END) == HexText(*[(Segment(0x080C0000, data),)] * 2, None, ended=True)


def test_bytes_at_both_ends_of_memory_are_no_more_work_than_elsewhere() -> None:
    text = record(0, 0, b"a") + record(4, 0, b"\xff\xff") + record(0, 0xFFFF, b"z") + END
    assert read_hex(text) == (Segment(0, b"a"), Segment(0xFFFFFFFF, b"z"))


def test_what_is_written_is_what_intelhex_writes_in_one_go() -> None:
    data = bytes(number * 7 % 256 for number in range(0x28000))
    image = intelhex.IntelHex()
    image.frombytes(data, offset=0x080C8000)
    text = io.StringIO()
    image.write_hex_file(text, eolstyle="CRLF")
    assert write_hex(data, 0x080C8000) == text.getvalue().encode()


def test_segments_are_written_lowest_first_and_read_back() -> None:
    segments = (Segment(0x100, b"first"), Segment(0x0800FFFE, b"across"), Segment(0x08060000, b"last"))
    assert read_hex(write_segments(reversed(segments))) == segments
    with pytest.raises(HexError, match="beyond 32 bits"):
        write_hex(b"ab", 0xFFFFFFFF)


@pytest.mark.parametrize("start", [{"EIP": 0x080A0185}, {"CS": 0x1234, "IP": 0x5678}])
def test_where_to_start_is_read_and_written(start: dict[str, int]) -> None:
    text = write_segments([Segment(0x0800FFF0, bytes(0x20))], start)
    assert read_hex_text(text) == HexText(*[(Segment(0x0800FFF0, bytes(0x20)),)] * 2, start, ended=True)
    assert read_image(text).hex_start == start


def test_a_file_gives_its_rest_when_it_is_asked_for_it_whole() -> None:
    lines = _Lines(b"one\ntwo\n", intelhex.IntelHex())
    assert next(iter(lines)) == "one"
    assert lines.read() == "two\n"


def test_a_text_without_its_end_record_may_have_been_cut() -> None:
    text = write_hex(build_module(6, ModuleFunction.SYSTEM_PART, 1), 0x08020000)
    assert check_image(read_image(text)) == ()
    (finding,) = check_image(read_image(text.removesuffix(b":00000001FF\r\n")))
    assert (finding.name, finding.severity) == (FindingName.HEX_MALFORMED, Severity.WARNING)


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
        (b":02000000AAAA54AA", "line 1 is no"),
        (record(0, 0, b"a") + record(1, 0, b"a"), "line 2: there is no record of type 1 with 1 bytes"),
        (record(0, 0, b"a") + record(2, 1, b"aa"), "line 2: there is no record of type 2 with 2 bytes at offset 0001"),
        (record(0, 0, b"a") + record(3, 0, b"aaa"), "line 2: there is no record of type 3 with 3 bytes"),
        (record(0, 0, b"a") + record(5, 0, b"aaaaa"), "line 2: there is no record of type 5 with 5 bytes"),
        (record(5, 0, b"aaaa") + record(3, 0, b"aaaa"), "line 2: a second record tells where to start"),
        (record(4, 0, b"\xff\xff") + record(0, 0xFFFF, b"ab"), "line 2: address 0x100000000 is beyond 32 bits"),
        (b":" + b"0" * 1000, "line 1 is no"),
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
