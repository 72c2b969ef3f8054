"""Every ioctl of a device node, asked for as the preload library asks; no library needed."""

import errno
import os
import select
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.doors.umockdev.usbdevfs import Ioctl, UrbType
from emulator.doors.umockdev.wire import HEADER, UNHANDLED, Message

URB, BUFFER, SLOT, SMALL = 0x1000, 0x2000, 0x800, 0x100
BLOCK = -errno.EAGAIN


@pytest.fixture
def file(board, program):
    return program()


@pytest.fixture
def free(file, driver, door):
    """The file of a device whose serial port was taken from the kernel."""
    driver.call(door.host.release_driver, door.host.devices[0], 0)
    return file


@pytest.fixture
def node(door):
    """The node as a program polls it."""
    opened = os.open(door.root / "dev/bus/usb/001/002", os.O_RDWR | os.O_NONBLOCK)
    yield opened
    os.close(opened)


def writable(node):
    poll = select.poll()
    poll.register(node, select.POLLOUT)
    return bool(poll.poll(0))


def submit(file, kind, endpoint=0, data=b"", length=None, urb=URB):
    file.put(BUFFER, data)
    file.put(urb, struct.pack("@BBiIPii", kind, endpoint, -115, 0, BUFFER, len(data) if length is None else length, 0))
    return file.ioctl(Ioctl.SUBMITURB, urb)


def control(file, request_type, request, value=0, index=0, length=0, data=b""):
    setup = struct.pack("<BBHHH", request_type, request, value, index, length or len(data))
    return submit(file, UrbType.CONTROL, 0, setup + data, 8 + (length or len(data)))


def reap(file, request=Ioctl.REAPURBNDELAY):
    """Status and data of the next finished transfer, or the errno."""
    result, code = file.ioctl(request, SLOT)
    if result:
        return -code
    (urb,) = struct.unpack_from("@P", file.memory, SLOT)
    kind = file.memory[urb]
    actual = file.number(urb + 28)
    start = BUFFER + 8 if kind == UrbType.CONTROL else BUFFER
    return file.number(urb + 4), bytes(file.memory[start : start + actual])


def test_a_control_read_is_finished_at_once(file, node):
    assert not writable(node)
    assert control(file, 0xC0, 80, 0x1234, 0x5678, 64) == (0, 0)
    assert writable(node)
    assert reap(file) == (0, bytes.fromhex("34127856"))
    assert not writable(node)
    assert reap(file) == BLOCK


def test_a_control_write_reaches_the_board(file, board):
    assert control(file, 0x40, 80, 1, 2, data=b"abc") == (0, 0)
    assert reap(file) == (0, b"abc")
    assert board.log[-1][1] == b"abc"


def test_a_stall_is_the_status_of_the_transfer(file):
    assert control(file, 0xC2, 80, 0, 0, 64) == (0, 0)
    assert reap(file)[0] == -errno.EPIPE


def test_a_long_answer_arrives_whole(file, board):
    whole = os.urandom(5000)
    board.request = lambda setup, data: whole
    control(file, 0xC0, 80, length=5000)
    assert reap(file) == (0, whole)


def test_a_board_that_answers_too_much_leaves_the_memory_of_the_program_alone(free, board):
    board.request = lambda setup, data: b"much more"
    board.ep_in = lambda endpoint, length: b"too long"
    assert control(free, 0xC0, 80, length=4) == (0, 0)
    assert reap(free) == (-errno.EOVERFLOW, b"")
    assert submit(free, UrbType.BULK, 0x81, length=4) == (0, 0)
    assert reap(free) == (-errno.EOVERFLOW, b"")
    free.put(SMALL, struct.pack("<BBHHHI4xQ", 0xC0, 80, 0, 0, 4, 1000, BUFFER))
    assert free.ioctl(Ioctl.CONTROL, SMALL) == (-1, errno.EOVERFLOW)
    assert not any(free.memory[BUFFER + 8 : BUFFER + 100])


def test_bulk_goes_out_and_comes_in(file, driver, board, node):
    assert file.ioctl(Ioctl.DISCONNECT_CLAIM, SMALL) == (0, 0)
    assert submit(file, UrbType.BULK, 0x81, length=64) == (0, 0)
    assert reap(file) == BLOCK
    assert submit(file, UrbType.BULK, 0x01, b"hello", urb=URB + 100) == (0, 0)
    assert reap(file) in [(0, b"hello"), (0, b"HELLO")]
    assert reap(file)[0] == 0
    driver.call(board.say, b"more")
    assert not writable(node)


def test_a_read_that_waits_ends_when_there_is_data(free, driver, board, node):
    board.echo = False
    submit(free, UrbType.BULK, 0x81, length=64)
    assert not writable(node)
    driver.call(board.say, b"late")
    assert writable(node)
    assert reap(free) == (0, b"late")


