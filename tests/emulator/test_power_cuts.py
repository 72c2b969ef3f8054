"""The power goes away at any flash write of an update, and the board is never lost: it comes up in DFU mode, in safe mode or healthy."""

from contextlib import suppress

import pytest

from emulator.board.flash import Cut, CutPhase
from emulator.device_os.cloud_facts import ClaimReceived
from emulator.factory import device_os_release, user_part
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.dct import DctField
from particle_protocol.dfu import open_session
from particle_protocol.platforms import platform_by_name

PHOTON = platform_by_name("photon")
NORMAL, DFU = (0x2B04, 0xC006), (0x2B04, 0xD006)
SYSTEM_PARTS = ((0x08020000, 0), (0x08060000, 1))


def update_over_dfu(bench, board, version):
    """What a host does to a board in DFU mode."""
    session = bench.run(board, open_session())
    for address, place in SYSTEM_PARTS:
        bench.run(board, session.write(0, address, device_os_release(PHOTON, version)[place]))
    bench.run(board, session.write(0, 0x080A0000, user_part(PHOTON, version, body=b"\x5a" * 9000)))
    bench.run(board, session.leave())


def count_operations(bench):
    board = bench.board(os="2.1.0", mode="dfu")
    bench.sleep(0.5)
    before = board.flashes["internal"].operations
    update_over_dfu(bench, board, "2.2.0")
    return board.flashes["internal"].operations - before


def cut_and_recover(bench, operation, phase):
    board = bench.board(os="2.1.0", mode="dfu")
    bench.sleep(0.5)
    board.flashes["internal"].cut_power(operation, phase)
    with pytest.raises(bench.Unplugged):
        update_over_dfu(bench, board, "2.2.0")
    assert bench.usb(board) is None
    assert board.led.describe() == "off"
    board.power_on()
    bench.sleep(1)
    assert bench.usb(board) == DFU or (bench.usb(board) == NORMAL and board.firmware.version in ("2.1.0", "2.2.0"))
    if bench.usb(board) == NORMAL:
        bench.hold(board, 4)
    assert bench.usb(board) == DFU
    update_over_dfu(bench, board, "2.2.0")
    bench.sleep(2)
    assert bench.usb(board) == NORMAL
    assert board.firmware.version == "2.2.0"
    assert not board.firmware.safe_mode


def test_an_update_without_a_cut(bench):
    assert count_operations(bench) > 6


@pytest.mark.parametrize("phase", list(CutPhase))
@pytest.mark.parametrize("operation", [0, 1, 2, 3, 5])
def test_a_cut_during_an_update_over_dfu(bench, operation, phase):
    cut_and_recover(bench, operation, phase)


@pytest.mark.soak
def test_every_cut_during_an_update_over_dfu(bench):
    total = count_operations(bench)
    for operation in range(total):
        for phase in CutPhase:
            cut_and_recover(bench, operation, phase)


def receive_staged(bench, board):
    """An update that came over the air or by control requests, up to the reset that applies it."""
    new = user_part(PHOTON, "2.1.0", body=b"\xa5" * 9000)
    receiver = board.firmware.receiver
    receiver.begin(len(new))
    for at in range(0, len(new), 1024):
        receiver.write(at, new[at : at + 1024])
    assert receiver.finish() == 0
    board.power_off()
    return new


def staged_cut(bench, operation, phase):
    board = bench.board(os="2.1.0")
    bench.sleep(1)
    new = receive_staged(bench, board)
    board.flashes["internal"].cut_power(operation, phase)
    board.power_on()
    bench.sleep(1)
    cut = not board.powered
    board.flashes["internal"].keep_power()
    board.power_on()
    bench.sleep(1)
    assert board.flashes["internal"].read(0x080A0000, len(new)) == new
    assert not board.firmware.safe_mode
    return cut


@pytest.mark.parametrize("phase", list(CutPhase))
@pytest.mark.parametrize("operation", [0, 1, 3, 4, 5, 6, 7])
def test_a_cut_while_a_staged_update_is_copied(bench, operation, phase):
    assert staged_cut(bench, operation, phase)


@pytest.mark.soak
def test_every_cut_while_a_staged_update_is_copied(bench):
    operation = 0
    while all(staged_cut(bench, operation, phase) for phase in CutPhase):
        operation += 1
    assert operation > 5


OLD_CODE, NEW_CODE = b"o" * 63, b"n" * 63


def values(board):
    return board.settings.get(DctField.CLAIM_CODE), board.settings.get(DctField.CLAIMED), board.settings.get(DctField.SERVER_ADDRESS)[:7]


def give_code(bench, board):
    bench.request(board, RequestType.SET_CLAIM_CODE, b"\x0a\x3f" + NEW_CODE)


def confirm(bench, board):
    board.enter(board.firmware.cloud._do, (ClaimReceived(),))


@pytest.mark.parametrize(
    ("write", "codes", "bits"),
    [(give_code, {OLD_CODE, NEW_CODE}, {b"\xff"}), (confirm, {OLD_CODE, b"\0" + OLD_CODE[1:]}, {b"\xff", b"1"})],
)
@pytest.mark.parametrize("phase", list(CutPhase))
@pytest.mark.parametrize("platform", ["photon", "p1", "electron", "argon"])
def test_after_a_cut_at_any_write_of_the_dct_each_value_is_the_old_or_the_new_one(bench, platform, phase, write, codes, bits):
    board = bench.board(platform=platform)
    bench.sleep(1)
    board.settings.put(DctField.CLAIM_CODE, OLD_CODE)
    state, first, cuts = board.snapshot(), values(board), 0
    while True:
        cut = Cut(cuts, phase)
        board.await_cut(cut)
        with suppress(bench.Unplugged):
            write(bench, board)
        if not cut.happened:
            break
        assert not board.powered
        board.power_on()
        bench.sleep(1)
        code, bit, server = values(board)
        assert (code in codes, bit in bits, server) == (True, True, first[2])
        assert not (bit == b"1" and code == OLD_CODE), "the bit comes after the code is gone"
        board.restore(state)
        bench.sleep(1)
        cuts += 1
    assert cuts >= 1
    board.forget_cut(cut)
    assert values(board) != first
