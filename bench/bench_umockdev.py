"""dfu-util, unmodified, writing 128 KiB to an emulated board through the umockdev door: the whole run of the program.

The null program (`dfu-util --version` in the same environment) shows how much of it is starting up.
"""

import os
import shutil
import struct
import subprocess

import pytest

from emulator.doors.umockdev import PreloadMissing, UmockdevDoor, find_preload
from emulator.drivers.served import ServedDriver
from emulator.usb.plug import UsbPlug
from particle_protocol.usb import Stall

SIZE = 128 * 1024


class Memory:
    """The least of a DfuSe device."""

    DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, 0x2B04, 0xD006, 0x0250, 0, 0, 0, 1)
    CONFIGURATION = bytes.fromhex("09021b00010100c0320904000000fe01020409210bff0000101a01")
    NAME = "@Flash   /0x08000000/64*4Kg".encode("utf-16-le")

    def __init__(self):
        self.state = 2
        self.written = 0

    def control(self, setup, data):
        match (setup.request_type, setup.request):
            case (0x80, 6):
                kind = setup.value >> 8
                strings = b"\x04\x03\x09\x04" if setup.value & 0xFF == 0 else bytes([len(self.NAME) + 2, 3]) + self.NAME
                return {1: self.DEVICE, 2: self.CONFIGURATION, 3: strings}[kind][: setup.length]
            case (0x21, 1):
                self.state = 4
                self.written += len(data) if setup.value >= 2 else 0
            case (0xA1, 3):
                answer = bytes([0, 0, 0, 0, self.state, 0])
                self.state = 5 if self.state == 4 else self.state
                return answer
            case (0xA1, 5):
                return bytes([self.state])
            case (0x21, 4 | 6):
                self.state = 2
            case (0x00, 9) | (0x01, 11):
                return b""
            case _:
                raise Stall
        return b""

    def ep_in(self, endpoint, length):
        return None

    def bus_reset(self):
        pass


@pytest.fixture
def environment():
    if shutil.which("dfu-util") is None:
        pytest.skip("dfu-util is not installed: apt-get install dfu-util")
    driver, plug = ServedDriver(), UsbPlug()
    memory = Memory()
    driver.call(plug.attach, memory)
    try:
        library = find_preload()
    except PreloadMissing as missing:
        pytest.skip(str(missing))
    with UmockdevDoor(driver, {"1-1": plug}, preload=library) as door:
        yield os.environ | door.environment(), memory
    driver.close()


@pytest.mark.benchmark(group="dfu-util through umockdev")
def test_dfu_util_writes_128_kib(benchmark, environment, tmp_path):
    variables, memory = environment
    image = tmp_path / "firmware.bin"
    image.write_bytes(os.urandom(SIZE))
    command = ["dfu-util", "-a", "0", "-s", "0x08000000", "-D", str(image)]

    def write():
        memory.written = 0
        subprocess.run(command, env=variables, check=True, capture_output=True, timeout=30)
        assert memory.written == SIZE

    benchmark(write)


@pytest.mark.benchmark(group="dfu-util through umockdev")
def test_dfu_util_says_its_version(benchmark, environment):
    variables, _ = environment
    benchmark(lambda: subprocess.run(["dfu-util", "--version"], env=variables, check=True, capture_output=True, timeout=30))
