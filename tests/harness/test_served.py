"""Hands on boards that are served: by the API, and by the verb."""

import json

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.cli.served_control import FILE, announced, chosen
from harness.cloud import Cloud
from harness.errors import CloudRefused, HarnessError
from harness.lab import OwnFolder
from harness.modes import Mode


@pytest.fixture
def hands(open_rig):
    """A listening Photon and one without power; `ask(method, path, **body)` asks the API below /emulator/boards."""
    rig = open_rig("emu:photon", "emu:photon?mode=off")
    cloud = Cloud(rig.cloud)
    account = cloud.own_account()

    def ask(method, path="", **body):
        return cloud.request(method, f"/emulator/boards{path}", token=account.token, json=body or None)

    yield rig.boards, ask
    cloud.close()


def test_what_is_told_of_the_boards(hands):
    (board, _), ask = hands
    first, second = ask("GET")["boards"]
    assert first == {
        "device_id": board.device_id,
        "name": "emu:photon",
        "platform": "photon",
        "port": "1-1",
        "power": True,
        "plugged": True,
        "held": [],
        "led": "blinking dark blue",
        "sim": None,
        "banned": False,
    }
    assert (second["power"], second["led"]) == (False, "off")
    assert ask("GET", "/1-1") == ask("GET", f"/{board.device_id.upper()}") == ask("GET", "/emu:photon") == first


def test_power_is_switched(hands):
    (board, other), ask = hands
    assert ask("PUT", "/1-1", power=False)["led"] == "off"
    assert board.mode() is Mode.OFF
    assert ask("PUT", "/1-2", power=True)["power"] is True
    other.wait_for(Mode.LISTENING)


def test_the_cable_is_pulled_and_the_board_goes_on(hands):
    (board, _), ask = hands
    for _ in range(2):
        assert ask("PUT", "/1-1", plugged=False)["plugged"] is False
    assert board.host.usb_entries(lambda vid, pid: True, port="1-1") == []
    assert board.led.describe() == "blinking dark blue"
    for _ in range(2):
        assert ask("PUT", "/1-1", plugged=True)["plugged"] is True
    board.wait_for(Mode.LISTENING)


def test_buttons_bring_a_board_into_dfu_mode_and_out_of_it(hands):
    (board, _), ask = hands
    assert ask("PUT", "/1-1", mode=True)["held"] == ["mode"]
    ask("POST", "/1-1/press", button="reset")
    board.until(lambda: board.led.describe() == "blinking yellow", timeout=30, awaited="blinking yellow", seen=board.led.describe)
    assert ask("PUT", "/1-1", mode=False)["held"] == []
    board.wait_for(Mode.DFU)
    ask("POST", "/1-1/press", button="reset", seconds=0.5)
    board.wait_for(Mode.LISTENING)


def test_a_press_lasts_as_long_as_it_is_told(hands):
    (board, _), ask = hands
    board.leave_listening()
    begun = board.host.clock.now()
    ask("POST", "/1-1/press", button="mode", seconds=4)
    assert board.host.clock.now() - begun == pytest.approx(4, abs=0.5)
    board.wait_for(Mode.LISTENING)


def test_sims_are_put_in_and_taken_out_and_modems_banned(open_rig):
    rig = open_rig("emu:electron?sim_state=active", "emu:electron?sim=none")
    board, other = rig.boards
    cloud = Cloud(rig.cloud)
    board.account = account = cloud.own_account()

    def ask(path, **body):
        return cloud.request("PUT", f"/emulator/boards{path}", token=account.token, json=body)

    board.wait_for(Mode.ONLINE)
    own = ask("/1-1", banned=True)["sim"]
    board.wait_for(Mode.CONNECTING_NETWORK)
    assert ask("/1-1", banned=False)["banned"] is False
    board.wait_for(Mode.ONLINE)
    card = ask("/1-1", sim="spare")["sim"]
    assert card != own
    board.wait_for(Mode.CONNECTING_NETWORK)
    assert account.sims.can_be_activated(card), "nobody has it"
    assert ask("/1-1", sim="none")["sim"] is None
    assert ask("/1-2", sim=own, power=False)["sim"] == own
    assert ask("/1-2", power=True)["power"] is True
    other.account = account
    other.wait_for(Mode.ONLINE)
    with pytest.raises(CloudRefused, match=f"is in board {other.device_id}: take it out there first"):
        ask("/1-1", sim=own)
    cloud.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nobody", {}, 404),
        ("PUT", "/nobody", {"power": False}, 404),
        ("POST", "/nobody/press", {"button": "mode"}, 404),
        ("POST", "/1-1/press", {"button": "setup"}, 400),
        ("POST", "/1-1/press", {"button": "mode", "seconds": 3600}, 400),
        ("PUT", "/1-1", {"power": "perhaps"}, 400),
        ("PUT", "/1-1", {"sim": "spare"}, 400),
        ("PUT", "/1-1", {"sim": "none"}, 400),
        ("PUT", "/1-1", {"banned": True}, 400),
        ("PUT", "/nobody", {"sim": "spare"}, 404),
    ],
)
def test_what_cannot_be_done_is_refused(hands, method, path, body, status):
    _, ask = hands
    with pytest.raises(CloudRefused) as caught:
        ask(method, path, **body)
    assert caught.value.status == status


