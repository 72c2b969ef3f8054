"""What an eye sees of the LED in each mode and at each push of a button, from the LED's own time line."""

import itertools

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.application import Application, function
from emulator.factory import user_part
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.dct import DctField
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.platforms import platform_by_name

RED, GREEN, BLUE, YELLOW, CYAN, MAGENTA, WHITE = 0xFF0000, 0x00FF00, 0x0000FF, 0xFFFF00, 0x00FFFF, 0xFF00FF, 0xFFFFFF
GRAY, DARK_GREEN = 0x1F1F1F, 0x000A00
HOME = StoredNetwork("lab", 3, "secret123")


@pytest.fixture
def point(bench):
    return bench.lab.network.access_point("lab", "secret123")


def blinks(seen, colour, period):
    """Whether that colour was on and off by turns, each for half the period (in milliseconds)."""
    colours = [each for _, each in seen]
    spans = {after - time for (time, _), (after, _) in itertools.pairwise(seen[1:])}
    return set(colours) == {colour, 0} and spans == {period / 2} and all(one != other for one, other in itertools.pairwise(colours))


def breathes(seen, colour, period):
    """Whether it was between that colour and dark, bright once a period (in milliseconds), and never jumped."""
    lightest, levels = max(colour.to_bytes(3, "big")), [max(each.to_bytes(3, "big")) for _, each in seen]
    hues = {tuple(bool(part) for part in each.to_bytes(3, "big")) for _, each in seen if max(each.to_bytes(3, "big")) > 3}
    bright = [time for (time, _), level in zip(seen, levels, strict=True) if level == lightest]
    steady = all(abs(one - other) <= lightest * 2 * 25 / period + 1 for one, other in itertools.pairwise(levels))
    wanted = {tuple(bool(part) for part in colour.to_bytes(3, "big"))}
    return hues == wanted and steady and min(levels) == 0 and {b - a for a, b in itertools.pairwise(bright)} == {period}


def listening(bench):
    board = bench.board()
    bench.wait_led(board, "blinking dark blue")
    return board


def dfu(bench):
    board = bench.board(mode="dfu")
    bench.wait_led(board, "blinking yellow")
    return board


def joining(bench):
    board = bench.board(networks=[StoredNetwork("elsewhere", 3, "secret123")])
    bench.wait_led(board, "blinking green")
    return board


def registering(bench):
    board = bench.board(platform="electron")
    bench.wait_led(board, "blinking green")
    return board


def online(bench, **more):
    board = bench.board(networks=[HOME], **more)
    bench.wait_led(board, "breathing cyan")
    return board


def safe(bench):
    board = bench.board(networks=[HOME], os="2.1.0", modules=[user_part(platform_by_name("photon"), "2.2.0")])
    bench.wait_led(board, "breathing magenta")
    return board


@pytest.mark.parametrize(
    ("made", "colour", "period"), [(listening, BLUE, 500), (dfu, YELLOW, 200), (joining, GREEN, 200), (registering, GREEN, 200)]
)
def test_for_two_seconds_it_blinks_at_its_period(bench, point, made, colour, period):
    seen = bench.watch(made(bench), 2)
    assert blinks(seen, colour, period), seen


@pytest.mark.parametrize(("made", "colour"), [(online, CYAN), (safe, MAGENTA)])
def test_connected_to_the_cloud_it_breathes(bench, point, made, colour):
    seen = bench.watch(made(bench), 8.1)
    assert breathes(seen, colour, 4000), seen


def test_on_its_way_to_the_cloud_it_blinks_cyan_and_then_faster(bench, point):
    board = bench.board(networks=[HOME])
    bench.wait_led(board, "blinking cyan")
    slow = board.led.timeline[-1]
    bench.wait_led(board, "breathing cyan")
    fast = next(change for change in board.led.timeline if str(change.status) == "fast blinking cyan")
    over = board.led.timeline[-1].time
    assert board.led.seen(slow.time, fast.time - 1e-3)[0] == (slow.time, CYAN)
    assert board.led.seen(fast.time, over - 1e-3)[0] == (fast.time, CYAN)
    assert board.led.seen(over, over)[0] == (over, CYAN)


def test_while_it_waits_to_try_again_it_blinks_cyan(bench, point):
    point.internet = False
    board = bench.board(networks=[HOME])
    bench.sleep(120)
    bench.wait_led(board, "blinking orange")
    assert [each for _, each in bench.watch(board, 0.99)] == [0xFF6000, 0, 0xFF6000, 0]
    bench.wait_led(board, "blinking cyan")
    assert blinks(bench.watch(board, 2), CYAN, 200)


