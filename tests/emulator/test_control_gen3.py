"""What Gen 3 boards answer to control requests: set-up mark, interfaces, Wi-Fi, SIMs, modules in both forms."""

import pytest

from emulator.board.stored_networks import StoredNetwork
from particle_protocol.control_requests.codes import RequestType, Result
from particle_protocol.control_requests.errors import RequestError
from particle_protocol.control_requests.generated import cellular_pb2, network_pb2, storage_pb2, system_pb2, wifi_pb2
from particle_protocol.dct import DctField
from particle_protocol.listening.wifi import WifiSecurity

DONE, NOT_DONE = b"\x08\x01", b"\x08\x00"
"""As unmodified particle-cli 3.49.2 sends them with `usb setup-done` and `usb setup-done --reset`."""
HOME = StoredNetwork("home", WifiSecurity.WPA2, "secret123")


def refused(bench, board, kind, payload=b""):
    with pytest.raises(RequestError) as caught:
        bench.request(board, kind, payload)
    return caught.value.result


def ask(bench, board, kind, reply, request=None):
    made = reply()
    made.ParseFromString(bench.request(board, kind, b"" if request is None else request.SerializeToString()))
    return made


def up(bench, platform, os, **more):
    board = bench.board(platform=platform, os=os, **more)
    bench.sleep(5)
    return board


@pytest.fixture
def home(bench):
    return bench.lab.network.access_point("home", "secret123")


class TestSetUpMark:
    def test_until_4_0_a_board_listens_until_it_is_marked(self, bench):
        board = up(bench, "boron", "2.3.1")
        assert board.led.describe() == "blinking dark blue"
        assert bench.request(board, RequestType.IS_DEVICE_SETUP_DONE) == b""
        bench.request(board, RequestType.SET_DEVICE_SETUP_DONE, DONE)
        assert board.settings.get(DctField.SETUP_DONE) == b"\x01"
        bench.request(board, RequestType.STOP_LISTENING)
        bench.sleep(5)
        assert board.led.describe() == "blinking green"
        board.reset(board.reset_reason)
        bench.sleep(5)
        assert board.led.describe() == "blinking green", "the mark outlives a reset"
        bench.request(board, RequestType.SET_DEVICE_SETUP_DONE, NOT_DONE)
        board.reset(board.reset_reason)
        bench.sleep(5)
        assert board.led.describe() == "blinking dark blue"

    @pytest.mark.parametrize("platform", ["argon", "boron", "tracker"])
    @pytest.mark.parametrize("os", ["3.0.0", "3.3.1"])
    def test_the_mark_is_looked_for_once_a_boot(self, bench, home, platform, os):
        board = up(bench, platform, os, **({"networks": [HOME]} if platform == "argon" else {}))
        assert board.led.describe() == "blinking dark blue"
        bench.request(board, RequestType.STOP_LISTENING)
        bench.sleep(5)
        assert board.led.describe() in ("breathing cyan", "blinking green"), "it connects without the mark"
        assert bench.request(board, RequestType.IS_DEVICE_SETUP_DONE) == b""
        board.reset(board.reset_reason)
        bench.sleep(5)
        assert board.led.describe() == "blinking dark blue"

    @pytest.mark.parametrize("stored", [b"\x00", b"\xff"])
    def test_a_mark_that_was_taken_back_or_never_made_is_none(self, bench, stored):
        board = bench.board(platform="boron", os="3.3.1", mode="off")
        board.settings.put(DctField.SETUP_DONE, stored)
        board.power_on()
        bench.sleep(5)
        assert board.led.describe() == "blinking dark blue"

    @pytest.mark.parametrize("os", ["4.0.0", "4.0.1", "6.2.0"])
    def test_from_4_0_on_a_board_with_a_modem_never_listens_of_its_own_accord(self, bench, os):
        for platform in ("boron", "tracker"):
            board = up(bench, platform, os, has_sim=False)
            assert board.led.describe() == "blinking green", "not even without a SIM"
            bench.request(board, RequestType.START_LISTENING)
            bench.sleep(1)
            assert board.led.describe() == "blinking dark blue"

    def test_4_0_0_alone_stores_a_mark_that_nobody_looks_at(self, bench):
        board = up(bench, "boron", "4.0.0")
        bench.request(board, RequestType.SET_DEVICE_SETUP_DONE, DONE)
        assert board.settings.get(DctField.SETUP_DONE) == b"\x01"
        bench.request(board, RequestType.SET_DEVICE_SETUP_DONE, NOT_DONE)
        board.reset(board.reset_reason)
        bench.sleep(5)
        assert board.led.describe() == "blinking green"

    def test_from_4_0_1_on_it_is_done_for_ever_and_taking_it_back_is_refused(self, bench):
        board = up(bench, "boron", "6.1.0")
        assert board.led.describe() == "blinking green", "a cellular board blinks green from its first boot"
        assert bench.request(board, RequestType.IS_DEVICE_SETUP_DONE) == b"\x08\x01"
        bench.request(board, RequestType.SET_DEVICE_SETUP_DONE, DONE)
        assert refused(bench, board, RequestType.SET_DEVICE_SETUP_DONE, NOT_DONE) == Result.NOT_SUPPORTED
        assert board.settings.get(DctField.SETUP_DONE) == b"\xff", "nothing is stored"

    def test_a_wifi_board_of_4_0_and_later_listens_as_long_as_it_knows_no_network(self, bench, home):
        assert up(bench, "argon", "4.2.0").led.describe() == "blinking dark blue"
        assert up(bench, "argon", "4.2.0", networks=[HOME]).firmware.interfaces.path is home


