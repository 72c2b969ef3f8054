"""An open door with fake devices, a program that speaks the preload library's protocol, and real programs where they are installed."""

import ctypes.util
import os
import shutil
import socket
import struct
import subprocess
import sys
import textwrap

import pytest

from emulator.doors.umockdev import PreloadMissing, UmockdevDoor, find_preload
from emulator.doors.umockdev.wire import HEADER, Message
from emulator.drivers.served import ServedDriver
from emulator.usb.plug import UsbPlug

PACKAGES = {"dfu-util": "dfu-util", "lsusb": "usbutils", "udevadm": "udev", "stty": "coreutils"}


@pytest.fixture
def driver():
    made = ServedDriver()
    yield made
    made.close()


@pytest.fixture
def preload():
    """The real library, or a skip that says how to get it."""
    try:
        return find_preload()
    except PreloadMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def door(driver, plug, tmp_path):
    """An open door that needs no library: `program` speaks its protocol."""
    library = tmp_path / "none.so"
    library.touch()
    with UmockdevDoor(driver, {"1-1": plug}, preload=library) as opened:
        yield opened


@pytest.fixture
def real_door(driver, plug, preload):
    """An open door for real programs."""
    with UmockdevDoor(driver, {"1-1": plug}, preload=preload) as opened:
        yield opened


@pytest.fixture
def memory(driver, plug, fakes):
    """A DFU device that is attached."""
    function = fakes.Memory(plug)
    driver.call(plug.attach, function)
    return function


class Program:
    """One open file of a program, at the level of the ioctl socket. Its memory is `memory`, addresses start at 0."""

    def __init__(self, path):
        self.memory = bytearray(65536)
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.link.settimeout(10)
        self.link.connect(path)

    def call(self, kind, first, second):
        """Say something and serve the door's wishes until it is done; returns result and errno."""
        self.link.sendall(HEADER.pack(kind, first, second))
        while True:
            what, first, second = HEADER.unpack(self.exactly(HEADER.size))
            if what == Message.READ_MEMORY:
                self.link.sendall(bytes(self.memory[first : first + second]).ljust(second, b"\0"))
            elif what == Message.WRITE_MEMORY:
                self.memory[first : first + second] = self.exactly(second)
            elif what == Message.DONE:
                return struct.unpack("@lL", struct.pack("@LL", first, second))

    def ioctl(self, request, argument=0):
        return self.call(Message.IOCTL, request, argument)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.link.recv(size - len(data))
            if not more:
                raise ConnectionError("the door hung up")
            data += more
        return data

    def put(self, address, data):
        self.memory[address : address + len(data)] = data

    def number(self, address):
        return struct.unpack_from("@i", self.memory, address)[0]

    def close(self):
        self.link.close()


@pytest.fixture
def program(door):
    """Opens device nodes: `program("dev/bus/usb/001/002")`."""
    opened = []

    def open_node(node="dev/bus/usb/001/002"):
        opened.append(Program(str(door.root / "ioctl" / node)))
        return opened[-1]

    yield open_node
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def fuzz_door(make_fakes, tmp_path_factory):
    """One door for all the examples of a property test; opens the device node."""
    driver, plug = ServedDriver(), UsbPlug()
    library = tmp_path_factory.mktemp("library") / "none.so"
    library.touch()
    function = make_fakes.Serial(plug)
    function.bus_reset = lambda: None
    driver.call(plug.attach, function)
    with UmockdevDoor(driver, {"1-1": plug}, preload=library) as door:
        yield lambda: Program(str(door.root / "ioctl/dev/bus/usb/001/002"))
    driver.close()


@pytest.fixture
def run(real_door):
    """Runs a real program in the door's environment and gives its result; skips when it is not installed."""

    def start(*command, check=True, timeout=30):
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed: apt-get install {PACKAGES.get(command[0], command[0])}")
        done = subprocess.run(
            command, env=os.environ | real_door.environment(), capture_output=True, text=True, timeout=timeout, check=False
        )
        if check:
            assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done

    return start


@pytest.fixture
def start(real_door):
    """Starts a real program in the door's environment and leaves it running."""
    running = []

    def begin(*command):
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed: apt-get install {PACKAGES.get(command[0], command[0])}")
        running.append(
            subprocess.Popen(command, env=os.environ | real_door.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return running[-1]

    yield begin
    for each in running:
        each.kill()
        each.communicate(timeout=10)


@pytest.fixture
def libusb():
    """A skip, with the way out of it, where there is no libusb."""
    if ctypes.util.find_library("usb-1.0") is None:
        pytest.skip("libusb is not installed: apt-get install libusb-1.0-0")


@pytest.fixture
def python(run):
    """Runs a piece of Python in the door's environment, in a process of its own; gives what it printed."""

    def start(code, *arguments):
        return run(sys.executable, "-c", textwrap.dedent(code), *arguments).stdout

    return start
