"""A cloud of bare bytes, to which a device's connection is held."""

import pytest

from emulator.device_os.application import Application, function, variable
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_facts import CloudFacts
from emulator.device_os.cloud_link import StreamIdentity, datagram_link, stream_link
from particle_protocol.cloud_messages.describe import decode_system
from particle_protocol.cloud_profiles import Network
from particle_protocol.coap import Code, Message, Type
from particle_protocol.describe import Description, SystemDescribe
from particle_protocol.dtls import DeviceIdentity, KeyProved, Listener, PrivateKey
from particle_protocol.lightssl import DevicePublicKey, MessageReceived, ServerEnd, lab_device_key, lab_server_key
from particle_protocol.messages import DescribeFlag, DescribePost, Event, Goodbye, Hello, HelloFlag, HelloLimits, Subscription
from particle_protocol.vitals import decode_vitals

DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
SERVER_KEY, DEVICE_KEY = PrivateKey.from_number(0x5E17), PrivateKey.from_number(0xDE71CE)


class TraceApplication(Application):
    """The application that ran in the recorded virtual devices."""

    @function
    def echo(self, argument: str) -> int:
        return len(argument)

    @function("set")
    def set_value(self, argument: str) -> int:
        return 0

    @function
    def pub(self, argument: str) -> int:
        return int(self.publish("vd/pub", argument, with_ack=True))

    @variable("int")
    def number(self) -> int:
        return 42

    @variable("dbl")
    def double(self) -> float:
        return 3.25

    @variable("bool")
    def flag(self) -> bool:
        return True

    @variable("str")
    def text(self) -> str:
        return "hello from virtual device"

    def setup(self) -> None:
        self.heard = []
        self.add_subscription("hil/", lambda name, data: self.heard.append((name, data)))
        self.add_subscription("particle/device/name", lambda name, data: None)


class Pair:
    """A device's connection, and the cloud's end as a recorder: `said` holds the device's messages as hex."""

    def __init__(self, version=(2, 3, 1), application=TraceApplication, credentials=None, now=0.0, device_key=None, **more):
        self.now = now
        self.application = application() if application else None
        if self.application:
            self.application.start(self)
        chunks = iter([bytes(40), credentials or bytes(range(40))])
        self.facts = CloudFacts(version, 2302, 3, 3, 0xFFFF, lambda: SystemDescribe(3), self.application, max_binary=102400)
        ready = more.pop("application_ready", True)
        quirks = {"quirks": more.pop("quirks")} if "quirks" in more else {}
        for name, value in more.items():
            setattr(self.facts, name, value)
        self.key = device_key or lab_device_key(0)
        link = stream_link(StreamIdentity(DEVICE_ID, self.key, lab_server_key().public), version, now)
        salt = (credentials or bytes(range(40)))[32:]
        self.device = CloudConnection(link, self.facts, now, first_token=salt[2], application_ready=ready, **quirks)
        self.server = ServerEnd(lab_server_key(), now, random_bytes=lambda size: next(chunks))
        self.said = []
        self.events = []

    connected = True

    def publish(self, name, data=None, *, ttl=60, public=False, with_ack=False):
        data = data.encode() if isinstance(data, str) else data
        return self.device.publish(name, data, self.now, ttl=ttl, public=public, with_ack=with_ack) == 0

    def call_later(self, delay, callback, *args):
        raise NotImplementedError

    def handshake(self):
        self.device.receive_data(self.server.data_to_send(), self.now)
        self.server.receive_data(b"".join(self.device.pieces_to_send()), self.now)
        self.server.events()
        self.server.accept(DevicePublicKey.from_der(self.key.public_der), self.now)
        self.device.receive_data(self.server.data_to_send(), self.now)
        return self.flush()

    def connect(self):
        self.handshake()
        self.say("50020001b168")
        self.said.clear()
        self.events.clear()
        return self

    def flush(self):
        """Carry what the device has to say; give what is new, as hex."""
        self.server.receive_data(b"".join(self.device.pieces_to_send()), self.now)
        new = [event.data.hex() for event in self.server.events() if isinstance(event, MessageReceived)]
        self.said += new
        self.events += self.device.events()
        return new

    def say(self, *messages):
        """Say something as the cloud; give what the device answers."""
        for message in messages:
            data = message.encode() if isinstance(message, Message) else bytes.fromhex(message)
            self.server.send(data)
        self.device.receive_data(self.server.data_to_send(), self.now)
        return self.flush()

    def at(self, now):
        """Let time pass, running the device's timers when they are due."""
        while (due := self.device.deadline()) is not None and due <= now:
            self.now = due
            self.device.handle_timer(due)
            self.flush()
        self.now = now
        return self