@pytest.mark.parametrize(
    ("first", "colour", "period"),
    [(1.05, MAGENTA, 200), (3.05, YELLOW, 200), (6.55, GREEN, 100), (10.05, WHITE, 100)],
)
def test_mode_held_through_a_reset_has_the_colour_of_what_it_would_do(bench, first, colour, period):
    board = listening(bench)
    factory = board.platform.memory().region("factory")
    board.flashes["internal"].program(factory.start, user_part(board.platform, "2.3.1"))
    board.buttons.press_reset()
    board.buttons.press_mode()
    assert bench.watch(board, 0.5)[-1][1] == 0, "held in reset it is dark"
    board.buttons.release_reset()
    bench.sleep(first)
    seen = bench.watch(board, 0.9)
    assert blinks(seen, colour, period), seen


def test_held_from_reset_it_is_dark_for_a_second(bench):
    board = listening(bench)
    board.buttons.press_mode()
    board.buttons.press_reset()
    board.buttons.release_reset()
    assert bench.watch(board, 0.99) == [(0, 0)]


def test_held_for_three_seconds_it_listens_at_once_and_for_ten_it_forgets_its_networks(bench, point):
    board = online(bench)
    board.buttons.press_mode()
    bench.sleep(2.99)
    assert board.led.describe() == "breathing cyan"
    bench.sleep(0.02)
    assert blinks(bench.watch(board, 2), BLUE, 500)
    bench.sleep(4.98)
    assert (board.led.describe(), board.networks.all) == ("blinking dark blue", (HOME,))
    bench.sleep(0.02)
    seen = bench.watch(board, 1.2)
    assert (board.networks.all, blinks(seen, BLUE, 100)) == ((), True), seen
    bench.sleep(0.06)
    assert blinks(bench.watch(board, 2), BLUE, 500)
    board.buttons.release_mode()


def test_held_again_for_three_seconds_it_leaves_listening_mode_and_goes_on(bench, point):
    board = online(bench)
    bench.click(board, 3.1)
    assert board.led.describe() == "blinking dark blue"
    bench.click(board, 2.9)
    bench.sleep(0.2)
    assert board.led.describe() == "blinking dark blue"
    bench.click(board, 3.1)
    bench.wait_led(board, "breathing cyan")


def test_who_lets_go_three_seconds_after_listening_began_leaves_it_again(bench, point):
    board = online(bench)
    bench.click(board, 6.1)
    bench.wait_led(board, "breathing cyan")


class Counting(Application):
    def setup(self):
        self.seen = []

    def mode_clicked(self, clicks):
        self.seen.append(clicks)


class Crashing(Application):
    @function
    def crash(self, argument):
        self.panic(int(argument))
        return 0


def electron(bench, rssi=-75, **more):
    board = bench.board(platform="electron", sim_status=SimStatus.ACTIVE, **more)
    for cell in bench.lab.network.cells:
        cell.rssi = rssi
    bench.wait_led(board, "breathing cyan", timeout=90)
    return board


@pytest.mark.parametrize(
    ("os", "rssi", "flashes"),
    [
        *(("2.3.1", *each) for each in ((-112, 0), (-100, 1), (-75, 3), (-60, 4), (-51, 5))),
        *(("0.7.0", *each) for each in ((-104, 0), (-103, 1), (-80, 2), (-79, 3), (-58, 4), (-57, 5))),
    ],
)
def test_one_click_shows_the_strength_of_an_electrons_signal(bench, os, rssi, flashes):
    board = electron(bench, rssi, os=os)
    bench.click(board)
    bench.sleep(0.99)
    assert board.led.describe() == "breathing cyan", "a second click may come"
    bench.sleep(0.02)
    look = "1 flash" if flashes == 1 else f"{flashes or 'no'} flash{'es' * (flashes > 0)}"
    assert board.led.describe() == f"{look} of green"
    seen = bench.watch(board, 4)
    assert [colour for _, colour in seen].count(GREEN) == flashes
    assert board.led.describe() == "breathing cyan"


def test_without_a_signal_there_is_no_flash(bench):
    board = registering(bench)
    bench.click(board)
    bench.sleep(1.1)
    assert board.led.describe() == "no flash of green"
    bench.sleep(1)
    assert board.led.describe() == "blinking green"


def test_two_clicks_switch_an_electron_off_until_reset(bench):
    board = electron(bench)
    bench.click(board)
    bench.sleep(0.3)
    bench.click(board)
    bench.sleep(1.05)
    assert board.led.describe() == "solid gray"
    bench.sleep(3)
    assert (board.led.describe(), bench.usb(board), bench.lab.cloud.connections.online(board.device_id)) == ("off", None, False)
    bench.click(board, 4)
    bench.sleep(600)
    assert (board.led.describe(), bench.usb(board)) == ("off", None)
    board.buttons.press_reset()
    board.buttons.release_reset()
    bench.wait_led(board, "breathing cyan", timeout=90)
    assert board.reset_reason is ResetReason.PIN_RESET