def test_an_account_that_somebody_made_for_himself_lays_hands_on_nothing(hands, open_rig):
    rig = open_rig("emu:photon")
    cloud = Cloud(rig.cloud)
    stranger = cloud.sign_up("stranger@example.com", "something")
    for method, path, body in (("GET", "", None), ("PUT", "/1-1", {"power": False}), ("POST", "/1-1/press", {"button": "mode"})):
        with pytest.raises(CloudRefused) as caught:
            cloud.request(method, f"/emulator/boards{path}", token=stranger.token, json=body)
        assert caught.value.status == 403
    cloud.close()


def test_hands_are_brought_back_with_everything_else(hands, open_rig):
    rig = open_rig("emu:photon")
    first = rig.snapshot()
    cloud = Cloud(rig.cloud)
    token = cloud.own_account().token
    cloud.request("PUT", "/emulator/boards/1-1", token=token, json={"plugged": False, "mode": True})
    rig.restore(first)
    assert rig.boards[0].mode() is Mode.LISTENING
    cloud.close()


@pytest.fixture
def private(tmp_path, monkeypatch):
    """A place for the folders of servers that no other server uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield tmp_path
    monkeypatch.undo()


def hand(*words, status=0):
    """What `particle-hil served` says, in this process."""
    done = CliRunner().invoke(cli, ["served", *words], catch_exceptions=False, prog_name="particle-hil")
    assert done.exit_code == status, done.output
    return done.output


def test_the_verb(private, open_rig):
    rig = open_rig("emu:photon", served=True)
    device_id = rig.boards[0].device_id
    with OwnFolder("particle-hil") as folder, announced(folder.path, rig.cloud):
        assert ((folder.path / FILE).is_file(), folder.path.stat().st_mode & 0o077) == (True, 0), "nobody else can read the token"
        assert f"emu:photon  {device_id}  at USB port 1-1: LED blinking dark blue" in hand("list")
        assert json.loads(hand("off", "1-1", "--json", "--api", rig.cloud.url))["power"] is False
        assert "1-1: off, LED off" in hand("list")
        assert "1-1: LED" in hand("on", device_id)
        assert "unplugged" in hand("unplug", "emu:photon")
        assert "unplugged" not in hand("plug", "emu:photon")
        assert "MODE held down" in hand("hold", "1-1", "mode")
        assert "held down" not in hand("release", "1-1", "mode")
        hand("press", "1-1", "reset", "--seconds", "0")
        said = hand("on", "nobody", status=2)
        assert f"no served board is 'nobody'; seen: emu:photon ({device_id} at 1-1). Name one that is" in said
    said = hand("list", status=3)
    assert "no server of yours is running. Start one with `particle-hil serve`, or name one with --api" in said


def test_the_verb_on_a_cellular_board(private, open_rig):
    rig = open_rig("emu:electron", served=True)
    with OwnFolder("particle-hil") as folder, announced(folder.path, rig.cloud):
        sim = json.loads(hand("sim", "1-1", "spare", "--json"))["sim"]
        assert f"1-1: SIM {sim}, LED" in hand("list")
        assert "modem banned" in hand("ban", "1-1")
        assert "banned" not in hand("unban", "1-1")
        assert "SIM" not in hand("sim", "1-1", "none")
        assert "'12345' is no ICCID" in hand("sim", "1-1", "12345", status=2)


def test_serve_can_be_found(served, private):
    with served("--board", "emu:photon") as told:
        assert "LED blinking dark blue" in hand("list")
        assert chosen(None).api == told["api"]
    assert list(private.glob("particle-hil.*")) == []


def test_servers_that_are_gone_are_passed_over_and_several_have_to_be_named(private, open_rig):
    rig = open_rig("emu:photon")
    for name in ("particle-hil.one", "particle-hil.two"):
        (private / name).mkdir()
        (private / name / FILE).write_text(json.dumps({"api": f"http://{name}", "token": "x"}))
    with pytest.raises(HarnessError, match=r"several servers of yours are running; seen: .*one, .*two\. Name one with --api"):
        chosen(None)
    assert chosen("http://particle-hil.two/").api == "http://particle-hil.two"
    (private / "particle-hil.two" / FILE).write_text("{")
    assert chosen(None).token == "x"
    assert "x" not in repr(chosen(None)).replace("particle-hil", "")
    with announced(private / "particle-hil.two", rig.cloud):
        token = json.loads((private / "particle-hil.two" / FILE).read_text())["token"]
        cloud = Cloud(rig.cloud)
        assert cloud.account(token).username == rig.cloud.username
    with pytest.raises(CloudRefused):
        cloud.account(token)
    cloud.close()
