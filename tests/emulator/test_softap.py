"""SoftAP with a real board behind it: phones in the Lab's air join its network, and set it up."""

import pytest

from emulator.board.flash import CutPhase
from emulator.board.stored_networks import StoredNetwork
from emulator.device_os.application import Application
from emulator.network import CannotJoin, Station
from particle_protocol.dct import DctField
from particle_protocol.lightssl import DeviceKey
from particle_protocol.listening.wifi import EapType, WifiCipher, WifiCredentials, WifiSecurity
from particle_protocol.softap import Exchange, SetupPage, SoftApError, client, names

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
CODE = "C" * 63


class Phone:
    """A phone near the Lab's boards, with a set-up app on it."""

    def __init__(self, bench):
        self.bench = bench
        self.station = Station(bench.lab.network)

    def join(self, board):
        self.station.join(bench_name(board))
        return self

    def connect(self, port=names.TCP_PORT):
        """A connection to the board: what came is in `received`, why it ended in `ended`."""
        outcome = []
        self.station.connect((names.ADDRESS, port), lambda stream: outcome.append(Connection(stream)), outcome.append)
        self.bench.sleep(2)
        (made,) = outcome
        return made

    def ask(self, call, *, over_http=False, seconds=3.0):
        exchange = Exchange(call, over_http)
        connection = self.connect(exchange.port)
        connection.stream.write(exchange.request)
        self.bench.sleep(seconds)
        assert connection.ended, f"{call.name} is not over"
        exchange.receive(connection.received)
        return exchange.result()

    def configure(self, credentials, **more):
        self.ask(client.configure(credentials, self.ask(client.public_key())), **more)


class Connection:
    def __init__(self, stream):
        self.stream = stream
        self.received = b""
        self.ended = ""
        stream.on_data = self._data
        stream.on_closed = self._closed

    def _data(self, data):
        self.received += data

    def _closed(self, reason):
        self.ended = reason


def bench_name(board):
    return board.network.hosted[board.device_id].ssid


@pytest.fixture(params=["photon", "p1"])
def board(bench, request):
    bench.lab.network.access_point("lab", "secret123", channel=1, rssi=-40)
    made = bench.board(platform=request.param)
    bench.sleep(1)
    return made


@pytest.fixture
def phone(bench, board):
    return Phone(bench).join(board)


def listens(board):
    return board.led.describe() == "blinking dark blue"


def test_a_listening_board_opens_a_network_of_its_name(bench, board, phone):
    point = phone.station.point
    code = board.settings.get(DctField.DEVICE_CODE).decode()
    assert (point.ssid, point.channel, point.security) == (f"Photon-{code}", 11, WifiSecurity.OPEN)
    assert names.may_be_a_board(point.ssid)
    assert phone.ask(client.device_info()) == client.DeviceInfo(board.device_id, claimed=False)
    assert phone.ask(client.version(), over_http=True) == 2


def test_what_the_dct_lacks_of_the_name_is_made_up_once(bench, board, phone):
    board.settings.write(DctField.SSID_PREFIX.offset, b"\xff" * 26)
    board.settings.write(DctField.DEVICE_CODE.offset, b"\xff" * 6)
    board.power_off()
    assert phone.station.point is None, "its network is gone"
    board.power_on()
    bench.sleep(2)
    name = bench_name(board)
    assert name.startswith("Photon-")
    assert names.may_be_a_board(name)
    assert board.settings.get(DctField.SSID_PREFIX)[:7] == b"\x06Photon"
    board.power_off()
    board.power_on()
    bench.sleep(2)
    assert bench_name(board) == name


@pytest.mark.parametrize(("os", "length"), [("0.4.0", 4), ("0.6.3", 4), ("0.7.0", 6)])
def test_a_code_of_an_old_release_is_short_and_stays_so(bench, os, length):
    board = bench.board(os=os)
    bench.wait_led(board, "blinking dark blue")
    name = bench_name(board)
    assert len(name) == len("Photon-") + length
    assert names.may_be_a_board(name)
    board.power_off()
    board.power_on()
    bench.sleep(2)
    assert bench_name(board) == name


def test_other_boards_have_no_such_network(bench):
    bench.board(platform="electron")
    bench.sleep(2)
    assert bench.lab.network.hosted == {}