@pytest.mark.parametrize(("os", "known"), [("5.9.0", False), ("6.0.0", True), ("6.2.0", True)])
def test_protection_is_told_from_6_0_on(bench, os, known):
    board = up(bench, "boron", os)
    if known:
        assert bench.request(board, RequestType.GET_PROTECTED_STATE) == b"\x08\x00\x10\x00"
    else:
        assert refused(bench, board, RequestType.GET_PROTECTED_STATE) == Result.NOT_SUPPORTED


@pytest.mark.parametrize("kind", [RequestType.GET_SECURITY_KEY, RequestType.SET_SERVER_ADDRESS, RequestType.SET_SOFTAP_SSID])
def test_keys_and_servers_are_no_requests_of_gen_3(bench, kind):
    assert refused(bench, up(bench, "boron", "2.3.1"), kind, b"\x08\x01") == Result.NOT_SUPPORTED


class TestInterfaces:
    def test_the_list_is_the_recorded_one(self, bench):
        """`0a09080112036c6f3018010a0908041203776c331808` is what a board with Wi-Fi answers particle-cli."""
        board = up(bench, "argon", "6.1.0")
        assert bench.request(board, RequestType.GET_INTERFACE_LIST).hex() == "0a09080112036c6f3018010a0908041203776c331808"

    def test_a_station_has_an_address_once_it_has_joined(self, bench, home):
        board = up(bench, "argon", "6.1.0", networks=[HOME])
        wanted = network_pb2.GetInterfaceRequest(index=4)
        found = ask(bench, board, RequestType.GET_INTERFACE, network_pb2.GetInterfaceReply, wanted).interface
        assert (found.name, found.type, found.hw_address) == ("wl3", network_pb2.WIFI, board.identity.mac)
        assert found.ipv4_config.addresses[0].prefix_length == 24
        home.switch_off()
        bench.sleep(3)
        found = ask(bench, board, RequestType.GET_INTERFACE, network_pb2.GetInterfaceReply, wanted).interface
        assert (len(found.ipv4_config.addresses), found.flags & 0x41) == (0, 0)

    def test_a_cellular_board_has_a_modem_and_no_address_of_hardware(self, bench):
        board = up(bench, "boron", "6.1.0")
        reply = ask(bench, board, RequestType.GET_INTERFACE_LIST, network_pb2.GetInterfaceListReply)
        assert [(each.index, each.name) for each in reply.interfaces] == [(1, "lo0"), (4, "pp3")]
        wanted = network_pb2.GetInterfaceRequest(index=9)
        assert refused(bench, board, RequestType.GET_INTERFACE, wanted.SerializeToString()) == Result.NOT_FOUND


