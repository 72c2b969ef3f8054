"""From power to a mode: the bootloader, the buttons, listening mode, DFU mode and safe mode."""

from dataclasses import replace

import pytest

from emulator.board.flash import CutPhase
from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.mcu import CopyEntry, mcu_of
from emulator.factory import device_os_release, user_part
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.dct import DctField
from particle_protocol.platforms import platform_by_name

NORMAL, DFU = (0x2B04, 0xC006), (0x2B04, 0xD006)
PHOTON = platform_by_name("photon")


def colours(board):
    return [str(change.status) for change in board.led.timeline]


def test_a_new_photon_comes_up_in_listening_mode(bench):
    board = bench.board()
    bench.wait_led(board, "blinking dark blue")
    assert bench.usb(board) == NORMAL
    assert bench.request(board, RequestType.GET_DEVICE_MODE) == b"\x08\x01"


def test_a_board_without_power_shows_nothing(bench):
    board = bench.board(mode="off")
    bench.sleep(5)
    assert bench.usb(board) is None
    assert colours(board) == []


@pytest.mark.parametrize(
    ("seconds", "seen", "usb"),
    [
        (0.5, ["breathing white", "blinking dark blue"], NORMAL),
        (2.0, ["blinking magenta", "off", "breathing white", "blinking dark blue"], NORMAL),
        (4.0, ["blinking magenta", "blinking yellow", "off", "blinking yellow"], DFU),
        (11.0, ["blinking magenta", "blinking yellow", "fast blinking white", "off", "breathing white", "blinking dark blue"], NORMAL),
    ],
)
def test_holding_mode_through_a_reset(bench, seconds, seen, usb):
    board = bench.board()
    bench.wait_led(board, "blinking dark blue")
    before = len(board.led.timeline)
    bench.hold(board, seconds)
    assert colours(board)[before:] == ["off", *seen]
    assert bench.usb(board) == usb


def test_the_colours_of_a_held_button_come_at_their_times(bench):
    board = bench.board()
    bench.wait_led(board, "blinking dark blue")
    board.buttons.press_mode()
    board.buttons.press_reset()
    board.buttons.release_reset()
    start = bench.lab.clock.now
    bench.sleep(11)
    times = {str(change.status): change.time - start for change in board.led.timeline if change.time > start}
    assert times["blinking magenta"] == pytest.approx(1.0, abs=0.05)
    assert times["blinking yellow"] == pytest.approx(3.0, abs=0.05)
    assert times["fast blinking white"] == pytest.approx(10.0, abs=0.05)


def test_mode_released_as_soon_as_the_led_blinks_yellow_means_dfu_mode(bench):
    """Whatever the time is: three seconds after it are not always three seconds more, in binary fractions."""
    board = bench.board()
    board.changed.subscribe(lambda: board.buttons.mode and board.led.describe() == "blinking yellow" and board.buttons.release_mode())
    for _ in range(100):
        bench.sleep(0.09)
        board.buttons.press_reset()
        board.buttons.press_mode()
        board.buttons.release_reset()
        bench.sleep(4)
        assert bench.usb(board) == DFU, colours(board)
        assert not board.buttons.mode


def test_green_is_shown_only_with_a_factory_image(bench):
    board = bench.board()
    factory = PHOTON.memory().region("factory")
    board.flashes["internal"].program(factory.start, user_part(PHOTON, "2.3.1"))
    bench.hold(board, 7)
    assert "fast blinking green" in colours(board)
    assert bench.usb(board) == NORMAL


def test_holding_mode_for_three_seconds_enters_listening_mode(bench):
    bench.lab.network.access_point("lab", "secret123")
    board = bench.board(networks=[StoredNetwork("lab", 3, "secret123")])
    bench.sleep(1)
    assert board.led.describe() == "blinking green"
    board.buttons.press_mode()
    bench.sleep(2.9)
    assert board.led.describe() != "blinking dark blue"
    bench.sleep(0.2)
    assert board.led.describe() == "blinking dark blue"
    board.buttons.release_mode()
    bench.sleep(1)
    assert board.led.describe() == "blinking dark blue"


