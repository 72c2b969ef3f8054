"""A device's connection to the cloud: golden conversations of Device OS, timers, quirks, faults."""

import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.device_os.cloud_connection import CloudState
from emulator.device_os.cloud_facts import (
    ClaimReceived,
    CloudQuirks,
    Connected,
    Disconnected,
    FunctionCalled,
    KeyRestoreRequested,
    ResetRequested,
    SignalChanged,
    TimeReceived,
    UpdatesForced,
    UpdatesPending,
)
from particle_protocol.blocks import Block
from particle_protocol.cloud_messages.describe import decode_system
from particle_protocol.coap import Code, Message, Option, Type, path_options
from particle_protocol.describe import DescribedModule, Description, ModuleFunction, SystemDescribe
from particle_protocol.lightssl import DeviceKey, lab_device_key
from particle_protocol.messages import CloudReason, Event, FunctionCall, Goodbye
from particle_protocol.protocol_errors import ProtocolErrorCode as Error

# Device OS 2.3.1 as a virtual device over TCP, decrypted. Its session key, IV and salt; then who said what: > the cloud, < the device.
CREDENTIALS_231 = bytes.fromhex("a73cf55846fc0e162419227748dcb0aa48d15d026f5773781255a4c92a883bee6239a72eccae6cd9")
TRACE_231 = pathlib.Path(__file__).with_name("device_os_2_3_1.txt")


def test_a_whole_conversation_is_that_of_device_os_2_3_1(pair):
    # One describe request of the recording (for metrics) is left out, so ids after it are one lower; and the token of the request for the
    # time, which is random in real firmware, comes from the salt.
    link = pair(credentials=CREDENTIALS_231)
    heard = link.handshake()
    for line in TRACE_231.read_text().splitlines():
        way, _, what = line.partition(" ")
        if way == "<":
            assert heard.pop(0) == what
        elif way == ">":
            assert heard == [], f"the device said more before {what}"
            heard = link.say(what)
        else:
            name, _, data = what.partition(" ")
            link.publish(name, data or None)
            heard = link.flush()
    assert heard == []
    assert link.application.heard == [("hil/test", "payload")]
    assert link.events == [
        Connected(),
        TimeReceived(0x6B0342F3),
        FunctionCalled("echo", "hello", 5),
        FunctionCalled("nope", "1", None),
        SignalChanged(on=True),
        SignalChanged(on=False),
    ]


def test_device_os_6_2_0_describes_its_system_in_binary(pair, recording):
    said = [line.data for line in recording("tcp620") if line.what == "<"]
    posted = next(Message.decode(each) for each in said if each[5:7] == b"\xb1d")
    answered = next(Message.decode(each) for each in said if each[1] == 0x45 and each[5:7] == b"\xc1*")
    told = decode_system(posted.payload, 3)
    link = pair((6, 2, 0), system_describe=lambda: told)
    link.handshake()
    first = Message.decode(bytes.fromhex(link.say("50020001b168")[0]))
    assert (first.type, first.code, first.options, first.payload) == (posted.type, posted.code, posted.options, posted.payload)
    acknowledged, answer = (Message.decode(bytes.fromhex(each)) for each in link.say("4101e14b21b1644101"))
    assert acknowledged.encode().hex() == "6000e14b"
    assert (answer.type, answer.code, answer.token, answer.options) == (answered.type, answered.code, b"\x21", answered.options)
    assert answer.payload == answered.payload
    assert link.say("4101e14c22b1644103") == ["61a0e14c22"], "both parts at once are an internal error"


@pytest.mark.parametrize(("version", "bare"), [((0, 7, 0), "ff"), ((1, 5, 2), "ff"), ((2, 3, 1), "ff"), ((3, 0, 0), ""), ((3, 3, 1), "")])
def test_the_empty_string_is_a_bare_marker_up_to_2_3_1_and_nothing_later(pair, version, bare):
    link = pair(version).connect()
    link.publish("vd/empty", "")
    link.publish("vd/empty", None)
    assert [each[8:] for each in link.flush()] == ["b1450876642f656d707479" + bare, "b1450876642f656d707479"]
    safe = pair(version, None, safe_mode=True)
    safe.handshake()
    assert "b1450d08737061726b2f6465766963652f736166656d6f6465" + bare in [each[8:] for each in safe.say("50020001b168")]


