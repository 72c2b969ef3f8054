"""Unmodified particle-cli believes the emulated Photon on USB."""

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec

pytestmark = [
    pytest.mark.tool("particle-cli"),
    pytest.mark.slow("starts particle-cli a dozen times, which takes a minute"),
]


@pytest.fixture
def board(lab, usb):
    made = lab.add_board(BoardSpec(os="2.3.1"))
    usb.plug_in("1-1", made.plug)
    lab.driver.wait(lambda: made.led.describe() == "blinking dark blue", [made.changed], timeout=20, awaited="listening mode")
    return made


def test_it_lists_and_identifies_the_board(cli, board):
    assert f"[{board.device_id}] (Photon, LISTENING)" in cli("usb", "list")
    said = cli("identify")
    assert f"Your device id is {board.device_id}" in said
    assert "Your system firmware version is 2.3.1" in said


def test_it_reads_the_modules(cli, board):
    said = cli("serial", "inspect")
    assert "System part module #2 - version 2302" in said
    assert "User part module #1 - version 6" in said
    assert "FAIL" not in said


def test_what_a_photon_does_not_support_it_says_so(cli, board):
    assert "Not supported" in cli("serial", "mac", status=1)
    assert "Done" in cli("usb", "setup-done", board.device_id)


def test_it_flashes_tinker_over_dfu(cli, board, lab):
    cli("usb", "dfu", board.device_id)
    assert f"[{board.device_id}] (Photon, DFU)" in cli("usb", "list")
    assert "Flash success!" in cli("flash", "--local", "tinker")
    assert board.firmware is None or board.flashes["internal"].read(0x080A0000, 4) == (0x080A0000).to_bytes(4, "little")
    lab.driver.wait(lambda: board.led.describe() == "blinking dark blue", [board.changed], timeout=20, awaited="listening mode")
    assert type(board.firmware.application).__name__ == "Tinker"
    assert board.firmware.modules.modules[-1].prefix.version == 3


def test_listening_mode_begins_and_ends(cli, lab, usb):
    board = lab.add_board(BoardSpec(os="2.3.1", networks=[StoredNetwork("lab", 3, "secret123")]))
    usb.plug_in("1-1", board.plug)
    lab.driver.wait(lambda: board.led.describe() == "breathing cyan", [board.changed], timeout=20, awaited="breathing cyan")
    cli("usb", "start-listening", board.device_id)
    assert board.led.describe() == "blinking dark blue"
    cli("usb", "stop-listening", board.device_id)
    lab.driver.wait(lambda: board.led.describe() == "breathing cyan", [board.changed], timeout=20, awaited="breathing cyan")
    assert "connected" in cli("usb", "cloud-status", board.device_id)
