"""The UDP port on a real socket of a served Lab: recorded devices in threads, and the Lab's own way out."""

import contextlib
import itertools
import random
import resource
import selectors
import socket
import threading
import time
from dataclasses import replace

import httpx
import pytest

from emulator.cloud import CloudSettings, Storage
from emulator.lab import Lab
from emulator.network import Cell
from emulator.serving import CannotListen, Service
from particle_protocol import dtls
from particle_protocol.cloud_profiles import Transport
from particle_protocol.coap import Message
from particle_protocol.messages import Hello

NAMES = ["udp231", "udp331", "udp580", "udp620", "boron"]
WAIT = 30


@pytest.fixture
def lab():
    with Lab(seed=1, served=True, cloud_settings=CloudSettings(register_unknown_devices=True)) as made:
        yield made


@pytest.fixture
def service(lab):
    with Service(lab) as made:
        yield made


@pytest.fixture
def connect(service, tools):
    made = []

    def open_device(lines, name):
        hello = Hello.decode(Message.decode(next(line.data for line in lines if line.what == "<")))
        key = dtls.PublicKey(service.server_public_key(Transport.UDP))
        device = tools["Device"](hello.device_id, tools["VERSIONS"][name], key, 0.0, draw=random.Random(1).random)
        client = tools["OnSocket"](device, service.address(Transport.UDP))
        made.append(client)
        client.say(*tools["play"](device, lines))
        return client

    yield open_device
    for each in made:
        each.close()


def until(lab, holds, seconds=WAIT):
    """Wait for something to hold in the Lab."""
    for _ in range(seconds * 50):
        if lab.driver.call(holds):
            return
        lab.driver.sleep(0.02)
    raise AssertionError("not in time")


def is_described(lab, device_id):
    link = lab.cloud.connections.link(device_id)
    return link is not None and link.application is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_device_is_online_over_a_real_socket_and_answers_the_rest_api(lab, service, connect, first, name):
    client = connect(first(name), name)
    device_id = client.device.device_id.hex()
    until(lab, lambda: is_described(lab, device_id))
    lab.driver.call(lab.cloud.accounts.create, "me@example.com", "passw0rd")
    form = {"grant_type": "password", "username": "me@example.com", "password": "passw0rd"}
    with httpx.Client(base_url=service.url) as http:
        answer = http.post("/oauth/token", data={**form, "client_id": "particle", "client_secret": "particle"}).json()
        http.headers["Authorization"] = "Bearer " + answer["access_token"]
        assert http.post("/v1/devices", data={"id": device_id}).json()["ok"] is True
        seen = http.get(f"/v1/devices/{device_id}").json()
        assert (seen["online"], "echo" in seen["functions"]) == (True, True)
        if any(options[1:2] == ((11, b"echo"),) for _, options in client.device.answers):
            assert http.post(f"/v1/devices/{device_id}/echo", data={"arg": "hello"}).json()["return_value"] == 5
        else:
            assert name == "boron", "the others were asked"
        assert http.put(f"/v1/devices/{device_id}/ping").json()["online"] is True
    peer = lab.driver.call(lambda: lab.device_service.sessions[0].peer)
    assert peer == "{}:{}".format(*client.socket.getsockname())


def test_a_device_is_followed_when_its_socket_changes(lab, connect, first):
    client = connect(first("udp620"), "udp620")
    device_id = client.device.device_id.hex()
    until(lab, lambda: is_described(lab, device_id))
    with client.lock:
        before, client.socket = client.socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.socket.connect(client.address)
    before.close()
    client.say(client.device.event("moved/to/another"))
    moved = "{}:{}".format(*client.socket.getsockname())
    until(lab, lambda: [each.peer for each in lab.device_service.sessions] == [moved])


def test_the_labs_own_boards_go_out_through_a_real_socket_too(lab, service, tools):
    """What an emulated board would do: a socket of the Lab's network, at the usual port of the usual name."""
    heard = []
    way = Cell("way", lambda iccid: "")

    def open_it():
        made = lab.network.open_datagrams(way, ("127.0.0.1", 5684))
        made.on_datagram = heard.append
        end = dtls.ClientEnd(dtls.DeviceIdentity(bytes(12), dtls.PrivateKey.from_number(1), lab.udp_server_key.public), dtls.STOCK, 0.0)
        made.send(end.pieces_to_send()[0])
        return made

    made = lab.driver.call(open_it)
    until(lab, lambda: heard)
    assert heard[0][13] == 3, "a request to come again with a cookie"
    lab.driver.call(made.rebind)
    lab.driver.call(made.close)
    lab.driver.call(made.send, b"nobody sends this")
    assert made.peer == "{}:{}".format(*service.address(Transport.UDP))