def test_a_phone_sets_a_board_up_and_it_joins(bench, board, phone):
    assert [each.ssid for each in phone.ask(client.scan())] == [b"lab"]
    phone.ask(client.set_claim_code(CODE))
    phone.configure(WifiCredentials("lab", "secret123", cipher=WifiCipher.AES))
    assert listens(board), "not before it is told"
    phone.ask(client.connect())
    assert (phone.station.point, bench.lab.network.hosted) == (None, {})
    bench.sleep(5)
    assert board.firmware.interfaces.wifi.is_up
    assert board.networks.all == (StoredNetwork("lab", WifiSecurity.WPA2, "secret123", WifiCipher.AES),)
    assert board.settings.get(DctField.CLAIM_CODE) == CODE.encode()


@pytest.mark.parametrize("over_http", [False, True])
def test_connect_is_answered_before_the_network_goes(bench, board, phone, over_http):
    phone.configure(WifiCredentials("lab", "secret123"), over_http=over_http)
    phone.ask(client.connect(), over_http=over_http)
    bench.sleep(5)
    assert board.firmware.interfaces.wifi.is_up


def test_with_a_wrong_password_the_board_listens_again(bench, board, phone):
    phone.configure(WifiCredentials("lab", "not the one"))
    phone.ask(client.connect(), seconds=0.5)
    assert not listens(board)
    bench.sleep(10)
    assert listens(board)
    phone.join(board).configure(WifiCredentials("lab", "secret123"))
    phone.ask(client.connect())
    bench.sleep(5)
    assert board.firmware.interfaces.wifi.is_up
    assert len(board.networks.all) == 1


def test_a_board_that_was_online_goes_on_trying_when_its_network_is_lost(bench, board, phone):
    phone.configure(WifiCredentials("lab", "secret123"))
    phone.ask(client.connect())
    bench.sleep(5)
    bench.lab.network.access_points[0].switch_off()
    bench.sleep(30)
    assert not listens(board)


@pytest.mark.parametrize(
    ("credentials", "result"),
    [
        (WifiCredentials("lab", "short"), -4),
        (WifiCredentials("elsewhere", "secret123"), -2),
        (WifiCredentials("wep", "1234", WifiSecurity.WEP), -4),
        (WifiCredentials("corp", "1", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.PEAP), 1),
        (WifiCredentials("corp", "", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.TLS, client_certificate=PEM), 1),
    ],
)
@pytest.mark.parametrize("over_http", [False, True])
def test_credentials_that_the_board_does_not_take_have_their_numbers(bench, board, phone, credentials, result, over_http):
    bench.lab.network.access_point("corp", "x", security=WifiSecurity.WPA2_ENTERPRISE)
    with pytest.raises(SoftApError) as caught:
        phone.configure(credentials, over_http=over_http)
    assert caught.value.result == result
    assert board.networks.all == ()
    assert board.enterprise.stored is None


@pytest.mark.parametrize(("ssid", "result"), [("", -3), ("x" * 33, -3)])
def test_a_name_of_no_network_has_its_number(bench, board, phone, ssid, result):
    connection = phone.connect()
    body = f'{{"ssid":"{ssid}","sec":0}}'
    connection.stream.write(f"configure-ap\n{len(body)}\n\n{body}".encode())
    bench.sleep(2)
    assert connection.received == b'\n\n{"r":%d}' % result


def test_security_is_taken_from_the_network_that_is_heard(bench, board, phone):
    bench.lab.network.access_point("old", "secret123", security=WifiSecurity.WPA, cipher=WifiCipher.TKIP)
    phone.configure(WifiCredentials("old", "secret123", WifiSecurity.WPA2, WifiCipher.AES))
    assert board.networks.all[0] == StoredNetwork("old", WifiSecurity.WPA, "secret123", WifiCipher.TKIP)


def test_open_and_hidden_networks(bench, board, phone):
    bench.lab.network.access_point("cafe")
    bench.lab.network.access_point("secret", "secret123", hidden=True)
    phone.configure(WifiCredentials("cafe", security=WifiSecurity.OPEN))
    with pytest.raises(SoftApError, match="-2"):
        phone.configure(WifiCredentials("secret", "secret123"))
    assert b"secret" not in {each.ssid for each in phone.ask(client.scan())}
    assert [network.ssid for network in board.networks.all] == ["cafe"]


