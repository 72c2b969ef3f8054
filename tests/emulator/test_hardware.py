"""The hardware tables: what they hold, and what a hole in one is called."""

import tomllib
from pathlib import Path

import pytest

from emulator.hardware import NoHardware, StoreKind, TableError, Transport, emulated_platforms, hardware_of
from emulator.hardware import read as reading
from emulator.hardware.read import read_boards
from particle_protocol.platforms import UnknownPlatform, platform_by_name

TABLE, LED = ((Path(reading.__file__).parent / name).read_text(encoding="utf-8") for name in ("stm32f2.toml", "led.toml"))


def read(text):
    return read_boards({"boards.toml": tomllib.loads(text), "led.toml": tomllib.loads(LED)})


def test_a_photon_is_made_of_what_its_data_sheet_says():
    photon = hardware_of("photon")
    sectors = photon.flashes["internal"].sectors
    assert [sector.size // 1024 for sector in sectors] == [16] * 4 + [64] + [128] * 7
    assert (sectors[0].start, sectors[-1].end) == (0x08000000, 0x08100000)
    assert (photon.dct.store, photon.dct.regions) == (StoreKind.WICED, ("dct_1", "dct_2"))
    assert (photon.server.transport, photon.server.port) == (Transport.TCP, 5683)


def test_a_p1_has_a_second_flash_behind_a_third_dfu_alternate():
    p1 = hardware_of("p1")
    assert p1.dfu == ("internal", "dct", "external")
    assert sum(sector.size for sector in p1.flashes["external"].sectors) == 1024 * 1024


@pytest.mark.parametrize("name", emulated_platforms())
def test_every_board_has_a_memory_for_each_dfu_alternate(name):
    assert len(hardware_of(name).dfu) == len(platform_by_name(name).dfu_alternates)


def test_a_platform_without_a_row_cannot_be_emulated():
    with pytest.raises(NoHardware, match=r"Tachyon cannot be emulated; these can: .*photon"):
        hardware_of("tachyon")
    with pytest.raises(UnknownPlatform, match="no platform is called 'toaster'"):
        hardware_of("toaster")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("otp = 512\n", "", r"boards.toml: \[\[board\]\] photon: otp is missing; it says bytes of one-time-programmable memory"),
        ("otp = 512\n", 'otp = "much"\n', "photon: otp is 'much'; it says .* as int"),
        ("otp = 512\n", "otp = 512\ncolour = 1\n", "photon: colour means nothing here; remove it"),
        ('platform = "photon"', 'platform = "toaster"', "toaster: platform no platform is called 'toaster'"),
        ('platform = "p1"', 'platform = "photon"', "photon: platform stands twice"),
        ('{ internal = "stm32f205" }', '{ internal = "stm32f999" }', "photon: flashes names 'stm32f999'; there are stm32f205, p1_serial"),
        ('{ internal = "stm32f205" }', '{ outer = "stm32f205" }', "photon: flashes has no 'internal' one; it has outer"),
        ('store = "wiced"', 'store = "shoebox"', "photon: dct: store is 'shoebox'; there are wiced, dcd, file"),
        ('regions = ["dct_1", "dct_2"]', 'regions = ["dct_1"]', "photon: dct: regions names 1; a wiced store needs 2"),
        ('regions = ["dct_1", "dct_2"]', 'regions = ["dct_1", "dct_9"]', "photon: dct: regions no region 'dct_9'"),
        ('dfu = ["internal", "dct"]', 'dfu = ["internal"]', "photon: dfu names 1 memories; the platform's table announces 2"),
        ('dfu = ["internal", "dct"]', 'dfu = ["internal", "moon"]', "photon: dfu names 'moon'; there are dct, internal"),
        ("[7, 0x20000]]", "[3, 0x20000]]", "photon: flashes hold nothing at 0x8060000-0x80a0000, where the memory map has system part 2"),
        ("[7, 0x20000]]", "[7]]", r"\[flash.stm32f205\]: sectors has \[7\]; it says how many"),
        (
            'platform = "photon"',
            'platform = "core"',
            r"core: platform is 'core', whose buttons no .* row .* tells of; add one for stm32f1",
        ),
        ('interfaces = ["wifi"]', 'interfaces = ["smoke"]', "photon: interfaces names 'smoke'; there are wifi, cellular"),
        ('transport = "tcp"', 'transport = "ipx"', "photon: server: transport is 'ipx'; there are tcp, udp"),
    ],
)
def test_a_hole_in_a_table_names_table_row_and_remedy(before, after, message):
    assert before in TABLE
    with pytest.raises(TableError, match=message):
        read(TABLE.replace(before, after, 1))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("dfu_mode = {", "dfu_colour = {", r"\[led.particle\]: dfu_mode is missing; it says how the LED shows this signal"),
        ('colour = "yellow"', 'colour = "beige"', "dfu_mode: colour is 'beige'; there are red, "),
        ('pattern = "rainbow"', 'pattern = "plaid"', "nyan: pattern is 'plaid'; there are off, solid, rainbow, "),
    ],
)
def test_a_hole_in_a_theme_names_the_signal(before, after, message):
    assert before in LED
    tables = {"boards.toml": tomllib.loads(TABLE), "led.toml": tomllib.loads(LED.replace(before, after, 1))}
    with pytest.raises(TableError, match=message):
        read_boards(tables)
