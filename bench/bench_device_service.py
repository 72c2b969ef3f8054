"""The device service: connections over TCP, the server's part of their CPU beside the RSA in it; sessions over UDP, and their memory."""

import itertools
import random
from pathlib import Path

import pytest

from emulator.cloud.device_service import DatagramPort, DeviceService, StreamPort
from emulator.device_os.application import Application, function
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_facts import CloudFacts
from emulator.device_os.cloud_link import StreamIdentity, stream_link
from emulator.drivers.inline import InlineDriver
from particle_protocol.describe import SystemDescribe
from particle_protocol.dtls import ClientEnd, DeviceIdentity, PrivateKey, device_dialect
from particle_protocol.lightssl import DevicePublicKey, lab_device_key, lab_server_key

DEVICE_ID = bytes.fromhex("3f002a001747343733340000")


class Echo(Application):
    @function
    def echo(self, argument):
        return len(argument)


class Notes:
    """The least cloud."""

    def __init__(self):
        self.session = None
        self.described_parts = 0

    def public_key(self, device_id, kind):
        return lab_device_key(1).public_der

    def learn_key(self, device_id, key):
        return True

    def admits_key(self, key):
        return True

    def failed(self, error):
        raise error

    def session_opened(self, session):
        self.session = session

    def heard(self, session):
        pass

    def session_closed(self, session, reason):
        pass

    def described(self, session, system, application):
        self.described_parts += 1

    def event_received(self, session, name, data, *, public, ttl):
        pass


class Stream:
    """A stream without delay: what is written arrives before `write` returns."""

    peer = "board"

    def __init__(self):
        self.other = None
        self.on_data = self.on_closed = lambda _: None

    def write(self, data):
        self.other.on_data(data)

    def close(self):
        pass


class Context:
    connected = True

    def call_later(self, delay, callback, *args):
        pass


def connect(driver, service, near=None, far=None):
    if near is None or far is None:
        near, far = Stream(), Stream()
        near.other, far.other = far, near
    application = Echo()
    application.start(Context())
    facts = CloudFacts((2, 3, 1), 2302, 6, 6, 0xFFFF, lambda: SystemDescribe(6), application)
    device = CloudConnection(
        stream_link(StreamIdentity(DEVICE_ID, lab_device_key(1), lab_server_key().public), facts.os_version, 0.0), facts, 0.0
    )

    def on_data(data):
        device.receive_data(data, driver.clock.now)
        out = b"".join(device.pieces_to_send())
        if out:
            near.write(out)

    near.on_data = on_data
    service.ports[0].accept(far)
    return device


@pytest.fixture
def lab():
    driver, notes = InlineDriver(), Notes()
    service = DeviceService(driver.clock, notes, driver.reply, random.Random(1))
    StreamPort(service, lab_server_key())
    return driver, notes, service


def test_connect_and_describe(benchmark, lab):
    driver, notes, service = lab
    device = benchmark(connect, driver, service)
    assert device.connected
    assert notes.described_parts >= 2


def test_function_call(benchmark, lab):
    driver, notes, service = lab
    connect(driver, service)
    assert benchmark(lambda: notes.session.call("echo", "hello").result()) == 5


class Repeating(random.Random):
    """Draws the same for every connection, so that a device can be played back."""

    def begin(self):
        self.seed(7)


class Silent:
    """The board's end of a stream, as a server sees it that nobody listens to."""

    peer = "board"

    def write(self, data):
        pass

    def close(self):
        pass


def played_back():
    """A server, and what a device said to it from its first byte to described."""
    driver, notes, rng = InlineDriver(), Notes(), Repeating()
    service = DeviceService(driver.clock, notes, driver.reply, rng)
    port = StreamPort(service, lab_server_key())
    said = []

    class Recorded(Stream):
        def write(self, data):
            if self is near:
                said.append(data)
            super().write(data)

    near, far = Recorded(), Recorded()
    near.other, far.other = far, near
    rng.begin()
    connect(driver, service, near, far)
    return port, rng, notes, said


def test_a_servers_part_of_a_tcp_connection(benchmark):
    """From the first byte to described: compare with the RSA below."""
    port, rng, notes, said = played_back()
    before = notes.described_parts

    def once():
        rng.begin()
        stream = Silent()
        port.accept(stream)
        for data in said:
            stream.on_data(data)

    once()
    assert notes.described_parts == before + 2
    benchmark(once)


