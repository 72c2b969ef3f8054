"""What a Photon answers to control requests."""

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.device_os.application import Application
from emulator.factory import device_os_release, user_part
from particle_protocol.control_requests import ServiceReply, Status
from particle_protocol.control_requests.codes import RequestType, Result, ServiceRequest
from particle_protocol.control_requests.errors import DeviceBusy, RequestError
from particle_protocol.control_requests.generated import config_pb2, storage_pb2, system_pb2, wifi_old_pb2
from particle_protocol.control_requests.host import raw_system_version
from particle_protocol.control_requests.messages import decode_string
from particle_protocol.dct import DctField
from particle_protocol.listening.wifi import WifiCipher, WifiSecurity
from particle_protocol.platforms import platform_by_name
from particle_protocol.usb import Setup

PHOTON = platform_by_name("photon")


@pytest.fixture
def board(bench):
    made = bench.board(os="2.3.1")
    bench.sleep(1)
    return made


def refused(bench, board, kind, payload=b""):
    with pytest.raises(RequestError) as caught:
        bench.request(board, kind, payload)
    return caught.value.result


def test_identity(bench, board):
    assert decode_string(bench.request(board, RequestType.GET_DEVICE_ID)) == board.device_id
    assert decode_string(bench.request(board, RequestType.GET_SERIAL_NUMBER)) == board.identity.serial_number
    assert decode_string(bench.request(board, RequestType.GET_SYSTEM_VERSION)) == "2.3.1"
    assert bench.run(board, raw_system_version()) == "2.3.1"


MISSING = {10, 31, 73, 74, 76, 77, 80, 91, *range(110, 123), *range(260, 265), *range(400, 405), *range(500, 602), *range(1100, 1103)}
"""Requests that a Photon with Device OS 2.3.1 does not know, and what only an application or a log handler answers."""
ABOUT_1 = b"\x08\x01"
"""Field 1 is 1: the only feature, TCP, the first key."""


@pytest.mark.parametrize("kind", [*sorted(MISSING & set(RequestType)), 4711, 0xFFFF])
def test_what_came_with_later_boards_and_what_is_left_to_the_application_is_not_supported(bench, board, kind):
    assert refused(bench, board, kind) == Result.NOT_SUPPORTED
    assert refused(bench, board, kind, ABOUT_1) == Result.NOT_SUPPORTED


def result_of(bench, board, kind, payload):
    try:
        bench.request(board, kind, payload)
    except RequestError as error:
        return error.result
    return Result.OK


@pytest.mark.parametrize("kind", sorted(set(RequestType) - MISSING))
def test_every_other_request_has_an_answer_of_its_own(bench, board, kind):
    payload = b"" if kind is RequestType.DIAGNOSTIC_INFO else ABOUT_1
    assert result_of(bench, board, kind, payload) != Result.NOT_SUPPORTED


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", bytes(range(256)), b"x" * 4097, b"y" * 0xFFFF])
def test_echo_sends_back_what_it_got(bench, board, data):
    assert bench.request(board, RequestType.ECHO, data) == data


def test_a_photon_has_no_capability_and_no_feature(bench, board):
    assert bench.request(board, RequestType.GET_SYSTEM_CAPABILITIES) == b"", "a compressed update is none of its"
    ethernet = system_pb2.GetFeatureRequest(feature=system_pb2.ETHERNET_DETECTION).SerializeToString()
    assert bench.request(board, RequestType.GET_FEATURE, ethernet) == b"", "not enabled"
    wanted = system_pb2.SetFeatureRequest(feature=system_pb2.ETHERNET_DETECTION, enabled=True).SerializeToString()
    assert refused(bench, board, RequestType.SET_FEATURE, wanted) == -1
    assert bench.request(board, RequestType.GET_FEATURE, ethernet) == b""
    assert refused(bench, board, RequestType.SET_FEATURE) == refused(bench, board, RequestType.GET_FEATURE) == Result.NOT_SUPPORTED


