"""Emulated Photons through the in-process doors: as a host finds, drives and abuses them."""

import errno

import pytest
import serial
import usb.core
import usb.util
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.board.board import BootRequest
from emulator.board_spec import BoardSpec
from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.doors.serial_url import comports
from emulator.doors.usb_host import UsbHost
from emulator.lab import Lab
from particle_protocol.listening import Write, configure_wifi, identify, module_info, system_version
from particle_protocol.listening.wifi import WifiCredentials
from particle_protocol.messages.goodbye import ResetReason


@pytest.fixture(params=["inline", "served"])
def lab(request):
    with Lab(seed=7, served=request.param == "served") as made:
        yield made


@pytest.fixture
def plugged(lab):
    """A host with one Photon in its port 1-1: (board, host, backend)."""

    def make(**more):
        board = lab.add_board(BoardSpec(**more))
        host = UsbHost(lab.driver, {"1-1": board.plug})
        return board, host, EmulatedUsbBackend(lab.driver, host)

    return make


def wait_for(backend, product):
    return backend.driver.wait(
        lambda: usb.core.find(backend=backend, idProduct=product), [backend.changed], timeout=30, awaited=f"a device {product:04x}"
    )


def talk(port, steps):
    """Run a host's conversation with the console over a pyserial port."""
    came = None
    while True:
        try:
            step = steps.send(came)
        except StopIteration as stop:
            return stop.value
        if isinstance(step, Write):
            port.write(step.data)
            came = b""
        else:
            port.timeout = step.seconds
            came = port.read(1)
            came += port.read(port.in_waiting) if came else b""


def test_a_photon_enumerates_with_its_identity(plugged):
    board, host, backend = plugged()
    device = wait_for(backend, 0xC006)
    assert (device.idVendor, device.manufacturer, device.product) == (0x2B04, "Particle", "Photon")
    assert device.serial_number == board.device_id
    (info,) = comports(host)
    assert (info.vid, info.pid, info.serial_number) == (0x2B04, 0xC006, board.device_id)


def test_the_console_answers_over_the_serial_port(plugged):
    board, host, backend = plugged()
    wait_for(backend, 0xC006)
    backend.driver.sleep(0.2)
    with serial.serial_for_url(comports(host)[0].device, 9600) as port:
        assert talk(port, identify()).device_id == board.device_id
        assert talk(port, system_version()) == "2.3.1"
        assert talk(port, module_info())["p"] == 6


def test_wifi_is_configured_over_the_serial_port(plugged, lab):
    board, host, backend = plugged()
    lab.network.access_point("home", "secret pass")
    wait_for(backend, 0xC006)
    backend.driver.sleep(0.2)
    with serial.serial_for_url(comports(host)[0].device, 9600) as port:
        talk(port, configure_wifi(WifiCredentials("home", "secret pass")))
    assert [network.ssid for network in board.networks.all] == ["home"]


def test_opening_the_port_at_14400_baud_starts_dfu_mode(plugged):
    _, host, backend = plugged()
    wait_for(backend, 0xC006)
    backend.driver.sleep(0.2)
    serial.serial_for_url(comports(host)[0].device, 14400).close()
    device = wait_for(backend, 0xD006)
    assert device.product == "Photon DFU Mode"
    names = [usb.util.get_string(device, each.iInterface) for each in device.get_active_configuration()]
    assert names[0].startswith("@Internal Flash   /0x08000000/")
    assert len(names) == 2


def test_f_is_answered_and_the_console_goes_on(plugged):
    board, host, backend = plugged()
    wait_for(backend, 0xC006)
    backend.driver.sleep(0.2)
    with serial.serial_for_url(comports(host)[0].device, 9600, timeout=1) as port:
        port.write(b"f")
        assert port.read_until(b"abort)\r\n").endswith(b"(press 'a' to abort)\r\n")
        port.write(b"a")
        assert port.read_until(b"user.\r\n").endswith(b"Aborted by user.\r\n")
        assert talk(port, identify()).device_id == board.device_id


