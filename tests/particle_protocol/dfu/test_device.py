"""The bootloaders' state machines, transfer by transfer."""

import pytest

from particle_protocol.dfu import DfuDevice, DfuState, Leave
from particle_protocol.platforms import McuFamily
from particle_protocol.usb import Setup, Stall

GEN3 = ["boron", "p2"]
ALL = ["photon", *GEN3]


def dnload(board, data, block=2):
    return board.control(Setup(0x21, 1, block, 0, len(data)), data)


def upload(board, length, block=2):
    return board.control(Setup(0xA1, 2, block, 0, length))


def status(board):
    return board.control(Setup(0xA1, 3, 0, 0, 6)).hex()


def state(board):
    return DfuState(board.control(Setup(0xA1, 5, 0, 0, 1))[0])


def clear(board):
    return board.control(Setup(0x21, 4, 0, 0, 0))


def abort(board):
    return board.control(Setup(0x21, 6, 0, 0, 0))


def set_address(board, address):
    dnload(board, bytes((0x21,)) + address.to_bytes(4, "little"), block=0)
    status(board)
    assert status(board) == "000000000500"


def test_a_photon_is_flashed_as_particle_cli_flashes_it(board):
    # The transfers of `particle flash --local tinker`, particle-cli 3.49.2.
    photon = board("photon")
    image = bytes.fromhex("00000a08c8140a0800000300060005010402060000000000") + bytes(5300)
    dnload(photon, bytes.fromhex("4100000a08"), block=0)
    assert [status(photon), status(photon)] == ["000000000400", "000000000500"]
    for at in range(0, len(image), 4096):
        dnload(photon, b"\x21" + (0x080A0000 + at).to_bytes(4, "little"), block=0)
        assert [status(photon), status(photon)] == ["000000000400", "000000000500"]
        dnload(photon, image[at : at + 4096])
        assert [status(photon), status(photon)] == ["000000000400", "000000000500"]
    assert [status(photon), status(photon)] == ["000000000500"] * 2
    dnload(photon, b"")
    assert status(photon) == "000000000500"
    assert photon.events == [Leave.RESTART]
    assert photon.memories[0].read(0x080A0000, len(image)) == image
    assert photon.memories[0].operations == ["erase 0x80a0000", "program 0x80a0000 4096", "program 0x80a1000 1228"]


@pytest.mark.parametrize("platform", GEN3)
def test_keys_are_read_and_written_as_particle_cli_does_it(board, platform):
    # The transfers of `particle keys load` on a P2, particle-cli 3.49.2.
    p2 = board(platform)
    p2.control(Setup(0x01, 11, 1, 0, 0))
    assert status(p2) == "000000000200"
    dnload(p2, bytes.fromhex("21220c0000"), block=0)
    assert [status(p2), status(p2)] == ["000000000400", "000000000500"]
    abort(p2)
    assert status(p2) == "000000000200"
    assert upload(p2, 192) == b"\xff" * 192
    abort(p2)
    assert status(p2) == "000000000200"
    dnload(p2, bytes.fromhex("21220c0000"), block=0)
    assert [status(p2), status(p2)] == ["000000000400", "000000000500"]
    dnload(p2, bytes(range(121)))
    assert [status(p2), status(p2)] == ["000000000400", "000000000500"]
    assert p2.memories[1].read(0xC22, 121) == bytes(range(121))


@pytest.mark.parametrize("platform", ALL)
def test_nothing_is_done_before_dnbusy_is_told(board, platform):
    target = board(platform)
    address = target.memories[0].firmware
    set_address(target, address)
    dnload(target, b"data")
    assert state(target) is DfuState.DNLOAD_SYNC
    assert not target.memories[0].operations
    status(target)
    assert target.memories[0].operations == [f"program {address:#x} 4"]


@pytest.mark.parametrize("platform", ALL)
def test_a_busy_board_says_how_long(board, platform):
    target = board(platform, seconds=0.5)
    address = target.memories[0].firmware
    dnload(target, b"\x41" + address.to_bytes(4, "little"), block=0)
    assert status(target) == "00f401000400"  # 500 ms
    target.pass_time(0.2)
    assert status(target) == "002c01000400"
    assert state(target) is DfuState.DNBUSY
    target.pass_time(0.3)
    assert status(target) == "000000000500"


