"""Listing and opening USB devices: what pyusb raises becomes an entry's trouble, or an error with a remedy."""

import errno
from array import array
from types import SimpleNamespace

import pytest
import usb.core
import usb.util

from harness.errors import BoardLabel, BoardNotAvailable, ConversationFailed, Unavailable
from harness.usb.bus import UsbBus, port_path
from harness.usb.device import UsbDevice, run_steps
from harness.usb.entry import UsbEntry, is_particle_board
from particle_protocol.usb import Pause, Setup, Stall, Transfer

ID = "0123456789abcdef01234567"
LABEL = BoardLabel(ID, "1-1", "Photon")


class FakeDevice:
    """What `usb.core.find` gives, as far as the bus looks at it."""

    def __init__(self, serial=ID, port=(1,), vid=0x2B04, pid=0xC006, error=None, address=5):
        self.idVendor, self.idProduct, self.bus, self.address, self.port_numbers = vid, pid, 1, address, port
        self.iSerialNumber = 3
        self.serial = serial
        self.error = error
        self.transfers = []
        self.alternates = []

    def ctrl_transfer(self, request_type, request, value, index, data, timeout):
        if self.error is not None:
            raise self.error
        self.transfers.append((request_type, request, value, index, data, timeout))
        return array("B", b"\x01\x02") if request_type & 0x80 else len(data)

    def set_interface_altsetting(self, interface, alternate):
        self.alternates.append((interface, alternate))


@pytest.fixture
def attached(monkeypatch):
    devices, disposed = [], []

    def read(device, index, langid):
        assert (index, langid) == (3, 0x0409)
        if device.error is not None:
            raise device.error
        device.transfers.append("serial")
        return device.serial

    monkeypatch.setattr("harness.usb.bus._begun", [])  # libusb is not opened here, and the process does not count it as open afterwards
    monkeypatch.setattr(usb.core, "find", lambda find_all, backend: iter(devices))
    monkeypatch.setattr(usb.util, "get_string", read)
    monkeypatch.setattr(usb.util, "dispose_resources", disposed.append)
    return SimpleNamespace(devices=devices, disposed=disposed)


def test_only_particle_boards_are_listed_in_the_order_of_their_ports(attached):
    attached.devices += [FakeDevice(port=(10,)), FakeDevice(port=(2,), pid=0xD006), FakeDevice(vid=0x1D6B, pid=2), FakeDevice(port=(2, 4))]
    found = UsbBus().entries(is_particle_board)
    assert [entry.port for entry in found] == ["1-2", "1-2.4", "1-10"]
    assert [entry.state.value for entry in found] == ["DFU-mode USB", "normal-mode USB", "normal-mode USB"]


def test_a_device_without_known_ports_is_named_by_its_address():
    assert port_path(SimpleNamespace(bus=3, address=9, port_numbers=None)) == "3-?9"


def test_the_serial_number_is_read_once_per_enumeration_in_lower_case(attached):
    device = FakeDevice(serial=ID.upper())
    attached.devices.append(device)
    bus = UsbBus()
    assert [bus.entries(is_particle_board)[0].serial for _ in range(3)] == [ID] * 3
    assert device.transfers == ["serial"]
    device.address += 1
    bus.entries(is_particle_board)
    assert device.transfers == ["serial"] * 2


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (usb.core.USBError("Access denied", None, errno.EACCES), Unavailable.NO_PERMISSION.value),
        (usb.core.USBError("Resource busy", None, errno.EBUSY), Unavailable.BUSY.value),
        (usb.core.USBError("No such device", None, errno.ENODEV), Unavailable.UNPLUGGED.value),
        (usb.core.USBError("Not supported", None, errno.ENOSYS), Unavailable.NO_DRIVER.value),
        (usb.core.USBTimeoutError("Timed out", None, errno.ETIMEDOUT), "[Errno 110] Timed out"),
        (ValueError("The device has no langid"), "its serial number cannot be read: The device has no langid"),
    ],
)
def test_one_device_that_cannot_be_read_does_not_spoil_the_list(attached, error, trouble):
    attached.devices += [FakeDevice(error=error), FakeDevice(port=(2,))]
    broken, good = UsbBus().entries(is_particle_board)
    assert (broken.serial, broken.trouble) == (None, trouble)
    assert good.serial == ID