@pytest.mark.parametrize(("modes", "listens"), [((1,), True), ((1, 0), False), ((0,), False)])
def test_the_next_boot_is_one_in_listening_mode_where_that_was_asked_for(bench, modes, listens):
    bench.lab.network.access_point("lab", "secret123")
    board = bench.board(os="2.3.1", networks=[StoredNetwork("lab", 3, "secret123")])
    bench.sleep(20)
    for mode in modes:
        bench.request(board, RequestType.SET_STARTUP_MODE, system_pb2.SetStartupModeRequest(mode=mode).SerializeToString())
    for again in (listens, False):
        bench.request(board, RequestType.RESET)
        bench.sleep(20)
        assert (board.led.describe() == "blinking dark blue") is again, "once"


def test_the_protocol_of_a_photon_is_tcp_and_cannot_be_chosen(bench, board):
    reply = config_pb2.GetServerProtocolReply.FromString(bench.request(board, RequestType.GET_SERVER_PROTOCOL))
    assert reply.protocol == config_pb2.TCP_PROTOCOL
    for protocol, result in ((config_pb2.TCP_PROTOCOL, -1), (config_pb2.UDP_PROTOCOL, -1), (config_pb2.NO_PROTOCOL, Result.NOT_SUPPORTED)):
        wanted = config_pb2.SetServerProtocolRequest(protocol=protocol).SerializeToString()
        assert refused(bench, board, RequestType.SET_SERVER_PROTOCOL, wanted) == result


def test_an_electron_speaks_udp_unless_it_is_told_to_speak_tcp(bench):
    board = bench.board(platform="electron")
    bench.sleep(1)

    def protocol():
        return config_pb2.GetServerProtocolReply.FromString(bench.request(board, RequestType.GET_SERVER_PROTOCOL)).protocol

    assert protocol() == config_pb2.UDP_PROTOCOL
    for wanted, kept in ((config_pb2.TCP_PROTOCOL, b"\0"), (config_pb2.UDP_PROTOCOL, b"\xff")):
        bench.request(board, RequestType.SET_SERVER_PROTOCOL, config_pb2.SetServerProtocolRequest(protocol=wanted).SerializeToString())
        assert (protocol(), board.settings.get(DctField.CLOUD_TRANSPORT)) == (wanted, kept)
        bench.request(board, RequestType.RESET)
        bench.sleep(3)
        assert protocol() == wanted, "it outlives a reset"
    assert refused(bench, board, RequestType.SET_SERVER_PROTOCOL) == Result.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("prefix", "suffix", "stored"),
    [
        ("Lamp", "AB12CD", (b"\x04Lamp", b"AB12CD")),
        ("P" * 40, "1234567", (b"\x19" + b"P" * 25, b"123456")),
        ("L", "AB", (b"\x01L", b"AB\0")),
    ],
)
def test_the_name_of_its_own_network_goes_into_the_dct(bench, board, prefix, suffix, stored):
    wanted = config_pb2.SetSoftapSsidRequest(prefix=prefix, suffix=suffix).SerializeToString()
    assert bench.request(board, RequestType.SET_SOFTAP_SSID, wanted) == b""
    kept = tuple(
        board.settings.get(field)[: len(part)] for field, part in zip((DctField.SSID_PREFIX, DctField.DEVICE_CODE), stored, strict=True)
    )
    assert kept == stored


class Answering(Application):
    def control_request(self, kind, data):
        return {RequestType.APP_CUSTOM: data[::-1], RequestType.ECHO: b"mine", 4711: b""}.get(kind)


