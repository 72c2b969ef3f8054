"""Updates over the air, both ends: the device service flashes emulated boards, through a network that loses and spoils."""

import random

import pytest

from emulator.cloud.sessions import Refused
from emulator.device_os.cloud_facts import UpdateEnded
from particle_protocol.coap import Message
from particle_protocol.messages import Kind
from particle_protocol.updates import Chunk

IMAGE = random.Random(1).randbytes(20_000)


class Sink:
    """Where an update goes."""

    def __init__(self, capacity=50_000, result=0):
        self.capacity, self.result, self.data = capacity, result, bytearray()

    def begin(self, size):
        self.data = bytearray(size)

    def write(self, offset, data):
        self.data[offset : offset + len(data)] = data

    def finish(self):
        return self.result

    def cancel(self):
        self.data = bytearray()


class Spoiler:
    """A channel that loses some chunks and spoils others, from a seed."""

    def __init__(self, channel, seed, loss):
        self.channel, self.rng, self.loss, self.chunks = channel, random.Random(seed), loss, 0

    def __getattr__(self, name):
        return getattr(self.channel, name)

    def send(self, data):
        message = Message.decode(data)
        if Kind.of(message) is Kind.CHUNK:
            self.chunks += 1
            draw = self.rng.random()
            if draw < self.loss / 2:
                chunk = Chunk.decode(message)
                data = Chunk(chunk.token, chunk.data[::-1], chunk.crc, chunk.index, chunk.confirmable).encode(message.id).encode()
            elif draw < self.loss and Chunk.decode(message).index is not None:
                return
        self.channel.send(data)


def spoil(lab, seed, loss):
    coap = lab.session._coap
    coap._channel = spoiler = Spoiler(coap._channel, seed, loss)
    return spoiler


@pytest.mark.parametrize("version", [(0, 7, 0), (1, 5, 2), (2, 3, 1), (3, 3, 1)])
@pytest.mark.parametrize("fast", [True, False])
def test_an_image_arrives_whole(make_lab, version, fast):
    lab, sink = make_lab(fast_updates=fast), Sink()
    board = lab.board(version=version, update_sink=sink)
    lab.wait(lab.session.flash(IMAGE))
    assert bytes(sink.data) == IMAGE
    assert board.events[-1] == UpdateEnded(0)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("fast", [True, False])
def test_lost_and_spoilt_chunks_are_sent_again(make_lab, seed, fast):
    lab, sink = make_lab(fast_updates=fast), Sink()
    lab.board(update_sink=sink)
    spoiler = spoil(lab, seed, 0.3)
    lab.wait(lab.session.flash(IMAGE))
    assert bytes(sink.data) == IMAGE
    assert spoiler.chunks > 40


def test_a_network_that_carries_no_chunk_at_all_is_given_up(lab):
    lab.board(update_sink=Sink())
    spoil(lab, 1, 2.0)
    with pytest.raises(Refused, match="still misses chunks after 20 rounds"):
        lab.wait(lab.session.flash(IMAGE))


def test_a_slow_chunk_that_is_never_right_is_given_up(make_lab):
    lab = make_lab(fast_updates=False)
    lab.board(update_sink=Sink())
    spoil(lab, 1, 2.0)
    with pytest.raises(Refused, match="still misses chunks"):
        lab.wait(lab.session.flash(IMAGE))


def test_the_boards_own_chunk_size_is_used(lab):
    sink = Sink()
    lab.board(update_sink=sink, ota_chunk_size=256)
    spoiler = spoil(lab, 1, 0.0)
    lab.wait(lab.session.flash(IMAGE))
    assert spoiler.chunks == 79
    assert bytes(sink.data) == IMAGE


def test_an_image_larger_than_the_board_told_is_not_even_offered(lab):
    lab.board(update_sink=Sink(), max_binary=10_000)
    with pytest.raises(Refused, match="20000 bytes; the device takes at most 10000"):
        lab.wait(lab.session.flash(IMAGE))


@pytest.mark.parametrize("version", [(0, 7, 0), (2, 3, 1)])
def test_a_board_can_refuse(lab, version):
    lab.board(version=version, update_sink=Sink(capacity=1000))
    with pytest.raises(Refused, match="refused the update: "):
        lab.wait(lab.session.flash(IMAGE))
    assert not lab.session.closed


@pytest.mark.parametrize(("version", "why"), [((2, 3, 1), "error -1340"), ((1, 5, 2), "error error")])
def test_a_board_can_reject_the_module(lab, version, why):
    lab.board(version=version, update_sink=Sink(result=-1340))
    with pytest.raises(Refused, match=why):
        lab.wait(lab.session.flash(IMAGE))


def test_only_one_update_runs_at_a_time(lab):
    lab.board(update_sink=Sink())
    first, second = lab.session.flash(IMAGE), lab.session.flash(IMAGE)
    with pytest.raises(Refused, match="another update is under way"):
        lab.wait(second)
    lab.wait(first)
    lab.wait(lab.session.flash(IMAGE))


def test_a_board_that_falls_silent_in_the_middle_is_given_up(make_lab):
    lab = make_lab(idle_limit=1000.0)
    board = lab.board(update_sink=Sink())
    board.stream.abort()
    board.timer.cancel()
    with pytest.raises(TimeoutError, match="the answer to the offer did not come within 60 s"):
        lab.wait(lab.session.flash(IMAGE))


def test_a_board_that_leaves_in_the_middle_fails_the_update(lab):
    board = lab.board(update_sink=Sink())
    reply = lab.session.flash(IMAGE)
    board.stream.close()
    with pytest.raises(ConnectionError, match="closed by the peer"):
        lab.wait(reply)


def test_chunks_that_do_not_fit_the_boards_buffer_are_named(lab):
    lab.board(update_sink=Sink(), ota_chunk_size=790)
    with pytest.raises(Refused, match="chunks of 790 bytes do not fit"):
        lab.wait(lab.session.flash(IMAGE))


@pytest.mark.parametrize("verdict", ["5b5d", "7b7d", "00", "7b2272223a6e756c6c7d"])
def test_a_verdict_that_cannot_be_read_is_named(lab, verdict):
    device = lab.raw()
    reply = lab.session.flash(b"image")
    lab.run(0.01)
    begin = device.heard.pop()
    device.say("6000" + begin[4:8])
    _chunk, done = device.say("51440001" + begin[8:10] + "ff01")
    device.say("6144" + done[4:10] + "ff" + verdict)
    with pytest.raises(Refused):
        reply.result()


def test_an_end_that_is_refused_is_named(lab):
    device = lab.raw()
    reply = lab.session.flash(b"image")
    lab.run(0.01)
    begin = device.heard.pop()
    _chunk, done = device.say("51440001" + begin[8:10] + "ff01")
    device.say("61a0" + done[4:10])
    with pytest.raises(Refused, match=r"5\.00"):
        reply.result()


def test_an_old_verdict_cut_short_counts_by_its_beginning(lab):
    device = lab.raw()
    reply = lab.session.flash(b"image")
    lab.run(0.01)
    begin = device.heard.pop()
    _chunk, done = device.say("51440001" + begin[8:10] + "ff01")
    device.say("6144" + done[4:10] + "ff" + b'{"r":"ok","u":{"p":6,"s":1310'.hex())
    assert reply.result() is None
