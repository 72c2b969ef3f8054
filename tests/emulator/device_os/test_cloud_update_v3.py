"""Receiving updates of version 3: a recorded transfer of Device OS 6.2.0 through a whole connection, and what goes wrong."""

import pytest

from emulator.device_os.cloud_facts import Disconnected, UpdateAbandoned, UpdateEnded, UpdateProgress, UpdateStarted
from particle_protocol.coap import Code, Message, Type
from particle_protocol.control_requests.codes import Result
from particle_protocol.ota import UpdateChunk, UpdateFault, UpdateFinish, UpdateStart
from particle_protocol.protocol_errors import ProtocolErrorCode as Error

FILE = bytes(range(256)) * 5 + b"the end"
CHUNKS = [FILE[at : at + 512] for at in range(0, len(FILE), 512)]


@pytest.fixture
def link(datagram_pair, store):
    return datagram_pair(update_store=store).connect()


def chunk(index, message_id):
    return UpdateChunk(index, CHUNKS[index - 1]).encode(message_id)


def begin(link):
    """An update of 1287 bytes in three chunks has begun."""
    answers = link.say(UpdateStart(len(FILE), 512).encode(0x1001, b"\x21"))
    link.acknowledge(*answers)
    link.events.clear()
    return answers


def test_a_whole_update_is_the_recorded_one(datagram_pair, recording):
    """The chunks, which are left out of the recording, are of the recorded size: three, of 512 bytes but for the last one."""
    lines = recording("v3")
    requested = next(n for n, line in enumerate(lines) if line.what == ">" and b"\xb1S" in line.data)
    finished = next(n for n, line in enumerate(lines) if line.what == ">" and b"\xb1F" in line.data)
    link = datagram_pair.as_recorded((6, 2, 0), lines)
    link.replay(lines[: next(n for n, line in enumerate(lines) if b"\xb1L" in line.data)])
    link.device._coap.next_id()  # the recorded device asked for a ledger here
    start = Message.decode(lines[requested].data)
    assert link.say(start) == [line.data.hex() for line in lines[requested + 1 : requested + 3]]
    link.say(lines[requested + 3].data.hex())
    size = UpdateStart.decode(start).file_size
    pieces = [bytes(512), bytes(512), bytes(size - 1024)]
    acks = [line.data.hex() for line in lines[requested + 4 : finished]]
    assert link.say(*[UpdateChunk(n + 1, piece).encode(0x1002 + n) for n, piece in enumerate(pieces)]) == acks
    assert link.say(lines[finished].data.hex()) == [line.data.hex() for line in lines[finished + 1 : finished + 3]]
    assert link.facts.update_store.applied == 0, "only once the cloud knows the verdict"
    link.say(lines[finished + 3].data.hex())
    assert link.facts.update_store.applied == 1
    assert link.events[-1] == UpdateEnded(0)


def test_a_missing_chunk_is_told_at_once(link, store):
    begin(link)
    assert link.say(chunk(1, 0x10)) == []
    (told,) = link.say(chunk(3, 0x11))
    assert Message.decode(bytes.fromhex(told)).payload == bytes.fromhex("02000000")
    link.say(chunk(2, 0x12))
    assert bytes(store.data) == FILE
    assert link.events == [UpdateProgress(512, 1287), UpdateProgress(1024, 1287), UpdateProgress(1287, 1287)]


def test_a_lone_chunk_is_acknowledged_after_two_tenths_of_a_second(link):
    begin(link)
    link.say(chunk(1, 0x10))
    count = len(link.said)
    link.at(0.19)
    assert len(link.said) == count
    link.at(0.2)
    assert len(link.said) == count + 1


def test_no_ping_goes_out_meanwhile(link):
    begin(link)
    link.at(60.0)
    assert not any(each.startswith("4000") for each in link.said)


def test_a_chunk_without_an_update_is_reset(link):
    assert link.say(chunk(1, 0x1234)) == ["70001234"]


def test_a_chunk_that_cannot_belong_to_the_update_ends_the_connection(link, store):
    begin(link)
    link.say(UpdateChunk(9, CHUNKS[0]).encode(0x10))
    assert isinstance(link.events[-2], UpdateAbandoned)
    assert link.events[-1].error is Error.OTA_UPDATE
    assert store.suspended == [False]


def test_updates_that_are_disabled_are_refused_unless_forced(datagram_pair, store):
    link = datagram_pair(update_store=store, updates_enabled=False).connect()
    request = UpdateStart(len(FILE), 512).encode(0x1001, b"\x21")
    answer = Message.decode(bytes.fromhex(link.say(request)[1]))
    assert (answer.code, str(int(Result.OTA_UPDATES_DISABLED)).encode() in answer.payload) == (Code.SERVICE_UNAVAILABLE, True)
    link.facts.updates_forced = True
    assert Message.decode(bytes.fromhex(link.say(UpdateStart(len(FILE), 512).encode(0x1002, b"\x22"))[1])).code == Code.CREATED


def test_a_file_that_is_no_good_is_refused_with_the_systems_number(link, store):
    begin(link)
    store.fault = UpdateFault(Result.OTA_DEPENDENCY_CHECK_FAILED)
    link.say(*[chunk(n, 0x10 + n) for n in (1, 2, 3)])
    answer = Message.decode(bytes.fromhex(link.say(UpdateFinish().encode(0x20, b"\x23"))[1]))
    assert answer.code == Code.SERVICE_UNAVAILABLE
    assert b'{"code":-1340,' in answer.payload
    assert (store.applied, store.suspended) == (0, [True])
    assert link.events[-1] == UpdateAbandoned()


def test_what_has_come_is_kept_when_the_connection_ends(link, store):
    begin(link)
    link.say(chunk(1, 0x10))
    link.say(Message(Type.RST, Code.EMPTY, 0x7777))
    assert store.suspended == [False]
    assert isinstance(link.events[-1], Disconnected)


def test_an_update_that_was_begun_is_told(link):
    link.say(UpdateStart(len(FILE), 512).encode(0x1001, b"\x21"))
    assert link.events == [UpdateStarted(1287, 512)]
