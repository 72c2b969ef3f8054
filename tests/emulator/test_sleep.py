"""Boards that sleep: what wakes them, what is seen of it, and how they go on with network and cloud."""

import pytest

from emulator.board.sleep import WakeUp
from emulator.board.stored_networks import StoredNetwork
from emulator.cloud.sim_records import SimStatus
from emulator.device_os.application import Application, function
from emulator.device_os.sleeping import SleepMode, SleepNetwork
from particle_protocol.cloud_profiles import Transport
from particle_protocol.dct import DctField

HOME = StoredNetwork("lab", 3, "secret123")
STOP, ULTRA, HIBERNATE = SleepMode.STOP, SleepMode.ULTRA_LOW_POWER, SleepMode.HIBERNATE


class Sleepy(Application):
    """Notes what it lives through."""

    last: "Sleepy"

    def setup(self):
        Sleepy.last = self
        self.woken_by = []
        self.ticks = []
        self.call_later(5, self.tick)

    def tick(self):
        self.ticks.append(self.context.now)
        self.call_later(5, self.tick)

    @function
    def echo(self, argument: str) -> int:
        return len(argument)

    def woken(self, by: WakeUp) -> None:
        self.woken_by.append(by)


@pytest.fixture
def online(bench):
    bench.lab.applications["Sleepy"] = Sleepy
    bench.lab.network.access_point("lab", "secret123")

    def make(platform="boron", os="3.3.1", **more):
        wifi = platform in ("photon", "argon")
        more |= {"networks": [HOME]} if wifi else {"sim_status": SimStatus.ACTIVE}
        board = bench.board(platform=platform, os=os, application="Sleepy", **more)
        if board.platform.generation > 2:
            board.settings.put(DctField.SETUP_DONE, b"\x01")
        bench.wait_led(board, "breathing cyan", timeout=120)
        bench.sleep(2)
        return board

    return make


@pytest.fixture
def asleep(bench, online):
    def make(platform="boron", os="3.3.1", mode=STOP, **how):
        board = online(platform, os)
        fall_asleep(bench, mode, **how)
        assert board.asleep
        return board

    return make


def fall_asleep(bench, mode=STOP, **how):
    bench.lab.driver.call(lambda: Sleepy.last.sleep(mode, **how))
    bench.sleep(2)


def ends(bench):
    """What tells the sessions of DTLS apart that the cloud has, in use or not."""
    port = next(each for each in bench.lab.ports if each.transport is Transport.UDP)
    return [end.cid or end.client_random for end in port.listener]


def session(bench, board):
    return next((each for each in bench.lab.device_service.sessions if each.device_id == board.device_id), None)


async def _awaited(reply):
    return await reply


def call(bench, board):
    return bench.lab.driver.run(_awaited(session(bench, board).call("echo", "hello")), timeout=60)


def shown_since(board, moment):
    return [str(change.status) for change in board.led.timeline if change.time >= moment]


@pytest.mark.parametrize(
    ("platform", "os", "mode"),
    [("electron", "2.3.1", STOP), ("electron", "1.5.2", HIBERNATE), ("boron", "3.3.1", ULTRA), ("tracker", "5.8.0", HIBERNATE)],
)
def test_a_session_over_udp_outlives_sleep(bench, online, platform, os, mode):
    board = online(platform, os)
    before, boots, hello = ends(bench), board.boots, session(bench, board).hello
    fall_asleep(bench, mode, seconds=300)
    began = bench.lab.clock.now
    assert board.asleep
    bench.sleep(250)
    assert shown_since(board, began) == [], "the LED stays off"
    assert (board.led.describe(), bench.usb(board)) == ("off", None)
    bench.sleep(50)
    assert not board.asleep
    bench.wait_led(board, "breathing cyan", timeout=120)
    bench.sleep(2)
    assert ends(bench) == before, "no other handshake"
    assert session(bench, board).hello is hello, "and no other Hello"
    assert board.boots == boots + (mode is HIBERNATE)
    assert call(bench, board) == 5
    assert Sleepy.last.woken_by == ([] if mode is HIBERNATE else [WakeUp.TIME])


def test_a_board_that_hibernated_reports_it_as_the_reason_of_its_reset(bench, asleep):
    board = asleep("tracker", "5.8.0", HIBERNATE, seconds=60)
    bench.sleep(70)
    bench.wait_led(board, "breathing cyan", timeout=120)
    assert board.reset_reason.name == "POWER_MANAGEMENT"


def test_over_tcp_sleep_ends_the_connection_and_there_is_another_one_afterwards(bench, online):
    board = online("photon", "2.3.1")
    before = session(bench, board)
    fall_asleep(bench, STOP, seconds=30)
    assert session(bench, board) is None
    bench.sleep(35)
    bench.wait_led(board, "breathing cyan")
    bench.sleep(1)
    assert session(bench, board) is not before
    assert call(bench, board) == 5


