"""The serial console of listening mode, over the USB end points, with a real board behind it."""

import contextlib
import json
import os
import random
import select
import shutil
import subprocess

import pytest

from emulator.factory import user_part
from particle_protocol.dct import DctField
from particle_protocol.identifiers import MacAddress
from particle_protocol.listening import CredentialsRefused, WifiCredentials, WifiSecurity
from particle_protocol.listening import dialogue as console
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.usb import Setup, StandardRequest
from particle_protocol.vitals import by_name
from particle_protocol.ymodem.blocks import encode_block, encode_file_header


@pytest.fixture
def board(bench):
    bench.lab.network.access_point("lab", "secret123")
    made = bench.board()
    bench.sleep(1)
    made.plug.function.control(Setup(0x00, StandardRequest.SET_CONFIGURATION, 1, 0, 0), b"")
    return made


def talk(bench, board, steps):
    """Run a host-side dialogue over the board's bulk end points."""
    answer = None
    try:
        while True:
            wanted = steps.send(answer)
            if isinstance(wanted, console.Write):
                board.plug.function.ep_out(0x01, wanted.data)
                answer = None
                continue
            waited = 0.0
            answer = board.plug.function.ep_in(0x81, 4096) if board.plug.function else None
            while answer is None and waited < wanted.seconds:
                bench.sleep(0.05)
                waited += 0.05
                answer = board.plug.function.ep_in(0x81, 4096)
            answer = answer or b""
    except StopIteration as stop:
        return stop.value


def test_the_letters_answer(bench, board):
    identity = talk(bench, board, console.identify())
    assert identity.device_id == board.device_id
    assert identity.serial_number == board.identity.serial_number
    assert talk(bench, board, console.system_version()) == "2.3.1"
    assert talk(bench, board, console.mac_address()).replace(":", "") == board.identity.mac.hex()
    assert talk(bench, board, console.is_claimed()) is False
    assert talk(bench, board, console.diagnostics())["cloud:stat"] == 0


def test_the_modules_are_told_as_to_the_cloud(bench, board):
    told = talk(bench, board, console.module_info())
    assert told["p"] == 6
    assert [(module["f"], module["n"], module["v"], module["vc"], module["vv"]) for module in told["m"]] == [
        ("b", "0", 1006, 30, 30),
        ("s", "1", 2302, 30, 30),
        ("s", "2", 2302, 30, 30),
        ("u", "1", 6, 30, 30),
    ]
    assert len(told["m"][3]["u"]) == 64
    assert json.dumps(told["m"][2]["d"]) == '[{"f": "s", "n": "1", "v": 2302}, {"f": "b", "n": "0", "v": 1003}]'


def test_wifi_credentials_lead_out_of_listening_mode_and_online(bench, board):
    talk(bench, board, console.configure_wifi(WifiCredentials("lab", "secret123")))
    assert [network.ssid for network in board.networks.all] == ["lab"]
    bench.sleep(0.2)
    assert board.led.describe() != "blinking dark blue"
    bench.sleep(3)
    assert board.firmware.interfaces.wifi.is_up


@pytest.mark.parametrize(("security", "password"), [(WifiSecurity.WEP, "12345"), (WifiSecurity.OPEN, "")])
def test_of_a_network_without_a_cipher_in_the_scan_the_cipher_is_asked_for(bench, board, security, password):
    """system_setup.cpp asks while no cipher is set, whether or not the network has one."""
    bench.lab.network.access_point("old", password, security=security)
    function = board.plug.function
    function.ep_out(0x01, b"wold\n")
    bench.sleep(2)
    assert function.ep_in(0x81, 4096) == b"SSID: old\r\nSecurity Cipher 1=AES, 2=TKIP, 3=AES+TKIP: "
    function.ep_out(0x01, b"1")
    bench.sleep(0.1)
    function.ep_out(0x01, b"\n")
    if password:
        assert function.ep_in(0x81, 4096).endswith(b"Password: ")
        function.ep_out(0x01, password.encode() + b"\n")
    bench.wait_led(board, "breathing cyan")
    assert [(each.ssid, each.security, each.password) for each in board.networks.all] == [("old", security, password)]


def test_a_network_out_of_reach_is_asked_for_in_full(bench, board):
    talk(bench, board, console.configure_wifi(WifiCredentials("elsewhere", "secret123", WifiSecurity.WPA2)))
    assert board.networks.all[0].ssid == "elsewhere"


def test_a_password_that_is_too_short_is_refused(bench, board):
    with pytest.raises(CredentialsRefused):
        talk(bench, board, console.configure_wifi(WifiCredentials("lab", "short")))
    assert board.networks.all == ()
    assert board.led.describe() == "blinking dark blue"


def test_a_claim_code_by_hand(bench, board):
    code = "a" * 63
    talk(bench, board, console.set_claim_code(code))
    assert board.settings.get(DctField.CLAIM_CODE) == code.encode()


