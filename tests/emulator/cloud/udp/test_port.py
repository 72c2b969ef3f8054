"""The UDP port: who is let in, whose session is whose, devices that leave, move and come back, and what the port bears."""

import dataclasses
import gc
import random
import tracemalloc

import pytest

from emulator.cloud.device_service import DatagramPort, DeviceService, DeviceServiceSettings
from emulator.cloud.device_service.datagram_port import STRAYS_NOTED_EVERY
from particle_protocol import dtls
from particle_protocol.coap import Code, Message, Type, path_options
from particle_protocol.dtls import StrayReason, errors
from particle_protocol.lightssl import lab_device_key
from particle_protocol.messages import Hello, HelloFlag, HelloLimits, Kind
from particle_protocol.messages.goodbye import CloudReason, Goodbye

DEVICE_ID = bytes.fromhex("0123456789abcdef01234567")
HELLO = bytes.fromhex("40020001b168ff0003ffff00360003000c0123456789abcdef012345671838048000a000000200")
KEY = dtls.PrivateKey.from_number(0xB0A4D)


def hello(device_id=DEVICE_ID, platform=3, version=6200):
    limits = HelloLimits(version, 1152, 0xA00000, 512)
    return Hello(platform, 0xFFFF, HelloFlag(0x36), platform, limits, device_id, confirmable=True).encode(1)


def online(world, device_id=DEVICE_ID, platform=3, **more):
    device = world.device(device_id, **more)
    device.say(hello(device_id, platform))
    world.run(1)
    return device


def is_online(world, device_id=DEVICE_ID):
    return world.lab.cloud.connections.online(device_id.hex())


def say_event(world, device, name):
    device.say(device.device.event(name))
    world.run(1)
    return [each for each, _ in world.events].count(name)


def resumed(world, device, **more):
    """The same device with the session that it kept, on a socket of its own."""
    saved = device.device.end.save(device.device.coap.upcoming_id, 0)
    device.vanish()
    return world.device(device.device.device_id, device.device.version, key=device.device.key, saved=saved, **more)


def test_hello_is_acknowledged_and_nothing_more_is_said(world):
    device = online(world)
    assert device.device.acknowledged
    assert device.device.heard == [], "the cloud needs not say Hello over UDP"
    assert is_online(world)
    session = world.session(device)
    assert session.peer.startswith("198.51.100.1:")
    assert session.hello.system_version == 6200


# Who is let in


def test_a_device_is_known_by_its_registered_key(make_world):
    world = make_world(register_unknown_devices=False, trust_first_key=False)
    world.lab.cloud.factory.manufacture(DEVICE_ID.hex(), 13, public_key=KEY.public_der)
    online(world, platform=13, key=KEY)
    assert is_online(world)


def test_a_key_that_is_nobodys_is_refused_in_the_handshake_where_keys_are_not_learned(make_world):
    world = make_world(register_unknown_devices=True, trust_first_key=False)
    world.lab.cloud.factory.manufacture(DEVICE_ID.hex(), 13)
    device = online(world, platform=13, key=KEY)
    assert isinstance(device.device.error, errors.AccessDenied)
    assert world.refusals == ["it proved a key that is no registered device's, and keys are not learned"]
    assert not is_online(world)
    assert world.port.listener.half_open == 0 and not list(world.port.listener)


def test_a_first_key_is_learned_where_keys_are(make_world):
    world = make_world(register_unknown_devices=False)
    world.lab.cloud.factory.manufacture(DEVICE_ID.hex(), 13)
    online(world, platform=13, key=KEY).vanish()
    assert is_online(world)
    impostor = online(world, platform=13, key=dtls.PrivateKey.from_number(7))
    assert isinstance(impostor.device.error, errors.AccessDenied)
    assert (
        world.refusals == ["no device of this id, or none whose key (P-256) is known, is registered"] or "another key" in world.refusals[0]
    )