def test_what_device_os_does_not_know_is_asked_of_the_application(bench):
    bench.lab.applications["answering"] = Answering
    board = bench.board(os="2.3.1", modules=[user_part(PHOTON, "2.3.1", "answering")])
    bench.sleep(1)
    assert bench.request(board, RequestType.APP_CUSTOM, b"hello") == b"olleh"
    assert bench.request(board, RequestType.ECHO, b"hello") == b"hello", "what Device OS knows stays its own"
    assert bench.request(board, 4711) == b""
    assert refused(bench, board, 4712) == Result.NOT_SUPPORTED
    bench.request(board, RequestType.SAFE_MODE)
    bench.sleep(5)
    assert refused(bench, board, RequestType.APP_CUSTOM, b"hello") == Result.NOT_SUPPORTED, "no application runs in safe mode"


def test_modules_are_told_in_the_form_of_their_day(bench, board):
    reply = storage_pb2.GetModuleInfoReply.FromString(bench.request(board, RequestType.GET_MODULE_INFO))
    told = [(each.type, each.index, each.version, each.validity) for each in reply.legacy_modules]
    assert told == [(1, 0, 1006, 0), (2, 1, 2302, 0), (2, 2, 2302, 0), (3, 1, 6, 0)]
    assert not reply.modules
    assert [(each.type, each.index, each.version) for each in reply.legacy_modules[2].dependencies] == [(2, 1, 2302), (1, 0, 1003)]


def test_an_unmet_dependency_shows_in_the_modules(bench):
    board = bench.board(os="2.1.0", modules=[user_part(PHOTON, "2.2.0")])
    bench.sleep(1)
    reply = storage_pb2.GetModuleInfoReply.FromString(bench.request(board, RequestType.GET_MODULE_INFO))
    assert [each.validity for each in reply.legacy_modules] == [0, 0, 0, 2]


def test_a_claim_code_is_stored_and_cleared(bench, board):
    code = "abcdefgh" * 7 + "1234567"
    bench.request(board, RequestType.SET_CLAIM_CODE, config_pb2.SetClaimCodeRequest(code=code).SerializeToString())
    assert board.settings.get(DctField.CLAIM_CODE) == code.encode()
    assert refused(bench, board, RequestType.SET_CLAIM_CODE, config_pb2.SetClaimCodeRequest(code="short").SerializeToString()) == (
        Result.INVALID_ARGUMENT
    )
    bench.request(board, RequestType.SET_CLAIM_CODE)
    assert board.settings.get(DctField.CLAIM_CODE)[0] == 0


def test_the_claimed_flag_is_what_the_dct_holds(bench, board):
    assert bench.request(board, RequestType.IS_CLAIMED) == b""
    board.settings.put(DctField.CLAIMED, b"1")
    assert config_pb2.IsClaimedReply.FromString(bench.request(board, RequestType.IS_CLAIMED)).claimed


def test_the_server_address_survives_a_reset(bench, board):
    wanted = config_pb2.SetServerAddressRequest(protocol=1, address="cloud.example", port=5999)
    bench.request(board, RequestType.SET_SERVER_ADDRESS, wanted.SerializeToString())
    bench.request(board, RequestType.RESET)
    bench.sleep(3)

    def kept(protocol):
        asked = config_pb2.GetServerAddressRequest(protocol=protocol).SerializeToString()
        return config_pb2.GetServerAddressReply.FromString(bench.request(board, RequestType.GET_SERVER_ADDRESS, asked))

    reply = kept(1)
    assert (reply.address, reply.port) == ("cloud.example", 5999)
    other = config_pb2.SetServerAddressRequest(protocol=2, address="udp.example", port=5684)
    bench.request(board, RequestType.SET_SERVER_ADDRESS, other.SerializeToString())
    assert [kept(protocol).address for protocol in (1, 2)] == ["cloud.example", "udp.example"], "each protocol has its own"
    assert refused(bench, board, RequestType.GET_SERVER_ADDRESS) == Result.INVALID_ARGUMENT
    wanted.protocol = 0
    assert refused(bench, board, RequestType.SET_SERVER_ADDRESS, wanted.SerializeToString()) == Result.INVALID_ARGUMENT


