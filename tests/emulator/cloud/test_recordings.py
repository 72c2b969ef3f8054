"""Recorded conversations of real Device OS, held against the cloud: it is told what the devices said, and has to say what they took."""

import dataclasses
import json
import random
import struct

import pytest

from emulator.cloud import CloudSettings
from emulator.cloud.device_service import DeviceService, DeviceServiceSettings, Introduction
from emulator.cloud.device_service.line import Line
from emulator.cloud.sessions import Refused
from particle_protocol.cloud_profiles import Transport, cloud_profile, network_of, version_told
from particle_protocol.coap import Code, Message, Type, is_request
from particle_protocol.describe import ModuleDependency, ModuleFunction
from particle_protocol.messages import DescribeFlag, DescribeRequest, Event, FunctionCall, Hello, Kind, Signal, VariableRead
from particle_protocol.updates import UpdateBegin
from particle_protocol.vitals import encode_vitals

OVER_TCP = ["e2e231", "e2e331", "e2e580", "e2e620", "o1", "o2", "p1", "ping231", "ping620", "tcp231", "tcp620", "tcp620-ota", "x580"]
OVER_UDP = ["boron", "boron-safe", "p2", "udp231", "udp331", "udp580", "udp620", "udp620-ota", "udp620-resume", "v3"]
RECORDINGS = [*OVER_TCP, *OVER_UDP]
DEVICE_ID = "0123456789abcdef01234567"
ASKED_BY_HAND = {Kind.FUNCTION_CALL, Kind.VARIABLE_READ, Kind.SIGNAL, Kind.PING, Kind.EVENT, Kind.UPDATE_BEGIN}


class Listener:
    """The cloud, with notes of what it hears."""

    def __init__(self, cloud):
        self._arrivals = cloud.arrivals
        self.events, self.vitals, self.system, self.application = [], [], None, None

    def __getattr__(self, name):
        return getattr(self._arrivals, name)

    def event_received(self, session, name, data, *, public, ttl):
        self.events.append((name, data, public))
        self._arrivals.event_received(session, name, data, public=public, ttl=ttl)

    def vitals_received(self, session, vitals):
        self.vitals.append(vitals)
        self._arrivals.vitals_received(session, vitals)

    def described(self, session, system, application):
        self.system = system or self.system
        self.application = application or self.application
        self._arrivals.described(session, system, application)


@dataclasses.dataclass
class Asked:
    """What the cloud asked of a device, what came of it, and the answer in the recording."""

    kind: Kind
    request: Message
    reply: object
    answer: Message | None = None


class Channel:
    """A channel that keeps what is sent."""

    overhead, has_failed = 18, False

    def __init__(self, reliable):
        self.is_reliable, self.sent = reliable, []

    def send(self, data):
        self.sent.append(Message.decode(data))

    def deadline(self):
        return None

    def handle_timer(self, now):
        pass

    def fail(self):
        self.has_failed = True

    def pieces_to_send(self):
        return []


class TcpLine(Line):
    """A line that leads nowhere."""

    transport = Transport.TCP

    def _let_go(self):
        pass


class UdpLine(TcpLine):
    transport = Transport.UDP

    def rest(self):
        pass


