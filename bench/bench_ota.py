"""An update, version 3: both cores in memory, and what loss costs on a way of 40 ms there and back, in virtual time."""

import heapq
import itertools
import random
import statistics

import pytest

from particle_protocol.coap import Code, Message, Type
from particle_protocol.ota import Reply, SenderSettings, UpdateChunk, UpdateReceiver, UpdateSender, UpdateTaken

IMAGE = random.Random(1).randbytes(1_000_000)


class Flash:
    capacity = len(IMAGE)

    def begin(self, size, sha256, *, discard, module_function):
        self.data = bytearray(size)
        return 0

    def write(self, offset, data):
        self.data[offset : offset + len(data)] = data

    def validate(self):
        assert self.data == IMAGE

    def suspend(self, *, discard):
        pass


def transfer(loss, seed, chunk_size=512):
    """Carry one update; how long it took, in seconds of virtual time. Requests are never lost: their carrier repeats them."""
    rng, order, ids, heap, now = random.Random(seed), itertools.count(), itertools.count(), [], 0.0
    sender, receiver, request = UpdateSender(IMAGE, SenderSettings(chunk_size)), UpdateReceiver(Flash()), None
    sender.start(0.0)
    while sender.result is None:
        for message in sender.messages_to_send():
            if not isinstance(message, UpdateChunk):
                request = message
                heapq.heappush(heap, (now + 0.02, next(order), "ask", message.encode(next(ids) & 0xFFFF, b"t")))
            elif rng.random() >= loss:
                heapq.heappush(heap, (now + 0.02, next(order), "chunk", message.encode(next(ids) & 0xFFFF)))
        for message in receiver.messages_to_send():
            if isinstance(message, Reply):
                answer = Message(Type.CON, message.code, 1, b"t", message.options, message.payload)
                heapq.heappush(heap, (now + 0.02, next(order), "answer", answer))
            elif rng.random() >= loss:
                heapq.heappush(heap, (now + 0.02, next(order), "ack", message.encode(1)))
        due = min(time for time in (sender.deadline(), receiver.deadline(), heap[0][0] if heap else None) if time is not None)
        now = max(now, due)
        sender.handle_timer(now)
        receiver.handle_timer(now)
        while heap and heap[0][0] <= now:
            kind, message = heapq.heappop(heap)[2:]
            if kind == "ask":
                (receiver.take_start(message, now) if message.path == "S" else receiver.take_finish(message))
            elif kind == "chunk":
                receiver.take_chunk(message, now)
            elif kind == "ack":
                sender.take_ack(message, now)
            else:
                assert message.code in (Code.CREATED, Code.CHANGED)
                sender.answered(request, message, now)
    assert isinstance(sender.result, UpdateTaken)
    return now


@pytest.mark.parametrize("chunk_size", [512, 1136])
def test_a_megabyte_through_both_cores(benchmark, chunk_size):
    benchmark(transfer, 0.0, 1, chunk_size)


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.1, 0.2])
def test_what_loss_costs(benchmark, loss):
    free = transfer(0.0, 1)
    lossy = statistics.median(transfer(loss, seed) for seed in range(9))
    benchmark.extra_info["share_of_the_loss_free_rate"] = free / lossy
    print(f"\n{loss:.0%} lost: {free / lossy:.0%} of the loss-free {len(IMAGE) / free / 1000:.0f} kB/s")
    benchmark.pedantic(transfer, (loss, 1), rounds=1)
