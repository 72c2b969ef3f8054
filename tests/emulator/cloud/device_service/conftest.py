"""A device service in virtual time, a cloud that takes notes, and boards that connect to it through streams in memory."""

import random

import pytest

from emulator.cloud.device_service import DeviceService, DeviceServiceSettings, StreamPort
from emulator.device_os.application import Application, function, variable
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_facts import CloudFacts, Disconnected
from emulator.device_os.cloud_link import StreamIdentity, stream_link
from emulator.drivers.inline import InlineDriver
from particle_protocol.describe import DescribedModule, ModuleFunction, SystemDescribe
from particle_protocol.lightssl import DeviceEnd, MessageReceived, lab_device_key, lab_server_key

DEVICE_ID = bytes.fromhex("3f002a001747343733340000")


class Stream:
    """One end of a stream in memory; every write takes a turn of the clock."""

    def __init__(self, clock, peer):
        self.clock, self.peer, self.other, self.alive = clock, peer, None, True
        self.on_data = self.on_closed = lambda _: None

    def write(self, data):
        if self.alive:
            self.clock.call_later(0.001, self.other.take, bytes(data))

    def take(self, data):
        if self.alive:
            self.on_data(data)

    def close(self):
        if self.alive:
            self.alive = False
            self.clock.call_later(0.001, self.other.end, "closed by the peer")

    def end(self, reason):
        if self.alive:
            self.alive = False
            self.on_closed(reason)

    def abort(self):
        self.alive = False


class Notes:
    """A cloud that knows keys, and writes down what it hears."""

    def __init__(self):
        self.keys = {}
        self.learns = False
        self.opened, self.closed, self.events, self.descriptions = [], [], [], []
        self.heard_from, self.vitals = [], []
        self.on_opened = lambda session: None

    def public_key(self, device_id, kind):
        return self.keys.get(device_id)

    def learn_key(self, device_id, key):
        if self.learns:
            self.keys[device_id] = key
        return self.learns

    def session_opened(self, session):
        self.opened.append(session)
        self.on_opened(session)

    def heard(self, session):
        self.heard_from.append(session)

    def session_closed(self, session, reason):
        self.closed.append((session, reason))

    def described(self, session, system, application):
        self.descriptions.append((system, application))

    def vitals_received(self, session, vitals):
        self.vitals.append(vitals)

    def event_received(self, session, name, data, *, public, ttl):
        self.events.append((name, data, public, ttl))


class Kitchen(Application):
    """An application with one of everything."""

    def __init__(self):
        super().__init__()
        self.heard = []

    @function
    def double(self, argument: str) -> int:
        return 2 * int(argument)

    @variable
    def count(self) -> int:
        return -3

    @variable
    def warmth(self) -> float:
        return 21.25

    @variable
    def open(self) -> bool:
        return True

    @variable
    def name(self) -> str:
        return "köln"

    def setup(self) -> None:
        self.add_subscription("news/", lambda name, data: self.heard.append((name, data)))


class Board:
    """What runs a `CloudConnection` over a stream, as a firmware does."""

    connected = True

    def __init__(self, lab, stream, version=(2, 3, 1), application=Kitchen, device_id=DEVICE_ID, key=None, **facts):
        self.lab, self.stream = lab, stream
        self.application = application() if application else None
        if self.application:
            self.application.start(self)
        module = DescribedModule(262144, function=ModuleFunction.SYSTEM_PART, index=2, version=2302)
        modules = facts.pop("modules", (module,))
        self.facts = CloudFacts(version, 2302, 6, 6, 0xFFFF, lambda: SystemDescribe(6, modules), self.application)
        for name, value in facts.items():
            setattr(self.facts, name, value)
        identity = StreamIdentity(device_id, key or lab_device_key(5), lab.server_key.public)
        self.connection = CloudConnection(stream_link(identity, version, lab.clock.now), self.facts, lab.clock.now)
        self.events = []
        self.timer = None
        stream.on_data, stream.on_closed = self.on_data, self.on_closed
        self.turn()

    def publish(self, name, data, **more):
        sent = self.connection.publish(name, data.encode(), self.lab.clock.now, **more) == 0
        self.turn()
        return sent

    def call_later(self, delay, callback, *args):
        return self.lab.clock.call_later(delay, callback, *args)

    def on_data(self, data):
        self.connection.receive_data(data, self.lab.clock.now)
        self.turn()

    def on_closed(self, _):
        self.connection.receive_eof(self.lab.clock.now)
        self.turn()

    def on_timer(self):
        self.connection.handle_timer(self.lab.clock.now)
        self.turn()

    def turn(self):
        out = b"".join(self.connection.pieces_to_send())
        if out:
            self.stream.write(out)
        new = self.connection.events()
        self.events += new
        if any(isinstance(event, Disconnected) for event in new):
            self.stream.close()
        if self.timer:
            self.timer.cancel()
        due = self.connection.deadline()
        self.timer = self.lab.clock.call_at(due, self.on_timer) if due is not None else None


class RawDevice:
    """The device's end of the secure channel and nothing above it: says what a test tells it to."""

    def __init__(self, lab, stream, key=None, server_key=None):
        self.lab, self.stream, self.heard, self.closed = lab, stream, [], False
        self.end = DeviceEnd(DEVICE_ID, key or lab_device_key(5), server_key or lab.server_key.public, lab.clock.now)
        stream.on_data, stream.on_closed = self.on_data, self.on_closed

    def on_closed(self, _):
        self.closed = True

    def on_data(self, data):
        self.end.receive_data(data, self.lab.clock.now)
        self.heard += [event.data.hex() for event in self.end.events() if isinstance(event, MessageReceived)]
        self.stream.write(self.end.data_to_send())

    def say(self, *hexes):
        """Say something; give what comes back."""
        for each in hexes:
            self.end.send(bytes.fromhex(each))
        self.stream.write(self.end.data_to_send())
        self.lab.run(0.01)
        heard, self.heard = self.heard, []
        return heard


class Lab:
    """Clock, service, cloud, and the way to them."""

    def __init__(self, **settings):
        self.driver = InlineDriver()
        self.clock = self.driver.clock
        self.cloud = Notes()
        self.cloud.keys[DEVICE_ID.hex()] = lab_device_key(5).public_der
        self.server_key = lab_server_key()
        self.service = DeviceService(self.clock, self.cloud, self.driver.reply, random.Random(3), DeviceServiceSettings(**settings))
        self.port = StreamPort(self.service, self.server_key)

    def stream(self):
        near, far = Stream(self.clock, "cloud:5683"), Stream(self.clock, "10.0.0.9:41000")
        near.other, far.other = far, near
        self.port.accept(far)
        return near

    def board(self, **more):
        board = Board(self, self.stream(), **more)
        self.run(0.5)
        return board

    def raw(self, hello="50020001b168ff0006ffff00360006", **more):
        device = RawDevice(self, self.stream(), **more)
        self.run(0.01)
        if hello:
            device.say(hello)
        return device

    def run(self, seconds):
        """Let time pass."""
        self.driver.sleep(seconds)

    @property
    def session(self):
        return self.cloud.opened[-1]

    def wait(self, reply, timeout=100):
        """Wait for a reply of the session."""
        self.driver.wait(lambda: reply.done, [reply.settled], timeout=timeout, awaited="the device's answer")
        return reply.result()


@pytest.fixture(scope="session")
def make_lab():
    return Lab


@pytest.fixture
def lab(make_lab):
    return make_lab()