class Connection:
    """One connection of the recording: the session, and which of its ids and tokens stand for the recorded ones."""

    def __init__(self, replay, hello):
        self.replay = replay
        self.ids, self.tokens = {}, {}
        self.recorded_answers, self.waiting = {}, {}
        driver = replay.world.driver
        settings = DeviceServiceSettings(fast_updates=replay.fast, idle_limit=1500.0 if hello.device_id else None)
        service = DeviceService(driver.clock, replay.listener, driver.reply, random.Random(1), settings)
        self.log = service.log
        channel = Channel(not hello.device_id)
        line = (UdpLine if hello.device_id else TcpLine)(service, channel, "10.0.0.9:41000")
        line.profile = cloud_profile(version_told(hello), line.transport, network_of(hello.platform_id))
        line.device_id = hello.device_id.hex() or DEVICE_ID
        line.coap.begin(len(replay.connections), len(replay.connections))
        self.sent = channel.sent
        self.session = line.open_session(Introduction(hello))
        replay.listener.session_opened(self.session)

    @property
    def undecoded(self):
        return [(each.message.hex(), each.why) for each in self.log.dropped]

    def device_says(self, message):
        """Hand a message over, with our ids and tokens in place of the recorded ones."""
        if not is_request(message.code):
            if message.code and message.token in self.waiting:
                self.waiting.pop(message.token).answer = message
            token = self.tokens.get(message.token, message.token)
            message = dataclasses.replace(message, id=self.ids.get(message.id, message.id), token=token)
        self.session.received(message.encode())

    def server_says(self, message):
        """Have the session ask what the recorded server asked, and note which id and token it took for that."""
        kind = Kind.of(message)
        if message.type is Type.ACK:
            self.recorded_answers[message.id] = message
            return
        ours = self.find(message)
        if kind is Kind.UPDATE_BEGIN and UpdateBegin.decode(message).file_size > self.session.max_binary:
            return  # no update that the device has said to be too large is begun here
        vitals = kind is Kind.DESCRIBE_REQUEST and DescribeRequest.decode(message).flags is DescribeFlag.METRICS
        if ours is None and (vitals or kind in ASKED_BY_HAND):
            self.ask(kind, message)
            ours = self.find(message)
            assert ours is not None, f"the session did not say {message}; it said {[str(each) for each in self.sent[-3:]]}"
        if ours is not None:
            self.sent.remove(ours)
            self.ids[message.id] = ours.id
            self.tokens[message.token] = ours.token

    def find(self, message):
        """Our message that says the same, if it is there."""
        said = plain(message)
        return next((each for each in self.sent if plain(each) == said), None)

    def ask(self, kind, message):
        session = self.session
        if kind is Kind.FUNCTION_CALL:
            call = FunctionCall.decode(message)
            reply = session.call(call.name, call.argument)
        elif kind is Kind.VARIABLE_READ:
            reply = session.read(VariableRead.decode(message).name)
        elif kind is Kind.SIGNAL:
            reply = session.signal(Signal.decode(message).on)
        elif kind is Kind.DESCRIBE_REQUEST:
            reply = session.vitals()
        elif kind is Kind.PING:
            self.replay.pings.append(session.ping())
            return
        elif kind is Kind.UPDATE_BEGIN:
            self.replay.updates.append(session.flash(bytes(UpdateBegin.decode(message).file_size)))
            return
        else:
            event = Event.decode(message)
            assert session.publish(event.name, event.text if event.data else None, ttl=event.ttl, public=event.public)
            return
        asked = Asked(kind, message, reply)
        self.waiting[message.token] = asked
        self.replay.asked.append(asked)


def plain(message):
    """What a message says, whatever its id and token, and whether events are to be acknowledged."""
    kind = Kind.of(message)
    if kind in (Kind.EVENT, Kind.PUBLIC_EVENT):
        return dataclasses.replace(Event.decode(message), confirmable=False)
    return dataclasses.replace(message, id=0, token=b"")


def server_messages(lines):
    return [Message.decode(line.data) for line in lines if line.what == ">"]


class Replay:
    """A recording, played against a cloud of its own in virtual time."""

    def __init__(self, world, lines):
        self.world = world
        self.listener = Listener(world.cloud)
        self.fast = not any(Kind.of(each) is Kind.UPDATE_BEGIN and not UpdateBegin.decode(each).fast for each in server_messages(lines))
        self.connections, self.pings, self.updates, self.asked = [], [], [], []
        self.said = []
        """What the device said: connection, message."""
        connection = None
        for line in lines:
            world.pass_time(max(0.0, line.time - world.driver.clock.now))
            if line.what == "=":
                connection = None
            elif line.what == "<":
                message = Message.decode(line.data)
                if connection is None:
                    connection = Connection(self, Hello.decode(message))
                    self.connections.append(connection)
                else:
                    connection.device_says(message)
                    self.said.append((connection, message))
            elif line.what == ">" and connection is not None:
                connection.server_says(Message.decode(line.data))