@pytest.mark.parametrize("platform", ALL)
def test_a_host_that_does_not_wait_finds_the_work_done(board, platform):
    target = board(platform, seconds=0.5)
    address = target.memories[0].firmware
    dnload(target, b"\x41" + address.to_bytes(4, "little"), block=0)
    status(target)
    abort(target)
    assert state(target) is DfuState.IDLE


def test_a_gen_2_bootloader_tells_a_blocks_time_for_any_command(board):
    photon = board("photon", seconds=0.1)
    dnload(photon, bytes.fromhex("2100000a08"), block=0)
    assert [status(photon), status(photon)] == ["003200000400", "000000000500"]
    boron = board("boron", seconds=0.1)
    dnload(boron, bytes.fromhex("2100400b00"), block=0)
    assert [status(boron), status(boron)] == ["000000000400", "000000000500"]


@pytest.mark.parametrize(("platform", "reported"), [("photon", "000000000500"), ("boron", "000000000700"), ("p2", "000000000700")])
@pytest.mark.parametrize("busy_first", [False, True])
def test_leaving_is_reported_in_each_generations_way(board, platform, reported, busy_first):
    target = board(platform)
    if busy_first:
        set_address(target, 0)
    dnload(target, b"")
    assert state(target) is DfuState.MANIFEST_SYNC
    assert not target.events
    assert status(target) == reported
    assert target.events == [Leave.RESTART]


def test_after_leaving_a_photon_waits_for_its_reset(board):
    photon = board("photon")
    dnload(photon, b"")
    status(photon)
    assert status(photon) == "000000000800"
    abort(photon)
    with pytest.raises(Stall):
        dnload(photon, b"x")
    assert photon.events == [Leave.RESTART]


def test_after_leaving_a_boron_stalls(board):
    boron = board("boron")
    dnload(boron, b"")
    status(boron)
    with pytest.raises(Stall):
        status(boron)
    assert boron.events == [Leave.RESTART]


@pytest.mark.parametrize("platform", ALL)
def test_a_leave_request_can_be_taken_back(board, platform):
    target = board(platform)
    dnload(target, b"")
    abort(target)
    assert status(target) == "000000000200"
    assert not target.events


def test_the_command_list_tells_the_generation(board):
    assert upload(board("photon"), 1024, block=0).hex() == "002141"
    assert upload(board("boron"), 1024, block=0).hex() == "002141fafb"
    assert upload(board("boron", extensions=False), 1024, block=0).hex() == "002141"
    assert upload(board("p2"), 2, block=0).hex() == "0021"


@pytest.mark.parametrize("platform", GEN3)
def test_safe_mode_is_a_way_to_leave(board, platform):
    target = board(platform)
    dnload(target, b"\xfa", block=0)
    assert [status(target), status(target)] == ["000000000400", "000000000700"]
    assert target.events == [Leave.SAFE_MODE]


@pytest.mark.parametrize("platform", GEN3)
def test_service_mode_can_be_ended(board, platform):
    target = board(platform)
    dnload(target, b"\xfb" + bytes(4), block=0)
    assert [status(target), status(target)] == ["000000000400", "000000000500"]
    assert target.events == ["override ended"]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (b"\x41", "01"),  # mass erase: errTARGET
        (b"\x41\0\0", "0e"),
        (b"\x21\0", "0e"),
        (b"\x92", "0e"),
        (b"\x55", "0f"),
    ],
)
@pytest.mark.parametrize("platform", GEN3)
def test_odd_commands_are_errors_on_gen_3(board, platform, command, error):
    target = board(platform)
    dnload(target, command, block=0)
    assert [status(target), status(target)] == ["000000000400", f"{error}0000000a00"]
    clear(target)
    assert status(target) == "000000000200"
    assert not target.memories[0].operations


@pytest.mark.parametrize("command", [b"\x41", b"\x21\0", b"\x92", b"\xfa"])
def test_odd_commands_stall_the_status_on_gen_2(board, command):
    photon = board("photon")
    dnload(photon, command, block=0)
    with pytest.raises(Stall):
        status(photon)
    assert status(photon) == "000000000500"


