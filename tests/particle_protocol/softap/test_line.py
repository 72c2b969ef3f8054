"""SoftAP on port 5609, byte for byte."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from particle_protocol.listening.wifi import EapType, WifiSecurity
from particle_protocol.softap import HeardNetwork
from particle_protocol.softap.line import line_request

DEVICE_ID = "5100d7000547343438373634"
CODE = "A" * 63


def test_a_request_is_answered_with_two_line_feeds_and_json_and_hung_up_on(line):
    assert line.ask(b"version\n0\n\n") == b'\n\n{"v":2}'
    assert line.closed == {"client"}


def test_the_device_id_is_in_capitals_and_the_claim_bit_a_text(line, firmware):
    assert line.ask(b"device-id\n0\n\n") == f'\n\n{{"id":"{DEVICE_ID.upper()}","c":"0"}}'.encode()
    firmware.claimed = True
    assert line.ask(b"device-id\n0\n\n") == f'\n\n{{"id":"{DEVICE_ID.upper()}","c":"1"}}'.encode()


def test_the_public_key_has_294_bytes_of_which_the_last_132_are_zeros(line, firmware):
    answer = json.loads(line.ask(b"public-key\n0\n\n"))
    assert list(answer) == ["b", "r"]
    assert bytes.fromhex(answer["b"]) == firmware.key.public_der + bytes(132)
    assert len(answer["b"]) == 588
    assert answer["b"] == answer["b"].upper()
    firmware.readable = False
    assert line.ask(b"public-key\n0\n\n") == b'\n\n{"r":1}'


def test_a_scan_lists_what_was_heard_but_for_hidden_networks(line, firmware):
    firmware.heard += [HeardNetwork(b"", -60, 0, 1, 54000), HeardNetwork(b'say "hi"', -70, 0, 11, 11000)]
    assert line.ask(b"scan-ap\n0\n\n") == (
        b'\n\n{"scans":[{"ssid":"lab","rssi":-41,"sec":4194308,"ch":6,"mdr":54000},'
        b'{"ssid":"say "hi"","rssi":-70,"sec":0,"ch":11,"mdr":11000}]}'
    ), "names are not escaped"
    firmware.heard = None
    assert line.ask(b"scan-ap\n0\n\n") == b'\n\n{"scans":[]}', "no scan could be begun"


def test_an_unmodified_client_is_understood(line, firmware, recorded):
    answers = [line.ask(request.encode()) for request in recorded["tcp"]]
    assert answers[5:] == [b'\n\n{"r":0}'] * 5
    assert firmware.code == CODE.encode()
    assert firmware.left == 1
    (home, peap, tls) = (wanted for wanted, _ in firmware.saved)
    assert (home.credentials.ssid, home.credentials.password, home.security) == ("lab", "secret123", WifiSecurity.WPA2)
    assert not home.enterprise
    assert (peap.credentials.identity, peap.credentials.outer_identity, peap.credentials.password) == ("ann", "anon", "hunter22")
    assert (peap.security, peap.credentials.eap) == (WifiSecurity.WPA2_ENTERPRISE, EapType.PEAP)
    assert peap.credentials.root_ca == "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\r\n"
    assert tls.credentials.eap is EapType.TLS
    assert tls.credentials.client_certificate.startswith("-----BEGIN CERTIFICATE-----\nCCCC")
    private = "-----BEGIN RSA PRIVATE KEY-----\nBBBB\n-----END RSA PRIVATE KEY-----\r\n"
    assert tls.credentials.private_key == private + "\x0c" * 12, "the board leaves the padding where it is"


def test_every_request_may_come_in_any_pieces(line, firmware, recorded):
    for request in recorded["tcp"]:
        whole = line.ask(request.encode())
        assert line.open("slow")
        for byte in request.encode():
            line.send(bytes((byte,)), "slow")
        assert line.answers["slow"] == whole


@pytest.mark.parametrize("name", ["", "Version", "versio", "version ", "prov-check", "x" * 30, "x" * 300])
def test_what_the_board_does_not_know_is_answered_with_silence(line, name):
    assert line.ask(f"{name}\n0\n\n".encode()) == b""
    assert line.closed == {"client"}


@pytest.mark.parametrize(("name", "external"), [("ant-internal", False), ("ant-external", True)])
def test_the_antenna_is_switched_in_silence(line, firmware, name, external):
    assert line.ask(f"{name}\n0\n\n".encode()) == b""
    assert (line.closed, firmware.antenna) == ({"client"}, external)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"version\n\n\n",
        b"version\nanything at all\n\n",
        b"version\n0\r\n\n",
        b"version\n5\nHeader: x\nOther: y\n\nworld",
        b"version\x000\n\n",
        b"version\n99999999999999\n\n",
    ],
)
def test_what_is_no_length_does_not_matter_to_a_command_without_a_body(line, request_bytes):
    assert line.ask(request_bytes) == b'\n\n{"v":2}'


@pytest.mark.parametrize(
    "half", [b"", b"vers", b"version\n", b"version\n0", b"version\n0\n", b"version\n0\nHeader\n", b"version\n0\r\n\r\n"]
)
def test_without_the_empty_line_the_board_waits_for_ever_and_others_wait_with_it(line, half):
    assert line.ask(half) == b""
    assert not line.closed
    assert line.open("other")
    served = b'\n\n{"v":2}'
    assert line.send(b"version\n0\n\n", "other") == (b"" if half else served), "who has sent nothing is in nobody's way"
    line.end()
    assert line.answers["other"] == served
    assert line.closed == {"client", "other"}


def test_the_end_of_a_connection_is_taken_for_the_end_of_the_request(line):
    assert line.ask(b"version\n0") == b""
    assert line.end() == b'\n\n{"v":2}'


def test_commands_are_served_one_at_a_time_while_one_scans(line):
    line.scanning = True
    assert line.ask(b"scan-ap\n0\n\n") == b""
    for number in range(4):
        assert line.ask(b"version\n0\n\n", number) == b""
    assert not line.open("sixth"), "there are five sockets"
    line.scanned()
    assert line.answers["client"].endswith(b"]}")
    assert [line.answers[number] for number in range(4)] == [b'\n\n{"v":2}'] * 4
    assert line.open("sixth")


def test_a_client_that_goes_while_its_command_scans_is_forgotten(line):
    line.scanning = True
    line.ask(b"scan-ap\n0\n\n")
    line.end()
    assert line.ask(b"version\n0\n\n", "other") == b""
    line.scanned()
    assert line.answers["other"] == b'\n\n{"v":2}'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (f'{{"k":"cc","v":"{CODE}"}}', CODE),
        (f'{{"k":"cc","v":"{CODE}B"}}', CODE),
        ('{"k":"ccXYZ","v":"short"}', "short"),
        ('{"v":"late","k":"cc"}', "late"),
        (' { "k" : "cc" , "v" : "spaces" } trailing', "spaces"),
        ('{"k":"cc","v":"once","v":"twice"}', "twice"),
    ],
)
def test_a_claim_code_is_cut_to_63_characters_and_its_key_to_two(line, firmware, body, code):
    assert line.ask(line_body("set", body)) == b'\n\n{"r":0}'
    assert firmware.code == code.encode()


@pytest.mark.parametrize(
    "body", ['{"k":"xx","v":"1"}', '{"k":"cc","v":""}', '{"k":"","v":"1"}', '{"v":"1"}', '{"k":"cc"}', "{}", '"cc"', "5"]
)
def test_what_is_no_setting_is_refused(line, firmware, body):
    assert line.ask(line_body("set", body)) == b'\n\n{"r":-1}'
    assert firmware.code is None


@pytest.mark.parametrize("command", ["set", "configure-ap"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "}",
        "{]",
        "nonsense",
        '{"k":"cc","v":"x","more":1}',
        '{"k":"cc","v":1,"ssid":1}',
        '{"k":["cc"],"sec":"3"}',
        '{"k":"cc" "v":"x"}',
        '{"k":"cc","v":"x"',
        '{"k":"\\x","ssid":"\\x"}',
        '["k","cc"]',
        "[" * 10_000,
        '{"ssid":{"ssid":"lab"}}',
    ],
)
def test_a_body_that_cannot_be_read_gets_two_line_feeds_only(line, firmware, command, body):
    assert line.ask(line_body(command, body)) == b"\n\n"
    assert line.closed == {"client"}
    assert (firmware.code, firmware.saved) == (None, [])


@pytest.mark.parametrize("length", ["99999", "2147483647", "-1", "xxxx", "4294967295"])
def test_a_length_that_no_board_has_room_for_is_not_waited_for(line, length):
    assert line.ask(f"set\n{length}\n\n".encode()) == b"\n\n"


def test_a_length_counts_modulo_two_to_the_32(line, firmware):
    body = b'{"k":"cc","v":"x"}'
    assert line.ask(b"set\n%d\n\n%s" % (len(body) + (1 << 32), body)) == b'\n\n{"r":0}'
    assert firmware.code == b"x"


def test_a_client_that_floods_the_board_while_it_waits_is_hung_up_on(line):
    line.ask(b"half a request")
    line.open("flood")
    for _ in range(70):
        line.send(b"x" * 1000, "flood")
    assert line.closed == {"flood"}


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.one_of(st.binary(max_size=40), st.just(b"\n"), st.sampled_from(["set\n19\n\n", "version\n0\n\n"]))),
        max_size=40,
    )
)
def test_whatever_clients_send_the_board_lives_and_serves_again(new_wire, steps):
    wire = new_wire(5609)
    for who, data in steps:
        if who not in wire.answers or who in wire.closed:
            wire.open(who)
        wire.send(data.encode() if isinstance(data, str) else data, who)
    for who in list(wire.answers):
        wire.end(who)
    assert wire.ask(b"version\n0\n\n", "last") == b'\n\n{"v":2}'


def test_a_client_counts_bytes_and_ends_with_the_empty_line():
    assert line_request("version") == b"version\n0\n\n"
    assert line_request("set", {"k": "cc", "v": "ü"}) == 'set\n19\n\n{"k":"cc","v":"ü"}'.encode()


def line_body(command, body):
    return b"%s\n%d\n\n%s" % (command.encode(), len(body.encode()), body.encode())