def test_keys_are_written_and_read_back(bench, board):
    wanted = config_pb2.SetSecurityKeyRequest(type=config_pb2.TCP_SERVER_PUBLIC_KEY, data=b"\x30" * 294)
    bench.request(board, RequestType.SET_SECURITY_KEY, wanted.SerializeToString())
    asked = config_pb2.GetSecurityKeyRequest(type=config_pb2.TCP_SERVER_PUBLIC_KEY)
    reply = bench.request(board, RequestType.GET_SECURITY_KEY, asked.SerializeToString())
    assert config_pb2.GetSecurityKeyReply.FromString(reply).data.startswith(b"\x30" * 294)
    assert refused(bench, board, RequestType.GET_SECURITY_KEY) == Result.INVALID_ARGUMENT


def test_garbage_is_bad_data(bench, board):
    assert refused(bench, board, RequestType.SET_CLAIM_CODE, b"\xff\xff\xff") == Result.BAD_DATA


LEAVING = {RequestType.RESET, RequestType.FACTORY_RESET, RequestType.DFU_MODE, RequestType.SAFE_MODE}
"""Requests after which the board is not the same."""
NONSENSE = (
    b"\x00",  # a field without a number
    b"\x08",  # a number that is missing
    b"\xff\xff\xff",
    b"\x0a\xff\xff\x7f",  # longer than what there is
    b"\x08" + b"\xff" * 9 + b"\x01",  # -1, of a number that is none
    b"\x08\xff\xff\xff\x7f\x10\xff\xff\xff\xff\x0f\x1a\x04abcd",
    b"\x08\x01" * 900,
    bytes(5000),
)


@pytest.mark.parametrize("platform", ["photon", "electron", "argon"])
def test_whatever_comes_with_a_request_it_has_a_result_and_the_board_goes_on(bench, platform):
    board = bench.board(platform=platform)
    bench.sleep(1)
    boots = board.boots
    for kind in sorted(set(RequestType) - LEAVING):
        for payload in NONSENSE:
            result_of(bench, board, kind, payload)
        assert decode_string(bench.request(board, RequestType.GET_DEVICE_ID)) == board.device_id
        bench.request(board, RequestType.CANCEL_FIRMWARE_UPDATE)
    bench.sleep(1)
    assert board.boots == boots
    assert board.led.describe() in ("blinking dark blue", "breathing dark blue", "blinking green")


def test_requests_that_were_announced_and_never_sent_are_forgotten_at_the_next_reset_of_the_channel(bench, board):
    control = board.plug.function.control
    for _ in range(4):
        assert control(Setup(0xC0, ServiceRequest.INIT, 65535, RequestType.ECHO, 64), b"")
    with pytest.raises(DeviceBusy):
        bench.request(board, RequestType.GET_DEVICE_ID)
    control(Setup(0xC0, ServiceRequest.RESET, 0, 0, 64), b"")
    assert decode_string(bench.request(board, RequestType.GET_DEVICE_ID)) == board.device_id