def test_a_device_that_nobody_made_is_provisioned_where_the_settings_take_it_in(world):
    online(world, platform=13, key=KEY)
    device = world.lab.cloud.devices.by_id(DEVICE_ID.hex())
    assert (device.platform_id, device.public_key) == (13, KEY.public_der)


def test_a_device_that_nobody_made_is_refused_where_they_do_not(make_world):
    world = make_world(register_unknown_devices=False)
    device = online(world, platform=13)
    assert isinstance(device.device.error, errors.AccessDenied)
    (refusal,) = world.lab.device_service.refusals
    assert (refusal.device_id, refusal.why) == (DEVICE_ID.hex(), "no device of this id, or none whose key (P-256) is known, is registered")


def test_a_device_cannot_pass_for_another_one(make_world):
    world = make_world(register_unknown_devices=False, trust_first_key=False)
    other_id = bytes.fromhex("e00fce680123456789abcdef")
    world.lab.cloud.factory.manufacture(DEVICE_ID.hex(), 13, public_key=KEY.public_der)
    world.lab.cloud.factory.manufacture(other_id.hex(), 13, public_key=dtls.PrivateKey.from_number(9).public_der)
    device = world.device(other_id, key=KEY)
    device.say(hello(other_id))
    world.run(1)
    assert isinstance(device.device.error, errors.AccessDenied)
    assert world.refusals == ["it holds another key than the one that is registered"]
    assert not is_online(world, other_id)


def test_a_key_for_tcp_says_nothing_over_udp_and_no_second_one_is_learned(make_world):
    world = make_world(register_unknown_devices=False)
    world.lab.cloud.factory.manufacture(DEVICE_ID.hex(), 10, public_key=lab_device_key(1).public_der)
    online(world, platform=10, key=KEY)
    assert world.refusals == ["no device of this id, or none whose key (P-256) is known, is registered"]
    world.lab.cloud.factory.register_key(DEVICE_ID.hex(), lab_device_key(1).public_der, KEY.public_der)
    online(world, platform=10, key=KEY)
    assert is_online(world)


def test_a_board_that_holds_another_servers_key_says_so_and_the_cloud_too(world):
    device = world.device(DEVICE_ID)
    device.vanish()
    other = dtls.ClientEnd(dtls.DeviceIdentity(DEVICE_ID, KEY, KEY.public), dtls.device_dialect((6, 2, 0)), world.lab.clock.now)
    device.device.end, device.off = other, False
    device.turn()
    world.run(1)
    assert isinstance(device.device.error, errors.DecryptError)
    assert "decrypt_error" in world.refusals[0]
    assert "key" in world.refusals[0]


def test_a_hello_without_a_device_id_is_refused(world):
    device = world.device(DEVICE_ID)
    device.say(Message.decode(bytes.fromhex("40020001b168ff0003ffff00360003")))
    world.run(1)
    assert world.refusals == ["Hello over UDP says the device's id; this one says none"]


def test_a_device_that_never_says_hello_is_given_up(world):
    device = world.device(DEVICE_ID)
    device.device.pings_after = None
    world.run(100)
    assert device.device.end.is_open
    world.run(25)
    assert world.refusals == ["Hello did not come within 120 s"]
    assert isinstance(device.device.error, errors.AccessDenied)


def test_what_overtakes_hello_waits_for_it(world):
    device = world.device(DEVICE_ID)
    device.device.patient = False
    early = device.device.event("something/early")
    device.say(early, hello())
    world.run(10)
    assert [name for name, _ in world.events] == ["something/early"]
    assert device.device.acknowledged


# Devices that leave, move, and come back


def test_a_goodbye_takes_a_device_offline_and_its_next_word_brings_it_back(world):
    device = online(world)
    first = world.session(device)
    device.say(dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(device.device.coap.next_id()), type=Type.CON))
    world.run(1)
    assert device.device.acknowledged
    assert first.closed and not is_online(world)
    world.run(3600)
    assert say_event(world, device, "back/again/now") == 1
    assert is_online(world)
    assert world.session(device) is not first


