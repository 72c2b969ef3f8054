"""Who a board is: over USB, by control requests, on its serial console."""

from __future__ import annotations

import pytest

from harness.board import Board
from harness.host import wait_until
from harness.modes import Mode, UsbState
from particle_protocol.platforms import Feature


def test_board_tells_who_it_is(board: Board) -> None:
    """It tells who it is over USB."""
    identity = board.identify()
    assert identity.device_id == board.device_id
    assert identity.platform == board.platform.display_name
    assert identity.usb_port == board.port


@pytest.mark.start(mode=Mode.LISTENING)
def test_running_board_tells_its_modules(board: Board) -> None:
    """While Device OS runs, it also tells its version, its modules and its serial port."""
    identity = board.identify()
    assert identity.usb is UsbState.NORMAL
    assert identity.os_version, "the board does not tell its Device OS version"
    assert identity.modules, "the board lists no modules"
    assert all(module.intact for module in identity.modules), [str(module) for module in identity.modules]
    assert (
        identity.serial_port
        == wait_until(board.host, board.usb.serial_entry, timeout=10, awaited="a serial port", seen=board.usb.describe).name
    )


@pytest.mark.start(mode=Mode.DFU)
def test_board_in_dfu_mode_keeps_its_serial_number(board: Board) -> None:
    """In DFU mode it has another USB identity, the same serial number, and no serial port."""
    identity = board.identify()
    assert identity.usb is UsbState.DFU
    assert identity.device_id == board.device_id
    assert identity.os_version is None


@pytest.mark.start(mode=Mode.LISTENING)
def test_serial_console_agrees_with_usb(board: Board) -> None:
    """Its serial console names the same device id and Device OS version, and the MAC address of a board that has Wi-Fi."""
    assert board.console.identify().device_id == board.device_id
    assert board.console.version() == board.os_version()
    octets = board.mac().split(":")
    assert len(octets) == 6
    has_address = any(octet != "00" for octet in octets)
    assert has_address is board.platform.has(Feature.WIFI), "zeros stand for the MAC address of a board without Wi-Fi, and of no other"
