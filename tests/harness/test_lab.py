"""`Lab`: boards and what is around them, for a script."""

import pytest

from harness.errors import BoardNotAvailable, CapabilityMissing, ChangesNotAllowed, CloudRefused, HarnessError
from harness.kit import Lab, Product
from harness.modes import Mode
from harness.rack.lab_errors import LabFileWrong


def test_a_script_has_a_board_claimed_and_in_a_product():
    with Lab("emu:photon", seed=7) as lab:
        board, account = lab.board, lab.account
        board.set_wifi(lab.wifi.ssid, lab.wifi.password)
        board.wait_for(Mode.ONLINE)
        account.claim(board.device_id)
        product = Product.create(account, "lamp", "photon")
        product.add_devices(board.device_id)
        began = lab.clock.now()
        with lab.faults(outage="network"):
            board.wait_for(Mode.CONNECTING_NETWORK)
        board.wait_for(Mode.ONLINE)
        assert lab.clock.now() > began
        assert lab.network.access_point().on_air
        assert board.account is account, "it is a witness"
    lab.close()


def test_several_boards_are_had_by_name():
    with Lab("emu:photon*2", "emu:boron") as lab:
        assert [board.moniker for board in lab.boards] == ["emu:photon", "emu:photon", "emu:boron"]
        assert lab["emu:photon#2"] is lab.boards[1]
        assert lab[lab.boards[2].device_id.upper()] is lab["emu:boron"]
        with pytest.raises(HarnessError, match=r"there are 3 boards; name one: .*: emu:photon, emu:photon#2, emu:boron"):
            _ = lab.board
        with pytest.raises(HarnessError, match="there is no board 'lamp'; there are: emu:photon"):
            lab["lamp"]


def test_boards_are_made_later_too():
    with Lab("emu:photon") as lab:
        account = lab.account
        lamp = lab.add("emu:boron?mode=online&claimed=1")
        assert (lamp.mode(), lab["emu:boron?mode=online&claimed=1"], lamp.account) == (Mode.ONLINE, lamp, account)
        assert lab.add("emu:photon") is lab["emu:photon#2"]
        assert account.ping(lamp.device_id)
        assert lab.boards[1:] == [lamp, lab["emu:photon#2"]]
        for moniker, said in (
            ("emu:toaster", "toaster"),
            ("emu:photon?mood=dfu", "has the option 'mood'"),
            ("emu:photon?id=" + lamp.device_id, "there is a board .* already"),
            ("usb:1-1", "boards are made only where emulated ones are"),
            ("photon", "has no kind"),
        ):
            with pytest.raises(HarnessError, match=said):
                lab.add(moniker)
        assert len(lab.boards) == 3


def test_a_lab_file_is_taken_with_its_faults(tmp_path):
    (tmp_path / "lab.toml").write_text(
        "[[board]]\nname = 'lamp'\nmoniker = 'emu:photon?mode=online'\n[account.qa]\nuser = 'qa@example.com'\n[faults]\ncloud_error = 502\n"
    )
    with Lab(file=tmp_path / "lab.toml") as lab:
        assert lab["lamp"] is lab.board
        assert lab.account.username == "qa@example.com"
        with pytest.raises(CloudRefused, match="502"):
            lab.account.devices()


@pytest.mark.parametrize(
    ("boards", "more", "error", "said"),
    [
        ((), {}, HarnessError, "name a board, such as Lab"),
        (("emu:toaster",), {}, BoardNotAvailable, "toaster"),
        (("photon",), {}, BoardNotAvailable, "has no kind"),
        ((), {"file": "nowhere.toml"}, LabFileWrong, "there is no such file"),
        (("emu:photon",), {"cloud": "http://127.0.0.1:9"}, BoardNotAvailable, "emulated boards have a cloud of their own"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(boards, more, error, said):
    with pytest.raises(error, match=said):
        Lab(*boards, **more)


def test_a_real_board_without_cloud_or_network_lacks_them(open_rig, monkeypatch):
    """What `usb:` opens, on an emulated board's USB."""
    from harness.board import Board
    from harness.boards import Rig

    rig = open_rig("emu:photon")
    there = rig.boards[0]
    real = Board(there.host, there.platform, there.device_id, moniker="usb:1-1", port=there.port)
    monkeypatch.setattr("harness.kit.lab.open_boards", lambda monikers, options: [Rig([real])])
    with Lab("usb:1-1") as lab:
        for ask in (lambda: lab.account, lambda: lab.cloud, lambda: lab.wifi, lab.network.cell):
            with pytest.raises(CapabilityMissing):
                ask()
        with pytest.raises(CapabilityMissing, match="run it on emu: boards"), lab.faults(loss=0.1):
            pytest.fail("it has begun")
        with pytest.raises(ChangesNotAllowed), lab.faults(wrong_server_key=True):
            pytest.fail("it has begun")
    with Lab("usb:1-1", wifi="shop:its password") as lab:
        assert (lab.wifi.ssid, lab.wifi.password) == ("shop", "its password")