class TestOldWifi:
    """Requests 110 to 115, which Photon and P1 had up to 1.x."""

    @pytest.fixture(params=["photon", "p1"])
    def board(self, bench, request):
        bench.lab.network.access_point("old", "secret123", security=WifiSecurity.WPA, cipher=WifiCipher.TKIP, channel=3, rssi=-70)
        made = bench.board(platform=request.param, os="1.5.2")
        bench.sleep(1)
        return made

    def test_a_scan_lists_what_the_board_hears(self, bench, board):
        (point,) = wifi_old_pb2.WifiScanReply.FromString(bench.request(board, RequestType.WIFI_SCAN)).list.aps
        facts = (point.ssid, point.security, point.cipher, point.channel, point.rssi, point.max_data_rate, point.bssid)
        assert facts == ("old", 2, 2, 3, -70, 54_000, bytes.fromhex("02005e005301"))
        bench.lab.network.access_point("older", "12345", security=WifiSecurity.WEP)
        bench.lab.network.access_point("cafe")
        found = wifi_old_pb2.WifiScanReply.FromString(bench.request(board, RequestType.WIFI_SCAN)).list.aps
        assert {each.ssid: (each.security, each.cipher) for each in found} == {"old": (2, 2), "older": (1, 0), "cafe": (0, 0)}

    def test_credentials_are_stored_listed_without_their_password_and_cleared(self, bench, board):
        wanted = wifi_old_pb2.WifiSetCredentialsRequest(ap={"ssid": "old", "security": 255, "password": "secret123"})
        bench.request(board, RequestType.WIFI_SET_CREDENTIALS, wanted.SerializeToString())
        assert board.networks.all == (StoredNetwork("old", WifiSecurity.WPA, "secret123", WifiCipher.TKIP),), "as the scan found it"
        (known,) = wifi_old_pb2.WifiGetCredentialsReply.FromString(bench.request(board, RequestType.WIFI_GET_CREDENTIALS)).list.aps
        assert (known.ssid, known.security, known.cipher, known.password) == ("old", 2, 2, "")
        bench.request(board, RequestType.STOP_LISTENING)
        bench.wait_led(board, "breathing cyan")
        bench.request(board, RequestType.WIFI_CLEAR_CREDENTIALS)
        assert board.networks.all == ()

    @pytest.mark.parametrize(
        "point",
        [
            {},
            {"ssid": "x" * 33},
            {"ssid": "elsewhere", "security": 3, "password": "secret123"},
            {"ssid": "elsewhere", "security": 3, "cipher": 1, "password": "short"},
            {"ssid": "elsewhere", "security": 5, "cipher": 1, "eap_type": 25},
        ],
    )
    def test_credentials_that_the_board_does_not_take_change_nothing(self, bench, board, point):
        wanted = wifi_old_pb2.WifiSetCredentialsRequest(ap=point)
        assert refused(bench, board, RequestType.WIFI_SET_CREDENTIALS, wanted.SerializeToString()) == Result.UNKNOWN
        assert board.networks.all == ()

    @pytest.mark.parametrize(("antenna", "stored"), [(1, 0), (2, 1), (3, 3)])
    def test_the_antenna_is_kept_in_the_dct(self, bench, board, antenna, stored):
        assert bench.request(board, RequestType.WIFI_GET_ANTENNA) == b"\x08\x01", "the internal one, unless it was told"
        bench.request(board, RequestType.WIFI_SET_ANTENNA, bytes((8, antenna)))
        assert board.settings.get(DctField.ANTENNA) == bytes((stored,))
        assert bench.request(board, RequestType.WIFI_GET_ANTENNA) == bytes((8, antenna))
        for wrong in (b"", b"\x08\x04"):
            assert refused(bench, board, RequestType.WIFI_SET_ANTENNA, wrong) == Result.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("platform", "os", "tells"),
    [("photon", "1.0.1", False), ("electron", "0.6.0", False), ("p1", "1.1.0", True), ("argon", "0.9.0", True)],
)
def test_whether_it_listens_gen_2_tells_since_1_1(bench, platform, os, tells):
    board = bench.board(platform=platform, os=os)
    bench.sleep(1)
    assert result_of(bench, board, RequestType.GET_DEVICE_MODE, b"") == (Result.OK if tells else Result.NOT_SUPPORTED)


def begin(board, kind):
    """Send a request without a payload, and collect no result; its id."""
    reply = ServiceReply.decode(board.plug.function.control(Setup(0xC0, ServiceRequest.INIT, 0, kind, 64), b""))
    assert reply.status == Status.OK
    return reply.id


def collect(board, request_id):
    return ServiceReply.decode(board.plug.function.control(Setup(0xC0, ServiceRequest.CHECK, 0, request_id, 64), b""))