class TestWifi:
    def join(self, ssid, password):
        made = wifi_pb2.WifiJoinNewNetworkRequest(ssid=ssid, security=wifi_pb2.WPA2_PSK)
        made.credentials.type, made.credentials.password = wifi_pb2.PASSWORD, password
        return made.SerializeToString()

    def test_a_new_network_is_joined_and_known_afterwards(self, bench, home):
        board = up(bench, "argon", "6.1.0")
        bench.request(board, RequestType.WIFI_JOIN_NEW_NETWORK, self.join("home", "secret123"))
        current = ask(bench, board, RequestType.WIFI_GET_CURRENT_NETWORK, wifi_pb2.WifiGetCurrentNetworkReply)
        assert (current.ssid, current.bssid, current.rssi) == ("home", home.bssid, home.rssi)
        known = ask(bench, board, RequestType.WIFI_GET_KNOWN_NETWORKS, wifi_pb2.WifiGetKnownNetworksReply)
        assert [(each.ssid, each.credentials_type) for each in known.networks] == [("home", wifi_pb2.PASSWORD)]

    def test_what_cannot_be_joined_is_not_kept(self, bench, home):
        board = up(bench, "argon", "6.1.0", networks=[StoredNetwork("other", 0)])
        assert refused(bench, board, RequestType.WIFI_JOIN_NEW_NETWORK, self.join("home", "wrong password")) == Result.NETWORK
        assert refused(bench, board, RequestType.WIFI_JOIN_NEW_NETWORK, self.join("nowhere", "secret123")) == Result.NOT_FOUND
        assert refused(bench, board, RequestType.WIFI_JOIN_NEW_NETWORK, self.join("", "")) == Result.INVALID_ARGUMENT
        assert [network.ssid for network in board.networks.all] == ["other"]

    def test_a_scan_shows_what_is_on_the_air_and_not_hidden(self, bench, home):
        bench.lab.network.access_point("open", rssi=-40)
        bench.lab.network.access_point("secret", "password", hidden=True)
        board = up(bench, "argon", "6.1.0")
        found = ask(bench, board, RequestType.WIFI_SCAN_NETWORKS, wifi_pb2.WifiScanNetworksReply).networks
        assert [(each.ssid, each.security) for each in found] == [("open", wifi_pb2.NO_SECURITY), ("home", wifi_pb2.WPA2_PSK)]

    def test_networks_are_forgotten_one_by_one_or_all(self, bench, home):
        board = up(bench, "argon", "6.1.0", networks=[HOME, StoredNetwork("other", 0)])
        remove = wifi_pb2.WifiRemoveKnownNetworkRequest(ssid="other").SerializeToString()
        bench.request(board, RequestType.WIFI_REMOVE_KNOWN_NETWORK, remove)
        assert refused(bench, board, RequestType.WIFI_REMOVE_KNOWN_NETWORK, remove) == Result.NOT_FOUND
        bench.request(board, RequestType.WIFI_CLEAR_KNOWN_NETWORKS)
        assert board.networks.all == ()

    def test_the_network_processor_says_its_version(self, bench):
        board = up(bench, "argon", "6.1.0")
        reply = ask(bench, board, RequestType.GET_NCP_FIRMWARE_VERSION, system_pb2.GetNcpFirmwareVersionReply)
        assert reply.module_version == 5

    def test_a_tracker_looks_around_by_wifi_and_joins_nothing(self, bench, home):
        board = up(bench, "tracker", "6.2.0")
        found = ask(bench, board, RequestType.WIFI_SCAN_NETWORKS, wifi_pb2.WifiScanNetworksReply).networks
        assert [(each.ssid, each.bssid, each.rssi) for each in found] == [("home", home.bssid, home.rssi)]
        assert ask(bench, board, RequestType.GET_NCP_FIRMWARE_VERSION, system_pb2.GetNcpFirmwareVersionReply).module_version == 7
        assert bench.request(board, RequestType.WIFI_GET_KNOWN_NETWORKS) == b""
        assert refused(bench, board, RequestType.WIFI_GET_CURRENT_NETWORK) == Result.INVALID_STATE
        assert refused(bench, board, RequestType.WIFI_JOIN_NEW_NETWORK, self.join("home", "secret123")) == Result.NOT_SUPPORTED
        reply = ask(bench, board, RequestType.GET_INTERFACE_LIST, network_pb2.GetInterfaceListReply)
        assert [each.name for each in reply.interfaces] == ["lo0", "pp3"], "it is no interface"

    @pytest.mark.parametrize(("os", "known"), [("5.8.0", False), ("5.8.2", True), ("5.9.0", True), ("6.1.1", False), ("6.2.0", True)])
    def test_credentials_are_given_without_joining_by_some_versions_only(self, bench, home, os, known):
        board = up(bench, "argon", os)
        if not known:
            assert refused(bench, board, RequestType.WIFI_SET_NETWORK_CREDENTIALS, self.join("home", "secret123")) == Result.NOT_SUPPORTED
            return
        bench.request(board, RequestType.WIFI_SET_NETWORK_CREDENTIALS, self.join("home", "secret123"))
        assert (board.networks.all, board.led.describe()) == ((HOME,), "blinking dark blue")
        bench.request(board, RequestType.STOP_LISTENING)
        bench.sleep(5)
        assert board.firmware.interfaces.path is home

    def test_a_board_without_wifi_has_none_of_it(self, bench):
        assert refused(bench, up(bench, "boron", "6.1.0"), RequestType.WIFI_SCAN_NETWORKS) == Result.NOT_SUPPORTED


