"""The kind `usb:`, proved without hardware: emulated boards behind pyusb's ordinary backend and pyserial's ordinary list of ports."""

import pytest
import serial.tools.list_ports
import usb.backend.libusb1

from emulator.doors.serial_url import comports
from harness.board import By
from harness.boards import Moniker, OpenOptions, moniker_of
from harness.boards.usb import open_boards
from harness.cli.boards import survey
from harness.errors import BoardNotAvailable, CapabilityMissing, ChangesNotAllowed, ImageRefused, Refusal, Unavailable
from harness.host import RealHost
from harness.lab import board_on
from harness.modes import Mode, UsbState
from harness.rack.lab_building import read_lab
from harness.starting import Start


@pytest.fixture
def computer(open_rig, monkeypatch, tmp_path):
    """This computer, with two emulated Photons in its USB ports; their time is its time."""
    rig = open_rig("emu:photon", "emu:photon?mode=dfu")
    emulated = rig.boards[0].host
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda *_, **__: emulated.backend)
    monkeypatch.setattr(serial.tools.list_ports, "comports", lambda *_, **__: comports(emulated.usb_host))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    host = RealHost(emulated.clock)
    host.ids = [board.device_id for board in rig.boards]
    host.emulated = emulated
    return host


@pytest.fixture
def open_usb(computer):
    rigs = []

    def open_one(*monikers, **options):
        rigs.append(open_boards([Moniker.parse(text) for text in monikers], OpenOptions(**options), computer))
        return rigs[-1].boards

    yield open_one
    for rig in rigs:
        rig.close()


def test_attached_boards_are_surveyed(computer):
    first, second = survey(computer)
    assert first == {
        "moniker": f"usb:{computer.ids[0]}",
        "device_id": computer.ids[0],
        "platform": "Photon",
        "usb": "normal-mode USB",
        "usb_id": "2b04:c006",
        "port": "1-1",
        "serial_port": computer.serial_entries()[0].name,
        "trouble": None,
    }
    assert (second["device_id"], second["usb"], second["serial_port"]) == (computer.ids[1], "DFU-mode USB", None)


def test_a_board_is_opened_by_its_device_id(computer, open_usb):
    (board,) = open_usb(f"usb:{computer.ids[0]}")
    assert board.identify().device_id == computer.ids[0]
    assert board.mode() is Mode.LISTENING


def test_a_board_is_opened_by_its_port(computer, open_usb):
    (board,) = open_usb("usb:1-2")
    assert board.device_id == computer.ids[1]
    assert board.mode() is Mode.DFU


def test_modes_change_over_ordinary_pyusb_and_pyserial(computer, open_usb):
    (board,) = open_usb("usb:1-1")
    board.enter_dfu(By.BAUDRATE)
    board.leave_dfu()
    board.wait_for(Mode.LISTENING)
    board.reset()
    board.wait_for(Mode.LISTENING)
    assert board.console.identify().device_id == computer.ids[0]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_real_board_is_flashed_only_when_allowed(computer, open_usb, as_real, allowed):
    image = as_real(board_on(computer.emulated, "1-1").releases.application())
    (board,) = open_usb("usb:1-2", allow_changes=allowed)
    if not allowed:
        with pytest.raises(ChangesNotAllowed, match=r"refused to flash it.*--allow-changes"):
            board.flash(image)
        assert board.usb.state() is UsbState.DFU
        return
    board.flash(image)
    assert board.usb.state() is UsbState.NORMAL


@pytest.mark.parametrize("verb", ["flash", "update_device_os"])
def test_a_stand_in_is_written_to_no_board_on_usb(computer, open_usb, verb):
    """Not even to one that would take it: nobody can tell on USB who made a board."""
    releases = board_on(computer.emulated, "1-1").releases
    files = [releases.application()] if verb == "flash" else releases.device_os("2.2.0")
    (board,) = open_usb("usb:1-1", allow_changes=True)
    for image in files:
        with pytest.raises(ImageRefused, match=r"usb.*emulated boards only; nothing was erased|port 1-1.*emulated boards only") as caught:
            board.flash(image) if verb == "flash" else board.update_device_os([image])
        assert caught.value.reason is Refusal.STAND_IN
    assert board.usb.state() is UsbState.NORMAL


def test_a_board_on_usb_starts_with_files_of_ones_own(computer, open_usb, as_real, tmp_path):
    for number, module in enumerate(board_on(computer.emulated, "1-1").releases.device_os("3.3.1")):
        (tmp_path / f"{number}.bin").write_bytes(as_real(module))
    (board,) = open_usb("usb:1-1", allow_changes=True, device_os=(str(tmp_path),))
    Start(os="3.3.1").bring(board, None)
    assert board.os_version() == "3.3.1"


def test_a_leased_board_is_refused_to_others(computer, open_usb):
    open_usb("usb:1-1")
    with pytest.raises(BoardNotAvailable, match="another particle-hil run uses it") as caught:
        open_usb("usb:1-1")
    assert caught.value.reason is Unavailable.BUSY


def test_buttons_are_missing(computer, open_usb):
    (board,) = open_usb("usb:1-1")
    with pytest.raises(CapabilityMissing, match="buttons"):
        board.enter_listening(By.BUTTON)


def opened_by_lab(computer, tmp_path, text):
    (tmp_path / "lab.toml").write_text(text)
    lab = read_lab(tmp_path / "lab.toml")
    return open_boards([moniker_of(board.name, lab) for board in lab.boards], OpenOptions(lab=lab), computer)


def test_a_board_of_a_lab_file_is_the_one_in_its_port(computer, tmp_path):
    rig = opened_by_lab(computer, tmp_path, "[[board]]\nname = 'left'\nhub = '1'\nport = 2\n")
    assert [(board.moniker, board.device_id) for board in rig.boards] == [("left", computer.ids[1])]
    rig.close()


def test_a_board_that_is_not_where_the_lab_file_says_is_refused_with_line_and_remedy(computer, tmp_path):
    board = f"[[board]]\nname = 'left'\nmoniker = 'usb:{computer.ids[0]}'\nhub = '1'\nport = 2\n"
    with pytest.raises(
        BoardNotAvailable, match=r"lab\.toml:1: .* at USB port 1-2; seen: it is at 1-1\. Plug it in there, or mend hub and port"
    ):
        opened_by_lab(computer, tmp_path, board)


def test_a_hub_that_is_missing_is_told(computer, tmp_path):
    board = "[[board]]\nname = 'left'\nhub = '1-4.1'\nport = 2\n"
    with pytest.raises(
        BoardNotAvailable, match=r"lab\.toml:1: .*left \(usb:1-4\.1\.2\); .*and no hub at 1-4\.1\. Check the hub's power and its cable"
    ):
        opened_by_lab(computer, tmp_path, board)
