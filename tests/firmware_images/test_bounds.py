"""The slot table, which is plain Python so that a command starts at once, says what the platforms' own memory maps say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firmware_images.bounds import PLATFORM_NAMES, find_slot, slots_of
from firmware_images.fields import ModuleFunction
from particle_protocol.platforms import ModuleSlot, Platform, platforms

ERAS = ("2.3.1", "3.0.0", "5.0.0", "5.5.0", "6.2.0")


def known_slots(platform: Platform) -> list[ModuleSlot]:
    return [slot for era in ERAS for slot in platform.memory(era).modules]


@pytest.mark.parametrize("platform", [platform for platform in platforms() if known_slots(platform)], ids=lambda each: each.name)
def test_every_region_of_every_era_lies_in_its_slot(platform: Platform) -> None:
    for region in known_slots(platform):
        slot = find_slot(platform.id, region.function, region.index)
        assert slot is not None, region
        assert slot.grows_left == region.fixed_end
        assert slot.start <= region.start
        if region.fixed_end:
            assert slot.end == region.end
        else:
            assert region.end <= slot.end
            assert region.start in slot.start_addresses


def test_start_addresses_are_those_of_some_era() -> None:
    for platform in platforms():
        regions = known_slots(platform)
        for slot in slots_of(platform.id):
            of_this = [region for region in regions if (region.function, region.index) == (slot.function, slot.index)]
            if of_this and not slot.grows_left:
                assert set(slot.start_addresses) == {region.start for region in of_this}


def test_the_table_was_made_from_the_platforms_of_today() -> None:
    tool = Path(__file__).parents[2] / "tools" / "make_platform_slots.py"
    assert subprocess.run([sys.executable, tool, "--check"], check=False).returncode == 0, "run tools/make_platform_slots.py"


def test_platforms_have_their_short_names() -> None:
    assert {platform.id: PLATFORM_NAMES[platform.id] for platform in platforms()} == {
        platform.id: platform.name for platform in platforms()
    }


def test_only_the_end_address_is_compared_and_both_limits_belong_to_the_region() -> None:
    slot = find_slot(6, ModuleFunction.USER_PART, 1)
    assert slot is not None
    assert slot.holds_end(0x080A0000)
    assert slot.holds_end(0x080C0000)
    assert not slot.holds_end(0x080C0001)
    assert not slot.holds_end(0x0809FFFF)
