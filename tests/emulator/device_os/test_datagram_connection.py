"""A device's connection over UDP: the recorded conversations of Device OS, message by message; loss, sessions that go on, faults."""

import pytest

from emulator.device_os.cloud_facts import Connected, Disconnected
from particle_protocol.coap import Type
from particle_protocol.protocol_errors import ProtocolErrorCode as Error

ONLINE = ["udp231", "udp331", "udp580", "udp620", "udp620-resume", "boron", "boron-safe", "p2", "udp620-ota", "v3"]
VERSIONS = {"udp231": (2, 3, 1), "udp331": (3, 3, 1), "udp580": (5, 8, 0)}


def version_of(name):
    return VERSIONS.get(name, (6, 2, 0))


@pytest.mark.parametrize("name", ["udp231", "udp331", "udp580", "udp620", "boron-safe", "p2"])
def test_a_whole_conversation_is_the_recorded_one(datagram_pair, recording, name):
    lines = recording(name)
    link = datagram_pair.as_recorded(version_of(name), lines)
    link.replay(lines)
    assert Connected() in link.events


@pytest.mark.parametrize("name", ONLINE)
def test_the_way_online_is_the_recorded_one(datagram_pair, recording, name):
    """Up to the first request of the cloud, or of the device's own application for a ledger."""
    lines = recording(name)
    end = next((n for n, line in enumerate(lines) if n and is_beyond(line)), len(lines))
    link = datagram_pair.as_recorded(version_of(name), lines)
    link.replay(lines[:end])
    assert Connected() in link.events


def is_beyond(line):
    requested = line.what == ">" and line.data[0] >> 4 & 3 == Type.CON
    return line.what == "=" or line.time > 20 or requested or line.data[5:7] == b"\xb1L"


def test_a_session_goes_on_as_the_recorded_one_after_the_network_was_lost(datagram_pair, recording):
    lines = recording("udp620-resume")
    online = [line for line in lines if line.time < 60]
    link = datagram_pair.as_recorded((6, 2, 0), lines)
    link.replay(online)
    link.lost = True
    for number in range(5):  # what the recorded device said meanwhile, and nobody heard
        link.at(10.0 + number)
        link.publish("vd/tick", str(number))
        link.flush()
    link.at(120.0)
    assert link.events[-1] == Disconnected(Error.PING_TIMEOUT, "the cloud was silent for 30 s after a ping")
    link.lost = False
    link.said.clear()
    link.reopen()
    assert link.sent[0] == 253, "marked, until something comes back"
    recorded = sorted((line.data.hex() for line in lines if line.time > 60 and line.what == "<"), key=lambda each: each[4:8])
    assert link.said == recorded[:-1]
    link.acknowledge(*link.said)
    assert link.events[-1] == Connected()
    assert link.said == recorded[:-1], "what the cloud knows is not said again"
    link.publish("vd/tick", "6")
    assert link.flush() == [recorded[-1]]
    assert link.sent[0] == 25
