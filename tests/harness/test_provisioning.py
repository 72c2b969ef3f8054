"""The flows: their steps, their progress, and verdicts that tell which part of the bench is to blame."""

import pytest

from harness.cloud import Cloud, WifiNetwork
from harness.errors import Blame, CloudRefused, NotReached
from harness.modes import Mode
from harness.provisioning import DeveloperClaim, Flow, Step, Unclaim
from harness.provisioning.flow import Outcome
from particle_protocol.dct import DctField


@pytest.fixture
def rig(open_rig):
    return open_rig("emu:photon")


@pytest.fixture
def board(rig):
    return rig.boards[0]


@pytest.fixture
def cloud(rig):
    made = Cloud(rig.cloud)
    yield made
    made.close()


@pytest.fixture
def account(cloud, board):
    board.account = cloud.login(cloud.target.username, cloud.target.password)
    return board.account


def test_a_board_out_of_its_box_becomes_a_device_of_ones_own(rig, board, account):
    told = []
    application = board.releases.application()
    flow = DeveloperClaim(board, account, rig.wifi, os="2.1.0", images=[application], name="bench-7")
    verdict = flow.run(lambda number, count, name: told.append((number, count, name)))
    assert verdict.passed, str(verdict)
    names = [
        "identify",
        "update Device OS",
        "flash",
        "enter listening mode",
        "give Wi-Fi credentials",
        "connect to the cloud",
        "claim",
        "rename",
        "mark as set up",
    ]
    assert told == [(number, 9, name) for number, name in enumerate(names, 1)]
    assert [step.name for step in verdict.steps] == names
    assert verdict.steps[-1].outcome is Outcome.NOT_NEEDED, "a Photon has no such mark"
    assert "owned by tester@example.com" in verdict.steps[6].seen
    board.host.clock.sleep(10)  # it describes itself a moment after it connected
    device = account.device(board.device_id)
    assert (device.name, device.owner, device.online, device.os_version) == ("bench-7", "tester@example.com", True, "2.1.0")
    assert "passed, 9 steps" in str(verdict)
    assert verdict.raise_if_failed() is verdict
    assert board.led_since_epoch()[-1] == "breathing cyan"


def test_every_step_carries_what_was_done_and_seen(rig, board, account):
    verdict = DeveloperClaim(board, account, rig.wifi).run()
    (step,) = [step for step in verdict.steps if step.name == "give Wi-Fi credentials"]
    assert [entry.text for entry in step.entries] == ["gave it the credentials of the network 'particle-hil' over the serial console"]
    assert verdict.seconds == pytest.approx(sum(step.seconds for step in verdict.steps))


def test_steps_that_are_done_already_are_not_needed(rig, board, account):
    assert DeveloperClaim(board, account, rig.wifi).run().passed
    verdict = DeveloperClaim(board, account).run()
    assert [step.name for step in verdict.steps] == ["identify", "connect to the cloud", "claim", "mark as set up"]
    assert verdict.passed, "claiming one's own again changes nothing"


def test_a_wrong_password_blames_the_network(rig, board, account):
    verdict = DeveloperClaim(board, account, WifiNetwork(rig.wifi.ssid, "a wrong password")).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("connect to the cloud", Blame.NETWORK)
    assert "blinking dark blue" in verdict.reason, "a Photon that cannot join what it was just given listens again"
    assert "Check the network's name and password" in verdict.remedy
    with pytest.raises(NotReached):
        verdict.raise_if_failed()


def test_a_network_without_a_way_out_is_blamed(rig, board, account):
    board.host.lab.network.access_points[0].internet = False
    verdict = DeveloperClaim(board, account, rig.wifi).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("connect to the cloud", Blame.NETWORK)


def test_a_board_that_trusts_another_server_blames_the_cloud_with_its_reason(rig, board, account):

    emulated = board.host.boards["1-1"]
    key = bytearray(emulated.settings.read(DctField.SERVER_PUBLIC_KEY.offset, 294))
    key[100] ^= 1
    emulated.settings.write(DctField.SERVER_PUBLIC_KEY.offset, bytes(key))
    verdict = DeveloperClaim(board, account, rig.wifi).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("connect to the cloud", Blame.CLOUD)
    assert "in the cloud's log" in verdict.reason
    assert verdict.remedy.startswith("It reaches no cloud that it trusts")


def test_a_board_that_is_gone_blames_the_rack(rig, board, account):
    board.power.off()
    verdict = DeveloperClaim(board, account, rig.wifi).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("identify", Blame.RACK)
    assert "failed at 'identify'; to blame: the rack" in str(verdict)


def test_somebody_elses_board_is_not_claimed(rig, board, cloud):
    owner = cloud.sign_up("owner@example.com", "another password")
    assert DeveloperClaim(board, owner, rig.wifi).run().passed
    verdict = DeveloperClaim(board, cloud.login(cloud.target.username, cloud.target.password)).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("claim", Blame.REQUEST)
    assert "belongs to someone else" in verdict.reason
    assert isinstance(verdict.error, CloudRefused)


def test_a_bad_image_ends_the_flow_before_the_board_is_touched(rig, board, account):
    verdict = DeveloperClaim(board, account, rig.wifi, images=[b"\x5a" * 100]).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("flash", Blame.REQUEST)
    assert board.mode() is Mode.LISTENING


def test_a_board_is_given_up_while_it_is_offline(rig, board, account):
    DeveloperClaim(board, account, rig.wifi, name="bench-7").run().raise_if_failed()
    board.enter_dfu()
    verdict = Unclaim(board, account).run()
    assert verdict.passed
    assert verdict.steps[0].seen.startswith("bench-7")
    assert account.devices() == []
    board.leave_dfu()
    board.wait_for(Mode.ONLINE)


def test_giving_up_what_one_does_not_have_is_refused(board, account):
    verdict = Unclaim(board, account).run()
    assert (verdict.steps[-1].name, verdict.blame) == ("look it up", Blame.REQUEST)
    assert "it is not this account's" in verdict.reason


def test_a_flow_ends_at_the_first_step_that_fails(board):
    ran = []

    class Sample(Flow):
        name = "sample"

        def steps(self):
            return [Step("one", lambda: ran.append(1) or "fine"), Step("two", self.fail), Step("three", lambda: ran.append(3))]

        def fail(self):
            raise NotReached("a miracle", 1, seen="nothing", blame=Blame.CLOUD)

    ended = []
    verdict = Sample(board).run(on_step=ended.append)
    assert ran == [1]
    assert [str(report).split(" (")[0] for report in ended] == ["one: done", "two: failed"]
    assert verdict.blame is Blame.CLOUD
