"""Updates, version 3, from end to end: as recorded, interrupted, refused, and over networks that lose up to a fifth."""

import hashlib
import itertools
import os
import random

import pytest

from particle_protocol.coap import Code, Message, Type
from particle_protocol.control_requests.codes import Result
from particle_protocol.ota import (
    ApplyUpdate,
    SenderSettings,
    TransferEnded,
    TransferProgress,
    TransferStarted,
    UpdateCancelled,
    UpdateChunk,
    UpdateFailed,
    UpdateFault,
    UpdateReceiver,
    UpdateSender,
    UpdateTaken,
)
from particle_protocol.ota.v3_messages import UpdateAck, UpdateStart
from particle_protocol.secure_channel import ChannelError

SEEDS = int(os.environ.get("PARTICLE_HIL_OTA_SEEDS", "2000"))
REPORT = '{{"recv_chunks":3,"dup_chunks":0,"ooo_chunks":{},"sent_acks":2,"proc_time":0}}'


def image_of(size, seed=1):
    return random.Random(seed).randbytes(size)


def sha(image):
    return hashlib.sha256(image).digest()


def short(wire):
    """A message as recorded, its payload left out where it is a piece of the file."""
    return [f"{way} {data[:10].hex()}" if data[5:6] == b"C" else f"{way} {data.hex()}" for way, data in wire]


def test_a_transfer_is_said_as_it_was_recorded(make_world):
    """The conversation of Device OS 6.2.0 about a file of 1,500 bytes, message by message."""
    world = make_world(image_of(1500)).run()
    assert short(world.wire) == [
        "> 4102100121b153e206f105dc820200",
        "< 60001001",
        "< 4141000e21e206f8010040",
        "> 6000000e",
        "> 50021002b143e106e901",
        "> 50021003b143e106e902",
        "> 50021004b143e106e903",
        "< 5002000fb141e106e902",
        "< 50020010b141e106e903",
        "> 4102100522b146",
        "< 60001005",
        "< 4144001122ff" + REPORT.format(0).encode().hex(),
        "> 60000011",
    ]
    assert world.network.now < 0.2, "the last chunk is acknowledged at once"
    assert world.sender.result == UpdateTaken(REPORT.format(0).encode())
    assert world.store.data == world.image and world.applied
    assert world.events == [
        TransferStarted(1500, 512),
        TransferProgress(512, 1500),
        TransferProgress(1024, 1500),
        TransferProgress(1500, 1500),
        ApplyUpdate(0),
    ]


def test_a_gap_is_reported_and_filled_as_it_was_recorded():
    """The same firmware, when the second of three chunks was left out and sent again; device alone."""
    store = StoreOf(1500)
    device, image = UpdateReceiver(store), image_of(1500)
    device.take_start(UpdateStart(1500, 512).encode(0x1006, b"\x23"), 0.0)
    device.messages_to_send()
    said = []
    for index in (1, 3, 2):
        chunk = UpdateChunk(index, image[(index - 1) * 512 : index * 512]).encode(0x1006 + index)
        assert device.take_chunk(chunk, 0.0)
        said += [each.encode(0x0F + len(said)).encode().hex() for each in device.messages_to_send()]
    assert said == ["5002000fb141e106e901ff02000000", "50020010b141e106e903"]
    device.take_finish(Message.decode(bytes.fromhex("4102100a24b146")))
    (reply,) = device.messages_to_send()
    assert (reply.code, reply.payload.decode()) == (Code.CHANGED, REPORT.format(1))
    assert bytes(store.data) == image


class StoreOf:
    """The least that can hold a file."""

    def __init__(self, capacity):
        self.capacity, self.data = capacity, bytearray(capacity)

    def begin(self, size, sha256, *, discard, module_function):
        return 0

    def write(self, offset, data):
        self.data[offset : offset + len(data)] = data

    def validate(self):
        pass

    def suspend(self, *, discard):
        pass


