"""Board, network and cloud together over UDP: bad networks, changes of address, sessions that go on, SIMs, updates."""

import pytest

from emulator.board.stored_networks import StoredNetwork
from emulator.board_spec import BoardSpec
from emulator.cloud.sessions import Refused
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.application import Application, function
from emulator.device_os.copying import copy
from emulator.factory import device_os_release, user_part
from emulator.lab import Lab
from emulator.network import Link
from firmware_images.module import as_it_lies, read_module
from particle_protocol.cloud_messages.server_moved import ServerMoved
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField, ServerAddress
from particle_protocol.dtls import PrivateKey
from particle_protocol.messages.goodbye import ResetReason
from particle_protocol.platforms import platform_by_name

HOME = StoredNetwork("lab", 3, "secret123")
BORON = platform_by_name("boron")


class Echo(Application):
    heard = 0

    @function
    def echo(self, argument: str) -> int:
        return len(argument)

    def setup(self):
        self.add_subscription("news/", self.on_news)

    def on_news(self, name, data):
        self.heard += 1


@pytest.fixture
def online(bench):
    """A board that is online over UDP; cellular unless told, its SIM active."""
    bench.lab.applications["Echo"] = Echo

    def make(platform="boron", os="6.2.0", **more):
        networks = [HOME] if platform in ("argon", "p2") else []
        if networks:
            bench.lab.network.access_point("lab", "secret123")
        sim = {} if networks else {"sim_status": SimStatus.ACTIVE}
        board = bench.board(platform=platform, os=os, application="Echo", networks=networks, **sim, **more)
        if board.platform.generation > 2:
            board.settings.put(DctField.SETUP_DONE, b"\x01")
        bench.wait_led(board, "breathing cyan", timeout=120)
        return board

    return make


def cell(bench):
    (only,) = bench.lab.network.cells
    return only


def session(bench, board):
    return next((each for each in bench.lab.device_service.sessions if each.device_id == board.device_id), None)


def call(bench, board, argument="hello"):
    return bench.lab.driver.run(_awaited(session(bench, board).call("echo", argument)), timeout=60)


async def _awaited(reply):
    return await reply


def colours(board):
    return [str(change.status) for change in board.led.timeline]


@pytest.mark.parametrize(
    ("platform", "os"), [("electron", "2.3.1"), ("boron", "2.3.1"), ("boron", "3.3.1"), ("tracker", "5.8.0"), ("argon", "6.2.0")]
)
def test_boards_of_every_generation_come_online_over_udp_and_answer(bench, online, platform, os):
    board = online(platform, os)
    assert call(bench, board) == 5
    assert bench.lab.cloud.devices.by_id(board.device_id) is not None
    assert not bench.lab.device_service.refusals


def test_the_led_tells_the_way_online_over_udp(online):
    shown = colours(online("electron", "2.3.1"))
    assert [each for n, each in enumerate(shown) if n == 0 or shown[n - 1] != each] == [
        "breathing white",
        "breathing dark blue",
        "blinking green",
        "fast blinking green",
        "breathing green",
        "blinking cyan",
        "fast blinking cyan",
        "breathing cyan",
    ]


@pytest.mark.parametrize(("old", "new"), [("2.3.1", "4.0.2"), ("4.0.2", "2.3.1")])
def test_a_session_that_other_firmware_kept_is_not_tried(bench, online, old, new):
    """Firmware up to 3.0 keeps one without a connection id, in which a server would not know what later firmware sends, and the reverse."""
    board = online(os=old, modules=[user_part(BORON, "2.3.1")])
    for image in device_os_release(BORON, new):
        place, content = as_it_lies(read_module(image))
        copy(board.flashes["internal"], place, content)
    board.reset(board.reset_reason)
    bench.sleep(1)
    bench.wait_led(board, "breathing cyan", timeout=20)
    assert board.firmware.version == new


def has_answered(reply):
    try:
        return reply.result() == 5
    except (RuntimeError, OSError, Refused):  # not yet, not in time, or not any more
        return False