@pytest.mark.parametrize(
    ("kind", "usb"),
    [
        (RequestType.RESET, 0xC006),
        (RequestType.SAFE_MODE, 0xC006),
        (RequestType.DFU_MODE, 0xD006),
    ],
)
def test_the_board_acts_a_second_after_the_host_has_collected_the_answer_and_not_before(bench, board, kind, usb):
    asked = begin(board, kind)
    bench.sleep(100)
    assert board.boots == 1
    assert collect(board, asked) == ServiceReply(Status.OK, result=0)
    bench.sleep(0.99)
    assert board.boots == 1
    bench.sleep(0.5)
    assert (board.boots, bench.usb(board)[1]) == (2, usb)


@pytest.mark.parametrize("end", ["cancelled", "all cancelled", "bus reset"])
def test_a_request_whose_answer_nobody_collects_does_nothing(bench, board, end):
    asked = begin(board, RequestType.RESET)
    function = board.plug.function
    if end == "bus reset":
        function.bus_reset()
    else:
        which = asked if end == "cancelled" else 0
        assert ServiceReply.decode(function.control(Setup(0xC0, ServiceRequest.RESET, 0, which, 64), b"")).status == Status.OK
    assert collect(board, asked).status == Status.NOT_FOUND
    bench.sleep(100)
    assert board.boots == 1


def test_an_update_over_usb_is_applied_once_its_answer_is_collected(bench, board):
    image = user_part(PHOTON, "2.3.1", "Other", product=(13, 7))
    start_update(bench, board, len(image))
    send(bench, board, image, 512)
    control = board.plug.function.control
    asked = ServiceReply.decode(control(Setup(0xC0, ServiceRequest.INIT, 2, RequestType.FINISH_FIRMWARE_UPDATE, 64), b"")).id
    control(Setup(0x40, ServiceRequest.SEND, 0, asked, 2), b"\x08\x00")
    bench.sleep(100)
    assert board.boots == 1
    assert collect(board, asked) == ServiceReply(Status.OK, result=0)
    bench.sleep(3)
    assert (board.boots, board.firmware.modules.user.product) == (2, (13, 7))


def test_four_requests_at_once_are_answered_each_and_a_fifth_waits(bench):
    board = bench.board(platform="argon", os="6.2.0")
    bench.sleep(1)
    asked = [begin(board, RequestType.WIFI_SCAN_NETWORKS) for _ in range(4)]
    assert len(set(asked)) == 4
    refused = ServiceReply.decode(board.plug.function.control(Setup(0xC0, ServiceRequest.INIT, 0, RequestType.ECHO, 64), b""))
    assert refused == ServiceReply(Status.BUSY)
    assert {collect(board, each).status for each in asked} == {Status.PENDING}
    bench.sleep(1)
    assert [collect(board, each) for each in asked] == 4 * [ServiceReply(Status.OK, result=0)]
    assert bench.request(board, RequestType.ECHO, b"x") == b"x"


def test_the_rainbow_comes_and_goes(bench, board):
    bench.request(board, RequestType.STOP_LISTENING)
    bench.request(board, RequestType.START_NYAN_SIGNAL)
    assert "rainbow" in [str(change.status) for change in board.led.timeline] or board.led.describe() == "blinking dark blue"
    bench.request(board, RequestType.STOP_NYAN_SIGNAL)
    assert board.led.describe() != "rainbow"


def start_update(bench, board, size, format_=0):
    wanted = storage_pb2.StartFirmwareUpdateRequest(size=size, format=format_)
    reply = bench.request(board, RequestType.START_FIRMWARE_UPDATE, wanted.SerializeToString())
    return storage_pb2.StartFirmwareUpdateReply.FromString(reply).chunk_size


def send(bench, board, image, chunk):
    for at in range(0, len(image), chunk):
        piece = storage_pb2.FirmwareUpdateDataRequest(data=image[at : at + chunk])
        bench.request(board, RequestType.FIRMWARE_UPDATE_DATA, piece.SerializeToString())


