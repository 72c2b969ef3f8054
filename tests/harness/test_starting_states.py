"""From any state to any other: the tables of docs/writing-tests.md, cell by cell."""

from pathlib import Path

import pytest

from firmware_images.build import build_module
from firmware_images.fields import Dependency
from firmware_images.module import read_module
from harness.board import Board
from harness.capabilities import Extras
from harness.cloud import Cloud
from harness.errors import CapabilityMissing, ChangesNotAllowed, InTheWay, NotReached
from harness.flashing.installed import installed_version
from harness.loading import load
from harness.modes import Capability, Mode
from harness.starting import Start
from particle_protocol.platforms import Feature, ModuleFunction

DOCS = Path(__file__).resolve().parents[2] / "docs/writing-tests.md"
TARGETS = {
    '`mode="dfu"`': Start(Mode.DFU),
    '`"listening"`': Start(Mode.LISTENING),
    '`"online"`': Start(Mode.ONLINE),
    '`"safe"`': Start(Mode.SAFE),
    '`"running"`': Start(Mode.RUNNING),
    '`"off"`': Start(Mode.OFF),
    "`claimed=True`": Start(claimed=True),
    "`claimed=False`": Start(claimed=False),
    '`os="2.2.0"`': Start(os="2.2.0"),
}


def tables():
    """The rows of both tables: whether the board has all that a program can have, how it was left, target and word of each cell."""
    text = DOCS.read_text(encoding="utf-8").partition("## From any state to any other")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    heads = [place for place, cells in enumerate(lines) if cells[0] == "left"]
    assert len(heads) == 2
    for place, cells in enumerate(lines):
        if cells[0] != "left" and not cells[0].startswith("---"):
            head = lines[max(each for each in heads if each < place)]
            yield place < heads[1], cells[0], dict(zip(head[1:], cells[1:], strict=True))


ROWS = list(tables())


class Bench:
    """A board in a Lab, with the account of the run and another."""

    def __init__(self, rig):
        self.rig = rig
        (self.board,) = rig.boards
        self.emulated = self.board.host.boards["1-1"]
        self.cloud = Cloud(rig.cloud)
        self.account = self.cloud.own_account()

    def online(self):
        self.board.account = self.account  # which activates the SIM of a cellular board
        Start(Mode.ONLINE).bring(self.board, self.rig.wifi)
        self.board.account = None

    def spoil_network(self):
        """Have the board no way to its cloud: wrong credentials, or a SIM that is not active any more."""
        if self.board.platform.has(Feature.WIFI):
            self.board.set_wifi(self.rig.wifi.ssid, "not the password")
        else:
            self.online()
            (sim,) = self.account.request("GET", "/v1/sims")["sims"]
            self.account.request("PUT", f"/v1/sims/{sim['_id']}", json={"action": "deactivate"})
        self.board.host.clock.sleep(10)

    def leave(self, state):
        """Leave the board as somebody might have left it."""
        board = self.board
        if state == "without power":
            board.power.off()
        elif state == "in DFU mode":
            board.enter_dfu()
        elif state == "with wrong Wi-Fi credentials":
            self.spoil_network()
        elif state != "new, in listening mode":
            self.online()
            self.leave_online_board(state)

    def leave_online_board(self, state):
        board = self.board
        match state:
            case "listening, with a network":
                board.enter_listening()
            case "online, claimed by the account":
                self.account.claim(board.device_id)
            case "claimed by another account":
                self.cloud.sign_up("other@example.com", "their password").claim(board.device_id)
            case "in safe mode, as it was asked to":
                board.enter_safe_mode()
                board.wait_for(Mode.SAFE)
            case "in safe mode, for its application misses something":
                needs, fits = Dependency(ModuleFunction.SYSTEM_PART, 1, 0xFFFE), read_module(load(board.releases.application())[1]).prefix
                board.flash(build_module(board.platform.id, fits.function, fits.index, 6, dependencies=(needs,), body=b"unmet"))
                board.wait_for(Mode.SAFE)
            case "with an update over the air under way":
                self.account.claim(board.device_id)
                self.account.flash(board.device_id, board.releases.application())
                board.until(lambda: "magenta" in board.led.describe(), timeout=60, awaited="the update to begin", seen=board.led.describe)
            case _:
                assert state == "online", state

    def seen_by(self, full, *, allow_changes=True):
        """The board as the harness gets it: with LED and power switch, or on USB only."""
        board = self.board
        extras = Extras(led=board.led, power=board.power, releases=board.releases, takes_stand_ins=True)
        if not full:
            extras = Extras(releases=board.releases, takes_stand_ins=True)
        made = Board(board.host, board.platform, board.device_id, moniker="x", port="1-1", allow_changes=allow_changes, extras=extras)
        made.account = self.account
        return made

    def is_in(self, target):
        """Whether the board is in that state, as all that can be known of it in a Lab says."""
        mine = self.account.find(self.board.device_id)
        if target.claimed is not None:
            return (mine is not None and mine.owner == self.account.username) is target.claimed
        if target.os is not None:
            return self.board.os_version() == target.os
        modes = {Mode.RUNNING: (Mode.ONLINE, Mode.CONNECTING_NETWORK, Mode.CONNECTING_CLOUD, Mode.OFFLINE)}.get(target.mode, (target.mode,))
        return self.board.mode() in modes

    def stays_in(self, target):
        """Whether it is there soon, and a minute later still."""
        self.board.until(lambda: self.is_in(target), timeout=10, awaited=str(target), seen=lambda: str(self.board.mode()))
        self.board.host.clock.sleep(60)
        return self.is_in(target)

    def close(self):
        self.board.account = None
        self.cloud.close()


