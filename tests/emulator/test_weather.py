"""What lies between boards and servers beside their own link: it is added, holds back, and draws for itself."""

import random

import pytest

from emulator.clock import Clock
from emulator.network import Link, Network
from emulator.network.link import Way
from emulator.network.streams import Detour, Stream
from emulator.network.weather import Weather


class Wire(Stream):
    """A real connection: what was written to it, and what became of it."""

    def __init__(self):
        super().__init__("198.51.100.7:443")
        self.local = "192.0.2.9:50000"
        self.written = []

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.written.append("closed")

    def abort(self):
        self.written.append("aborted")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def weather():
    return Weather()


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def came():
    return []


@pytest.fixture
def detour(clock, weather, wire, came):
    made = Detour(wire, clock, Way((weather.link, weather.rng)))
    made.on_data = made.on_closed = came.append
    return made


def turn(clock, until):
    while (due := clock.next_due()) is not None and due <= until:
        clock.run_next()
    clock.advance(until)


def test_in_fair_weather_a_real_connection_is_as_it_is(detour, wire, came):
    assert (detour.peer, detour.local) == (wire.peer, wire.local)
    detour.write(b"hello")
    wire.on_data(b"answer")
    wire.on_closed("closed by the peer")
    assert wire.written == [b"hello"]
    assert came == [b"answer", "closed by the peer"]


def test_bad_weather_makes_both_directions_late_and_keeps_their_order(clock, weather, detour, wire, came):
    weather.begin(1, delay=2.0, jitter=1.0)
    for number in range(20):
        detour.write(bytes([number]))
        wire.on_data(bytes([number]))
    turn(clock, 1.9)
    assert wire.written == came == []
    turn(clock, 3.1)
    assert wire.written == came == [bytes([number]) for number in range(20)]


def test_what_is_held_back_arrives_when_the_way_is_free_again(clock, weather, detour, wire):
    weather.link.fail()
    detour.write(b"a")
    detour.write(b"b")
    detour.close()
    turn(clock, 100.0)
    assert wire.written == []
    weather.clear()
    turn(clock, 200.0)
    assert wire.written == [b"a", b"b", "closed"]


def test_who_is_gone_holds_nothing_back(weather, detour, wire, came):
    weather.link.fail()
    detour.write(b"a")
    detour.abort()
    weather.clear()
    assert wire.written == ["aborted"]
    wire.on_data(b"late")
    assert came == []


def test_the_weather_throws_dice_of_its_own():
    """Otherwise bad weather would change everything else that a seed decides."""
    rng, weather = random.Random(7), Weather()
    before = rng.getstate()
    weather.begin("here", loss=0.5)
    way = Way((Link(), rng), (weather.link, weather.rng))
    first = [way.arrivals(10) for _ in range(50)]
    assert rng.getstate() == before
    assert 10 < sum(not each for each in first) < 40
    weather.resume()
    assert [way.arrivals(10) for _ in range(50)] == first


def test_a_network_that_is_brought_back_has_the_weather_of_then(clock):
    network = Network(clock, random.Random(0))
    fair = network.snapshot()
    network.weather.begin(3, loss=0.5, delay=1.0)
    network.weather.link.fail()
    network.restore(fair)
    assert network.weather.link == Link(latency=0.0, restored=network.weather.link.restored)
