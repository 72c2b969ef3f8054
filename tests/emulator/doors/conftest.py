"""Small USB devices that no Particle code knows: what a door must serve, whatever the board shows."""

import struct
import threading
from types import SimpleNamespace

import pytest

from emulator.clock import Signal
from emulator.drivers.inline import InlineDriver
from emulator.drivers.served import ServedDriver
from emulator.usb.plug import UsbPlug
from particle_protocol.usb import Stall


def whole_configuration(interfaces, *blocks):
    body = b"".join(bytes.fromhex(block.replace(" ", "")) for block in blocks)
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), interfaces, 1, 0, 0xC0, 50) + body


class FakeFunction:
    """A USB device from its descriptors; standard requests as a device answers them."""

    DEVICE = b""
    CONFIGURATION = b""
    STRINGS = ("", "Maker", "Thing", "0123456789abcdef01234567")

    def __init__(self, plug):
        self.plug = plug
        self.log = []
        self.configuration = 0
        self.resets = 0
        self.heard = Signal()

    def control(self, setup, data):
        self.log.append((setup, data))
        self.heard.fire()
        match (setup.request_type, setup.request):
            case (0x80, 6):
                kind, number = setup.value >> 8, setup.value & 0xFF
                if kind == 1:
                    return self.DEVICE[: setup.length]
                if kind == 2 and number == 0:
                    return self.CONFIGURATION[: setup.length]
                if kind == 3 and number == 0:
                    return b"\x04\x03\x09\x04"[: setup.length]
                if kind == 3 and number < len(self.STRINGS):
                    text = self.STRINGS[number].encode("utf-16-le")
                    return (bytes([len(text) + 2, 3]) + text)[: setup.length]
            case (0x00, 9) if setup.value in (0, 1):
                self.configuration = setup.value
                return b""
            case (0x80, 8):
                return bytes([self.configuration])
            case (0x80 | 0x81 | 0x82, 0):
                return b"\x01\x00"
            case (0x02, 1):
                return b""
            case _:
                return self.request(setup, data)
        raise Stall

    def request(self, setup, data):
        raise Stall

    def ep_out(self, endpoint, data):
        raise Stall

    def ep_in(self, endpoint, length):
        raise Stall

    def bus_reset(self):
        self.resets += 1


class FakeSerial(FakeFunction):
    """A serial port with a third, vendor interface: the shape of a Photon in normal mode. What is sent comes back in upper case."""

    DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0xEF, 2, 1, 64, 0x2B04, 0xC006, 0x0250, 1, 2, 3, 1)
    CONFIGURATION = whole_configuration(
        3,
        "080b000202020100",  # interface association: it belongs to the configuration
        "090400000102020100 0524001001 0524010101 04240206 0524060001 0705830308 00ff",
        "09040100020a000000 07050102400000 07058102400000",
        "0904020000ffffff00",
    )

    def __init__(self, plug):
        super().__init__(plug)
        self.inbox = bytearray()
        self.echo = True
        self.received = bytearray()
        self.notes = []

    def request(self, setup, data):
        match (setup.request_type, setup.request):
            case (0x21, 0x20 | 0x22 | 0x23):
                return b""
            case (0x21, 0x01):  # leaves the bus in the middle of the request
                self.plug.detach()
                return b""
            case (0xC0, _):
                return struct.pack("<HH", setup.value, setup.index)[: setup.length]
            case (0x40, _):
                return b""
        raise Stall

    def ep_out(self, endpoint, data):
        if endpoint != 0x01:
            raise Stall
        self.received += data
        if self.echo:
            self.say(bytes(data).upper())

    def ep_in(self, endpoint, length):
        if endpoint == 0x83:
            return self.notes.pop(0) if self.notes else None
        if endpoint != 0x81:
            raise Stall
        data = bytes(self.inbox[: min(length, 64)])
        del self.inbox[: len(data)]
        return data or None

    def say(self, data):
        self.inbox += data
        self.plug.readable()

    def sent(self, request_type, request):
        return [(setup.value, data) for setup, data in self.log if (setup.request_type, setup.request) == (request_type, request)]


class FakeMemory(FakeFunction):
    """One interface of DFU class (DfuSe 1.1a) with two alternate settings, each with its functional descriptor: memory of 256 KiB."""

    DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, 0x2B04, 0xD006, 0x0250, 1, 2, 3, 1)
    CONFIGURATION = whole_configuration(1, "0904000000fe010204 09210bff0000101a01", "0904000100fe010205 09210bff0000101a01")
    STRINGS = (*FakeFunction.STRINGS, "@First   /0x08000000/64*4Kg", "@Second   /0x20000000/1*4Kg")
    IDLE, BUSY, DOWNLOADING, MANIFEST, UPLOADING = 2, 4, 5, 7, 9

    def __init__(self, plug):
        super().__init__(plug)
        self.alternate = 0
        self.memory = bytearray(b"\xff" * 0x40000)
        self.address = 0
        self.state = self.IDLE
        self.on_leave = plug.detach

    def request(self, setup, data):
        match (setup.request_type, setup.request):
            case (0x01, 11) if setup.index == 0 and setup.value in (0, 1):
                self.alternate = setup.value
                return b""
            case (0x21, 1):
                return self.download(setup.value, data)
            case (0xA1, 2):
                self.state = self.UPLOADING if setup.length else self.IDLE
                at = self.address + (setup.value - 2) * 4096
                return bytes(self.memory[at : at + setup.length])
            case (0xA1, 3):
                return self.status()
            case (0xA1, 5):
                return bytes([self.state])
            case (0x21, 4 | 6):
                self.state = self.IDLE
                return b""
        raise Stall

    def download(self, block, data):
        if not data:
            self.state = self.MANIFEST
        elif block == 0:
            self.state = self.BUSY
            if data[0] == 0x21:
                self.address = int.from_bytes(data[1:5], "little") - 0x08000000
            elif data[0] == 0x41:
                at = int.from_bytes(data[1:5], "little") - 0x08000000
                self.memory[at : at + 4096] = b"\xff" * 4096
        else:
            at = self.address + (block - 2) * 4096
            self.memory[at : at + len(data)] = data
            self.state = self.BUSY
        return b""

    def status(self):
        answer = bytes([0, 0, 0, 0, self.state, 0])
        if self.state == self.BUSY:
            self.state = self.DOWNLOADING
        elif self.state == self.MANIFEST:
            self.on_leave()
        return answer


@pytest.fixture
def fakes(make_fakes):
    """The device classes."""
    return make_fakes


@pytest.fixture(scope="session")
def make_fakes():
    """The same, for fixtures that live longer than a test."""
    return SimpleNamespace(Serial=FakeSerial, Memory=FakeMemory, Stall=Stall)


@pytest.fixture(params=["inline", "served"])
def driver(request):
    """Both drivers, one after the other."""
    made = InlineDriver() if request.param == "inline" else ServedDriver()
    yield made
    made.close()


@pytest.fixture
def drop_elsewhere():
    """Lets go of the only references to the objects in a list on another thread, as Python's collector does."""

    def drop(objects):
        thread = threading.Thread(target=objects.clear)
        thread.start()
        thread.join()

    return drop


@pytest.fixture
def plug():
    return UsbPlug()


@pytest.fixture
def board(driver, plug, fakes):
    """A serial device that is attached."""
    function = fakes.Serial(plug)
    driver.call(plug.attach, function)
    return function
