"""Bundles by unmodified particle-cli: made by it, flashed by it over USB, and what it then tells of the board."""

import pytest

from emulator.board_spec import BoardSpec
from emulator.factory import user_part
from firmware_images.bundle import read_bundle
from particle_protocol.dct import DctField
from particle_protocol.platforms import platform_by_name

pytestmark = [
    pytest.mark.tool("particle-cli"),
    pytest.mark.slow("starts particle-cli a few times, which takes a quarter of a minute"),
]
FILES = {"beep.txt": b"beep " * 200, "buzz.txt": b"buzz " * 200}


@pytest.fixture
def board(lab, usb):
    made = lab.add_board(BoardSpec(platform="boron", os="6.2.0"))
    made.settings.put(DctField.SETUP_DONE, b"\x01")
    usb.plug_in("1-1", made.plug)
    lab.driver.sleep(1)
    return made


@pytest.fixture
def bundle(cli, tmp_path):
    """A bundle as particle-cli makes it."""
    (tmp_path / "app.bin").write_bytes(user_part(platform_by_name("boron"), "6.2.0"))
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (tmp_path / "project.properties").write_text("name=player\nassetOtaDir=files\n")
    cli("bundle", str(tmp_path / "app.bin"), "--assets", str(folder), "--saveTo", str(tmp_path / "made.zip"), folder=tmp_path)
    return tmp_path / "made.zip"


@pytest.mark.usefixtures("api")
def test_a_bundle_is_made_flashed_and_told(cli, lab, board, bundle):
    assert read_bundle(bundle.read_bytes()).assets == FILES
    said = cli("flash", "--local", board.device_id, str(bundle))
    assert "success" in said.lower(), said
    lab.driver.sleep(3)
    assert not board.firmware.safe_mode
    assert sorted(asset.name for asset in board.firmware.assets.available) == list(FILES)
