"""The kind `emu:`: starting states by moniker."""

import pytest

from firmware_images.module import read_module
from harness.boards.emu import foreign_server
from harness.errors import BoardNotAvailable, NotReached, Unavailable
from harness.loading import load
from harness.modes import Mode
from harness.starting import Start
from particle_protocol.functions import ModuleFunction

ID = "0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("moniker", "mode"),
    [
        ("emu:photon", Mode.LISTENING),
        ("emu:photon?mode=dfu", Mode.DFU),
        ("emu:photon?mode=listening", Mode.LISTENING),
        ("emu:photon?mode=off", Mode.OFF),
    ],
)
def test_the_starting_mode_is_that_of_the_moniker(open_rig, moniker, mode):
    assert open_rig(moniker).boards[0].mode() is mode


def test_the_device_os_version_and_the_device_id_are_those_of_the_moniker(open_rig):
    board = open_rig(f"emu:photon?os=2.1.0&id={ID}").boards[0]
    assert board.device_id == ID
    assert board.os_version() == "2.1.0"


def test_boards_of_a_run_share_one_lab_in_their_order(open_rig):
    first, second = open_rig("emu:photon?mode=dfu", "emu:photon").boards
    assert (first.mode(), second.mode()) == (Mode.DFU, Mode.LISTENING)
    assert first.host is second.host
    assert first.device_id != second.device_id