def test_acknowledgements_come_after_two_chunks_or_a_fifth_of_a_second():
    device = UpdateReceiver(StoreOf(512 * 9))
    device.take_start(UpdateStart(512 * 9, 512).encode(1, b"t"), 0.0)
    device.messages_to_send()
    device.take_chunk(UpdateChunk(1, bytes(512)).encode(2), 1.0)
    assert device.messages_to_send() == [] and device.deadline() == 1.2
    device.handle_timer(1.1)
    assert device.messages_to_send() == []
    device.handle_timer(1.2)
    assert device.messages_to_send() == [UpdateAck(1)] and device.deadline() == 301.0
    device.take_chunk(UpdateChunk(2, bytes(512)).encode(3), 2.0)
    device.take_chunk(UpdateChunk(3, bytes(512)).encode(4), 2.1)
    assert device.messages_to_send() == [UpdateAck(3)] and device.deadline() == 302.1
    device.take_chunk(UpdateChunk(3, bytes(512)).encode(5), 2.2)
    assert device.messages_to_send() == [UpdateAck(3)], "a repeated chunk is answered at once"
    device.take_chunk(UpdateChunk(5, bytes(512)).encode(6), 2.3)
    assert device.messages_to_send() == [UpdateAck(3, 0b10)], "so is a gap"
    device.take_chunk(UpdateChunk(4, bytes(512)).encode(7), 2.4)
    assert device.messages_to_send() == [UpdateAck(5)], "and its closing"


@pytest.mark.parametrize("lost", [1, 3, 4])
def test_the_file_is_applied_only_when_the_cloud_has_acknowledged_the_verdict(make_world, lost):
    world = make_world(image_of(3000))
    dropped = []

    def drop(way, message):
        if way == "to device" and message.type is Type.ACK and "validate" in world.store.said and len(dropped) < lost:
            assert not world.applied
            dropped.append(world.network.now)
            return True
        return False

    world.drop = drop
    world.run()
    assert isinstance(world.sender.result, UpdateTaken) and len(dropped) == lost
    assert world.applied is (lost < 4), "the device says it four times"


