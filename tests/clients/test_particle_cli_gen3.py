"""Unmodified particle-cli takes an Argon and a Boron out of the box: listed, identified, updated, flashed, online, claimed, set up."""

import json

import httpx
import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.device_os.startup import SETUP_DONE, SETUP_NOT_DONE
from firmware_images.fields import ModuleFunction
from particle_protocol.dct import DctField

pytestmark = [
    pytest.mark.tool("particle-cli"),
    pytest.mark.slow("starts particle-cli thirty times, which takes more than a minute"),
]
ME = {"username": "me@example.com", "password": "secret"}


@pytest.fixture
def account(api):
    """The REST client of somebody who has signed up."""
    httpx.post(f"{api.url}/v1/users", json=ME)
    form = {**ME, "grant_type": "password", "client_id": "particle", "client_secret": "particle"}
    token = httpx.post(f"{api.url}/oauth/token", data=form).json()["access_token"]
    with httpx.Client(base_url=api.url, headers={"Authorization": f"Bearer {token}"}) as made:
        yield made


@pytest.fixture
def shows(lab):
    """Waits until a board shows something, with that version of its bootloader if one is named."""

    def wait(board, led, bootloader=None):
        def ready():
            found = getattr(board.firmware, "modules", None)
            module = None if found is None else found.find(ModuleFunction.BOOTLOADER, 0)
            return board.led.describe() == led and bootloader in (None, None if module is None else module.prefix.version)

        lab.driver.wait(ready, [board.changed], timeout=60, awaited=f"a board that shows {led}", seen=board.led.describe)

    return wait


@pytest.mark.rule("R34", "R42")
@pytest.mark.parametrize("platform", ["argon", "boron"])
def test_a_board_out_of_its_box_is_taken_through_the_whole_sequence(cli, lab, usb, account, shows, tmp_path, platform):
    lab.stock_built_releases()
    lab.cloud.library.hands_out_stand_ins = True
    board = lab.add_board(BoardSpec(platform=platform, os="2.1.0"))
    usb.plug_in("1-1", board.plug)
    shows(board, "blinking dark blue")
    assert f"[{board.device_id}] ({platform.title()}, LISTENING)" in cli("usb", "list")
    said = cli("identify")
    assert f"Your device id is {board.device_id}" in said
    assert "Your system firmware version is 2.1.0" in said
    if platform == "boron":
        assert f"Your ICCID is {board.sim}" in said
    cli("usb", "dfu", board.device_id)
    shows(board, "blinking yellow")
    cli("login", "--username", ME["username"], "--password", ME["password"])
    assert "Update success!" in cli("update", board.device_id, "--target", "3.3.1")
    shows(board, "blinking dark blue", bootloader=1100)
    assert (board.firmware.version, board.firmware.safe_mode) == ("3.3.1", False)
    if platform == "argon":
        assert "Flash success!" in cli("flash", "--local", "tinker")
        shows(board, "blinking dark blue")
        file = tmp_path / "wifi.json"
        file.write_text(json.dumps({"network": "lab", "security": "WPA2_AES", "password": "secret123"}))
        assert "Done! Your device should now restart." in cli("serial", "wifi", "--file", str(file))
    else:
        assert account.put(f"/v1/sims/{board.sim}", json={"action": "activate"}).status_code == 202
        cli("usb", "stop-listening", board.device_id)
    shows(board, "breathing cyan")
    assert "Successfully claimed device" in cli("device", "add", board.device_id)
    assert "Successfully renamed device" in cli("device", "rename", board.device_id, "lamp")
    assert board.settings.get(DctField.SETUP_DONE) == SETUP_NOT_DONE
    assert "Done." in cli("usb", "setup-done", board.device_id)
    assert board.settings.get(DctField.SETUP_DONE) == SETUP_DONE
    mine = account.get("/v1/devices/lamp").json()
    assert (mine["id"], mine["online"], mine["owner"]) == (board.device_id, True, ME["username"])
    assert account.post("/v1/devices/lamp/digitalwrite", json={"arg": "D7 HIGH"}).json()["return_value"] == 1


@pytest.mark.parametrize("platform", ["argon", "boron"])
def test_a_board_of_device_os_6_tells_of_its_network_and_does_not_give_its_mark_back(cli, lab, usb, shows, platform):
    board = lab.add_board(BoardSpec(platform=platform, os="6.2.0", networks=[StoredNetwork("lab", 3, "secret123")]))
    usb.plug_in("1-1", board.plug)
    shows(board, {"argon": "breathing cyan", "boron": "blinking green"}[platform])
    said = cli("usb", "network-interfaces", board.device_id)
    assert {"argon": "wl3(WIFI)", "boron": "pp3(PPP)"}[platform] in said
    if platform == "argon":
        assert f"Your device MAC address is {board.identity.mac.hex(':')}" in cli("serial", "mac")
    assert "Not supported" in cli("usb", "setup-done", "--reset", board.device_id, status=1)
