"""The LED shows the strongest of the statuses that firmware started, and remembers what it showed."""

import pytest

from emulator.board.status_led import OFF, LedService, LedSignal, LedStatus, Pattern, Priority, StatusLed
from emulator.hardware import hardware_of

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