def test_a_goodbye_whose_acknowledgement_was_lost_is_acknowledged_again_and_begins_nothing(world):
    device = online(world)
    end, coap = device.device.end, device.device.coap
    goodbye = dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(coap.next_id()), type=Type.CON)
    for _ in range(2):
        end.send(goodbye.encode())
        device.turn()
        world.run(1)
        assert not is_online(world)
    assert world.port.listener.stray_counts == {}


def test_an_acknowledgement_alone_brings_nobody_back(world):
    device = online(world)
    device.say(dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(device.device.coap.next_id()), type=Type.CON))
    world.run(1)
    for late in ("60001234", "70001234", "6144123455", "00"):
        device.device.end.send(bytes.fromhex(late))
        device.turn()
        world.run(1)
    assert not is_online(world)


def test_a_silent_device_is_offline_after_its_idle_limit_and_back_with_its_next_word(world):
    device = online(world)
    device.device.pings_after = None
    device.vanish()
    world.run(65)
    assert is_online(world)
    world.run(10)
    assert not is_online(world)
    device.off = False
    assert say_event(world, device, "back/again/now") == 1
    assert is_online(world)


@pytest.mark.parametrize(("platform", "minutes"), [(13, 23), (10, 23)])
def test_a_cellular_device_pings_every_23_minutes_and_is_online_all_the_time(world, platform, minutes):
    device = online(world, platform=platform)
    device.device.pings_after = minutes * 60.0
    world.run(3 * 3600)
    assert is_online(world)
    device.vanish()
    world.run(minutes * 60 + 120)
    assert not is_online(world)


def test_a_device_that_acknowledges_nothing_is_offline(world):
    device = online(world, platform=13)
    device.vanish()
    session = world.session(device)
    call = session.call("f", "")
    world.run(100)
    with pytest.raises(TimeoutError, match="did not answer the call of f within 15 s"):
        call.result()
    assert session.closed and not is_online(world)


@pytest.mark.parametrize("version", [(2, 3, 1), (3, 3, 1), (6, 2, 0)])
def test_a_device_goes_on_with_its_session_from_another_address_without_a_handshake(world, first, version):
    name = {2: "udp231", 3: "udp331", 6: "udp620"}[version[0]]
    device = world.known(first(name), name)
    world.run(2)
    before = world.session(device)
    functions = world.lab.cloud.connections.presence(before.device_id).functions
    device.say(dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(device.device.coap.next_id()), type=Type.CON))
    world.run(1)
    back = resumed(world, device)
    assert say_event(world, back, "back/again/now") == 1
    after = world.session(back)
    assert after.peer != before.peer
    assert (world.refusals, world.port.listener.stray_counts) == ([], {})
    presence = world.lab.cloud.connections.presence(after.device_id)
    assert presence.online and presence.functions == functions, "what it said of itself still holds"
    back.device.answers = device.device.answers
    assert world.wait(after.call("echo", "hello")) == 5
    assert after.publish("hil/test", "x"), "its subscriptions too"


def test_a_recorded_resumption_is_understood(world, recording):
    lines = recording("udp620-resume")
    before = [line for line in lines if line.time < 2]
    after = [Message.decode(line.data) for line in lines if line.time > 2 and line.what == "<"]
    device = world.known(before)
    world.run(2)
    world.events.clear()
    device.device.coap.begin(0x13, 0)
    back = resumed(world, device)
    back.say(*after)
    world.run(5)
    assert back.device.acknowledged
    assert sorted(name for name, _ in world.events) == ["particle/device/updates/enabled", "particle/device/updates/forced", "vd/tick"]
    assert is_online(world)


