"""How many device-id requests a second go through pyusb, and what pyusb alone would allow.

One device-id request is three control transfers (INIT, CHECK, RECV). The null backend answers nothing at once: it is what bounds us.
"""

import pytest
import usb.backend
import usb.core

from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.drivers.inline import InlineDriver
from emulator.usb.plug import UsbPlug

REQUESTS = 500


class Thing:
    """The least of a USB device."""

    DEVICE = bytes.fromhex("12010002000000402b04 06c0 5002 00000001".replace(" ", ""))
    CONFIGURATION = bytes.fromhex("090212000101 00c032 090400 0000ff000000".replace(" ", ""))

    def control(self, setup, data):
        if setup.request_type == 0xC0:
            return b"\x03\x00\x00\x00\x00\x00\x01\x00"
        if setup.request == 6:
            return (self.DEVICE if setup.value >> 8 == 1 else self.CONFIGURATION)[: setup.length]
        return b""

    def bus_reset(self):
        pass


class NullBackend(usb.backend.IBackend):
    def __init__(self, real):
        super().__init__()
        self.real = real

    def __getattr__(self, name):
        return getattr(self.real, name)

    def enumerate_devices(self):
        return self.real.enumerate_devices()

    def get_device_descriptor(self, dev):
        return self.real.get_device_descriptor(dev)

    def open_device(self, dev):
        return dev

    def close_device(self, handle):
        pass

    def ctrl_transfer(self, handle, request_type, request, value, index, data, timeout):
        return 8


def three_transfers(device):
    for _ in range(REQUESTS):
        device.ctrl_transfer(0xC0, 1, 0, 20, 64)
        device.ctrl_transfer(0xC0, 2, 0, 1, 64)
        device.ctrl_transfer(0xC0, 4, 0, 1, 28)


@pytest.fixture
def backend():
    plug = UsbPlug()
    plug.attach(Thing())
    return EmulatedUsbBackend(InlineDriver(), {"1-1": plug})


@pytest.mark.benchmark(group="three control transfers x 500")
def test_three_transfers_through_the_emulated_backend(benchmark, backend):
    device = usb.core.find(backend=backend)
    benchmark(three_transfers, device)
    benchmark.extra_info["per_second"] = REQUESTS / benchmark.stats.stats.median


@pytest.mark.benchmark(group="three control transfers x 500")
def test_three_transfers_through_a_null_backend(benchmark, backend):
    device = usb.core.find(backend=NullBackend(backend))
    benchmark(three_transfers, device)
    benchmark.extra_info["per_second"] = REQUESTS / benchmark.stats.stats.median
