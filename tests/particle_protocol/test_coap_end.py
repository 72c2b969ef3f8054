"""One end of a conversation in CoAP: against bytes of real Device OS, and two of them over a network that does its worst."""

import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.blocks import MAX_ASSEMBLED, Block, cut
from particle_protocol.coap import CoapError, Code, Message, Option, Type, empty, path_options
from particle_protocol.coap_end import CoapEnd, TooManyQuestions
from particle_protocol.coap_memory import MAX_REMEMBERED
from particle_protocol.protocol_errors import ProtocolErrorCode as Error
from particle_protocol.secure_channel import ChannelError

HELLO = bytes.fromhex("40020001b168ff0003ffff00360003000c0123456789abcdef012345671838048000a000000200")
"""The Hello of Device OS 6.2.0 over UDP."""
EVENT = bytes.fromhex("40020004b1450d127061727469636c652f6465766963652f757064617465732f656e61626c6564ff74727565")


class Channel:
    """A channel that keeps what is sent."""

    has_failed = False

    def __init__(self, reliable=False):
        self.is_reliable, self.sent = reliable, []

    def send(self, data):
        self.sent.append(data)

    def taken(self):
        sent, self.sent[:] = self.sent[:], []
        return [each.hex() for each in sent]


def end(reliable=False, **more):
    channel = Channel(reliable)
    made = CoapEnd(channel, **{"draw": lambda: 0.0} | more)
    made.begin(1, 0x40)
    return made, channel


def request(coap, path="f", type_=Type.CON):
    return Message(type_, Code.POST, coap.next_id(), b"", path_options(path))


def test_what_comes_twice_is_answered_from_memory_and_handed_over_once():
    coap, channel = end()
    for message, answer in ((HELLO, "60000001"), (EVENT, "60000004")):
        coap.acknowledge(coap.receive(message, 0.0))
        assert coap.receive(message, 6.0) is None
        assert channel.taken() == [answer, answer]
    assert coap.duplicates == 2


def test_an_answer_made_elsewhere_is_remembered_too():
    coap, channel = end()
    asked = bytes.fromhex("4101000342b174")
    message = coap.receive(asked, 0.0)
    coap.answer(message, Message(Type.ACK, Code.CONTENT, message.id, message.token, (), bytes.fromhex("6b034404")))
    assert coap.receive(asked, 1.0) is None
    assert channel.taken() == ["6145000342ff6b034404"] * 2


def test_a_repetition_of_what_was_not_answered_yet_is_silent():
    coap, channel = end()
    assert coap.receive(HELLO, 0.0) is not None
    assert coap.receive(HELLO, 4.0) is None
    assert channel.taken() == []


def test_ids_are_forgotten_after_45_seconds():
    coap, _ = end()
    assert coap.receive(HELLO, 0.0) is not None
    assert coap.receive(HELLO, 44.9) is None
    assert coap.receive(HELLO, 45.0) is not None


def test_so_many_ids_are_remembered_at_the_most():
    coap, _ = end()
    for number in range(MAX_REMEMBERED + 1):
        assert coap.receive(Message(Type.NON, Code.POST, number).encode(), 0.0) is not None
    assert coap.receive(Message(Type.NON, Code.POST, 0).encode(), 0.0) is not None
    assert coap.receive(Message(Type.NON, Code.POST, MAX_REMEMBERED).encode(), 0.0) is None


def test_over_a_stream_nothing_is_a_repetition():
    coap, channel = end(reliable=True)
    for _ in range(2):
        coap.acknowledge(coap.receive(EVENT, 0.0))
    assert channel.taken() == ["60000004", "60000004"]


@pytest.mark.parametrize(("draw", "times"), [(0.0, [4, 12, 28, 60]), (1.0, [6, 18, 42, 90])])
def test_what_is_not_acknowledged_is_sent_four_times_ever_more_slowly_and_then_nobody_is_there(draw, times):
    coap, channel = end(draw=lambda: draw)
    coap.send(request(coap), 0.0)
    for due in times[:-1]:
        channel.taken()
        assert coap.deadline() == due
        coap.handle_timer(due - 0.01)
        assert channel.taken() == []
        coap.handle_timer(due)
        assert channel.taken() == ["40020001b166"]
    with pytest.raises(ChannelError, match=f"message 1 was sent 4 times within {times[-1]} s, and not acknowledged") as caught:
        coap.handle_timer(coap.deadline())
    assert caught.value.code is Error.MESSAGE_TIMEOUT
    assert coap.deadline() is None


