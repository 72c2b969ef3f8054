"""Flashing: what is written runs, what must not be written is refused before anything is erased, and a wrong application does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_images.build import build_module
from firmware_images.module import read_module
from harness.board import Board, Way
from harness.cloud import WifiNetwork
from harness.errors import ImageRefused, Refusal
from harness.journal import Entry
from harness.loading import load
from harness.modes import Capability, Mode, UsbState
from harness.usb.dfu import read_memory
from particle_protocol.platforms import ModuleFunction, ModuleKey, Platform, platforms


def test_an_application_is_flashed(board: Board, application: bytes | Path, application_key: ModuleKey) -> None:
    """An application is written over DFU, and the board reports it as sound."""
    board.flash(application)
    installed = {module.key: module for module in board.identify().modules}
    assert application_key in installed
    assert installed[application_key].intact


@pytest.mark.start(mode=Mode.LISTENING)
def test_an_application_is_handed_to_device_os(board: Board, application: bytes | Path, application_key: ModuleKey) -> None:
    """An application is handed to Device OS by control requests, and the board reports it as sound."""
    before = board.usb.present()
    board.flash(application, by=Way.USB)
    assert board.usb.present() != before, "it has not reset"
    assert {module.key: module for module in board.requests.modules()}[application_key].intact


@pytest.mark.start(mode=Mode.ONLINE, claimed=True)
@pytest.mark.usefixtures("account")
def test_an_application_is_sent_over_the_air(board: Board, application: bytes | Path, application_key: ModuleKey) -> None:
    """An application is sent by the cloud, the board resets, reports it as sound where it can, and is online again."""
    on_usb = Capability.USB in board.capabilities
    before = board.usb.present() if on_usb else board.cloud_session()
    board.flash(application, by=Way.OTA)
    assert (board.usb.present() if on_usb else board.cloud_session()) != before, "it has not reset"
    if on_usb:
        assert {module.key: module for module in board.requests.modules()}[application_key].intact
    board.wait_for(Mode.ONLINE)


@pytest.mark.needs(capability="power")
@pytest.mark.start(mode=Mode.LISTENING)
@pytest.mark.parametrize("by", [Way.DFU, Way.USB])
def test_flashing_goes_on_after_the_link_broke(board: Board, application: bytes | Path, application_key: ModuleKey, by: Way) -> None:
    """A board that loses its power in the middle of a write is flashed all the same, once it has it back."""
    power, cuts = board.power, list[str]()

    def cut(entry: Entry) -> None:
        if entry.share is not None and not cuts and entry.text.startswith(("writing", "handing over")):
            cuts.append(entry.text)
            power.off()
            power.on()

    with board.journal.listen(cut):
        board.flash(application, by=by)
    assert cuts, "nothing told how far it was"
    assert any(entry.text.startswith("the link broke") for entry in board.journal.entries), "the power cut went unnoticed"
    assert {module.key: module for module in board.requests.modules()}[application_key].intact


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
