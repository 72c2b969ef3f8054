"""Streams arrive in order whatever the link does, and end as TCP connections end."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.network import Link, Network


class World:
    def __init__(self, **link):
        self.clock = Clock()
        self.network = Network(self.clock, random.Random(7))
        self.point = self.network.access_point("lab", "secret123", link=Link(**link))
        self.accepted, self.opened, self.failed = [], [], []
        self.network.names["cloud.example"] = "192.0.2.1"
        self.network.listen("192.0.2.1", 5683, self.accepted.append)

    def connect(self, host="cloud.example", port=5683):
        return self.network.connect(self.point, (host, port), self.opened.append, self.failed.append)

    def run(self, seconds=60.0):
        end = self.clock.now + seconds
        while (due := self.clock.next_due()) is not None and due <= end:
            self.clock.run_next()


@pytest.fixture
def world():
    return World()


def pair(world):
    world.connect()
    world.run()
    return world.opened[0], world.accepted[0]


def test_a_stream_carries_bytes_both_ways(world):
    near, far = pair(world)
    got = []
    far.on_data, near.on_data = got.append, got.append
    near.write(b"nonce")
    far.write(b"hello")
    world.run()
    assert got == [b"nonce", b"hello"]


def test_closing_lets_what_was_written_arrive(world):
    near, far = pair(world)
    got = []
    far.on_data, far.on_closed = got.append, got.append
    near.write(b"goodbye")
    near.close()
    near.write(b"never")
    world.run()
    assert got == [b"goodbye", "closed by the peer"]


def test_a_board_that_loses_power_tells_nobody(world):
    near, far = pair(world)
    got = []
    far.on_closed = near.on_data = got.append
    near.abort()
    far.write(b"anyone?")
    world.run()
    assert got == []


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [("cloud.example", 80, "refused the connection"), ("nowhere.example", 5683, "cannot resolve nowhere.example")],
)
def test_what_is_not_there_fails_with_the_reason(world, host, port, reason):
    world.connect(host, port)
    world.run()
    assert world.opened == []
    assert reason in world.failed[0]


def test_without_a_link_there_is_no_way(world):
    world.point.switch_off()
    world.connect()
    world.run()
    assert "the network is down" in world.failed[0]


def test_giving_up_means_silence(world):
    world.connect()()
    world.run()
    assert world.opened == world.failed == world.accepted == []


def test_an_outage_holds_bytes_back(world):
    near, far = pair(world)
    got = []
    far.on_data = got.append
    world.point.switch_off()
    near.write(b"a")
    near.write(b"b")
    world.run()
    assert got == []
    world.point.switch_on()
    world.run()
    assert got == [b"a", b"b"]


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=20))
def test_loss_and_jitter_never_reorder(pieces):
    world = World(loss=0.4, jitter=0.5)
    near, far = pair(world)
    got = []
    far.on_data = got.append
    for piece in pieces:
        near.write(piece)
    world.run(1e6)
    assert got == pieces


def test_a_server_sees_stations_come_from_the_address_of_their_access_point(world):
    pair(world)
    pair(world)
    addresses = [stream.peer.rpartition(":") for stream in world.accepted]
    assert {host for host, _, _ in addresses} == {world.point.address}
    assert len({port for _, _, port in addresses}) == 2