class Fuzzed:
    """One board for all the examples of a property test, and a way to see that it still works."""

    def __init__(self, mode, product):
        self.lab = Lab(seed=11)
        self.product = product
        self.board = self.lab.add_board(BoardSpec(mode=mode))
        self.backend = EmulatedUsbBackend(self.lab.driver, {"1-1": self.board.plug})
        wait_for(self.backend, product)
        self.fresh = self.lab.snapshot()

    def device(self):
        """The device, after the board was brought back to what it was."""
        self.lab.restore(self.fresh)
        if self.product == 0xD006:
            self.lab.driver.call(self.board.reset, ResetReason.DFU_MODE, BootRequest.DFU)
        device = wait_for(self.backend, self.product)
        for interface in range(3):
            if interface in next(iter(self.backend.enumerate_devices())).drivers:
                device.detach_kernel_driver(interface)
        return device


@pytest.fixture(scope="module")
def normal():
    return Fuzzed("normal", 0xC006)


@pytest.fixture(scope="module")
def dfu():
    return Fuzzed("dfu", 0xD006)


byte, word = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
small = st.integers(0, 8)
request_types = st.sampled_from([0x80, 0x81, 0x82, 0xA1, 0xC0, 0xC1, 0x00, 0x01, 0x02, 0x21, 0x40, 0x41])
setups = st.tuples(
    st.one_of(request_types, byte),
    st.one_of(small, st.just(80), byte),
    st.one_of(small, word),
    st.one_of(small, word),
    st.binary(max_size=70),
)


def attack(device, requests):
    """Do whatever a host may; returns False when the board left because of it."""
    for request_type, request, value, index, data in requests:
        try:
            device.ctrl_transfer(request_type, request, value, index, len(data) if request_type & 0x80 else data)
        except usb.core.USBError as error:
            if error.errno == errno.ENODEV:
                return False
            if error.errno not in (errno.ENOENT, errno.EBUSY, errno.EPIPE, errno.EIO, errno.EINVAL):
                raise
    return True


def recovers(bench):
    """Whatever was done to it, the board is found in DFU mode after a reset with MODE held until it blinks yellow."""
    driver, buttons = bench.lab.driver, bench.board.buttons
    driver.call(buttons.press_mode)
    driver.call(buttons.press_reset)
    driver.sleep(0.1)
    driver.call(buttons.release_reset)
    driver.sleep(4.0)
    driver.call(buttons.release_mode)
    assert wait_for(bench.backend, 0xD006).serial_number == bench.board.device_id


def abuse_control(bench, requests):
    if attack(bench.device(), requests):
        bench.lab.driver.sleep(2.0)
    recovers(bench)


def abuse_serial(bench, pieces):
    device = bench.device()
    try:
        for piece in pieces:
            device.write(0x01, piece)
            device.read(0x81, 4096, timeout=10)
    except usb.core.USBTimeoutError:
        pass
    except usb.core.USBError as error:
        if error.errno != errno.ENODEV:
            raise
    bench.lab.driver.sleep(5.0)
    recovers(bench)


requests = st.lists(setups, max_size=15)
pieces = st.lists(st.binary(max_size=100), max_size=10)
few = settings(deadline=None, max_examples=40)
many = settings(deadline=None, max_examples=5000)


@few
@given(requests)
def test_no_request_breaks_a_board_in_normal_mode(normal, requests):
    abuse_control(normal, requests)


@few
@given(requests)
def test_no_request_breaks_a_board_in_dfu_mode(dfu, requests):
    abuse_control(dfu, requests)


@few
@given(pieces)
def test_no_bytes_on_the_serial_port_break_a_board(normal, pieces):
    abuse_serial(normal, pieces)


@pytest.mark.soak
@many
@given(requests)
def test_thousands_of_requests_do_not_break_a_board_in_normal_mode(normal, requests):
    abuse_control(normal, requests)


@pytest.mark.soak
@many
@given(requests)
def test_thousands_of_requests_do_not_break_a_board_in_dfu_mode(dfu, requests):
    abuse_control(dfu, requests)


@pytest.mark.soak
@many
@given(pieces)
def test_thousands_of_bytes_on_the_serial_port_do_not_break_a_board(normal, pieces):
    abuse_serial(normal, pieces)
