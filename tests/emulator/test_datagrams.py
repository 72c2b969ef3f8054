"""Datagrams in the Lab's network: lost, repeated, late, overtaken, and seen under another address, all from the seed."""

import random

import pytest

from emulator.drivers.inline import InlineDriver
from emulator.network import Link, Network

SERVER = ("192.0.2.1", 5684)


class World:
    def __init__(self, seed=1, **link):
        self.driver = InlineDriver()
        self.network = Network(self.driver.clock, random.Random(seed))
        self.point = self.network.access_point("lab", link=Link(**link))
        self.port = self.network.listen_datagrams(*SERVER)
        self.arrived = []
        self.port.on_datagram = lambda data, sender: self.arrived.append((self.driver.clock.now, data, sender))
        self.answers = []

    def open(self):
        socket = self.network.open_datagrams(self.point, SERVER)
        socket.on_datagram = self.answers.append
        return socket

    def run(self, count=100):
        socket = self.open()
        for number in range(count):
            socket.send(bytes([number]))
            self.driver.sleep(0.001)
        self.driver.sleep(5)
        return [data[0] for _, data, _ in self.arrived]


@pytest.fixture
def world():
    made = World()
    yield made
    made.driver.close()


def test_a_datagram_and_its_answer_arrive_after_the_latency_each(world):
    socket = world.open()
    socket.send(b"ping")
    world.driver.sleep(0.02)
    ((when, data, sender),) = world.arrived
    assert (data, when) == (b"ping", pytest.approx(0.02))
    world.port.send(b"pong", sender)
    world.driver.sleep(0.03)
    assert world.answers == [b"pong"]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({}, lambda found: found == list(range(100))),
        ({"loss": 0.3}, lambda found: 40 < len(found) < 95 and found == sorted(found)),
        ({"duplication": 0.3}, lambda found: len(set(found)) == 100 < len(found)),
        ({"reordering": 0.3}, lambda found: sorted(found) == list(range(100)) != found),
        ({"loss": 1.0}, lambda found: found == []),
    ],
)
def test_a_link_loses_repeats_and_reorders_by_its_shares(link, expected):
    found = World(**link).run()
    assert expected(found)
    assert World(**link).run() == found, "the seed decides"


def test_what_is_larger_than_the_path_carries_is_lost():
    world = World(mtu=100)
    socket = world.open()
    socket.send(bytes(100))
    socket.send(bytes(101))
    world.driver.sleep(1)
    assert [len(data) for _, data, _ in world.arrived] == [100]


def test_after_a_rebinding_the_server_sees_another_address_and_the_old_one_leads_nowhere(world):
    socket = world.open()
    socket.send(b"one")
    world.driver.sleep(1)
    socket.rebind()
    socket.send(b"two")
    world.driver.sleep(1)
    (_, _, before), (_, _, after) = world.arrived
    assert before != after
    world.port.send(b"lost", before)
    world.port.send(b"found", after)
    world.driver.sleep(1)
    assert world.answers == [b"found"]


def test_a_closed_socket_neither_sends_nor_receives(world):
    socket = world.open()
    socket.send(b"one")
    world.driver.sleep(1)
    socket.close()
    socket.send(b"two")
    world.port.send(b"answer", world.arrived[0][2])
    world.driver.sleep(1)
    assert (len(world.arrived), world.answers) == (1, [])


def test_where_nobody_listens_there_is_no_socket(world):
    assert world.network.open_datagrams(world.point, ("192.0.2.1", 1)) == "192.0.2.1:1 has no server for datagrams"
    assert world.network.open_datagrams(world.point, ("nowhere.example", 1)) == "cannot resolve nowhere.example"
    world.point.link.fail()
    assert "the network is down" in world.network.open_datagrams(world.point, SERVER)
