"""What takes long is told, and shown to whoever waits at a terminal."""

import io
import re
import sys
import threading
from types import SimpleNamespace

import pytest
from rich.console import Console

from harness import waits
from harness.boards import OpenOptions, open_boards
from harness.cli import bar as bars
from harness.cli.check_report import TextReport
from harness.cli.waiting import shown_waits, waiting_line
from harness.errors import BoardNotAvailable
from harness.journal import Entry, Kind
from harness.pool.lease import take, wait_for
from harness.pytest_plugin.long_waits import LongWaits

ID = "0123456789abcdef01234567"


class Screen(io.StringIO):
    """A terminal; `saw(text)` lets time pass until something is drawn on it."""

    encoding = "utf-8"

    def __init__(self, terminal=True):
        super().__init__()
        self._terminal = terminal
        self._changed = threading.Condition()

    def isatty(self):
        return self._terminal

    def write(self, text):
        with self._changed:
            self._changed.notify_all()
            return super().write(text)

    def saw(self, text):
        with self._changed:
            return self._changed.wait_for(lambda: text in re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self.getvalue()), 10)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(bars, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def heard():
    told = []
    with waits.listen(lambda text, share: told.append((text, share))):
        yield told


@pytest.mark.usefixtures("at_once")
def test_whoever_waits_at_a_terminal_sees_a_bar(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with shown_waits():
        waits.tell("making boards: emu:photon", 0.25)
        assert screen.saw("making boards: emu:photon")
        assert screen.saw("25%")
    with waiting_line() as tell:
        tell("fetching particle-cli@2.14.0 with npm: 2 seconds so far")
        assert screen.saw("fetching particle-cli@2.14.0")
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h"), "the cursor is shown again"


@pytest.mark.usefixtures("at_once")
def test_where_there_is_no_terminal_nothing_is_drawn(monkeypatch):
    screen = Screen(terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    with shown_waits():
        waits.tell("making boards: emu:photon", 0.25)
    assert screen.getvalue() == ""


def test_boards_that_are_opened_are_told_of_one_by_one(heard):
    (rig,) = open_boards(["emu:photon", "emu:argon?claimed=1"], OpenOptions())
    rig.close()
    assert ("making boards: emu:photon", 0.0) in heard
    assert ("making boards: emu:argon?claimed=1", 0.5) in heard
    assert ("waiting for boards to come up: emu:argon?claimed=1", 0.5) in heard


def test_who_has_the_board_that_is_waited_for_is_told(heard, tmp_path):
    clock = SimpleNamespace(at=0.0)
    clock.now = lambda: clock.at
    clock.sleep = lambda seconds: setattr(clock, "at", clock.at + seconds)
    lease = take(ID, tmp_path)
    try:
        with pytest.raises(BoardNotAvailable):
            wait_for([ID], timeout=4.0, folder=tmp_path, clock=clock)
    finally:
        lease.release()
    text, share = heard[-1]
    assert re.match(r"waiting for a board: .*; at most \d s more", text)
    assert 0.5 < share < 1


@pytest.mark.usefixtures("at_once")
def test_a_check_shows_how_far_it_is():
    screen = Screen()
    report = TextReport(steps=True, console=Console(file=screen, force_terminal=True, width=120))
    report.pytest_sessionstart()
    report.checks.append(check := SimpleNamespace(title="It is flashed.", board="emu:photon", outcome="passed", steps=[], reason=""))
    report.began(check)
    report.stepped(Entry(0.0, Kind.PROGRESS, "writing app.bin", share=0.5))
    assert screen.saw("writing app.bin")
    waits.tell("waiting for a board: somebody has it", None)
    assert screen.saw("waiting for a board")
    report.pytest_sessionfinish()
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h")


def test_a_pytest_run_says_once_that_it_waits():
    lines, clock = [], SimpleNamespace(now=0.0)
    reporter = SimpleNamespace(ensure_newline=lambda: None, write_line=lines.append)
    plugins = SimpleNamespace(get_plugin=lambda name: reporter if name == "terminalreporter" else None)
    told = LongWaits(SimpleNamespace(pluginmanager=plugins), lambda: clock.now)
    for at in (0.0, 1.0, 2.0, 3.0, 4.0):
        clock.now = at
        told.tell(f"waiting for a board: {at} s")
    assert lines == ["particle-hil: waiting for a board: 2.0 s"]
    for at in (60.0, 61.0, 62.5):
        clock.now = at
        told.tell("waiting for a board: again")
    assert lines[1:] == ["particle-hil: waiting for a board: again"]
