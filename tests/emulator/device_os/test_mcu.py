"""What each microcontroller does its own way: records of the copy list, and what of the memory map moves at boot."""

from dataclasses import dataclass

import pytest

from emulator.board.flash import Flash, Sector
from emulator.device_os.mcu import CopyEntry, memory_at_boot, nrf52840, rtl872x, stm32f2
from firmware_images.build import build_module
from firmware_images.fields import ModuleFunction
from firmware_images.module import read_module
from particle_protocol.platforms import platform_by_name

P2 = platform_by_name("p2")


@dataclass
class P2Board:
    """As much of a P2 as its memory map needs: the one flash."""

    flash: Flash
    platform = P2

    def flash_of(self, place):
        return self.flash


@pytest.fixture
def p2():
    return P2Board(Flash([Sector(0x08000000 + number * 0x1000, 0x1000) for number in range(2048)]))


def put(board, content):
    module = read_module(content)
    board.flash.program(module.prefix.start_address, content)
    return module


def user_and_ota(board, version):
    memory = memory_at_boot(board, version)
    user, ota = memory.slot(ModuleFunction.USER_PART, 1), memory.region("ota")
    return user.start, user.end, ota.start, ota.end


def test_from_5_5_on_the_ota_region_of_a_p2_lies_between_its_assets_and_its_user_part(p2):
    user = put(p2, build_module(P2.id, ModuleFunction.USER_PART, 1, 6, body=bytes(5000)))
    start, end, ota_start, ota_end = user_and_ota(p2, (5, 8, 0))
    assert (start, end) == (user.prefix.start_address, 0x08600000)
    assert ota_start == 0x08060000 + 0x180000 + 0x120000 == 0x08300000
    assert ota_end == start // 0x1000 * 0x1000


def test_before_5_5_it_begins_behind_the_system_part(p2):
    put(p2, build_module(P2.id, ModuleFunction.SYSTEM_PART, 1, 5400, body=bytes(5000)))
    user = put(p2, build_module(P2.id, ModuleFunction.USER_PART, 1, 6, body=bytes(5000)))
    start, _, ota_start, _ = user_and_ota(p2, (5, 4, 0))
    assert start == user.prefix.start_address
    assert ota_start == 0x08062000


def test_without_a_user_part_its_slot_is_empty_and_the_ota_region_reaches_the_end(p2):
    assert user_and_ota(p2, (5, 8, 0)) == (0x08600000, 0x08600000, 0x08300000, 0x08600000)


def test_a_user_part_that_reaches_too_far_down_is_none(p2):
    module = bytearray(build_module(P2.id, ModuleFunction.USER_PART, 1, 6, body=bytes(500)))
    start = read_module(module).prefix.start_address
    place = module.rindex(start.to_bytes(4, "little"))
    module[place : place + 4] = (0x08400000).to_bytes(4, "little")
    p2.flash.program(start, bytes(module))
    assert user_and_ota(p2, (5, 8, 0))[0] == 0x08600000


def test_what_is_no_suffix_before_the_end_is_no_user_part(p2):
    p2.flash.program(0x08600000 - 64, bytes(64))
    assert user_and_ota(p2, (5, 8, 0))[0] == 0x08600000


@pytest.mark.parametrize("mcu", [stm32f2, nrf52840, rtl872x], ids=lambda mcu: mcu.__name__.rpartition(".")[2])
@pytest.mark.parametrize("external", [False, True])
def test_a_record_of_the_copy_list_reads_as_it_was_written(mcu, external):
    entry = CopyEntry(0x80C0000, 0x80A0000, 5324, 5, source_external=external)
    assert mcu.decode_entry(mcu.encode_entry(entry)) == entry
    assert mcu.decode_entry(b"\xff" * mcu.ENTRY_SIZE) is None
    assert mcu.ENTRY_SIZE == 20


def test_records_have_their_magic_number_where_each_family_has_it():
    entry = CopyEntry(1, 2, 3, 5)
    assert stm32f2.encode_entry(entry).hex(" ", 4) == "01010000 01000000 02000000 03000000 cdab0500"
    assert nrf52840.encode_entry(entry).hex(" ", 4) == "cdab0101 01000000 02000000 03000000 00050000"
