"""Flashing: what is written runs, what must not be written is refused before anything is erased, and a wrong application does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_images.build import build_module
from firmware_images.module import read_module
from harness.board import Board
from harness.cloud import WifiNetwork
from harness.errors import ImageRefused, Refusal
from harness.flashing import load
from harness.modes import Mode, UsbState
from harness.usb.dfu import read_memory
from particle_protocol.platforms import ModuleFunction, ModuleKey, Platform, platforms


def test_an_application_is_flashed(board: Board, application: bytes | Path, application_key: ModuleKey) -> None:
    """An application is written over DFU, and the board reports it as sound."""
    board.flash(application)
    installed = {module.key: module for module in board.identify().modules}
    assert application_key in installed
    assert installed[application_key].intact


@pytest.mark.start(mode=Mode.DFU)
def test_what_was_written_is_read_back(board: Board, application: bytes | Path) -> None:
    """What was written over DFU is what is read back."""
    _, data = load(application)
    board.flash(application, leave=False)
    assert read_memory(board.usb, read_module(data).prefix.start_address, len(data)) == data


def _another(board: Board) -> Platform:
    """A platform that is not the board's and has a place for the same application."""
    key = ModuleKey(ModuleFunction.USER_PART, 1)
    return next(each for each in platforms() if each != board.platform and any(slot.key == key for slot in each.memory().modules))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("cut short", Refusal.NOT_A_MODULE),
        ("one bit changed", Refusal.BAD_CHECKSUM),
        ("another platform's", Refusal.WRONG_PLATFORM),
        ("no module", Refusal.NOT_A_MODULE),
    ],
)
def test_a_bad_image_is_refused(board: Board, damage: str, reason: Refusal) -> None:
    """A bad image is refused before anything is erased; the board does not even leave its mode."""
    before = board.usb.present()
    good = build_module(board.platform.id, ModuleFunction.USER_PART, 1, 6, body=bytes(64))
    bad = {
        "cut short": good[:-20],
        "one bit changed": good[:40] + bytes((good[40] ^ 1,)) + good[41:],
        "another platform's": build_module(_another(board).id, ModuleFunction.USER_PART, 1, 6, body=bytes(64)),
        "no module": b"\x5a" * 4096,
    }[damage]
    with pytest.raises(ImageRefused) as caught:
        board.flash(bad)
    assert caught.value.reason is reason
    assert board.device_id in str(caught.value)
    assert board.usb.present() == before


def test_a_bootloader_is_not_written_over_dfu(board: Board) -> None:
    """A bootloader is refused for DFU: it would leave the board without one."""
    with pytest.raises(ImageRefused):
        board.flash(build_module(board.platform.id, ModuleFunction.BOOTLOADER, version=1, body=bytes(64)), by="dfu")


@pytest.mark.usefixtures("application_restored")
@pytest.mark.start(mode=Mode.LISTENING)
def test_unmet_dependency_means_safe_mode(
    board: Board, network: WifiNetwork | None, unmet_application: bytes, application_key: ModuleKey
) -> None:
    """An application whose dependency is not met puts the board into safe mode, where it can be helped."""
    board.network.join(network)
    board.flash(unmet_application)
    assert board.requests.unmet_dependency() == str(application_key)
    board.wait_for(Mode.SAFE)


@pytest.mark.start(mode=Mode.LISTENING)
def test_a_board_in_safe_mode_is_helped(
    board: Board, network: WifiNetwork | None, unmet_application: bytes, application: bytes | Path
) -> None:
    """A sound application brings it out of safe mode again."""
    board.network.join(network)
    board.flash(unmet_application)
    board.flash(application)
    assert board.requests.unmet_dependency() == ""
    assert board.usb.state() is UsbState.NORMAL
