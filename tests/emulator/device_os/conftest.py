"""A cloud of bare bytes, to which a device's connection is held."""

import pytest

from emulator.device_os.application import Application, function, variable
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_facts import CloudFacts, CloudIdentity
from particle_protocol.coap import Message
from particle_protocol.describe import SystemDescribe
from particle_protocol.lightssl import DevicePublicKey, MessageReceived, ServerEnd, lab_device_key, lab_server_key

DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")


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
        identity = CloudIdentity(DEVICE_ID, self.key, lab_server_key().public)
        self.device = CloudConnection(identity, self.facts, now, application_ready=ready, **quirks)
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
        self.server.receive_data(self.device.data_to_send(), self.now)
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
        self.server.receive_data(self.device.data_to_send(), self.now)
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


@pytest.fixture(scope="session")
def pair():
    return Pair


def messages(hexes):
    return [Message.decode(bytes.fromhex(each)) for each in hexes]


@pytest.fixture
def decoded():
    return messages
