"""Sessions over UDP: what real devices said, through the whole cloud, over networks that lose, repeat and reorder."""

import collections

import pytest

from emulator.network import Link
from particle_protocol.coap import Code, Message
from particle_protocol.messages import Event, Kind

NAMES = ["udp231", "udp331", "udp580", "udp620", "boron"]
BAD = {"latency": 0.08, "jitter": 0.3, "loss": 0.12, "duplication": 0.2, "reordering": 0.2}


def events_in(lines):
    said = [Message.decode(line.data) for line in lines if line.what == "<"]
    events = [Event.decode(each) for each in said if Kind.of(each) is Kind.EVENT]
    return collections.Counter((each.name, None if each.data is None else each.text) for each in events)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_real_device_said_brings_it_online_and_described(world, first, name):
    lines = first(name)
    device = world.known(lines, name)
    world.run(2)
    session = world.session(device)
    assert device.device.acknowledged
    assert (world.refusals, session.dropped) == ([], 0)
    assert collections.Counter(world.events) == events_in(lines)
    cloud = world.lab.cloud
    known = cloud.devices.by_id(session.device_id)
    presence = cloud.connections.presence(known.id)
    assert presence.online
    assert "echo" in presence.functions
    assert presence.variables["int"] == "int32"
    link = cloud.connections.link(known.id)
    assert link.system is not None
    assert known.last_ip_address == device.way.address


@pytest.mark.parametrize("name", ["udp231", "udp620"])
def test_what_the_cloud_asks_is_answered(world, first, name):
    device = world.known(first(name), name)
    world.run(2)
    session = world.session(device)
    assert world.wait(session.call("echo", "hello")) == 5
    assert world.wait(session.read("int")) == recorded_int(device)
    assert world.wait(session.ping()) is None
    assert world.wait(session.signal(True)) is None
    assert session.publish("hil/test", "payload") or session.publish("hil/x", "payload")
    world.run(1)
    (event,) = [each for each in device.device.heard if Kind.of(each) is Kind.EVENT]
    assert event.path == "E/hil/test"


def test_events_to_a_device_are_confirmable_and_arrive_over_a_bad_network(make_world, first):
    for seed in range(5):
        world = make_world(seed)
        device = world.known(first("udp620"), link=Link(**BAD))
        world.run(120)
        session = world.session(device)
        assert session.publish("hil/test", str(seed))
        world.run(60)
        assert [each.payload for each in device.device.heard if each.path == "E/hil/test"] == [str(seed).encode()]


def recorded_int(device):
    """What the recorded device said last that its variable is; None if it was never asked."""
    answers = [each for (code, options), each in device.device.answers.items() if code == Code.GET and options[-1][1] == b"int"]
    return int.from_bytes(answers[0].payload, signed=True) if answers else None


def outcome(reply):
    """What a device answered; None when nothing came in time."""
    try:
        return reply.result()
    except (TimeoutError, ConnectionError):
        return None


def over_a_bad_network(make_world, lines, name, seed):
    """One device on one bad network; True when it, or the cloud, had to give up."""
    world = make_world(seed)
    device = world.known(lines, name, link=Link(**BAD))
    world.run(150)
    if device.device.error is not None:
        return True
    assert device.device.acknowledged
    assert collections.Counter(world.events) == events_in(lines), "each event once"
    session = world.session(device)
    calls = [session.call("echo", "hello"), session.read("int")]
    world.run(100)
    assert [each.done for each in calls] == [True, True]
    assert {outcome(each) for each in calls} <= {5, recorded_int(device), None}
    asked = [each for each in device.device.heard if Kind.of(each) in (Kind.FUNCTION_CALL, Kind.VARIABLE_READ)]
    assert len(asked) <= 2, "nothing is asked twice"
    open_ones = [each for each in world.lab.device_service.sessions if each.device_id == session.device_id]
    assert world.lab.cloud.connections.online(session.device_id) is bool(open_ones)
    return session.closed


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_network_changes_nothing_but_the_time_it_takes(make_world, first, name):
    lines = first(name)
    assert sum(over_a_bad_network(make_world, lines, name, seed) for seed in range(6)) <= 2


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_bad_networks_change_nothing(first, tools, part):
    lost = 0
    for seed in range(part * 1000, part * 1000 + 1000):
        name = NAMES[seed % len(NAMES)]
        made = []

        def make(seed, made=made):
            made.append(tools["World"](seed))
            return made[-1]

        lost += over_a_bad_network(make, first(name), name, seed)
        made[0].close()
    assert lost < 150


def test_a_time_request_is_answered_with_the_labs_time(world, first):
    device = world.known(first("udp620"))
    world.run(1)
    (answer,) = [each for each in device.device.heard if each.code == Code.CONTENT]
    assert int.from_bytes(answer.payload) == int(world.lab.clock.start.timestamp())
