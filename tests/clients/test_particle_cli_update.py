"""`particle update` of unmodified particle-cli: what the cloud holds is installed, and nothing else is."""

import pytest

from emulator.board_spec import BoardSpec
from firmware_images.module import read_module
from harness.device_os import stock
from harness.firmware_store import FirmwareUnavailable, Reason, release

pytestmark = [
    pytest.mark.tool("particle-cli"),
    pytest.mark.slow("starts particle-cli a few times, which takes a quarter of a minute"),
]


@pytest.fixture
def board(lab, usb):
    made = lab.add_board(BoardSpec(os="2.1.0"))
    usb.plug_in("1-1", made.plug)
    settle(lab, made)
    return made


def settle(lab, board):
    lab.driver.wait(lambda: board.led.describe() == "blinking dark blue", [board.changed], timeout=20, awaited="listening mode")


def installed(board):
    return {(module.prefix.function.letter, module.prefix.index): module.prefix.version for module in board.firmware.modules.modules}


@pytest.mark.usefixtures("api")
def test_a_cloud_that_holds_nothing_updates_nothing(cli, lab, board):
    lab.stock_built_releases()
    before = installed(board)
    for wanted in ((), ("--target", "2.3.1")):
        said = cli("update", board.device_id, *wanted, status=1)
        assert f"Device OS {wanted[1] if wanted else 'latest'} not found" in said
        assert "success" not in said
    assert (installed(board), board.led.describe()) == (before, "blinking dark blue")


@pytest.mark.usefixtures("api")
def test_what_was_fetched_is_installed_and_the_newest_is_the_latest(cli, lab, board):
    try:
        files = [path for version in ("2.2.0", "2.3.1") for path in release("photon", version).files]
    except FirmwareUnavailable as failure:
        if failure.reason in (Reason.NO_NPM, Reason.NO_NETWORK):
            pytest.skip(str(failure))
        raise
    for image in stock(map(str, files)).images:
        lab.driver.call(lab.cloud.library.add, image)
    said = cli("update", board.device_id, "--target", "2.3.0", status=1)
    assert "Device OS 2.3.0 not found" in said
    assert "Update success!" in cli("update", board.device_id)
    settle(lab, board)
    lab.driver.sleep(3)
    assert (board.firmware.version, board.firmware.safe_mode) == ("2.3.1", False)
    versions = {(each.function.letter, each.index): each.version for each in (read_module(path.read_bytes()).prefix for path in files[3:])}
    assert versions.items() <= installed(board).items()
