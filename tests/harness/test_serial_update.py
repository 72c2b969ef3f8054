"""Updating a board over its serial console, from the host."""

import pytest

from emulator.factory import user_part
from firmware_images.edit import Changes, edit_module
from firmware_images.module import read_module
from harness.errors import ConversationFailed, ImageRefused
from harness.modes import Mode
from particle_protocol.listening import send_update
from particle_protocol.platforms import ModuleFunction, ModuleKey, platform_by_name

PHOTON = platform_by_name("photon")
USER_PART = ModuleKey(ModuleFunction.USER_PART, 1)


@pytest.fixture
def board(open_rig):
    return open_rig("emu:photon").boards[0]


def user_version(board):
    return next(module.version for module in board.requests.modules() if module.key == USER_PART)


def test_a_module_goes_over_the_serial_console(board, tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(edit_module(read_module(user_part(PHOTON, "2.3.1", body=b"\x5a" * 3000)), Changes(version=77)))
    image = board.console.update(path)
    assert (image.name, image.data) == ("app.bin", path.read_bytes())
    board.wait_for(Mode.LISTENING)
    assert user_version(board) == 77
    assert "sent user part 1 version 77 (app.bin" in str(board.journal)


def test_what_is_no_firmware_for_the_board_is_not_even_sent(board):
    with pytest.raises(ImageRefused):
        board.console.update(user_part(platform_by_name("p1"), "2.3.1"))
    assert "YModem" not in str(board.journal)


def test_what_the_board_says_of_a_file_that_it_does_not_take_is_in_the_error(board):
    before = user_version(board)
    with pytest.raises(ConversationFailed, match="higher than the allowed space"):
        board.console.run(send_update("large.bin", bytes(0x80000)))
    with pytest.raises(ConversationFailed, match="Validation failed: 0x1e"):
        board.console.run(send_update("text.bin", b"no module"))
    assert board.mode() is Mode.LISTENING
    assert user_version(board) == before