@pytest.mark.parametrize("answer", [empty(Type.ACK, 1), empty(Type.RST, 1), Message(Type.ACK, Code.CHANGED, 1)])
def test_what_is_acknowledged_or_rejected_is_not_repeated(answer):
    coap, _ = end()
    coap.send(request(coap), 0.0)
    coap.receive(answer.encode(), 1.0)
    assert coap.deadline() is None


def test_a_response_acknowledges_its_request():
    coap, channel = end()
    question = coap.open(lambda message: True, lambda error: None)
    coap.ask(question, Message(Type.CON, Code.GET, coap.next_id(), question.token, path_options("v")), 0.0, 15.0)
    coap.receive(Message(Type.CON, Code.CONTENT, 9, question.token).encode(), 1.0)
    assert channel.taken()[1:] == ["60000009"]
    assert coap.deadline() is None


@pytest.mark.parametrize("reliable", [True, False])
@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        (empty(Type.ACK, 1), Error.NO_ERROR),
        (Message(Type.ACK, Code.CHANGED, 1), Error.NO_ERROR),
        (Message(Type.ACK, Code.BAD_REQUEST, 1), Error.COAP),
        (empty(Type.RST, 1), Error.COAP),
    ],
)
def test_who_waits_for_an_acknowledgement_learns_how_it_ended(reliable, answer, ended):
    coap, _ = end(reliable)
    told = []
    coap.send(request(coap), 0.0, told.append)
    coap.receive(answer.encode(), 1.0)
    assert told == [ended]


@pytest.mark.parametrize("reliable", [True, False])
def test_who_waits_for_an_acknowledgement_waits_20_seconds(reliable):
    coap, _ = end(reliable)
    told = []
    coap.send(request(coap), 0.0, told.append)
    for now in (4.0, 12.0, 19.9):
        coap.handle_timer(now)
        assert told == []
    coap.handle_timer(20.0)
    assert told == [Error.MESSAGE_TIMEOUT]
    assert (coap.deadline() is None) is reliable, "over datagrams it goes on"


def test_what_is_not_confirmable_is_sent_once():
    coap, channel = end()
    coap.send(request(coap, type_=Type.NON), 0.0, lambda _: None)
    assert (coap.deadline(), channel.taken()) == (None, ["50020001b166"])


@pytest.mark.parametrize(("reliable", "type_"), [(True, "50"), (False, "40")])
def test_a_response_of_its_own_is_confirmable_where_it_can_be_lost(reliable, type_):
    coap, channel = end(reliable)
    asked = coap.receive(bytes.fromhex("4102100424b166046563686f4568656c6c6f"), 0.0)
    coap.acknowledge(asked)
    coap.respond(asked, Code.CHANGED, 0.0, bytes.fromhex("00000005"))
    assert channel.taken() == ["60001004", f"{type_[0]}144000124ff00000005"]


def test_an_acknowledgement_with_an_id_of_its_own_ends_the_oldest_ping_where_that_is_usual():
    for own_ids, expected in ((True, [Error.NO_ERROR]), (False, [])):
        coap, _ = end(reliable=True, own_ids_in_acks=own_ids)
        first, second = [], []
        coap.ping(0.0, first.append, 15.0)
        coap.ping(1.0, second.append, 15.0)
        coap.receive(bytes.fromhex("600049fb"), 2.0)
        assert (first, second) == (expected, [])
        coap.receive(bytes.fromhex("60000002"), 2.0)
        assert second == [Error.NO_ERROR]


def test_an_acknowledgement_in_place_consumes_an_id_over_tcp():
    coap, channel = end(reliable=True, own_ids_in_acks=True)
    ping = coap.receive(bytes.fromhex("4000e159"), 0.0)
    coap.acknowledge(ping, in_place=True)
    coap.acknowledge(ping)
    assert channel.taken() == ["60000001", "6000e159"]


def test_a_reset_of_a_ping_is_a_sign_of_life():
    coap, _ = end()
    told = []
    coap.ping(0.0, told.append, 15.0)
    coap.receive(empty(Type.RST, 1).encode(), 0.1)
    assert told == [Error.NO_ERROR]


