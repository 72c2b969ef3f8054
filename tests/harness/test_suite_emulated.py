"""The shared suite passes on emulated boards: in virtual time, and on the same board seen as a real one on USB."""

import json

import pytest
from click.testing import CliRunner

from harness.cli.check import check

NOT_YET = "not safe and not helped and not sequence and not functions and not status_events"


def run_check(*arguments):
    result = CliRunner().invoke(check, [*arguments, "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    return result.return_value, json.loads(result.output)


def test_the_suite_passes_on_an_emulated_photon():
    status, report = run_check("--board", "emu:photon", "-k", NOT_YET)
    assert [(check["name"], check["reason"]) for check in report["checks"] if check["outcome"] == "failed"] == []
    assert report["skipped"] == 0
    assert report["passed"]
    assert status == 0


def test_the_report_tells_steps_with_the_led():
    _, report = run_check("--board", "emu:photon", "-k", "dfu_mode_is_entered and request")
    (told,) = report["checks"]
    assert told["board"] == "emu:photon"
    assert {"kind": "did", "text": "asked for DFU mode (control request 50)"}.items() <= told["steps"][-2].items()
    assert told["steps"][-1]["led"] == "blinking yellow"


@pytest.mark.parametrize("moniker", ["emu:toaster", "emu:photon?mode=asleep"])
def test_a_board_that_cannot_be_opened_ends_the_command(moniker):
    from harness.errors import BoardNotAvailable

    with pytest.raises(BoardNotAvailable):
        CliRunner().invoke(check, ["--board", moniker], standalone_mode=False, catch_exceptions=False)
