"""The command: its verbs, their help, and errors without tracebacks."""

import io
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from harness.boards import Moniker
from harness.boards.emu import id_abroad
from harness.cli import main as command
from harness.cli.boards import boards
from harness.cli.check import check
from harness.cli.check_report import Check, TextReport
from harness.cli.led import led_text
from harness.cli.main import VERBS, cli
from harness.cli.run import run_program
from harness.errors import Blame, BoardNotAvailable, CloudUnreachable, HarnessError, Unavailable
from harness.host import RealHost
from harness.journal import Entry, Kind

ROOT = Path(__file__).resolve().parents[2]


def particle_hil(*arguments, **options):
    program = "from particle_hil.command import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"image"}))
def test_every_verb_has_help_with_an_example(verb):
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0
    assert f"particle-hil {verb}" in result.output


def test_the_help_lists_every_verb():
    result = CliRunner().invoke(cli, ["--help"])
    assert all(f"  {verb} " in result.output for verb in VERBS)
    assert "particle-hil check --board emu:photon" in result.output


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BoardNotAvailable(Unavailable.UNPLUGGED, "in mid-transfer"), 3),
        (CloudUnreachable("the cloud did not answer"), 3),
        (BoardNotAvailable(Unavailable.AMBIGUOUS, "usb:1-1"), 3),
        (BoardNotAvailable(Unavailable.BAD_MONIKER, "usb:"), 2),
        (HarnessError("a wrong option", blame=Blame.REQUEST), 2),
        (click.UsageError("no such option"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_are_one_line_and_a_status(monkeypatch, capsys, error, status):
    def fail(_context):
        raise error

    monkeypatch.setattr(command.cli, "invoke", fail)
    with pytest.raises(SystemExit) as caught:
        command.main(["boards"])
    assert caught.value.code == status
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert told


@pytest.mark.parametrize(("given", "status"), [(None, 0), (0, 0), (1, 1), (7, 7)])
def test_a_verbs_own_status_is_the_commands(monkeypatch, given, status):
    monkeypatch.setattr(command.cli, "invoke", lambda _context: given)
    with pytest.raises(SystemExit) as caught:
        command.main(["boards"])
    assert caught.value.code == status


def test_a_wrong_moniker_is_told_in_one_line():
    done = particle_hil("check", "--board", "photon")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "has no kind. Write emu:photon" in done.stderr


def test_attached_boards_are_listed(open_rig, monkeypatch):
    host = open_rig("emu:photon", "emu:photon?mode=dfu").boards[0].host
    monkeypatch.setattr("harness.cli.boards.RealHost", lambda: host)
    told = json.loads(CliRunner().invoke(boards, ["--json"]).output)
    assert [board["usb"] for board in told["boards"]] == ["normal-mode USB", "DFU-mode USB"]
    assert {"emu", "usb"} <= set(told["kinds"])
    text = CliRunner().invoke(boards, []).output
    assert told["boards"][0]["moniker"] in text
    assert "DFU-mode USB" in text


def test_a_bus_without_boards_says_so(monkeypatch):
    monkeypatch.setattr(RealHost, "usb_entries", lambda *_, **__: [])
    monkeypatch.setattr(RealHost, "serial_entries", lambda *_: [])
    assert "No Particle board is attached" in CliRunner().invoke(boards, []).output


@pytest.mark.parametrize(
    ("shown", "style"),
    [("blinking dark blue", "bold blue"), ("breathing cyan", "bold cyan"), ("breathing magenta", "bold magenta"), ("off", "bright_black")],
)
def test_the_led_is_shown_in_its_colour(shown, style):
    text = led_text(shown)
    assert text.plain == f"● {shown}"
    assert {str(span.style) for span in text.spans} == {style}
    assert led_text(None).plain == ""


def told_by(*checks, steps=True, boards=()):
    out = io.StringIO()
    report = TextReport(steps=steps, console=Console(file=out, width=120, highlight=False, soft_wrap=True))
    report.boards = list(boards)
    for each in checks:
        report.checks.append(each)
        report.ended(each)
    report.close()
    return report, out.getvalue()


def test_a_failed_check_is_told_with_its_steps_and_who_is_to_blame():
    entry = Entry(1.0, Kind.SAW, "normal-mode USB", "blinking green")
    failed = Check("test_x", "It connects", "emu:photon", "failed", "not reached", Blame.NETWORK, steps=[entry])
    report, text = told_by(Check("test_y", "It resets", "emu:photon", "passed"), failed, steps=False)
    assert "✓ It resets" in text
    assert "✗ It connects" in text
    assert "saw  normal-mode USB  ● blinking green" in text
    assert "FAIL  1 passed, 1 failed; to blame: the network" in text
    assert not report.passed


def test_nothing_but_skips_is_no_pass():
    report, text = told_by(Check("test_x", "It connects", "usb:x", "skipped", "no cloud"))
    assert "no cloud" in text
    assert "FAIL  nothing was checked: 1 skipped" in text
    assert not report.passed


@pytest.mark.parametrize(
    ("command", "status"),
    [(["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["no-such-program-at-all"], 127), (["/dev/null"], 126)],
)
def test_a_programs_exit_status_is_passed_on(command, status):
    assert run_program(command, {}) == status


def test_a_program_gets_the_environment(tmp_path):
    assert run_program(["sh", "-c", f'echo "$WHERE" > {tmp_path}/told'], {"WHERE": "here"}) == 0
    assert (tmp_path / "told").read_text() == "here\n"


def test_a_real_board_cannot_be_run_with(monkeypatch):
    monkeypatch.setattr(RealHost, "usb_entries", lambda *_, **__: [])
    done = particle_hil("run", "--board", "usb:0123456789abcdef01234567", "--", "true")
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr


def test_of_two_boards_every_line_names_its_own():
    report, text = told_by(
        Check("test_x", "It resets", "emu:photon", "passed"),
        Check("test_x", "It resets", "emu:photon#2", "passed"),
        boards=["emu:photon", "emu:photon#2"],
        steps=False,
    )
    assert "It resets  [emu:photon]" in text
    assert "It resets  [emu:photon#2]" in text
    assert report.passed


def test_a_board_on_which_nothing_was_checked_is_no_pass():
    report, text = told_by(
        Check("test_x", "It resets", "emu:photon", "passed"),
        Check("test_x", "It resets", "usb:x", "skipped", "no buttons"),
        boards=["emu:photon", "usb:x"],
    )
    assert not report.passed
    assert "FAIL  1 passed, 1 skipped; nothing was checked on usb:x" in text


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("check", "--board", "emu:photon", "-k", "tells_who"), 0),
        (("check", "--board", "emu:photon", "-k", "no_such_check"), 3),
        (("check", "--board", "emu:photon", "-k", "a wrong one"), 2),
        (("check", "--board", "emu:toaster"), 2),
        (("check", "--board", "usb:0123456789abcdef01234567"), 4),
        (("check", "--board", "usb:0123456789abcdef01234567", "--board", "emu:photon", "-k", "tells_who"), 4),
        (("check",), 2),
        (("boards", "--colour"), 2),
        (("serve", "--board", "usb:1-1"), 2),
        (("run", "--board", "emu:toaster", "--", "true"), 2),
    ],
)
def test_the_exit_status_is_what_is_promised(monkeypatch, arguments, status):
    monkeypatch.setattr(RealHost, "usb_entries", lambda *_, **__: [])
    monkeypatch.setattr("harness.pool.pool.RETURN", 0.1)
    monkeypatch.delenv("PARTICLE_HIL_BOARD", raising=False)
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert (caught.value.code or 0) == status


def test_nothing_but_skips_is_status_3(monkeypatch, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_nothing.py").write_text("import pytest\ndef test_it(board): pytest.skip('for once')\n")
    monkeypatch.setattr("harness.cli.check.SUITE", tmp_path)
    with pytest.raises(SystemExit) as caught:
        command.main(("check", "--board", "emu:photon"))
    assert caught.value.code == 3


def test_boards_to_check_can_be_named_in_the_environment(monkeypatch):
    monkeypatch.setenv("PARTICLE_HIL_BOARD", "emu:photon emu:photon")
    monkeypatch.setenv("PARTICLE_HIL_CLOUD", "https://api.particle.io")
    result = CliRunner().invoke(check, ["-k", "tells_who", "--json"], standalone_mode=False)
    assert [each["board"] for each in json.loads(result.output)["checks"]] == ["emu:photon", "emu:photon#2"]
    assert result.return_value == 0


def test_boards_that_meet_in_somebody_elses_cloud_have_ids_of_their_users(monkeypatch):
    moniker = Moniker.parse("emu:photon?server=x:1")
    ids = set()
    for user in ("alice", "bob"):
        monkeypatch.setattr("getpass.getuser", lambda user=user: user)
        assert id_abroad(moniker, 0, 0) == id_abroad(moniker, 0, 0)
        ids |= {id_abroad(moniker, 0, 0), id_abroad(moniker, 0, 1), id_abroad(moniker, 1, 0)}
    assert len(ids) == 6