def test_clicks_on_a_photon_are_for_its_application(bench, point):
    bench.lab.applications["clicks"] = Counting
    board = online(bench, application="clicks")
    for clicks in (1, 2, 5):
        for _ in range(clicks):
            bench.click(board, 0.2)
            bench.sleep(0.2)
        bench.sleep(1.5)
    bench.click(board, 0.02)  # bounces
    bench.click(board, 0.6)  # is no click
    bench.sleep(1.5)
    assert board.firmware.application.seen == [1, 2, 5]
    assert board.led.describe() == "breathing cyan"


def test_a_held_button_ends_a_row_of_clicks(bench, point):
    bench.lab.applications["clicks"] = Counting
    board = online(bench, application="clicks")
    bench.click(board)
    bench.sleep(0.2)
    bench.click(board, 0.7)
    assert board.firmware.application.seen == [1]
    bench.click(board)
    bench.sleep(0.2)
    board.buttons.press_mode()
    bench.sleep(3.05)
    assert (board.firmware.application.seen, board.led.describe()) == ([1, 1], "blinking dark blue")


def test_a_board_without_a_key_makes_one_first(bench, point):
    board = bench.board(networks=[HOME], mode="off")
    board.settings.put(DctField.DEVICE_PRIVATE_KEY, b"\xff" * DctField.DEVICE_PRIVATE_KEY.size)
    board.power_on()
    bench.wait_led(board, "blinking white")
    assert blinks(bench.watch(board, 2.5), WHITE, 200)
    bench.wait_led(board, "blinking green")
    assert board.settings.get(DctField.DEVICE_PRIVATE_KEY)[0] == 0x30


def test_a_panic_signals_sos_twice_and_the_board_comes_back(bench, point):
    bench.lab.applications["crashes"] = Crashing
    board = online(bench, application="crashes")
    with pytest.raises(ValueError, match="from 1 to 15"):
        board.firmware.application.crash("16")
    board.firmware.application.crash("1")
    bench.sleep(0.01)
    assert (board.led.describe(), bench.usb(board)) == ("SOS and 1 flash of red", None)
    seen = bench.watch(board, board.led.status.duration - 0.02)
    assert len([colour for _, colour in seen if colour == RED]) == 2 * (9 + 1)
    bench.wait_led(board, "breathing cyan", timeout=120)
    assert board.reset_reason is ResetReason.PANIC


def test_an_update_toggles_the_led_with_each_of_its_pieces(bench):
    board = electron(bench)
    bench.lab.network.cells[0].link.jitter = 0.05  # so that its pieces come one after the other
    image = user_part(board.platform, "2.3.1", "Other", body=bytes(20_000))
    session = bench.lab.device_service.sessions[0]
    bench.lab.driver.call(session.flash, image)
    bench.wait_led(board, "fast blinking magenta")
    begin = board.led.timeline[-1].time
    bench.lab.driver.wait(lambda: board.boots == 2, [board.changed], timeout=60, awaited="the reset", seen=lambda: "")
    end = next(change.time for change in board.led.timeline if change.time > begin)
    seen = board.led.seen(begin, end - 1e-3)
    assert [colour for _, colour in seen] == [MAGENTA, 0] * (len(seen) // 2) + [MAGENTA] * (len(seen) % 2)
    assert len(seen) > 5


def test_an_update_over_usb_does_so_too(bench):
    board = listening(bench)
    image = user_part(board.platform, "2.3.1", "Other", body=bytes(3000))
    bench.request(board, RequestType.START_FIRMWARE_UPDATE, b"\x08" + _varint(len(image)))
    begin = bench.lab.clock.now
    pieces = [image[at : at + 512] for at in range(0, len(image), 512)][:3]
    shown = [board.led.colour(begin)]
    for piece in pieces:
        bench.sleep(1)
        bench.request(board, RequestType.FIRMWARE_UPDATE_DATA, b"\x0a" + _varint(len(piece)) + piece)
        shown.append(board.led.colour(bench.lab.clock.now))
    assert shown == [MAGENTA, 0, MAGENTA, 0]
    bench.request(board, RequestType.CANCEL_FIRMWARE_UPDATE)
    assert blinks(bench.watch(board, 2), BLUE, 500)


def _varint(number):
    return bytes([number & 0x7F | 0x80, number >> 7 & 0x7F]) if number > 127 else bytes([number])
