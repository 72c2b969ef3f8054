"""A board's connection over the device service, in virtual time: from the first byte to described, and one function call."""

import random

import pytest

from emulator.cloud.device_service import DeviceService, StreamPort
from emulator.device_os.application import Application, function
from emulator.device_os.cloud_connection import CloudConnection
from emulator.device_os.cloud_facts import CloudFacts
from emulator.device_os.cloud_link import StreamIdentity, stream_link
from emulator.drivers.inline import InlineDriver
from particle_protocol.describe import SystemDescribe
from particle_protocol.lightssl import lab_device_key, lab_server_key

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
        return False

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


def connect(driver, service):
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