def test_metrics_are_pairs_of_number_and_value(pair):
    link = pair(diagnostics=lambda: {2: 0, 6: 5, 25: -100}).connect()
    assert link.say("4101623e24b1644104")[1][12:] == "000400020004000200000000000600050000001900" + "9cffffff"


def test_device_os_3_3_1_ends_its_hello_with_its_limits(pair):
    link = pair((3, 3, 1), max_binary=102400)
    link.facts.system_version = 3302
    (hello,) = link.handshake()
    assert hello[8:] == "b168ff0003ffff0036000300000ce603c0000190000200"


def test_device_os_3_3_1_describes_itself_with_tokens_and_tells_no_limits(pair, decoded):
    link = pair((3, 3, 1))
    link.handshake()
    said = decoded(link.say("50020001b168"))
    assert [message.path for message in said] == [
        "d",
        "E/particle/device/updates/enabled",
        "E/particle/device/updates/forced",
        "t",
        "d",
        "e/particle",
        "e/spark",
        "e/hil/",
        "e/particle/device/name",
    ]
    tokens = [message.token[0] for message in said if message.token]
    assert tokens == [34, 35, 36]


def test_device_os_3_3_1_refuses_a_describe_request_without_query(pair):
    link = pair((3, 3, 1)).connect()
    assert link.say("4101e14e24b164") == ["6180e14e24"]


def test_device_os_3_3_1_answers_for_both_parts_with_broken_json(pair, decoded):
    link = pair((3, 3, 1)).connect()
    assert decoded(link.say("4101623d23b1644103"))[1].payload.startswith(b'{"p":3,"m":[]"f":["echo"')


def long_system():
    return SystemDescribe(6, tuple(DescribedModule(131072, function=ModuleFunction.USER_PART, index=n, version=6) for n in range(12)))


def test_device_os_3_3_1_describes_at_length_in_blocks(pair, decoded):
    link = pair((3, 3, 1), system_describe=long_system)
    link.handshake()
    said = decoded(link.say("50020001b168"))
    whole = b""
    for number in range(2):
        post = next(each for each in said if each.path == "d" and each.option(Option.URI_QUERY) == b"\1")
        assert Block.decode(post.option(Option.BLOCK1)) == Block(number, number == 0, 512)
        whole += post.payload
        said = decoded(link.say(Message(Type.ACK, Code.CONTINUE, post.id, post.token)))
    assert said == []
    assert Description.decode(whole).system == long_system()


def test_blocks_stop_when_nobody_acknowledges_them(pair, decoded):
    link = pair((3, 3, 1), system_describe=long_system)
    link.handshake()
    link.say("50020001b168")
    count = len(link.said)
    link.now = 14.0
    link.say("60000000")
    link.at(21.0)
    assert len(link.said) == count


def test_device_os_3_3_1_answers_at_length_in_blocks_of_its_own_size(pair, decoded):
    link = pair((3, 3, 1), system_describe=long_system).connect()

    def ask(*block):
        options = (*path_options("d"), (int(Option.URI_QUERY), b"\1"), *((int(Option.BLOCK2), each.encode()) for each in block))
        return decoded(link.say(Message(Type.CON, Code.GET, 5, b"t", options)))

    _, first = ask()
    _, second = ask(Block(1, more=False, size=512))
    assert Description.decode(first.payload + second.payload).system == long_system()
    assert first.option(Option.ETAG) == second.option(Option.ETAG)
    assert not Block.decode(second.option(Option.BLOCK2)).more
    assert [each.code for each in ask(Block(1, more=False, size=256))] == [Code.BAD_OPTION]


def test_a_key_that_device_os_cannot_walk_is_a_decryption_error(pair):
    key = lab_device_key(0)._numbers
    crippled = DeviceKey(RSAPrivateNumbers(key.p, key.q, key.d >> 16, key.dmp1, key.dmq1, key.iqmp, key.public_numbers))
    link = pair(device_key=crippled)
    assert link.handshake() == []
    assert link.events[0].error is Error.DECRYPTION


