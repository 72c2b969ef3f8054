"""The UDP port on a real socket of a served Lab: recorded devices in threads, and the Lab's own way out."""

import random
import socket

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


def until(lab, holds):
    """Wait for something to hold in the Lab."""
    for _ in range(WAIT * 50):
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