def test_a_blocking_reap_waits_too(free, driver, board):
    submit(free, UrbType.BULK, 0x81, length=64)
    driver.call(driver.clock.call_later, 0.02, board.say, b"late")
    assert reap(free, Ioctl.REAPURB) == (0, b"late")


def test_a_blocking_reap_ends_when_the_board_leaves(file, driver, plug):
    driver.call(driver.clock.call_later, 0.02, plug.detach)
    assert reap(file, Ioctl.REAPURB) == -errno.ENODEV


def test_a_read_can_be_discarded_once(free):
    submit(free, UrbType.BULK, 0x81, length=64)
    assert free.ioctl(Ioctl.DISCARDURB, URB) == (0, 0)
    assert reap(free) == (-errno.ENOENT, b"")
    assert free.ioctl(Ioctl.DISCARDURB, URB) == (-1, errno.EINVAL)


def test_isochronous_and_malformed_transfers_are_refused(file):
    assert submit(file, UrbType.ISOCHRONOUS, 0x81, length=64) == (-1, errno.EINVAL)
    assert submit(file, UrbType.CONTROL, 0, b"short") == (-1, errno.EINVAL)
    setup = struct.pack("<BBHHH", 0xC0, 80, 0, 0, 100)
    assert submit(file, UrbType.CONTROL, 0, setup, 20) == (-1, errno.EINVAL)


def test_an_unplugged_board_ends_transfers_and_refuses_calls(free, driver, plug, node):
    submit(free, UrbType.BULK, 0x81, length=64)
    driver.call(plug.detach)
    assert writable(node)
    assert reap(free) == (-errno.ESHUTDOWN, b"")
    assert reap(free) == -errno.ENODEV
    for request in (Ioctl.SUBMITURB, Ioctl.RESET, Ioctl.GET_CAPABILITIES, Ioctl.CLAIMINTERFACE):
        assert free.ioctl(request, URB) == (-1, errno.ENODEV)


def test_a_board_that_leaves_during_its_request_still_answers_it(file, plug, fakes):
    file.put(SMALL, struct.pack("@I", 0))
    file.ioctl(Ioctl.DISCONNECT_CLAIM, SMALL)
    assert control(file, 0x21, 0x01) == (0, 0)
    assert reap(file) == (0, b"")
    assert reap(file) == -errno.ENODEV


def test_an_interface_of_a_driver_is_busy_until_it_is_taken_away(file, door):
    file.put(SMALL, struct.pack("@I", 1))
    assert file.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (-1, errno.EBUSY)
    assert file.ioctl(Ioctl.GETDRIVER, SMALL) == (0, 0)
    assert file.memory[SMALL + 4 : SMALL + 12] == b"cdc_acm\0"
    file.put(SMALL, struct.pack("@iiP", 1, 0x5516, 0))
    assert file.ioctl(Ioctl.IOCTL, SMALL) == (0, 0)
    assert file.ioctl(Ioctl.IOCTL, SMALL) == (-1, errno.ENODATA)
    assert not (door.root / "dev/ttyACM0").is_symlink()
    assert file.ioctl(Ioctl.GETDRIVER, SMALL) == (-1, errno.ENODATA)
    assert file.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (0, 0)
    file.ioctl(Ioctl.GETDRIVER, SMALL)
    assert file.memory[SMALL + 4 : SMALL + 10] == b"usbfs\0"
    assert file.ioctl(Ioctl.RELEASEINTERFACE, SMALL) == (0, 0)
    assert file.ioctl(Ioctl.RELEASEINTERFACE, SMALL) == (-1, errno.EINVAL)
    file.put(SMALL, struct.pack("@iiP", 1, 0x5517, 0))
    assert file.ioctl(Ioctl.IOCTL, SMALL) == (0, 0)
    file.put(SMALL, struct.pack("@iiP", 0, 0x5517, 0))
    assert file.ioctl(Ioctl.IOCTL, SMALL) == (1, 0)
    assert file.ioctl(Ioctl.IOCTL, SMALL) == (-1, errno.EBUSY)
    assert (door.root / "dev/ttyACM0").is_symlink()
    assert (door.root / "sys/bus/usb/devices/1-1:1.1/driver").readlink().name == "cdc_acm"


def test_a_claim_ends_with_the_program(file, program, driver, door):
    file.put(SMALL, struct.pack("@I", 2))
    other = program()
    other.put(SMALL, struct.pack("@I", 2))
    assert file.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (0, 0)
    assert other.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (-1, errno.EBUSY)
    assert control(other, 0x21, 0x20, index=2) == (-1, errno.EBUSY)
    file.close()
    (device,) = door.host.devices
    while device.claims:
        driver.sleep(0.001)
    assert other.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (0, 0)
    other.put(SMALL, struct.pack("@I", 9))
    assert other.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (-1, errno.ENOENT)


