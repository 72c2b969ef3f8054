"""Updates, versions 1 and 2: both cores in memory, with chunks lost and broken on their way."""

import random

import pytest

from particle_protocol.coap import Code, Message, Type
from particle_protocol.ota import (
    ApplyUpdate,
    ChunkedReceiver,
    ChunkedSender,
    ReceiverWays,
    Reply,
    TransferEnded,
    TransferProgress,
    TransferStarted,
    UpdateFailed,
    UpdateTaken,
)
from particle_protocol.ota.v1_sender import MAX_ROUNDS
from particle_protocol.updates import Chunk, ChunkMissed, UpdateBegin, UpdateDone

TOKEN = b"\x55"
IMAGE = random.Random(2).randbytes(20_000)
WAYS = ReceiverWays(lambda result: b'{"r":%d}' % result)


class Sink:
    capacity = 100_000

    def __init__(self, result=0):
        self.result, self.data, self.cancelled = result, bytearray(), 0

    def begin(self, size):
        self.data = bytearray(size)

    def write(self, offset, data):
        self.data[offset : offset + len(data)] = data

    def finish(self):
        return self.result

    def cancel(self):
        self.cancelled += 1


class Pair:
    """A cloud and a device. `spoil` makes of each chunk what arrives: the same, another, or None."""

    def __init__(self, *, fast=True, sink=None, spoil=lambda chunk: chunk, image=IMAGE, ways=WAYS):
        self.sink = sink or Sink()
        self.sender = ChunkedSender(image, TOKEN, 512, fast=fast, patience=60.0)
        self.receiver = ChunkedReceiver(ways)
        self.spoil = spoil
        self.said, self.events = [], []
        self.sender.start(0.0)

    def run(self):
        while self.sender.result is None and (out := self.sender.messages_to_send()):
            for each in out:
                self.to_device(each)
        return self

    def to_device(self, each):
        if isinstance(each, Chunk):
            each = self.spoil(each)
            if each is None:
                return
        message = each.encode(len(self.said))
        if isinstance(each, UpdateBegin):
            self.receiver.take_begin(message, self.sink, 0.0)
        elif isinstance(each, Chunk):
            self.receiver.take_chunk(message, 0.0)
        else:
            self.receiver.take_done(message)
        for answer in self.receiver.messages_to_send():
            self.said.append(answer)
            self.to_cloud(answer)
        self.events += self.receiver.events()

    def to_cloud(self, answer):
        if isinstance(answer, ChunkMissed):
            self.sender.missed(answer, 0.0)
        elif not isinstance(answer, Reply):
            self.sender.answered(answer.encode(1), 0.0)
        elif answer.code != Code.EMPTY:
            type_ = Type.ACK if answer.in_ack else Type.NON
            self.sender.answered(Message(type_, answer.code, 1, answer.request.token, answer.options, answer.payload), 0.0)


def spoilt(chunk):
    return Chunk(chunk.token, chunk.data, chunk.crc ^ 1, chunk.index, confirmable=chunk.confirmable)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("size", [1, 512, 513, 20_000])
def test_a_file_arrives_whole(fast, size):
    pair = Pair(fast=fast, image=IMAGE[:size]).run()
    assert pair.sender.result == UpdateTaken(b'{"r":0}') and pair.sink.data == IMAGE[:size]
    assert pair.events[0] == TransferStarted(size, 512)
    assert pair.events[-2:] == [TransferProgress(size, size), ApplyUpdate(0)]
    assert pair.sender.deadline() is None and pair.receiver.deadline() is None


@pytest.mark.parametrize("seed", range(5))
def test_chunks_that_are_lost_or_broken_are_sent_again(seed):
    rng = random.Random(seed)

    def spoil(chunk):
        luck = rng.random()
        return None if luck < 0.2 else spoilt(chunk) if luck < 0.3 else chunk

    pair = Pair(spoil=spoil).run()
    assert isinstance(pair.sender.result, UpdateTaken) and pair.sink.data == IMAGE
    assert any(isinstance(each, ChunkMissed) for each in pair.said)


def test_a_broken_chunk_of_a_slow_transfer_is_sent_again():
    broken = iter([True, False, True, True])
    pair = Pair(fast=False, spoil=lambda chunk: spoilt(chunk) if next(broken, False) else chunk)
    assert isinstance(pair.run().sender.result, UpdateTaken) and pair.sink.data == IMAGE
    assert sum(isinstance(each, Reply) and each.code == Code.BAD_REQUEST for each in pair.said) == 3


@pytest.mark.parametrize("fast", [False, True])
def test_a_device_that_gets_nothing_right_is_given_up(fast):
    pair = Pair(fast=fast, spoil=spoilt).run()
    assert pair.sender.result == UpdateFailed(f"the device still misses chunks after {MAX_ROUNDS} rounds")


@pytest.mark.parametrize(("without_token", "code"), [(False, Code.SERVICE_UNAVAILABLE), (True, Code.BAD_REQUEST)])
def test_a_device_that_has_no_room_refuses(without_token, code):
    sink = Sink()
    sink.capacity = 100
    pair = Pair(sink=sink, ways=ReceiverWays(WAYS.verdict, without_token)).run()
    assert (pair.said[0].code, pair.said[0].request.token) == (code, b"" if without_token else TOKEN)
    assert pair.sender.result.why.startswith("the device refused the update: ")


def test_a_file_that_is_no_good_is_named_and_applied_all_the_same():
    pair = Pair(sink=Sink(-1340)).run()
    assert pair.sender.result == UpdateFailed("the device refused the update: error -1340")
    assert pair.events[-1] == ApplyUpdate(-1340)


def test_an_update_that_stands_still_is_given_up_by_both():
    pair = Pair(spoil=lambda _chunk: None)
    pair.to_device(pair.sender.messages_to_send()[0])
    assert pair.sender.deadline() == 60.0 and pair.receiver.deadline() == 300.0
    pair.sender.handle_timer(59.9)
    assert pair.sender.result is None
    pair.sender.handle_timer(60.0)
    assert pair.sender.result == UpdateFailed("the update stands still: the verdict did not come within 60 s", timed_out=True)
    pair.receiver.handle_timer(299.9)
    assert pair.receiver.running
    pair.receiver.handle_timer(300.0)
    (ended,) = pair.receiver.events()
    assert isinstance(ended, TransferEnded) and "no chunk came for 300 s" in str(ended.fault)
    assert not pair.receiver.running and pair.sink.cancelled == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Message(Type.ACK, 0xA3, 1, TOKEN), "refused the update: 5.03"),
        (Message(Type.NON, 0x45, 1, TOKEN), "answered the offer with no readiness for an update"),
        (Message(Type.RST, 0, 1), "refused the update: empty"),
    ],
)
def test_an_offer_that_is_not_taken_is_named(answer, why):
    pair = Pair()
    pair.sender.messages_to_send()
    pair.sender.answered(answer, 0.0)
    assert why in pair.sender.result.why and pair.sender.messages_to_send() == []


def test_messages_of_no_transfer_are_passed_over():
    receiver = ChunkedReceiver(WAYS)
    receiver.take_chunk(Chunk.of(TOKEN, b"x", 0).encode(1), 0.0)
    assert receiver.messages_to_send() == []
    receiver.take_done(UpdateDone(TOKEN).encode(2))
    assert [each.code for each in receiver.messages_to_send()] == [Code.BAD_REQUEST]