def test_asking_for_commands_by_download_does_nothing_on_gen_2_and_hangs_up_gen_3(board):
    photon, boron = board("photon"), board("boron")
    for target in (photon, boron):
        dnload(target, b"\0", block=0)
        assert status(target) == "000000000400"
    assert status(photon) == "000000000500"
    with pytest.raises(Stall):
        status(boron)
    assert status(boron) == "0e0000000a00"


def test_block_one_is_thrown_away_on_gen_2_and_an_error_on_gen_3(board):
    photon, boron = board("photon"), board("boron")
    for target in (photon, boron):
        dnload(target, b"data", block=1)
        assert status(target) == "000000000400"
    assert status(photon) == "000000000500"
    assert status(boron) == "010000000a00"
    for target, error in ((photon, "0f0000000a00"), (boron, "0e0000000a00")):
        target.device.reset()
        with pytest.raises(Stall):
            upload(target, 4, block=1)
        assert status(target) == error


@pytest.mark.parametrize(("forbidden", "address"), [("program", 0x08000000), ("program", 0x09000000), ("erase", 0x08000000), ("erase", 0)])
def test_gen_2_does_not_tell_that_nothing_was_written(board, forbidden, address):
    photon = board("photon")
    if forbidden == "erase":
        dnload(photon, b"\x41" + address.to_bytes(4, "little"), block=0)
    else:
        set_address(photon, address)
        dnload(photon, b"data")
    assert [status(photon), status(photon)] == ["000000000400", "000000000500"]
    assert not photon.memories[0].operations


@pytest.mark.parametrize(("forbidden", "address"), [("program", 0), ("program", 0x100000), ("erase", 0), ("erase", 0x200000)])
def test_gen_3_tells_that_nothing_was_written(board, forbidden, address):
    boron = board("boron")
    if forbidden == "erase":
        dnload(boron, b"\x41" + address.to_bytes(4, "little"), block=0)
    else:
        set_address(boron, address)
        dnload(boron, b"data")
    assert [status(boron), status(boron)] == ["000000000400", "0e0000000a00"]
    assert not boron.memories[0].operations


def test_broken_memory_is_told_by_gen_3_only(board):
    for platform, after in (("photon", "000000000500"), ("boron", "0e0000000a00")):
        target = board(platform)
        set_address(target, target.memories[0].firmware)
        target.memories[0].broken = True
        dnload(target, b"data")
        assert [status(target), status(target)] == ["000000000400", after]


def test_reading_what_cannot_be_read_gives_zeros_on_gen_2_and_an_error_on_gen_3(board):
    photon, boron = board("photon"), board("boron")
    set_address(photon, 0)
    abort(photon)
    assert upload(photon, 16) == bytes(16)
    set_address(boron, 0x00100000)
    abort(boron)
    with pytest.raises(Stall):
        upload(boron, 16)
    assert status(boron) == "0e0000000a00"


@pytest.mark.parametrize("platform", ALL)
def test_the_address_pointer_survives_an_abort_and_blocks_count_from_two(board, platform):
    target = board(platform)
    target.control(Setup(0x01, 11, 1, 0, 0))
    for i in range(0, 0x3000, 16):
        target.memories[1].program(i, bytes((i >> 4 & 0xFF,)) * 16)
    set_address(target, 0x100)
    abort(target)
    assert upload(target, 4096, block=2) + upload(target, 100, block=3) == target.memories[1].read(0x100, 4196)


def test_erasing_moves_the_pointer_on_gen_2(board):
    for platform, moved in (("photon", True), ("boron", False)):
        target = board(platform)
        address = target.memories[0].firmware
        dnload(target, b"\x41" + address.to_bytes(4, "little"), block=0)
        status(target)
        assert (target.device.pointer == address) is moved


def test_a_dct_that_cannot_be_erased_takes_the_command_all_the_same(board):
    boron = board("boron")
    boron.control(Setup(0x01, 11, 1, 0, 0))
    dnload(boron, b"\x41\0\0\0\0", block=0)
    assert [status(boron), status(boron)] == ["000000000400", "000000000500"]
    assert not boron.memories[1].operations


