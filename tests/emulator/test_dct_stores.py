"""The three ways in which boards keep their DCT: each survives a power cut at any erase or program operation."""

import random

import pytest

from emulator.board.dcd_store import DcdStore
from emulator.board.file_store import DCT_FILE, FileStore
from emulator.board.file_system import FileSystem
from emulator.board.flash import CutPhase, Flash, FlashError, Sector
from emulator.board.power import PowerCut
from emulator.board.wiced_store import WicedCopies
from emulator.hardware import hardware_of
from particle_protocol.dct import DCT_SIZE

FIRST, SECOND = 0x08004000, 0x08008000
BLOCKS = tuple(Sector(number * 0x1000, 0x1000) for number in range(16))


def stm32f2():
    return Flash(hardware_of("photon").flashes["internal"].sectors)


STORES = {
    "wiced": (stm32f2, lambda flash: WicedCopies(flash, (FIRST, SECOND)).application),
    "wiced-networks": (stm32f2, lambda flash: WicedCopies(flash, (FIRST, SECOND)).platform),
    "dcd": (stm32f2, lambda flash: DcdStore(flash, (FIRST, SECOND))),
    "file": (lambda: Flash(BLOCKS), lambda flash: FileStore(FileSystem(flash, 0, 0x10000), DCT_FILE, DCT_SIZE)),
}


@pytest.fixture(params=STORES)
def kind(request):
    return STORES[request.param]


@pytest.fixture
def flash(kind):
    return kind[0]()


@pytest.fixture
def opened(kind, flash):
    """Opens the store anew, as a boot does."""
    return lambda: kind[1](flash)


def test_a_store_that_was_never_written_reads_as_erased(opened):
    store = opened()
    assert store.read(0, store.size) == b"\xff" * store.size


def test_what_is_written_is_there_after_a_boot(opened):
    store = opened()
    store.update({10: b"one", 100: b"two"})
    store.update({11: b"u"})
    again = opened()
    assert (again.read(10, 3), again.read(100, 3), again.read(13, 1)) == (b"oue", b"two", b"\xff")


def test_a_blank_update_leaves_nothing_else(opened):
    store = opened()
    store.update({10: b"one"})
    store.update({20: b"two"}, blank=True)
    assert opened().read(10, 13) == b"\xff" * 10 + b"two"


def test_a_change_outside_of_the_store_is_refused_and_changes_nothing(opened):
    store = opened()
    store.update({0: b"kept"})
    with pytest.raises(ValueError, match="outside"):
        store.update({0: b"lost", store.size - 1: b"xx"})
    assert opened().read(0, 4) == b"kept"


def test_a_reload_finds_what_another_reader_wrote(opened):
    one, other = opened(), opened()
    one.update({0: b"new"})
    other.reload()
    assert other.read(0, 3) == b"new"


def test_the_store_works_on_through_many_writes(opened):
    store, rng = opened(), random.Random(5)
    expected = bytearray(b"\xff" * store.size)
    for _ in range(12):
        offset, data = rng.randrange(store.size - 40), rng.randbytes(rng.randint(1, 40))
        store.update({offset: data})
        expected[offset : offset + len(data)] = data
    assert opened().read(0, store.size) == expected


def cut_everywhere(opened, flash, phase):
    """Change a store again and again, each time with a power cut one operation later; how many cuts there were."""
    before = {0: b"a" * 60, 3000: b"b" * 60}
    opened().update(before)
    cuts = 0
    while True:
        cuts += 1
        old = opened().read(0, 3100)
        wanted = {10: bytes([cuts]) * 30, 3010: bytes([cuts]) * 30}
        flash.cut_power(cuts - 1, phase)
        try:
            opened().update(wanted)
        except PowerCut:
            found = opened().read(0, 3100)
            new = bytearray(old)
            for offset, data in wanted.items():
                new[offset : offset + len(data)] = data
            assert found in (old, bytes(new)), f"cut {cuts} in its {phase.value} left neither the old nor the new content"
            opened().update({2000: b"goes on"})
            assert opened().read(2000, 7) == b"goes on"
        else:
            flash.keep_power()
            return cuts - 1


