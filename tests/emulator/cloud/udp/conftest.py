"""Devices that speak DTLS, and say what real ones were recorded to say: in virtual time, or over a real socket."""

import random
import socket
import threading
import time

import pytest

from emulator.cloud import CloudSettings
from emulator.lab import CLOUD_HOST, Lab
from emulator.network import Cell, Link
from particle_protocol import dtls
from particle_protocol.coap import Code, Message, Type, is_request
from particle_protocol.coap_end import CoapEnd
from particle_protocol.messages import Hello, Kind
from particle_protocol.secure_channel import ChannelError, MessageReceived

FIRST_ID = 0x8000
"""The id of the first message that was not recorded."""
VERSIONS = {"udp231": (2, 3, 1), "udp331": (3, 3, 1), "udp580": (5, 8, 0), "udp620": (6, 2, 0), "boron": (6, 2, 0)}


class Device:
    """A device as a core without I/O: a DTLS client, and what it says. `saved` is a session to go on with."""

    def __init__(self, device_id, version, server_key, now, *, key=None, saved=None, draw=lambda: 0.5):
        self.key = key or dtls.PrivateKey.from_number(int.from_bytes(device_id) + 1)
        self.device_id, self.version = device_id, version
        self.identity = dtls.DeviceIdentity(device_id, self.key, server_key)
        self.end = dtls.ClientEnd(self.identity, dtls.device_dialect(version), now, saved=saved)
        self.coap = CoapEnd(self.end, draw=draw)
        self.coap.begin(saved.next_message_id if saved else FIRST_ID, 0)
        self.answers, self.heard, self.waiting, self.error = {}, [], [], None
        self.greeting, self.patient, self.resets = False, True, 0
        self.pings_after, self.last_heard = 25.0, now
        self.turn(now)

    @property
    def acknowledged(self):
        """Whether everything that it said has arrived."""
        return not self.waiting and all(each.is_ping for each in self.coap._unacknowledged.values())

    def say(self, now, *messages):
        """Say something as soon as the session stands."""
        self.waiting += messages
        self.turn(now)

    def event(self, name):
        """An event that says its name."""
        path = name.encode()
        option = bytes((0xB1,)) + b"E" + bytes((0x0D, len(path) - 13)) + path
        return Message.decode(bytes((0x40, 0x02)) + self.coap.next_id().to_bytes(2) + option)

    def receive(self, datagram, now):
        if self.error is None:
            self.guarded(self.end.receive_data, datagram, now)

    def handle_timer(self, now):
        if self.error is None:
            self.guarded(self.end.handle_timer, now)
            self.guarded(self.coap.handle_timer, now)
            if self.end.is_open and self.pings_after is not None and now >= self.last_heard + self.pings_after:
                self.last_heard = now
                self.coap.ping(now, lambda error: None, 30.0)

    def deadline(self):
        if self.error is not None:
            return None
        ping = self.last_heard + self.pings_after if self.end.is_open and self.pings_after is not None else None
        return min((due for due in (self.end.deadline(), self.coap.deadline(), ping) if due is not None), default=None)

    def guarded(self, function, *args):
        try:
            function(*args)
        except ChannelError as error:
            self.error = self.error or error
        self.turn(args[-1])

    def turn(self, now):
        for event in self.end.events():
            if isinstance(event, MessageReceived):
                self.last_heard = now
                self.resets += Message.decode(event.data).type is Type.RST
                message = self.coap.receive(event.data, now)
                if message is not None:
                    self.act(message, now)
        if self.end.is_open:
            waiting, self.waiting = self.waiting, []
            while waiting and not self.greeting:
                message = waiting.pop(0)
                self.greeting = self.patient and Kind.of(message) is Kind.HELLO
                self.coap.send(message, now, self.greeted if self.greeting else None, timeout=1000.0)
            self.waiting = waiting + self.waiting

    def greeted(self, error):
        """Hello is acknowledged: real devices say nothing else before."""
        self.greeting = False

    def act(self, message, now):
        self.heard.append(message)
        if message.code != Code.EMPTY and not is_request(message.code):
            return
        kind = Kind.of(message)
        if kind is Kind.SIGNAL:
            self.coap.acknowledge(message, Code.CHANGED)
            return
        self.coap.acknowledge(message)
        answer = self.answers.get((message.code, message.options))
        if answer is not None:
            self.coap.respond(message, answer.code, now, answer.payload, answer.options)