def test_there_are_256_tokens_and_none_is_used_twice_at_a_time():
    coap, _ = end()
    questions = [coap.open(lambda _: True, lambda _: None) for _ in range(256)]
    assert len({each.token for each in questions}) == 256
    with pytest.raises(TooManyQuestions, match="256 requests"):
        coap.open(lambda _: True, lambda _: None)
    coap.close_question(questions[7])
    assert coap.open(lambda _: True, lambda _: None).token == questions[7].token


def test_a_question_without_an_answer_fails_in_time_and_when_the_end_closes():
    coap, _ = end(reliable=True)
    ends = []
    for timeout in (5.0, 9.0):
        question = coap.open(lambda _: True, ends.append)
        coap.ask(question, Message(Type.CON, Code.GET, coap.next_id(), question.token, path_options("v")), 0.0, timeout)
    coap.handle_timer(coap.deadline())
    assert ends == [Error.MESSAGE_TIMEOUT]
    coap.ping(6.0, ends.append, 15.0)
    coap.close()
    assert ends[1:] == [Error.REMOTE_CLOSED, Error.REMOTE_CLOSED]
    assert coap.deadline() is None


def test_what_nobody_asked_for_is_the_owners():
    coap, _ = end()
    time = coap.receive(bytes.fromhex("6145000342ff6b034404"), 0.0)
    assert (time.code, time.payload) == (Code.CONTENT, bytes.fromhex("6b034404"))
    assert coap.receive(bytes.fromhex("60000003"), 0.0) is None
    assert coap.receive(bytes.fromhex("70000003"), 0.0) is None


PAYLOAD = bytes(range(256)) * 5


