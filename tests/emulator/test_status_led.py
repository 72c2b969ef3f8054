"""The LED shows the strongest of the statuses that firmware started, and remembers what it showed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.board.flash import Flash
from emulator.board.led_patterns import OFF, LedStatus, Pattern, panic_shown, strength_shown
from emulator.board.led_theme import bootloader_theme, stored_theme
from emulator.board.settings import Settings
from emulator.board.status_led import UNTHEMED, LedService, LedSignal, Priority, StatusLed
from emulator.board.wiced_store import WicedCopies
from emulator.hardware import hardware_of
from particle_protocol.dct import DctField

THEME = hardware_of("photon").led


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def led():
    return StatusLed(lambda: None)


@pytest.fixture
def service(led, now):
    return LedService(led, THEME, lambda: now[0])


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (THEME[LedSignal.LISTENING_MODE], "blinking dark blue"),
        (THEME[LedSignal.DFU_MODE], "blinking yellow"),
        (THEME[LedSignal.SAFE_MODE], "breathing magenta"),
        (THEME[LedSignal.NETWORK_CONNECTING], "blinking green"),
        (THEME[LedSignal.CLOUD_CONNECTING], "blinking cyan"),
        (THEME[LedSignal.CLOUD_HANDSHAKE], "fast blinking cyan"),
        (THEME[LedSignal.CLOUD_CONNECTED], "breathing cyan"),
        (THEME[LedSignal.HANDSHAKE_FAILED], "solid red"),
        (LedStatus(0x123456, Pattern.SOLID), "solid #123456"),
        (OFF, "off"),
    ],
)
def test_statuses_read_as_people_say_them(status, text):
    assert str(status) == text


def test_the_highest_priority_is_shown(led, service):
    service.start(LedSignal.LISTENING_MODE, Priority.CRITICAL)
    service.start(LedSignal.CLOUD_CONNECTED, Priority.BACKGROUND)
    assert led.describe() == "blinking dark blue"
    service.stop(LedSignal.LISTENING_MODE)
    assert led.describe() == "breathing cyan"


def test_among_equals_the_latest_is_shown(led, service):
    service.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
    service.start(LedSignal.CLOUD_CONNECTING, Priority.NORMAL)
    assert led.describe() == "blinking cyan"
    service.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
    assert led.describe() == "blinking green"


def test_the_time_line_holds_changes_only(led, service, now):
    service.start(LedSignal.NETWORK_OFF, Priority.BACKGROUND)
    now[0] = 1.5
    service.start(LedSignal.NETWORK_OFF, Priority.BACKGROUND)
    service.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
    assert [(change.time, str(change.status)) for change in led.timeline] == [(0.0, "breathing white"), (1.5, "blinking green")]


CYAN, BLUE, MAGENTA = 0x00FFFF, 0x0000FF, 0xFF00FF


def test_blinking_begins_with_on_and_is_off_in_the_second_half_of_its_period(service, led, now):
    now[0] = 1.0
    service.start(LedSignal.LISTENING_MODE, Priority.CRITICAL)
    assert led.seen(0.9, 2.1) == [(0.9, 0), (1.0, BLUE), (1.25, 0), (1.5, BLUE), (1.75, 0), (2.0, BLUE)]
    assert [led.colour(time) for time in (1.24, 1.26, 1.5)] == [BLUE, 0, BLUE]


def test_breathing_starts_bright_and_is_dark_in_the_middle(service, led):
    service.start(LedSignal.CLOUD_CONNECTED, Priority.BACKGROUND)
    assert [led.colour(time) for time in (0.0, 1.0, 2.0, 4.0)] == [CYAN, 0x007F7F, 0, CYAN]
    steps = led.seen(0.0, 4.0)
    assert len(steps) == 4.0 / 0.025 + 1, "a step for each look of the firmware"
    colours = [colour for _, colour in steps]
    assert colours[:81] == sorted(colours[:81], reverse=True)
    assert colours[80:] == sorted(colours[80:])


def test_a_pattern_goes_on_where_it_is_when_only_the_colour_changes(service, led, now):
    service.start(LedSignal.NETWORK_CONNECTING, Priority.NORMAL)
    now[0] = 0.25
    service.start(LedSignal.CLOUD_CONNECTING, Priority.NORMAL)
    assert led.seen(0.2, 0.4) == [(0.2, 0x00FF00), (0.25, CYAN), (pytest.approx(0.3), 0), (pytest.approx(0.4), CYAN)]
    now[0] = 0.45
    service.start(LedSignal.CLOUD_HANDSHAKE, Priority.NORMAL)
    assert led.seen(0.45, 0.5) == [(0.45, CYAN), (pytest.approx(0.5), 0)]


def test_what_is_taken_over_is_toggled_whatever_the_time(service, led, now):
    service.start(LedSignal.LISTENING_MODE, Priority.CRITICAL)
    now[0] = 1.0
    service.take_over(LedSignal.FIRMWARE_UPDATE)
    service.start(LedSignal.NYAN, Priority.CRITICAL)
    for now[0] in (1.3, 7.0, 7.001):
        service.toggle()
    assert led.describe() == "fast blinking magenta"
    assert led.seen(1.0, 8.0) == [(1.0, MAGENTA), (1.3, 0), (7.0, MAGENTA), (7.001, 0)]
    service.give_back()
    service.toggle()
    assert led.describe() == "rainbow"


def test_many_toggles_leave_the_time_line_what_it_was(service, led, now):
    service.start(LedSignal.CLOUD_CONNECTED, Priority.BACKGROUND)
    service.take_over(LedSignal.FIRMWARE_UPDATE)
    for now[0] in range(1, 2001):
        service.toggle()
    assert [str(change.status) for change in led.timeline] == ["breathing cyan", "fast blinking magenta"]
    assert [led.colour(time) for time in (1999, 2000)] == [0, MAGENTA]


@pytest.mark.parametrize(("bars", "text"), [(0, "no flash of green"), (1, "1 flash of green"), (5, "5 flashes of green")])
def test_the_strength_of_the_signal_is_that_many_flashes(led, bars, text):
    look = strength_shown(bars)
    led.show(look, 0.0)
    steps = led.seen(0.0, look.duration)
    assert str(look) == text
    assert steps[0] == (0.0, 0x000A00)
    assert steps[-1] == (pytest.approx(look.duration), 0)
    bright = [(round(after - time, 3), round(time, 3)) for (time, colour), (after, _) in itertools.pairwise(steps) if colour == 0x00FF00]
    assert bright == [(0.05, round(0.75 + 0.4 * number, 3)) for number in range(bars)]
    assert look.duration == pytest.approx(0.75 if bars == 0 else 1.5 + 0.4 * bars - 0.35)


def test_sos_is_short_long_short_and_the_number_twice(led):
    look = panic_shown(4)
    led.show(look, 0.0)
    steps = led.seen(0.0, look.duration)
    on = [round(after - time, 3) for (time, colour), (after, _) in itertools.pairwise(steps) if colour == 0xFF0000]
    assert on == ([0.15] * 3 + [0.3] * 3 + [0.15] * 3 + [0.3] * 4) * 2
    assert str(look) == "SOS and 4 flashes of red"


class TestStoredTheme:
    """`LED_THEME` of the DCT: nibbles red and green, blue and pattern, the period in steps of 50 ms."""

    def settings(self, record):
        settings = Settings(WicedCopies(Flash(hardware_of("photon").flashes["internal"].sectors), (0x08004000, 0x08008000)).application)
        settings.put(DctField.LED_THEME, record)
        return settings

    def test_a_stored_signal_looks_as_it_was_stored_and_the_others_as_usual(self):
        listening = bytes.fromhex("f0 62 08")  # pink; blinking; 400 ms
        record = b"\x01" + bytes(3 * 9) + listening + bytes(3 * 3)
        theme = stored_theme(self.settings(record), THEME)
        pink = LedStatus(0xFF0066, Pattern.BLINK, 0.4)
        clearing = LedStatus(0xFF0066, Pattern.BLINK, 0.1)
        assert theme == {**THEME, LedSignal.LISTENING_MODE: pink, LedSignal.CLEAR_CREDENTIALS: clearing}

    @pytest.mark.parametrize("record", [b"", b"\x00" * 64, b"\x02" * 64])
    def test_a_record_of_another_version_is_none(self, record):
        assert stored_theme(self.settings(record), THEME) is THEME

    @given(st.binary(max_size=63))
    def test_any_record_gives_a_look_for_every_signal(self, record):
        assert set(stored_theme(self.settings(b"\x01" + record), THEME)) == set(LedSignal) - UNTHEMED
        assert set(bootloader_theme(self.settings(b"\x01" + record), THEME)) == set(LedSignal) - UNTHEMED

    def test_device_os_shows_the_stored_look_and_the_bootloader_its_colour(self, bench):
        board = bench.board()
        green = bytes.fromhex("0f 01 00")
        board.settings.put(DctField.LED_THEME, b"\x01" + bytes(3 * 9) + green + green + bytes(3 * 2))
        board.reset(board.reset_reason)
        bench.wait_led(board, "solid green")
        bench.hold(board, 4)
        assert board.led.describe() == "blinking green"
        assert bench.usb(board) == (0x2B04, 0xD006)
