"""The book of claiming rules is complete, and up to date."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "docs" / "make_claiming_rules.py"


@pytest.fixture(scope="module")
def maker():
    return SimpleNamespace(**runpy.run_path(str(SOURCE)))


def test_there_are_164_rules_each_once(maker):
    ids = [rule["id"] for rule in maker.rules()]
    expected = {f"R{number}" for number in range(1, 161)} | {"R2a", "R17a", "R80a", "R131a"}
    assert len(ids) == len(set(ids)) == 164
    assert set(ids) == expected


def test_every_rule_has_a_test(maker):
    proved = maker.proofs()
    missing = [rule["id"] for rule in maker.rules() if rule["id"] not in proved and "silent" not in rule]
    assert missing == []


def test_every_rule_in_which_a_device_has_a_part_is_proved_by_a_board(maker):
    proved = maker.proofs()
    without = [rule for rule in maker.rules() if maker.way(proved.get(rule["id"], [])) is not maker.Way.BOARD]
    assert [rule["id"] for rule in without if not {"alone", "silent"} & rule.keys()] == []
    assert [rule["id"] for rule in maker.rules() if "alone" in rule and rule not in without] == []


RUN = """
import pytest

@pytest.mark.rule("R1")
def test_passes(): pass

@pytest.mark.rule("R1", "R2")
@pytest.mark.skip(reason="lacks something")
def test_skips(): pass
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 1), (("-n", "2"), 1), (("test_rules.py",), 0), (("-k", "skips"), 0), (("--collect-only",), 0)],
    ids=["all tests", "all tests on two cores", "chosen by file", "chosen by word", "none"],
)
def test_a_run_of_all_tests_fails_when_a_rule_has_none_that_passed(tmp_path, arguments, code):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_rules.py").write_text(RUN)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\nmarkers = rule: rules\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist.plugin", *arguments]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("claiming rules without a passing test: R2\n" in done.stdout) is bool(code)


def test_no_test_marks_a_rule_that_there_is_not(maker):
    assert set(maker.proofs()) <= {rule["id"] for rule in maker.rules()}


def test_the_book_is_up_to_date(maker):
    assert maker.BOOK.read_text(encoding="utf-8") == maker.book(), "run `python docs/make_claiming_rules.py`"