def test_device_os_1_5_2_subscribes_during_the_handshake_and_waits_to_be_asked(pair, decoded):
    link = pair((1, 5, 2))
    (hello,) = link.handshake()
    assert hello.endswith("00060003")
    assert [message.path for message in decoded(link.say("50020001b168"))] == [
        "E/spark/hardware/max_binary",
        "E/spark/hardware/ota_chunk_size",
        "E/particle/device/updates/enabled",
        "E/particle/device/updates/forced",
        "e/particle",
        "e/spark",
        "e/hil/",
        "e/particle/device/name",
        "t",
    ]


def test_device_os_0_7_0_tells_nothing_of_updates(pair, decoded):
    link = pair((0, 7, 0))
    (hello,) = link.handshake()
    assert hello.endswith("00000003")
    assert not any("updates" in message.path for message in decoded(link.say("50020001b168")))


def test_claim_code_safe_mode_and_last_reset_are_told_in_order(pair, decoded):
    link = pair(application=None, safe_mode=True, claim_code=b"x" * 62 + b"\xf5", last_reset="pin_reset", key_errors=4)
    link.handshake()
    said = decoded(link.say("50020001b168"))
    events = [(each.path[2:], each.payload) for each in said if each.path.startswith("E")]
    assert events == [
        ("spark/device/claim/code", b"x" * 62 + b"\xf5"),
        ("spark/hardware/max_binary", b"102400"),
        ("spark/hardware/ota_chunk_size", b"512"),
        ("spark/device/safemode", b""),
        ("spark/device/last_reset", b"pin_reset"),
        ("particle/device/updates/enabled", b"true"),
        ("particle/device/updates/forced", b"false"),
        ("spark/device/key/error", b"4"),
    ]
    assert said[0].path == "d"
    assert [each.payload for each in said if each.path == "d"] == [b'{"p":3,"m":[]}', b'{"f":[],"v":{}}']
    assert [each.path for each in said if each.path.startswith("e")] == ["e/particle", "e/spark"]


def test_an_update_that_succeeded_is_told_once(pair):
    link = pair(update_succeeded=True)
    assert link.handshake()[0].endswith("00370003")
    assert link.facts.update_succeeded
    link.say("50020001b168")
    assert not link.facts.update_succeeded


def test_the_application_is_described_when_its_setup_is_over(pair, decoded):
    link = pair(application_ready=False)
    link.handshake()
    assert decoded(link.say("50020001b168"))[-1].path == "t"
    link.device.application_ready(1.0)
    assert [message.path for message in decoded(link.flush())][:2] == ["d", "e/particle"]
    link.device.application_ready(2.0)
    assert link.flush() == []


def test_a_confirmable_hello_is_acknowledged(pair):
    link = pair()
    link.handshake()
    assert link.say("40020007b168")[0] == "60000007"
    assert link.device.connected
    assert link.say("50020008b168") == []


def test_without_the_clouds_hello_the_connection_ends_after_four_seconds(pair):
    link = pair()
    link.handshake()
    assert link.device.deadline() == 4.0
    link.at(4.0)
    (gone,) = link.events
    assert gone.error is Error.MESSAGE_TIMEOUT
    assert "Hello did not come within 4 s" in gone.why
    assert link.device.deadline() is None


def test_other_messages_are_answered_while_waiting_for_hello(pair):
    link = pair()
    link.handshake()
    assert link.say("4101624026b17603696e74")[0] == "60006240"
    assert link.device.state is CloudState.HELLO


def test_a_ping_goes_out_after_fifteen_silent_seconds_and_is_awaited_for_ten(pair):
    link = pair().connect()
    assert link.device.deadline() == 15.0
    link.at(15.0)
    assert link.said[-1].startswith("4000")
    link.now = 15.2
    link.say("6000" + link.said[-1][4:])
    assert link.device.deadline() == pytest.approx(30.2)
    link.at(30.5)
    link.at(40.3)
    assert link.events[-1] == Disconnected(Error.PING_TIMEOUT, "the cloud was silent for 10 s after a ping")


def test_anything_from_the_cloud_puts_off_the_ping(pair):
    link = pair().connect()
    link.now = 14.0
    link.say("5002e14bb14501780179")
    assert link.device.deadline() == 29.0