def finish(bench, board, validate_only=False):
    wanted = storage_pb2.FinishFirmwareUpdateRequest(validate_only=validate_only)
    bench.request(board, RequestType.FINISH_FIRMWARE_UPDATE, wanted.SerializeToString())


def test_an_update_over_usb_is_in_place_after_the_reset(bench, board):
    new = user_part(PHOTON, "2.3.1", body=b"\1" * 5000)
    chunk = start_update(bench, board, len(new))
    assert chunk == 1024
    send(bench, board, new, chunk)
    finish(bench, board)
    bench.sleep(3)
    assert board.boots == 2
    assert board.flashes["internal"].read(0x080A0000, len(new)) == new
    assert not board.firmware.safe_mode


@pytest.mark.parametrize(
    ("damage", "result"),
    [
        (lambda image: image[:-1] + bytes((image[-1] ^ 1,)), Result.OTA_INTEGRITY_CHECK_FAILED),
        (lambda image: b"\0" * len(image), Result.OTA_MODULE_NOT_FOUND),
    ],
)
def test_a_damaged_update_is_refused_with_its_reason(bench, board, damage, result):
    image = damage(user_part(PHOTON, "2.3.1"))
    send(bench, board, image, start_update(bench, board, len(image)))
    with pytest.raises(RequestError) as caught:
        finish(bench, board)
    assert caught.value.result == result
    bench.sleep(3)
    assert board.boots == 1


def test_a_system_part_that_does_not_fit_the_others_is_refused(bench, board):
    image = device_os_release(PHOTON, "3.0.0")[1]
    send(bench, board, image, start_update(bench, board, len(image)))
    with pytest.raises(RequestError) as caught:
        finish(bench, board)
    assert caught.value.result == Result.OTA_DEPENDENCY_CHECK_FAILED


def test_updates_out_of_turn_are_refused(bench, board):
    assert refused(bench, board, RequestType.FIRMWARE_UPDATE_DATA) == Result.INVALID_STATE
    assert refused(bench, board, RequestType.FINISH_FIRMWARE_UPDATE) == Result.INVALID_STATE
    with pytest.raises(RequestError):
        start_update(bench, board, 10_000_000)
    with pytest.raises(RequestError) as caught:
        start_update(bench, board, 1000, format_=1)
    assert caught.value.result == Result.NOT_SUPPORTED
    start_update(bench, board, 1000)
    assert refused(bench, board, RequestType.FIRMWARE_UPDATE_DATA) == Result.OUT_OF_RANGE
    assert refused(bench, board, RequestType.FIRMWARE_UPDATE_DATA) == Result.INVALID_STATE


def test_an_update_can_be_taken_back(bench, board):
    start_update(bench, board, 1000)
    assert board.led.describe() in ("fast blinking magenta", "blinking dark blue")
    bench.request(board, RequestType.CANCEL_FIRMWARE_UPDATE)
    assert refused(bench, board, RequestType.FINISH_FIRMWARE_UPDATE) == Result.INVALID_STATE


def test_the_cloud_is_not_there_without_a_network(bench):
    board = bench.board(networks=[StoredNetwork("nowhere", 0)])
    bench.sleep(5)
    assert bench.request(board, RequestType.GET_CLOUD_CONNECTION_STATUS) == b""
    bench.request(board, RequestType.CLOUD_DISCONNECT)
    bench.request(board, RequestType.CLOUD_CONNECT)


def test_a_factory_reset_brings_the_factory_image_back(bench, board):
    factory = user_part(PHOTON, "2.3.1", body=b"factory")
    board.flashes["internal"].erase(PHOTON.memory().region("factory").start)
    board.flashes["internal"].program(PHOTON.memory().region("factory").start, factory)
    board.flashes["internal"].erase(0x080A0000)
    bench.request(board, RequestType.FACTORY_RESET)
    bench.sleep(3)
    assert board.flashes["internal"].read(0x080A0000, len(factory)) == factory
