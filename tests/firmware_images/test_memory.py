"""Images as memory: what a HEX file holds beside a module stays, and nothing lies on anything else."""

from __future__ import annotations

import pytest

from firmware_images.build import build_module
from firmware_images.combine import combine
from firmware_images.edit import Changes, edit_module
from firmware_images.errors import EditRefused
from firmware_images.fields import ModuleFlag, ModuleFunction
from firmware_images.hexfile import Segment, read_hex, read_hex_text, write_segments
from firmware_images.image import read_image
from firmware_images.memory import as_binary, laid_out, with_modules
from firmware_images.module import read_module

PART_1 = build_module(6, ModuleFunction.SYSTEM_PART, 1, 2101, body=b"one")
PART_2 = build_module(6, ModuleFunction.SYSTEM_PART, 2, 2101, body=b"two")
SETTINGS = Segment(0x10001014, b"\x00\x40\x0f\x00")
BOTH = read_image(write_segments([Segment(0x08020000, PART_1), Segment(0x08060000, PART_2), SETTINGS]))


def test_modules_go_where_they_belong() -> None:
    both = read_image(combine([read_module(PART_2), read_module(PART_1)]))
    assert [segment.address for segment in laid_out(both.modules)] == [0x08020000, 0x08060000]


def test_two_modules_for_the_same_place_are_refused() -> None:
    with pytest.raises(EditRefused, match=r"at 0x8020000 would lie on those at 0x8020000"):
        laid_out([read_module(PART_1), read_module(PART_1)])


def test_a_changed_module_takes_its_place_and_the_rest_stays() -> None:
    changed = edit_module(BOTH.modules[0], Changes(version=2302))
    again = read_hex(write_segments(with_modules(BOTH, {0: changed})))
    assert again == (Segment(0x08020000, changed), Segment(0x08060000, PART_2), SETTINGS)


def test_a_module_that_grows_keeps_what_follows_it_or_is_refused() -> None:
    image = read_image(write_segments([Segment(0x08020000, PART_1 + b"more")]))
    longer = build_module(6, ModuleFunction.SYSTEM_PART, 1, 2101, body=b"one and a half")
    with pytest.raises(EditRefused, match="would lie on"):
        with_modules(image, {0: longer})
    assert b"".join(bytes(segment.data) for segment in with_modules(image, {0: PART_1})) == PART_1 + b"more"


def test_a_module_that_moves_leaves_its_old_place() -> None:
    moved = edit_module(BOTH.modules[0], Changes(start_address=0x08040000))
    assert [segment.address for segment in with_modules(BOTH, {0: moved}) if segment.data] == [0x08040000, 0x08060000, 0x10001014]


def test_what_lies_between_is_neither_filled_nor_lost() -> None:
    """Memory that the text does not mention keeps what it has when the text is written to a board."""
    near = Segment(0x08020000 + len(PART_1) + 100, b"settings")
    image = read_image(write_segments([Segment(0x08020000, PART_1), near, Segment(near.end + 8, PART_2)]))
    assert [module.prefix.index for module in image.modules] == [1, 2]
    changed = {number: edit_module(module, Changes(version=2302)) for number, module in enumerate(image.modules)}
    for numbers in ([0], [1], [0, 1]):
        written = read_hex_text(write_segments(with_modules(image, {number: changed[number] for number in numbers})))
        first, second = (changed[number] if number in numbers else part for number, part in enumerate([PART_1, PART_2]))
        assert written.pieces == (Segment(0x08020000, first), near, Segment(near.end + 8, second))


def test_a_module_with_holes_is_whole_when_it_was_changed() -> None:
    filled = build_module(6, ModuleFunction.SYSTEM_PART, 1, 2101, body=b"one" + b"\xff" * 500 + b"two")
    hole = filled.index(b"\xff" * 500)
    image = read_image(write_segments([Segment(0x08020000, filled[:hole]), Segment(0x08020000 + hole + 500, filled[hole + 500 :])]))
    changed = edit_module(image.modules[0], Changes(version=2302))
    assert with_modules(image, {0: changed}) == (Segment(0x08020000, changed),)


def test_modules_that_follow_each_other_make_one_binary() -> None:
    together = read_image(write_segments([Segment(0x08020000, PART_1 + PART_2)]))
    assert as_binary(together, [module.content for module in together.modules]) == PART_1 + PART_2


def test_modules_that_announce_each_other_make_one_binary() -> None:
    first = edit_module(read_module(PART_1), Changes(flags=ModuleFlag.COMBINED))
    image = read_image(write_segments([Segment(0x08020000, first), Segment(0x08060000, PART_2)]))
    assert as_binary(image, [module.content for module in image.modules]) == first + PART_2


def test_modules_that_lie_apart_make_no_binary() -> None:
    with pytest.raises(EditRefused, match=r"lie apart \(at 0x8020000, 0x8060000\)"):
        as_binary(BOTH, [PART_1, PART_2])
