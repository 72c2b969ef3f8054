"""The LED shows the strongest of the statuses that firmware started, and remembers what it showed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.board.flash import Flash
from emulator.board.led_theme import stored_theme
from emulator.board.settings import Settings
from emulator.board.status_led import OFF, LedService, LedSignal, LedStatus, Pattern, Priority, StatusLed
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


@pytest.mark.parametrize(("elapsed", "colour"), [(0.0, 0x0000FF), (0.24, 0x0000FF), (0.26, 0), (0.5, 0x0000FF)])
def test_blinking_is_on_in_the_first_half_of_its_period(elapsed, colour):
    assert THEME[LedSignal.LISTENING_MODE].colour_at(elapsed) == colour


def test_breathing_starts_bright_and_is_dark_in_the_middle():
    assert THEME[LedSignal.CLOUD_CONNECTED].colour_at(0) == 0x00FFFF
    assert THEME[LedSignal.CLOUD_CONNECTED].colour_at(2.0) == 0
    assert THEME[LedSignal.CLOUD_CONNECTED].colour_at(1.0) == 0x007F7F


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
        assert theme[LedSignal.LISTENING_MODE] == LedStatus(0xFF0066, Pattern.BLINK, 0.4)
        assert {signal: theme[signal] for signal in LedSignal if signal is not LedSignal.LISTENING_MODE} == {
            signal: THEME[signal] for signal in LedSignal if signal is not LedSignal.LISTENING_MODE
        }

    @pytest.mark.parametrize("record", [b"", b"\x00" * 64, b"\x02" * 64])
    def test_a_record_of_another_version_is_none(self, record):
        assert stored_theme(self.settings(record), THEME) is THEME

    @given(st.binary(max_size=63))
    def test_any_record_gives_a_look_for_every_signal(self, record):
        assert set(stored_theme(self.settings(b"\x01" + record), THEME)) == set(LedSignal)

    def test_device_os_and_bootloader_show_the_stored_look(self, bench):
        board = bench.board()
        green = bytes.fromhex("0f 01 00")
        board.settings.put(DctField.LED_THEME, b"\x01" + bytes(3 * 9) + green + green + bytes(3 * 2))
        board.reset(board.reset_reason)
        bench.wait_led(board, "solid green")
        bench.hold(board, 4)
        assert board.led.describe() == "solid green"
        assert bench.usb(board) == (0x2B04, 0xD006)
