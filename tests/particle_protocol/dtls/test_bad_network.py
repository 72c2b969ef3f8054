"""Both ends over a network that loses, repeats, reorders, delays and breaks datagrams, in virtual time, from a seed that a failure prints.

The device does as real ones do: when a handshake comes to nothing it begins another, from another port. Once there is a session, both ends
talk, and in the middle of it the device moves.
"""

import os
import random

import pytest

from particle_protocol.dtls import (
    ClientEnd,
    DeviceIdentity,
    DtlsError,
    EndSettings,
    KeyProved,
    Listener,
    MessageReceived,
    PrivateKey,
    device_dialect,
)

SERVER_KEY, DEVICE_KEY = PrivateKey.from_number(0x5E17), PrivateKey.from_number(0xDE71CE)
DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
VERSIONS = [(0, 7, 0), (2, 3, 1), (3, 3, 1), (6, 2, 0)]
SEEDS = int(os.environ.get("PARTICLE_HIL_DTLS_SEEDS", "10000"))
PATIENCE = 3600.0
MESSAGES = 12
SETTINGS = EndSettings(max_datagram=300)


class Journey:
    """One device, from the first hello to the last message."""

    def __init__(self, network, version):
        self.network = network
        self.version = version
        self.listener = Listener(SERVER_KEY, settings=EndSettings(max_datagram=250))
        self.device = None
        self.port = 1000
        self.attempts = 0
        self.begin_at = 0.0
        self.sent = {"device": [], "cloud": []}
        self.received = {"device": [], "cloud": []}
        self.errors = []
        self.session = None
        self.next_word = None

    def run(self):
        while self.network.now < PATIENCE and len(self.sent["cloud"]) < MESSAGES:
            times = [self.network.next_arrival(), self.listener.deadline(), self.begin_at, self.next_word]
            times.append(self.device and self.device.deadline())
            now = max(min(time for time in times if time is not None), self.network.now)
            for _ in self.network.deliver_until(now):
                self.flush()
            self.act(now)
            self.flush()
        for _ in self.network.deliver_until(self.network.now + 60):
            self.flush()
        return self

    def act(self, now):
        if self.begin_at is not None and now >= self.begin_at:
            self.begin(now)
        if self.device is not None:
            try:
                self.device.handle_timer(now)
            except DtlsError as error:
                self.failed(error, now)
        for end in self.listener.handle_timer(now):
            self.send_from(end)
        if self.next_word is not None and now >= self.next_word:
            self.talk(now)

    def begin(self, now):
        self.begin_at, self.attempts, self.port = None, self.attempts + 1, self.port + 1
        identity = DeviceIdentity(DEVICE_ID, DEVICE_KEY, SERVER_KEY.public)
        self.device = ClientEnd(identity, device_dialect(self.version), now, settings=SETTINGS)

    def failed(self, error, now):
        self.errors.append(error)
        self.flush()
        self.device, self.next_word, self.begin_at = None, None, now + 1.0

    def talk(self, now):
        """The device says something; the cloud too, if it has a session with this device that the device knows of."""
        number = len(self.sent["device"])
        if number == MESSAGES // 2:
            self.port += 1
            self.device.move()
        self.say("device", self.device, number)
        if self.session is not None and self.session.is_open:
            self.say("cloud", self.session, number)
            self.send_from(self.session)
        self.next_word = now + 0.5

    def say(self, who, end, number):
        message = f"{who} {number}".encode()
        self.sent[who].append(message)
        end.send(message)

    def flush(self):
        if self.device is None:
            return
        for event in self.device.events():
            if isinstance(event, MessageReceived):
                self.received["device"].append(event.data)
            else:
                self.next_word = self.network.now
        address = self.port
        for datagram in self.device.pieces_to_send():
            self.network.carry(datagram, lambda data, address=address: self.at_cloud(data, address))

    def at_cloud(self, datagram, address):
        end = self.listener.receive_datagram(datagram, address, self.network.now)
        for answer, where in self.listener.datagrams_to_send():
            self.network.carry(answer, lambda data, where=where: self.at_device(data, where))
        if end is not None:
            for event in end.events():
                if isinstance(event, KeyProved):
                    assert event.public_key == DEVICE_KEY.public
                    self.listener.accept(end, self.network.now)
                    self.listener.name(end, DEVICE_ID)
                    self.session = end
                elif isinstance(event, MessageReceived):
                    self.received["cloud"].append(event.data)
            self.send_from(end)

    def send_from(self, end):
        for datagram in end.pieces_to_send():
            self.network.carry(datagram, lambda data, where=end.address: self.at_device(data, where))

    def at_device(self, datagram, address):
        if self.device is not None and address == self.port:
            try:
                self.device.receive_data(datagram, self.network.now)
            except DtlsError as error:
                self.failed(error, self.network.now)


def travel(make_network, seed, version, **weather):
    try:
        journey = Journey(make_network(seed, **weather), version).run()
        for sender, receiver in (("device", "cloud"), ("cloud", "device")):
            received = journey.received[receiver]
            assert len(set(received)) == len(received), "a message came twice"
            assert set(received) <= set(journey.sent[sender]), "a message came that nobody sent"
        assert len(journey.sent["device"]) >= MESSAGES, f"no session after {journey.attempts} attempts: {journey.errors[-1:]}"
    except BaseException:
        print(f"seed {seed}, Device OS {version}, {weather}")  # noqa: T201
        raise
    return journey


def weather_of(seed):
    rng = random.Random(seed)
    return {
        "loss": rng.choice([0.0, rng.random() * 0.3]),
        "repeat": rng.choice([0.0, rng.random() * 0.4]),
        "corrupt": rng.choice([0.0, rng.random() * 0.1]),
        "jitter": rng.choice([0.0, 0.1, rng.random() * 5]),
    }


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_a_good_network(make_network, version):
    journey = travel(make_network, 0, version)
    assert journey.attempts == 1 and not journey.errors
    assert journey.received["cloud"] == journey.sent["device"]
    # What was under way when the device moved went to where it had been.
    assert journey.received["device"] == [each for each in journey.sent["cloud"] if each != f"cloud {MESSAGES // 2}".encode()]
    assert journey.network.now < 70, "nothing had to be repeated"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_reordering_and_repetition_alone_cost_no_message(make_network, version):
    for seed in range(10):
        journey = travel(make_network, seed, version, repeat=0.5, jitter=0.3)
        assert journey.attempts == 1 and not journey.errors
        assert set(journey.received["cloud"]) == set(journey.sent["device"])


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_loss_alone_ends_no_handshake_but_by_time(make_network, version):
    for seed in range(10):
        journey = travel(make_network, seed, version, loss=0.3, jitter=0.5)
        assert all("timeout" in str(error) for error in journey.errors)


def test_any_weather(make_network):
    for seed in range(48):
        travel(make_network, seed, VERSIONS[seed % len(VERSIONS)], **weather_of(seed))


@pytest.mark.soak
def test_ten_thousand_networks(make_network):
    for seed in range(1000, 1000 + SEEDS):
        travel(make_network, seed, VERSIONS[seed % len(VERSIONS)], **weather_of(seed))