def test_a_device_whose_address_changes_is_followed(world):
    device = online(world)
    session = world.session(device)
    before = session.peer
    device.socket.rebind()
    assert say_event(world, device, "moved/to/another") == 1
    assert not session.closed and session.peer != before
    device.device.heard.clear()
    assert world.wait(session.ping()) is None


def test_a_forged_or_repeated_datagram_moves_nobody(world):
    device = online(world)
    session, captured = world.session(device), []
    send = device.socket.send
    device.socket._send = lambda data, send=device.socket._send: (captured.append(data), send(data))[1]
    assert say_event(world, device, "something/said") == 1
    peer = session.peer
    thief = world.lab.network.open_datagrams(device.way, ("192.0.2.1", 5684))
    thief.send(captured[-1])
    thief.send(captured[-1][:-1] + bytes((captured[-1][-1] ^ 1,)))
    world.run(1)
    assert session.peer == peer
    assert world.port.listener.stray_counts == {StrayReason.NOT_AUTHENTIC: 2}
    assert send


def test_a_device_that_begins_anew_in_its_session_introduces_itself_again(world):
    device = online(world)
    first = world.session(device)
    again = dataclasses.replace(hello(version=6300), id=device.device.coap.next_id())
    device.say(again)
    world.run(1)
    assert first.closed
    assert world.session(device).hello.system_version == 6300
    assert is_online(world)


def test_a_hello_that_comes_twice_begins_nothing_anew(world):
    device = online(world)
    session = world.session(device)
    device.device.end.send(hello().encode())
    device.turn()
    world.run(1)
    assert world.session(device) is session and not session.closed


def test_a_device_cannot_become_another_one_in_its_session(world):
    device = online(world)
    other = bytes.fromhex("e00fce680123456789abcdef")
    device.say(dataclasses.replace(hello(other), id=device.device.coap.next_id()))
    world.run(1)
    assert f"says Hello as another one, {other.hex()}" in world.refusals[0]
    assert not is_online(world) and not is_online(world, other)


# Two sessions with one id


def test_the_newest_session_of_a_device_wins(world):
    first = online(world)
    earlier = world.session(first)
    second = online(world)
    assert earlier.closed
    assert [each.device_id for each in world.lab.device_service.sessions] == [DEVICE_ID.hex()]
    assert isinstance(first.device.error, errors.CloseNotify)
    assert first.device.resets == 1
    assert say_event(world, second, "something/said") == 1
    assert len(list(world.port.listener)) == 1


def test_a_session_over_tcp_and_one_over_udp_are_one_devices(make_world):
    from emulator.board.stored_networks import StoredNetwork
    from emulator.board_spec import BoardSpec

    world = make_world()
    world.lab.network.access_point("lab", "secret123")
    board = world.lab.add_board(BoardSpec(networks=[StoredNetwork("lab", 3, "secret123")]))
    world.run(20)
    device_id = bytes.fromhex(board.device_id)
    assert is_online(world, device_id)
    world.lab.cloud.factory.register_key(board.device_id, world.lab.cloud.devices.by_id(board.device_id).public_key, KEY.public_der)
    online(world, device_id, platform=6, key=KEY)
    (session,) = world.lab.device_service.sessions
    assert session.peer.startswith("198.51.100.1:")


def test_an_earlier_session_that_rests_is_forgotten_when_the_device_makes_a_new_one(world):
    device = online(world)
    device.say(dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(device.device.coap.next_id()), type=Type.CON))
    world.run(1)
    assert len(list(world.port.listener)) == 1
    online(world)
    assert len(list(world.port.listener)) == 1


# What the cloud ends


def test_a_device_that_the_cloud_sends_away_forgets_its_session(world):
    device = online(world)
    world.session(device).close("SIM 1 is not active any more")
    world.run(1)
    assert isinstance(device.device.error, errors.CloseNotify)
    assert device.device.resets == 1, "Device OS begins anew with a handshake then"
    assert not is_online(world)
    assert list(world.port.listener) == []


