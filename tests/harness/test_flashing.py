"""Flashing in every way, checks against what a board has, and going on after the link broke."""

import pytest

from firmware_images.build import build_module
from firmware_images.combine import combine
from firmware_images.compress import compress_module
from firmware_images.fields import Dependency
from firmware_images.hexfile import write_hex
from firmware_images.module import read_module
from harness.cloud import Cloud
from harness.errors import (
    BoardNotAvailable,
    CapabilityMissing,
    CloudUnreachable,
    ImageRefused,
    NotInstalled,
    NotReached,
    Refusal,
    RequestRefused,
    Unavailable,
)
from harness.flashing import links, over_the_air
from harness.flashing.installed import installed_version
from harness.kit import Product, product_firmware
from harness.modes import Mode, UsbState
from harness.usb.device import UsbDevice
from harness.usb.dfu import read_memory
from particle_protocol.platforms import ModuleFunction

SYSTEM, USER = ModuleFunction.SYSTEM_PART, ModuleFunction.USER_PART
SIZE = 40000
LOST_AFTER = 0.01
"""Seconds after an update was asked for: in virtual time 120 kB are sent in no more than ten times that."""


def application(board, *, size=SIZE, needs=0, version=6):
    """An application that is long enough to be broken off in its middle."""
    dependencies = (Dependency(SYSTEM, 2 if board.platform.generation == 2 else 1, needs),) if needs else ()
    slot = (USER, 1)
    return build_module(board.platform.id, *slot, version, dependencies=dependencies, body=bytes(range(250)) * (size // 250))


@pytest.fixture
def account():
    clouds = []

    def log_in(rig):
        clouds.append(Cloud(rig.cloud))
        return clouds[-1].own_account()

    yield log_in
    for cloud in clouds:
        cloud.close()


@pytest.fixture
def online(open_rig, account):
    """A board that its account watches, online."""

    def bring(moniker="emu:photon?claimed=1"):
        rig = open_rig(moniker)
        rig.boards[0].account = account(rig)
        rig.boards[0].wait_for(Mode.ONLINE)
        return rig.boards[0]

    return bring


def pull_out(board, seconds=3.0, *, times=1, at=0.4, doing="writing"):
    """A listener that pulls the board's cable out when something is done so far, and puts it in again some seconds later."""
    left = [times]
    emulated = board.host.boards["1-1"]

    def listen(entry):
        if left[0] and entry.share is not None and entry.text.startswith(doing) and entry.share >= at:
            left[0] -= 1
            board.host.unplug("1-1")
            if seconds:
                board.host.lab.clock.call_later(seconds, board.host.plug_in, "1-1", emulated)

    return listen


def journal_of(board):
    return "\n".join(entry.text for entry in board.journal.entries)


def test_a_write_goes_on_where_it_was_broken_off(open_rig):
    """What was written before stays: only the sectors after it are erased again."""
    board = open_rig("emu:photon?os=2.1.0").boards[0]
    image = build_module(6, SYSTEM, 1, 2100, dependencies=(Dependency(SYSTEM, 2, 1),), body=bytes(range(250)) * 1000)
    assert len(image) > 0x20000, "it has to fill a sector and begin another"
    erased = []
    with (
        board.journal.listen(pull_out(board, at=0.7)),
        board.journal.listen(lambda entry: erased.append(entry.text) if entry.text.startswith("erasing") else None),
    ):
        board.flash(image, leave=False)
    assert read_memory(board.usb, 0x08020000, len(image)) == image
    assert len(erased) == 3, "two sectors, and one of them again"
    assert "the link broke while writing image" in journal_of(board)
    assert "it is back: DFU-mode USB" in journal_of(board)


@pytest.mark.parametrize("moniker", ["emu:photon", "emu:argon?os=2.3.1"])
@pytest.mark.parametrize("doing", ["erasing", "writing", "reading back"])
def test_a_board_that_is_unplugged_and_plugged_in_again_is_flashed(open_rig, moniker, doing):
    board = open_rig(moniker).boards[0]
    with board.journal.listen(pull_out(board, doing=doing, times=2)):
        board.flash(application(board))
    assert any(module.key.function == USER and module.intact for module in board.requests.modules())
    assert journal_of(board).count("the link broke") == 2


def test_a_board_that_lost_its_power_meanwhile_is_flashed(board):
    """It comes back in normal mode, with half an application, and is brought into DFU mode again."""

    def cut(entry):
        if (
            entry.share is not None
            and entry.text.startswith("writing")
            and entry.share > 0.5
            and board.usb.state() is UsbState.DFU
            and not cuts
        ):
            cuts.append(entry)
            board.power.off()
            board.host.lab.clock.call_later(5, board.power.on)

    cuts = []
    with board.journal.listen(cut):
        board.flash(application(board))
    assert cuts
    assert "it is back: normal-mode USB" in journal_of(board)
    assert board.requests.unmet_dependency() == ""


@pytest.mark.parametrize("sentence", ["asked for DFU mode", "left DFU mode"])
def test_a_board_that_is_unplugged_while_it_changes_its_mode_is_flashed(board, sentence):
    """For longer than such a change takes."""

    def listen(entry):
        if entry.text.startswith(sentence) and not pulled:
            pulled.append(entry)
            clock.call_later(0.5, board.host.unplug, "1-1")
            clock.call_later(50.0, board.host.plug_in, "1-1", emulated)

    pulled, emulated, clock = [], board.host.boards["1-1"], board.host.lab.clock
    with board.journal.listen(listen):
        board.flash(application(board, size=1000))
    assert "it is back" in journal_of(board)
    assert board.requests.unmet_dependency() == ""


def test_a_board_that_does_not_come_back_is_told(board):
    with board.journal.listen(pull_out(board, 0)), pytest.raises(BoardNotAvailable) as caught:
        board.flash(application(board))
    assert caught.value.reason in (Unavailable.UNPLUGGED, Unavailable.NOT_FOUND)
    assert "and then nothing at USB port 1-1 for 60 s. Plug it in again, and flash it once more" in str(caught.value)


def test_a_link_that_breaks_again_and_again_is_given_up(board):
    with board.journal.listen(pull_out(board, times=100, at=0.1)), pytest.raises(BoardNotAvailable, match="broke 5 times"):
        board.flash(application(board))
    assert journal_of(board).count("the link broke") == links.TRIES


def test_a_flash_that_keeps_nothing_is_found_out_by_reading_back(board, monkeypatch):
    from emulator.board.flash import Flash

    board.enter_dfu()
    monkeypatch.setattr(Flash, "program", lambda *_: None)
    with pytest.raises(NotInstalled, match=r"is not what is read back; seen: from 0x080a0000 on ff.* instead of 0000"):
        board.flash(application(board))


def test_the_version_of_a_board_in_dfu_mode_is_read_wherever_it_lies(open_rig):
    """Until Device OS 6.2 the system part of these boards lay elsewhere than it does now."""
    for version in ("2.1.0", "6.2.0"):
        board = open_rig(f"emu:boron?mode=dfu&os={version}").boards[0]
        assert installed_version(board) == version


@pytest.mark.parametrize("moniker", ["emu:photon", "emu:electron", "emu:boron?os=2.3.1", "emu:tracker?os=4.0.0"])
@pytest.mark.parametrize("mode", ["dfu", "listening"])
def test_a_module_goes_by_control_requests(open_rig, moniker, mode):
    board = open_rig(moniker).boards[0]
    if mode == "dfu":
        board.enter_dfu()
    board.flash(board.releases.application(), by="usb")
    assert board.usb.state() is UsbState.NORMAL
    assert board.requests.unmet_dependency() == ""
    assert "to Device OS (control requests 250 to 253)" in journal_of(board)


def test_a_hand_over_is_begun_anew_after_the_link_broke(board):
    with board.journal.listen(pull_out(board, doing="handing over")):
        board.flash(application(board), by="usb")
    assert journal_of(board).count("the link broke") == 1
    assert board.requests.unmet_dependency() == ""


def test_a_device_os_that_refuses_a_module_is_not_asked_again(board):
    with pytest.raises(RequestRefused, match="-13"):
        board.flash(build_module(6, SYSTEM, 1, 2100, dependencies=(Dependency(SYSTEM, 2, 0x7FFE),), body=bytes(64)), by="usb")
    assert journal_of(board).count("handed") == 1


@pytest.mark.parametrize("wrap", ["compressed", "combined", "hex"])
def test_files_of_every_form_are_flashed(board, wrap):
    module = read_module(application(board))
    system = [read_module(image) for image in board.releases.device_os("2.2.0")[:2]]
    data = {
        "compressed": lambda: compress_module(module),
        "combined": lambda: combine([*system, module]),
        "hex": lambda: write_hex(bytes(module.content), module.prefix.start_address),
    }[wrap]()
    board.flash(data)
    assert any(found.key.function == USER and found.version == 6 and found.intact for found in board.requests.modules())
    assert (board.os_version() == "2.2.0") == (wrap == "combined")
    board.enter_dfu()
    assert read_memory(board.usb, 0x080A0000, module.size) == bytes(module.content)


def test_several_files_go_in_the_order_that_the_board_needs(open_rig):
    board = open_rig("emu:argon?os=2.1.0").boards[0]
    files = [board.releases.application(), *reversed(board.releases.device_os("4.0.0"))]
    board.flash(*files, fit=True)
    order = [line.split(" version")[0] for line in journal_of(board).splitlines() if line.startswith(("wrote", "handed"))]
    assert order[0] == "handed bootloader 0"
    assert order[-1].startswith("wrote user part")
    assert board.os_version() == "4.0.0"


@pytest.mark.parametrize("mode", ["dfu", "listening"])
@pytest.mark.parametrize("moniker", ["emu:photon?os=2.1.0", "emu:boron?os=2.1.0"])
def test_what_would_not_run_is_refused_with_what_to_do(open_rig, moniker, mode):
    board = open_rig(moniker).boards[0]
    if mode == "dfu":
        board.enter_dfu()
    before = board.usb.present()
    with pytest.raises(ImageRefused) as caught:
        board.flash(application(board, needs=2302), fit=True)
    assert caught.value.reason is Refusal.DEPENDENCY
    assert "version 2302 (Device OS 2.3.1), and it has version 21" in str(caught.value)
    assert "--device-os 2.3.1" in caught.value.remedy
    assert board.usb.present() == before
    board.flash(application(board, needs=2302))  # on purpose
    if mode == "listening":
        assert board.requests.unmet_dependency()


@pytest.mark.parametrize("mode", ["dfu", "listening"])
def test_a_device_os_that_an_application_would_lose_is_refused(open_rig, mode):
    board = open_rig("emu:photon?os=2.3.1").boards[0]
    board.flash(application(board, needs=2302), leave=mode != "dfu")
    with pytest.raises(ImageRefused, match=r"the user part 1 version 6 that is on it needs system part 2 version 2302.*--tinker") as caught:
        board.flash(*board.releases.device_os("2.1.0")[:2], fit=True)
    assert caught.value.reason is Refusal.DEPENDENCY


def test_an_older_bootloader_is_refused(open_rig):
    board = open_rig("emu:photon?os=2.3.1").boards[0]
    older = board.releases.device_os("2.0.0")[-1]
    with pytest.raises(ImageRefused, match=r"it has version 1\d\d\d") as caught:
        board.flash(older, fit=True)
    assert caught.value.reason is Refusal.OLDER


@pytest.mark.parametrize("by", ["dfu", "usb"])
def test_an_application_of_the_older_place_does_not_go_on_running(open_rig, by):
    """Of a Gen 3 board: Device OS runs user part 1 as long as it is valid, whatever else there is."""
    board = open_rig("emu:boron?os=4.0.0").boards[0]
    board.flash(build_module(13, USER, 1, 5, body=bytes(2000)))
    assert [module.key.index for module in board.requests.modules() if module.key.function == USER] == [1, 2]
    board.flash(build_module(13, USER, 2, 6, body=bytes(2000)), by=by)
    assert [module.key.index for module in board.requests.modules() if module.key.function == USER] == [2]


def test_an_application_of_another_product_is_refused(online):
    board = online()
    product = Product.create(board.account, "lamps", board.platform.name)
    product.add_devices(board.device_id)
    fits, other = (product_firmware(application(board), number, 1) for number in (product.id, product.id + 1))
    with pytest.raises(ImageRefused, match=rf"for product {product.id + 1}.*PRODUCT_ID\({product.id}\)") as caught:
        board.flash(other, fit=True)
    assert caught.value.reason is Refusal.OTHER_PRODUCT
    board.flash(fits, fit=True)
    board.flash(application(board), fit=True)


def test_one_place_takes_one_image(board):
    with pytest.raises(ImageRefused) as caught:
        board.flash(application(board), application(board, version=5), fit=True)
    assert caught.value.reason is Refusal.TWICE


def test_a_way_that_there_is_not_lists_those_there_are(board):
    with pytest.raises(ValueError, match="dfu, usb, ota"):
        board.flash(application(board), by="pigeon")


def test_over_the_air_needs_somebody_who_may(board):
    with pytest.raises(CapabilityMissing, match="cloud"):
        board.flash(application(board), by="ota")


@pytest.mark.parametrize(
    ("moniker", "mode"),
    [("emu:photon?claimed=1", mode) for mode in ("dfu", "listening", "online")]
    + [("emu:boron?claimed=1&os=4.0.0", mode) for mode in ("dfu", "listening", "online")],
)
def test_a_module_goes_over_the_air(online, moniker, mode):
    board = online(moniker)
    boots = board.host.boards["1-1"].boots
    if mode != "online":
        board.enter_dfu() if mode == "dfu" else board.enter_listening()
    board.flash(board.releases.application(), by="ota")
    assert board.host.boards["1-1"].boots > boots
    assert "updated over the air" in journal_of(board)


def lose_network(board, times, seconds=20.0):
    """A listener that takes the board's network away in the middle of an update, and gives it back some seconds later."""
    left = [times]
    lab = board.host.lab
    point = lab.network.access_points[0]

    def listen(entry):
        if left[0] and entry.text.startswith("had the cloud send"):
            left[0] -= 1
            lab.clock.call_later(LOST_AFTER, point.switch_off)
            lab.clock.call_later(LOST_AFTER + seconds, point.switch_on)

    return listen


def test_an_update_that_fails_with_the_connection_is_asked_for_again(online):
    board = online()
    with board.journal.listen(lose_network(board, 1)):
        board.flash(application(board, size=120000), by="ota")
    assert journal_of(board).count("the cloud says that the update failed: it is asked for again") == 1
    assert journal_of(board).count("had the cloud send") == 2
    assert board.requests.unmet_dependency() == ""


@pytest.mark.parametrize(("first", "last"), [(1, 3), (3, 6), (4, 40)])
def test_a_cloud_that_does_not_answer_for_a_while_is_asked_again(online, monkeypatch, first, last):
    board = online()
    asked, request = [0], Cloud.request

    def deaf(cloud, *arguments, **options):
        asked[0] += 1
        if first <= asked[0] <= last:
            if asked[0] % 2:
                request(cloud, *arguments, **options)  # it was heard, and only the answer is lost
            raise CloudUnreachable("the cloud does not answer")
        return request(cloud, *arguments, **options)

    monkeypatch.setattr(Cloud, "request", deaf)
    boots = board.host.boards["1-1"].boots
    board.flash(application(board, size=20000), by="ota")
    assert asked[0] > first
    assert board.host.boards["1-1"].boots == boots + 1
    assert board.requests.unmet_dependency() == ""


def test_it_is_asked_for_a_few_times_only(online):
    board = online()
    with (
        board.journal.listen(lose_network(board, 100)),
        pytest.raises(NotInstalled, match=rf"in {over_the_air.TRIES} tries; seen: .*it has not reset.*flash it by USB"),
    ):
        board.flash(application(board, size=120000), by="ota")
    assert journal_of(board).count("had the cloud send") == over_the_air.TRIES


def test_a_board_that_does_not_come_online_gets_nothing_over_the_air(online):
    board = online()
    board.host.lab.network.access_points[0].switch_off()
    with pytest.raises(NotReached, match="the cloud to see it online"):
        board.flash(application(board), by="ota")


def transfers_of(board, monkeypatch, lost_at=None):
    """Count the control transfers from now on; at one of them the cable is pulled out, and put in again a second later."""
    made, emulated, control = [0], board.host.boards["1-1"], UsbDevice.control

    def counted(device, *arguments):
        made[0] += 1
        if made[0] == lost_at:
            board.host.unplug("1-1")
            board.host.lab.clock.call_later(1.0, board.host.plug_in, "1-1", emulated)
        return control(device, *arguments)

    monkeypatch.setattr(UsbDevice, "control", counted)
    return made


def sweep(open_rig, moniker, by, monkeypatch, points):
    """Lose the link at some transfers, or at each, of flashing an application; gives how many."""
    board = open_rig(moniker).boards[0]
    image = application(board, size=6000)
    with monkeypatch.context() as patched:
        made = transfers_of(board, patched)
        board.flash(image, by=by)
        there_are = made[0]
    chosen = range(1, there_are + 1) if points is None else sorted({1 + (there_are - 1) * n // (points - 1) for n in range(points)})
    for lost_at in chosen:
        board.journal.clear()
        with monkeypatch.context() as patched:
            transfers_of(board, patched, lost_at)
            board.flash(image, by=by)
        assert board.requests.unmet_dependency() == "", lost_at
        assert any(module.key.function == USER and module.intact for module in board.requests.modules()), lost_at
    return len(chosen)


@pytest.mark.parametrize("by", ["dfu", "usb"])
def test_the_link_may_break_at_any_transfer(open_rig, monkeypatch, by):
    assert sweep(open_rig, "emu:photon", by, monkeypatch, 8) == 8


@pytest.mark.soak
@pytest.mark.parametrize("by", ["dfu", "usb"])
@pytest.mark.parametrize("moniker", ["emu:photon", "emu:electron", "emu:boron?os=2.3.1", "emu:argon?os=6.2.0"])
def test_the_link_may_break_at_every_transfer(open_rig, monkeypatch, record_property, moniker, by):
    record_property("points", sweep(open_rig, moniker, by, monkeypatch, None))
