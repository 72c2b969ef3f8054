"""DFU between the bare cores: 128 KiB written to a Photon's user slot, and read back."""

import pytest

from particle_protocol.dfu import DfuDevice, DfuseMap, DfuSession
from particle_protocol.platforms import platform_by_name
from particle_protocol.usb import RequestType

START = 0x080A0000
IMAGE = bytes(range(256)) * 512
PHOTON = platform_by_name("photon")


class Flash:
    """The user slot, in memory."""

    erase_time = program_time = 0.0

    def __init__(self, name):
        self.name = name
        self.bytes = bytearray(b"\xff" * len(IMAGE))

    def read(self, address, length):
        return bytes(self.bytes[address - START : address - START + length])

    def erase(self, address):
        self.bytes[:] = b"\xff" * len(self.bytes)

    def program(self, address, data):
        self.bytes[address - START : address - START + len(data)] = data


@pytest.fixture
def device():
    return DfuDevice([Flash(name) for name in PHOTON.dfu_alternates], PHOTON.mcu, on_leave=lambda leave: None)


@pytest.fixture
def session():
    return DfuSession([DfuseMap.parse(text) for text in PHOTON.dfu_alternates])


def run(device, steps):
    """The least driver there can be; SET_INTERFACE is taken for done."""
    try:
        step = next(steps)
        while True:
            setup = step.setup
            step = steps.send(device.control(setup, step.data, 0.0) if setup.request_type & RequestType.CLASS else b"")
    except StopIteration as end:
        return end.value


def test_write_128_kib(benchmark, device, session):
    benchmark(lambda: run(device, session.write(0, START, IMAGE)))
    assert device.alternates[0].bytes == IMAGE


def test_read_128_kib(benchmark, device, session):
    device.alternates[0].program(START, IMAGE)
    assert benchmark(lambda: run(device, session.read(0, START, len(IMAGE)))) == IMAGE
