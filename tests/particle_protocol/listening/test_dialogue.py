"""The host's end against its twin: whole conversations in arbitrary pieces, and every way they can go wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.listening import (
    ConsoleAnswerError,
    ConsoleError,
    CredentialsRefused,
    CredentialsSaved,
    EapType,
    LeaveListening,
    Read,
    WifiCipher,
    WifiCredentials,
    WifiSecurity,
    Write,
    configure_wifi,
    diagnostics,
    identify,
    is_claimed,
    leave_listening,
    mac_address,
    module_info,
    set_claim_code,
    system_version,
)
from particle_protocol.listening.answers import parse_claimed, parse_identity, parse_mac_address, parse_object, parse_version

HOME = WifiCredentials("home", "secret pass")
PARSERS = [parse_claimed, parse_identity, parse_mac_address, parse_object, parse_version]


def one_by_one(data):
    return [data[at : at + 1] for at in range(len(data))]


def script(steps, *answers):
    """Run a conversation against fixed answers; returns its result and what it sent."""
    sent, queue, came = [], list(answers), None
    while True:
        try:
            step = steps.send(came)
        except StopIteration as stop:
            return stop.value, sent
        if isinstance(step, Write):
            sent.append(step.data)
            came = b""
        else:
            came = queue.pop(0) if queue else b""


def test_every_question_gets_its_answer(wire):
    wire.firmware.claimed = True
    assert wire.talk(identify()).device_id == "2d0032000f47343438323536"
    assert wire.talk(mac_address()) == "44:39:c4:01:0a:ff"
    assert wire.talk(system_version()) == "2.3.1"
    assert wire.talk(module_info())["p"] == 6
    assert wire.talk(diagnostics()) == {"sys:uptime": 5, "net:stat": {"err": -210}}
    assert wire.talk(is_claimed()) is True
    wire.talk(leave_listening())
    assert wire.told == [LeaveListening()]


@pytest.mark.parametrize("steps", [identify, mac_address, system_version, module_info, diagnostics, is_claimed])
def test_an_answer_may_come_byte_by_byte(wire, steps):
    assert wire.talk(steps(), one_by_one) == wire.talk(steps())


def test_a_long_identity_has_its_properties(wire):
    wire.firmware.extra = [
        ("ms", "ABCDEFGHIJKLMNO"),
        ("sn", "E402AB123456789"),
        ("imei", "359072060000000"),
        ("iccid", "8934076500002587657"),
    ]
    identity = wire.talk(identify())
    assert (identity.mobile_secret, identity.serial_number) == ("ABCDEFGHIJKLMNO", "E402AB123456789")
    assert (identity.imei, identity.iccid) == ("359072060000000", "8934076500002587657")
    assert wire.talk(identify(), one_by_one) == identity


def test_a_core_is_identified_too():
    identity, _ = script(identify(), b"Your core id is 2D0032000F47343438323536\r\n")
    assert identity.device_id == "2d0032000f47343438323536"
    assert identity.imei is None


def test_a_silent_board_is_asked_about_its_mode():
    with pytest.raises(
        ConsoleError, match=r"waited for the device id .* seen: nothing; is the board in listening mode \(blinking dark blue\)\?"
    ):
        script(identify())
    with pytest.raises(ConsoleError, match=r"the question for the SSID.*listening mode"):
        script(configure_wifi(HOME))


@pytest.mark.parametrize(
    ("begun", "remedy"),
    [
        (b"w", "in the middle of another dialogue; reset the board"),
        (b"w\x03", "in the middle of another dialogue; reset the board"),
        (b"C" + b"x" * 63, "in the middle of another dialogue; reset the board"),
        (b"C" + b"x" * 62, "in the middle of another dialogue; reset the board"),
        (b"f", "waits for a file by YModem, which somebody has begun to send; reset the board"),
    ],
)
@pytest.mark.parametrize("steps", [identify, lambda: configure_wifi(HOME), lambda: set_claim_code("c" * 63)])
def test_a_dialogue_that_somebody_left_is_named_whatever_is_asked(wire, begun, remedy, steps):
    wire.send(begun)
    with pytest.raises(ConsoleError, match=remedy if begun != b"f" or steps is identify else "reset the board"):
        wire.talk(steps())


def test_a_question_of_another_dialogue_is_none_of_ours(wire):
    wire.send(b"wcafe\n")
    wire.firmware.air.clear()
    with pytest.raises(ConsoleError, match="reset the board"):
        wire.talk(identify())
    with pytest.raises(ConsoleError, match="it is in the middle of another dialogue; reset the board"):
        wire.talk(identify())


def test_a_wrong_answer_is_shown():
    with pytest.raises(ConsoleAnswerError, match="waited for a device id from the serial console; seen: 'hello world'"):
        script(identify(), b"hello ", b"world")


def test_wifi_is_configured_with_and_without_a_scan(make_wire):
    for air in ({}, {"home": (WifiSecurity.WPA2, WifiCipher.AES)}):
        wire = make_wire()
        wire.firmware.air = air
        wire.talk(configure_wifi(HOME))
        assert wire.firmware.saved == [HOME]
        assert wire.told[-2:] == [CredentialsSaved(HOME), LeaveListening()]


def test_nothing_is_typed_ahead(wire):
    wire.talk(configure_wifi(HOME))
    assert wire.sent == [b"w", b"home\n", b"3\n", b"1\n", b"secret pass\n"]


def test_a_network_that_is_named_like_a_question_confuses_nobody(wire):
    tricky = WifiCredentials("Password: ", "SSID: 12345")
    wire.talk(configure_wifi(tricky), one_by_one)
    assert wire.firmware.saved == [tricky]


@pytest.mark.parametrize(
    "credentials",
    [
        WifiCredentials("cafe", security=WifiSecurity.OPEN),
        WifiCredentials("old", "12345", WifiSecurity.WEP, WifiCipher.TKIP),
        WifiCredentials(
            "corp", "pass", WifiSecurity.WPA2_ENTERPRISE, WifiCipher.AES_TKIP, EapType.PEAP, "me", "anonymous", root_ca="CA\r\n"
        ),
        WifiCredentials(
            "corp",
            security=WifiSecurity.WPA_ENTERPRISE,
            eap=EapType.TLS,
            client_certificate="BEGIN\r\nabc\r\nEND\r\n",
            private_key="K\r\n",
        ),
    ],
    ids=lambda it: it.security.name,
)
@pytest.mark.parametrize("cut", [lambda data: [data], one_by_one], ids=["whole", "bytes"])
def test_every_kind_of_network_arrives_as_it_was_given(wire, credentials, cut):
    wire.talk(configure_wifi(credentials), cut)
    assert wire.firmware.saved == [credentials]


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=32)


@given(
    texts, texts, st.sampled_from([WifiSecurity.WEP, WifiSecurity.WPA, WifiSecurity.WPA2]), st.booleans(), st.randoms(use_true_random=False)
)
def test_a_dialogue_comes_to_the_same_in_whatever_pieces(make_wire, ssid, password, security, found, random):
    wire = make_wire()
    credentials = WifiCredentials(ssid, password, security)
    if found:
        wire.firmware.air[ssid] = (security, WifiCipher.AES)

    def cut(data):
        pieces = []
        while data:
            size = random.randint(1, len(data))
            pieces.append(data[:size])
            data = data[size:]
        return pieces

    wire.talk(configure_wifi(credentials), cut)
    assert wire.firmware.saved == [credentials]


def test_credentials_that_are_refused_are_shown_without_the_password(wire):
    wire.firmware.save_result = -4
    with pytest.raises(CredentialsRefused, match=r"Derp.*these were 'home' \(WPA2, AES, password \*{8}\)") as info:
        wire.talk(configure_wifi(HOME))
    assert "secret" not in str(info.value)


def test_a_password_that_is_missing_is_named(wire):
    wire.firmware.air["home"] = (WifiSecurity.WPA2, WifiCipher.AES)
    wire.firmware.save_result = -4
    with pytest.raises(CredentialsRefused, match="asks for a password, and there is none"):
        wire.talk(configure_wifi(WifiCredentials("home", security=WifiSecurity.OPEN)))


def test_an_enterprise_network_is_named(wire):
    wire.firmware.air["corp"] = (WifiSecurity.WPA2_ENTERPRISE, WifiCipher.AES)
    wire.firmware.save_result = 1
    with pytest.raises(CredentialsRefused, match="enterprise one, and the credentials are not"):
        wire.talk(configure_wifi(WifiCredentials("corp", "12345678")))


def test_a_question_that_comes_again_says_which_answer_was_not_taken():
    question = b"Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: "
    with pytest.raises(ConsoleError, match="did not take the answer to 'Security Cipher"):
        script(configure_wifi(HOME), b"SSID: ", b"home\r\n" + question, b"1\r\n" + question)


def test_a_board_that_stops_is_shown_with_what_it_said_last():
    with pytest.raises(ConsoleError, match="waited for what follows 'SSID:' from the serial console; seen: 'hmm'"):
        script(configure_wifi(HOME), b"SSID: ", b"home\r\n", b"hmm")


def test_no_error_shows_a_password():
    with pytest.raises(ConsoleError) as info:
        script(configure_wifi(HOME), b"SSID: ", b"home\r\nPassword: ", b"secret p")
    assert "secret" not in str(info.value)
    assert "secret" not in info.value.seen


def test_a_board_that_never_stops_talking_is_an_error():
    with pytest.raises(ConsoleError, match="talks without end"):
        script(configure_wifi(HOME), *[b"x" * 9000] * 10)


def test_other_output_before_a_question_does_no_harm():
    _, sent = script(
        configure_wifi(HOME),
        b"00001 [app] INFO: hello\r\nSSID: ",
        b"home\r\n0002 log\r\nPassword: ",
        b"secret pass\r\n",
        b"Particle <3 you!\r\n\r\n",
    )
    assert sent == [b"w", b"home\n", b"secret pass\n"]


def test_an_old_spark_ends_the_dialogue_too():
    script(configure_wifi(HOME), b"SSID: ", b"home\r\nPassword: ", b"secret pass\r\n    Spark <3 you!\r\n\r\n")


def test_a_claim_code_is_set(wire):
    wire.talk(set_claim_code("c" * 63), one_by_one)
    assert wire.firmware.claim_code == b"c" * 63


def test_a_claim_code_of_the_wrong_length_is_not_even_sent(wire):
    with pytest.raises(ValueError, match="63 characters, not 3"):
        wire.talk(set_claim_code("abc"))
    assert wire.sent == []


def test_a_claim_code_that_the_board_did_not_take_is_an_error():
    with pytest.raises(ConsoleError, match="Claim code unchanged"):
        script(
            set_claim_code("c" * 63),
            b"Enter 63-digit claim code: ",
            b"c" * 63 + b"\r\nSorry, claim code is not 63 characters long. Claim code unchanged.\r\n",
        )


@pytest.mark.parametrize(
    ("credentials", "text"),
    [
        (WifiCredentials("", "x"), "needs a name"),
        (WifiCredentials("s" * 33), "SSID has 33 bytes; the board takes at most 32"),
        (WifiCredentials("é" * 17), "SSID has 34 bytes"),
        (WifiCredentials("s", "p" * 65), "password has 65 bytes"),
        (WifiCredentials("s", "a\nb"), "password has a line break"),
        (WifiCredentials("s", security=WifiSecurity.WPA2_ENTERPRISE), "needs an EAP type"),
    ],
)
def test_credentials_that_no_console_could_take_are_refused_at_once(credentials, text):
    with pytest.raises(ValueError, match=text):
        script(configure_wifi(credentials))


@given(st.text())
def test_any_text_parses_or_is_an_answer_error(text):
    for parse in PARSERS:
        try:
            parse(text)
        except ConsoleAnswerError:
            continue


def test_deep_nesting_is_an_answer_error():
    with pytest.raises(ConsoleAnswerError):
        parse_object('{"a":' * 100_000)


def test_a_conversation_asks_for_bounded_waits():
    steps = identify()
    assert next(steps) == Write(b"i")
    assert steps.send(b"") == Read(5.0)