class Store:
    """Where updates of version 3 go."""

    capacity = 1_000_000

    def __init__(self):
        self.data, self.applied, self.suspended, self.fault = bytearray(), 0, [], None

    def begin(self, size, sha256, *, discard, module_function):
        self.data = bytearray(size)
        return 0

    def write(self, offset, data):
        self.data[offset : offset + len(data)] = data

    def validate(self):
        if self.fault:
            raise self.fault

    def suspend(self, *, discard):
        self.suspended.append(discard)

    def apply(self):
        self.applied += 1
        return 0


class DatagramPair:
    """A device's connection over DTLS, and the cloud's port as a recorder: `said` holds the device's messages as hex."""

    def __init__(self, version=(6, 2, 0), application=TraceApplication, *, device_id=DEVICE_ID, saved=None, facts=None, **more):
        self.now = more.pop("now", 0.0)
        self.version = version
        self.device_id = device_id
        self.listener = more.pop("listener", None) or Listener(SERVER_KEY)
        self.address = more.pop("address", ("198.51.100.1", 50_000))
        self.network = more.pop("network", Network.LAN)
        self.first_token = more.pop("first_token", 0x40)
        self.ready = more.pop("application_ready", True)
        self.application = application() if application else None
        if self.application:
            self.application.start(self)
        self.facts = facts or CloudFacts(version, 6200, 3, 3, 0xFFFF, lambda: SystemDescribe(3), self.application, max_binary=102400)
        for name, value in more.items():
            setattr(self.facts, name, value)
        self.said, self.events, self.lost = [], [], False
        self.cloud = None
        self.open(saved)

    connected = True

    @classmethod
    def as_recorded(cls, version, lines):
        """A device whose facts are those of a recorded one."""
        said = [Message.decode(line.data) for line in first_session(lines) if line.what == "<"]
        hello = Hello.decode(said[0])
        limits = hello.limits or HelloLimits(0, 0, 102400, 512)
        posts = {DescribePost.decode(each).flags: each for each in said if each.code == Code.POST and each.path == "d"}
        system = _recorded_system(version, posts[DescribeFlag.SYSTEM].payload, hello.platform_id)
        vitals = next((each.payload for each in said if each.payload[:3] == b"\0\4\0"), None)
        code = next((each.payload for each in said if each.path == "E/spark/device/claim/code"), b"")
        tokens = [each.token[0] for each in said if each.token]
        safe = any(each.path == "E/spark/device/safemode" for each in said)
        values = {
            "system_version": limits.system_version,
            "max_binary": limits.max_binary_size,
            "platform_id": hello.platform_id,
            "product_id": hello.product_id,
            "product_version": hello.product_version,
            "claim_code": code,
            "safe_mode": safe,
            "update_store": Store() if hello.flags & HelloFlag.UPDATES_V3 else None,
            "system_describe": lambda: system,
            "diagnostics": lambda: decode_vitals(vitals),
        }
        return cls(version, None if safe else _recorded_application(said), device_id=hello.device_id, first_token=tokens[0], **values)

    def open(self, saved=None):
        """Begin, with a new socket."""
        identity = DeviceIdentity(self.device_id, DEVICE_KEY, SERVER_KEY.public)
        link = datagram_link(identity, self.version, self.network, self.now, saved=saved)
        self.device = CloudConnection(link, self.facts, self.now, first_token=self.first_token, application_ready=self.ready)
        self.flush()
        return self

    def reopen(self, *, moved=True):
        """Go on after the connection has ended, with what was kept, from another address."""
        saved = self.device.session
        if moved:
            self.address = (self.address[0], self.address[1] + 1)
        return self.open(None if saved is None else saved.used())

    def publish(self, name, data=None, *, ttl=60, public=False, with_ack=False):
        data = data.encode() if isinstance(data, str) else data
        return self.device.publish(name, data, self.now, ttl=ttl, public=public, with_ack=with_ack) == 0

    def call_later(self, delay, callback, *args):
        raise NotImplementedError

    def flush(self):
        """Carry what both have to say, until nobody has; give the device's new messages, as hex."""
        new = []
        while datagrams := self.device.pieces_to_send():
            for datagram in datagrams:
                self.sent = datagram
                if not self.lost:
                    new += self._deliver(datagram)
        self.events += self.device.events()
        return new

    def _deliver(self, datagram):
        end = self.listener.receive_datagram(datagram, self.address, self.now)
        for answer, _ in self.listener.datagrams_to_send():
            self.device.receive_data(answer, self.now)
        new = []
        if end is not None:
            self.cloud = end
            for event in end.events():
                if isinstance(event, KeyProved):
                    self.listener.accept(end, self.now)
                elif isinstance(event, MessageReceived):
                    message = Message.decode(event.data)
                    if message.path == "h":
                        self.listener.name(end, self.device_id)
                    new.append(event.data.hex())
            for answer in end.pieces_to_send():
                self.device.receive_data(answer, self.now)
        self.said += new
        return new

    def say(self, *messages):
        """Say something as the cloud; give what the device answers."""
        new = []
        for message in messages:
            data = message.encode() if isinstance(message, Message) else bytes.fromhex(message)
            self.cloud.send(data)
            for datagram in self.cloud.pieces_to_send():
                if not self.lost:
                    self.device.receive_data(datagram, self.now)
            new += self.flush()
        return new

    def acknowledge(self, *hexes):
        """Acknowledge messages of the device, the request for the time with the time, and all that come then; give those."""
        waiting, seen = list(hexes), []
        while waiting:
            message = Message.decode(bytes.fromhex(waiting.pop(0)))
            if message.type is Type.CON:
                answer = Message(Type.ACK, Code.EMPTY, message.id)
                if message.path == "t":
                    answer = Message(Type.ACK, Code.CONTENT, message.id, message.token, (), b"\x6b\x03\x44\xcb")
                more = self.say(answer)
                waiting += more
                seen += more
        return seen

    def connect(self):
        """Go online."""
        self.acknowledge(*self.said)
        assert self.device.connected
        self.said.clear()
        self.events.clear()
        return self

    def replay(self, lines):
        """Hold the device to a recording: it says what is there, in that order, and its application publishes what that one did."""
        waiting = list(self.said)
        for line in lines:
            if line.what == ">":
                waiting += self.say(line.data.hex())
            elif line.what == "<":
                if not waiting:
                    self._as_the_application(Message.decode(line.data))
                    waiting += self.flush()
                assert waiting.pop(0) == line.data.hex()
        assert waiting == []

    def _as_the_application(self, recorded):
        """Do what made the recorded device send a message of its own accord."""
        if recorded.path == "x":
            self.device.disconnect(Goodbye.decode(recorded), self.now)
        elif recorded.path == "d":
            assert self.device.publish_vitals(self.now)
        else:
            event = Event.decode(recorded)
            assert self.publish(event.name, event.data), f"the device says nothing, where {recorded} was recorded"

    def at(self, now):
        """Let time pass, running the device's timers when they are due."""
        while (due := self.device.deadline()) is not None and due <= now:
            self.now = due
            self.device.handle_timer(due)
            self.flush()
        self.now = now
        return self


