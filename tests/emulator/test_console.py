"""The serial console of listening mode, over the USB end points, with a real board behind it."""

import json

import pytest

from particle_protocol.dct import DctField
from particle_protocol.listening import CredentialsRefused, WifiCredentials, WifiSecurity
from particle_protocol.listening import dialogue as console
from particle_protocol.usb import Setup, StandardRequest


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
    assert [network.ssid for network in board.settings.networks] == ["lab"]
    bench.sleep(0.2)
    assert board.led.describe() != "blinking dark blue"
    bench.sleep(3)
    assert board.firmware.wifi.is_up


def test_a_network_out_of_reach_is_asked_for_in_full(bench, board):
    talk(bench, board, console.configure_wifi(WifiCredentials("elsewhere", "secret123", WifiSecurity.WPA2)))
    assert board.settings.networks[0].ssid == "elsewhere"


def test_a_password_that_is_too_short_is_refused(bench, board):
    with pytest.raises(CredentialsRefused):
        talk(bench, board, console.configure_wifi(WifiCredentials("lab", "short")))
    assert board.settings.networks == ()
    assert board.led.describe() == "blinking dark blue"


def test_a_claim_code_by_hand(bench, board):
    code = "a" * 63
    talk(bench, board, console.set_claim_code(code))
    assert board.settings.get(DctField.CLAIM_CODE) == code.encode()


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