@pytest.mark.parametrize("size", [1, 511, 512, 513, 1024, 100_000])
@pytest.mark.parametrize("chunk_size", [512, 1136])
def test_files_of_all_sizes(make_world, size, chunk_size):
    world = make_world(image_of(size), settings=SenderSettings(chunk_size)).run()
    assert isinstance(world.sender.result, UpdateTaken)
    assert bytes(world.store.data) == world.image and world.applied
    assert world.chunks_sent == -(-size // chunk_size) and world.sender.resent == 0
    assert world.sender.progress == (size, size)


def test_the_window_of_the_device_is_kept(make_world):
    world = make_world(image_of(200_000), settings=SenderSettings(first_in_flight=10_000, max_in_flight=10_000))
    first = world.drop = lambda way, message: message.path == "A"
    world.run(until=0.9)
    assert world.chunks_sent == 256
    assert world.drop is first
    world.drop = lambda _way, _message: False
    assert isinstance(world.run().sender.result, UpdateTaken)


def test_an_interrupted_transfer_goes_on_where_it_was(make_world, make_store):
    image, store = image_of(100_000), make_store()
    first = make_world(image, store=store, sha256=sha(image))
    first.drop = lambda _way, message: message.path == "C" and len(store.written) > 60
    first.run(until=5.0)
    first.receiver.cancel()
    held = store.contiguous
    assert 25_000 < held < 100_000 and store.said == ["begin 100000 at 0", "suspend"]
    second = make_world(image, store=store, sha256=sha(image)).run()
    assert store.said[2:] == [f"begin 100000 at {held}", "validate"]
    assert bytes(store.data) == image and second.applied
    assert second.chunks_sent == -(-(100_000 - held) // 512)
    assert second.events[0] == TransferStarted(100_000, 512, held)


def test_a_file_that_is_there_already_is_only_finished(make_world, make_store):
    image, store = image_of(5_000), make_store()
    first = make_world(image, store=store, sha256=sha(image))
    first.drop = lambda _way, message: message.path == "F"
    first.run(until=3.0)
    first.receiver.cancel()
    second = make_world(image, store=store, sha256=sha(image)).run()
    assert isinstance(second.sender.result, UpdateTaken) and second.applied and second.chunks_sent == 0


@pytest.mark.parametrize(
    ("more", "begins"), [({}, 0), ({"discard": True}, 0), ({"other": True}, 0)], ids=["no hash", "discard", "other file"]
)
def test_what_is_left_of_a_transfer_is_not_used_where_it_must_not(make_world, make_store, more, begins):
    image, store = image_of(50_000), make_store()
    first = make_world(image, store=store, sha256=sha(image))
    first.drop = lambda _way, message: message.path == "C" and len(store.written) > 20
    first.run(until=3.0)
    first.receiver.cancel()
    assert store.contiguous > 0
    if more.pop("other", None):
        image = image_of(50_000, seed=2)
    second = make_world(image, store=store, sha256=sha(image) if more or image != first.image else None, **more).run()
    assert store.said[2] == "begin 50000 at 0"
    assert bytes(store.data) == image and second.applied


@pytest.mark.parametrize("discard", [False, True])
def test_a_cancelled_update_is_put_aside(make_world, discard):
    world = make_world(image_of(100_000), sha256=bytes(32))
    world.run(until=0.15)
    assert 0 < world.sender.progress[0] < 100_000
    world.sender.cancel(discard=discard)
    world.flush()
    world.run()
    assert world.sender.result == UpdateCancelled()
    assert world.store.said[-1] == ("discard" if discard else "suspend")
    assert world.events[-1] == TransferEnded(None) and not world.applied


def test_an_update_cancelled_before_it_is_answered(make_world):
    world = make_world(image_of(10_000))
    world.sender.cancel()
    world.flush()
    world.run()
    assert world.sender.result == UpdateCancelled() and world.store.said == ["begin 10000 at 0", "suspend"]


def test_an_update_that_never_began_is_cancelled_at_once():
    sender = UpdateSender(b"x", SenderSettings())
    sender.cancel()
    assert sender.result == UpdateCancelled() and sender.messages_to_send() == []


@pytest.mark.parametrize("fault", [UpdateFault(Result.OTA_VALIDATION_FAILED), UpdateFault(Result.OTA_DEPENDENCY_CHECK_FAILED, "b2 is old")])
def test_a_file_that_is_no_good_is_refused_with_the_reason(make_world, make_store, fault):
    store = make_store()
    store.verdict = fault
    world = make_world(image_of(5000), store=store).run()
    assert isinstance(world.sender.result, UpdateFailed)
    assert (world.sender.result.refusal.code, world.sender.result.refusal.result) == (0xA3, fault.result)
    assert str(fault) in world.sender.result.why
    assert world.events[-1] == TransferEnded(fault) and not world.applied and store.said[-1] == "discard"


def test_a_device_that_takes_no_updates_says_so(make_world, make_store):
    store = make_store()
    store.refuses = UpdateFault(Result.OTA_UPDATES_DISABLED)
    world = make_world(image_of(5000), store=store).run()
    assert world.sender.result.refusal.result == Result.OTA_UPDATES_DISABLED
    assert "5.03: updates are disabled (-1380)" in world.sender.result.why and not world.receiver.running


def test_a_file_that_does_not_fit_is_refused_in_the_acknowledgement(make_world, make_store):
    world = make_world(image_of(5000), store=make_store(4999)).run()
    assert [way for way, _ in world.wire] == [">", "<"]
    assert world.sender.result.refusal.result == Result.TOO_LARGE
    assert "a file of 5000 bytes; 1 to 4999 are taken" in world.sender.result.why


@pytest.mark.parametrize(("file_size", "chunk_size"), [(0, 512), (100, 508), (100, 513), (100, 1140)])
def test_a_start_that_makes_no_sense_is_refused(file_size, chunk_size):
    device = UpdateReceiver(StoreOf(1000))
    device.take_start(UpdateStart(file_size, chunk_size).encode(1, b"t"), 0.0)
    (reply,) = device.messages_to_send()
    assert (reply.code, reply.in_ack) == (Code.BAD_REQUEST, True) and not device.running


def test_a_start_during_a_transfer_begins_anew(make_world):
    world = make_world(image_of(50_000))
    world.run(until=0.1)
    world.sender = UpdateSender(image_of(20_000), SenderSettings())
    world.sender.start(world.network.now)
    world.flush()
    world.run()
    assert isinstance(world.sender.result, UpdateTaken)
    assert world.store.said == ["begin 50000 at 0", "suspend", "begin 20000 at 0", "validate"]


def test_a_finish_before_its_time_is_refused_and_the_transfer_goes_on():
    device = UpdateReceiver(StoreOf(1024))
    finish = Message.decode(bytes.fromhex("4102100522b146"))
    device.take_finish(finish)
    device.take_start(UpdateStart(1024, 512).encode(1, b"t"), 0.0)
    device.take_chunk(UpdateChunk(1, bytes(512)).encode(2), 0.0)
    device.take_finish(finish)
    idle, _, early = device.messages_to_send()
    assert (idle.code, early.code) == (0xA3, 0xA3) and b"1 chunks are missing" in early.payload
    assert device.running


@pytest.mark.parametrize(
    ("index", "size", "why"),
    [
        (0, 512, "chunk 0"),
        (4, 512, "1 to 256 may come"),
        (1, 511, "511 bytes, where 512"),
        (3, 512, "512 bytes, where 476"),
        (3, 0, "0 bytes"),
    ],
)
def test_a_chunk_that_cannot_be_ends_the_connection(index, size, why):
    device = UpdateReceiver(StoreOf(1500))
    device.take_start(UpdateStart(1500, 512).encode(1, b"t"), 0.0)
    with pytest.raises(ChannelError, match=why) as caught:
        device.take_chunk(UpdateChunk(index, bytes(size)).encode(2), 0.0)
    assert caught.value.code == 32


def test_a_chunk_beyond_the_window_ends_the_connection():
    device = UpdateReceiver(StoreOf(512 * 300))
    device.take_start(UpdateStart(512 * 300, 512).encode(1, b"t"), 0.0)
    assert device.take_chunk(UpdateChunk(256, bytes(512)).encode(2), 0.0)
    with pytest.raises(ChannelError, match="where 1 to 256 may come"):
        device.take_chunk(UpdateChunk(257, bytes(512)).encode(3), 0.0)


def test_a_chunk_for_no_transfer_is_reset_and_the_cloud_understands(make_world):
    world = make_world(image_of(50_000))
    world.run(until=0.1)
    world.receiver.cancel()
    world.run()
    assert isinstance(world.sender.result, UpdateFailed)
    assert "no longer knows of the update" in world.sender.result.why and "was reset, or gave up" in world.sender.result.why


def test_a_flash_that_fails_ends_the_transfer(make_world, make_store):
    store = make_store()
    store.breaks_at = 5_000
    world = make_world(image_of(20_000), store=store).run()
    assert "chunk 11 cannot be written" in str(world.broken)
    assert isinstance(world.events[-1], TransferEnded) and world.events[-1].fault.result == Result.IO
    assert "acknowledged nothing for 60 s" in world.sender.result.why


def test_a_transfer_that_stands_still_is_put_aside(make_world):
    world = make_world(image_of(50_000))
    world.drop = lambda _way, message: message.path == "C"
    world.run()
    assert "acknowledged nothing for 60 s; it has 0 of 50000 bytes" in world.sender.result.why
    while world.receiver.running:
        world.receiver.handle_timer(world.receiver.deadline())
    assert world.receiver.deadline() is None
    world.flush()
    assert world.events[-1].fault.result == Result.TIMEOUT and world.store.said[-1] == "suspend"


def test_a_device_that_never_answers(make_world):
    world = make_world(image_of(5000))
    world.drop = lambda _way, _message: True
    world.run()
    assert world.sender.result == UpdateFailed("the answer to the beginning did not come: nobody acknowledged it", timed_out=True)


@pytest.mark.parametrize(
    "answer",
    [Message(Type.CON, 0x44, 1), Message(Type.CON, 0x41, 1), Message(Type.CON, 0x41, 1, b"", ((2053, b"\1"), (2057, b"\x13\x89")))],
)
def test_an_answer_that_makes_no_sense_ends_the_update(answer):
    sender = UpdateSender(bytes(5000), SenderSettings())
    sender.start(0.0)
    (start,) = sender.messages_to_send()
    sender.answered(start, answer, 0.0)
    assert isinstance(sender.result, UpdateFailed) and sender.deadline() is None


def test_acknowledgements_of_nothing_change_nothing():
    sender = UpdateSender(bytes(5000), SenderSettings())
    sender.take_ack(UpdateAck(3).encode(1), 0.0)
    sender.start(0.0)
    (start,) = sender.messages_to_send()
    sender.answered(start, Message(Type.CON, 0x41, 1, b"", ((2053, b"\1\0"),)), 0.0)
    sender.messages_to_send()
    sender.take_ack(UpdateAck(11).encode(1), 0.0)
    sender.take_ack(UpdateAck(0, 1 << 90).encode(1), 0.0)
    assert sender.progress == (0, 5000) and sender.messages_to_send() == []


def sending(chunks, **settings):
    """A sender whose device is ready, at time 0."""
    sender = UpdateSender(bytes(512 * chunks), SenderSettings(**settings))
    sender.start(0.0)
    (start,) = sender.messages_to_send()
    sender.answered(start, Message(Type.CON, 0x41, 1, b"", ((2053, b"\1\0"),)), 0.0)
    return sender


def indices(sender):
    return [message.index for message in sender.messages_to_send()]


def acknowledge(sender, index, bitmap, now):
    sender.take_ack(UpdateAck(index, bitmap).encode(1), now)


def test_silence_is_met_by_one_chunk_at_a_time_ever_more_slowly():
    sender = sending(40, first_in_flight=10)
    assert indices(sender) == list(range(1, 11))
    sent, now = [], [0.0]
    for _ in range(5):
        now.append(sender.deadline())
        sender.handle_timer(now[-1] - 0.001)
        assert indices(sender) == []
        sender.handle_timer(now[-1])
        sent.append(indices(sender))
    assert sent == [[10], [1], [1], [1], [1]]
    waited = [later - earlier for earlier, later in itertools.pairwise(now)]
    assert waited == sorted(waited) and waited[0] < 1.1 and waited[-1] == 8.0
    acknowledge(sender, 10, 0, now[-1] + 0.1)
    assert indices(sender) == [11, 12], "and goes on as it began when it is over"


def test_what_overtakes_is_waited_for_before_anything_is_sent_again():
    sender = sending(40, first_in_flight=4)
    assert indices(sender) == [1, 2, 3, 4]
    acknowledge(sender, 1, 0, 0.1)
    assert indices(sender) == [5, 6]
    acknowledge(sender, 1, 0b100, 0.1)
    assert indices(sender) == [7, 8], "2 and 3 may still be on their way"
    assert sender.deadline() == pytest.approx(0.125)
    sender.handle_timer(0.125)
    assert indices(sender) == [2, 3]
    acknowledge(sender, 2, 0b10, 0.13)
    assert indices(sender) == [9, 10]
    assert sender.deadline() > 0.25, "2 came too soon to be what was sent last: it says nothing of 5 and 6"


def test_an_answer_to_what_was_taken_back_is_passed_over():
    sender = UpdateSender(bytes(5000), SenderSettings())
    sender.start(0.0)
    (start,) = sender.messages_to_send()
    sender.cancel()
    (finish,) = sender.messages_to_send()
    sender.answered(start, Message(Type.CON, 0x41, 1, b"", ((2053, b"\1\0"),)), 0.0)
    sender.unanswered(start, "late")
    assert sender.result is None
    sender.answered(finish, Message(Type.CON, 0x44, 2), 0.0)
    assert sender.result == UpdateCancelled()


def test_a_late_copy_of_a_chunk_is_no_fault_once_all_have_come():
    device = UpdateReceiver(StoreOf(100))
    device.take_start(UpdateStart(100, 512).encode(1, b"t"), 0.0)
    chunk = UpdateChunk(1, bytes(100)).encode(2)
    assert device.take_chunk(chunk, 0.0)
    device.take_finish(Message.decode(bytes.fromhex("4102100522b146")))
    device.messages_to_send()
    assert device.take_chunk(chunk, 0.1) and device.messages_to_send() == []
    device.reply_acknowledged()
    assert not device.take_chunk(chunk, 0.2)


@pytest.mark.parametrize(("image", "chunk_size"), [(b"", 512), (b"x", 508), (b"x", 514), (b"x", 1140)])
def test_what_cannot_be_sent_is_refused_at_once(image, chunk_size):
    with pytest.raises(ValueError, match="bytes"):
        UpdateSender(image, SenderSettings(chunk_size))


def transfer(make_world, seed, size=40_000, **weather):
    """An update that comes about in the end. Where a request is lost four times in a row the connection is given up: then the cloud
    begins again, and the device goes on where it was.
    """
    image, store = image_of(size, seed), None
    for attempt in range(6):
        world = make_world(image, seed + attempt, weather, settings=SenderSettings(max_in_flight=32), store=store, sha256=sha(image))
        try:
            world.run()
            assert world.broken is None, world.broken
            if not isinstance(world.sender.result, UpdateTaken):
                assert "nobody acknowledged it" in world.sender.result.why, world.sender.result
                world.receiver.cancel()
                store = world.store
                continue
            assert bytes(world.store.data) == world.image, "the file is damaged"
        except BaseException:
            print(f"seed {seed}, attempt {attempt}, {weather}")  # noqa: T201
            raise
        return world
    raise AssertionError(f"seed {seed}: six attempts came to nothing in {weather}")


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.1, 0.2])
def test_a_file_arrives_whole_whatever_is_lost(make_world, loss):
    for seed in range(3):
        transfer(make_world, seed, loss=loss, repeat=0.05, jitter=0.05)


def test_reordering_alone_makes_little_be_sent_again(make_world):
    world = transfer(make_world, 4, jitter=0.004)
    assert world.sender.resent <= 2


def test_at_five_per_cent_loss_four_fifths_of_the_rate_remain(make_world):
    """Over a way of 40 ms there and back; half a megabyte. The rate counts from the first chunk to the last acknowledgement."""
    times = {}
    for loss in (0.0, 0.05):
        taken = []
        for seed in range(3):
            world = make_world(image_of(400_000), seed, {"loss": loss, "jitter": 0.002})
            world.run()
            assert isinstance(world.sender.result, UpdateTaken)
            taken.append(world.network.now)
        times[loss] = sorted(taken)[1]
    assert times[0.0] / times[0.05] >= 0.8, times


@pytest.mark.soak
def test_thousands_of_networks(make_world):
    for seed in range(1000, 1000 + SEEDS):
        rng = random.Random(seed)
        weather = {"loss": rng.random() * 0.2, "repeat": rng.choice([0, rng.random() * 0.3]), "jitter": rng.choice([0, 0.05, rng.random()])}
        transfer(make_world, seed, rng.randint(1, 60_000), **weather)