def test_a_device_without_a_serial_number_is_listed(attached):
    device = FakeDevice()
    device.iSerialNumber = 0
    attached.devices.append(device)
    assert UsbBus().entries(is_particle_board)[0].trouble == "it has no serial number"


def test_no_usb_library_is_told_with_what_to_install(monkeypatch):
    def find(find_all, backend):
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", find)
    with pytest.raises(BoardNotAvailable, match=r"libusb-1\.0-0") as caught:
        UsbBus().entries(is_particle_board)
    assert caught.value.reason is Unavailable.NO_USB_LIBRARY


def test_opening_makes_sure_that_it_still_is_that_board(attached):
    device = FakeDevice()
    attached.devices.append(device)
    bus = UsbBus()
    (entry,) = bus.entries(is_particle_board)
    bus.open(entry, LABEL).close()
    device.serial = "f" * 24
    with pytest.raises(BoardNotAvailable, match="not at USB port 1-1 any more; seen: serial number ffff") as caught:
        bus.open(entry, LABEL)
    assert caught.value.reason is Unavailable.UNPLUGGED


def test_opening_without_permission_tells_the_udev_rule(attached, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    entry = UsbEntry(0x2B04, 0xC006, 1, 5, "1-1", ID, "", FakeDevice(error=usb.core.USBError("Access denied", None, errno.EACCES)))
    with pytest.raises(BoardNotAvailable, match=r'ATTR\{idVendor\}=="2b04"') as caught:
        UsbBus().open(entry, LABEL)
    assert caught.value.reason is Unavailable.NO_PERMISSION
    assert ID in str(caught.value)


def opened(**about):
    device = FakeDevice(**about)
    return device, UsbDevice(UsbEntry(0x2B04, 0xC006, 1, 5, "1-1", ID, "", device), LABEL)


def test_transfers_go_to_pyusb_as_they_are():
    device, connection = opened()
    assert connection.control(Setup(0xC0, 1, 0, 72, 64)) == b"\x01\x02"
    assert connection.control(Setup(0x40, 3, 0, 1, 2), b"ab") == b""
    assert device.transfers == [(0xC0, 1, 0, 72, 64, 5000), (0x40, 3, 0, 1, b"ab", 5000)]


def test_the_operating_system_sets_alternate_settings_itself():
    device, connection = opened()
    assert connection.control(Setup(0x01, 11, 1, 0, 0)) == b""
    assert (device.alternates, device.transfers) == ([(0, 1)], [])


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENODEV, Unavailable.UNPLUGGED), (errno.EACCES, Unavailable.NO_PERMISSION), (errno.EBUSY, Unavailable.BUSY)],
)
def test_a_transfer_that_cannot_be_made_names_board_and_transfer(number, reason):
    _, connection = opened(error=usb.core.USBError("it failed", None, number))
    with pytest.raises(BoardNotAvailable, match=ID) as caught:
        connection.control(Setup(0xC0, 1, 0, 72, 64))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "error", [usb.core.USBTimeoutError("slow", None, errno.ETIMEDOUT), usb.core.USBError("I/O error", None, errno.EIO)]
)
def test_other_failures_are_told_with_the_transfer(error):
    _, connection = opened(error=error)
    with pytest.raises(ConversationFailed, match="IN  c0 01"):
        connection.control(Setup(0xC0, 1, 0, 72, 64))


def test_a_conversation_is_carried_with_its_pauses_and_stalls():
    device, connection = opened()
    slept = []

    def conversation():
        first = yield Transfer(Setup(0xC0, 1, 0, 72, 64))
        yield Pause(0.5)
        device.error = usb.core.USBError("Pipe error", None, errno.EPIPE)
        try:
            yield Transfer(Setup(0xC0, 2, 0, 1, 64))
        except Stall:
            return first, "stalled"

    assert run_steps(connection, conversation(), slept.append) == (b"\x01\x02", "stalled")
    assert slept == [0.5]


def test_a_conversation_is_closed_when_the_board_goes_away():
    _, connection = opened(error=usb.core.USBError("gone", None, errno.ENODEV))
    ended = []

    def conversation():
        try:
            yield Transfer(Setup(0xC0, 1, 0, 72, 64))
        finally:
            ended.append(True)

    with pytest.raises(BoardNotAvailable):
        run_steps(connection, conversation(), ended.append)
    assert ended == [True]