def survives_a_bad_network(seed):
    """A board stays online over a network that loses a fifth, repeats and shuffles, and answers there.

    It hears nothing twice as long as it does not connect anew: what came before is not remembered beyond that, as in Device OS.
    """
    with Lab(seed=seed) as lab:
        lab.applications["Echo"] = Echo
        lab.network.access_point("lab", "secret123", link=Link(latency=0.08, loss=0.2, duplication=0.1, reordering=0.1, jitter=0.05))
        board = lab.add_board(BoardSpec(platform="argon", os="6.2.0", application="Echo", networks=[HOME]))
        answers = sent = 0
        for _ in range(40):
            lab.driver.sleep(30)
            there = next(iter(lab.device_service.sessions), None)
            if there is None or board.led.describe() != "breathing cyan":
                continue
            sent += lab.driver.call(there.publish, "news/x", "y")
            reply = lab.driver.call(there.call, "echo", "hello")
            lab.driver.sleep(30)
            answers += has_answered(reply)
        heard, connected_once = board.firmware.application.heard, board.firmware.cloud.counters.disconnects == 0
        assert answers >= 20
        assert heard >= sent - 3
        assert heard <= sent or not connected_once


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_network_costs_time_and_nothing_else(seed):
    survives_a_bad_network(seed)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_bad_networks_cost_time_and_nothing_else(part):
    for seed in range(100 * part, 100 * part + 100):
        survives_a_bad_network(seed)


def test_a_translation_that_forgets_is_followed_without_a_word(bench, online):
    board = online()
    first, before = session(bench, board), session(bench, board).peer
    bench.lab.driver.call(bench.lab.network.forget_translations)
    board.firmware.cloud.publish("x", "y", ttl=60, public=False, with_ack=False)
    bench.sleep(2)
    assert session(bench, board) is first
    assert session(bench, board).peer != before
    assert call(bench, board) == 5


def test_without_a_connection_id_such_a_board_goes_on_with_its_session(bench, online):
    board = online("electron", "2.3.1")
    kept = board.firmware.cloud._connection.session.secrets
    bench.lab.driver.call(bench.lab.network.forget_translations)
    board.firmware.cloud.publish("x", "y", ttl=60, public=False, with_ack=False)
    bench.sleep(150)
    bench.wait_led(board, "breathing cyan")
    assert board.firmware.cloud._connection.session.secrets == kept
    assert call(bench, board) == 5


def test_a_network_that_was_lost_costs_no_handshake(bench, online):
    board = online()
    kept = board.firmware.cloud._connection.session.secrets
    cell(bench).switch_off()
    bench.wait_led(board, "blinking green", timeout=60)
    bench.sleep(55)
    cell(bench).switch_on()
    bench.wait_led(board, "breathing cyan", timeout=60)
    assert board.firmware.cloud._connection.session.secrets == kept
    assert call(bench, board) == 5


@pytest.mark.parametrize(("cut", "same"), [(False, True), (True, False)])
def test_a_session_outlives_a_reset_and_no_power_cut(bench, online, cut, same):
    board = online()
    kept = board.firmware.cloud._connection.session.secrets
    if cut:
        board.power_off()
        assert board.backup.session == b""
        bench.sleep(1)
        board.power_on()
    else:
        board.buttons.press_reset()
        bench.sleep(0.1)
        board.buttons.release_reset()
    bench.sleep(1)
    bench.wait_led(board, "breathing cyan", timeout=60)
    assert (board.firmware.cloud._connection.session.secrets == kept) is same
    assert call(bench, board) == 5


def test_a_board_that_resets_says_goodbye_and_is_offline_meanwhile(bench, online):
    board = online()
    there = session(bench, board)
    bench.lab.driver.call(board.firmware.disconnect_cloud)
    bench.sleep(1)
    assert there.closed and session(bench, board) is None
    bench.lab.driver.call(board.firmware.connect_cloud)
    bench.wait_led(board, "breathing cyan")
    assert call(bench, board) == 5