@pytest.mark.parametrize(
    "credentials",
    [
        WifiCredentials(
            "corp", "hunter22", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.PEAP, identity="ann", outer_identity="o", root_ca=PEM
        ),
        WifiCredentials("corp", "1", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.TLS, client_certificate=PEM, private_key=PEM * 20),
    ],
)
def test_enterprise_credentials_are_kept_and_the_network_is_not_joined_for_a_reason(bench, board, phone, credentials):
    bench.lab.network.access_point("corp", "hunter22", security=WifiSecurity.WPA2_ENTERPRISE)
    phone.configure(credentials)
    board.power_off()
    board.power_on()
    bench.sleep(1)
    kept = board.enterprise.stored
    for field in ("eap", "identity", "outer_identity", "client_certificate", "root_ca", "password"):
        assert getattr(kept, field) == getattr(credentials, field)
    assert kept.private_key.startswith(credentials.private_key)
    assert board.networks.all[0].security == WifiSecurity.WPA2_ENTERPRISE
    bench.sleep(20)
    wifi = board.firmware.interfaces.wifi
    assert not wifi.is_up
    assert wifi.failure == "'corp' is an enterprise network (802.1X), for which there is no authentication server here"
    with pytest.raises(CannotJoin, match="enterprise"):
        phone.station.join("corp", "hunter22")
    wifi.clear_credentials()
    assert (board.enterprise.stored, board.networks.all) == (None, ())


def test_a_board_joins_its_second_network_where_the_first_one_refuses_it(bench, board, phone):
    bench.lab.network.access_point("corp", "x", security=WifiSecurity.WPA2_ENTERPRISE)
    phone.configure(WifiCredentials("lab", "secret123"))
    phone.configure(WifiCredentials("corp", "hunter22", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.PEAP, identity="ann"))
    assert [network.ssid for network in board.networks.all] == ["corp", "lab"]
    phone.ask(client.connect())
    bench.sleep(15)
    assert board.firmware.interfaces.wifi.is_up


class WithPages(Application):
    def setup_page(self, path, body):
        return SetupPage(f"{path} {body.decode()}") if path == "/lamp" else None


def test_an_application_has_pages_of_its_own(bench):
    bench.lab.applications["pages"] = WithPages
    board = bench.board(application="pages")
    bench.wait_led(board, "blinking dark blue")
    phone = Phone(bench)
    phone.join(board)
    answers = {}
    for path, more in (("/lamp", b"Content-Length: 3\r\n\r\nred"), ("/other", b"\r\n")):
        connection = phone.connect(names.HTTP_PORT)
        connection.stream.write(f"POST {path} HTTP/1.1\r\n".encode() + more)
        bench.sleep(0.5)
        answers[path] = connection.received
    assert answers["/lamp"].endswith(b"\r\n\r\n9\r\n/lamp red\r\n0\r\n\r\n")
    assert answers["/other"].startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_the_antenna_that_was_chosen_is_in_the_dct(bench, board, phone):
    for name, byte in (("external", 1), ("internal", 0)):
        connection = phone.connect()
        connection.stream.write(f"ant-{name}\n0\n\n".encode())
        bench.sleep(0.5)
        assert (connection.received, board.settings.get(DctField.ANTENNA)) == (b"", bytes((byte,)))


def test_two_listening_boards_hear_each_other_and_have_the_same_address(bench, board, phone):
    other = bench.board(platform="photon")
    bench.sleep(1)
    second = Phone(bench).join(other)
    assert {each.ssid for each in phone.ask(client.scan())} == {b"lab", bench_name(other).encode()}
    assert phone.ask(client.device_info()).device_id == board.device_id
    assert second.ask(client.device_info()).device_id == other.device_id


def test_a_phone_elsewhere_does_not_reach_the_board(bench, board):
    phone = Phone(bench)
    assert phone.connect() == "it is joined to no Wi-Fi network"
    phone.station.join("lab", "secret123")
    assert "refused the connection" in phone.connect()
    with pytest.raises(CannotJoin, match="refused the password"):
        phone.station.join("lab", "wrong")
    with pytest.raises(CannotJoin, match="there is no network 'nowhere' in the air; in the air: 'lab', 'Photon-"):
        phone.station.join("nowhere")


def test_the_boards_network_leads_nowhere_else(bench, board, phone):
    failed = []
    phone.station.connect(("device.spark.io", 5683), failed.append, failed.append)
    bench.sleep(3)
    assert "unreachable" in failed[0]
    assert "unreachable" in phone.connect(443)