def play(device, lines):
    """Have a device say all that a recorded one said of its own accord, and answer what that one was asked as it did."""
    said = [Message.decode(line.data) for line in lines if line.what == "<"]
    asked = {each.token: each for each in (Message.decode(line.data) for line in lines if line.what == ">") if is_request(each.code)}
    for each in said:
        request = asked.get(each.token) if each.token else None
        if not is_request(each.code) and each.code and request is not None:
            device.answers[request.code, request.options] = each
    return [each for each in said if is_request(each.code) and Kind.of(each) not in (Kind.GOODBYE, Kind.CHUNK_MISSED)]


class InLab:
    """A device on a way through the Lab's network, in virtual time."""

    def __init__(self, lab, device, link=None, name="way"):
        self.lab, self.device, self.timer, self.off = lab, device, None, False
        self.way = Cell(name, lambda iccid: "", link=link if link is not None else Link())
        self.socket = lab.network.open_datagrams(self.way, (CLOUD_HOST, 5684))
        self.socket.on_datagram = self.received
        self.turn()

    def received(self, datagram):
        if not self.off:
            self.device.receive(datagram, self.lab.clock.now)
            self.turn()

    def woken(self):
        if not self.off:
            self.device.handle_timer(self.lab.clock.now)
            self.turn()

    def say(self, *messages):
        self.device.say(self.lab.clock.now, *messages)
        self.turn()

    def vanish(self):
        """Be gone without a word."""
        self.off = True
        if self.timer:
            self.timer.cancel()

    def turn(self):
        for piece in self.device.end.pieces_to_send():
            self.socket.send(piece)
        if self.timer:
            self.timer.cancel()
        due = self.device.deadline()
        self.timer = None if due is None else self.lab.clock.call_at(due, self.woken)


class OnSocket:
    """A device on a real UDP socket, in a thread of its own."""

    def __init__(self, device, address):
        self.device, self.address = device, address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(address)
        self.lock, self.over = threading.Lock(), False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            with self.lock:
                self.device.handle_timer(time.monotonic())
                self.flush()
            self.socket.settimeout(0.02)
            try:
                datagram = self.socket.recv(65_535)
            except OSError:
                continue
            with self.lock:
                self.device.receive(datagram, time.monotonic())
                self.flush()

    def say(self, *messages):
        with self.lock:
            self.device.say(time.monotonic(), *messages)
            self.flush()

    def flush(self):
        for piece in self.device.end.pieces_to_send():
            self.socket.send(piece)

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()


class World:
    """A Lab whose cloud knows nobody yet, and devices in it."""

    def __init__(self, seed=0, **settings):
        settings.setdefault("register_unknown_devices", True)
        self.lab = Lab(seed=seed, cloud_settings=CloudSettings(**settings))
        self.port = self.lab.ports[1]
        self.rng = random.Random(seed)
        self.events = []
        arrivals = self.lab.cloud.arrivals
        hear = arrivals.event_received

        def noted(session, name, data, **more):
            self.events.append((name, data))
            hear(session, name, data, **more)

        arrivals.event_received = noted

    def close(self):
        self.lab.close()

    def device(self, device_id, version=(6, 2, 0), link=None, **more):
        made = Device(device_id, version, self.lab.udp_server_key.public, self.lab.clock.now, draw=self.rng.random, **more)
        return InLab(self.lab, made, link)

    def known(self, lines, name="udp620", link=None, **more):
        """A device that says a recorded Hello, and all else the recorded one said."""
        hello = Hello.decode(Message.decode(next(line.data for line in lines if line.what == "<")))
        made = self.device(hello.device_id, VERSIONS[name], link, **more)
        made.say(*play(made.device, lines))
        return made

    def run(self, seconds):
        self.lab.driver.sleep(seconds)

    def wait(self, reply):
        self.lab.driver.wait(lambda: reply.done, [reply.settled], timeout=600, awaited="the device's answer")
        return reply.result()

    def session(self, device):
        return next(each for each in self.lab.device_service.sessions if each.device_id == device.device.device_id.hex())

    @property
    def refusals(self):
        return [each.why for each in self.lab.device_service.refusals]


@pytest.fixture
def make_world():
    made = []

    def make(*args, **more):
        made.append(World(*args, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture(scope="session")
def first(recording):
    """The lines of a recording's first connection."""

    def read(name):
        lines = recording(name)
        starts = [index for index, line in enumerate(lines) if line.what == "="]
        if name == "boron":
            return lines[starts[1] :]
        return lines[starts[0] : starts[1] if len(starts) > 1 else None]

    return read


@pytest.fixture(scope="session")
def tools():
    """The classes above, for tests that make their own."""
    return {"Device": Device, "InLab": InLab, "OnSocket": OnSocket, "World": World, "play": play, "VERSIONS": VERSIONS, "Type": Type}