@pytest.fixture(scope="module")
def replay(make_world, recording):
    made = {}

    def play(name):
        if name not in made:
            made[name] = Replay(make_world(CloudSettings(register_unknown_devices=True)), recording(name))
        return made[name]

    return play


@pytest.mark.parametrize("name", RECORDINGS)
def test_all_that_a_device_says_is_understood(replay, name):
    played = replay(name)
    assert [each.undecoded for each in played.connections] == [[] for _ in played.connections]
    ended = {connection for connection, message in played.said if Kind.of(message) is Kind.GOODBYE} | set(played.connections[:-1])
    assert [each.session.closed for each in played.connections] == [each in ended for each in played.connections]


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_has_to_be_acknowledged_is_once_and_as_the_device_accepted(replay, name):
    played = replay(name)
    asked = [(connection, message) for connection, message in played.said if message.type is Type.CON]
    assert asked
    for connection, message in asked:
        (answer,) = [each for each in connection.sent if each.type is not Type.CON and each.id == message.id and not is_request(each.code)]
        recorded = connection.recorded_answers.get(message.id)
        if recorded is not None and message.path != "L":
            assert (answer.type, answer.code, answer.token) == (recorded.type, recorded.code, recorded.token), str(message)
            assert len(answer.payload) == len(recorded.payload)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_event_reaches_the_cloud(replay, name):
    played = replay(name)
    said = [Event.decode(message) for _, message in played.said if Kind.of(message) in (Kind.EVENT, Kind.PUBLIC_EVENT)]
    assert played.listener.events == [(each.name, None if each.data is None else each.text, each.public) for each in said]


def test_an_event_with_the_empty_string_is_one(replay):
    events = replay("e2e231").listener.events
    assert ("vd/empty", "", False) in events
    assert ("particle/device/name", None, False) in events, "an event without data"


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_the_cloud_asks_is_answered(replay, name):
    played = replay(name)
    for asked in played.asked:
        if asked.answer is None:
            with pytest.raises((TimeoutError, ConnectionError)):
                played.world.wait(asked.reply)
        elif asked.answer.code >> 5 != 2:
            with pytest.raises(Refused, match=r"4\.04"):
                asked.reply.result()
        elif asked.kind is Kind.FUNCTION_CALL:
            assert asked.reply.result() == int.from_bytes(asked.answer.payload, signed=True)
        elif asked.kind is Kind.VARIABLE_READ:
            assert asked.reply.result() == VARIABLES[asked.request.path.split("/")[1]](asked.answer.payload)
        elif asked.kind is Kind.DESCRIBE_REQUEST:
            assert encode_vitals(asked.reply.result()) == asked.answer.payload
        else:
            assert asked.reply.result() is None
    assert [each.result() for each in played.pings] == [None] * len(played.pings)


VARIABLES = {
    "int": lambda data: int.from_bytes(data, signed=True),
    "rx": lambda data: int.from_bytes(data, signed=True),
    "dbl": lambda data: struct.unpack("<d", data)[0],
    "bool": lambda data: data == b"\1",
    "str": bytes.decode,
    "String": bytes.decode,
}


@pytest.mark.parametrize(
    ("name", "count"),
    [("e2e231", 2), ("e2e331", 2), ("e2e580", 2), ("e2e620", 2), ("tcp620-ota", 3), ("udp620-ota", 1), ("boron", 1), ("o1", 1), ("o2", 1)],
)
def test_updates_end_well(replay, name, count):
    assert [each.result() for each in replay(name).updates] == [None] * count