def test_the_rsa_in_it(benchmark):
    """What a server has to compute: to read who it is, to encrypt the session key, to sign it."""
    server, public = lab_server_key(), DevicePublicKey.from_der(lab_device_key(1).public_der)
    identity = server.public.encrypt(bytes(214))

    def operations():
        return server.decrypt(identity), public.encrypt(bytes(40)), server.sign(bytes(20))

    assert benchmark(operations)[0] == bytes(214)


class Wire:
    """Datagrams that arrive before `send` returns; those to the board are handed to `board`."""

    def __init__(self):
        self.board = None

    def send(self, data, address):
        self.board(data)


class UdpBoard:
    """What a recorded device (6.2.0) says until it is described, through a DTLS client."""

    def __init__(self, port, number, said):
        self.port, self.address = port, (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5684)
        device_id = number.to_bytes(12)
        self.end = ClientEnd(DeviceIdentity(device_id, UDP_DEVICE_KEY, UDP_SERVER_KEY.public), device_dialect((6, 2, 0)), 0.0)
        self.said = [each.replace(DEVICE_ID_IN_RECORDING, device_id) for each in said]

    def received(self, data):
        self.end.receive_data(data, 0.0)

    def flush(self):
        while pieces := self.end.pieces_to_send():
            for each in pieces:
                self.port.receive(0, each, self.address)

    def go_online(self):
        self.flush()
        for each in self.said:
            self.end.send(each)
            self.flush()

    def say(self, data):
        self.end.send(data)
        self.flush()

    def leave(self):
        """Listen no more."""
        self.port._wires[0].board = lambda data: None


UDP_SERVER_KEY, UDP_DEVICE_KEY = PrivateKey.from_number(1), PrivateKey.from_number(2)
DEVICE_ID_IN_RECORDING = bytes.fromhex("0123456789abcdef01234567")
RECORDING = Path(__file__).parent.parent / "tests" / "recordings" / "device_os" / "udp620.txt"


class Cloud(Notes):
    """Every device has the same key."""

    def public_key(self, device_id, kind):
        return UDP_DEVICE_KEY.public_der

    def event_received(self, session, name, data, *, public, ttl):
        self.last = name


@pytest.fixture
def udp():
    driver, cloud = InlineDriver(), Cloud()
    service = DeviceService(driver.clock, cloud, driver.reply, random.Random(1))
    port = DatagramPort(service, UDP_SERVER_KEY)
    wire = Wire()
    port.attach(wire)
    lines = [line.split() for line in RECORDING.read_text().splitlines() if not line.startswith("#")]
    said = [bytes.fromhex(rest[0]) for time, what, *rest in lines if what == "<" and float(time) < 2]
    numbers = itertools.count(1)

    def board():
        made = UdpBoard(port, next(numbers), said)
        wire.board = made.received
        return made

    return cloud, service, board


def test_a_session_over_udp_from_nothing_to_described(benchmark, udp):
    """Both ends: the handshake with its cookie, and the twelve messages that a device introduces itself with."""
    cloud, service, board = udp

    def once():
        made = board()
        made.go_online()
        made.leave()
        cloud.session.close("enough")

    benchmark(once)
    assert cloud.described_parts >= 2
    assert service.sessions == []


def test_an_event_over_udp(benchmark, udp):
    """Sealed by a device, acknowledged by its session."""
    cloud, _, board = udp
    made = board()
    made.go_online()
    identifiers = itertools.count(100)

    def publish():
        made.say(b"\x40\x02" + (next(identifiers) & 0xFFFF).to_bytes(2) + b"\xb1E\x06vd/pub\xffpayload")

    benchmark(publish)
    assert cloud.last == "vd/pub"


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_memory_of_a_session_over_udp_at_the_server(benchmark, udp):
    """Growth of the process by 2,000 described devices that are forgotten at once."""
    _, service, board = udp

    def fill(count):
        for _ in range(count):
            board().go_online()

    fill(200)
    before = resident()
    benchmark.pedantic(fill, (2000,))
    grown = (resident() - before) / 2000
    benchmark.extra_info["bytes_per_session"] = grown
    print(f"\n{grown / 1024:.1f} KiB a session")
    assert len(service.sessions) == 2200