def test_a_sixth_client_is_turned_away_and_half_a_request_makes_others_wait(bench, board, phone):
    half = phone.connect()
    half.stream.write(b"device-id\n0\n")
    bench.sleep(1)
    others = [phone.connect() for _ in range(5)]
    for each in others:
        each.stream.write(b"version\n0\n\n")
    bench.sleep(3600)
    assert [each.received for each in others] == [b""] * 5
    assert [bool(each.ended) for each in others] == [False] * 4 + [True]
    assert phone.ask(client.version(), over_http=True) == 2, "the other server has a thread of its own"
    half.stream.close()
    bench.sleep(1)
    assert [each.received for each in others[:4]] == [b'\n\n{"v":2}'] * 4


def test_two_scans_at_once_are_one_too_many(bench, board, phone):
    tcp, web = phone.connect(), phone.connect(names.HTTP_PORT)
    tcp.stream.write(Exchange(client.scan()).request)
    web.stream.write(Exchange(client.scan(), over_http=True).request)
    bench.sleep(3)
    assert b'"lab"' in tcp.received
    assert b"scans" in web.received
    assert b"lab" not in web.received


def test_a_client_that_never_reads_is_in_nobodys_way(bench, board, phone):
    deaf = phone.connect()
    deaf.stream.write(b"scan-ap\n0\n\n")
    deaf.stream.abort()
    bench.sleep(2)
    assert phone.ask(client.version()) == 2


def test_leaving_listening_mode_by_serial_cuts_everybody_off(bench, board, phone):
    connection = phone.connect()
    board.firmware.listening.leave()
    bench.sleep(3)
    connection.stream.write(b"version\n0\n\n")
    bench.sleep(60)
    assert connection.received == b""
    assert listens(board), "it has no network, so it listens again"
    assert phone.join(board).ask(client.version()) == 2


def test_the_public_key_is_that_of_the_private_one_in_the_dct(bench, board, phone):
    other = DeviceKey.generate()
    board.settings.write(DctField.DEVICE_PRIVATE_KEY.offset, other.der)
    assert phone.ask(client.public_key()).der == other.public_der
    assert board.settings.get(DctField.DEVICE_PUBLIC_KEY)[:162] == other.public_der
    board.settings.write(DctField.DEVICE_PRIVATE_KEY.offset, b"\x30\x82\x02\x5c nonsense")
    with pytest.raises(SoftApError, match="public-key: the board answered 1"):
        phone.ask(client.public_key())
    board.settings.write(DctField.DEVICE_PRIVATE_KEY.offset, b"\xff" * 1216)
    assert phone.ask(client.public_key()).der == DeviceKey.from_der(board.settings.get(DctField.DEVICE_PRIVATE_KEY)).public_der


@pytest.mark.parametrize("phase", list(CutPhase))
@pytest.mark.parametrize("what", ["claim code", "network", "enterprise"])
def test_a_power_cut_at_any_write_leaves_the_old_value_or_the_new_one(bench, board, phone, what, phase):
    bench.lab.network.access_point("corp", "x", security=WifiSecurity.WPA2_ENTERPRISE)
    key = phone.ask(client.public_key())
    corp = WifiCredentials("corp", "hunter22", WifiSecurity.WPA2_ENTERPRISE, eap=EapType.PEAP, identity="ann")
    call = {
        "claim code": client.set_claim_code(CODE),
        "network": client.configure(WifiCredentials("lab", "secret123"), key),
        "enterprise": client.configure(corp, key),
    }[what]
    state, flash, cuts = board.snapshot(), board.flashes["internal"], 0
    while True:
        flash.cut_power(cuts, phase)
        connection = phone.connect()
        connection.stream.write(Exchange(call).request)
        bench.sleep(2)
        if board.powered:
            break
        cuts += 1
        board.power_on()
        bench.sleep(1)
        assert board.settings.get(DctField.CLAIM_CODE) in (b"\xff" * 63, CODE.encode())
        assert [network.ssid for network in board.networks.all] in ([], ["lab"], ["corp"])
        kept = board.enterprise.stored
        assert kept is None or kept.identity == "ann"
        board.restore(state)
        bench.sleep(1)
        phone.join(board)
    assert cuts >= 3, "a change of the DCT erases, programs and marks a sector"
    assert connection.received == b'\n\n{"r":0}'
    flash.keep_power()