def test_closing_the_service_says_goodbye_to_devices_that_rest_too(world):
    device = online(world)
    device.say(dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(device.device.coap.next_id()), type=Type.CON))
    world.run(1)
    world.lab.device_service.close()
    world.run(1)
    assert isinstance(device.device.error, errors.CloseNotify)
    assert list(world.port.listener) == []


@pytest.mark.parametrize("version", [(2, 3, 1), (6, 2, 0)])
def test_a_session_that_the_cloud_has_not_is_noted(world, version):
    device = online(world, version=version)
    saved = device.device.end.save(5, 0)
    world.session(device).close("gone")
    world.run(1)
    back = world.device(DEVICE_ID, version, key=device.device.key, saved=saved)
    back.say(back.device.event("something/said"))
    world.run(1)
    assert "has to begin anew" in world.refusals[0]
    assert not is_online(world)


# What the port bears


class Wire:
    """Datagrams to and from a port without a network."""

    def __init__(self, **settings):
        from emulator.drivers.inline import InlineDriver

        self.driver = InlineDriver()
        self.service = DeviceService(self.driver.clock, Trusting(), self.driver.reply, random.Random(1), DeviceServiceSettings(**settings))
        self.port = DatagramPort(self.service, KEY)
        self.sent = []
        self.number = self.port.attach(self)

    def send(self, data, address):
        self.sent.append((data, address))

    def receive(self, data, address):
        """Give the port a datagram; what it answers to that address."""
        self.sent.clear()
        self.port.receive(self.number, data, address)
        return [each for each, where in self.sent if where == address]

    def client(self, number, until=3):
        """A device that goes through its handshake as far as so many flights."""
        key = dtls.PrivateKey.from_number(100 + number)
        address = (f"10.1.{number >> 8}.{number & 255}", 1000)
        end = dtls.ClientEnd(dtls.DeviceIdentity(number.to_bytes(12), key, KEY.public), dtls.device_dialect((6, 2, 0)), 0.0)
        for _ in range(until):
            for datagram in end.pieces_to_send():
                for answer in self.receive(datagram, address):
                    end.receive_data(answer, 0.0)
        return end, address


class Trusting:
    """A cloud that takes everybody in, and writes nothing down."""

    def public_key(self, device_id, kind):
        return None

    def admits_key(self, key):
        return True

    def learn_key(self, device_id, key):
        return True

    def failed(self, error):
        raise error

    def __getattr__(self, name):
        return lambda *args, **more: None


def test_floods_of_hellos_from_false_addresses_leave_nothing_behind():
    wire = Wire()
    (hello_datagram,) = dtls.ClientEnd(
        dtls.DeviceIdentity(bytes(12), KEY, KEY.public), dtls.device_dialect((6, 2, 0)), 0.0
    ).pieces_to_send()
    for number in range(3000):
        (answer,) = wire.receive(hello_datagram, (f"10.9.{number >> 8}.{number & 255}", 7))
        assert len(answer) < len(hello_datagram)
    assert (wire.port.listener.half_open, list(wire.port.listener), wire.port._lines, list(wire.service.refusals)) == (0, [], {}, [])
    assert wire.driver.clock.next_due() is None


def test_so_many_handshakes_may_be_half_open_and_then_the_oldest_ends():
    wire = Wire(max_half_open=20)
    for number in range(50):
        wire.client(number, until=2)
    assert wire.port.listener.half_open == 20
    assert "too many are under way" in wire.service.refusals[-1].why
    wire.driver.sleep(100)
    assert wire.port.listener.half_open == 0
    assert any("timeout" in each.why or "not over in time" in each.why for each in wire.service.refusals)


def test_so_many_devices_may_keep_their_hello_to_themselves():
    wire = Wire(max_half_open=20)
    for number in range(30):
        end, _ = wire.client(number)
        assert end.is_open
    assert len(wire.port._lines) == 20
    assert "Hello did not come, and too many others wait" in wire.service.refusals[-1].why