def test_a_taken_udp_port_is_named_and_leaves_nothing_behind(lab, service):
    port = service.address(Transport.UDP)[1]
    with pytest.raises(CannotListen, match=f"port {port} for boards that speak UDP: "):
        Service(lab, device_udp_port=port)


def test_the_udp_server_key_is_kept_with_the_state(tmp_path):
    keys = []
    for _ in range(2):
        with Lab(served=True, storage=Storage(tmp_path / "cloud.db")) as lab, Service(lab) as service:
            keys.append((service.server_public_key(Transport.TCP), service.server_public_key(Transport.UDP)))
    assert keys[0] == keys[1]
    assert [len(each) for each in keys[0]] == [294, 91]
    with Lab(served=True) as lab:
        assert lab.udp_server_key.public_der != keys[0][1], "another one without the state file"


class Crowd:
    """Many devices, each on a socket of its own, in one thread. They come in groups: the next one when all are online."""

    GROUP = 40

    def __init__(self, make, count, address):
        self.selector, self.members, self.address = selectors.DefaultSelector(), [], address
        self.coming = iter([(make, number) for number in range(count)])
        self.over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.05):
                self.give(*key.data)
            now = time.monotonic()
            if all(device.end.is_open and device.acknowledged for device, _ in self.members[-self.GROUP :]):
                for make, number in itertools.islice(self.coming, self.GROUP):
                    self.add(make(number, now))
            for device, made in self.members:
                due = device.deadline()
                if due is not None and due <= now:
                    device.handle_timer(now)
                self.flush(device, made)

    def add(self, device):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.connect(self.address)
        made.setblocking(False)
        self.members.append((device, made))
        self.selector.register(made, selectors.EVENT_READ, (device, made))

    def give(self, device, made):
        while True:
            try:
                datagram = made.recv(65_535)
            except OSError:
                return
            device.receive(datagram, time.monotonic())
            self.flush(device, made)

    def flush(self, device, made):
        for piece in device.end.pieces_to_send():
            with contextlib.suppress(OSError):
                made.send(piece)

    def close(self):
        self.over = True
        self.thread.join()
        for _, made in self.members:
            made.close()


def crowd_stays_online(lab, service, tools, first, count, seconds):
    """So many devices come; which of them were offline at any time in so many seconds after that, or gave up."""
    lines = first("udp620")
    recorded = bytes.fromhex("0123456789abcdef01234567")
    key = dtls.PublicKey(service.server_public_key(Transport.UDP))
    device_key = dtls.PrivateKey.from_number(5)

    def make(number, now):
        device_id = number.to_bytes(12)
        made = tools["Device"](device_id, (6, 2, 0), key, now, key=device_key, draw=random.Random(number).random)
        own = [replace(line, data=line.data.replace(recorded, device_id)) for line in lines]
        made.waiting += tools["play"](made, own)
        return made

    crowd = Crowd(make, count, service.address(Transport.UDP))
    closed = []
    try:
        until(lab, lambda: len(lab.device_service.sessions) == count, WAIT + count // 4)
        arrivals = lab.cloud.arrivals
        ended = arrivals.session_closed
        arrivals.session_closed = lambda session, reason: (closed.append((session.device_id, reason)), ended(session, reason))
        lab.driver.sleep(seconds)
        assert len(lab.driver.call(lambda: lab.device_service.sessions)) == count
    finally:
        crowd.close()
    return closed, [device.error for device, _ in crowd.members if device.error is not None]


def test_a_crowd_of_devices_is_online_together(lab, service, tools, first):
    assert crowd_stays_online(lab, service, tools, first, 50, 0.1) == ([], [])


@pytest.mark.soak
def test_two_thousand_devices_miss_no_keep_alive(lab, service, tools, first):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 3000:
        if hard != resource.RLIM_INFINITY and hard < 3000:
            pytest.skip(f"needs 3000 open files; `ulimit -Hn` says {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3000, hard))
    assert crowd_stays_online(lab, service, tools, first, 2000, 80.0) == ([], [])
