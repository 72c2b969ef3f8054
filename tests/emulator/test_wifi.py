"""Wi-Fi networks of every kind, near and far, as an eye sees boards join them or fail to, and as every scan lists them."""

import itertools
import json

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.device_os.wifi import scan
from emulator.network.access_points import AccessPoint, Admission, wep_key
from particle_protocol.control_requests.codes import RequestType
from particle_protocol.control_requests.generated import wifi_pb2
from particle_protocol.listening.wifi import SECURITIES, WifiSecurity, password_fault
from particle_protocol.softap import names

GREEN = 0x00FF00
PASSWORDS = {"open": "", "wep": "13 letters ok", "wpa": "secret123", "wpa2": "secret123"}


def shown(board):
    return [str(change.status) for change in board.led.timeline]


def on_the_way(bench, board, seconds):
    """What the LED showed, once the board had begun to look for its network, for so many seconds."""
    bench.wait_led(board, "blinking green")
    before = len(board.led.timeline)
    bench.sleep(seconds)
    return shown(board)[before - 1 :]


@pytest.mark.parametrize("kind", SECURITIES)
def test_a_network_of_every_kind_is_joined(bench, kind):
    bench.lab.network.access_point("lab", PASSWORDS[kind], security=SECURITIES[kind])
    board = bench.board(networks=[StoredNetwork("lab", SECURITIES[kind], PASSWORDS[kind])])
    bench.wait_led(board, "breathing cyan")


@pytest.mark.parametrize("kind", ["wpa", "wpa2"])
def test_with_a_wrong_password_it_blinks_green_for_ever(bench, kind):
    bench.lab.network.access_point("lab", PASSWORDS[kind], security=SECURITIES[kind])
    board = bench.board(networks=[StoredNetwork("lab", SECURITIES[kind], "secret124")])
    assert on_the_way(bench, board, 120) == ["blinking green"]
    spans = {after - time for (time, _), (after, _) in itertools.pairwise(bench.watch(board, 2)[1:])}
    assert spans == {100}
    assert board.firmware.interfaces.failure == "'lab' refused the password"


def test_with_a_wrong_wep_key_it_is_let_in_and_gets_no_address(bench):
    point = bench.lab.network.access_point("lab", PASSWORDS["wep"], security=WifiSecurity.WEP)
    board = bench.board(networks=[StoredNetwork("lab", WifiSecurity.WEP, "13 letters no")])
    bench.wait_led(board, "fast blinking green")
    begun = board.led.timeline[-1].time
    assert on_the_way(bench, board, 90)[:4] == ["blinking green", "fast blinking green"] * 2
    assert next(change.time for change in board.led.timeline if change.time > begun) - begun == pytest.approx(30.0)
    assert "gave no address" in board.firmware.interfaces.failure
    point.change_password("13 letters no")
    bench.wait_led(board, "breathing cyan", timeout=90)


def test_of_two_networks_the_one_that_gives_an_address_is_joined(bench):
    bench.lab.network.access_point("old", "12345", security=WifiSecurity.WEP)
    bench.lab.network.access_point("lab", "secret123")
    board = bench.board(networks=[StoredNetwork("old", 1, "54321"), StoredNetwork("lab", 3, "secret123")])
    bench.wait_led(board, "breathing cyan", timeout=60)
    assert board.firmware.interfaces.wifi.access_point.ssid == "lab"


@pytest.mark.parametrize(
    ("stored", "kind", "why"),
    [
        (StoredNetwork("lab", WifiSecurity.WPA, "secret123"), "wpa2", "is WPA2, and the board was told WPA"),
        (StoredNetwork("lab", WifiSecurity.OPEN), "wpa2", "needs a password, and the board has none"),
        (StoredNetwork("lab", WifiSecurity.WPA2, "secret123"), "open", "is open, and the board was told that it is not"),
    ],
)
def test_another_kind_of_network_than_it_was_told_does_not_let_it_in(bench, stored, kind, why):
    bench.lab.network.access_point("lab", PASSWORDS[kind], security=SECURITIES[kind])
    board = bench.board(networks=[stored])
    assert set(on_the_way(bench, board, 20)) == {"blinking green"}
    assert board.firmware.interfaces.failure == f"'lab' {why}"


def test_later_radios_ask_as_the_network_wants_it(bench):
    bench.lab.network.access_point("lab", "secret123", security=WifiSecurity.WPA)
    board = bench.board(platform="argon", os="6.2.0", networks=[StoredNetwork("lab", WifiSecurity.WPA2, "secret123")])
    bench.wait_led(board, "breathing cyan", timeout=60)


def test_a_network_that_goes_away_is_looked_for_until_it_is_back(bench):
    point = bench.lab.network.access_point("lab", "secret123")
    board = bench.board(networks=[StoredNetwork("lab", 3, "secret123")])
    bench.wait_led(board, "breathing cyan")
    before = len(board.led.timeline)
    point.switch_off()
    bench.sleep(300)
    assert shown(board)[before:] == ["blinking green"]
    point.switch_on()
    bench.wait_led(board, "breathing cyan")
    assert shown(board)[before:][:2] == ["blinking green", "fast blinking green"]