def test_what_is_stored_need_not_be_text(bench, board):
    """Device OS stores the bytes that came, and the cloud gets them as they are."""
    code = b"c" * 62 + b"\xf5"
    board.plug.function.ep_out(0x01, b"C" + code + b"\n")
    assert board.settings.get(DctField.CLAIM_CODE) == code
    assert board.firmware.cloud.facts.gather().claim_code == code
    ssid, password = b"l\xf5b", b"pass\xf5word"
    for answer in (b"w", ssid + b"\n", b"3", b"\n", b"1", b"\n", password + b"\n"):
        board.plug.function.ep_out(0x01, answer)
        bench.sleep(4)
    (stored,) = board.networks.all
    assert [text.encode("utf-8", "surrogateescape") for text in (stored.ssid, stored.password)] == [ssid, password]
    bench.sleep(10)
    json.dumps(by_name(board.firmware.diagnostics()))


def test_an_update_by_ymodem_is_installed(bench, board):
    new = user_part(board.platform, "2.3.1", body=b"\x5a" * 9000)
    talk(bench, board, console.send_update("app.bin", new))
    assert board.led.describe() == "blinking dark blue"
    assert board.boots == 1
    said = None
    while said is None:
        bench.sleep(0.01)
        said = board.plug.function.ep_in(0x81, 4096)
    assert said == b"Restarting system to apply firmware update...\r\n"
    bench.sleep(2)
    assert board.boots == 2
    assert board.flash_named(external=False).read(0x080A0000, len(new)) == new
    assert board.firmware.reset_reason is ResetReason.UPDATE


@pytest.mark.tool("sb")
def test_a_program_for_serial_lines_updates_a_board(bench, board, tmp_path):
    program = shutil.which("sb")
    if program is None:
        pytest.skip("sb is not here: apt install lrzsz")
    new = user_part(board.platform, "2.3.1", body=b"\x5a" * 9000)
    (tmp_path / "app.bin").write_bytes(new)
    board.plug.function.ep_out(0x01, b"f")
    with subprocess.Popen(
        [program, "-k", "app.bin"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        while process.poll() is None:
            ready, _, _ = select.select([process.stdout], [], [], 0.2)
            came = os.read(process.stdout.fileno(), 4096) if ready else b""
            if came:
                board.plug.function.ep_out(0x01, came)
            else:
                bench.sleep(1)
            said = board.plug.function.ep_in(0x81, 4096) if board.boots == 1 else None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write((said or b"").replace(b"Waiting for the binary file to be sent ... (press 'a' to abort)\r\n", b""))
        assert process.returncode == 0
    bench.sleep(5)
    assert board.boots == 2
    assert board.flash_named(external=False).read(0x080A0000, len(new)) == new


def test_while_an_update_comes_the_led_says_so(bench, board):
    board.plug.function.ep_out(0x01, encode_file_header(b"app.bin", 5000))
    bench.sleep(0.1)
    assert board.led.describe() == "fast blinking magenta"
    board.plug.function.ep_out(0x01, b"\x18\x18")
    assert board.led.describe() == "blinking dark blue"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda image: image[:-1] + b"?", "Validation failed: 0x2"),
        (lambda image: b"no module at all", "Validation failed: 0x1e"),
        (lambda image: image + bytes(0x80000), "The file size is higher than the allowed space memory!"),
    ],
    ids=["a wrong CRC", "no module", "too large"],
)
def test_an_update_that_is_not_sound_is_refused_with_the_reason(bench, board, spoil, said):
    before = board.flash_named(external=False).read(0x080A0000, 0x20000)
    with pytest.raises(console.ConsoleError) as refused:
        talk(bench, board, console.send_update("app.bin", spoil(user_part(board.platform, "2.3.1"))))
    assert said in refused.value.seen
    bench.sleep(3)
    assert (board.boots, board.flash_named(external=False).read(0x080A0000, 0x20000)) == (1, before)
    assert talk(bench, board, console.is_claimed()) is False


def test_an_update_that_stops_in_the_middle_is_given_up(bench, board):
    board.plug.function.ep_out(0x01, b"f" + encode_file_header(b"app.bin", 5000) + encode_block(1, b"some"))
    bench.sleep(40)
    assert board.plug.function.ep_in(0x81, 4096).endswith(b"\x18\x18\x18\x18Failed to receive the file!\r\n")
    assert board.led.describe() == "blinking dark blue"
    assert not board.firmware.receiver.active


def test_leaving_listening_mode_ends_an_update(bench, board):
    board.plug.function.ep_out(0x01, encode_file_header(b"app.bin", 5000))
    assert board.firmware.receiver.active
    board.firmware.listening.leave()
    assert not board.firmware.receiver.active
    assert "magenta" not in board.led.describe()