def test_a_program_that_dies_in_the_middle_of_a_message_leaves_nothing_behind(file, program):
    file.link.sendall(b"\1\0\0")
    file.close()
    other = program()
    other.link.sendall(struct.pack("@LLL", Message.IOCTL, Ioctl.SUBMITURB, URB))
    other.close()
    third = program()
    control(third, 0xC0, 80, 0x1234, 0x5678, 64)
    assert reap(third) == (0, bytes.fromhex("34127856"))


@pytest.mark.parametrize("request_", [Ioctl.CLAIMINTERFACE, Ioctl.SETCONFIGURATION])
def test_who_asks_after_the_end_of_another_finds_nothing_of_it(file, program, driver, door, request_):
    """Both are there to be read when the door gets to it, and it reads first who spoke first."""
    driver.call(door.host.devices[0].drivers.clear)
    other, asking = program(), HEADER.pack(Message.IOCTL, request_, SMALL)
    file.put(SMALL, struct.pack("@I", 1))
    assert file.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (0, 0)

    def at_once():
        other.link.sendall(asking[:8])
        file.close()
        other.link.sendall(asking[8:] + struct.pack("@I", 1))

    driver.call(at_once)
    assert other.exactly(2 * HEADER.size) == HEADER.pack(Message.READ_MEMORY, SMALL, 4) + HEADER.pack(Message.DONE, 0, 0)


def test_alternate_settings_and_configurations_are_requests_to_the_board(memory, program):
    file = program()
    file.put(SMALL, struct.pack("@II", 0, 1))
    assert file.ioctl(Ioctl.SETINTERFACE, SMALL) == (0, 0)
    assert memory.alternate == 1
    file.put(SMALL, struct.pack("@I", 1))
    assert file.ioctl(Ioctl.SETCONFIGURATION, SMALL) == (-1, errno.EBUSY)
    file.put(SMALL, struct.pack("@I", 0))
    file.ioctl(Ioctl.RELEASEINTERFACE, SMALL)
    assert memory.alternate == 0
    file.put(SMALL, struct.pack("@I", 1))
    assert file.ioctl(Ioctl.SETCONFIGURATION, SMALL) == (0, 0)
    file.put(SMALL, struct.pack("@II", 0, 7))
    assert file.ioctl(Ioctl.SETINTERFACE, SMALL) == (-1, errno.EINVAL)


def test_small_questions_have_their_answers(free, board):
    assert free.ioctl(Ioctl.GET_CAPABILITIES, SMALL) == (0, 0)
    assert free.number(SMALL) == 0x1F
    assert free.ioctl(Ioctl.GET_SPEED) == (2, 0)
    assert free.ioctl(Ioctl.CONNECTINFO, SMALL) == (0, 0)
    assert free.number(SMALL) == 2
    free.put(SMALL, struct.pack("@I", 0x81))
    assert free.ioctl(Ioctl.CLEAR_HALT, SMALL) == (0, 0)
    assert board.log[-1][0].request == 1
    told = len(board.log)
    assert free.ioctl(Ioctl.RESETEP, SMALL) == (0, 0)
    assert len(board.log) == told, "that is the host's side of it alone"
    assert free.ioctl(Ioctl.RESET) == (0, 0)
    assert board.resets == 1
    assert free.ioctl(0x12345678) == (-1, errno.ENOTTY)
    assert free.call(Message.WRITE, BUFFER, 3) == (UNHANDLED, 0)


def test_a_board_that_leaves_at_a_reset_is_gone(file, board, plug):
    board.bus_reset = plug.detach
    assert file.ioctl(Ioctl.RESET) == (-1, errno.ENODEV)


def test_the_node_reads_as_raw_descriptors(file, fakes):
    whole = fakes.Serial.DEVICE + fakes.Serial.CONFIGURATION
    assert file.call(Message.READ, BUFFER, 18) == (18, 0)
    assert file.call(Message.READ, BUFFER + 18, 1000) == (len(whole) - 18, 0)
    assert file.memory[BUFFER : BUFFER + len(whole)] == whole
    assert file.call(Message.READ, BUFFER, 18) == (0, 0)