class TestSims:
    def test_a_boron_uses_its_internal_sim_until_the_external_one_is_chosen(self, bench):
        board = up(bench, "boron", "6.1.0", iccid="8934076500002589174")
        active = ask(bench, board, RequestType.CELLULAR_GET_ACTIVE_SIM, cellular_pb2.CellularGetActiveSimReply)
        assert active.sim_type == cellular_pb2.INTERNAL_SIM
        found = ask(bench, board, RequestType.CELLULAR_GET_ICCID, cellular_pb2.CellularGetIccidReply)
        assert (found.iccid, found.imei) == ("8934076500002589174", board.identity.imei)
        choose = cellular_pb2.CellularSetActiveSimRequest(sim_type=cellular_pb2.EXTERNAL_SIM).SerializeToString()
        bench.request(board, RequestType.CELLULAR_SET_ACTIVE_SIM, choose)
        assert refused(bench, board, RequestType.CELLULAR_GET_ICCID) == Result.NOT_FOUND, "there is none in that slot"
        board.power_off()
        board.power_on()
        bench.sleep(5)
        active = ask(bench, board, RequestType.CELLULAR_GET_ACTIVE_SIM, cellular_pb2.CellularGetActiveSimReply)
        assert active.sim_type == cellular_pb2.EXTERNAL_SIM, "the choice outlives a power cut"

    @pytest.mark.parametrize(("os", "told"), [("5.7.0", False), ("5.9.0", True), ("6.0.0", False), ("6.1.0", True)])
    def test_the_imei_comes_with_some_versions_only(self, bench, os, told):
        board = up(bench, "boron", os)
        found = ask(bench, board, RequestType.CELLULAR_GET_ICCID, cellular_pb2.CellularGetIccidReply)
        assert found.imei == (board.identity.imei if told else "")

    def test_an_access_point_is_the_usual_one_until_it_is_set(self, bench):
        board = up(bench, "boron", "6.1.0")
        wanted = cellular_pb2.CellularGetAccessPointRequest(sim_type=cellular_pb2.EXTERNAL_SIM)
        kind, reply = RequestType.CELLULAR_GET_ACCESS_POINT, cellular_pb2.CellularGetAccessPointReply
        assert ask(bench, board, kind, reply, wanted).access_point.use_defaults
        change = cellular_pb2.CellularSetAccessPointRequest(sim_type=cellular_pb2.EXTERNAL_SIM)
        change.access_point.apn = "my.apn"
        bench.request(board, RequestType.CELLULAR_SET_ACCESS_POINT, change.SerializeToString())
        assert ask(bench, board, kind, reply, wanted).access_point.apn == "my.apn"
        board.power_off()
        board.power_on()
        bench.sleep(5)
        assert ask(bench, board, kind, reply, wanted).access_point.apn == "my.apn", "it outlives a power cut"
        inside = cellular_pb2.CellularGetAccessPointRequest(sim_type=cellular_pb2.INTERNAL_SIM)
        assert ask(bench, board, kind, reply, inside).access_point.use_defaults, "each SIM has its own"
        change.access_point.user = "x" * 300
        assert refused(bench, board, RequestType.CELLULAR_SET_ACCESS_POINT, change.SerializeToString()) == Result.TOO_LARGE
        change.access_point.Clear()
        change.access_point.use_defaults = True
        bench.request(board, RequestType.CELLULAR_SET_ACCESS_POINT, change.SerializeToString())
        assert ask(bench, board, kind, reply, wanted).access_point.use_defaults
        for refusing in (RequestType.CELLULAR_SET_ACCESS_POINT, kind, RequestType.CELLULAR_SET_ACTIVE_SIM):
            assert refused(bench, board, refusing) == Result.INVALID_ARGUMENT, "that is no SIM"


@pytest.mark.parametrize(("os", "new"), [("5.5.0", False), ("5.6.0", True), ("6.2.0", True)])
def test_modules_come_in_the_new_form_from_5_6_on(bench, os, new):
    board = up(bench, "boron", os)
    reply = ask(bench, board, RequestType.GET_MODULE_INFO, storage_pb2.GetModuleInfoReply)
    assert (len(reply.modules), len(reply.legacy_modules)) == ((4, 0) if new else (0, 4))
    if new:
        by_type = {each.type: each for each in reply.modules}
        system = by_type[storage_pb2.SYSTEM_PART_MODULE]
        assert (system.index, system.checked_flags, system.passed_flags) == (1, 30, 30)
        assert by_type[storage_pb2.RADIO_STACK_MODULE].version == 202