@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_in_an_update_leaves_the_old_application(bench, board, seed):
    """The bootloader copies what was listed once it was whole, and lists it last."""
    new = user_part(board.platform, "2.3.1", body=b"\x5a" * 9000)
    old = board.flash_named(external=False).read(0x080A0000, 0x20000)
    board.plug.function.ep_out(0x01, encode_file_header(b"app.bin", len(new)))
    for number in range(1, 2 + 3 * seed):
        board.plug.function.ep_out(0x01, encode_block(number, new[1024 * (number - 1) : 1024 * number]))
    board.power_off()
    board.power_on()
    bench.sleep(2)
    assert board.flash_named(external=False).read(0x080A0000, 0x20000) == old


_TYPED = [bytes([letter]) for letter in b"Cwimvscdf31\n\r\x01\x03\x08\x18\xf5"] + [b"a" * 63, b"lab\n"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_typed_breaks_nothing(bench, board, seed):
    chance = random.Random(seed)
    for _ in range(150):
        if board.plug.function is not None:
            typed = chance.choice(_TYPED) if chance.random() < 0.8 else chance.randbytes(chance.randrange(1, 70))
            board.plug.function.control(Setup(0x00, StandardRequest.SET_CONFIGURATION, 1, 0, 0), b"")  # a reset forgets it
            board.plug.function.ep_out(0x01, typed)
            board.plug.function.ep_in(0x81, 4096)
        bench.sleep(chance.choice([0.0, 0.01, 2.0]))
    assert board.firmware is not None


def test_ctrl_c_ends_nothing(bench, board):
    """It is a character as any other: ignored outside of a dialogue, part of the line within."""
    function = board.plug.function
    function.ep_out(0x01, b"\x03\x03v")
    assert function.ep_in(0x81, 4096) == b"system firmware version: 2.3.1\n\r\n"
    function.ep_out(0x01, b"wca\x03fe\n")
    bench.sleep(4)
    assert function.ep_in(0x81, 4096).startswith(b"SSID: ca\x03fe\r\nSecurity")


@pytest.mark.parametrize("half", [b"w", b"wlab\n", b"C" + b"c" * 30, b"f"])
def test_half_a_dialogue_goes_on_with_whoever_comes_next_until_a_reset(bench, board, half):
    function = board.plug.function
    function.ep_out(0x01, half)
    bench.sleep(10)
    with pytest.raises(console.ConsoleError, match="reset the board"):
        talk(bench, board, console.identify())
    board.reset(ResetReason.USER)
    bench.wait_led(board, "breathing white")
    bench.wait_led(board, "blinking dark blue")
    board.plug.function.control(Setup(0x00, StandardRequest.SET_CONFIGURATION, 1, 0, 0), b"")
    assert talk(bench, board, console.identify()).device_id == board.device_id
    assert board.networks.all == ()


def test_x_leaves_listening_mode_and_comes_back_without_a_network(bench, board):
    board.plug.function.ep_out(0x01, b"x")
    assert board.led.describe() != "blinking dark blue"
    bench.wait_led(board, "blinking dark blue")


def test_capital_l_listens_again_after_a_reset_into_safe_mode(bench, board):
    talk(bench, board, console.configure_wifi(WifiCredentials("lab", "secret123")))
    bench.sleep(1)
    board.buttons.press_mode()
    bench.sleep(3.1)
    board.buttons.release_mode()
    board.plug.function.ep_out(0x01, b"L")
    bench.sleep(1)
    assert board.boots == 2
    assert board.firmware.safe_mode
    bench.wait_led(board, "blinking dark blue")


def test_outside_of_listening_mode_the_port_is_silent(bench, board):
    talk(bench, board, console.configure_wifi(WifiCredentials("lab", "secret123")))
    bench.sleep(1)
    while board.plug.function.ep_in(0x81, 4096):
        pass
    board.plug.function.ep_out(0x01, b"i")
    bench.sleep(1)
    assert board.plug.function.ep_in(0x81, 4096) is None


def test_what_was_sent_too_early_is_answered_when_listening_begins(bench):
    board = bench.board()
    while board.plug.function is None:
        bench.sleep(0.001)
    assert board.led.describe() != "blinking dark blue"
    board.plug.function.control(Setup(0x00, StandardRequest.SET_CONFIGURATION, 1, 0, 0), b"")
    board.plug.function.ep_out(0x01, b"i")
    assert board.plug.function.ep_in(0x81, 4096) is None
    bench.wait_led(board, "blinking dark blue")
    assert board.plug.function.ep_in(0x81, 4096).decode().startswith(f"Device ID: {board.device_id}")


def test_no_two_boards_have_the_address_of_one_radio(bench, monkeypatch):
    drawn = iter([MacAddress(b"\xe0\x4f\x43\0\0\x01")] * 3 + [MacAddress(b"\xe0\x4f\x43\0\0\x02")])
    monkeypatch.setattr("emulator.lab.make_mac_address", lambda *_: next(drawn))
    boards = [bench.board(mode="off") for _ in range(2)]
    assert [board.identity.mac[-1] for board in boards] == [1, 2]