@pytest.mark.parametrize("phase", list(CutPhase), ids=lambda phase: phase.value)
def test_a_power_cut_at_any_operation_leaves_the_old_content_or_the_new(opened, flash, phase):
    assert cut_everywhere(opened, flash, phase) >= 4


class TestElectron:
    """The sectors of an Electron as programs that read its flash find them (services/inc/dcd.h of Device OS 2.3.1)."""

    def test_a_sector_has_watermark_seal_data_and_a_footer_with_its_crc(self):
        flash = stm32f2()
        DcdStore(flash, (FIRST, SECOND)).update({5: b"five"})
        assert flash.read(FIRST, 8) == bytes.fromhex("9a271c1e 005ea1ed")
        assert flash.read(FIRST + 8, 9) == b"\xff" * 5 + b"five"
        assert flash.read(FIRST + 0x4000 - 8, 4) == bytes.fromhex("9a271c1e")

    def test_the_sector_before_is_marked_as_superseded(self):
        flash = stm32f2()
        store = DcdStore(flash, (FIRST, SECOND))
        store.update({5: b"five"})
        store.update({5: b"six."})
        assert flash.read(FIRST, 8) == bytes.fromhex("9a271c1e 000ca069")
        assert flash.read(SECOND, 8) == bytes.fromhex("9a271c1e 005ea1ed")

    def test_of_two_valid_sectors_the_newer_one_counts_and_a_damaged_one_does_not(self):
        flash = stm32f2()
        store = DcdStore(flash, (FIRST, SECOND))
        for text in (b"one", b"two"):
            store.update({0: text})
        old = Flash(hardware_of("photon").flashes["internal"].sectors)
        old.program(SECOND, flash.read(SECOND, 0x4000))
        old.program(FIRST, flash.read(FIRST, 4) + bytes.fromhex("005ea1ed") + flash.read(FIRST + 8, 0x4000 - 8))
        assert DcdStore(old, (FIRST, SECOND)).read(0, 3) == b"two"
        old.program(SECOND + 100, bytes(4))
        assert DcdStore(old, (FIRST, SECOND)).read(0, 3) == b"one"


class TestFileSystem:
    def test_files_do_not_disturb_each_other(self):
        flash = Flash(BLOCKS)
        files = FileSystem(flash, 0, 0x10000)
        files.write("/sys/one", b"1" * 5000)
        files.write("/sys/two", b"2" * 100)
        files.write("/sys/one", b"one")
        again = FileSystem(flash, 0, 0x10000)
        assert (again.read("/sys/one"), again.read("/sys/two"), again.size("/sys/one")) == (b"one", b"2" * 100, 3)
        again.remove("/sys/one")
        assert FileSystem(flash, 0, 0x10000).size("/sys/one") is None

    def test_a_piece_of_a_file_ends_where_the_file_ends(self):
        files = FileSystem(Flash(BLOCKS), 0, 0x10000)
        files.write("a", b"0123456789")
        assert (files.read("a", 8, 10), files.read("a", 20, 5), files.read("none")) == (b"89", b"", b"")

    def test_a_full_file_system_says_so_and_keeps_what_it_has(self):
        files = FileSystem(Flash(BLOCKS), 0, 0x10000)
        files.write("a", b"a" * 0x8000)
        with pytest.raises(FlashError, match="no 8 free blocks"):
            files.write("b", b"b" * 0x8000)
        assert files.read("a") == b"a" * 0x8000

    def test_a_file_system_lies_where_it_is_told(self):
        flash = Flash(BLOCKS)
        FileSystem(flash, 0x8000, 0x8000).write("a", b"x")
        assert flash.read(0, 0x8000) == b"\xff" * 0x8000