def test_the_weaker_the_signal_the_longer_it_takes_and_below_a_limit_there_is_none(bench):
    took = {}
    for rssi in (-60, -80, -88):
        point = bench.lab.network.access_point(f"at {rssi}", "secret123", rssi=rssi)
        boards = [bench.board(networks=[StoredNetwork(point.ssid, 3, "secret123")]) for _ in range(8)]
        begun = bench.lab.clock.now
        for board in boards:
            bench.wait_led(board, "breathing cyan", timeout=900)
        took[rssi] = bench.lab.clock.now - begun
    assert took[-80] == pytest.approx(took[-60], abs=0.5)
    assert took[-88] > 2 * took[-60]
    point = bench.lab.network.access_point("far away", "secret123", rssi=-91)
    board = bench.board(networks=[StoredNetwork("far away", 3, "secret123")])
    assert on_the_way(bench, board, 60) == ["blinking green"]
    assert "is on the air" in board.firmware.interfaces.failure
    point.set_signal(-60)
    bench.wait_led(board, "breathing cyan")


def test_a_board_that_is_carried_away_loses_the_network_and_finds_it_again(bench):
    point = bench.lab.network.access_point("lab", "secret123")
    board = bench.board(networks=[StoredNetwork("lab", 3, "secret123")])
    bench.wait_led(board, "breathing cyan")
    point.set_signal(-89)
    bench.sleep(5)
    assert board.led.describe() == "breathing cyan"
    assert point.link.air_loss == pytest.approx(0.54)
    point.set_signal(-95)
    bench.sleep(30)
    assert board.led.describe() == "blinking green"
    point.set_signal(-70)
    bench.wait_led(board, "breathing cyan")
    assert point.link.air_loss == 0


def test_a_modem_below_its_limit_has_no_cell(bench):
    board = bench.board(platform="electron")
    cell = bench.lab.network.cells[0]
    cell.set_signal(-114)
    bench.sleep(60)
    assert board.firmware.interfaces.failure == "no cell is on the air"


def test_a_hidden_network_is_joined_and_in_no_scan(bench):
    bench.lab.network.access_point("secret base", "secret123", hidden=True)
    board = bench.board(networks=[StoredNetwork("secret base", 3, "secret123")])
    bench.wait_led(board, "breathing cyan")
    assert scan(board) == []


def test_a_scan_by_phone_lists_what_is_in_reach_with_its_kind_channel_and_signal(bench):
    air = bench.lab.network
    air.access_point("cafe", rssi=-70, channel=1)
    air.access_point("old", "12345", security=WifiSecurity.WEP, channel=3, rssi=-90)
    air.access_point("older", "secret123", security=WifiSecurity.WPA, channel=6)
    air.access_point("home", "secret123", channel=11, rssi=-30)
    air.access_point("far away", "secret123", rssi=-91)
    air.access_point("hidden", "secret123", hidden=True)
    board = bench.board()
    bench.wait_led(board, "blinking dark blue")
    point = air.hosted[board.device_id]
    answers, said = [], bytearray()
    air.connect_on(point, (names.ADDRESS, names.TCP_PORT), answers.append, answers.append)
    bench.sleep(0.5)
    answers[0].on_data = said.extend
    answers[0].write(b"scan-ap\n0\n\n")
    bench.sleep(2)
    listed = [(each["ssid"], each["rssi"], each["sec"], each["ch"]) for each in json.loads(said)["scans"]]
    assert listed == [("cafe", -70, 0, 1), ("old", -90, 1, 3), ("older", -52, 0x00200004, 6), ("home", -30, 0x00400004, 11)]


def test_a_scan_by_request_lists_the_same(bench):
    air = bench.lab.network
    air.access_point("old", "12345", security=WifiSecurity.WEP, channel=3, rssi=-80)
    air.access_point("far away", "secret123", rssi=-91)
    board = bench.board(platform="argon", os="6.2.0")
    bench.sleep(1)
    reply = wifi_pb2.WifiScanNetworksReply.FromString(bench.request(board, RequestType.WIFI_SCAN_NETWORKS))
    assert [(each.ssid, each.security, each.channel, each.rssi) for each in reply.networks] == [("old", wifi_pb2.WEP, 3, -80)]


@pytest.mark.parametrize(
    ("security", "password", "admission"),
    [
        (WifiSecurity.WEP, "3132333435", Admission.JOINED),
        (WifiSecurity.WEP, "12345", Admission.JOINED),
        (WifiSecurity.WEP, "", Admission.UNREADABLE),
        (WifiSecurity.OPEN, "", Admission.REFUSED),
        (WifiSecurity.WPA2, "12345", Admission.REFUSED),
    ],
)
def test_a_wep_key_may_be_spelt_in_hexadecimal_digits(security, password, admission):
    assert AccessPoint("old", "12345", security=WifiSecurity.WEP).admit(security, password) is admission
    assert wep_key("3132333435") == b"12345"


@pytest.mark.parametrize(
    ("kind", "password", "fault"),
    [
        ("open", "x", "an open network has no password"),
        ("wep", "1234", "a WEP key of 4 bytes"),
        ("wep", "12345678zz", "a WEP key of 10 bytes"),
        ("wpa", "short", "a Wi-Fi password of 5 bytes"),
        ("wpa2", "x" * 64, "a Wi-Fi password of 64 bytes"),
        *((kind, password, "") for kind, password in PASSWORDS.items()),
        ("wep", "12345678ab", ""),
        ("wpa2", "ab" * 32, ""),
    ],
)
def test_which_passwords_a_network_can_have(kind, password, fault):
    assert password_fault(SECURITIES[kind], password).startswith(fault)
    assert bool(password_fault(SECURITIES[kind], password)) is bool(fault)
