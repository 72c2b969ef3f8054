"""Receiving updates over the air: golden conversations of Device OS 2.3.1 and 6.2.0, and what goes wrong."""

import zlib

import pytest

from emulator.device_os.cloud_facts import Disconnected, UpdateEnded, UpdateProgress, UpdateStarted, UpdateTimedOut
from particle_protocol.coap import Message
from particle_protocol.describe import DescribedModule, ModuleFunction
from particle_protocol.protocol_errors import ProtocolErrorCode
from particle_protocol.updates import Chunk, UpdateBegin, UpdateDone

# The file that the recorded devices were given: two chunks whose CRCs are in the recordings, and a third one of our own.
HEAD = bytes.fromhex("00001000d805100000009c18030003000000000000000000")
CHUNKS = [HEAD + bytes(i & 255 for i in range(488)), bytes((0xE8 + i) & 255 for i in range(512)), b"the end".ljust(476, b"!")]
FILE = b"".join(CHUNKS)


class Sink:
    """Where an update goes."""

    capacity = 100_000

    def __init__(self, result=0):
        self.result = result
        self.data = bytearray()
        self.cancelled = 0
        self.no_room = False

    def begin(self, size):
        if self.no_room:
            raise ValueError("no room")
        self.data = bytearray(size)

    def write(self, offset, data):
        assert offset + len(data) <= len(self.data)
        self.data[offset : offset + len(data)] = data

    def finish(self):
        return self.result

    def cancel(self):
        self.cancelled += 1


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def link(pair, sink):
    return pair(update_sink=sink).connect()


def chunk(index, *, fast=True, data=None, message_id=1):
    data = CHUNKS[index] if data is None else data
    return Chunk.of(b"\x55", data, index if fast else None, confirmable=not fast).encode(message_id)


def without_ids(hexes):
    """Messages of the device's own numbering, without their numbers."""
    return [each[:4] + "...." + each[8:] if each.startswith("5") else each for each in hexes]


def test_the_chunks_have_the_recorded_crcs():
    assert [zlib.crc32(data) for data in CHUNKS[:2]] == [0x1B26460B, 0x3C438D9A]


def test_a_slow_update_is_that_of_device_os_2_3_1(link, sink):
    assert without_ids(link.say("410200a655b175ff000200000005dc0000000000")) == ["600000a6", "5144....55ff00"]
    assert without_ids(link.say("410200a755b163441b26460bff" + CHUNKS[0].hex())) == ["600000a7", "5144....55"]
    assert without_ids(link.say("410200a855b163443c438d9aff" + CHUNKS[1].hex())) == ["600000a8", "5144....55"]
    assert without_ids(link.say(chunk(2, fast=False, message_id=0xA9))) == ["600000a9", "5144....55"]
    assert link.say("410300aa55b175") == ["614400aa55ff7b2272223a307d"]
    assert bytes(sink.data) == FILE
    assert link.events == [
        UpdateStarted(1500, 512),
        UpdateProgress(512, 1500),
        UpdateProgress(1024, 1500),
        UpdateProgress(1500, 1500),
        UpdateEnded(0),
    ]


def test_a_fast_update_with_a_missed_chunk_is_that_of_device_os(link, sink):
    assert without_ids(link.say("4102da5b55b175ff010200000005dc0000000000")) == ["6000da5b", "5144....55ff01"]
    assert link.say("5102da5c55b163441b26460b020000ff" + CHUNKS[0].hex(), chunk(2)) == []
    assert without_ids(link.say("4103da5e55b175")) == ["6180da5e55", "5001....b163ff0001"]
    assert link.say("5102da5f55b163443c438d9a020001ff" + CHUNKS[1].hex()) == []
    assert link.say("4103da6055b175") == ["6144da6055ff7b2272223a307d"]
    assert bytes(sink.data) == FILE


def test_a_file_that_is_too_large_is_refused(link):
    assert link.say("410200a556b175ff0102000c8000000000000000") == ["61a300a556"]
    assert link.events == []


def test_old_firmware_refuses_without_a_token(pair, sink):
    link = pair((0, 7, 0), update_sink=sink).connect()
    assert link.say("410200a556b175ff0102000c8000000000000000") == ["608000a5"]


@pytest.mark.parametrize("facts", [{"update_sink": None}, {"updates_enabled": False}])
def test_updates_can_be_refused_altogether(pair, sink, facts):
    link = pair(**{"update_sink": sink} | facts).connect()
    assert link.say("410200a655b175ff000200000005dc0000000000") == ["61a300a655"]


def test_forced_updates_are_taken_though_disabled(pair, sink):
    link = pair(update_sink=sink, updates_enabled=False, updates_forced=True).connect()
    assert len(link.say("410200a655b175ff000200000005dc0000000000")) == 2


def test_a_sink_without_room_refuses(link, sink):
    sink.no_room = True
    assert link.say("410200a655b175ff000200000005dc0000000000") == ["61a300a655"]


