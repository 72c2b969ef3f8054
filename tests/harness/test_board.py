"""A board as a test uses it: an emulated one, driven over pyusb and pyserial."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_images.build import build_module
from firmware_images.module import read_module
from harness.board import By
from harness.boards import open_boards
from harness.capabilities import NOTHING
from harness.errors import (
    BoardNotAvailable,
    CapabilityMissing,
    ChangesNotAllowed,
    ConversationFailed,
    HarnessError,
    ImageRefused,
    NotReached,
    Refusal,
    RequestRefused,
    Unavailable,
)
from harness.modes import Capability, Mode, UsbState
from harness.usb.dfu import FLASH
from particle_protocol.dfu import open_session
from particle_protocol.platforms import ModuleFunction


def bare(board, **changes):
    """The same board as a kind without buttons, LED and power sees it: a real one on USB."""
    from harness.board import Board

    return Board(board.host, board.platform, board.device_id, moniker="usb:x", port=board.usb.port, extras=NOTHING, **changes)


def test_a_board_out_of_its_box_listens(board):
    assert board.mode() is Mode.LISTENING
    assert board.led.describe() == "blinking dark blue"


def test_a_board_tells_who_it_is(board):
    identity = board.identify()
    assert (identity.device_id, identity.platform, identity.usb, identity.os_version) == (
        board.device_id,
        "Photon",
        UsbState.NORMAL,
        "2.3.1",
    )
    assert identity.serial_port.startswith("emu://")
    assert {str(module.key) for module in identity.modules} >= {"bootloader 0", "system part 1", "system part 2", "user part 1"}


def test_what_was_done_and_seen_is_in_the_journal(board):
    board.enter_dfu()
    did, saw = board.journal.entries
    assert (did.kind.value, did.text) == ("did", "asked for DFU mode (control request 50)")
    assert (saw.kind.value, saw.led) == ("saw", "blinking yellow")
    assert "2b04:d006 at port 1-1" in saw.text


@pytest.mark.parametrize("by", [By.REQUEST, By.BUTTON, By.BAUDRATE])
def test_dfu_mode_is_reached_in_every_way(board, by):
    board.enter_dfu(by)
    assert board.mode() is Mode.DFU
    assert board.identify().os_version is None
    board.leave_dfu()
    assert board.usb.state() is UsbState.NORMAL


@pytest.mark.parametrize(
    ("change", "by", "ways"),
    [
        ("enter_dfu", "power", "request, button, baudrate"),
        ("enter_listening", "baudrate", "request, button"),
        ("reset", "baudrate", "request, button, power"),
    ],
)
def test_a_way_that_leads_elsewhere_is_refused_before_the_board_is_touched(board, change, by, ways):
    before = board.usb.present()
    with pytest.raises(ValueError, match=f"there is no way to .*: '{by}'; there are: {ways}"):
        getattr(board, change)(by)
    assert board.mode() is Mode.LISTENING
    assert board.usb.present() == before


def test_a_board_is_reset_by_its_power(board):
    before = board.usb.present()
    board.reset("power")
    assert board.usb.present() != before


def test_a_board_that_is_about_to_reset_is_not_taken_for_one_that_has(board):
    before = board.usb.present()
    board.requests.reset()
    board.begin_epoch("a reset was asked for", ends=before)
    assert board.usb.present() == before, "it acts a second after its answer"
    with pytest.raises(NotReached, match="not yet reset \\(a reset was asked for\\)"):
        board.wait_for(Mode.RUNNING, timeout=0.5)
    assert board.wait_for_usb(UsbState.NORMAL) != before


def test_a_mode_that_does_not_come_is_told_with_what_was_seen_instead(board):
    with pytest.raises(NotReached, match=r"waited for DFU mode \(blinking yellow\), but .*; seen: normal-mode USB") as caught:
        board.wait_for(Mode.DFU, timeout=5)
    assert board.device_id in str(caught.value)
    assert "at USB port 1-1" in str(caught.value)
    assert "LED blinking dark blue" in str(caught.value)


def test_power_off_is_seen_on_the_bus(board):
    board.power.off()
    assert board.mode() is Mode.OFF
    with pytest.raises(BoardNotAvailable, match="nothing at USB port 1-1") as caught:
        board.identify()
    assert caught.value.reason is Unavailable.NOT_FOUND


def test_a_request_in_dfu_mode_says_so(board):
    board.enter_dfu()
    with pytest.raises(ConversationFailed, match="is it in DFU mode"):
        board.enter_listening()


def test_a_refused_request_names_request_and_result(board):
    with pytest.raises(RequestRefused, match="-120") as caught:
        board.requests.set_setup_done(done=True)
    assert caught.value.result == -120


@pytest.mark.parametrize("moniker", ["emu:photon", "emu:electron", "emu:boron?os=4.0.0"])
def test_listening_mode_that_is_left_at_once_leaves_the_board_online(open_rig, moniker):
    """Over UDP the cloud acknowledges that the board leaves, and it may listen no more by then."""
    board = open_rig(f"{moniker}&mode=online" if "?" in moniker else f"{moniker}?mode=online").boards[0]
    board.enter_listening()
    board.leave_listening()
    board.wait_for(Mode.ONLINE)


def test_setup_done_does_nothing_on_a_photon(board):
    board.journal.clear()
    board.setup_done()
    assert board.journal.entries == []


def test_the_console_tells_the_mac_address(board):
    assert board.mac() == ":".join(f"{byte:02x}" for byte in board.host.boards["1-1"].identity.mac)


def test_wifi_credentials_end_listening_mode(board):
    board.set_wifi("particle-hil", "a long enough secret")
    board.wait_for(Mode.RUNNING)
    assert board.host.boards["1-1"].networks.all[0].ssid == "particle-hil"


def test_a_kind_of_security_that_there_is_not_is_refused_with_those_there_are(board):
    with pytest.raises(HarnessError, match=r"no kind of security 9; there are: 0 \(open\), 1 \(wep\), 2 \(wpa\), 3 \(wpa2\)"):
        board.set_wifi("particle-hil", "x", security=9)


def test_a_console_that_does_not_answer_is_told(board):
    board.set_wifi("particle-hil", "a long enough secret")
    board.wait_for(Mode.RUNNING)
    with pytest.raises(ConversationFailed, match="is the board in listening mode"):
        board.mac()


def test_a_board_in_dfu_mode_has_no_serial_port(board):
    board.enter_dfu()
    with pytest.raises(BoardNotAvailable) as caught:
        board.mac()
    assert caught.value.reason is Unavailable.NO_SERIAL_PORT


def test_what_a_real_board_lacks_is_told_as_such(board):
    real = bare(board)
    assert real.capabilities == {Capability.USB, Capability.SERIAL, Capability.NETWORK, Capability.SOFTAP}
    for use, capability in (
        (lambda: real.buttons, Capability.BUTTONS),
        (lambda: real.led, Capability.LED),
        (lambda: real.power, Capability.POWER),
    ):
        with pytest.raises(CapabilityMissing) as caught:
            use()
        assert caught.value.capability is capability


def test_a_mode_that_nobody_can_witness_is_not_waited_for(board):
    with pytest.raises(CapabilityMissing, match="nobody can witness connecting to the network"):
        bare(board).wait_for(Mode.CONNECTING_NETWORK)


@pytest.mark.parametrize(
    "change",
    [
        lambda board: board.flash(b""),
        lambda board: board.set_wifi("x"),
        lambda board: board.update_device_os([]),
        lambda board: board.console.set_claim_code("0" * 63),
        lambda board: board.console.update(b""),
    ],
)
def test_a_real_board_is_not_changed_unless_allowed(board, change):
    with pytest.raises((ChangesNotAllowed, ImageRefused)):
        change(bare(board))
    assert board.mode() is Mode.LISTENING


def test_without_an_led_listening_mode_is_witnessed_by_request(board):
    real = bare(board)
    assert real.mode() is Mode.LISTENING
    real.enter_dfu()
    assert real.mode() is Mode.DFU
    real.leave_dfu()
    real.wait_for(Mode.LISTENING)


def test_an_application_is_flashed_and_reported(board):
    board.flash(board.releases.application())
    assert board.requests.unmet_dependency() == ""


def test_a_missing_file_is_told(board, tmp_path):
    with pytest.raises(ImageRefused, match="No such file") as caught:
        board.flash(tmp_path / "nothing.bin")
    assert caught.value.reason is Refusal.UNREADABLE


def test_device_os_goes_up_and_down(board):
    for version in ("2.1.0", "2.2.0", "2.1.0"):
        board.update_device_os(board.releases.device_os(version))
        assert board.os_version() == version


def test_a_bootloader_only_moves_up(board):
    def bootloader():
        return next(module.version for module in board.requests.modules() if str(module.key) == "bootloader 0")

    board.update_device_os(board.releases.device_os("3.3.1"))
    newest = bootloader()
    board.update_device_os(board.releases.device_os("2.1.0"))
    assert bootloader() == newest == 1100
    assert board.os_version() == "2.1.0"


def test_progress_is_told(board):
    shares = []
    with board.journal.listen(lambda entry: shares.append(entry.share) if entry.share is not None else None):
        board.flash(board.releases.application())
    assert shares[-1] == 1.0


def test_two_boards_with_one_serial_number_are_refused(board):
    other = board.host.boards["1-1"]
    board.host.plug_in("1-2", other)
    board.usb.port = ""
    with pytest.raises(BoardNotAvailable, match="1-1, 1-2") as caught:
        board.usb.entry()
    assert caught.value.reason is Unavailable.AMBIGUOUS


def test_a_board_plugged_in_elsewhere_is_found_again(board):
    emulated = board.host.boards["1-1"]
    board.host.usb_host.unplug("1-1")
    assert board.mode() is Mode.OFF
    board.host.plug_in("1-7", emulated)
    assert board.identify().usb_port == "1-7"
    assert str(board).endswith("at USB port 1-7")


def test_another_board_in_its_place_is_not_taken_for_it(board):
    lab = board.host.lab
    board.host.usb_host.unplug("1-1")
    other = lab.add_board()
    board.host.plug_in("1-1", other)
    lab.driver.sleep(1)
    with pytest.raises(BoardNotAvailable, match=f"board {other.device_id} at its port 1-1"):
        board.identify()


@pytest.mark.parametrize("transfers", [1, 3, 6, 8, 10])
def test_a_host_that_dies_in_mid_transfer_leaves_a_board_that_can_be_flashed(board, transfers):
    image = board.releases.application()
    board.enter_dfu()

    def half_a_write():
        steps = _written(image)
        step = next(steps)
        for _ in range(transfers):
            step = steps.send((yield step))

    board.usb.run(half_a_write())
    board.flash(image)
    assert board.requests.unmet_dependency() == ""


def _written(image):
    session = yield from open_session()
    yield from session.write(FLASH, 0x080A0000, image)


def test_a_board_unplugged_in_mid_transfer_is_told_and_can_be_flashed_afterwards(board):
    image = build_module(board.platform.id, ModuleFunction.USER_PART, 1, 6, body=bytes(20000))
    board.enter_dfu()
    with (
        board.journal.listen(lambda entry: board.power.off() if entry.share is not None else None),
        pytest.raises(BoardNotAvailable, match=board.device_id) as caught,
    ):
        board.flash(image)
    assert caught.value.reason is Unavailable.UNPLUGGED
    board.power.on()
    board.enter_dfu(By.BUTTON)
    board.update_device_os(board.releases.device_os("2.2.0"))
    assert board.os_version() == "2.2.0"


def resealed(image, *, start=None, end=None):
    """An image whose prefix says that it lies elsewhere, with a CRC that is right."""
    data = bytearray(image)
    prefix = read_module(image).prefix
    struct.pack_into("<II", data, 0, prefix.start_address if start is None else start, prefix.end_address if end is None else end)
    struct.pack_into(">I", data, len(data) - 4, zlib.crc32(data[:-4]))
    return bytes(data)


@pytest.mark.parametrize(
    "image",
    [
        lambda good: resealed(good, start=0x08000000, end=0x08000000 + len(good) - 4),
        lambda good: resealed(good + bytes(0x20000), end=0x080A0000 + len(good) + 0x20000 - 4),
    ],
    ids=["over the bootloader", "larger than its place"],
)
def test_an_image_that_would_lie_elsewhere_is_refused(board, image):
    good = build_module(board.platform.id, ModuleFunction.USER_PART, 1, 6, body=bytes(64))
    with pytest.raises(ImageRefused) as caught:
        board.flash(image(good))
    assert caught.value.reason is Refusal.OUT_OF_RANGE, caught.value
    assert board.mode() is Mode.LISTENING


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_no_bytes_are_flashed_that_are_no_module(data):
    rig = open_boards(["emu:photon?mode=dfu"])[0]
    with pytest.raises(ImageRefused):
        rig.boards[0].flash(data)
    rig.close()


def test_a_radio_stack_is_written_as_it_lies_in_flash_without_its_prefix():
    """So that Device OS finds the SoftDevice's own information at 0x3000 afterwards."""
    (rig,) = open_boards(["emu:boron?os=2.2.0"])
    board = rig.boards[0]
    board.update_device_os(board.releases.device_os("2.1.0"))
    assert any(str(module.key) == "radio stack 0" and module.version == 202 for module in board.identify().modules)
    rig.close()
