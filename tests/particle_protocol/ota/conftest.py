"""A cloud and a device with an update between them, over a network from a seed, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from particle_protocol.coap import Code, Message, Type, empty, is_response
from particle_protocol.ota import ApplyUpdate, Reply, SenderSettings, UpdateChunk, UpdateFault, UpdateReceiver, UpdateSender
from particle_protocol.secure_channel import ChannelError

ACK_TIMEOUT, TRANSMISSIONS = 4.0, 4


class Carrier:
    """What a CoAP end over datagrams does for its owner: numbers, repeats confirmable messages, and takes each of the other end's once."""

    def __init__(self, first_id: int, transmit: Callable[[bytes], None]) -> None:
        self.ids = itertools.count(first_id)
        self.tokens = itertools.count(0x21)
        self.transmit = transmit
        self.waiting: dict[int, list] = {}
        """By id: when to repeat, how often it was sent, bytes, what to call at its acknowledgement, what to call if there is none."""
        self.questions: dict[bytes, Callable[[Message], None]] = {}
        self.taken: dict[int, bytes] = {}

    def confirm(self, message, now, acknowledged, failed):
        data = message.encode()
        self.waiting[message.id] = [now + ACK_TIMEOUT, 1, data, acknowledged, failed]
        self.transmit(data)

    def ask(self, encode, now, answered, failed):
        token = bytes((next(self.tokens) & 0xFF,))
        self.questions[token] = answered
        self.confirm(encode(next(self.ids) & 0xFFFF, token), now, lambda: None, failed)

    def receive(self, data: bytes) -> Message | None:
        """Take a datagram; the request or the reset that is in it, if there is one and it is new."""
        message = Message.decode(data)
        if message.type in (Type.ACK, Type.RST):
            waiting = self.waiting.pop(message.id, None)
            if waiting is not None:
                waiting[3]()
            elif message.type is Type.RST:
                return message
        elif message.id in self.taken:
            if self.taken[message.id]:
                self.transmit(self.taken[message.id])
            return None
        if is_response(message.code):
            if message.type is Type.CON:
                self.acknowledge(message)
            question = self.questions.pop(message.token, None)
            if question is not None:
                question(message)
            return None
        if message.type in (Type.ACK, Type.RST):
            return None
        self.taken[message.id] = b""
        return message

    def acknowledge(self, message, code=Code.EMPTY, payload=b""):
        data = Message(Type.ACK, code, message.id, message.token if code else b"", (), payload).encode()
        self.taken[message.id] = data
        self.transmit(data)

    def deadline(self):
        return min((each[0] for each in self.waiting.values()), default=None)

    def handle_timer(self, now):
        for message_id, each in list(self.waiting.items()):
            if each[0] <= now:
                if each[1] == TRANSMISSIONS:
                    del self.waiting[message_id]
                    each[4]()
                else:
                    each[0], each[1] = now + ACK_TIMEOUT * 2 ** each[1], each[1] + 1
                    self.transmit(each[2])


class Store:
    """A flash that keeps what an interrupted transfer left, if the file has a hash."""

    def __init__(self, capacity=1 << 21):
        self.capacity = capacity
        self.data = bytearray()
        self.known = (0, None)
        self.contiguous = 0
        self.written: set[int] = set()
        self.verdict: UpdateFault | None = None
        self.refuses: UpdateFault | None = None
        self.breaks_at: int | None = None
        self.said: list[str] = []

    def begin(self, size, sha256, *, discard, module_function):
        if self.refuses is not None:
            raise self.refuses
        if sha256 is None or discard or self.known != (size, sha256):
            self.data, self.contiguous = bytearray(size), 0
        self.known = (size, sha256)
        self.written = set()
        self.said.append(f"begin {size} at {self.contiguous}")
        return self.contiguous

    def write(self, offset, data):
        if self.breaks_at is not None and offset >= self.breaks_at:
            raise UpdateFault(-220)
        assert offset not in self.written, "a chunk is written twice"
        self.written.add(offset)
        self.data[offset : offset + len(data)] = data
        if offset == self.contiguous:
            self.contiguous += len(data)

    def validate(self):
        self.said.append("validate")
        if self.verdict is not None:
            raise self.verdict

    def suspend(self, *, discard):
        self.said.append("discard" if discard else "suspend")
        if discard:
            self.known = (0, None)


