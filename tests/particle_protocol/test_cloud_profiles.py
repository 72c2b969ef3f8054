"""How versions of Device OS talk to the cloud: the table against what was recorded, and against what depends on it."""

import pytest

from particle_protocol.cloud_profiles import Network, Transport, cloud_profile, network_of, version_told
from particle_protocol.coap import Message, Option, Type
from particle_protocol.messages import Event, Hello, HelloFlag, Kind

NAMES = {"tcp": ["tcp231", "tcp620", "e2e331", "e2e580"], "udp": ["udp231", "udp331", "udp580", "udp620", "boron"]}


@pytest.mark.parametrize("name", [*NAMES["tcp"], *NAMES["udp"]])
def test_a_recorded_device_talks_as_its_profile_says(recording, name):
    said = [Message.decode(line.data) for line in recording(name) if line.what == "<"]
    hello = Hello.decode(said[0])
    transport = Transport.UDP if name in NAMES["udp"] else Transport.TCP
    profile = cloud_profile(version_told(hello), transport, network_of(hello.platform_id))
    assert profile.confirms_hello is hello.confirmable is bool(hello.device_id)
    assert profile.long_hello is (hello.limits is not None)
    assert hello.flags & ~HelloFlag.UPDATES_V3 == profile.flags
    posts = [each for each in said if Kind.of(each) is Kind.DESCRIBE_POST]
    assert bool(posts) is profile.posts_describe
    assert all(bool(each.token) is profile.describe_tokens for each in posts)
    assert any(each.option(Option.CONTENT_FORMAT) is not None for each in posts) is profile.binary_describe
    events = [Event.decode(each) for each in said if Kind.of(each) is Kind.EVENT]
    assert any(each.name.startswith("particle/device/updates/") for each in events) is profile.tells_updates


@pytest.mark.parametrize(("name", "tells"), [("tcp231", True), ("tcp620", True), ("udp231", False), ("udp620", False)])
def test_acknowledgements_of_pings_are_as_recorded(recording, name, tells):
    lines = [(line.what, Message.decode(line.data)) for line in recording(name) if line.what in "<>"]
    pings = [message.id for what, message in lines if what == ">" and Kind.of(message) is Kind.PING]
    answered = {message.id for what, message in lines if what == "<" and message.type is Type.ACK and not message.code}
    transport = Transport.UDP if name.startswith("udp") else Transport.TCP
    assert pings
    assert all(each not in answered for each in pings) is tells is cloud_profile((6, 2, 0), transport).own_ids_in_acks


@pytest.mark.parametrize(
    ("version", "transport", "network", "interval"),
    [
        ((2, 3, 1), "tcp", "lan", 15),
        ((3, 3, 1), "tcp", "lan", 15),
        ((6, 2, 0), "tcp", "lan", 25),
        ((2, 3, 1), "udp", "lan", 25),
        ((6, 2, 0), "udp", "cellular", 23 * 60),
        ((6, 2, 0), "tcp", "cellular", 25),
    ],
)
def test_devices_ping_as_often_as_their_network_needs_and_the_cloud_waits_longer(version, transport, network, interval):
    profile = cloud_profile(version, Transport(transport), Network(network))
    assert profile.ping_interval == interval
    assert profile.idle_limit > interval + profile.ping_timeout


@pytest.mark.parametrize(("platform", "network"), [(6, "lan"), (13, "cellular"), (10, "cellular"), (3, "lan"), (32, "lan"), (999, "lan")])
def test_what_a_platform_reaches_its_cloud_through(platform, network):
    assert network_of(platform) is Network(network)


@pytest.mark.parametrize(
    ("payload", "version"),
    [
        ("0003ffff00360003", (2, 3, 1)),
        ("0003ffff00060003", (1, 5, 2)),
        ("0003ffff00020003", (1, 0, 0)),
        ("0003ffff00000003", (0, 7, 0)),
        ("0003ffff0036000300001838048000a000000200", (6, 2, 0)),
        ("0003ffff0036000300000ce603c0000190000200", (3, 3, 1)),
        ("0003ffff00360003000026ac048000a000000200", (9, 9, 0)),
    ],
)
def test_the_version_is_what_hello_tells(payload, version):
    assert version_told(Hello.decode(Message.decode(bytes.fromhex("5002000ab168ff" + payload)))) == version