@pytest.mark.parametrize(("name", "count"), [("e2e231", 1), ("e2e331", 1), ("e2e580", 1), ("e2e620", 1)])
def test_vitals_that_a_device_sends_are_kept_and_told(replay, name, count):
    played = replay(name)
    assert len(played.listener.vitals) == count
    cloud = played.world.cloud
    reports = [json.loads(report.payload)["device"] for report in cloud.core.state.tables["vitals"]]
    assert len(reports) == count
    assert {"status": "connected", "error": 0, "disconnects": 0, "attempts": 1, "disconnect_reason": "none"} in [
        each["network"]["connection"] for each in reports
    ]
    assert [each["system"]["memory"]["used"] for each in reports] == [{"err": -100}] * count


def test_a_boron_of_5_5_or_later_tells_its_product_its_application_and_its_sim(replay):
    played = replay("boron")
    (device,) = played.world.cloud.devices.table
    assert (device.platform_id, device.system_version, device.iccid) == (13, 6200, "8934076500002588000")
    assert (device.firmware_version, device.app_hash) == (5, "b8588e4814769952c83d5b528d13aa3a0dc000a642c4726d3bad783e363a94aa")
    assert not device.safe_mode


def test_a_boron_in_safe_mode_is_seen_to_be_and_to_miss_something(replay):
    played = replay("boron-safe")
    (device,) = played.world.cloud.devices.table
    (missing,) = played.world.cloud.healing.lacks(device)
    assert device.safe_mode
    assert missing == ModuleDependency(ModuleFunction.BOOTLOADER, 0, 9999)


@pytest.mark.parametrize("name", ["e2e580", "e2e620", "tcp620", "x580"])
def test_the_system_part_is_known_whatever_its_form(replay, name):
    system = replay(name).listener.system
    assert [module.function for module in system.modules] == [ModuleFunction.BOOTLOADER, ModuleFunction.MONOLITHIC]


def test_a_device_that_asks_about_ledgers_is_told_that_there_are_none(replay):
    played = replay("v3")
    asked = [(connection, message) for connection, message in played.said if message.path == "L"]
    assert asked
    for connection, message in asked:
        (answer,) = [each for each in connection.sent if each.type is Type.ACK and each.id == message.id]
        assert (answer.code, answer.token, answer.payload) == (Code.CHANGED, message.token, b"\x1a\0")


@pytest.mark.parametrize(("name", "rejection"), [("tcp620", "7000abcd"), ("udp620", "6080abcd")])
def test_a_malformed_message_ends_no_session_on_either_transport(make_world, recording, name, rejection):
    played = Replay(make_world(CloudSettings(register_unknown_devices=True)), recording(name))
    connection = played.connections[-1]
    connection.session.received(bytes.fromhex("4002abcdb1450876"))
    assert connection.sent[-1].encode().hex() == rejection
    assert [why for _, why in connection.undecoded] == ["no CoAP message: the message ends inside option 11"]
    assert not connection.session.closed


@pytest.mark.parametrize("name", ["ping231", "ping620", "udp620"])
def test_everything_that_comes_from_a_device_is_a_sign_of_life(make_world, recording, name):
    lines = recording(name)
    played = Replay(make_world(CloudSettings(register_unknown_devices=True)), lines)
    cloud = played.world.cloud
    (device,) = cloud.devices.table
    last = max(line.time for line in lines if line.what == "<")
    assert cloud.connections.presence(device.id).last_heard == pytest.approx(cloud.core.calendar.at(last))


def test_a_boron_of_5_5_or_later_gets_its_products_firmware(make_world, recording):
    world = make_world()
    owner = world.user("o")
    product = world.product(owner, 13)
    device = world.cloud.factory.manufacture("e00fce680123456789abcdef", 13)
    world.cloud.members.add(owner, product.id, [device.id])
    image = world.upload(owner, product, 9, needs=6200)
    world.release(owner, product, 9)
    (connected, _) = (index for index, line in enumerate(recording("boron")) if line.what == "=")
    first = [line for line in recording("boron")[connected:] if line.time < 1.0]
    (connection,) = Replay(world, first).connections
    (begin,) = [each for each in connection.sent if Kind.of(each) is Kind.UPDATE_BEGIN]
    assert UpdateBegin.decode(begin).file_size == len(image)