def test_acknowledgements_echo_the_id_when_the_quirk_is_off(pair):
    link = pair(quirks=CloudQuirks(own_ids_in_acks=False)).connect()
    assert link.say("4000624a") == ["6000624a"]
    assert link.say("410362482db1734101") == ["614462482d"]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("spark/device/claim/received", b"x", ClaimReceived()),
        ("spark/device/claim/success", b"", ClaimReceived()),
        ("spark/device/reset", b"safe mode", ResetRequested("safe mode")),
        ("spark/device/reset", b"dfu", ResetRequested("dfu")),
        ("spark/device/reset", b"reboot", ResetRequested("reboot")),
        ("spark/device/reset", b"network", ResetRequested("network")),
        ("spark/device/key/restore", b"", KeyRestoreRequested()),
        ("particle/device/updates/forced", b"true", UpdatesForced(forced=True)),
        ("particle/device/updates/forced", b"t", UpdatesForced(forced=True)),
        ("particle/device/updates/forced", b"", UpdatesForced(forced=True)),
        ("particle/device/updates/forced", b"false", UpdatesForced(forced=False)),
        ("particle/device/updates/pending", b"true", UpdatesPending(pending=True)),
    ],
)
def test_system_events_become_requests_to_the_firmware(pair, name, data, expected):
    link = pair(application=None).connect()
    answer = link.say(Event(name, data).encode_from_cloud(7))
    assert link.events == [expected]
    assert len(answer) == (1 if isinstance(expected, UpdatesForced) else 0)


@pytest.mark.parametrize(
    ("name", "data"),
    [("spark/device/reset", b"maybe"), ("particle/device/updates/forced", b"yes"), ("other", b""), ("particle/device/name", b"x")],
)
def test_other_events_mean_nothing_to_the_system(pair, name, data):
    link = pair().connect()
    assert link.say(Event(name, data, confirmable=True).encode_from_cloud(7)) == []
    assert link.events == []


def test_a_function_with_too_long_an_argument_is_refused_and_called_all_the_same(pair):
    link = pair((0, 7, 0)).connect()
    answer = link.say(FunctionCall("echo", "x" * 70, b"t").encode(9))
    assert answer[0] == "6180000974"
    assert answer[1].endswith("74ff00000040")
    assert link.events == [FunctionCalled("echo", "x" * 64, 64)]


def test_four_events_a_second_go_out(pair):
    link = pair().connect()
    results = [link.device.publish("a", b"", 1.0 + step * 0.01) for step in range(8)]
    assert results == [Error.NO_ERROR] * 4 + [Error.BANDWIDTH_EXCEEDED] * 4
    assert len(link.flush()) == 4
    assert link.device.publish("a", b"", 2.9) == 0


def test_events_of_the_systems_names_have_a_limit_of_their_own(pair):
    link = pair().connect()
    assert [link.device.publish("spark/x", b"", 1.0) for _ in range(256)].count(Error.NO_ERROR) == 255
    assert link.device.publish("Particle/x", b"", 66.0) is Error.NO_ERROR


def test_long_names_and_data_are_cut(pair, decoded):
    link = pair().connect()
    link.device.publish("n" * 70, b"d" * 700, 1.0, ttl=3600, public=True)
    (message,) = decoded(link.flush())
    assert message.path == "e/" + "n" * 64
    assert message.payload == b"d" * 622
    assert message.option(14) == b"\0\x0e\x10"


def test_an_acknowledged_event_tells_how_it_ended(pair):
    link, ends = pair().connect(), []
    for _ in range(3):
        link.device.publish("a", b"", 1.0, with_ack=True, done=ends.append)
    first, second, _ = (each[4:8] for each in link.flush())
    link.say("6000" + first, "7000" + second)
    assert ends == [Error.NO_ERROR, Error.COAP]
    link.say("5002e14bb14501780179")
    link.at(15.0)
    link.say("60000000")
    link.at(21.0)
    assert ends[2] is Error.MESSAGE_TIMEOUT


def test_what_waits_for_an_acknowledgement_ends_with_the_connection(pair):
    link, ends = pair().connect(), []
    link.device.publish("a", b"", 1.0, with_ack=True, done=ends.append)
    link.device.receive_eof(2.0)
    assert ends == [Error.REMOTE_CLOSED]
    assert link.device.events()[-1].error is Error.REMOTE_CLOSED


def test_nothing_is_published_offline(pair):
    assert pair().device.publish("a", b"", 0.0) is Error.INVALID_STATE


