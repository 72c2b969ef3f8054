"""What a JUnit file keeps: which boards a test had, what its failure is about, what was done and seen."""

import json
import xml.etree.ElementTree as ET
from textwrap import dedent

import pytest
from click.testing import CliRunner

from harness.cli.main import cli

TESTS = """
    import pytest
    from particle_hil import HarnessError, Mode
    from harness.errors import Blame

    @pytest.mark.start(mode="listening")
    def test_passes(board, wifi):
        print("printed by the test")
        board.reset()

    def test_fails(board, wifi):
        board.set_wifi(wifi.ssid, wifi.password)
        board.wait_for(Mode.ONLINE)
        assert board.platform.name == "lamp"

    @pytest.mark.parametrize("blame", [Blame.BOARD, Blame.NETWORK, Blame.CLOUD, Blame.REQUEST], ids=lambda blame: blame.name)
    def test_is_about(board, blame):
        raise HarnessError("it did not", blame=blame)

    def test_in_teardown(board, request):
        request.addfinalizer(lambda: 1 / 0)
        board.enter_dfu()

    def test_several(boards): pass

    def test_skips(board): pytest.skip("for once")

    def test_without(): pass
"""


@pytest.fixture
def cases(run_inside, tmp_path):
    """`cases(*arguments)`: run the tests; gives the cases of the JUnit file by name."""

    def run(*arguments, source=TESTS):
        path = tmp_path / "junit.xml"
        status, output = run_inside(source, *arguments, f"--junitxml={path}")
        assert status in (0, 1, 4), output
        suite = ET.parse(path).getroot().find("testsuite")
        return {case.get("name"): case for case in suite.iter("testcase")}, suite

    return run


def properties(case):
    return [(each.get("name"), each.get("value")) for each in case.iter("property")]


BOARD = [
    ("device_id", "5100d7000547343438373634"),
    ("board", "emu:photon"),
    ("port", "1-1"),
    ("platform", "photon"),
    ("device_os", "2.3.1"),
    ("kind", "emu"),
]


def test_a_test_case_tells_of_its_board(cases):
    found, _ = cases("--board", "emu:photon", "--seed", "0")
    assert properties(found["test_passes[emu:photon]"]) == [*BOARD, ("seed", "0")]
    assert properties(found["test_skips[emu:photon]"]) == [*BOARD, ("seed", "0")]
    assert properties(found["test_without"]) == []
    assert found["test_without"].find("system-out") is None


def test_a_failure_tells_what_it_is_about(cases):
    found, suite = cases("--board", "emu:photon")
    about = {name: dict(properties(case)).get("outcome_class") for name, case in found.items()}
    assert about["test_passes[emu:photon]"] is None
    assert about["test_fails[emu:photon]"] == about["test_in_teardown[emu:photon]"] == "product"
    shown = {name: about[f"test_is_about[emu:photon-{name}]"] for name in ("BOARD", "NETWORK", "CLOUD", "REQUEST")}
    assert shown == {"BOARD": "board", "NETWORK": "network", "CLOUD": "cloud", "REQUEST": "product"}
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("5", "1", "1")


def test_the_journal_is_in_the_output_of_each_test(cases):
    found, _ = cases("--board", "emu:photon")
    passed = found["test_passes[emu:photon]"].find("system-out").text
    assert passed.splitlines()[0] == "Photon 5100d7000547343438373634 at USB port 1-1"
    assert "did  asked for a reset (control request 40)" in passed
    assert "the credentials" not in passed, "it is of this test only"
    assert "did  asked for DFU mode" in found["test_in_teardown[emu:photon]"].find("system-out").text


def test_the_journal_of_a_failure_tells_what_happened_meanwhile(cases):
    found, _ = cases("--board", "emu:photon", "--board", "emu:photon?mode=dfu")
    lines = found["test_fails[emu:photon]"].find("system-out").text.splitlines()
    assert len([line for line in lines if line.startswith("Photon")]) == 1, "it is of this board only"
    moments = [float(line.split(" s  ")[0]) for line in lines[1:]]
    assert moments == sorted(moments)
    for seen in ("did  gave it", "log  LED: blinking green", "log  console: Password: ***", "log  cloud: ", "saw  connected"):
        assert any(seen in line for line in lines), seen
    assert "a long enough secret" not in ET.tostring(found["test_fails[emu:photon]"], encoding="unicode")


def test_what_a_test_printed_stays_beside_the_journal(cases):
    found, _ = cases("--board", "emu:photon", "-o", "junit_logging=system-out")
    (out,) = found["test_passes[emu:photon]"].findall("system-out")
    assert "printed by the test" in out.text
    assert "did  asked for a reset" in out.text


def test_each_of_several_boards_is_told_of(cases):
    found, _ = cases("--board", "emu:photon*2")
    told = dict(properties(found["test_several"]))
    assert (told["board"], told["port"]) == ("emu:photon", "1-1")
    assert (told["board.2"], told["port.2"], told["kind.2"]) == ("emu:photon#2", "1-2", "emu")


def test_a_check_writes_the_same(tmp_path):
    path = tmp_path / "check.xml"
    result = CliRunner().invoke(cli, ["check", "--board", "emu:photon", "-k", "tells_who", "--json", "--junitxml", str(path)])
    assert json.loads(result.stdout)["passed"]
    (case,) = ET.parse(path).getroot().iter("testcase")
    assert dict(properties(case))["platform"] == "photon"
    assert "did  asked the board who it is, over USB" in case.find("system-out").text


@pytest.mark.parametrize("name", ["missing/check.xml", "."])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_checked(tmp_path, name):
    result = CliRunner().invoke(cli, ["check", "--board", "emu:photon", "--junitxml", str(tmp_path / name)])
    assert result.exit_code == 2
    assert "--junitxml" in result.stderr
    assert result.stdout == ""


AGAIN = """
    import pytest
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        for report in [*runtestprotocol(item, nextitem=nextitem, log=False)] and runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
        return True
"""


def test_a_test_that_is_run_again_is_told_of_as_if_it_had_run_once(cases, tmp_path):
    (tmp_path / "tests/conftest.py").write_text(dedent(AGAIN))
    source = """
        runs = []

        def test_it(board):
            runs.append(board)
            board.reset()
            assert len(runs) == 2
    """
    found, _ = cases("--board", "emu:photon", source=source)
    assert properties(found["test_it[emu:photon]"]) == [*BOARD, ("seed", "0")]
    assert found["test_it[emu:photon]"].find("system-out").text.count("asked for a reset") == 1