def test_an_offer_without_particulars_is_slow_and_takes_all_the_room_there_is(link):
    assert without_ids(link.say("410200a655b175")) == ["600000a6", "5144....55ff00"]
    assert link.events == [UpdateStarted(100_000, 512)]


def test_a_corrupt_chunk_of_a_slow_update_is_asked_for_again(link, sink):
    link.say(UpdateBegin(b"\x55", 1500, fast=False).encode(1))
    bad = Chunk(b"\x55", CHUNKS[0], 1, None, confirmable=True).encode(2)
    assert without_ids(link.say(bad)) == ["60000002", "5180....55"]
    assert without_ids(link.say(chunk(0, fast=False, message_id=3))) == ["60000003", "5144....55"]
    assert bytes(sink.data[:512]) == CHUNKS[0]


def test_corrupt_and_impossible_chunks_of_a_fast_update_count_as_missed(link, decoded):
    link.say(UpdateBegin(b"\x55", 1500).encode(1))
    link.say(Chunk(b"\x55", CHUNKS[0], 1, 0).encode(2), chunk(9, data=CHUNKS[1]))
    assert decoded(link.say(UpdateDone(b"\x55").encode(3)))[1].payload == b"\0\0\0\1"


def test_few_missed_chunks_are_listed_at_a_time(link, decoded):
    link.say(UpdateBegin(b"\x55", 100 * 512).encode(1))
    assert len(decoded(link.say(UpdateDone(b"\x55").encode(2)))[1].payload) == 2 * 2
    link.say(*[chunk(index, data=bytes(512)) for index in range(50)])
    assert len(decoded(link.say(UpdateDone(b"\x55").encode(3)))[1].payload) == 2 * 40


def test_a_padded_last_chunk_is_cut(link, sink):
    link.say(UpdateBegin(b"\x55", 1500).encode(1))
    link.say(chunk(0), chunk(1), chunk(2, data=CHUNKS[2].ljust(512, b"\0")))
    link.say(UpdateDone(b"\x55").encode(2))
    assert bytes(sink.data) == FILE


def test_the_systems_verdict_is_passed_on(link, sink):
    sink.result = -1340
    link.say(UpdateBegin(b"\x55", 1500).encode(1), chunk(0), chunk(1), chunk(2))
    assert link.say(UpdateDone(b"\x55").encode(2))[0].endswith(b'{"r":-1340}'.hex())
    assert link.events[-1] == UpdateEnded(-1340)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (None, '{"r":"ok"}'),
        (
            DescribedModule(131072, function=ModuleFunction.USER_PART, index=1, version=6),
            '{"r":"ok","u":{"p":6,"s":131072,"l":"m","vc":30,"vv":30,"f":"u","n":"1","v":6,"d":[]}}',
        ),
    ],
)
def test_old_firmware_judges_in_words(pair, sink, module, expected):
    link = pair((1, 5, 2), update_sink=sink, received_module=lambda: module, platform_id=6).connect()
    link.say(UpdateBegin(b"\x55", 1500).encode(1), chunk(0), chunk(1), chunk(2))
    assert bytes.fromhex(link.say(UpdateDone(b"\x55").encode(2))[0][12:]).decode() == expected


def test_chunks_and_ends_without_an_update_mean_nothing(link):
    assert link.say(chunk(0)) == []
    assert link.say(UpdateDone(b"\x55").encode(2)) == ["6180000255"]
    assert link.say("500158e8b163ff0001") == []
    assert link.events == []


def test_a_second_offer_begins_anew(link, sink):
    link.say(UpdateBegin(b"\x55", 1500).encode(1), chunk(0), UpdateBegin(b"\x55", 1024).encode(2), chunk(1))
    assert sink.cancelled == 1
    assert link.events[-1] == UpdateProgress(512, 1024)


def test_a_transfer_that_stands_still_for_five_minutes_ends_in_a_reset(link, sink):
    link.say(UpdateBegin(b"\x55", 1500).encode(1))
    assert link.device.deadline() == 300.0
    link.now = 200.0
    link.say(chunk(0))
    assert link.device.deadline() == 500.0
    link.at(500.0)
    assert link.events[-1] == UpdateTimedOut()
    assert sink.cancelled == 1


def test_no_pings_go_out_during_an_update(link):
    link.say(UpdateBegin(b"\x55", 1500).encode(1))
    said = len(link.said)
    link.at(100.0)
    assert len(link.said) == said


def test_a_lost_connection_ends_the_update(link, sink):
    link.say(UpdateBegin(b"\x55", 1500).encode(1))
    link.device.receive_eof(1.0)
    link.flush()
    assert sink.cancelled == 1
    assert isinstance(link.events[-1], Disconnected)
    assert link.events[-1].error is ProtocolErrorCode.REMOTE_CLOSED


def test_a_malformed_chunk_ends_the_connection(link):
    link.say(Message.decode(bytes.fromhex("5102da5c55b163")))
    assert link.events[-1].error is ProtocolErrorCode.MALFORMED_MESSAGE