def test_a_sim_that_is_deactivated_takes_the_board_off_the_network_until_it_is_active_again(bench, online):
    board, sims = online(), bench.lab.cloud.sims
    bench.lab.driver.call(sims.set_up, board.sim, SimStatus.DEACTIVATED)
    bench.wait_led(board, "blinking green", timeout=60)
    bench.sleep(60)
    assert board.led.describe() == "blinking green"
    bench.lab.driver.call(sims.set_up, board.sim, SimStatus.ACTIVE)
    bench.wait_led(board, "breathing cyan", timeout=60)
    assert call(bench, board) == 5


def test_a_sim_that_an_account_activates_brings_a_board_online_that_blinks_green(bench):
    board = bench.board(platform="electron")
    bench.wait_led(board, "blinking green")
    cloud = bench.lab.cloud
    cloud.accounts.create("owner@example.com", "passw0rd")
    token = cloud.tokens.password_grant("particle-cli", "particle-cli", "owner@example.com", "passw0rd")
    owner = cloud.tokens.principal(token.token)
    bench.sleep(120)
    assert board.led.describe() == "blinking green"
    bench.lab.driver.call(cloud.sims.activate, owner, board.sim)
    bench.wait_led(board, "breathing cyan", timeout=120)
    assert session(bench, board) is not None


def test_a_board_that_holds_another_servers_key_says_so_by_its_led_and_the_cloud_notes_why(bench):
    board = bench.board(platform="electron", sim_status=SimStatus.ACTIVE, server_key=PrivateKey.from_number(77).public_der)
    bench.wait_led(board, "solid red", timeout=60)
    bench.sleep(1)
    assert "decrypt_error" in bench.lab.device_service.refusals[-1].why
    assert session(bench, board) is None


def test_a_server_that_is_not_there_is_orange_and_tried_again(bench):
    board = bench.board(platform="electron", sim_status=SimStatus.ACTIVE, server=ServerAddress("192.0.2.99", 5684))
    bench.wait_led(board, "blinking orange", timeout=60)
    bench.sleep(30)
    assert board.firmware.cloud.counters.attempts > 1
    assert board.firmware.cloud.last_error == "192.0.2.99:5684 has no server for datagrams"


def test_a_moved_server_is_where_the_board_is_after_a_reset(bench, online):
    board = online()
    moved = ServerMoved("192.0.2.1", 6684, bench.lab.udp_server_key.public_der).signed_by(bench.lab.mover_key)
    there, boots = session(bench, board), board.boots
    bench.lab.driver.call(there.ask, moved.encode, lambda _: True, lambda _: None, 10.0)
    bench.sleep(5)
    assert there.closed
    assert board.boots == boots + 1
    assert ServerAddress.decode(board.settings.get(DctField.ALT_SERVER_ADDRESS)) == ServerAddress("192.0.2.1", 6684)
    port = next(each for each in bench.lab.ports if each.transport is Transport.UDP)
    port.listen(bench.lab.network, "192.0.2.1", 6684)
    bench.wait_led(board, "breathing cyan", timeout=60)


@pytest.mark.parametrize(("platform", "os", "resets"), [("boron", "6.2.0", True), ("electron", "2.3.1", False)])
def test_the_cloud_can_have_a_board_hold_its_first_server_again(bench, online, platform, os, resets):
    port = next(each for each in bench.lab.ports if each.transport is Transport.UDP)
    port.listen(bench.lab.network, "192.0.2.1", 6684)
    board = online(platform, os, server=ServerAddress("192.0.2.1", 6684))
    bench.sleep(2)
    there, boots = session(bench, board), board.boots
    assert bench.lab.driver.call(there.publish, "spark/device/key/restore/x", "")
    bench.sleep(5)
    assert ServerAddress.decode(board.settings.get(DctField.ALT_SERVER_ADDRESS)) is None
    assert board.settings.get(DctField.ALT_SERVER_PUBLIC_KEY).rstrip(b"\xff") == bench.lab.udp_server_key.public_der
    assert board.boots == boots + resets
    bench.wait_led(board, "breathing cyan", timeout=60)


def flash(bench, board, image):
    return bench.lab.driver.run(_awaited(session(bench, board).flash(image)), timeout=600)