def test_so_many_devices_may_rest_and_the_one_that_left_first_is_forgotten():
    wire = Wire(max_resting=5)
    for number in range(8):
        end, address = wire.client(number)
        for message in (hello(number.to_bytes(12)), dataclasses.replace(Goodbye(cloud=CloudReason.SLEEP).encode(2), type=Type.CON)):
            end.send(message.encode())
            for datagram in end.pieces_to_send():
                wire.receive(datagram, address)
    assert [line.device_id[-1] for line in wire.port._lines.values()] == ["3", "4", "5", "6", "7"]
    assert len(list(wire.port.listener)) == 5


def test_datagrams_of_no_session_are_noted_once_in_a_while():
    wire = Wire()
    end, _ = wire.client(1)
    end.send(hello((1).to_bytes(12)).encode())
    (datagram,) = end.pieces_to_send()
    stranger = datagram[:11] + bytes(8) + datagram[19:]
    for number in range(10):
        wire.receive(stranger, ("10.7.0.1", number))
    assert len(wire.service.refusals) == 1
    wire.driver.sleep(STRAYS_NOTED_EVERY)
    wire.receive(stranger, ("10.7.0.1", 99))
    assert len(wire.service.refusals) == 2


def short_sessions(wire, count):
    for number in range(count):
        end, address = wire.client(number % 50)
        end.send(hello((number % 50).to_bytes(12)).encode())
        for datagram in end.pieces_to_send():
            wire.receive(datagram, address)
        (session,) = wire.service.sessions
        session.close("enough")
        if number % 500 == 499:
            wire.driver.sleep(200)
    wire.driver.sleep(200)


def test_short_sessions_leave_nothing_behind():
    wire = Wire()
    short_sessions(wire, 60)
    port = wire.port
    assert wire.driver.clock.next_due() is None
    assert (port._lines, port._unnamed, port._resting, port._by_device, list(port.listener)) == ({}, {}, {}, {}, [])


@pytest.mark.soak
def test_a_hundred_thousand_short_sessions_leave_nothing_behind():
    wire = Wire()
    short_sessions(wire, 2_000)
    tracemalloc.start()
    short_sessions(wire, 500)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    short_sessions(wire, 97_500)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 64 << 10


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_comes_ends_the_port(seed):
    """Bits flipped, pieces cut off, in every datagram of a session: it goes on, or it ends by name."""
    rng = random.Random(seed)
    wire = Wire()
    for number in range(40):
        key = dtls.PrivateKey.from_number(100 + number)
        address = (f"10.1.0.{number}", 1000)
        end = dtls.ClientEnd(dtls.DeviceIdentity(number.to_bytes(12), key, KEY.public), dtls.device_dialect((6, 2, 0)), 0.0)
        for turn in range(6):
            if end.is_open and turn >= 3:
                end.send(hello(number.to_bytes(12)).encode())
            for datagram in end.pieces_to_send():
                for mangled in (mangle(rng, datagram), datagram):
                    for answer in wire.receive(mangled, address):
                        try:
                            end.receive_data(answer, 0.0)
                        except dtls.DtlsError:
                            break
    fresh, address = wire.client(999)
    assert fresh.is_open


def mangle(rng, datagram):
    data = bytearray(datagram)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.5:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            del data[rng.randrange(len(data)) :]
            data = data or bytearray(1)
    return bytes(data)


def test_a_message_that_is_malformed_is_answered_and_ends_nothing(world):
    device = online(world)
    device.device.end.send(bytes.fromhex("4002abcdb1450876"))
    device.turn()
    world.run(1)
    session = world.session(device)
    assert session.dropped == 1 and not session.closed
    device.device.end.send(Message(Type.CON, Code.POST, 0x77, b"", path_options("E")).encode())
    device.turn()
    world.run(1)
    assert session.dropped == 2 and not session.closed
    assert Kind.of(Message.decode(HELLO)) is Kind.HELLO