def test_listening_mode_by_request_and_out_again(bench):
    board = bench.board(networks=[StoredNetwork("lab", 3, "secret123")])
    bench.sleep(1)
    assert bench.request(board, RequestType.GET_DEVICE_MODE) == b""
    bench.request(board, RequestType.START_LISTENING)
    assert board.led.describe() == "blinking dark blue"
    bench.request(board, RequestType.STOP_LISTENING)
    bench.sleep(0.5)
    assert board.led.describe() == "blinking green"


def test_dfu_mode_by_request_comes_a_second_after_the_answer(bench):
    board = bench.board()
    bench.sleep(1)
    bench.request(board, RequestType.DFU_MODE)
    bench.sleep(0.9)
    assert bench.usb(board) == NORMAL
    bench.sleep(0.3)
    assert bench.usb(board) == DFU
    assert board.led.describe() == "blinking yellow"


def test_a_reset_by_request_boots_once(bench):
    board = bench.board()
    bench.sleep(1)
    bench.request(board, RequestType.RESET)
    bench.sleep(3)
    assert board.boots == 2
    assert bench.usb(board) == NORMAL


def test_nothing_from_before_a_reset_acts_after_it(bench):
    board = bench.board()
    bench.sleep(1)
    bench.request(board, RequestType.DFU_MODE)
    board.buttons.press_reset()
    board.buttons.release_reset()
    bench.sleep(3)
    assert bench.usb(board) == NORMAL


def test_without_intact_system_parts_the_bootloader_stays_in_dfu_mode(bench):
    board = bench.board(mode="off")
    board.flashes["internal"].program(0x08060200, bytes(16))
    board.power_on()
    bench.sleep(1)
    assert bench.usb(board) == DFU


@pytest.mark.parametrize("broken", ["dependency", "crc"])
def test_a_user_part_that_cannot_run_means_safe_mode(bench, broken):
    if broken == "dependency":
        board = bench.board(os="2.1.0", modules=[user_part(PHOTON, "2.2.0")])
    else:
        board = bench.board(mode="off")
        board.flashes["internal"].program(0x080A0040, bytes(8))
        board.power_on()
    bench.sleep(1)
    assert bench.usb(board) == NORMAL
    assert board.firmware.safe_mode


def test_a_power_cut_while_an_update_is_copied_is_made_good_at_the_next_boot(bench):
    board = bench.board(os="2.1.0")
    bench.sleep(1)
    new = device_os_release(PHOTON, "2.2.0")[0]
    receiver = board.firmware.receiver
    receiver.begin(len(new))
    receiver.write(0, new)
    assert receiver.finish() == 0
    board.flashes["internal"].cut_power(1, CutPhase.MIDDLE)
    board.power_off()
    board.power_on()
    bench.sleep(1)
    assert not board.powered
    board.power_on()
    bench.sleep(1)
    assert board.flashes["internal"].read(0x08020000, len(new)) == new


@pytest.mark.parametrize(
    ("platform", "changes"),
    [
        ("photon", {"destination_external": True}),
        ("photon", {"source_external": True}),
        ("photon", {"destination": 0x080FFFFF}),
        ("boron", {"destination": 0x000FFFF0}),
        ("boron", {"source": 0xFFFFFFF0}),
        ("boron", {"source_external": True, "source": 0}),
        ("boron", {"destination_external": True, "destination": 0x00400000}),
    ],
)
def test_what_is_listed_for_a_place_that_there_is_not_is_struck_off(bench, platform, changes):
    """Whoever writes to the DCT, over DFU too, can list anything."""
    board = bench.board(platform=platform)
    bench.sleep(1)
    user = board.firmware.modules.user
    entry = CopyEntry(user.slot.start, user.slot.start, user.size, user.prefix.function)
    ways, field = mcu_of(board), DctField.FLASH_MODULES
    board.settings.write(field.offset, ways.encode_entry(replace(entry, **changes)))
    board.reset(board.reset_reason)
    bench.sleep(1)
    assert (board.boots, board.firmware.safe_mode, board.firmware.modules.user) == (2, False, user)
    assert ways.decode_entry(board.settings.read(field.offset, ways.ENTRY_SIZE)) is None