def is_sent_again(bench, board, image, interrupted):
    """An update that was interrupted fails; once the board is there again it is sent anew, and runs."""
    with pytest.raises((ConnectionError, TimeoutError)):
        bench.lab.driver.run(_awaited(interrupted), timeout=300)
    bench.wait_led(board, "breathing cyan", timeout=120)
    flash(bench, board, image)
    bench.sleep(2)
    bench.wait_led(board, "breathing cyan", timeout=300)


def test_an_update_of_version_3_arrives_over_a_network_that_loses_a_tenth(bench, online):
    board = online()
    cell(bench).link.loss = 0.1
    flash(bench, board, user_part(BORON, "6.2.0", "Echo", product=(13, 7)))
    bench.sleep(2)
    bench.wait_led(board, "breathing cyan", timeout=300)
    assert board.firmware.modules.user.product == (13, 7)
    assert call(bench, board) == 5


def test_a_board_resets_as_soon_as_the_cloud_knows_the_verdict(bench, online):
    """No second goes by, as it does after an update over USB, whose host still has to collect the answer."""
    board = online()
    boots = board.boots
    flash(bench, board, user_part(BORON, "6.2.0", "Echo", product=(13, 9)))
    bench.sleep(0.3)
    assert board.boots == boots + 1
    assert board.reset_reason is ResetReason.UPDATE


def test_an_update_that_was_interrupted_goes_on_where_it_was(bench, online):
    board = online()
    image = user_part(BORON, "6.2.0", "Echo", product=(13, 8), body=bytes(200_000))
    reply = bench.lab.driver.call(session(bench, board).flash, image)
    while (kept := board.transfer.load()) is None:
        bench.sleep(0.1)
    board.power_off()
    assert 0 < kept.received < len(image)
    board.power_on()
    is_sent_again(bench, board, image, reply)
    assert board.firmware.modules.user.product == (13, 8)
    assert board.transfer.load() is None


@pytest.mark.parametrize("what", ["changed", "moved"])
def test_what_was_interrupted_is_begun_anew_where_it_is_not_there_any_more(bench, online, what):
    """Somebody wrote into the OTA region over DFU, or another Device OS has it elsewhere."""
    board = online(os="5.4.1")
    image = user_part(BORON, "5.4.1", "Echo", product=(13, 8), body=b"\xa5" * 200_000)
    reply = bench.lab.driver.call(session(bench, board).flash, image)
    while board.transfer.load() is None:
        bench.sleep(0.1)
    board.power_off()
    start = board.platform.memory("5.4.1").region("ota").start
    if what == "changed":
        board.flash_named(external=True).program(start + 100, bytes(8))
    else:
        for content in device_os_release(BORON, "5.5.0"):
            place, lying = as_it_lies(read_module(content))
            copy(board.flash_named(external=False), place, lying)
    board.power_on()
    is_sent_again(bench, board, image, reply)
    assert board.firmware.modules.user.product == (13, 8)


def test_a_file_that_is_no_good_is_refused_with_the_devices_reason(bench, online):
    board = online()
    with pytest.raises(Refused, match="no such module"):
        flash(bench, board, b"no module at all".ljust(3000, b"."))
    assert call(bench, board) == 5


@pytest.mark.parametrize(
    ("os", "safe", "told"),
    [
        ("3.3.1", False, (20123, 7)),
        ("6.2.0", False, (13, 7)),
        ("3.3.1", True, (13, 0xFFFF)),
        ("6.2.0", True, (13, 7)),
    ],
)
def test_hello_names_the_product_as_the_version_can(bench, online, os, safe, told):
    board = online(os=os, product=(20123, 7))
    if safe:
        board.power_off()  # or the session goes on, and no Hello is said
        board.buttons.press_mode()
        board.power_on()
        bench.sleep(2)
        board.buttons.release_mode()
        bench.wait_led(board, "breathing magenta", timeout=60)
    hello = session(bench, board).hello
    assert (hello.product_id, hello.product_version) == told


def test_a_cellular_board_describes_its_modem_and_its_sim(bench, online):
    board = online("electron", "2.3.1")
    bench.sleep(1)
    known = bench.lab.cloud.connections.link(board.device_id).system
    assert known.extra == {"imei": board.identity.imei, "iccid": board.sim, "cellfw": board.hardware.modem_firmware}