def test_a_graceful_end_says_goodbye(pair):
    link = pair().connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 5.0)
    assert link.flush()[0][8:] == "b178d0eaff0102"
    assert link.events == [Disconnected(Error.NO_ERROR, "Goodbye: cloud USER")]
    link.device.disconnect(Goodbye(), 6.0)
    link.device.receive_data(b"x", 6.0)
    link.device.receive_eof(6.0)
    link.device.handle_timer(60.0)
    assert link.flush() == []


def test_old_firmware_leaves_without_a_word(pair):
    link = pair((1, 5, 2)).connect()
    link.device.disconnect(Goodbye(cloud=CloudReason.USER), 5.0)
    assert link.flush() == []


def test_time_can_be_asked_for_at_any_time(pair):
    link = pair().connect()
    link.device.request_time()
    (request,) = link.flush()
    assert request.startswith("4101") and request.endswith("b174")
    link.say("6145" + request[4:8] + request[8:10] + "ff6b0342f3")
    assert link.events == [TimeReceived(0x6B0342F3)]
    link.say("5145000001ff6b")
    assert link.events == [TimeReceived(0x6B0342F3)]


def test_a_change_of_key_is_only_acknowledged_over_tcp(pair):
    link = pair().connect()
    assert link.say("4003e14bb16b4101")[0].startswith("6000")


def test_a_silent_server_is_given_up_after_twenty_seconds(pair):
    link = pair(now=100.0)
    assert link.device.deadline() == 120.0
    link.at(121.0)
    assert link.events == [Disconnected(Error.NONCE_NOT_RECEIVED, link.events[0].why)]


def test_a_malformed_message_ends_the_connection_with_error_5(pair):
    link = pair().connect()
    link.say("00")
    assert link.events[0].error is Error.MALFORMED_MESSAGE
    assert not link.device.connected


def test_answers_to_messages_before_a_fault_are_not_sent(pair):
    link = pair().connect()
    link.server.send(bytes.fromhex("410262452bb166046563686f4568656c6c6f"))
    link.device.receive_data(link.server.data_to_send() + b"\0\1", 0.0)
    assert link.flush() == []
    assert [type(event) for event in link.events] == [FunctionCalled, Disconnected]


@given(random_messages=st.lists(st.binary(max_size=60), max_size=8))
@settings(max_examples=60, deadline=None)
def test_random_messages_leave_a_device_that_answers_or_has_hung_up(pair, random_messages):
    link = pair().connect()
    for data in random_messages:
        link.server.send(data)
    link.device.receive_data(link.server.data_to_send(), 1.0)
    link.flush()
    if link.device.connected:
        assert link.say("4000624a")
    else:
        assert isinstance(link.events[-1], Disconnected)


def request(type_, code, path, queries, payload):
    options = (*path_options(*path), *((int(Option.URI_QUERY), each) for each in queries))
    return Message(type_, code, 9, b"t", options, payload)


requests = st.builds(
    request,
    st.sampled_from(Type),
    st.sampled_from([Code.GET, Code.POST, Code.PUT, Code.CONTENT, Code.CHANGED, Code.BAD_REQUEST]),
    st.lists(st.sampled_from([b"f", b"v", b"d", b"s", b"k", b"u", b"c", b"E", b"h", b"echo", b"int", b"\xff"]), max_size=3),
    st.lists(st.binary(max_size=5), max_size=2),
    st.binary(max_size=30),
)


@given(random_requests=st.lists(requests, max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_requests_leave_a_device_that_answers_or_has_hung_up(pair, random_requests):
    link = pair().connect()
    for message in random_requests:
        if link.device.connected:
            link.say(message)
    assert link.device.connected or isinstance(link.events[-1], Disconnected)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_corrupt_stream_ends_or_goes_on_but_never_raises(pair, data):
    link = pair().connect()
    link.server.send(bytes.fromhex("410262452bb166046563686f4568656c6c6f"))
    frame = bytearray(link.server.data_to_send())
    for place in data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=1, max_size=4)):
        frame[place] ^= data.draw(st.integers(1, 255))
    link.device.receive_data(bytes(frame), 1.0)
    link.at(60.0)
    assert link.device.state in CloudState
    assert repr(link.device)
