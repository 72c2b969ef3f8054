"""The device service against emulated boards, and against raw bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.cloud.sessions import HelloFacts, Refused
from emulator.device_os.cloud_facts import ClaimReceived, Connected, Disconnected, SignalChanged, TimeReceived
from particle_protocol.describe import DescribedModule, ModuleFunction
from particle_protocol.lightssl import ServerKey, lab_device_key
from particle_protocol.messages import CloudReason, Goodbye, Subscription, VariableType
from particle_protocol.protocol_errors import ProtocolErrorCode as Error


def test_a_board_connects_and_is_described(lab):
    board = lab.board()
    assert [type(event) for event in board.events] == [Connected, TimeReceived]
    assert lab.session.hello == HelloFacts(6, 0xFFFF, 6, None, 0x36)
    assert lab.session.device_id == "3f002a001747343733340000"
    (system, none), (nothing, application) = lab.cloud.descriptions
    assert none is None and nothing is None
    assert system.modules[0].version == 2302
    assert application.functions == ("double",)
    assert application.variables["warmth"] is VariableType.DOUBLE
    assert [name for name, *_ in lab.cloud.events] == [
        "spark/hardware/max_binary",
        "spark/hardware/ota_chunk_size",
        "particle/device/updates/enabled",
        "particle/device/updates/forced",
    ]
    assert lab.service.sessions == [lab.session]


def test_the_time_is_the_labs(lab):
    board = lab.board()
    assert board.events[1] == TimeReceived(int(lab.clock.start.timestamp()))


@pytest.mark.parametrize("version", [(0, 7, 0), (1, 5, 2), (2, 1, 0), (2, 2, 0), (2, 3, 1), (3, 3, 1)])
def test_every_version_is_described_in_the_end(lab, version):
    lab.board(version=version)
    systems = [system for system, _ in lab.cloud.descriptions if system]
    applications = [application for _, application in lab.cloud.descriptions if application]
    assert len(systems) == len(applications) == 1
    assert lab.wait(lab.session.call("double", "21")) == 42


def test_a_long_description_comes_in_blocks(lab):
    modules = tuple(DescribedModule(131072, function=ModuleFunction.USER_PART, index=n, version=6, sha256=bytes(32)) for n in range(9))
    lab.board(version=(3, 3, 1), modules=modules)
    assert lab.cloud.descriptions[-1][0].modules == modules
    assert len(lab.cloud.descriptions) == 2


def test_functions_are_called(lab):
    lab.board()
    assert lab.wait(lab.session.call("double", "-4")) == -8


def test_variables_of_every_type_are_read(lab):
    lab.board()
    values = {name: lab.wait(lab.session.read(name)) for name in ("count", "warmth", "open", "name")}
    assert values == {"count": -3, "warmth": 21.25, "open": True, "name": "köln"}


def test_an_unknown_function_is_never_answered(lab):
    lab.board()
    started = lab.clock.now
    with pytest.raises(TimeoutError, match="did not answer the call of nope within 15 s"):
        lab.wait(lab.session.call("nope", ""))
    assert lab.clock.now - started == pytest.approx(15)


def test_an_unknown_variable_is_refused(lab):
    lab.board()
    with pytest.raises(Refused, match=r"4\.04"):
        lab.wait(lab.session.read("nope"))


def test_signal_and_ping_are_answered_with_ids_of_the_devices_own(lab):
    board = lab.board()
    lab.wait(lab.session.signal(True))
    lab.wait(lab.session.signal(False))
    lab.wait(lab.session.ping())
    assert board.events[-2:] == [SignalChanged(on=True), SignalChanged(on=False)]


def test_events_reach_a_board_that_subscribed(lab):
    board = lab.board()
    assert lab.session.publish("news/today", "sun")
    assert not lab.session.publish("other", "x")
    assert lab.session.publish("spark/device/claim/success", None)
    lab.run(0.1)
    assert board.application.heard == [("news/today", "sun")]
    assert board.events[-1] == ClaimReceived()


def test_a_device_has_so_many_subscriptions_at_the_most(make_lab):
    lab = make_lab(max_subscriptions=2)
    device = lab.raw()

    def subscribe(number, prefix):
        return device.say(Subscription(prefix).encode(number).encode().hex())

    for number, prefix in enumerate("aab", 1):
        (answer,) = subscribe(number, prefix)
        assert answer == f"6000{number:04x}"
    (answer,) = subscribe(9, "c")
    assert answer == "60800009", "4.00: it will ask again in its next session"
    (answer,) = subscribe(10, "b")
    assert answer == "6000000a"
    assert [lab.session.publish(name, None) for name in "abc"] == [True, True, False]


def test_events_of_a_board_reach_the_cloud(lab):
    board = lab.board()
    lab.cloud.events.clear()
    board.publish("hot", "31", ttl=3600, public=True, with_ack=True)
    board.publish("empty", "", ttl=60, public=False, with_ack=False)
    lab.run(0.1)
    assert lab.cloud.events == [("hot", "31", True, 3600), ("empty", "", False, 60)]


def test_an_event_too_long_for_the_boards_buffer_is_not_sent(lab):
    lab.board()
    assert not lab.session.publish("news/x", "y" * 1000)
    with pytest.raises(Refused, match="too long"):
        lab.wait(lab.session.call("double", "1" * 900))


def test_a_board_stays_connected_by_its_pings(lab):
    board = lab.board()
    lab.run(300)
    assert board.connection.connected
    assert not lab.session.closed


def test_a_silent_board_is_given_up(lab):
    board = lab.board()
    board.stream.abort()
    board.timer.cancel()
    lab.run(32)
    assert lab.cloud.closed == [(lab.session, "nothing heard for 31 s")]
    assert lab.service.sessions == []


def test_a_goodbye_ends_the_session_with_its_reason(lab):
    board = lab.board()
    board.connection.disconnect(Goodbye(cloud=CloudReason.LISTENING), lab.clock.now)
    board.turn()
    lab.run(1)
    assert lab.cloud.closed == [(lab.session, "Goodbye: cloud LISTENING")]


def test_a_lost_connection_fails_what_is_open(lab):
    board = lab.board()
    replies = [lab.session.call("nope", ""), lab.session.ping(), lab.session.flash(bytes(10))]
    board.stream.close()
    lab.run(1)
    for reply in replies[:1]:
        with pytest.raises(ConnectionError, match="is gone: closed by the peer"):
            reply.result()
    assert lab.session.closed
    for request in (lab.session.call("double", "1"), lab.session.read("count"), lab.session.ping(), lab.session.flash(b"")):
        with pytest.raises(ConnectionError, match="not connected any more"):
            request.result()
    assert not lab.session.publish("news/x", "")
    lab.session.close("again")
    assert len(lab.cloud.closed) == 1


def test_the_cloud_can_hang_up(lab):
    board = lab.board()
    lab.session.close("nobody made a device of this id")
    lab.run(0.1)
    assert board.events[-1].error is Error.REMOTE_CLOSED
    assert lab.cloud.closed == [(lab.session, "nobody made a device of this id")]


def test_the_cloud_can_hang_up_at_once(lab):
    lab.cloud.on_opened = lambda session: session.close("not today")
    board = lab.board()
    assert isinstance(board.events[-1], Disconnected)
    assert lab.cloud.closed[0][1] == "not today"


def test_a_later_connection_of_the_same_board_lives_beside_the_earlier_until_the_cloud_decides(lab):
    first = lab.board()
    earlier = lab.session
    lab.board()
    assert lab.session is not earlier
    earlier.close("replaced")
    lab.run(0.1)
    assert first.events[-1].error is Error.REMOTE_CLOSED
    assert lab.wait(lab.session.call("double", "1")) == 2


def test_the_service_hangs_up_on_everybody_when_it_closes(lab):
    board = lab.board()
    lab.stream()
    lab.service.close()
    lab.run(0.1)
    assert not board.connection.connected
    assert lab.cloud.closed[0][1] == "the cloud shuts down"
    assert lab.service.sessions == []


def refusal(lab):
    (only,) = lab.service.refusals
    assert str(only).startswith("10.0.0.9:41000, device ")
    return only


def test_an_unknown_device_is_refused_by_name(lab):
    lab.cloud.keys.clear()
    heard = []
    lab.service.log.listeners.append(heard.append)
    board = lab.board()
    assert refusal(lab).code is Error.NOT_FOUND
    assert "3f002a001747343733340000: no device of this id" in str(refusal(lab))
    assert heard == [refusal(lab)]
    assert board.events[-1].error is Error.SESSION_KEY_NOT_RECEIVED


def test_a_first_key_can_be_learnt(lab):
    lab.cloud.keys.clear()
    lab.cloud.learns = True
    lab.board()
    assert lab.cloud.keys[lab.session.device_id] == lab_device_key(5).public_der


def test_a_board_with_another_key_than_registered_cannot_decrypt_and_the_cloud_says_why(lab):
    board = lab.board(key=lab_device_key(6))
    assert board.events[-1].error is Error.DECRYPTION
    assert "another key than the one that is registered" in refusal(lab).why


def test_a_registered_key_that_is_none_is_named(lab):
    lab.cloud.keys[next(iter(lab.cloud.keys))] = b"junk"
    lab.board()
    assert refusal(lab).code is Error.BAD_SERVER_KEY


def test_a_board_that_trusts_another_server_is_named(lab):
    other = ServerKey.generate().public
    lab.server_key, server = type("Other", (), {"public": other}), lab.server_key
    board = lab.board()
    lab.server_key = server
    assert "another server" in refusal(lab).why
    assert board.events[-1].error is Error.SESSION_KEY_NOT_RECEIVED


def test_half_a_handshake_is_given_up(lab):
    stream = lab.stream()
    stream.write(bytes(100))
    lab.run(21)
    assert refusal(lab).code is Error.MESSAGE_TIMEOUT
    assert "100 bytes of it came" in refusal(lab).why


def test_a_board_that_never_says_hello_is_given_up(lab):
    device = lab.raw(hello=None)
    lab.run(31)
    assert "Hello did not come within 30 s" in refusal(lab).why
    assert device.closed


def test_something_else_than_hello_is_refused(lab):
    device = lab.raw(hello="410139691fb174")
    assert refusal(lab).code is Error.MALFORMED_MESSAGE
    assert device.closed


def test_a_confirmable_hello_is_acknowledged_too(lab):
    device = lab.raw(hello=None)
    first, second = device.say("40020007b168ff0006ffff00360006")
    assert first == "60000007"
    assert second.endswith("b168")


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("4000e25f", ["6000e25f"]),
        ("410139691fb174", ["614539691fff"]),
        ("4001396bb165087061727469636c654175", ["6000396b"]),
        ("500149e9b16505737061726b", []),
        ("40027161b1450676642f707562ff61636b6564", ["60007161"]),
        ("50027161b1450676642f707562ff61636b6564", []),
        ("40023964b1644101ff7b2270223a332c226d223a5b5d7d", ["60443964"]),
        ("410271abb1b1644101c10cff7b22", ["615f71abb1"]),
        ("410271abb1b1644101c11cff7b22", ["618871abb1"]),
        ("40023964b164ff7b7d", ["60803964"]),
        ("40023964b1644101ff7b", ["60443964"]),
        ("40021d78b1644104ff000400020004000600350000000800040000001a809cffffff", ["60441d78"]),
        ("40023964b1644104ff000400", ["60803964"]),
        ("4102000d14b14cff080112" + "0a0a0868696c2d74657374", ["6144000d14ff1a00"]),
        ("4102000d14b14cff08021200", ["6144000d14ff0802"]),
        ("4102000d14b14cff0a", ["6180000d14"]),
        ("41020007aab171", ["61840007aa"]),
        ("40020009b168", ["60000009"]),
        ("40010010b163ff0001", ["60000010"]),
        ("7000abcd", []),
        ("5145000155", []),
    ],
)
def test_each_message_of_a_device_is_answered_as_it_should_be(lab, said, answered):
    device = lab.raw()
    heard = device.say(said)
    assert [each[: len(expected)] for each, expected in zip(heard, answered, strict=True)] == answered
    assert not lab.session.closed


@pytest.mark.parametrize(
    ("said", "answered", "why"),
    [
        ("00", [], "no CoAP message: a message has at least 4 bytes, not 1"),
        ("80020001b14503ff", [], "version 2 of CoAP is unknown"),
        ("50021d58b145087664", [], "the message ends inside option 11"),
        ("40021d58b145087664", ["70001d58"], "the message ends inside option 11"),
        ("4f021d58", ["70001d58"], "token length 15 is reserved"),
        ("40001d58ff00", ["70001d58"], "an empty message with something behind its header"),
        ("40211d58", ["70001d58"], "code 1.01 is reserved"),
        ("50e11d58", [], "code 7.01 is reserved"),
        ("60001d58b1", [], "an empty message with something behind its header"),
        ("40021d58b145", ["60801d58"], "no event: POST /E/name was expected"),
        ("50021d58b14501fe", [], "no event: its name is no UTF-8"),
        ("40011d58b16501fe", ["60801d58"], "no subscription"),
        ("40011d58b163ff00", ["60801d58"], "no list of missed chunks"),
    ],
)
def test_a_message_that_cannot_be_understood_is_dropped_and_noted_and_the_session_goes_on(lab, said, answered, why):
    device = lab.raw()
    noted = []
    lab.service.log.listeners.append(noted.append)
    assert device.say(said) == answered
    assert (lab.session.dropped, lab.service.log.dropped_count, lab.cloud.closed, lab.cloud.events) == (1, 1, [], [])
    assert noted == list(lab.service.log.dropped)
    assert str(noted[0]).startswith("10.0.0.9:41000, device 3f002a001747343733340000: a message was dropped: ")
    assert why in str(noted[0])
    assert said in str(noted[0])
    assert device.say("40001d59") == ["60001d59"]


@given(st.lists(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\x41\x02\x00\x01\x22" + tail), max_size=6))
@settings(max_examples=60, deadline=None)
def test_whatever_a_device_sends_the_session_ends_by_a_goodbye_alone(make_lab, said):
    lab = make_lab()
    device = lab.raw()
    for each in said:
        device.end.send(each)
    device.stream.write(device.end.data_to_send())
    lab.run(0.1)
    assert all(reason.startswith("Goodbye") for _, reason in lab.cloud.closed)


@pytest.mark.parametrize("payload", ["10", "0105aa", "01"])
def test_a_goodbye_that_gives_no_reason_we_know_is_one(lab, payload):
    lab.raw().say(f"50027163b178ff{payload}")
    assert lab.cloud.closed[0][1].startswith("Goodbye: ")


def test_the_cloud_hears_of_everything_that_comes_from_a_device(lab):
    device = lab.raw()
    for number, said in enumerate(("40001d58", "60001d59", "50021d5ab1450161", "00"), 1):
        device.say(said)
        assert lab.cloud.heard_from == [lab.session] * number


def test_an_update_that_is_answered_with_nonsense_has_failed(lab):
    device = lab.raw()
    reply = lab.session.flash(bytes(100))
    lab.run(0.01)
    token = device.heard[-1][8:10]
    device.say(f"5145000a{token}ff01")
    with pytest.raises(Refused, match="answered the offer with no "):
        reply.result()
    assert not lab.session.closed


def test_a_reset_refuses_the_request(lab):
    device = lab.raw()
    reply = lab.session.call("f", "")
    lab.run(0.01)
    device.say("7000" + device.heard[-1][4:8])
    with pytest.raises(Refused, match="reset"):
        reply.result()


def test_a_result_of_the_wrong_length_is_refused(lab):
    device = lab.raw()
    reply = lab.session.call("f", "")
    lab.run(0.01)
    device.say("5144000a" + device.heard[-1][8:10] + "ff00")
    with pytest.raises(Refused, match="4 bytes"):
        reply.result()


def test_an_answer_too_late_or_to_nothing_is_ignored(lab):
    device = lab.raw()
    reply = lab.session.call("f", "")
    lab.run(0.01)
    token = device.heard[-1][8:10]
    device.say("4000e25f")
    lab.run(14.9)
    device.say("4000e260")
    lab.run(1)
    with pytest.raises(TimeoutError):
        reply.result()
    assert device.say("4144000a" + token + "ff00000001") == ["6000000a"]


def test_no_more_than_256_requests_are_open_at_a_time(lab):
    lab.raw()
    replies = [lab.session.call("f", "") for _ in range(257)]
    with pytest.raises(Refused, match="256 requests"):
        replies[-1].result()
    assert not replies[0].done
    with pytest.raises(Refused, match="256 requests"):
        lab.session.flash(b"x").result()


def test_a_ping_that_is_not_answered_times_out(lab):
    device = lab.raw()
    reply = lab.session.ping()
    lab.run(10)
    device.say("4000e25f")
    with pytest.raises(TimeoutError, match="did not answer a ping"):
        lab.wait(reply)


@given(data=st.lists(st.binary(min_size=1, max_size=40), max_size=6))
@settings(max_examples=30, deadline=None)
def test_random_messages_leave_a_session_or_end_it(make_lab, data):
    lab = make_lab()
    device = lab.raw()
    device.say(*[each.hex() for each in data])
    assert lab.session.closed == bool(lab.cloud.closed)
    if not lab.session.closed:
        assert device.say("4000e25f") == ["6000e25f"]


@given(data=st.binary(max_size=600))
@settings(max_examples=30, deadline=None)
def test_random_bytes_never_open_a_session(make_lab, data):
    lab = make_lab()
    stream = lab.stream()
    stream.write(data)
    lab.run(25)
    assert len(lab.service.refusals) == 1
    assert lab.cloud.opened == []


def test_an_old_device_whose_application_begins_late_is_asked_again(lab):
    lab.cloud.descriptions.clear()
    device = lab.raw(hello="50020001b168ff0006ffff00060006")
    asked = []
    for payload in (b'{"f":[],"v":{},"p":6,"m":[]}', b'{"f":["late"],"v":{},"p":6,"m":[]}'):
        lab.run(0.7)
        (request,) = [each for each in device.heard if each[-4:] == "b164"]
        asked.append(request)
        device.heard.clear()
        token = request[8:10]
        device.say(f"6000{request[4:8]}", f"4145{1000 + len(asked):04x}{token}ff{payload.hex()}")
    lab.run(60)
    assert device.heard == [], "that it is asked no more"
    assert [application.functions for _, application in lab.cloud.descriptions] == [(), ("late",)]
    assert [system is not None for system, _ in lab.cloud.descriptions] == [True, False], "the modules are no news"