class World:
    """One update over one network."""

    def __init__(self, network, image, *, store=None, settings=None, begin=True, **more):
        self.network, self.image = network, image
        self.store = store or Store()
        self.sender = UpdateSender(image, settings or SenderSettings(), **more)
        self.receiver = UpdateReceiver(self.store)
        self.cloud = Carrier(0x1001, lambda data: network.carry(data, self.at_device))
        self.device = Carrier(0x000E, lambda data: network.carry(data, self.at_cloud))
        self.wire: list[tuple[str, bytes]] = []
        self.drop: Callable[[str, Message], bool] = lambda _way, _message: False
        self.events: list[object] = []
        self.applied = False
        self.broken: ChannelError | None = None
        self.chunks_sent = 0
        if begin:
            self.sender.start(network.now)
            self.flush()

    def at_device(self, data):
        message = Message.decode(data)
        if self.drop("to device", message):
            return
        self.wire.append((">", data))
        request = self.device.receive(data)
        if request is None or self.broken:
            return
        path, now = request.path, self.network.now
        try:
            if path == "S":
                self.receiver.take_start(request, now)
            elif path == "C" and not self.receiver.take_chunk(request, now):
                self.device.transmit(empty(Type.RST, request.id).encode())
            elif path == "F":
                self.receiver.take_finish(request)
        except ChannelError as error:
            self.broken = error
            self.receiver.cancel()

    def at_cloud(self, data):
        message = Message.decode(data)
        if self.drop("to cloud", message):
            return
        self.wire.append(("<", data))
        request = self.cloud.receive(data)
        if request is not None and request.type is Type.RST:
            self.sender.chunk_rejected()
        elif request is not None:
            assert request.path == "A"
            self.sender.take_ack(request, self.network.now)

    def flush(self):
        now = self.network.now
        for message in self.sender.messages_to_send():
            if isinstance(message, UpdateChunk):
                self.chunks_sent += 1
                self.cloud.transmit(message.encode(next(self.cloud.ids) & 0xFFFF).encode())
            else:
                self.cloud.ask(
                    message.encode,
                    now,
                    lambda answer, message=message: self.sender.answered(message, answer, self.network.now),
                    lambda message=message: self.sender.unanswered(message, "nobody acknowledged it"),
                )
        for message in self.receiver.messages_to_send():
            if not isinstance(message, Reply):
                self.device.transmit(message.encode(next(self.device.ids) & 0xFFFF).encode())
            elif message.in_ack:
                self.device.acknowledge(message.request, message.code, message.payload)
            else:
                self.device.acknowledge(message.request)
                reply = Message(Type.CON, message.code, next(self.device.ids), message.request.token, message.options, message.payload)
                self.device.confirm(reply, now, self.receiver.reply_acknowledged, lambda: None)
        for event in self.receiver.events():
            self.events.append(event)
            self.applied |= isinstance(event, ApplyUpdate)

    def run(self, until=3600.0):
        """Let time pass until nobody waits for anything, or what is meant has come about."""
        while self.network.now < until:
            owners = (self.sender, self.receiver, self.cloud, self.device)
            times = [self.network.next_arrival(), *(owner.deadline() for owner in owners)]
            quiet = self.network.next_arrival() is None and not self.device.waiting
            if not any(time is not None for time in times) or (self.sender.result is not None and quiet):
                break
            for _ in self.network.deliver_until(min(min(time for time in times if time is not None), until)):
                self.flush()
            for owner in owners:
                owner.handle_timer(self.network.now)
            self.flush()
        return self


@pytest.fixture
def make_world(make_network):
    def make(image, seed=0, weather=None, network=None, **more):
        return World(network or make_network(seed, **(weather or {})), image, **more)

    return make


@pytest.fixture
def make_store():
    return Store
