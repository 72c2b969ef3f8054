"""What messages say, and how modes are named."""

import importlib
import inspect
import pkgutil

import pytest

import harness
from harness.board import By
from harness.errors import (
    Blame,
    BoardLabel,
    BoardNotAvailable,
    ChangesNotAllowed,
    CloudRefused,
    ImageRefused,
    NotReached,
    Refusal,
    Unavailable,
    hides,
)
from harness.modes import SIGNS, Mode, UsbState
from harness.witness import Sighting, diagnose

LABEL = BoardLabel("0123456789abcdef01234567", "1-4.2", "Photon")


def test_an_error_names_the_board_what_was_awaited_what_was_seen_and_the_remedy():
    error = NotReached("listening mode", 30, seen="DFU-mode USB", board=LABEL, remedy="Leave DFU mode first")
    assert str(error) == (
        "Photon 0123456789abcdef01234567 at USB port 1-4.2: waited for listening mode, but not within 30 s; "
        "seen: DFU-mode USB. Leave DFU mode first"
    )


def test_a_stalled_wait_says_that_nothing_more_can_happen():
    assert "but nothing more can happen" in str(NotReached("a mode", 30, seen="", stalled=True))
    assert "seen: nothing" in str(NotReached("a mode", 30, seen=""))


@pytest.mark.parametrize(
    ("error", "blame"),
    [
        (BoardNotAvailable(Unavailable.UNPLUGGED), Blame.RACK),
        (BoardNotAvailable(Unavailable.AMBIGUOUS), Blame.RACK),
        (BoardNotAvailable(Unavailable.BAD_MONIKER), Blame.REQUEST),
        (ChangesNotAllowed("flash it"), Blame.REQUEST),
        (ImageRefused(Refusal.BAD_CHECKSUM, "a.bin"), Blame.REQUEST),
        (CloudRefused("GET /", 500, "oops"), Blame.CLOUD),
        (NotReached("a mode", 1, seen="nothing"), Blame.BOARD),
        (NotReached("an event", 1, seen="nothing", blame=Blame.CLOUD), Blame.CLOUD),
    ],
)
def test_every_error_knows_who_is_to_blame(error, blame):
    assert error.blame is blame


def test_a_refused_image_says_that_nothing_was_erased():
    assert str(ImageRefused(Refusal.WRONG_PLATFORM, "a.bin")) == "a.bin: made for another platform; nothing was erased"


@pytest.mark.parametrize(
    ("text", "mode"), [("dfu", Mode.DFU), ("DFU mode", Mode.DFU), ("Safe mode", Mode.SAFE), ("connecting-cloud", Mode.CONNECTING_CLOUD)]
)
def test_modes_are_read_by_name_or_words(text, mode):
    assert Mode(text) is mode


def test_an_unknown_mode_is_refused_with_the_list():
    with pytest.raises(ValueError, match="there is no mode 'sleeping'; there are: off, dfu, listening"):
        Mode("sleeping")


def test_every_mode_has_signs():
    assert set(SIGNS) == set(Mode)


@pytest.mark.parametrize(
    ("make", "listed"),
    [
        (lambda: Mode("sleeping"), "off, dfu, listening, safe, connecting_network, connecting_cloud, online, offline, running"),
        (lambda: Mode(7), "there is no mode 7; there are: off, dfu"),
        (lambda: By("magic"), "request, button, baudrate"),
    ],
)
def test_a_value_that_a_registry_has_not_is_refused_with_those_it_has(make, listed):
    with pytest.raises(ValueError, match=listed):
        make()


def test_every_module_of_the_harness_hides_its_frames():
    without = [
        module.name
        for module in pkgutil.walk_packages(harness.__path__, "harness.")
        if not module.name.startswith(("harness.suite", "harness.cli"))
        and any(code in inspect.getsource(importlib.import_module(module.name)) for code in ("raise ", "wait_until("))
        and module.name not in ("harness.errors", "harness.modes", "harness.pytest_plugin.settings")
        and getattr(importlib.import_module(module.name), "__tracebackhide__", None) is not hides
    ]
    assert without == []


def test_a_board_that_signals_sos_has_crashed():
    blame, remedy = diagnose(Mode.ONLINE, Sighting(usb=UsbState.ABSENT, led="SOS and 7 flashes of red"))
    assert (blame, "crashed" in remedy) == (Blame.BOARD, True)


@pytest.mark.parametrize("moniker", ["emu:photon", "emu:electron?sim_state=active"])
def test_mode_and_led_never_disagree(open_rig, moniker):
    rig = open_rig(moniker)
    board = rig.boards[0]
    buttons = board.buttons
    named = {each: mode for mode, signs in SIGNS.items() if signs.led is not None and len(signs.led) == 1 for each in signs.led}
    steps = [
        lambda: None,
        buttons.press_mode,
        buttons.press_reset,
        buttons.release_reset,
        lambda: None,
        buttons.release_mode,
        buttons.press_mode,
        buttons.release_mode,
        buttons.press_reset,
        buttons.release_reset,
    ]
    seen = set()
    for step in steps:
        step()
        for _ in range(25):
            board.host.clock.sleep(0.17)
            mode, shown = board.mode(), board.led.describe()
            signs = SIGNS[mode]
            assert signs.led is None or shown in signs.led, (mode, shown)
            if shown in named and shown not in ("blinking green", "blinking yellow"):
                assert mode in (named[shown], Mode.OFFLINE), (mode, shown)
            seen.add(mode)
    assert {Mode.DFU, Mode.LISTENING, Mode.OFF} <= seen


@pytest.mark.parametrize("led", ["blinking orange", "blinking cyan", "fast blinking cyan", "breathing green"])
def test_a_board_that_finds_no_way_to_its_cloud_is_known_by_its_orange_between_two_tries(led):
    seen = Sighting(usb=UsbState.NORMAL, led=led)
    assert diagnose(Mode.ONLINE, seen, ["breathing green", "blinking orange", "blinking cyan"])[0] is Blame.NETWORK
    assert diagnose(Mode.ONLINE, Sighting(usb=UsbState.NORMAL, led="blinking cyan"), ["breathing green"])[0] is Blame.CLOUD