def test_the_seed_decides_what_is_drawn(open_rig):
    ids = [open_rig("emu:photon", seed=seed).boards[0].device_id for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("moniker", ["emu:photon", "emu:photon?mode=dfu"])
def test_a_snapshot_brings_the_board_back(open_rig, moniker):
    rig = open_rig(moniker)
    board = rig.boards[0]
    first = board.mode()
    state = rig.snapshot()
    board.flash(board.releases.application())
    board.wait_for(Mode.LISTENING)
    board.set_wifi("elsewhere", "secret too long")
    rig.restore(state)
    assert board.mode() is first
    assert board.host.boards["1-1"].networks.all == ()


@pytest.mark.parametrize(
    ("moniker", "text"),
    [
        ("emu:toaster", "toaster"),
        ("emu:xenon", "emu:xenon: Xenon cannot be emulated; these can: argon, boron"),
        ("emu:photon?mode=asleep", "there is no mode 'asleep'"),
        ("emu:photon?os=latest", "latest"),
        ("emu:photon?claimed=yes", "claimed=yes"),
        (
            "emu:photon?colour=red",
            "the option 'colour'. There are: application, bootloader, claimed, ethernet, firmware, iccid, id, mode, ncp, os, ",
        ),
        ("emu:photon?id=123", "24 hexadecimal digits"),
        ("emu:photon?sim_state=active", "Photon takes no SIM"),
        ("emu:photon?sim=4ff", "Photon takes no SIM: it has no cellular modem"),
        ("emu:photon?iccid=8934076500002589174", "Photon takes no SIM"),
        ("emu:photon?sku=BRN404X", "SKU BRN404X is for the Boron, not the Photon; of that none is known: leave it out"),
        ("emu:boron?sku=E260KIT", "SKU E260KIT is for the Electron, not the Boron; of that there are: BRN404X"),
        ("emu:boron?sku=BRN999", "no SKU is called 'BRN999'; alike are BRN404X"),
        ("emu:boron?sku=photon", "no SKU is called 'photon'; of the Boron there are: BRN404X"),
        ("emu:electron?sku=E404KIT&sim=4ff", "SKU E404KIT has a place for MFF2 SIMs only, and none for 4FF"),
        ("emu:electron?sku=E260KIT&sim=mff2", "SKU E260KIT has a place for 4FF SIMs only, and none for MFF2"),
        ("emu:photon?protocol=udp", "Photon speaks TCP to its cloud, and cannot be told to speak UDP"),
        ("emu:electron?protocol=quic", "protocol=quic; there are: tcp, udp"),
        ("emu:photon?os=5.0.0", "Device OS 5.0.0 was never released for the Photon; there are: 0.4.0, "),
        ("emu:boron?sim_state=on", "sim_state=on; there are: inactive, active, deactivated, data-limit, unpaid"),
        ("emu:boron?sim=none&sim_state=active", "sim_state=active is about a SIM, and sim=none leaves it out"),
        ("emu:photon?bootloader=new", "bootloader=new is no version: write a number from 0 to 65535"),
        ("emu:photon?bootloader=65536", "bootloader=65536 is no version"),
        ("emu:photon?softdevice=6", "has no radio stack on the Photon"),
        ("emu:argon?ethernet=yes", "ethernet=yes; write ethernet=1, or leave it out"),
        ("emu:photon?ethernet=1", "a Photon takes no Ethernet FeatherWing; boards of Gen 3 do"),
        ("emu:photon?ncp=3", "a Photon has no network processor"),
        ("emu:photon?bootloader=11&firmware=real", "leave one of them out"),
        ("emu:photon?firmware=none&mode=online", "firmware=none leaves it in DFU mode: leave out mode=online and claimed=1"),
        ("emu:photon?firmware=none&claimed=1", "firmware=none leaves it in DFU mode"),
        ("emu:photon?firmware=some", "firmware=some; there are: built, real, none"),
    ],
)
def test_what_cannot_be_emulated_is_told(open_rig, moniker, text):
    with pytest.raises(BoardNotAvailable, match=text) as caught:
        open_rig(moniker)
    assert caught.value.reason is Unavailable.BAD_MONIKER


NO_ADDRESSES = ["nowhere", "nowhere:", ":5683", "nowhere:\u00b2", "nowhere:-1", f"nowhere:{'1' * 5000}", "nowhere:5683/"]


@pytest.mark.parametrize("address", NO_ADDRESSES, ids=range(len(NO_ADDRESSES)))
def test_what_is_no_address_of_a_server_is_refused_as_such(address):
    with pytest.raises(ValueError, match=r"is no HOST:PORT$"):
        foreign_server(address, __file__)


def test_a_bus_that_is_full_is_followed_by_the_next(open_rig):
    boards = open_rig("emu:photon?mode=off*130").boards
    assert [boards[number].port for number in (0, 125, 126, 129)] == ["1-1", "1-126", "2-1", "2-4"]
    boards[-1].power.on()
    assert boards[-1].usb.wait_for(lambda entry: entry, timeout=5, awaited="it").port == "2-4"


@pytest.mark.parametrize("platform", ["photon", "electron", "boron"])
def test_a_board_without_device_os_stays_in_dfu_mode_until_it_is_given_one(open_rig, platform):
    board = open_rig(f"emu:{platform}?firmware=none").boards[0]
    assert board.mode() is Mode.DFU
    board.buttons.press_reset()
    board.buttons.release_reset()
    board.host.clock.sleep(5)
    assert board.mode() is Mode.DFU
    with pytest.raises(NotReached, match="after leaving DFU mode was asked for"):
        board.leave_dfu()
    board.flash(*[image for image in board.releases.device_os("2.3.1") if is_system_part(image)])
    assert board.os_version() == "2.3.1"
    Start(Mode.RUNNING).bring(board, None)
    board.host.clock.sleep(5)
    assert board.mode() is not Mode.SAFE, "nothing else was missing"


def is_system_part(image):
    return read_module(load(image)[1]).prefix.function is ModuleFunction.SYSTEM_PART


def test_one_sim_is_not_put_into_two_boards(open_rig):
    moniker = "emu:electron?iccid=8934076500002589174"
    with pytest.raises(BoardNotAvailable, match=r"SIM 8934076500002589174 is in device [0-9a-f]{24} already") as refused:
        open_rig(moniker, moniker)
    assert refused.value.reason is Unavailable.BAD_MONIKER


def test_the_bootloader_has_the_version_that_is_asked_for(open_rig):
    board = open_rig("emu:photon?os=0.7.0&bootloader=11").boards[0]
    (bootloader,) = (module for module in board.console.modules()["m"] if module["f"] == "b")
    assert bootloader["v"] == 11


def test_the_radio_stack_and_the_network_processor_have_the_versions_that_are_asked_for(open_rig):
    board = open_rig("emu:argon?softdevice=182&ncp=2").boards[0]
    found = {module.key.function: module.version for module in board.requests.modules()}
    assert (found[ModuleFunction.RADIO_STACK], found[ModuleFunction.NCP]) == (182, 2)


def test_a_board_with_an_active_sim_comes_online_by_itself_and_one_without_waits(open_rig):
    active, waits = open_rig("emu:electron?sku=E404KIT&sim_state=active", "emu:electron?sim_state=deactivated").boards
    active.wait_for(Mode.ONLINE)
    assert waits.mode() is Mode.CONNECTING_NETWORK