def test_the_synchronous_control_request_works_both_ways(file, board):
    file.put(SMALL, struct.pack("<BBHHHI4xQ", 0xC0, 80, 0x1234, 0x5678, 64, 1000, BUFFER))
    assert file.ioctl(Ioctl.CONTROL, SMALL) == (4, 0)
    assert file.memory[BUFFER : BUFFER + 4] == bytes.fromhex("34127856")
    file.put(BUFFER, b"abc")
    file.put(SMALL, struct.pack("<BBHHHI4xQ", 0x40, 80, 0, 0, 3, 1000, BUFFER))
    assert file.ioctl(Ioctl.CONTROL, SMALL) == (3, 0)
    assert board.log[-1][1] == b"abc"
    file.put(SMALL, struct.pack("<BBHHHI4xQ", 0xC2, 80, 0, 0, 3, 1000, BUFFER))
    assert file.ioctl(Ioctl.CONTROL, SMALL) == (-1, errno.EPIPE)


def test_a_board_that_breaks_is_an_error_for_the_program_and_a_line_in_the_log(file, board, door):
    board.request = lambda setup, data: {}["missing"]
    assert control(file, 0xC0, 80, length=4) == (-1, errno.EIO)
    assert "KeyError('missing')" in door.host.log[-1]


def test_an_endpoint_is_of_the_file_that_has_its_interface(free, program, driver, board):
    other = program()
    assert submit(free, UrbType.BULK, 0x81, length=64) == (0, 0)
    assert submit(other, UrbType.BULK, 0x81, length=64) == (-1, errno.EBUSY)
    assert submit(free, UrbType.INTERRUPT, 0x81, length=64) == (-1, errno.EINVAL)
    assert submit(free, UrbType.BULK, 0x85, length=64) == (-1, errno.ENOENT)
    assert submit(other, UrbType.BULK, 0x83, length=64) == (0, 0)


def test_the_reads_of_an_interface_end_when_it_is_given_back(free):
    submit(free, UrbType.BULK, 0x81, length=64)
    free.put(SMALL, struct.pack("@I", 1))
    assert free.ioctl(Ioctl.RELEASEINTERFACE, SMALL) == (0, 0)
    assert reap(free) == (-errno.ENOENT, b"")


def test_a_claimed_interface_is_not_given_to_a_driver(free, door):
    free.put(SMALL, struct.pack("@I", 1))
    assert free.ioctl(Ioctl.CLAIMINTERFACE, SMALL) == (0, 0)
    for interface, expected in ((1, (-1, errno.EBUSY)), (0, (0, 0)), (7, (-1, errno.EINVAL))):
        free.put(SMALL, struct.pack("@iiP", interface, 0x5517, 0))
        assert free.ioctl(Ioctl.IOCTL, SMALL) == expected
    assert door.host.serial_ports == ()


@pytest.mark.parametrize(
    ("flags", "name", "expected"), [(0, b"", 0), (1, b"cdc_acm", 0), (1, b"other", 16), (2, b"cdc_acm", 16), (2, b"usbfs", 0)]
)
def test_who_takes_an_interface_may_say_from_whom(file, flags, name, expected):
    file.put(SMALL, struct.pack("@II256s", 1, flags, name))
    assert file.ioctl(Ioctl.DISCONNECT_CLAIM, SMALL) == (-bool(expected), expected)


def test_another_configuration_shows_in_the_tree(free, door):
    base = door.root / "sys/bus/usb/devices/1-1"
    for value, shown, interfaces in ((0, "", []), (1, "1\n", ["1-1:1.0", "1-1:1.1", "1-1:1.2"])):
        free.put(SMALL, struct.pack("@I", value))
        assert free.ioctl(Ioctl.SETCONFIGURATION, SMALL) == (0, 0)
        assert (base / "bConfigurationValue").read_text() == shown
        assert sorted(each.name for each in base.glob("1-1:*")) == interfaces
    assert (door.root / "dev/ttyACM0").is_symlink()
    free.put(SMALL, struct.pack("@I", 2))
    assert free.ioctl(Ioctl.SETCONFIGURATION, SMALL) == (-1, errno.EBUSY)


requests = st.sampled_from([*Ioctl, 0x5516, 0x1234])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(requests, st.integers(0, 4000), st.binary(max_size=64)), max_size=12), st.randoms(use_true_random=False))
def test_random_ioctls_on_random_memory_get_an_answer(fuzz_door, calls, random):
    file = fuzz_door()
    file.link.settimeout(5)
    for request, address, data in calls:
        file.put(address, data)
        if request == Ioctl.REAPURB:
            continue
        result, code = file.ioctl(request, address)
        assert result >= -1
        assert (code != 0) == (result == -1)
    file.close()


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_random_bytes_on_the_wire_harm_nobody(fuzz_door, data):
    file = fuzz_door()
    file.link.sendall(data)
    file.close()
    check = fuzz_door()
    assert check.ioctl(Ioctl.GET_SPEED) == (2, 0)
    check.close()