def first_session(lines):
    """The lines of a recording up to its second connection."""
    opened = [number for number, line in enumerate(lines) if line.what == "="]
    return lines[: opened[1]] if len(opened) > 1 else lines


def _recorded_system(version, payload, platform_id):
    if version >= (5, 5, 0):
        return decode_system(payload, platform_id)
    return Description.decode(payload).system


def _recorded_application(said):
    """The application of a recorded device: what it described, subscribed and answered."""
    described = next(each.payload for each in said if each.path == "d" and b'"f"' in each.payload)
    told = Description.decode(described).application
    prefixes = [Subscription.decode(each) for each in said if each.code == Code.GET and each.path.startswith("e")][2:]

    class Recorded(Application):
        heard = ()

        def setup(self):
            for name in told.functions:
                self.add_function(name, FUNCTIONS.get(name, lambda _: 7))
            for name, type_ in dict(told.variables).items():
                self.add_variable(name, lambda name=name: VALUES[len(told.functions) > 3 and 1][name], type_)
            for each in prefixes:
                self.add_subscription(each.prefix, lambda *_: None, own_devices=each.own)

    return Recorded


FUNCTIONS = {"echo": len, "pub": lambda _: 1}
VALUES = (
    {"int": 42, "dbl": 3.25, "bool": True, "str": "hello from virtual device"},
    {"int": -123456, "str": 'hello "world" \u00e4', "String": "", "rx": 0, "dbl": 3.25, "bool": True},
)


@pytest.fixture
def store():
    return Store()


@pytest.fixture(scope="session")
def datagram_pair():
    return DatagramPair


@pytest.fixture(scope="session")
def pair():
    return Pair


def messages(hexes):
    return [Message.decode(bytes.fromhex(each)) for each in hexes]


@pytest.fixture
def decoded():
    return messages