@pytest.mark.parametrize("platform", ALL)
def test_upload_is_not_allowed_in_the_middle_of_a_download(board, platform):
    target = board(platform)
    set_address(target, 0)
    with pytest.raises(Stall):
        upload(target, 4)
    assert state(target) is (DfuState.DNLOAD_IDLE if platform == "photon" else DfuState.ERROR)


def test_clearing_no_error_is_an_error(board):
    photon, boron = board("photon"), board("boron")
    clear(photon)
    with pytest.raises(Stall):
        clear(boron)
    for target in (photon, boron):
        assert status(target) == "0e0000000a00"
        clear(target)
        assert status(target) == "000000000200"


def test_an_abort_in_error_is_ignored_by_gen_2_and_stalled_by_gen_3(board):
    photon, boron = board("photon"), board("boron")
    clear(photon)
    abort(photon)
    assert state(photon) is DfuState.ERROR
    for _ in range(2):
        with pytest.raises(Stall):
            abort(boron) if state(boron) is DfuState.ERROR else clear(boron)
    assert state(boron) is DfuState.ERROR


@pytest.mark.parametrize(("platform", "index"), [("boron", 10), ("p2", 7)])
def test_a_protected_board_lets_nothing_be_read_or_written(board, platform, index):
    target = board(platform, protected=lambda: True)
    refused = f"0b0000000a{index:02x}"
    for data, block in ((b"\x21\0\0\0\0", 0), (b"\x41\0\0\0\0", 0), (b"data", 2)):
        dnload(target, data, block)
        assert status(target) == refused
        assert "protected" in target.device.string(index)
        clear(target)
    assert upload(target, 16) == b""
    assert status(target) == refused
    clear(target)
    assert target.device.string(index) is None
    assert upload(target, 1024, block=0).hex() == "002141fafb"
    dnload(target, b"\xfb", 0)
    assert [status(target), status(target)] == ["000000000400", "000000000500"]
    dnload(target, b"\xfa", 0)
    assert [status(target), status(target)] == ["000000000400", "000000000700"]
    assert not target.memories[0].operations


def test_detaching_is_told_to_the_owner(board):
    photon = board("photon")
    photon.control(Setup(0x21, 0, 255, 0, 0))
    assert photon.events == ["detach"]
    boron = board("boron")
    with pytest.raises(Stall):
        clear(boron)
    with pytest.raises(Stall):
        boron.control(Setup(0x21, 0, 255, 0, 0))


@pytest.mark.parametrize("platform", ALL)
def test_a_power_cut_passes_through(board, platform):
    class PowerCut(Exception):
        pass

    target = board(platform)
    address = target.memories[0].firmware
    set_address(target, address)

    def cut(*_):
        raise PowerCut

    target.memories[0].program = cut
    dnload(target, b"data")
    with pytest.raises(PowerCut):
        status(target)


@pytest.mark.parametrize("setup", [Setup(0xA1, 1, 2, 0, 4), Setup(0x21, 3, 0, 0, 0), Setup(0x21, 7, 0, 0, 0), Setup(0xC1, 3, 0, 0, 6)])
def test_what_is_no_dfu_request_stalls_and_changes_nothing(board, setup):
    target = board("boron")
    with pytest.raises(Stall):
        target.device.control(setup, b"", 0.0)
    assert state(target) is DfuState.IDLE


def test_blocks_have_a_limit(board):
    for platform in ALL:
        with pytest.raises(Stall, match="4096"):
            dnload(board(platform), bytes(4097))
        with pytest.raises(Stall):
            upload(board(platform), 4097)


def test_short_answers_are_cut_and_a_reset_starts_anew(board):
    photon = board("photon")
    assert photon.control(Setup(0xA1, 3, 0, 0, 1)) == b"\0"
    clear(photon)
    photon.device.alternate = 1
    photon.device.reset()
    assert (state(photon), photon.device.alternate) == (DfuState.IDLE, 0)
    assert upload(photon, 0) == b""


def test_boards_without_dfu_are_refused():
    with pytest.raises(ValueError, match="qcm6490"):
        DfuDevice([], McuFamily.QCM6490, on_leave=print)