def test_the_14400_baud_touch_is_a_way_into_dfu_mode(bench):
    board = bench.board()
    bench.sleep(1)
    board.plug.function.control(_line_coding(14400), (14400).to_bytes(4, "little") + b"\0\0\x08")
    bench.sleep(0.5)
    assert bench.usb(board) == DFU


def _line_coding(baud):
    from particle_protocol.usb import Setup

    return Setup(0x21, 0x20, 0, 0, 7)


def test_the_same_seed_makes_the_same_boards():
    from emulator.lab import Lab

    ids = []
    for _ in range(2):
        with Lab(seed=5) as lab:
            ids.append([lab.add_board().device_id for _ in range(3)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_a_snapshot_brings_the_board_back(bench):
    board = bench.board()
    bench.sleep(1)
    kept = bench.lab.snapshot()
    board.networks.add(StoredNetwork("other", 0))
    board.flashes["internal"].erase(0x080A0000)
    bench.lab.restore(kept)
    bench.wait_led(board, "blinking dark blue")
    assert board.networks.all == ()
    assert board.firmware.safe_mode is False


@pytest.mark.parametrize(("bootloader", "safe"), [(11, True), (101, False)])
def test_system_parts_without_the_bootloader_they_need_leave_a_board_in_safe_mode(bench, bootloader, safe):
    """How Photons got stuck in the field: system parts of 0.7.0 on the bootloader of 0.6.3."""
    board = bench.board(os="0.7.0", bootloader=bootloader, networks=[StoredNetwork("lab", 3, "secret123")])
    bench.lab.network.access_point("lab", "secret123")
    bench.sleep(20)
    assert board.firmware.safe_mode is safe
    assert board.led.describe() == ("breathing magenta" if safe else "breathing cyan")


def test_modules_that_a_board_does_not_have_can_have_no_version(bench):
    with pytest.raises(ValueError, match=r"Device OS 2.3.1 has no radio stack on the Photon"):
        bench.board(softdevice=202)
    with pytest.raises(ValueError, match="a Photon has no network processor"):
        bench.board(ncp=5)


def test_a_sku_decides_the_sim_and_has_to_fit_the_platform(bench):
    board = bench.board(platform="electron", sku="E404MOD1", sim_status=SimStatus.ACTIVE)
    sim = bench.lab.cloud.sims.by_iccid(board.sim)
    assert (sim.form.value, sim.active, bench.lab.cloud.devices.by_id(board.device_id).sku) == ("MFF2", True, "E404MOD1")
    with pytest.raises(ValueError, match="SKU E404MOD1 is for the Electron, not the Photon"):
        bench.board(sku="E404MOD1")


@pytest.mark.parametrize("more", [{}, {"platform": "p1"}, {"platform": "argon"}, {"mode": "dfu"}, {"mode": "off"}])
def test_a_board_that_waits_for_somebody_wants_no_time(bench, more):
    board = bench.board(**more)
    bench.sleep(60)
    shown = board.led.describe()
    assert bench.lab.clock.next_due() is None
    bench.sleep(86_400)
    assert board.led.describe() == shown


@pytest.mark.parametrize("os", ["2.3.1", "0.6.0"])
def test_an_electron_leaves_listening_mode_after_five_minutes(bench, os):
    board = bench.board(platform="electron", os=os)
    bench.wait_led(board, "blinking green")
    board.buttons.press_mode()
    bench.sleep(3.01)
    board.buttons.release_mode()
    bench.sleep(299.9)
    assert board.led.describe() == "blinking dark blue"
    bench.sleep(0.2)
    assert board.led.describe() == ("blinking dark blue" if os == "0.6.0" else "blinking green")


def test_without_a_sim_it_listens_again(bench):
    board = bench.board(platform="electron", has_sim=False)
    bench.wait_led(board, "blinking dark blue")
    before = len(board.led.timeline)
    bench.sleep(301)
    assert board.led.describe() == "blinking dark blue"
    assert len(board.led.timeline) > before
