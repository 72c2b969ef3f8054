"""Flash behaves as NOR flash: erase sets a sector, program clears bits, and the power can go away in any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.board.flash import PAGE, CutPhase, Flash, FlashError, Sector
from emulator.board.power import PowerCut

START = 0x08000000
SECTORS = (Sector(START, 0x400), Sector(START + 0x400, 0x800))


@pytest.fixture
def flash():
    return Flash(SECTORS)


def test_new_flash_is_erased(flash):
    assert flash.read(START, 0xC00) == b"\xff" * 0xC00


def test_programming_only_clears_bits(flash):
    flash.program(START + 3, b"\xf0\x0f")
    flash.program(START + 3, b"\x3c\xff")
    assert flash.read(START + 2, 4) == b"\xff\x30\x0f\xff"


def test_erasing_touches_one_sector(flash):
    flash.program(START, bytes(0xC00))
    flash.erase(START + 0x10)
    assert flash.read(START, 0x400) == b"\xff" * 0x400
    assert flash.read(START + 0x400, 0x800) == bytes(0x800)


def test_boards_share_an_image_and_keep_their_changes_apart():
    image = bytes(range(256)) * 12
    first, second = Flash(SECTORS, image), Flash(SECTORS, image)
    first.program(START + 1, b"\0")
    assert first.read(START, 3) == b"\0\0\2"
    assert second.read(START, 3) == b"\0\1\2"


@pytest.mark.parametrize(("address", "length"), [(START - 1, 1), (START + 0xC00, 1), (START, 0xC01)])
def test_outside_of_the_flash_is_refused(flash, address, length):
    with pytest.raises(FlashError, match="outside of the flash"):
        flash.read(address, length)
    with pytest.raises(FlashError):
        flash.program(address, bytes(length))


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3 bytes"):
        Flash(SECTORS, b"abc")


@pytest.mark.parametrize(
    ("phase", "content"),
    [(CutPhase.START, b"\xff" * 8), (CutPhase.MIDDLE, bytes(4) + b"\xff" * 4), (CutPhase.END, bytes(8))],
)
def test_a_power_cut_leaves_what_was_programmed_by_then(flash, phase, content):
    flash.cut_power(0, phase)
    with pytest.raises(PowerCut):
        flash.program(START, bytes(8))
    assert flash.read(START, 8) == content
    flash.program(START, bytes(8))
    assert flash.read(START, 8) == bytes(8)


def test_a_power_cut_in_the_middle_of_an_erase_leaves_half_a_sector(flash):
    flash.program(START, bytes(0x400))
    flash.cut_power(0, CutPhase.MIDDLE)
    with pytest.raises(PowerCut):
        flash.erase(START)
    assert flash.read(START, 0x400) == b"\xff" * 0x200 + bytes(0x200)


def test_a_cut_waits_for_its_operation(flash):
    flash.cut_power(2, CutPhase.START)
    flash.program(START, b"\0")
    flash.erase(START)
    with pytest.raises(PowerCut):
        flash.program(START, b"\0")


def test_snapshots_bring_everything_back(flash):
    flash.program(START, b"before")
    kept = flash.snapshot()
    flash.erase(START)
    flash.program(START, b"after!")
    flash.restore(kept)
    assert flash.read(START, 6) == b"before"


@given(
    operations=st.lists(
        st.one_of(
            st.tuples(st.just("erase"), st.integers(0, 0xBFF), st.just(b"")),
            st.tuples(st.just("program"), st.integers(0, 0xBFF - 2 * PAGE), st.binary(max_size=2 * PAGE)),
        ),
        max_size=12,
    )
)
def test_flash_agrees_with_a_plain_array(operations):
    flash, model = Flash(SECTORS), bytearray(b"\xff" * 0xC00)
    for kind, offset, data in operations:
        if kind == "erase":
            flash.erase(START + offset)
            first, last = (0, 0x400) if offset < 0x400 else (0x400, 0xC00)
            model[first:last] = b"\xff" * (last - first)
        else:
            flash.program(START + offset, data)
            for place, byte in enumerate(data, offset):
                model[place] &= byte
    assert flash.read(START, 0xC00) == bytes(model)
    assert flash.read(START + 7, 300) == bytes(model[7:307])