@pytest.mark.parametrize("size", [512, 1024])
def test_a_long_answer_is_fetched_block_by_block(size):
    coap, channel = end()
    answers = []
    question = coap.open(lambda message: answers.append(message.payload) or True, answers.append)
    first = Message(Type.CON, Code.GET, coap.next_id(), question.token, (*path_options("d"), (Option.URI_QUERY, b"\1")))
    coap.ask(question, first, 0.0, 15.0)
    for number in range(-(-len(PAYLOAD) // size)):
        (asked,) = [Message.decode(bytes.fromhex(each)) for each in channel.taken() if each[0] == "4"]
        wanted = asked.option(Option.BLOCK2)
        assert (wanted is None) if number == 0 else (Block.decode(wanted) == Block(number, more=False, size=size))
        assert asked.option(Option.URI_QUERY) == b"\1"
        coap.receive(empty(Type.ACK, asked.id).encode(), float(number))
        block, piece = cut(PAYLOAD, number, size)
        answer = Message(Type.CON, Code.CONTENT, 100 + number, asked.token, ((Option.BLOCK2, block.encode()),), piece)
        coap.receive(answer.encode(), number + 0.5)
    assert answers == [PAYLOAD]
    assert coap.deadline() is None


@pytest.mark.parametrize("value", ["0f", "1d", "ffffffff"])
def test_blocks_that_do_not_fit_fail_the_question(value):
    coap, _ = end()
    ends = []
    question = coap.open(lambda _: True, ends.append)
    coap.ask(question, Message(Type.CON, Code.GET, coap.next_id(), question.token, path_options("d")), 0.0, 15.0)
    coap.receive(Message(Type.NON, Code.CONTENT, 1, question.token, ((Option.BLOCK2, bytes.fromhex(value)),), b"x").encode(), 0.0)
    assert ends == [Error.MALFORMED_MESSAGE]


def post(number, message_id, size=512, path="d"):
    block, piece = cut(PAYLOAD, number, size)
    options = (*path_options(path), (Option.BLOCK1, block.encode()))
    return Message(Type.CON, Code.POST, message_id, bytes((number + 1,)), options, piece).encode()


def test_a_request_in_blocks_is_handed_over_whole():
    coap, channel = end()
    assert coap.receive(post(0, 10), 0.0) is None
    assert coap.receive(post(0, 10), 4.0) is None, "a repetition does not begin anew"
    assert coap.receive(post(1, 11), 5.0) is None
    whole = coap.receive(post(2, 12), 6.0)
    assert (whole.payload, whole.id, whole.option(Option.BLOCK1)) == (PAYLOAD, 12, None)
    assert channel.taken() == ["615f000a01", "615f000a01", "615f000b02"]


def test_a_block_out_of_its_order_is_refused():
    coap, channel = end()
    assert coap.receive(post(1, 10), 0.0) is None
    assert channel.taken() == ["6188000a02"]


def test_so_many_requests_are_put_together_at_a_time():
    coap, channel = end()
    for number in range(MAX_ASSEMBLED + 1):
        coap.receive(post(0, number, path=str(number)), 0.0)
    channel.taken()
    coap.receive(post(1, 100, path="1"), 0.0)
    coap.receive(post(1, 101, path="0"), 0.0)
    assert [each[:4] for each in channel.taken()] == ["615f", "6188"]


@given(st.lists(st.binary(max_size=60)))
def test_whatever_comes_is_understood_or_a_coap_error(messages):
    coap, _ = end()
    question = coap.open(lambda _: False, lambda _: None)
    coap.ask(question, Message(Type.CON, Code.GET, coap.next_id(), question.token), 0.0, 15.0)
    for each in messages:
        try:
            message = coap.receive(each, 0.0)
        except CoapError:
            continue
        if message is not None:
            coap.acknowledge(message, Code.BAD_REQUEST)


class Net:
    """Two ends and what lies between them: loses, repeats, overtakes, all from one seed."""

    def __init__(self, seed, loss):
        self.rng = random.Random(seed)
        self.loss = loss
        self.now, self.flying, self.count = 0.0, [], 0
        self.ends = []
        for other in (1, 0):
            channel = Channel()
            channel.send = lambda data, other=other: self.carry(data, other)
            self.ends.append(CoapEnd(channel, draw=self.rng.random))
            self.ends[-1].begin(self.rng.getrandbits(16), self.rng.getrandbits(8))
        self.acted = []

    def carry(self, data, to):
        for _ in range(1 + (self.rng.random() < 0.2)):
            if self.rng.random() >= self.loss:
                self.count += 1
                heapq.heappush(self.flying, (self.now + self.rng.uniform(0.02, 1.5), self.count, to, data))

    def run(self):
        """Until nothing flies and nobody waits."""
        while True:
            deadlines = [each.deadline() for each in self.ends]
            times = [due for due in deadlines if due is not None] + [each[0] for each in self.flying[:1]]
            if not times:
                return
            self.now = max(self.now, min(times))
            while self.flying and self.flying[0][0] <= self.now:
                _, _, to, data = heapq.heappop(self.flying)
                message = self.ends[to].receive(data, self.now)
                if message is not None:
                    self.act(to, message)
            for each in self.ends:
                each.handle_timer(self.now)

    def act(self, to, message):
        """A request is acknowledged, and answered by what it carried."""
        coap = self.ends[to]
        self.acted.append((to, message.id))
        coap.acknowledge(message)
        coap.respond(message, Code.CONTENT, self.now, message.payload[::-1])


def converse(seed):
    net = Net(seed, loss=0.12)
    answers, asked, lost = {}, set(), 0
    for number in range(6):
        coap = net.ends[number % 2]
        text = f"question {number}".encode()

        def answered(message, text=text):
            assert text not in answers, "one answer each"
            answers[text] = message.payload
            return True

        def failed(error, text=text):
            raise AssertionError((text, error))

        question = coap.open(answered, failed)
        sent = Message(Type.CON, Code.POST, coap.next_id(), question.token, path_options("q"), text)
        asked.add((1 - number % 2, sent.id))
        coap.ask(question, sent, net.now, 600.0)
    try:
        net.run()
    except ChannelError:
        lost = 1
    assert len(net.acted) == len(set(net.acted)), "nothing is done twice"
    if not lost:
        assert answers == {f"question {number}".encode(): f"question {number}".encode()[::-1] for number in range(6)}
        assert set(net.acted) == asked
    return lost


def test_two_ends_understand_each_other_over_a_bad_network():
    assert sum(map(converse, range(150))) < 15


@pytest.mark.soak
def test_two_ends_understand_each_other_over_ten_thousand_bad_networks():
    assert sum(map(converse, range(10_000))) < 1000