@pytest.mark.parametrize("wait_cloud", [True, False])
def test_the_cloud_is_told_of_a_sleep_only_if_that_is_asked_for(bench, asleep, wait_cloud):
    board = asleep(mode=STOP, seconds=600, wait_cloud=wait_cloud)
    assert bench.lab.cloud.connections.online(board.device_id) is not wait_cloud


def test_on_standby_the_session_goes_on_and_what_came_is_there_when_the_board_wakes(bench, asleep):
    board = asleep(mode=STOP, seconds=8, network=SleepNetwork.STANDBY)
    reply = session(bench, board).call("echo", "hello")
    bench.sleep(4)
    assert board.asleep
    assert not reply.done
    bench.sleep(3)
    assert reply.result() == 5
    assert Sleepy.last.woken_by == [WakeUp.TIME]
    assert board.led.describe() == "breathing cyan"


def test_a_function_call_wakes_a_board_that_is_to_be_woken_by_its_network(bench, asleep):
    board = asleep(mode=ULTRA, network=SleepNetwork.WAKES)
    bench.sleep(600)
    assert board.asleep
    assert call(bench, board) == 5
    assert not board.asleep
    assert Sleepy.last.woken_by == [WakeUp.NETWORK]


def test_mode_wakes_a_board_that_asked_for_it_and_no_other(bench, asleep):
    board = asleep(mode=STOP, seconds=60, button=True)
    board.buttons.press_mode()
    board.buttons.release_mode()
    assert not board.asleep
    assert Sleepy.last.woken_by == [WakeUp.BUTTON]
    bench.wait_led(board, "breathing cyan", timeout=120)
    fall_asleep(bench, seconds=60)
    board.buttons.press_mode()
    board.buttons.release_mode()
    assert board.asleep


@pytest.mark.parametrize("mode", [STOP, HIBERNATE])
def test_reset_and_a_power_cut_end_any_sleep(bench, asleep, mode):
    board = asleep("electron", "2.3.1", mode, seconds=3600)
    board.buttons.press_reset()
    board.buttons.release_reset()
    assert not board.asleep
    bench.wait_led(board, "breathing cyan", timeout=120)
    assert board.reset_reason.name == "PIN_RESET"
    fall_asleep(bench, mode, seconds=3600)
    board.power_off()
    assert not board.asleep
    board.power_on()
    bench.wait_led(board, "breathing cyan", timeout=120)
    bench.sleep(7200)
    assert board.led.describe() == "breathing cyan", "the alarm of the sleep that was cut short is not left"


@pytest.mark.parametrize(("platform", "counts"), [("electron", False), ("boron", True)])
def test_the_timer_of_an_stm32_stands_still_in_its_sleep(bench, online, platform, counts):
    online(platform, "2.3.1")
    bench.sleep(10)
    ticks = len(Sleepy.last.ticks)
    fall_asleep(bench, STOP, seconds=1000)
    bench.sleep(1000)
    assert len(Sleepy.last.ticks) - ticks in ((1, 2) if counts else (0, 1)), "late, and once: it sets itself again"
    bench.sleep(10)
    longest = max(b - a for a, b in zip(Sleepy.last.ticks, Sleepy.last.ticks[1:], strict=False))
    assert (longest > 900) is counts


def test_it_is_back_on_usb_with_the_serial_port_closed(bench, asleep):
    board = asleep(mode=STOP, seconds=10)
    assert bench.usb(board) is None
    bench.sleep(10)
    assert bench.usb(board) == (0x2B04, 0xC00D)


@pytest.mark.parametrize(
    ("platform", "os", "how", "why"),
    [
        ("boron", "3.3.1", {}, "nothing would wake it"),
        ("boron", "3.3.1", {"network": SleepNetwork.STANDBY}, "nothing would wake it"),
        ("boron", "3.3.1", {"mode": HIBERNATE, "seconds": 60}, "no time wakes it"),
        ("boron", "3.3.1", {"mode": HIBERNATE, "network": SleepNetwork.STANDBY}, "keeps no network"),
        ("electron", "2.3.1", {"seconds": 0.5}, "at least a second"),
        ("electron", "2.3.1", {"network": SleepNetwork.WAKES}, "no network wakes"),
        ("electron", "1.5.2", {"mode": ULTRA, "seconds": 60}, "before Device OS 2.0"),
        ("electron", "2.3.1", {"mode": HIBERNATE, "button": True}, "MODE does not wake"),
    ],
)
def test_a_sleep_that_a_board_cannot_have_is_refused_with_what_it_can(bench, online, platform, os, how, why):
    board = online(platform, os)
    with pytest.raises(ValueError, match=why):
        bench.lab.driver.call(lambda: Sleepy.last.sleep(**how))
    bench.sleep(5)
    assert not board.asleep


def test_a_snapshot_is_restored_into_a_board_that_sleeps(bench, online):
    board = online()
    state = board.snapshot()
    fall_asleep(bench, seconds=60)
    board.restore(state)
    bench.sleep(200)
    assert not board.asleep
    assert board.led.describe() == "breathing cyan"
