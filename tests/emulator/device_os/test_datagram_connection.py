"""A device's connection over UDP: the recorded conversations of Device OS, message by message; loss, sessions that go on, faults."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.device_os.application import Application
from emulator.device_os.cloud_connection import CloudState
from emulator.device_os.cloud_facts import ClaimReceived, Connected, Disconnected, ServerMovedTo
from particle_protocol.cloud_messages.server_moved import ServerMoved
from particle_protocol.cloud_profiles import Network
from particle_protocol.coap import Code, Message, Option, Type
from particle_protocol.describe import Description
from particle_protocol.dtls import PrivateKey, SavedSession
from particle_protocol.messages import CloudReason, Event, Goodbye
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


def test_a_message_that_is_not_acknowledged_is_repeated_three_times_with_back_off(datagram_pair):
    link = datagram_pair().connect()
    link.lost = True
    link.publish("a", "b")
    link.flush()
    times = []
    while link.device.connected:
        before = link.sent
        due = link.device.deadline()
        link.at(due)
        if link.sent != before:
            times.append(due)
    # 4, 8, 16 and 32 s, each up to half as long again by chance; a ping is among them after 25 s.
    assert len(times) >= 3
    assert 4.0 <= times[0] <= 6.0
    assert isinstance(link.events[-1], Disconnected)


def test_breathing_cyan_waits_for_every_acknowledgement_of_the_start_up(datagram_pair):
    link = datagram_pair()
    started = link.acknowledge(*link.said[:1])  # of Hello; and what comes then, but for the last
    assert link.device.connected
    link = datagram_pair()
    hello = Message.decode(bytes.fromhex(link.said[0]))
    first = link.say(Message(Type.ACK, Code.EMPTY, hello.id))
    assert first == started[: len(first)]
    for each in first[:-1]:
        link.say("6000" + each[4:8])
        assert link.device.state is CloudState.STARTING
        assert Connected() not in link.events
        assert not link.publish("a", "b"), "nobody publishes before"
    assert Message.decode(bytes.fromhex(link.say("6000" + first[-1][4:8])[0])).path == "d"
    assert Connected() in link.events


def test_a_start_up_that_nobody_acknowledges_ends_the_connection(datagram_pair):
    link = datagram_pair()
    link.say("60000001")
    link.at(100.0)
    assert link.events[-1].error is Error.MESSAGE_TIMEOUT
    assert link.device.session is not None, "a network that loses things does not cost the session"


def test_a_hello_that_is_refused_ends_session_and_connection(datagram_pair):
    link = datagram_pair()
    link.say("60830001")
    assert link.events[-1] == Disconnected(Error.COAP, "the cloud refused Hello")
    assert link.device.session is None


def test_a_reset_makes_the_device_forget_its_session(datagram_pair):
    link = datagram_pair().connect()
    link.publish("a", "b")
    (message,) = link.flush()
    link.say("7000" + message[4:8])
    assert link.events[-1].error is Error.DISCARD_SESSION
    assert link.device.session is None


def test_other_keys_are_another_session(datagram_pair):
    link = datagram_pair().connect()
    assert link.say("40030007b16b4100") == ["60000007"]
    assert link.device.connected
    assert link.say("40030008b16b4101") == ["60000008"]
    assert link.events[-1].error is Error.DISCARD_SESSION
    assert link.device.session is None


def test_events_are_acknowledged_once_and_delivered_once(datagram_pair):
    link = datagram_pair().connect()
    event = Event("hil/test", b"x", confirmable=True).encode_from_cloud(0x77)
    assert link.say(event) == ["60000077"]
    assert link.say(event) == ["60000077"]
    assert link.application.heard == [("hil/test", "x")]
    link.say(Event("spark/device/claim/received", b"x").encode_from_cloud(0x78))
    assert link.events[-1] == ClaimReceived()


def test_the_ping_of_a_cellular_board_goes_out_after_twenty_three_minutes(datagram_pair):
    assert datagram_pair(network=Network.CELLULAR).connect().device.deadline() == 23 * 60
    link = datagram_pair().connect()
    assert link.device.deadline() == 25.0
    link.at(25.0)
    (ping,) = link.said
    assert ping.startswith("4000")
    link.say("6000" + ping[4:])
    assert link.device.deadline() == 50.0


def test_goodbye_is_repeated_until_it_is_acknowledged(datagram_pair):
    link = datagram_pair().connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 5.0)
    (goodbye,) = link.flush()
    assert goodbye[8:] == "b178ff0102"
    assert link.device.state is CloudState.LEAVING
    assert link.events == []
    link.say("6000" + goodbye[4:8])
    assert link.events == [Disconnected(Error.NO_ERROR, "Goodbye: cloud USER")]
    assert link.device.session is not None, "the session goes on when the board comes back"


def test_nobody_waits_longer_than_five_seconds_for_the_end(datagram_pair):
    link = datagram_pair().connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 5.0)
    link.flush()
    link.at(10.0)
    assert link.events[-1] == Disconnected(Error.NO_ERROR, "Goodbye was not acknowledged within 5 s")


@pytest.mark.parametrize(("version", "first"), [((2, 3, 1), 254), ((3, 3, 1), 25), ((6, 2, 0), 253)])
def test_each_generation_marks_a_session_that_goes_on_in_its_way(datagram_pair, version, first):
    link = datagram_pair(version).connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 1.0)
    link.acknowledge(*link.flush())
    link.said.clear()
    link.reopen()
    assert link.sent[0] == first
    assert link.sent.endswith(link.device_id + b"\x0c") == (version < (3, 1, 0))
    said = [Message.decode(bytes.fromhex(each)) for each in link.said]
    assert [each.path for each in said[1:3]] == ["E/particle/device/updates/enabled", "E/particle/device/updates/forced"]
    assert said[0].code == Code.EMPTY


def test_a_device_that_became_another_says_hello_again_in_the_session_that_goes_on(datagram_pair):
    link = datagram_pair().connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 1.0)
    link.acknowledge(*link.flush())
    link.said.clear()
    link.facts.system_version = 6300
    link.reopen()
    (hello,) = link.said
    assert Message.decode(bytes.fromhex(hello)).path == "h"
    assert link.sent[0] == 253
    link.connect()


def test_an_update_that_succeeded_is_told_by_hello_in_the_session_that_goes_on(datagram_pair):
    link = datagram_pair().connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.SYSTEM_RESET), 1.0)
    link.acknowledge(*link.flush())
    link.facts.update_succeeded = True
    link.said.clear()
    link.reopen()
    assert "0037" in link.said[0], "flag 1: an update succeeded"


def test_what_was_not_acknowledged_before_is_told_again(datagram_pair):
    link = datagram_pair()
    first = link.say("60000001")
    for each in first:
        link.say("6000" + each[4:8])
    assert link.device.connected
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 1.0)
    link.say("6000" + link.flush()[0][4:8])
    link.said.clear()
    link.reopen()
    link.acknowledge(*link.said)
    paths = [Message.decode(bytes.fromhex(each)).path for each in link.said]
    asked = ["", "t", "E/particle/device/updates/enabled", "E/particle/device/updates/forced"]
    assert paths == [*asked, "d", "e/particle", "e/spark", "e/hil/", "e/particle/device/name"]


def test_a_session_that_leads_nowhere_is_given_up_after_three_tries(datagram_pair):
    link = datagram_pair().connect()
    link.lost = True
    link.at(100.0)
    for tries in (1, 2, 3):
        link.reopen()
        link.at(link.now + 100.0)
        assert link.device.session.uses == tries
    assert link.device.session.fault(0)


@pytest.mark.parametrize("version", [(2, 3, 1), (6, 2, 0)])
def test_device_os_of_every_age_reads_what_it_kept(datagram_pair, version):
    link = datagram_pair(version).connect()
    kept = link.device.session
    assert SavedSession.decode(kept.encode()) == kept


def test_a_moved_server_is_believed_with_its_owners_signature_alone(datagram_pair):
    owner, stranger, server = PrivateKey.from_number(1), PrivateKey.from_number(2), PrivateKey.from_number(3)
    link = datagram_pair(mover_key=owner.public).connect()
    moved = ServerMoved("cloud.example.com", 5684, server.public_der)
    told = link.say(moved.signed_by(stranger).encode(7, b"\x21"))
    assert [each[:4] for each in told] == ["6000", "4183"]
    told = link.say(moved.signed_by(owner).encode(8, b"\x22"))
    assert [each[:4] for each in told] == ["6000", "4144"]
    assert link.events == [ServerMovedTo("cloud.example.com", 5684, server.public_der)]
    told = link.say(ServerMoved("x" * 65, 1, server.public_der).signed_by(owner).encode(9, b"\x23"))
    assert [each[:4] for each in told] == ["6000", "4180"]
    assert [each[:4] for each in datagram_pair().connect().say(moved.signed_by(owner).encode(8, b"\x22"))] == ["6000", "4184"]
    signed = moved.signed_by(owner)
    assert ServerMoved.decode(signed.encode(8, b"\x22")) == signed


@pytest.mark.parametrize(("version", "told"), [((5, 8, 0), True), ((5, 9, 0), False), ((6, 1, 1), True), ((6, 2, 0), False)])
def test_a_cellular_board_tells_its_sim_by_an_event_in_some_versions(datagram_pair, version, told):
    link = datagram_pair(version, iccid="89340765000002588000")
    link.acknowledge(*link.said)
    assert any(b"spark/device/ident/0".hex() in each for each in link.said) is told


@pytest.mark.parametrize("size", [1024, 1025, 3000])
def test_a_long_description_goes_out_in_blocks_that_all_count(datagram_pair, size):
    names = tuple(f"f{number:04}" for number in range(size // 8))

    class Many(Application):
        def setup(self):
            for name in names:
                self.add_function(name, len)

    link = datagram_pair(application=Many)
    link.acknowledge(*link.said)
    posts = [Message.decode(bytes.fromhex(each)) for each in link.said]
    parts = [each.payload for each in posts if each.path == "d" and each.option(Option.URI_QUERY) == b"\2"]
    assert Description.decode(b"".join(parts)).application.functions == names
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 1.0)
    link.acknowledge(*link.flush())
    link.said.clear()
    link.reopen()
    link.acknowledge(*link.said)
    assert not any("b164" in each for each in link.said), "it is known, all of it"


@given(random_messages=st.lists(st.binary(max_size=60), max_size=8))
@settings(max_examples=40, deadline=None)
def test_random_messages_leave_a_device_that_answers_or_has_hung_up(datagram_pair, random_messages):
    link = datagram_pair().connect()
    for data in random_messages:
        link.say(data.hex())
    if link.device.connected:
        assert link.say("4000624a") == ["6000624a"]
    else:
        assert any(isinstance(event, Disconnected) for event in link.events)
