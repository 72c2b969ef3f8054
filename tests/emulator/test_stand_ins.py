"""Stand-ins reach no board but those that were made with them, by whatever way they come."""

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.errors import UpdateRefused
from emulator.factory import device_os_release, user_part
from firmware_images.combine import combine
from firmware_images.device_rules import ModuleError
from firmware_images.module import read_module
from particle_protocol.platforms import platform_by_name

PHOTON = platform_by_name("photon")
HOME = StoredNetwork("home", 3, "secret123")


@pytest.fixture
def make(bench, as_real):
    """A board that runs, made with stand-ins or with what passes for real modules."""

    def made(*, real, os="2.1.0", **more):
        built = (*device_os_release(PHOTON, os), user_part(PHOTON, os))
        board = bench.board(os=os, modules=[as_real(module) for module in built] if real else None, **more)
        bench.sleep(1)
        return board

    return made


def receive(board, image):
    """What the board's receiver makes of an image, over the air and over USB alike: 0 or an error code."""
    receiver = board.firmware.receiver
    receiver.begin(len(image))
    receiver.write(0, image)
    return receiver.finish()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_only_a_board_made_with_stand_ins_takes_one(make, place):
    # As they are installed: part 1 alone, then part 2 beside it, the bootloader whenever.
    images = device_os_release(PHOTON, "2.2.0")
    ours, theirs = make(real=False, os="2.2.0"), make(real=True, os="2.2.0")
    assert (ours.takes_stand_ins, theirs.takes_stand_ins) == (True, False)
    assert receive(ours, images[place]) == 0
    assert receive(theirs, images[place]) == ModuleError.DEPENDENCY


def test_a_real_board_takes_real_modules_and_so_does_one_of_ours(make, as_real):
    for real in (True, False):
        assert receive(make(real=real), as_real(device_os_release(PHOTON, "2.2.0")[0])) == 0


def test_an_application_that_only_stands_in_leaves_a_real_board_in_safe_mode(bench, make):
    board = make(real=True)
    assert receive(board, user_part(PHOTON, "2.1.0")) == 0, "of an application Device OS checks no dependency before the next start"
    board.power_off()
    board.power_on()
    bench.sleep(1)
    assert board.firmware.safe_mode


@pytest.fixture
def online(bench, make):
    bench.lab.network.access_point("home", "secret123")

    def ready(board):
        bench.wait_led(board, "breathing cyan")
        return board, bench.lab.cloud.devices.by_id(board.device_id)

    return lambda **more: ready(make(networks=[HOME], **more))


def hidden(as_real):
    """A stand-in behind a real module in one file."""
    part1, part2, _ = device_os_release(PHOTON, "2.1.0")
    return combine([read_module(as_real(part1)), read_module(part2)])


def test_the_cloud_sends_none_to_a_board_that_was_not_made_with_them(bench, online, as_real):
    ours, theirs = online(real=False)[1], online(real=True)[1]
    updates = bench.lab.cloud.updates
    for image in (*device_os_release(PHOTON, "2.1.0"), user_part(PHOTON, "2.1.0"), hidden(as_real)):
        with pytest.raises(UpdateRefused, match="a stand-in, for emulated boards only"):
            updates.by_hand(theirs, image)
    assert not updates.running(theirs.id)
    updates.by_hand(ours, user_part(PHOTON, "2.1.0"))
    assert updates.running(ours.id)
