"""How many device-id requests a second go through pyusb, and what pyusb alone would allow.

One device-id request is three control transfers (INIT, CHECK, RECV) to an emulated Photon. The null backend does nothing at all: what it
costs is pyusb itself, which bounds us.
"""

import pytest
import usb.backend
import usb.core

from emulator.doors.pyusb_backend import EmulatedUsbBackend
from emulator.lab import Lab

REQUESTS = 500


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


def device_ids(device):
    """Ask for the device id, as particle-usb does: INIT, CHECK until the answer is there, RECV."""
    for _ in range(REQUESTS):
        number = int.from_bytes(device.ctrl_transfer(0xC0, 1, 0, 20, 64)[6:8], "little")
        size = device.ctrl_transfer(0xC0, 2, 0, number, 64)[6]
        device.ctrl_transfer(0xC0, 4, 0, number, size)


@pytest.fixture
def backend():
    lab = Lab(seed=1)
    board = lab.add_board()
    made = EmulatedUsbBackend(lab.driver, {"1-1": board.plug})
    lab.driver.wait(lambda: usb.core.find(backend=made), [made.changed], timeout=10, awaited="the board")
    return made


@pytest.mark.benchmark(group="500 device-id requests")
def test_device_id_requests_through_the_emulated_backend(benchmark, backend):
    device = usb.core.find(backend=backend)
    benchmark(device_ids, device)
    benchmark.extra_info["per_second"] = REQUESTS / benchmark.stats.stats.median


@pytest.mark.benchmark(group="500 device-id requests")
def test_device_id_requests_through_a_null_backend(benchmark, backend):
    device = usb.core.find(backend=NullBackend(backend))
    benchmark(device_ids, device)
    benchmark.extra_info["per_second"] = REQUESTS / benchmark.stats.stats.median