@pytest.fixture
def bench(open_rig):
    made = []

    def build(platform="photon"):
        made.append(Bench(open_rig(f"emu:{platform}")))
        return made[-1]

    yield build
    for each in made:
        each.close()


REFUSALS = {
    "theirs": (InTheWay, "tester@example.com cannot claim it; seen: the cloud says: That belongs to someone else"),
    "unseen": (CapabilityMissing, "Without it nobody can witness safe mode"),
    "no switch": (CapabilityMissing, "this board has no power switch"),
    "absent": (NotReached, "nothing at USB port 1-1. Check its power and its cable"),
}


EVERY_ROW = pytest.mark.parametrize(
    ("full", "state", "cells"), ROWS, ids=[f"{'full' if full else 'usb'}-{state}" for full, state, _ in ROWS]
)


@EVERY_ROW
def test_from_any_state_to_any_other(bench, full, state, cells):
    prove(bench, "photon", full, state, cells)


@pytest.mark.parametrize(("full", "state", "cells"), [row for row in ROWS if "update" in row[1]], ids=["full", "usb"])
def test_an_update_that_ends_in_between_disturbs_nothing(bench, full, state, cells):
    """Over UDP it is received within the second in which the board was to reset into another mode."""
    prove(bench, "argon", full, state, cells)


@pytest.mark.soak
@EVERY_ROW
@pytest.mark.parametrize("platform", ["p1", "electron", "argon", "boron", "tracker"])
def test_the_same_on_other_boards(bench, platform, full, state, cells):
    prove(bench, platform, full, state, cells)


TOGETHER = [
    Start(Mode.ONLINE, claimed=True, os="2.2.0"),
    Start(Mode.RUNNING, claimed=True, os="2.2.0"),
    Start(Mode.LISTENING, claimed=False, os="2.2.0"),
    Start(Mode.LISTENING, claimed=True),
    Start(Mode.SAFE, claimed=True),
    Start(Mode.DFU, claimed=True),
    Start(Mode.DFU, os="2.2.0"),
]


@pytest.mark.soak
@pytest.mark.parametrize("target", TOGETHER, ids=str)
@pytest.mark.parametrize("full", [True, False], ids=["full", "usb"])
@pytest.mark.parametrize("platform", ["photon", "electron", "argon", "boron"])
def test_mode_owner_and_version_together(bench, platform, full, target):
    for state in dict.fromkeys(state for _, state, _ in ROWS):
        theirs = target.claimed and state == "claimed by another account"
        if theirs or (state == "without power" and not full):
            continue
        made = bench(platform)
        made.leave(state)
        target.bring(made.seen_by(full), made.rig.wifi)
        assert target.os is None or installed_version(made.board) == target.os, state
        for part in (Start(target.mode), Start(claimed=target.claimed)):
            assert part == Start() or made.stays_in(part), (state, part)


def prove(bench, platform, full, state, cells):
    """Every cell of a row is so."""
    assert list(cells) == list(TARGETS)
    for name, word in cells.items():
        made = bench(platform)
        made.leave(state)
        board, target = made.seen_by(full), TARGETS[name]
        boots, began = made.emulated.boots, board.host.clock.now()
        if word == "yes":
            target.bring(board, made.rig.wifi)
            assert made.stays_in(target), (name, made.board.mode())
            continue
        error, text = REFUSALS[word]
        with pytest.raises(error) as caught:
            target.bring(board, made.rig.wifi)
        assert text in str(caught.value), name
        assert made.emulated.boots == boots, f"{name}: it was touched"
        assert board.host.clock.now() - began < 1, f"{name}: it was not told at once"


def test_both_tables_tell_of_the_same_states():
    states = [[state for full, state, _ in ROWS if full is wanted] for wanted in (True, False)]
    assert states[0] == states[1]
    assert len(states[0]) == 11


@pytest.mark.parametrize("state", ["new, in listening mode", "in DFU mode", "online", "in safe mode, as it was asked to"])
@pytest.mark.parametrize("target", [Start(claimed=True), Start(os="2.2.0"), Start(Mode.ONLINE, claimed=True)], ids=str)
def test_without_permission_nothing_is_changed_and_the_board_not_touched(bench, state, target):
    made = bench()
    made.leave(state)
    boots = made.emulated.boots
    with pytest.raises(ChangesNotAllowed):
        target.bring(made.seen_by(full=False, allow_changes=False), made.rig.wifi)
    assert made.emulated.boots == boots


def test_without_permission_a_board_that_its_application_keeps_in_safe_mode_says_so(bench):
    made = bench()
    made.leave("in safe mode, for its application misses something")
    board = made.seen_by(full=False, allow_changes=False)
    with pytest.raises(InTheWay, match="what it is made of keeps it in safe mode; seen: not met: what user part 1 needs"):
        Start(Mode.ONLINE).bring(board, made.rig.wifi)


def test_a_state_that_needs_what_the_board_has_already_asks_for_no_permission(bench):
    made = bench()
    made.leave("online, claimed by the account")
    board = made.seen_by(full=False, allow_changes=False)
    Start(Mode.ONLINE, claimed=True, os=made.board.os_version()).bring(board, made.rig.wifi)
    assert Capability.LED not in board.capabilities
