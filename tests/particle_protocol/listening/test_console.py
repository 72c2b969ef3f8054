"""The board's end: every command's exact bytes, and what it tells the firmware."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from particle_protocol.listening import (
    ClaimCodeSet,
    ConsoleSettings,
    CredentialsSaved,
    EapType,
    LeaveListening,
    RestartForUpdate,
    RestartListening,
    ScanRequested,
    WifiCipher,
    WifiCredentials,
    WifiSecurity,
)
from particle_protocol.platforms import platform_by_name
from particle_protocol.ymodem.blocks import encode_block, encode_file_header

AWESOME = (
    b"Thanks! Wait while I save those credentials...\r\n\r\n"
    b"Awesome. Now we'll connect!\r\n\r\n"
    b"If you see a pulsing cyan light, your device \r\n"
    b"has connected to the Cloud and is ready to go!\r\n\r\n"
    b"If your LED flashes red or you encounter any other problems,\r\n"
    b"visit https://www.particle.io/support to debug.\r\n\r\n"
    b"    Particle <3 you!\r\n\r\n"
)
CODE = "A" * 62 + "z"
CIPHER_QUESTION = b"Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: "
SECURITY_QUESTION = b"Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2, 4=WPA Enterprise, 5=WPA2 Enterprise: "


def test_i_of_a_board_without_properties_is_one_line(wire):
    assert wire.send(b"i") == b"Your device id is 2d0032000f47343438323536\r\n"


def test_i_of_a_board_with_properties_lists_them(wire):
    wire.firmware.extra = [("ms", "ABCDEFGHIJKLMNO"), ("sn", "PH-123456789012"), ("imei", "359072060000000"), ("zz", "1")]
    assert wire.send(b"i") == (
        b"Device ID: 2d0032000f47343438323536\r\nDevice Secret: ABCDEFGHIJKLMNO\r\nSerial Number: PH-123456789012\r\n"
        b"IMEI: 359072060000000\r\nzz: 1\r\n"
    )


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"m", b"Your device MAC address is\r\n44:39:c4:01:0a:ff\r\n"),
        (b"v", b"system firmware version: 2.3.1\n\r\n"),
        (b"s", b'{"p":6,"m":[{"s":16384,"l":"m","vc":30,"vv":30,"f":"b","n":"0","v":1006,"d":[]}]}\r\n'),
        (b"d", b'{"sys:uptime":5,"net:stat":{"err":-210}}\r\n'),
        (b"c", b"Device claimed: no\r\n"),
    ],
)
def test_a_question_has_its_exact_answer(wire, command, answer):
    assert wire.send(command) == answer


def test_c_of_a_board_that_was_claimed_is_yes(wire):
    wire.firmware.claimed = True
    assert wire.send(b"c") == b"Device claimed: yes\r\n"


def test_a_claim_code_of_63_characters_is_stored(wire):
    assert wire.send(b"C") == b"Enter 63-digit claim code: "
    assert wire.send(CODE.encode() + b"\n") == CODE.encode() + b"\r\nClaim code set to: " + CODE.encode() + b"\r\n"
    assert wire.firmware.claim_code == CODE.encode()
    assert wire.told == [ClaimCodeSet(CODE.encode())]


def test_a_claim_code_is_stored_as_the_bytes_it_came_as(wire):
    code = b"c" * 62 + b"\xf5"  # no UTF-8 has this byte
    wire.send(b"C")
    assert wire.send(code + b"\n") == code + b"\r\nClaim code set to: " + code + b"\r\n"
    assert wire.firmware.claim_code == code


def test_what_the_board_says_of_itself_may_be_any_text(wire):
    wire.firmware.extra = [("sn", "M\u00fcller"), ("ms", "\udcf5")]
    assert b"Serial Number: M\xc3\xbcller\r\nDevice Secret: \xf5\r\n" in wire.send(b"i")


def test_a_claim_code_of_another_length_is_not(wire):
    wire.send(b"C")
    assert wire.send(b"abc\r") == b"abc\r\nSorry, claim code is not 63 characters long. Claim code unchanged.\r\n"
    assert wire.firmware.claim_code is None
    assert wire.told == []


def test_x_ends_listening_and_nothing_after_it_is_heard(wire):
    assert wire.send(b"xi") == b""
    assert wire.told == [LeaveListening()]
    assert wire.send(b"i") == b""


def test_capital_l_restarts_into_listening(wire):
    assert wire.send(b"L") == b""
    assert wire.told == [RestartListening()]


def test_unknown_commands_are_ignored(wire):
    assert wire.send(bytes(set(range(256)) - set(b"imsvcCdfxLw") - {1, 2})) == b""
    assert wire.told == []


WAITING = b"Waiting for the binary file to be sent ... (press 'a' to abort)\r\n"
CANCELLED = b"\x18" * 4


def test_f_waits_for_a_file_and_a_ends_that(wire):
    assert wire.send(b"f") == WAITING
    assert wire.send(b"ai") == CANCELLED + b"Aborted by user.\r\nYour device id is 2d0032000f47343438323536\r\n"
    assert wire.told == []


@pytest.mark.parametrize("ways", ["by itself", "after f"])
def test_a_file_is_received_judged_and_restarted_for(wire, ways):
    """A file of 1030 bytes in the blocks that a host sends: one of 128 bytes with its name, one of 1024, one of 128."""
    content = bytes(range(256)) * 4 + b"at end"
    if ways == "after f":
        assert wire.send(b"f") == WAITING
    header = encode_file_header(b"app.bin", len(content))
    assert len(header) == 133
    assert wire.send(header) == b"\x06C"
    assert wire.firmware.room == len(content)
    assert wire.send(encode_block(1, content[:1024])) == b"\x06"
    assert wire.send(encode_block(2, content[1024:])) == b"\x06"
    assert wire.send(b"\x04") == b"\x06"
    said = wire.send(encode_block(0, b"", b"\0"))
    assert said == b"\x06\r\nDownloaded file successfully!\r\nName: app.bin\r\nSize: 1030 bytes\r\n"
    assert wire.firmware.file[:1030] == content
    assert wire.firmware.file[1030:] == b"\x1a" * 122
    due = wire.console.deadline()
    assert due == pytest.approx(1.0)
    wire.console.handle_timer(due)
    assert wire.console.data_to_send() == b"Restarting system to apply firmware update...\r\n"
    assert wire.console.events() == []
    wire.console.handle_timer(due + 0.1)
    assert wire.console.events() == [RestartForUpdate()]
    assert wire.send(b"i") == b""


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ({"capacity": 5}, CANCELLED + b"The file size is higher than the allowed space memory!\r\n"),
        ({"saves": False}, b"\x06C" + CANCELLED + b"Failed to save chunk!\r\n"),
        ({"failed": 0x2}, b"\x06C\x06\x06\x18\x18Validation failed: 0x2\r\n"),
    ],
    ids=["no room", "not saved", "not sound"],
)
def test_a_file_that_is_refused_ends_the_transfer_with_the_reason(wire, refusal, said):
    vars(wire.firmware).update(refusal)
    blocks = [encode_file_header(b"app.bin", 100), encode_block(1, b"a" * 100), b"\x04", encode_block(0, b"", b"\0")]
    heard = b""
    for block in blocks:
        if b"\x18" not in heard:
            heard += wire.send(block)
    assert heard == said
    assert wire.told == []
    assert wire.send(b"c") == b"Device claimed: no\r\n"


def test_a_transfer_that_does_not_come_about_is_given_up(wire):
    wire.send(b"f")
    now, said = 0.0, b""
    while wire.console.asking:
        now = wire.console.deadline()
        wire.console.handle_timer(now)
        said += wire.console.data_to_send()
    assert said == b"C" * 6 + CANCELLED + b"Failed to receive the file!\r\n"
    assert now == pytest.approx(30)


def test_an_update_that_is_cut_off_by_the_end_of_listening_is_forgotten(wire):
    wire.send(b"f")
    wire.send(encode_file_header(b"app.bin", 100))
    wire.send(b"\x18\x18")
    assert wire.firmware.cancelled == 1


def test_f_of_a_new_device_os_refuses_after_a_moment(make_wire):
    wire = make_wire(ConsoleSettings(ymodem=False))
    wire.console.receive(b"f", now=7.0)
    assert wire.console.data_to_send() == b"Waiting for the binary file to be sent ... (press 'a' to abort)\r\n"
    assert wire.console.deadline() == pytest.approx(7.1)
    wire.console.handle_timer(7.05)
    assert wire.console.data_to_send() == b""
    wire.console.handle_timer(7.1)
    assert wire.console.data_to_send() == b"\x18\x18\x18\x18Serial/YModem flashing is no longer supported\r\n"
    assert wire.console.deadline() is None
    assert wire.send(b"\x01c") == b"Device claimed: no\r\n"


def test_w_asks_all_it_must_when_the_scan_finds_nothing(wire):
    assert wire.send(b"w") == b"SSID: "
    assert wire.send(b"home\n") == b"home\r\n" + SECURITY_QUESTION
    assert wire.told == [ScanRequested("home")]
    assert wire.send(b"3\n") == b"3\r\n" + CIPHER_QUESTION
    assert wire.send(b"1\n") == b"1\r\nPassword: "
    assert wire.send(b"secret pass\n") == b"secret pass\r\n" + AWESOME
    saved = WifiCredentials("home", "secret pass", WifiSecurity.WPA2, WifiCipher.AES)
    assert wire.firmware.saved == [saved]
    assert wire.told[1:] == [CredentialsSaved(saved), LeaveListening()]


def test_w_asks_for_the_password_only_when_the_scan_finds_the_network(wire):
    wire.firmware.air["home"] = (WifiSecurity.WPA, WifiCipher.TKIP)
    wire.send(b"w")
    assert wire.send(b"home\n") == b"home\r\nPassword: "
    assert wire.send(b"12345678\n").endswith(AWESOME)
    assert wire.firmware.saved == [WifiCredentials("home", "12345678", WifiSecurity.WPA, WifiCipher.TKIP)]


def test_the_dry_run_may_ask_for_the_cipher(wire):
    wire.firmware.air["home"] = (WifiSecurity.WPA2, WifiCipher.AES)
    wire.firmware.check_result = -2
    wire.send(b"w")
    assert wire.send(b"home\n") == b"home\r\n" + CIPHER_QUESTION
    assert wire.firmware.tried == [WifiCredentials("home", "1", WifiSecurity.WPA2, WifiCipher.AES)]


def test_an_open_network_needs_no_password_but_a_cipher_all_the_same(wire):
    wire.firmware.air["cafe"] = (WifiSecurity.OPEN, WifiCipher.NOT_SET)
    wire.send(b"w")
    assert wire.send(b"cafe\n") == b"cafe\r\n" + CIPHER_QUESTION
    assert wire.send(b"1\n") == b"1\r\n" + AWESOME
    assert wire.firmware.tried[0].password == ""


def test_questions_repeat_until_the_answer_is_in_range(wire):
    wire.send(b"w")
    assert wire.send(b"\n") == b"\r\nSSID: "
    wire.send(b"home\n")
    for wrong in (b"6\n", b"\n", b"x\n"):
        assert wire.send(wrong).endswith(SECURITY_QUESTION)
    wire.send(b"3\n")
    for wrong in (b"0\n", b"4\n", b"\n"):
        assert wire.send(wrong).endswith(CIPHER_QUESTION)


def test_what_is_typed_ahead_of_a_line_end_is_lost(wire):
    wire.send(b"w")
    assert wire.send(b"home\r\n3\r\n1\r\n") == b"home\r\n" + SECURITY_QUESTION
    assert wire.send(b"3\r") == b"3\r\n" + CIPHER_QUESTION
    assert wire.send(b"\n") == b"\r\n" + CIPHER_QUESTION


def test_bytes_that_come_during_the_scan_wait_for_the_next_question(wire):
    console = wire.console
    console.receive(b"w")
    console.receive(b"home\n")
    console.receive(b"3\n")
    assert console.data_to_send() == b"SSID: home\r\n"
    console.scan_done()
    assert console.data_to_send() == SECURITY_QUESTION + b"3\r\n" + CIPHER_QUESTION


def test_a_scan_that_nobody_asked_for_is_ignored(wire):
    wire.console.scan_done(WifiSecurity.WPA2, WifiCipher.AES)
    assert wire.console.data_to_send() == b""


def test_credentials_that_cannot_be_saved_keep_the_board_listening(wire):
    wire.firmware.save_result = -4
    wire.firmware.air["home"] = (WifiSecurity.WPA2, WifiCipher.AES)
    wire.send(b"w")
    wire.send(b"home\n")
    assert wire.send(b"hi\n") == (
        b"hi\r\nThanks! Wait while I save those credentials...\r\n\r\nDerp. Sorry, we couldn't save the credentials.\r\n\r\n"
    )
    assert LeaveListening() not in wire.told
    assert wire.send(b"c") == b"Device claimed: no\r\n"


def test_peap_asks_for_a_user_and_a_password(wire):
    wire.firmware.air["corp"] = (WifiSecurity.WPA2_ENTERPRISE, WifiCipher.AES)
    wire.send(b"w")
    assert wire.send(b"corp\n") == b"corp\r\nEAP Type 0=PEAP/MSCHAPv2, 1=EAP-TLS: "
    assert wire.send(b"2\n") == b"2\r\nEAP Type 0=PEAP/MSCHAPv2, 1=EAP-TLS: "
    assert wire.send(b"0\n") == b"0\r\nUsername: "
    assert wire.send(b"me\n") == b"me\r\nPassword: "
    assert wire.send(b"secret\n") == b"secret\r\nOuter identity (optional): "
    assert wire.send(b"\n") == b"\r\nRoot CA in PEM format (optional):\r\n"
    assert wire.send(b"\n") == b"\r\n" + AWESOME
    (saved,) = wire.firmware.saved
    assert (saved.eap, saved.identity, saved.password, saved.outer_identity, saved.root_ca) == (EapType.PEAP, "me", "secret", "", "")


def test_eap_tls_takes_texts_of_several_lines(wire):
    wire.firmware.air["corp"] = (WifiSecurity.WPA_ENTERPRISE, WifiCipher.TKIP)
    wire.send(b"w")
    wire.send(b"corp\n")
    assert wire.send(b"1\n") == b"1\r\nClient certificate in PEM format:\r\n"
    assert wire.send(b"BEGIN\nabc\nEND\n") == b"BEGIN\r\nabc\r\nEND\r\n"
    assert wire.send(b"\n") == b"\r\nPrivate key in PEM format:\r\n"
    assert wire.send(b"KEY\n\n") == b"KEY\r\n\r\nOuter identity (optional): "
    assert wire.send(b"anonymous\n") == b"anonymous\r\nRoot CA in PEM format (optional):\r\n"
    assert wire.send(b"CA\n\n") == b"CA\r\n\r\n" + AWESOME
    (saved,) = wire.firmware.saved
    assert saved.client_certificate == "BEGIN\r\nabc\r\nEND\r\n"
    assert (saved.private_key, saved.outer_identity, saved.root_ca) == ("KEY\r\n", "anonymous", "CA\r\n")


def test_a_text_of_several_lines_ends_by_itself_when_there_is_no_more_room(wire):
    wire.firmware.air["corp"] = (WifiSecurity.WPA_ENTERPRISE, WifiCipher.TKIP)
    for piece in (b"w", b"corp\n", b"1\n", b"\n"):
        wire.send(piece)
    assert wire.send(b"k" * 2046 + b"\nmore").endswith(b"k\r\nOuter identity (optional): ")


@pytest.mark.parametrize(
    ("platform", "version", "expected"),
    [
        ("photon", (2, 3, 1), ConsoleSettings(wifi=True, enterprise=True, wpa3=False, ymodem=True)),
        ("p1", (0, 7, 0), ConsoleSettings(wifi=True, enterprise=True, wpa3=False, ymodem=True)),
        ("electron", (2, 3, 1), ConsoleSettings(wifi=False, enterprise=False, wpa3=False, ymodem=True)),
        ("argon", (4, 0, 0), ConsoleSettings(wifi=True, enterprise=False, wpa3=False, ymodem=False)),
        ("p2", (6, 2, 0), ConsoleSettings(wifi=True, enterprise=False, wpa3=True, ymodem=False)),
        ("boron", (6, 2, 0), ConsoleSettings(wifi=False, enterprise=False, wpa3=False, ymodem=False)),
    ],
)
def test_platform_and_version_decide_what_the_console_offers(platform, version, expected):
    assert ConsoleSettings.of(platform_by_name(platform), version) == expected


def test_a_board_without_wifi_has_no_w(make_wire):
    assert make_wire(ConsoleSettings(wifi=False)).send(b"w") == b""


def test_a_platform_without_enterprise_offers_and_takes_less(make_wire):
    wire = make_wire(ConsoleSettings(enterprise=False))
    wire.send(b"w")
    assert wire.send(b"home\n") == b"home\r\nSecurity 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: "
    assert wire.send(b"4\n").endswith(b"3=WPA2: ")
    assert wire.send(b"6\n").endswith(b"3=WPA2: ")


def test_wpa3_is_taken_though_it_is_not_offered(make_wire):
    wire = make_wire(ConsoleSettings(enterprise=False, wpa3=True))
    for piece in (b"w", b"home\n", b"6\n", b"1\n"):
        said = wire.send(piece)
    assert said == b"1\r\nPassword: "
    wire.send(b"12345678\n")
    assert wire.firmware.saved[0].security is WifiSecurity.WPA3


def test_a_console_in_the_middle_of_a_dialogue_can_be_copied(wire):
    wire.send(b"w")
    wire.send(b"home\n")
    twin = copy.deepcopy(wire)
    assert twin.send(b"3\n") == wire.send(b"3\n")
    twin.send(b"1\n")
    twin.send(b"12345678\n")
    assert len(twin.firmware.saved) == 1
    assert wire.firmware.saved == []
    assert wire.console.asking
    assert not twin.console.asking


@given(st.lists(st.binary(min_size=1, max_size=12)), st.booleans(), st.booleans())
def test_random_bytes_never_break_the_console(make_wire, pieces, found, chance):
    wire = make_wire()
    if found:
        wire.firmware.air = {"": (WifiSecurity.WPA2, WifiCipher.AES)}
    for piece in [*pieces, b"w", b"a\n", b"9\n"]:
        wire.send(piece)
        due = wire.console.deadline()
        if due is not None and chance:
            wire.console.handle_timer(due)


@given(st.text(st.characters(exclude_characters="\r\n\0\x08\x7f"), min_size=1, max_size=10))
def test_any_network_name_survives(make_wire, name):
    wire = make_wire()
    name = name.encode("utf-8", "ignore").decode()
    if 0 < len(name.encode()) <= 32:
        wire.send(b"w")
        wire.send(name.encode() + b"\n")
        assert wire.told == [ScanRequested(name)]
